"""Opens the files of text tables, compressed or not."""

import io
import lzma
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

# By the first bytes of a file, whatever its name.
_CODECS = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
}
_XZ = b"\xfd7zXZ\x00"
_BUFFER_BYTES = 1 << 20

COMPRESSED = frozenset({".gz", ".bz2", ".zst", ".lz4", ".xz"})


def open_bytes(path: Path) -> BinaryIO:
    """Opens a file for reading, decompressed if it is gzip, bzip2, zstd, lz4 or xz.

    Raises:
        OSError: the file cannot be opened. Reading a damaged file raises OSError as well.
    """
    file = path.open("rb")
    start = file.peek(len(_XZ))[: len(_XZ)]  # type: ignore[attr-defined]
    for magic, codec in _CODECS.items():
        if start.startswith(magic):
            raw = pa.CompressedInputStream(pa.PythonFile(file), codec)
            return io.BufferedReader(raw, _BUFFER_BYTES)  # type: ignore[arg-type]
    if start == _XZ:
        return io.BufferedReader(cast(io.RawIOBase, _Xz(file)), _BUFFER_BYTES)
    return file


class _Xz(lzma.LZMAFile):
    """An xz file whose damage is an OSError, like that of other compressed files."""

    def readinto(self, buffer: object) -> int:
        try:
            return super().readinto(buffer)  # type: ignore[arg-type]
        except (EOFError, lzma.LZMAError) as error:
            raise OSError(str(error)) from None
