"""Imports tfmmrec first, so that every test runs on the legacy Keras that the project needs."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

import tfmmrec  # noqa: F401

Colour = tuple[int, int, int]


@pytest.fixture
def write_video() -> Callable:
    """Writes a video whose frames have one colour each, of 12 frames a second."""
    av = pytest.importorskip("av", reason="needs the extra video")

    def write(
        path: Path,
        colours: Sequence[Colour] | Sequence[np.ndarray],
        *,
        codec: str = "mpeg4",
        tone: float | None = None,
        size: tuple[int, int] = (64, 48),
        pix_fmt: str = "yuv420p",
        container_options: dict[str, str] | None = None,
        **options: str,
    ) -> Path:
        with av.open(str(path), "w", options=container_options) as container:
            stream = container.add_stream(codec, rate=12, options=options)
            stream.width, stream.height = size
            stream.pix_fmt, stream.bit_rate = pix_fmt, 2_000_000
            sound = None if tone is None else container.add_stream("pcm_s16le", rate=8000)
            for colour in colours:
                picture = np.broadcast_to(np.array(colour, np.uint8), (size[1], size[0], 3))
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
            if sound is not None and tone is not None:
                time = np.arange(8000 * len(colours) // 12) / 8000
                left = (16000 * np.sin(2 * np.pi * tone * time)).astype(np.int16)
                both = np.stack([left, left], axis=1).reshape(1, -1)
                frame = av.AudioFrame.from_ndarray(both, format="s16", layout="stereo")
                frame.sample_rate, frame.pts = 8000, 0
                container.mux(sound.encode(frame))
                container.mux(sound.encode(None))
        return path

    return write
