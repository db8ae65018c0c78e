"""Resolves the handle of a module to a local folder with a SavedModel."""

import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from tfmmrec.data.storage import atomic_folder, checksum
from tfmmrec.errors import ConfigError, DataError, one_line

SAVED_MODEL = "saved_model.pb"


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
        raise ConfigError(f"encoder {handle}: the folder has no {SAVED_MODEL}")
    return folder


def _download(handle: str) -> Path:
    import tensorflow_hub as hub

    try:
        return Path(hub.resolve(handle))
    except Exception as error:  # urllib, tarfile and tf.io each raise their own.
        raise ConfigError(f"encoder {handle}: cannot be downloaded: {one_line(error)}") from None


def _unpacked_folder(handle: str) -> Path:
    """Unpacks an archive once; copies of it elsewhere are recognized by their checksum."""
    from tensorflow_hub.resolver import tfhub_cache_dir

    try:
        folder = Path(tfhub_cache_dir(use_temp=True)) / checksum(Path(handle))
        if not folder.is_dir():
            _unpack(handle, folder)
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"encoder {handle}: is not a valid .tar.gz archive: {error}") from None
    subfolders = [path for path in folder.iterdir() if path.is_dir()]
    if not (folder / SAVED_MODEL).is_file() and len(subfolders) == 1:
        return subfolders[0]  # packed together with its folder
    return folder


def _unpack(handle: str, folder: Path) -> None:
    try:
        with atomic_folder(folder) as partial:
            _extract(handle, partial)
    except (DataError, OSError):
        if not folder.is_dir():  # otherwise another process has unpacked it meanwhile
            raise


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
