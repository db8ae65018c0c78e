"""Stored values as self-contained HTML: texts, thumbnails, audio players."""

import base64
import io
from collections.abc import Callable
from typing import Any

import PIL.Image
import soundfile
from markupsafe import Markup

from tfmmrec.modalities import Modality
from tfmmrec.modalities.codecs.wav import describe_sound, readable_sound
from tfmmrec.reports.number_format import number

_THUMBNAIL = 200
_MAX_CHARACTERS = 300
_MAX_SOUND_BYTES = 120_000
_SOUND_SECONDS = 6
_TYPES = {"WAV": "audio/wav", "MP3": "audio/mpeg", "FLAC": "audio/flac", "OGG": "audio/ogg"}


def thumbnail(picture: bytes, size: int) -> tuple[str, str] | None:
    """Scales a picture down.

    Args:
        picture: the bytes of a file.
        size: the maximum length of the longer side, in pixels.

    Returns:
        A data URI of the thumbnail and a caption (format, width and height of the picture), or
        None if the picture cannot be decoded.
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


def render_value(modality: Modality, value: Any) -> Markup:
    """Renders a stored value as HTML; text is escaped.

    Args:
        modality: the feature's modality, whose `display` selects the renderer.
        value: a stored value; a list if the feature holds several, which are rendered one by one.
    """
    if modality.element is not None:
        return Markup("").join(render_value(modality.element, one) for one in value)
    return RENDERERS[modality.display](value)


def _plain(value: Any) -> Markup:
    return Markup("<p>{}</p>").format(str(value)[:_MAX_CHARACTERS])


def _text(value: bytes) -> Markup:
    text = value.decode(errors="replace")
    shortened = text if len(text) <= _MAX_CHARACTERS else text[:_MAX_CHARACTERS] + "…"
    return Markup('<p dir="auto">{}</p>').format(shortened)


def _number(value: float) -> Markup:
    return Markup("<p>{}</p>").format(number(value))


def _categories(value: list[bytes]) -> Markup:
    names = ", ".join(name.decode(errors="replace") for name in value)
    return Markup('<p dir="auto">{}</p>').format(names[:_MAX_CHARACTERS])


def _picture(value: bytes) -> Markup:
    found = thumbnail(value, _THUMBNAIL)
    if found is None:
        return Markup("<p>picture cannot be displayed</p>")
    address, caption = found
    return Markup('<img src="{}" alt="{}" loading="lazy">').format(address, caption)


def _player(value: bytes) -> Markup:
    try:
        name, duration = describe_sound(value)
        kind, data = _TYPES.get(name, "audio/mpeg"), value
        if len(value) > _MAX_SOUND_BYTES:
            kind, data = "audio/mpeg", _beginning(value)
    except (RuntimeError, ValueError):
        return Markup("<p>sound cannot be played</p>")
    seconds = f"{name}, {duration:.1f} s"
    beginning = f", the first {_SOUND_SECONDS}" if data is not value else ""
    return Markup('<audio controls preload="none" src="{}"></audio><small>{}{}</small>').format(
        _data_uri(kind, data), seconds, beginning
    )


def _beginning(value: bytes) -> bytes:
    """Returns the first seconds of a sound as a mono MP3 file."""
    with soundfile.SoundFile(io.BytesIO(readable_sound(value)[0])) as sound:
        rate = sound.samplerate
        wave = sound.read(rate * _SOUND_SECONDS, dtype="float32", always_2d=True).mean(axis=1)
    out = io.BytesIO()
    soundfile.write(out, wave, rate, format="MP3")
    return out.getvalue()


RENDERERS: dict[str, Callable[[Any], Markup]] = {
    "text": _text,
    "number": _number,
    "categories": _categories,
    "picture": _picture,
    "player": _player,
    "plain": _plain,
}
"""The renderer of a value, by the `display` that its modality declares."""


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
