"""Where a handle leads: the local folder of a SavedModel."""

import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

import tensorflow_hub as hub
from tensorflow_hub.resolver import tfhub_cache_dir

from tfmmrec.data.storage import checksum, whole_folder
from tfmmrec.errors import ConfigError, DataError, one_line

SAVED_MODEL = "saved_model.pb"


def resolve(handle: str) -> Path:
    """Returns the local folder of a module.

    What has to be fetched or unpacked is kept in the folder that TFHUB_CACHE_DIR names, by default
    `tfhub_modules` among the temporary files.

    Args:
        handle: a folder, a .tar.gz, .tgz or .tar of one, or the address of one, such as
            https://tfhub.dev/google/yamnet/1 or https://www.kaggle.com/models/google/yamnet/….

    Raises:
        ConfigError: there is no such thing, the address does not answer, or it is no SavedModel.
    """
    if "://" in handle:
        folder = _fetched(handle)
    elif Path(handle).is_dir():
        folder = Path(handle)
    elif Path(handle).is_file():
        folder = _unpacked(handle)
    else:
        raise ConfigError(
            f"encoder {handle}: there is no such folder or file; "
            "give a folder, a .tar.gz or an address (https://…)"
        )
    if not (folder / SAVED_MODEL).is_file():
        raise ConfigError(f"encoder {handle}: the folder holds no {SAVED_MODEL}")
    return folder


def _fetched(handle: str) -> Path:
    try:
        return Path(hub.resolve(handle))
    except Exception as error:  # urllib, tarfile and tf.io each raise their own.
        raise ConfigError(f"encoder {handle}: cannot be fetched: {one_line(error)}") from None


def _unpacked(handle: str) -> Path:
    """Unpacks an archive, once for equal bytes, wherever they lie."""
    try:
        folder = Path(tfhub_cache_dir(use_temp=True)) / checksum(Path(handle))
        if not folder.is_dir():
            _unpack(handle, folder)
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise ConfigError(
            f"encoder {handle}: no .tar.gz of a SavedModel that can be unpacked: {error}"
        ) from None
    within = [path for path in folder.iterdir() if path.is_dir()]
    if not (folder / SAVED_MODEL).is_file() and len(within) == 1:
        return within[0]  # packed with the folder that it was in
    return folder


def _unpack(handle: str, folder: Path) -> None:
    try:
        with whole_folder(folder) as partial:
            _extract(handle, partial)
    except (DataError, OSError):
        if not folder.is_dir():  # else another process was faster
            raise


def _extract(handle: str, folder: Path) -> None:
    """Writes the files of an archive below `folder`; anything else in it is refused.

    `tarfile`'s own filters came with Python 3.11.4 only.
    """
    with tarfile.open(handle) as archive:
        for member in archive:
            name = PurePosixPath(member.name)
            if name.is_absolute() or ".." in name.parts:
                raise ConfigError(
                    f"encoder {handle}: refused, for {member.name!r} in it leads out of its folder"
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
                    f"encoder {handle}: refused, for {member.name!r} in it is no file and no folder"
                )
