"""Videos: pictures sampled over the duration, and the sound track as a feature of its own."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from tfmmrec.errors import BrokenValue, ConfigError
from tfmmrec.modalities.audio import Audio
from tfmmrec.modalities.base import Modality, register
from tfmmrec.modalities.codecs.audio_track import read_sound
from tfmmrec.modalities.codecs.video_frames import read_pictures
from tfmmrec.modalities.media_file import Media, find_media
from tfmmrec.modalities.string_list import Strings
from tfmmrec.modalities.text import quote


@register
@dataclasses.dataclass(frozen=True)
class Video(Strings, Media):
    """A video of any form that FFmpeg reads. Stored as a list of JPEGs; an empty list is absent.

    The feature `NAME_sound` is derived from it: the sound track, absent where there is none.
    Packing needs PyAV; a data folder and a served model do not.

    Attributes:
        frames: how many pictures are taken (default 8); a short video may have fewer.
        pixels: the length of a picture's longer side at most (default 256).
        sound: whether the sound track is kept (default true).
        sound_seconds: how much of it, from its start (default 30).

    Raises:
        ConfigError: an option is not of its kind or not positive.
    """

    kind: ClassVar[str] = "video"
    element: ClassVar[str | None] = "image"
    frames: int = 8
    pixels: int = 256
    sound: bool = True
    sound_seconds: float = 30.0

    def __post_init__(self) -> None:
        for name in ("frames", "pixels"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise ConfigError(f"{name} must be a whole number from 1. Received: {value!r}")
        if not isinstance(self.sound, bool):
            raise ConfigError(f"sound must be true or false. Received: {self.sound!r}")
        if type(self.sound_seconds) not in (int, float) or not 0 < self.sound_seconds <= 3600:
            raise ConfigError(
                f"sound_seconds must be above 0 and at most 3600. Received: {self.sound_seconds!r}"
            )

    @property
    def num_values(self) -> int:
        return self.frames

    def check(self, raw: Any, folder: Path) -> list[bytes] | None:
        return self.pack(raw, folder).get("")  # type: ignore[return-value]

    def pack(self, raw: Any, folder: Path) -> dict[str, list[bytes] | list[float]]:
        found = find_media(raw, folder)
        if found is None:
            return {}
        path = Path(found)
        try:
            pictures = read_pictures(path, self.frames, self.pixels)
            sound = read_sound(path, self.sound_seconds) if self.sound else None
        except BrokenValue as error:
            raise BrokenValue(f"{error}: {quote(raw)}") from None
        return {"": [*pictures], **({} if sound is None else {"sound": [sound]})}

    def derived(self) -> Mapping[str, Modality]:
        return {**super().derived(), **({"sound": Audio()} if self.sound else {})}
