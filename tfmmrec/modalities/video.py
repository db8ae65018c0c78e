"""Video: frames sampled over the duration, and the audio track as a derived feature."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfmmrec.errors import BrokenValue, ConfigError
from tfmmrec.modalities.audio import Audio
from tfmmrec.modalities.base import MODALITIES, Modality
from tfmmrec.modalities.codecs.audio_track import read_audio_track
from tfmmrec.modalities.codecs.video_frames import read_frames
from tfmmrec.modalities.image import Image
from tfmmrec.modalities.media_file import find_media, media_path
from tfmmrec.modalities.string_list import Strings
from tfmmrec.modalities.text import quote


@MODALITIES.register("video")
@dataclasses.dataclass(frozen=True)
class Video(Strings):
    """A video in any format that FFmpeg reads. Stored as a list of JPEGs; an empty list is absent.

    The feature `NAME_sound` is derived from it: the audio track, absent if the video has none.
    Only packing needs PyAV; reading a data folder and serving a model do not.

    Attributes:
        frames: the number of frames (default 8); a short video may have fewer.
        pixels: the maximum length of the longer side of a frame, in pixels (default 256).
        sound: whether to keep the audio track (default true).
        sound_seconds: the maximum duration of the audio track, from its start (default 30).

    Raises:
        ConfigError: an option has a wrong type or is not positive.
    """

    frames: int = 8
    pixels: int = 256
    sound: bool = True
    sound_seconds: float = 30.0

    def __post_init__(self) -> None:
        for name in ("frames", "pixels"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise ConfigError(
                    f"{name} must be a whole number of at least 1. Received: {value!r}"
                )
        if not isinstance(self.sound, bool):
            raise ConfigError(f"sound must be true or false. Received: {self.sound!r}")
        if type(self.sound_seconds) not in (int, float) or not 0 < self.sound_seconds <= 3600:
            raise ConfigError(
                f"sound_seconds must be above 0 and at most 3600. Received: {self.sound_seconds!r}"
            )

    @property
    def element(self) -> Modality:
        return Image()

    @property
    def num_values(self) -> int:
        return self.frames

    @property
    def reads_files(self) -> bool:
        return True

    def paths(self, raw: Any) -> list[str]:
        return [media_path(raw)]

    def check(self, raw: Any, folder: Path) -> list[bytes] | None:
        return self.pack(raw, folder).get("")  # type: ignore[return-value]

    def pack(self, raw: Any, folder: Path) -> dict[str, list[bytes] | list[float]]:
        found = find_media(raw, folder)
        if found is None:
            return {}
        path = Path(found)
        try:
            pictures = read_frames(path, self.frames, self.pixels)
            sound = read_audio_track(path, self.sound_seconds) if self.sound else None
        except BrokenValue as error:
            raise BrokenValue(f"{error}: {quote(raw)}") from None
        return {"": [*pictures], **({} if sound is None else {"sound": [sound]})}

    def derived(self) -> Mapping[str, Modality]:
        return {**super().derived(), **({"sound": Audio()} if self.sound else {})}
