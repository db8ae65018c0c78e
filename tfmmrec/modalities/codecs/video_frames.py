"""Samples frames of a video file with PyAV."""

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
# Tolerance for the duration in the header, which is rounded or leaves out a delay.
_LATE_SECONDS, _LATE_SHARE = 0.5, 0.1


@dataclasses.dataclass(frozen=True)
class _Timeline:
    """The display times of the frames of a video stream, in units of its time base.

    Attributes:
        times: the time of every frame, ascending.
        end: the end of the last frame.
        keys: the times of the key frames, at which decoding can start, ascending.
        starts: the seek position of each key frame.
    """

    times: list[int]
    end: int
    keys: list[int]
    starts: list[int]


def read_frames(path: Path, count: int, pixels: int) -> list[bytes]:
    """Decodes the frame in the middle of each of `count` equal parts of a video.

    One frame is in memory at a time. The file is first read once for the display times of the
    frames, since headers do not always contain them.

    Args:
        path: a file that FFmpeg reads.
        count: the number of parts; two parts with the same frame give one picture.
        pixels: the maximum length of the longer side; smaller frames are not resized.

    Returns:
        JPEG files, rotated upright, in order.

    Raises:
        BrokenValue: the file is not a video, is cut off, or a frame cannot be decoded.
        ConfigError: PyAV is not installed.
    """
    with open_video(path) as container:
        _refuse_cut_avi(path)
        stream = _video_stream(container)
        most = PIL.Image.MAX_IMAGE_PIXELS
        if most is not None and stream.width * stream.height > most:
            raise BrokenValue("the video has too many pixels")
        timeline = _read_timeline(container, stream)
        frames = _decode_at(container, stream, timeline, _middles(timeline, count))
        return [_to_jpeg(frame, stream.sample_aspect_ratio, pixels) for frame in frames]


def import_av() -> Any:
    """Imports PyAV, an optional package for packing videos."""
    try:
        import av
    except ImportError:
        raise ConfigError("videos need PyAV: pip install 'tfmmrec[video]'") from None
    return av


class _File(io.FileIO):
    """A file whose `seek` returns -1 for a position before its start, as FFmpeg expects."""

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        try:
            return super().seek(offset, whence)
        except OSError:
            return -1


@contextlib.contextmanager
def open_video(path: Path) -> Iterator[Any]:
    """Opens a file for decoding; errors of FFmpeg become BrokenValue."""
    av = import_av()
    # A playlist must not make FFmpeg open other files and URLs.
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
    """Raises BrokenValue for a truncated AVI, whose length FFmpeg would correct silently."""
    with path.open("rb") as file:
        head = file.read(12)
    if head[:4] == b"RIFF" and head[8:] == b"AVI ":
        size, found = struct.unpack("<I", head[4:8])[0] + 8, path.stat().st_size
        if found < size:
            raise BrokenValue(f"video cut off: {found:,} of {size:,} bytes are present")


def _video_stream(container: Any) -> Any:
    """Returns the first video stream; cover art is not one."""
    flags = import_av().stream.Disposition
    for stream in container.streams.video:
        if not stream.disposition & (flags.attached_pic | flags.timed_thumbnails):
            if stream.codec_context is None:
                raise BrokenValue("the codec of the video is unknown")
            stream.thread_type = "AUTO"
            return stream
    raise BrokenValue("the file has no video stream")


def _read_timeline(container: Any, stream: Any) -> _Timeline:
    """Reads all packets without decoding them, and checks that none are missing."""
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
        # Frames before the first key frame cannot be decoded.
        if keys:
            durations[time] = packet.duration or 0
    if not durations:
        raise BrokenValue("the video has no frames, or none with a display time")
    start, length = (container.start_time or 0) / 1e6, (container.duration or 0) / 1e6
    if last - start < length - max(_LATE_SECONDS, _LATE_SHARE * length):
        raise BrokenValue(f"video cut off: {last - start:.1f} of {length:.1f} seconds are present")
    times, ordered = sorted(durations), sorted(keys)
    # Some formats have no durations: use the mean duration of the other frames.
    shown = durations[times[-1]] or (times[-1] - times[0]) // max(1, len(times) - 1)
    return _Timeline(times, times[-1] + shown, ordered, [keys[key] for key in ordered])


def _middles(timeline: _Timeline, count: int) -> list[int]:
    """Returns the times of the frames in the middle of each part."""
    first = timeline.times[0]
    length = timeline.end - first
    # The middle of part n is (2 n + 1) / (2 count), in integer arithmetic.
    middles = [first + length * (2 * part + 1) // (2 * count) for part in range(count)]
    indices = [bisect.bisect_right(timeline.times, middle) - 1 for middle in middles]
    return [timeline.times[index] for index in dict.fromkeys(indices)]


def _decode_at(container: Any, stream: Any, timeline: _Timeline, wanted: list[int]) -> Iterator:
    """Yields the frames at some times, in order."""
    frame: Any = None
    given: Any = None
    frames: Iterator = iter(())
    for time in wanted:
        if frame is not None and _time_of(frame) >= time:
            continue
        key = bisect.bisect_right(timeline.keys, time) - 1
        if frame is None or _time_of(frame) < timeline.keys[max(0, key)]:
            frame, frames = _seek(container, stream, timeline, max(0, key), time)
        while frame is not None and _time_of(frame) < time:
            # Some frames of the timeline are never decoded, such as reference-only frames.
            following = next(frames, None)
            if following is None:
                break
            frame = following
        if frame is None:
            seconds = float((time - timeline.times[0]) * stream.time_base)
            raise BrokenValue(f"no frame can be decoded at {seconds:.1f} seconds")
        if given is None or _time_of(frame) > _time_of(given):
            given = frame
            yield frame


def _seek(
    container: Any, stream: Any, timeline: _Timeline, key: int, time: int
) -> tuple[Any, Iterator]:
    """Starts decoding at a key frame, or at an earlier one if the seek ends after `time`."""
    frame, frames = None, iter(())
    for start in reversed(timeline.starts[: key + 1]):
        container.seek(start, stream=stream)
        frames = container.decode(stream)
        frame = next(frames, None)
        if frame is not None and _time_of(frame) <= time:
            break
    return frame, frames


def _time_of(frame: Any) -> int:
    return frame.pts if frame.pts is not None else frame.dts or 0


def _to_jpeg(frame: Any, aspect: Any, pixels: int) -> bytes:
    picture = frame.to_image()
    width = max(1, round(picture.width * (aspect or 1)))  # pixels may not be square
    scale = min(1.0, pixels / max(width, picture.height))
    size = (max(1, round(width * scale)), max(1, round(picture.height * scale)))
    if size != picture.size:
        picture = picture.resize(size, PIL.Image.Resampling.LANCZOS)
    if frame.rotation:  # in degrees counterclockwise, as in Pillow
        picture = picture.rotate(frame.rotation, expand=True)
    out = io.BytesIO()
    picture.save(out, format="JPEG", quality=_JPEG_QUALITY)
    return out.getvalue()
