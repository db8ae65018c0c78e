"""The frames of an MP3, which say how long it is; its headers often do not."""

import dataclasses
import functools

from tfmmrec.errors import BrokenValue

# kbit/s by (layer, whether MPEG 1) and index; index 0 is free format.
_MPEG2_LOW = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_BITRATES = {
    (1, True): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (2, True): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (3, True): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (1, False): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, False): _MPEG2_LOW,
    (3, False): _MPEG2_LOW,
}
_RATES = {0: (11025, 12000, 8000), 2: (22050, 24000, 16000), 3: (44100, 48000, 32000)}
# So many frames in a row are no coincidence.
_CHAIN = 4
# How far behind an ID3 tag the first frame may be, and how long a frame of free format.
_MAX_LEAD, _MAX_FREE_FRAME = 1 << 16, 1 << 13
_TAGS = (b"TAG", b"APETAGEX", b"LYRICSBEGIN", b"ID3")
# An index of bit rates at which the smallest frame has room for a number of frames.
_ROOMY = 9


@dataclasses.dataclass(frozen=True)
class Mp3:
    """An MP3 as libsndfile reads it to its end.

    Attributes:
        data: the frames alone, behind a header that states how many they are.
        samples: the number of samples of a channel in all frames together.
    """

    data: bytes
    samples: int


@dataclasses.dataclass(frozen=True)
class _Run:
    """Frames that follow each other, from `start` to `end`; `form` is in what they must agree."""

    start: int
    end: int
    frames: int
    form: tuple[int, int, bool]


def read_mp3(data: bytes) -> Mp3 | None:
    """Finds the frames of an MP3.

    Tags, cover pictures, the rest of a frame at the start, and damaged parts are passed over. What
    a header (of Xing, LAME or VBRI) says of the length is corrected: many say nothing, and
    libsndfile then takes an estimate by the first frame and the size of the file for the truth.

    Returns:
        The frames, or None if the file has none.

    Raises:
        BrokenValue: the sampling rate or the number of channels changes within the file.
    """
    start = _after_tags(data)
    runs: list[_Run] = []
    at = start if _is_start(data, start) else _next_frame(data, start, start + _MAX_LEAD)
    while at is not None:
        runs.append(_run(data, at))
        at = _next_frame(data, runs[-1].end, len(data))
    if not runs:
        return None
    counts: dict[tuple, int] = {}
    for run in runs:
        counts[run.form] = counts.get(run.form, 0) + run.frames
    form = max(counts, key=lambda form: counts[form])
    frames, others = counts.pop(form), sum(counts.values())
    if others > _CHAIN + frames // 100:
        raise BrokenValue("the sampling rate or the channels of the MP3 change within the file")
    stream = b"".join(data[run.start : run.end] for run in runs if run.form == form)
    return _with_count(stream, frames)


def _run(data: bytes, start: int, *, max_frames: int | None = None) -> _Run:
    form, free, at, frames = _form(data, start), _free_length(data, start), start, 0
    while frames != max_frames and (length := _length(data, at, free)) and _form(data, at) == form:
        if at + length > len(data):
            break
        at += length
        frames += 1
    return _Run(start, max(at, start + 1), frames, form)


def _with_count(stream: bytes, frames: int) -> Mp3:
    """Puts the number of frames into the header of Xing or LAME, or a new one in front."""
    first = _length(stream, 0, _free_length(stream, 0))
    mpeg1, mono = stream[1] >> 3 & 3 == 3, stream[3] >> 6 == 3
    tag = 4 + ((17 if mono else 32) if mpeg1 else (9 if mono else 17))
    samples = _samples(stream[1])
    if stream[1] >> 1 & 3 != 1:  # layers I and II have no such header
        return Mp3(stream, frames * samples)
    if stream[tag : tag + 4] in (b"Xing", b"Info") and stream[tag + 7] & 1:
        known = (frames - 1).to_bytes(4, "big")
        if stream[tag + 7] & 2:  # the number of bytes follows
            known += len(stream).to_bytes(4, "big")
        stream = stream[: tag + 8] + known + stream[tag + 8 + len(known) :]
        return Mp3(stream, (frames - 1) * samples)
    if stream[tag : tag + 4] in (b"Xing", b"Info") or stream[36:40] == b"VBRI":
        stream, frames = stream[first:], frames - 1
    index = stream[2] >> 4 and _ROOMY
    header = bytes([0xFF, stream[1] | 1, index << 4 | stream[2] & 0x0C, stream[3]])
    length = _length(header, 0, first)
    body = b"Info" + (1).to_bytes(4, "big") + frames.to_bytes(4, "big")
    front = (header + bytes(tag - 4) + body).ljust(length, b"\0")
    return Mp3(front + stream, frames * samples)


