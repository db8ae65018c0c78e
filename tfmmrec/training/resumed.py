"""What a resumed training reads from its checkpoints."""

from typing import Any


def resumed_line(
    folder: str, position: tuple[int, int], best: dict[str, Any], *, is_complete: bool
) -> str:
    """Says from where a training continues, or that none of it is left to do.

    Args:
        folder: of the checkpoints.
        position: the epoch to resume with, from 0, and the number of its steps that are done.
        best: the entry of the best epoch so far; empty before the end of the first.
        is_complete: whether there is no epoch left to train.
    """
    epoch, step = position
    if is_complete:
        return (
            f"complete: {epoch} epochs, the best of which is {best['epoch']}; its weights are read "
            f"from {folder}"
        )
    done = f"step {step} of epoch {epoch + 1}" if step else f"epoch {epoch}"
    return f"resumed after {done}, from {folder}"
