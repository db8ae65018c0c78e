"""Video files as pictures at chosen moments, by PyAV."""

import bisect
import contextlib
import dataclasses
import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import PIL.Image

from tfmmrec.errors import BrokenValue, ConfigError

_JPEG_QUALITY = 90
# By how much a file may end before its header says so: headers are rounded, or leave out a delay.
_LATE_SECONDS, _LATE_SHARE = 0.5, 0.1


@dataclasses.dataclass(frozen=True)
class _Timeline:
    """When the frames of a video stream are shown, in units of its time base.

    Attributes:
        times: of every frame, in order.
        end: of the last one.
        keys: of the frames at which decoding can start, in order.
        starts: where to seek to for each of `keys`.
    """

    times: list[int]
    end: int
    keys: list[int]
    starts: list[int]


def read_pictures(path: Path, count: int, pixels: int) -> list[bytes]:
    """Takes the frame that is shown in the middle of each of `count` equal parts of a video.

    One frame is held at a time, and the file is read through once to learn when frames are shown,
    since headers do not always tell.

    Args:
        path: a file that FFmpeg reads.
        count: how many parts; two that show the same frame give one picture.
        pixels: the longer side of a picture at most; smaller ones stay as they are.

    Returns:
        JPEGs, turned upright, in order.

    Raises:
        BrokenValue: the file is no video, is cut off, or a frame cannot be decoded.
        ConfigError: PyAV is not installed.
    """
    with opened(path) as container:
        _refuse_cut_avi(path)
        stream = _video_stream(container)
        most = PIL.Image.MAX_IMAGE_PIXELS
        if most is not None and stream.width * stream.height > most:
            raise BrokenValue("the video has too many pixels")
        timeline = _read_timeline(container, stream)
        frames = _decode_at(container, stream, timeline, _middles(timeline, count))
        return [_to_jpeg(frame, stream.sample_aspect_ratio, pixels) for frame in frames]


def import_av() -> Any:
    """Imports PyAV, which only those who pack videos need."""
    try:
        import av
    except ImportError:
        raise ConfigError("videos need PyAV: pip install 'tfmmrec[video]'") from None
    return av


