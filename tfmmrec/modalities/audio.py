"""Audio: WAV, MP3, FLAC and Ogg files, stored unchanged; what FFmpeg alone reads, as FLAC."""

import dataclasses
import io
from typing import ClassVar

import soundfile

from tfmmrec.modalities.base import MODALITIES, SearchOption
from tfmmrec.modalities.codecs.file_kinds import kind_of
from tfmmrec.modalities.codecs.sound_by_ffmpeg import sound_to_flac
from tfmmrec.modalities.codecs.wav import read_audio
from tfmmrec.modalities.media_file import Media


@MODALITIES.register("audio")
@dataclasses.dataclass(frozen=True)
class Audio(Media):
    """A sound: the bytes of the file, checked by decoding them once.

    Sounds that only FFmpeg reads (AAC in MP4, FLAC in Ogg) are converted to FLAC if PyAV is
    installed.

    Encoders receive a mono waveform at their own sample rate, whatever the format, channels and
    sample rate of the file. A served model contains core ops only and takes 16-bit PCM WAV.
    """

    display: ClassVar[str] = "player"
    can_be_multi_valued: ClassVar[bool] = True
    search_option: ClassVar[SearchOption | None] = SearchOption("a sound file", is_file=True)

    def check_bytes(self, data: bytes) -> bytes:
        kind = kind_of(data)
        if kind is not None and kind.by_ffmpeg:
            data = sound_to_flac(data, kind.name)
        read_audio(data)
        return data

    def servable(self, value: bytes) -> bytes:
        waveform, rate = read_audio(value)
        wav = io.BytesIO()
        soundfile.write(wav, waveform, rate, format="WAV", subtype="PCM_16")
        return wav.getvalue()
