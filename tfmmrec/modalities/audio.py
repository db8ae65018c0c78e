"""Sounds: WAV, MP3, FLAC and Ogg Vorbis, stored as they are."""

import dataclasses
import io
from typing import ClassVar

import soundfile

from tfmmrec.modalities.base import register
from tfmmrec.modalities.codecs.wav import read_audio
from tfmmrec.modalities.media_file import Media


@register
@dataclasses.dataclass(frozen=True)
class Audio(Media):
    """A sound: the file's own bytes, checked by decoding them once.

    Whatever its format, channels and rate, an encoder gets it as a mono waveform at the
    encoder's own rate. A served model, which holds core ops only, takes 16-bit PCM WAV.
    """

    kind: ClassVar[str] = "audio"

    def check_bytes(self, data: bytes) -> bytes:
        read_audio(data)
        return data

    def servable(self, value: bytes) -> bytes:
        waveform, rate = read_audio(value)
        wav = io.BytesIO()
        soundfile.write(wav, waveform, rate, format="WAV", subtype="PCM_16")
        return wav.getvalue()