class _File(io.FileIO):
    """A file that answers -1 for a place before its start, as FFmpeg expects it."""

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        try:
            return super().seek(offset, whence)
        except OSError:
            return -1


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Opens a file for decoding; whatever FFmpeg then refuses is a BrokenValue."""
    av = import_av()
    # A playlist would have FFmpeg open other files and addresses: it may open none by itself.
    options = {"protocol_whitelist": "none"}
    try:
        with (
            _File(path) as file,
            av.open(file, options=options, metadata_errors="replace") as container,
        ):
            yield container
    except av.FFmpegError as error:
        reason = error.strerror
        raise BrokenValue(f"not a video that can be decoded, or cut off: {reason}") from None
    except OSError as error:
        raise BrokenValue(f"the video cannot be read: {error.strerror}") from None


def _refuse_cut_avi(path: Path) -> None:
    """Raises BrokenValue for an AVI that ends early, of which FFmpeg mends the length."""
    with path.open("rb") as file:
        head = file.read(12)
    if head[:4] == b"RIFF" and head[8:] == b"AVI ":
        size, there = struct.unpack("<I", head[4:8])[0] + 8, path.stat().st_size
        if there < size:
            raise BrokenValue(f"video cut off: {there:,} of {size:,} bytes are there")


def _video_stream(container: Any) -> Any:
    """Returns the first stream of moving pictures; the cover of a song is none."""
    flags = import_av().stream.Disposition
    for stream in container.streams.video:
        if not stream.disposition & (flags.attached_pic | flags.timed_thumbnails):
            if stream.codec_context is None:
                raise BrokenValue("the video's codec is unknown")
            stream.thread_type = "AUTO"
            return stream
    raise BrokenValue("the file has no video stream")


def _read_timeline(container: Any, stream: Any) -> _Timeline:
    """Reads through all packets without decoding any, and sees that none are missing."""
    durations: dict[int, int] = {}  # by the time of a frame
    keys: dict[int, int] = {}
    last = 0.0
    for packet in container.demux():
        time = packet.pts if packet.pts is not None else packet.dts
        if not packet.size or packet.is_discard or time is None:
            continue
        last = max(last, float((time + (packet.duration or 0)) * packet.time_base))
        if packet.stream is not stream:
            continue
        if packet.is_keyframe:
            keys[time] = time if packet.dts is None else min(time, packet.dts)
        # What comes before the first key frame cannot be decoded.
        if keys:
            durations[time] = packet.duration or 0
    if not durations:
        raise BrokenValue("the video has no frames, or none that say when they are shown")
    start, length = (container.start_time or 0) / 1e6, (container.duration or 0) / 1e6
    if last - start < length - max(_LATE_SECONDS, _LATE_SHARE * length):
        raise BrokenValue(f"video cut off: {last - start:.1f} of {length:.1f} seconds are there")
    times, ordered = sorted(durations), sorted(keys)
    # Some formats do not say for how long a frame is shown: the last one as long as the others.
    shown = durations[times[-1]] or (times[-1] - times[0]) // max(1, len(times) - 1)
    return _Timeline(times, times[-1] + shown, ordered, [keys[key] for key in ordered])


def _middles(timeline: _Timeline, count: int) -> list[int]:
    """Returns the times of the frames that are shown in the middle of each part."""
    first = timeline.times[0]
    length = timeline.end - first
    # Twice the count, so that whole numbers do: the middle of part n is (2 n + 1) / (2 count).
    middles = [first + length * (2 * part + 1) // (2 * count) for part in range(count)]
    places = [bisect.bisect_right(timeline.times, middle) - 1 for middle in middles]
    return [timeline.times[place] for place in dict.fromkeys(places)]


def _decode_at(container: Any, stream: Any, timeline: _Timeline, wanted: list[int]) -> Iterator:
    """Gives the frames that are shown at some times, in order."""
    frame: Any = None
    given: Any = None
    frames: Iterator = iter(())
    for time in wanted:
        if frame is not None and _shown(frame) >= time:
            continue
        key = bisect.bisect_right(timeline.keys, time) - 1
        if frame is None or _shown(frame) < timeline.keys[max(0, key)]:
            frame, frames = _seek(container, stream, timeline, max(0, key), time)
        while frame is not None and _shown(frame) < time:
            # A frame that the timeline has may not be there, as those that are only referred to.
            following = next(frames, None)
            if following is None:
                break
            frame = following
        if frame is None:
            seconds = float((time - timeline.times[0]) * stream.time_base)
            raise BrokenValue(f"no frame can be decoded at {seconds:.1f} seconds")
        if given is None or _shown(frame) > _shown(given):
            given = frame
            yield frame


def _seek(
    container: Any, stream: Any, timeline: _Timeline, key: int, time: int
) -> tuple[Any, Iterator]:
    """Starts decoding at a key frame, or at one before where the seek lands behind `time`."""
    frame, frames = None, iter(())
    for start in reversed(timeline.starts[: key + 1]):
        container.seek(start, stream=stream)
        frames = container.decode(stream)
        frame = next(frames, None)
        if frame is not None and _shown(frame) <= time:
            break
    return frame, frames


def _shown(frame: Any) -> int:
    return frame.pts if frame.pts is not None else frame.dts or 0


def _to_jpeg(frame: Any, aspect: Any, pixels: int) -> bytes:
    picture = frame.to_image()
    width = max(1, round(picture.width * (aspect or 1)))  # the pixels of some are no squares
    scale = min(1.0, pixels / max(width, picture.height))
    size = (max(1, round(width * scale)), max(1, round(picture.height * scale)))
    if size != picture.size:
        picture = picture.resize(size, PIL.Image.Resampling.LANCZOS)
    if frame.rotation:  # in degrees counterclockwise, as Pillow turns
        picture = picture.rotate(frame.rotation, expand=True)
    out = io.BytesIO()
    picture.save(out, format="JPEG", quality=_JPEG_QUALITY)
    return out.getvalue()
