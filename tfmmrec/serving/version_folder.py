"""Finds the version of an exported model to serve; needs no TensorFlow, which takes seconds."""

from pathlib import Path

from tfmmrec.errors import DataError
from tfmmrec.models.run_file import RUN

_GRAPH = "saved_model.pb"


def newest_version(model_dir: Path) -> Path:
    """Returns the folder with the highest number; leading zeros are allowed, as in 00000123.

    Args:
        model_dir: the folder of the model, MODELS/NAME.

    Raises:
        DataError: there is none; the message says what the folder is instead.
    """
    if not model_dir.is_dir():
        raise DataError(
            f"{model_dir}: no such folder; give MODELS/NAME, which tfmmrec export makes at its end"
        )
    versions = _versions(model_dir)
    if versions:
        return max(versions, key=lambda path: int(path.name))
    raise DataError(f"{model_dir}: {_why_none(model_dir)}")


def _versions(model_dir: Path) -> list[Path]:
    return [path.parent for path in model_dir.glob(f"*/{_GRAPH}") if _is_version(path.parent.name)]


def _is_version(name: str) -> bool:
    return name.isascii() and name.isdecimal()


def _why_none(model_dir: Path) -> str:
    if (model_dir / _GRAPH).is_file():
        return f"is a version of a model; give the folder that it is in, {model_dir.parent}"
    if (model_dir / RUN).is_file():
        return f"is a run; tfmmrec export {model_dir} --out MODELS/NAME makes a model of it"
    models = sorted(path for path in model_dir.iterdir() if path.is_dir() and _versions(path))
    if models:
        return f"is a folder of models; give one of them, such as {models[0]}"
    names = [path.name for path in model_dir.iterdir() if path.is_dir()]
    # While it is written, a version has a name such as .1.x7k2.
    partial = [name for name in names if name.startswith(".") and _is_version(name.split(".")[1])]
    if partial:
        return (
            f"has no complete version; an export is writing {partial[0]}, or was interrupted: wait "
            "for tfmmrec export, or run it again"
        )
    if incomplete := [name for name in names if _is_version(name)]:
        return (
            f"version {incomplete[0]} has no {_GRAPH}, so it is not complete; wait for the copy of "
            "it, or export again"
        )
    return "no version here, such as 1/; give MODELS/NAME"
