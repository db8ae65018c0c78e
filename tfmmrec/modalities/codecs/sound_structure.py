"""The chunks of sound files: whether a file is cut off, and headers that know no length."""

import math
import re
import struct
from collections.abc import Iterator

from tfmmrec.errors import BrokenValue

# What recorders and pipes write for a length that they do not know: 0, and numbers from about 2 GB.
_UNKNOWN_32, _UNKNOWN_64 = 0x7F000000, 1 << 62
_WAV_CHUNKS = (b"fmt ", b"fact", b"data", b"LIST", b"bext", b"id3 ", b"PEAK", b"cue ", b"smpl")


def mend_wav(data: bytes) -> bytes:
    """Returns a WAV (or RF64) file whose header says how much there is.

    A length that the header does not know, as of a recording that came through a pipe, is that of
    the rest of the file. A chunk of odd length without a byte of padding is read as it is meant.

    Raises:
        BrokenValue: the header says that more should follow.
    """
    form, at, regular = [], 12, True
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        if name == b"data":
            break
        end = at + 8 + size + size % 2
        if (
            size % 2
            and data[end - 1 : end + 3] in _WAV_CHUNKS
            and data[end : end + 4] not in _WAV_CHUNKS
        ):
            end, regular = end - 1, False
        if name in (b"fmt ", b"fact"):
            form.append(data[at : at + 8 + size])
        elif name == b"ds64" and at + 24 <= len(data):
            regular = regular and struct.unpack_from("<Q", data, at + 16)[0] not in (0, 2**64 - 1)
        at = end
    else:
        return data  # libsndfile says what it misses
    start, found = at + 8, len(data) - at - 8
    if data.startswith((b"RF64", b"BW64")):
        size = _rf64_size(data) if size == 0xFFFFFFFF else size
    unknown = size >= _UNKNOWN_32 or (size == 0 and found > 0 and not _are_chunks(data, start))
    if size > found and not unknown:
        raise BrokenValue(f"sound cut off: {found} of {size} bytes are present")
    if regular and not unknown:
        return data
    size = found if unknown else size
    body = (
        b"".join(part + bytes(len(part) % 2) for part in form) + b"data" + struct.pack("<I", size)
    )
    content = body + data[start : start + size]
    return b"RIFF" + struct.pack("<I", 4 + len(content)) + b"WAVE" + content


def wav_codec(data: bytes) -> int:
    """Returns the number of the codec in a WAV file, 0 if there is none."""
    return int.from_bytes(data[(at := data.find(b"fmt ", 12) + 8) : at + 2], "little")


def _rf64_size(data: bytes) -> int:
    """Returns the length of the samples in the chunk ds64, 0 if it is unknown."""
    at = data.find(b"ds64", 12, 64)
    size = struct.unpack_from("<Q", data, at + 16)[0] if 0 < at <= len(data) - 24 else 0
    return 0 if size >= _UNKNOWN_64 else size


def _are_chunks(data: bytes, at: int) -> bool:
    """Returns whether the rest of a RIFF file is a row of chunks."""
    while at + 8 <= len(data) and data[at : at + 4].isascii() and data[at : at + 4].isalnum():
        at += 8 + struct.unpack_from("<I", data, at + 4)[0]
        at += at % 2
    return at >= len(data)


def refuse_cut_off(data: bytes) -> None:
    """Raises BrokenValue for a file that its header says is longer.

    Of AIFF, AU, CAF, W64, NIST and AVI, libsndfile and FFmpeg would take what is there for the
    whole sound.
    """
    for start, size in _promised(data):
        if 0 < size < _UNKNOWN_32 and start + size > len(data):
            raise BrokenValue(f"sound cut off: {len(data) - start} of {size} bytes are present")


def _promised(data: bytes) -> Iterator[tuple[int, int]]:
    """Yields start and length of the samples by the header."""
    if data.startswith(b".snd") and len(data) >= 24:
        yield struct.unpack_from(">II", data, 4)
    elif data.startswith(b"FORM"):
        yield from _chunks(data, 12, ">4sI", b"SSND", even=2)
    elif data.startswith(b"caff"):
        yield from _chunks(data, 8, ">4sq", b"data")
    elif data.startswith(b"NIST_1A"):
        found = dict(re.findall(rb"^(\w+) -i (\d+)", data[:1024], re.MULTILINE))
        names = (b"sample_count", b"channel_count", b"sample_n_bytes")
        yield int(data[8:16]), math.prod(int(found.get(name, 0)) for name in names)
    elif data.startswith(b"RIFF"):
        yield 8, int.from_bytes(data[4:8], "little")
    elif data.startswith(b"riff"):  # W64: GUIDs, and lengths that include the chunk's header
        yield from _chunks(data, 40, "<4s12xq", b"data", even=8, counted=24)


def _chunks(
    data: bytes, at: int, form: str, wanted: bytes, *, even: int = 1, counted: int = 0
) -> Iterator[tuple[int, int]]:
    head = struct.calcsize(form)
    while at + head <= len(data):
        name, size = struct.unpack_from(form, data, at)
        size -= counted
        if name == wanted:
            yield at + head, size
        if size < 0:
            return
        at += head + -(-size // even) * even


def ogg_links(data: bytes) -> list[bytes]:
    """Parts an Ogg file into the streams that follow each other, as internet radio writes them.

    Raises:
        BrokenValue: the last page is incomplete or is not marked as the last of its stream.
    """
    starts: list[int] = []
    at, inside, flags, end = 0, False, 0, 0
    while (at := data.find(b"OggS", at)) >= 0:
        if at + 27 > len(data) or at + 27 + data[at + 26] > len(data):
            raise BrokenValue("sound cut off inside the header of an Ogg page")
        flags, segments = data[at + 5], data[at + 26]
        # Bit 2 of the flags marks the first page of a stream.
        if flags & 2 and (inside or not starts):
            starts.append(at)
        inside = not flags & 2
        at = end = at + 27 + segments + sum(data[at + 27 : at + 27 + segments])
    # Bit 4 marks the last.
    if not flags & 4 or end > len(data):
        raise BrokenValue("sound cut off: the Ogg stream does not end")
    return [data[a:b] for a, b in zip(starts, [*starts[1:], len(data)], strict=True)] or [data]
