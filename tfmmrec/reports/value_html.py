"""Values of a data folder as HTML that stands in the page itself: texts, thumbnails, sounds."""

import base64
import functools
import io
from typing import Any

import PIL.Image
import soundfile
from markupsafe import Markup

from tfmmrec.modalities import Audio, Categorical, Image, Modality, MultiValued, Number, Text
from tfmmrec.reports.number_format import number

_THUMBNAIL = 200
_MOST_CHARACTERS = 300
_MOST_SOUND_BYTES = 120_000
_SOUND_SECONDS = 6
_TYPES = {"WAV": "audio/wav", "MP3": "audio/mpeg", "FLAC": "audio/flac", "OGG": "audio/ogg"}


def thumbnail(picture: bytes, size: int) -> tuple[str, str] | None:
    """Makes a picture small.

    Args:
        picture: a file's content.
        size: pixels of the longer side at most.

    Returns:
        An address that holds the picture itself, and what it was; None where it is broken.
    """
    try:
        with PIL.Image.open(io.BytesIO(picture)) as opened:
            caption = f"{opened.format} {opened.width} x {opened.height}"
            small = opened.convert("RGBA")
    except (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError):
        return None
    small.thumbnail((size, size))
    flat = PIL.Image.new("RGB", small.size, "white")
    flat.paste(small, mask=small.getchannel("A"))
    out = io.BytesIO()
    flat.save(out, format="JPEG", quality=80)
    return _data_uri("image/jpeg", out.getvalue()), caption


@functools.singledispatch
def show(modality: Modality, value: Any) -> Markup:
    """Makes HTML of one stored value; whatever text it holds is escaped."""
    text = str(value)
    return Markup("<p>{}</p>").format(text[:_MOST_CHARACTERS])


@show.register
def _(modality: Text, value: bytes) -> Markup:
    text = value.decode(errors="replace")
    shown = text if len(text) <= _MOST_CHARACTERS else text[:_MOST_CHARACTERS] + "…"
    return Markup('<p dir="auto">{}</p>').format(shown)


@show.register
def _(modality: Number, value: float) -> Markup:
    return Markup("<p>{}</p>").format(number(value))


@show.register
def _(modality: Categorical, value: list[bytes]) -> Markup:
    names = ", ".join(name.decode(errors="replace") for name in value)
    return Markup('<p dir="auto">{}</p>').format(names[:_MOST_CHARACTERS])


@show.register
def _(modality: Image, value: bytes) -> Markup:
    found = thumbnail(value, _THUMBNAIL)
    if found is None:
        return Markup("<p>a picture that cannot be shown</p>")
    address, caption = found
    return Markup('<img src="{}" alt="{}" loading="lazy">').format(address, caption)


@show.register
def _(modality: Audio, value: bytes) -> Markup:
    try:
        info = soundfile.info(io.BytesIO(value))
        kind, data = _TYPES.get(info.format, "audio/mpeg"), value
        if len(value) > _MOST_SOUND_BYTES:
            kind, data = "audio/mpeg", _beginning(value)
    except (RuntimeError, ValueError):
        return Markup("<p>a sound that cannot be played</p>")
    seconds = f"{info.format}, {info.frames / info.samplerate:.1f} s"
    beginning = f", the first {_SOUND_SECONDS}" if data is not value else ""
    return Markup('<audio controls preload="none" src="{}"></audio><small>{}{}</small>').format(
        _data_uri(kind, data), seconds, beginning
    )


@show.register
def _(modality: MultiValued, value: list[bytes]) -> Markup:
    return Markup("").join(show(modality.one, one) for one in value)


def _beginning(value: bytes) -> bytes:
    """The first seconds of a sound as a mono MP3 file."""
    with soundfile.SoundFile(io.BytesIO(value)) as sound:
        rate = sound.samplerate
        wave = sound.read(rate * _SOUND_SECONDS, dtype="float32", always_2d=True).mean(axis=1)
    out = io.BytesIO()
    soundfile.write(out, wave, rate, format="MP3")
    return out.getvalue()


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
