"""A sample of items as cards: texts, thumbnails and sounds that stand in the page itself."""

import base64
import dataclasses
import functools
import io
from typing import Any

import numpy as np
import PIL.Image
import soundfile
from markupsafe import Markup

from tfmmrec.checking.rows import Rows
from tfmmrec.checking.tables import number
from tfmmrec.dataset import Dataset
from tfmmrec.modalities import Audio, Categorical, Image, Modality, Number, Text

_THUMBNAIL = 200
_MOST_CHARACTERS = 300
_MOST_SOUND_BYTES = 120_000
_SOUND_SECONDS = 6
_TYPES = {"WAV": "audio/wav", "MP3": "audio/mpeg", "FLAC": "audio/flac", "OGG": "audio/ogg"}


@dataclasses.dataclass(frozen=True)
class Card:
    """One item.

    Attributes:
        id: its id.
        parts: what it has, ready for the page, by the name of the feature.
        missing: the features that it has not.
    """

    id: str
    parts: dict[str, Markup]
    missing: list[str]


class Cards:
    """Keeps a sample of items as they pass.

    Args:
        dataset: the data folder.
        seed: of the sample.
        size: how many items (default 24).
    """

    def __init__(self, dataset: Dataset, *, seed: int = 0, size: int = 24):
        self.features = dataset.features("items")
        drawn = np.random.default_rng(seed).permutation(dataset.count("items"))[:size]
        self._drawn = set(drawn.tolist())
        self.cards: list[Card] = []

    def observe(self, rows: Rows) -> None:
        """Makes cards of the items of the sample among some records."""
        for place, row in enumerate(rows.rows):
            if row not in self._drawn:
                continue
            parts = {}
            for name, column in rows.columns.items():
                for found in np.flatnonzero(column.places == place):
                    parts[name] = show(self.features[name], column.values[found])
            missing = [name for name in self.features if name not in parts]
            self.cards.append(Card(rows.ids[place].decode(errors="replace"), parts, missing))


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
    try:
        with PIL.Image.open(io.BytesIO(value)) as picture:
            caption = f"{picture.format} {picture.width} x {picture.height}"
            thumbnail = picture.convert("RGBA")
    except (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError):
        return Markup("<p>a picture that cannot be shown</p>")
    thumbnail.thumbnail((_THUMBNAIL, _THUMBNAIL))
    flat = PIL.Image.new("RGB", thumbnail.size, "white")
    flat.paste(thumbnail, mask=thumbnail.getchannel("A"))
    out = io.BytesIO()
    flat.save(out, format="JPEG", quality=80)
    return Markup('<img src="{}" alt="{}" loading="lazy">').format(
        _data_uri("image/jpeg", out.getvalue()), caption
    )


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
