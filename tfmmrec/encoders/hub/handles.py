"""Resolves the handle of a module to a local folder with a SavedModel."""

import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from tfmmrec.data.storage import checksum, remove_folder
from tfmmrec.data.whole_folder import whole_folder
from tfmmrec.errors import ConfigError, one_line

SAVED_MODEL = "saved_model.pb"
_MODULE = "module"


def resolve(handle: str) -> Path:
    """Returns the local folder of a module.

    Downloaded and unpacked modules are cached in the folder TFHUB_CACHE_DIR (default:
    `tfhub_modules` in the folder of temporary files).

    Args:
        handle: a folder, an archive of one (.tar.gz, .tgz or .tar), or its URL, such as
            https://tfhub.dev/google/yamnet/1 or https://www.kaggle.com/models/google/yamnet/….

    Raises:
        ConfigError: the handle does not exist, the download fails, or it is no SavedModel.
    """
    if "://" in handle:
        folder = _download(handle)
    elif Path(handle).is_dir():
        folder = Path(handle)
    elif Path(handle).is_file():
        folder = _unpacked_folder(handle)
    else:
        raise ConfigError(
            f"encoder {handle}: no such folder or file; "
            "give a folder, a .tar.gz or a URL (https://…)"
        )
    if not (folder / SAVED_MODEL).is_file():
        what = "archive" if Path(handle).is_file() else "folder"
        raise ConfigError(f"encoder {handle}: the {what} has no {SAVED_MODEL}")
    return folder


def _download(handle: str) -> Path:
    import tensorflow_hub as hub

    try:
        folder = Path(hub.resolve(handle))
        if _lost_file(folder) is not None:
            remove_folder(folder)
            folder = Path(hub.resolve(handle))
    except Exception as error:  # urllib, tarfile and tf.io each raise their own.
        raise ConfigError(f"encoder {handle}: cannot be downloaded: {one_line(error)}") from None
    return folder


def _lost_file(folder: Path) -> str | None:
    """A file that every SavedModel has and a downloaded one lacks, if it is in TFHUB_CACHE_DIR."""
    from tensorflow_hub.resolver import tfhub_cache_dir

    if folder.resolve().parent != Path(tfhub_cache_dir(use_temp=True)).resolve():
        return None
    variables = folder / "variables"
    parts = [path.name for path in variables.glob("variables.data-*")]
    # The names of parts end in their number, such as -of-00002.
    names = [SAVED_MODEL]
    if variables.is_dir():
        names.append("variables/variables.index")
        total = max((int(part.rpartition("-of-")[2]) for part in parts), default=1)
        names += [
            f"variables/variables.data-{number:05d}-of-{total:05d}" for number in range(total)
        ]
    return next((name for name in names if not (folder / name).is_file()), None)


def _unpacked_folder(handle: str) -> Path:
    """Unpacks an archive once; copies of it elsewhere are recognized by their checksum."""
    from tensorflow_hub.resolver import tfhub_cache_dir

    try:
        folder = Path(tfhub_cache_dir(use_temp=True)) / f"unpacked.{checksum(Path(handle))}"
        # In a folder of its own, since the files beside it would change the module's fingerprint.
        whole_folder(folder, lambda partial: _extract(handle, partial / _MODULE))
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"encoder {handle}: is not a valid .tar.gz archive: {error}") from None
    folder = folder / _MODULE
    if not folder.is_dir():
        raise ConfigError(f"encoder {handle}: the archive is empty")
    subfolders = [path for path in folder.iterdir() if path.is_dir()]
    if not (folder / SAVED_MODEL).is_file() and len(subfolders) == 1:
        return subfolders[0]  # packed together with its folder
    return folder


def _extract(handle: str, folder: Path) -> None:
    """Writes the regular files of an archive below `folder`, and refuses other members.

    Not by the filters of `tarfile`, which need Python 3.11.4.
    """
    with tarfile.open(handle) as archive:
        for member in archive:
            name = PurePosixPath(member.name)
            if name.is_absolute() or ".." in name.parts:
                raise ConfigError(
                    f"encoder {handle}: unsafe archive: {member.name!r} lies outside of its folder"
                )
            target = folder / name
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
            elif member.isfile():
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.extractfile(member) as packed, target.open("wb") as file:  # type: ignore[union-attr]
                    shutil.copyfileobj(packed, file)
            else:
                raise ConfigError(
                    f"encoder {handle}: unsafe archive: {member.name!r} is neither a file nor a "
                    "folder"
                )
