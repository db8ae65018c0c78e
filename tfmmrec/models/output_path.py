"""Where results may be written: outside data folders and runs, which list their own files."""

from pathlib import Path

from tfmmrec.data.storage import MANIFEST, read_json
from tfmmrec.errors import DataError
from tfmmrec.models.run_file import RUN

# The file that marks a folder, a key that it has, and what the folder is called.
_MARKS = ((MANIFEST, "files", "data folder"), (RUN, "manifest_sha256", "run folder"))


def check_output_path(option: str, path: str | Path | None) -> None:
    """Checks that a file or folder to write is not in a data folder or a run folder.

    `tfmmrec check` would report it as a file that the manifest does not list.

    Args:
        option: by which the path was given, for the message: `--report`.
        path: the file or folder to write; None is accepted.

    Raises:
        DataError: the path is such a folder, or is inside one.
    """
    if path is None:
        return
    resolved = Path(path).resolve()
    for folder in (resolved, *resolved.parents):
        kind = _kind(folder)
        if kind is not None:
            where = f"is a {kind}" if folder == resolved else f"is inside the {kind} {folder}"
            raise DataError(f"{path}: {where}; choose another {option}")


def _kind(folder: Path) -> str | None:
    """`data folder` or `run folder`; None for any other folder."""
    for name, key, kind in _MARKS:
        try:
            # Other programs write files of these names too.
            if (folder / name).is_file() and key in read_json(folder / name):
                return kind
        except (OSError, TypeError, DataError):
            continue
    return None
