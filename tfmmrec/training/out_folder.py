"""The folder that a training writes, and that of its unfinished work beside it."""

from pathlib import Path

from tfmmrec.data.storage import refuse_existing
from tfmmrec.errors import DataError
from tfmmrec.models.output_path import check_output_path


def partial_folder(out: Path) -> Path:
    """Returns the folder of the logs and checkpoints of a training until it is complete."""
    return out.with_name(out.name + ".partial")


def check_out(out: Path, *, resume: bool) -> None:
    """Raises DataError if `out` exists, is inside a run or a data folder, or is unfinished.

    Args:
        out: the run folder to write.
        resume: whether unfinished work is to be resumed.
    """
    refuse_existing(out)
    check_output_path("--out", out)
    partial = partial_folder(out)
    if partial.exists() and not resume:
        raise DataError(f"{partial}: a training was stopped here; add --resume or remove it")