def _after_tags(data: bytes) -> int:
    at = 0
    while data[at : at + 3] == b"ID3" and at + 10 <= len(data):
        size = 0
        for byte in data[at + 6 : at + 10]:
            size = size << 7 | byte & 0x7F
        behind = at + 10 + size + 10 * (data[at + 5] >> 4 & 1)
        if behind >= len(data):
            break
        at = behind
    return at


def _is_start(data: bytes, at: int) -> bool:
    """Returns whether a frame is just where frames should begin, and one follows."""
    return _length(data, at, _free_length(data, at)) > 0 and _run(data, at, max_frames=2).frames > 1


def _next_frame(data: bytes, at: int, limit: int) -> int | None:
    """Returns where the next frame is that others follow, up to the end or a tag."""
    while (at := data.find(b"\xff", at, limit)) >= 0:
        if _length(data, at, free := _free_length(data, at)):
            form, end, frames = _form(data, at), at, 0
            while frames < _CHAIN and (length := _length(data, end, free)):
                if _form(data, end) != form or end + length > len(data):
                    break
                end += length
                frames += 1
            last = end + 4 > len(data) or _length(data, end, free) or data.startswith(_TAGS, end)
            if frames == _CHAIN or (frames > 1 and last):
                return at
        at += 1
    return None


def _form(data: bytes, at: int) -> tuple[int, int, bool]:
    """Returns version and layer, rate, and whether there is one channel."""
    head = data[at + 1 : at + 4].ljust(3, b"\0")
    return head[0] & 0x1E, head[1] & 0x0C, head[2] >> 6 == 3


def _length(data: bytes, at: int, free: int) -> int:
    """Returns the length of the frame at a position, 0 if there is none."""
    if at + 4 > len(data) or data[at] != 0xFF or data[at + 3] & 3 == 2:
        return 0
    length = _frame_length(data[at + 1], data[at + 2])
    return free + (data[at + 2] >> 1 & 1) if length < 0 and free else max(0, length)


@functools.cache
def _frame_length(second: int, third: int) -> int:
    """Returns the length of a frame by two bytes of its header; 0 if invalid, -1 if free."""
    version, layer = second >> 3 & 3, 4 - (second >> 1 & 3)
    index, rate_index, padding = third >> 4, third >> 2 & 3, third >> 1 & 1
    if second < 0xE0 or version == 1 or layer == 4 or index == 15 or rate_index == 3:
        return 0
    if index == 0:
        return -1
    rate = _RATES[version][rate_index]
    bitrate = 1000 * _BITRATES[layer, version == 3][index]
    if layer == 1:
        return (12 * bitrate // rate + padding) * 4
    return _samples(second) // 8 * bitrate // rate + padding


def _samples(second: int) -> int:
    """Returns the number of samples of a frame, by the second byte of its header."""
    version, layer = second >> 3 & 3, 4 - (second >> 1 & 3)
    return 384 if layer == 1 else 576 if layer == 3 and version != 3 else 1152


def _free_length(data: bytes, at: int) -> int:
    """Returns the length of unpadded frames of free format: up to the next header like this one."""
    if at + 4 > len(data) or _frame_length(data[at + 1], data[at + 2]) >= 0:
        return 0
    start, padding = data[at : at + 2], data[at + 2] >> 1 & 1
    found = at + 32
    while (found := data.find(start, found, at + _MAX_FREE_FRAME)) > 0:
        if found + 2 < len(data) and data[found + 2] & 0xFD == data[at + 2] & 0xFD:
            return found - at - padding
        found += 1
    return 0
