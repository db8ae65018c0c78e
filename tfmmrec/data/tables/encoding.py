"""Reads a file of text in any encoding as blocks of UTF-8."""

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tfmmrec.errors import DataError

# UTF-32 first: its mark begins with that of UTF-16.
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_INVALID = "tfmmrec.invalid"


def codec_name(encoding: str) -> str:
    """Returns Python's name of an encoding, such as "iso8859-1" of "latin-1".

    Raises:
        LookupError: Python has no such codec, or it does not decode text.
        UnicodeError: the codec cannot mark invalid bytes, as punycode and idna cannot.
    """
    b"\xff".decode(encoding, _INVALID)
    return codecs.lookup(encoding).name


def read_utf8(
    file: BinaryIO, path: Path, encoding: str | None, block_bytes: int
) -> Iterator[bytes]:
    """Streams a file as UTF-8, without its byte order mark.

    Bytes that the encoding does not have become bytes that UTF-8 does not have, so that only
    their own values are rejected.

    Args:
        file: the open file.
        path: its path, for messages.
        encoding: its encoding; by default that of its byte order mark, or else UTF-8.
        block_bytes: the number of bytes to read at once.

    Raises:
        DataError: the file looks like UTF-16 or like another format, or is not in the encoding.
    """
    start = file.read(4096)
    marked = next((name for mark, name in _MARKS.items() if start.startswith(mark)), None)
    if encoding is None and marked is None:
        _refuse_binary(start, path)
    if encoding and marked and not encoding.startswith(marked):
        raise DataError(
            f"{path}: its byte order mark is that of {marked}. Received: encoding {encoding}; "
            "remove the key encoding"
        )
    if encoding in ("utf-16", "utf-32") and start and not marked:
        raise DataError(
            f"{path}: encoding {encoding} needs a byte order mark, and the file has none; give "
            f"{encoding}-le or {encoding}-be, or remove the key encoding if it is UTF-8"
        )
    encoding = encoding or marked or "utf-8"
    blocks = _blocks(start, file, block_bytes)
    if encoding in ("utf-8", "utf-8-sig"):
        num_skipped = len(codecs.BOM_UTF8) if marked else 0
        for block in blocks:
            yield block[num_skipped:]
            num_skipped = max(0, num_skipped - len(block))
        return
    decoder = codecs.getincrementaldecoder(encoding)(_INVALID)
    is_first = True
    for block in blocks:
        text = decoder.decode(block, final=not block)
        if text:
            text, is_first = text.removeprefix("\ufeff") if is_first else text, False
        yield text.encode("utf-8", "surrogatepass")


def _blocks(start: bytes, file: BinaryIO, block_bytes: int) -> Iterator[bytes]:
    """Yields the blocks of a file and b"" at its end."""
    for at in range(0, len(start), block_bytes):
        yield start[at : at + block_bytes]
    yield from iter(lambda: file.read(block_bytes), b"")
    yield b""


def _refuse_binary(start: bytes, path: Path) -> None:
    if not start.count(0):
        return
    zeros = [start[parity::2].count(0) * 4 > len(start) for parity in (0, 1)]
    if any(zeros):
        guess = "utf-16-be" if zeros[0] else "utf-16-le"
        raise DataError(
            f"{path}: it looks like UTF-16; give encoding: {guess}, or save it as UTF-8"
        )


def _replace_invalid(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    invalid = error.object[error.start : error.end]
    return "".join(chr(0xDC00 + byte) for byte in invalid), error.end


codecs.register_error(_INVALID, _replace_invalid)
