"""Imports tfmmrec first, so that every test runs on the legacy Keras that the project needs."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml

import tfmmrec  # noqa: F401
from tests.durations import Durations
from tests.once import SMALL_TRAINING
from tests.worlds import shared

Colour = tuple[int, int, int]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-durations", action="store_true", help="write tests/durations.json")


def pytest_configure(config: pytest.Config) -> None:
    # The workers of pytest-xdist report to the process that started them.
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Durations(config.getoption("--write-durations")))


@pytest.fixture(scope="session", autouse=True)
def _encoders_are_made_and_loaded_once(tmp_path_factory):
    """What each data folder would make for itself, and each model load, which tests do often."""
    from tfmmrec.encoders import factory
    from tfmmrec.encoders.hub import loading

    folder, save = tmp_path_factory.mktemp("builtin"), factory.save_builtin

    def save_once(kind: str, target: Path, *, variant: str) -> None:
        made = folder / f"{kind}-{variant}"
        if not made.exists():
            save(kind, made, variant=variant)
        shutil.copytree(made, target, dirs_exist_ok=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(factory, "save_builtin", save_once)
        # Held for good, and not for as long as something else holds them.
        patch.setattr(loading, "_FROZEN", {})
        yield


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


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A data folder of a few items with texts, a category and a year, two of them cold."""
    from tfmmrec.data.dataset import Dataset

    return Dataset(shared(tmp_path_factory, "small", _pack_small) / "data")


@pytest.fixture(scope="session")
def small_run(small, tmp_path_factory) -> Path:
    """A run trained on `small` for two epochs. Read-only: copy it to write into it."""
    from tfmmrec.config.train_config import TrainConfig
    from tfmmrec.training.train import train

    config = TrainConfig(**SMALL_TRAINING)
    return shared(tmp_path_factory, "small_run", lambda out: train(small.folder, out, config))


def _pack_small(folder: Path) -> None:
    from tfmmrec.config.packing import PackConfig
    from tfmmrec.data.packing import pack

    folder.mkdir()
    _write_small_tables(folder)
    content = {
        "items": {
            "table": "items.csv",
            "id": "id",
            "features": {
                "title": {"modality": "text"},
                "plot": {"modality": "text"},
                "genre": {"modality": "categorical"},
                "year": {"modality": "number"},
            },
        },
        "interactions": {"table": "log.csv", "user": "user", "item": "item", "time": "time"},
        "split": {"by": "last_out"},
        "cold_items": {"share": 0.2},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    pack(folder / "set.yaml", folder / "data", PackConfig(quiet=True))


def _write_small_tables(folder: Path) -> None:
    words = ("red", "green", "blue")
    rows = [
        # Item 5 has no title, item 6 no text at all.
        f"i{n},{'' if n in (5, 6) else words[n % 3]},{'' if n == 6 else words[n % 2]},{n % 2},{n}"
        for n in range(10)
    ]
    (folder / "items.csv").write_text("\n".join(["id,title,plot,genre,year", *rows]) + "\n")
    # Each user chooses six items in a row, from one that differs.
    events = [f"u{u},i{(u + n) % 10},{100 * u + n}" for u in range(20) for n in range(6)]
    (folder / "log.csv").write_text("\n".join(["user,item,time", *events]) + "\n")
