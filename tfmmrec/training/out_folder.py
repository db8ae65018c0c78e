"""The folder that a training writes, and that of its unfinished work beside it."""

from pathlib import Path

from tfmmrec.data.storage import refuse_existing
from tfmmrec.errors import DataError


def partial_folder(out: Path) -> Path:
    """Returns the folder of the logs and checkpoints of a training until it is complete."""
    return out.with_name(out.name + ".partial")


def check_out(out: Path, *, resume: bool) -> None:
    """Raises DataError if `out` exists, or unfinished work that is not to be resumed."""
    refuse_existing(out)
    partial = partial_folder(out)
    if partial.exists() and not resume:
        raise DataError(f"{partial}: a training was stopped here; add --resume or remove it")
