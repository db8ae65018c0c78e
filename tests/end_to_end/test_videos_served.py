"""Videos from files to served vectors, one broken and one missing among them."""

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import soundfile
import tensorflow as tf

from tests.once import CONTENT_ALONE, ONCE
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.catalog_writer import write_catalog
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.feature_values import read_feature_values
from tfmmrec.data.packing import pack
from tfmmrec.models.run_folder import load_run
from tfmmrec.serving.export import export
from tfmmrec.serving.rest_json import decode_request
from tfmmrec.serving.search import search
from tfmmrec.serving.serving_model import ServingModel
from tfmmrec.serving.warmup import read_warmup
from tfmmrec.training.train import train

# From the first colour to the second in 12 frames, one second.
FADES = {
    "red": ((240, 0, 0), (240, 0, 0)),
    "green": ((0, 240, 0), (0, 240, 0)),
    "blue": ((0, 0, 240), (0, 0, 240)),
    "dawn": ((0, 0, 0), (220, 220, 220)),
    "dusk": ((220, 220, 220), (0, 0, 0)),
    "short": ((120, 120, 120), (120, 120, 120)),
}
WITH_SOUND = {"red": 300.0, "dawn": 700.0}
ITEMS = [*FADES, "broken", "missing"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("videos")


@pytest.fixture
def catalogue(folder: Path, write_video: Callable) -> Path:
    out = folder / "catalogue"
    if out.is_dir():
        return out
    (folder / "source").mkdir()
    for name, (first, last) in FADES.items():
        shares = np.linspace(0.0, 1.0, 2 if name == "short" else 12)
        colours = [np.array(first) * (1 - share) + np.array(last) * share for share in shares]
        path = folder / "source" / f"{name}.mov"
        write_video(path, colours, size=(32, 16), tone=WITH_SOUND.get(name))
    (folder / "source" / "broken.mov").write_bytes(b"this is only text, whatever its name")
    write_catalog(
        out,
        name="videos",
        items=[
            {"item_id": name, "clip": folder / "source" / f"{name}.mov", "title": name}
            for name in ITEMS
        ],
        item_features={
            "clip": {"modality": "video", "frames": 4, "pixels": 16},
            "title": {"modality": "text"},
        },
        interactions=[
            {"user_id": f"u{user}", "item_id": ITEMS[(user + step) % 8], "timestamp": step}
            for user in range(8)
            for step in range(5)
        ],
    )
    return out


@pytest.fixture
def dataset(catalogue: Path, folder: Path) -> Dataset:
    if not (folder / "data").is_dir():
        options = PackConfig(max_rejects=0.2, quiet=True)
        pack(catalogue / "dataset.yaml", folder / "data", options)
    return Dataset(folder / "data")


@pytest.fixture
def run(dataset: Dataset, folder: Path) -> Path:
    if not (folder / "run").is_dir():
        config = TrainConfig(**ONCE, **CONTENT_ALONE, epochs=1, dim=16, batch_size=8, quiet=True)
        train(dataset.folder, folder / "run", config)
    return folder / "run"


@pytest.fixture
def version(run: Path, folder: Path) -> Path:
    out = folder / "models" / "videos"
    return out / "1" if out.is_dir() else export(run, out, quiet=True)


def stored(dataset: Dataset, feature: str) -> dict[str, Any]:
    column = tf.concat(list(dataset.values("items", feature, batch_size=3)), axis=0)
    return {name: column[row].numpy() for name, row in dataset.item_rows.items()}


def test_what_was_packed_is_read_back(catalogue: Path, dataset: Dataset) -> None:
    assert list(dataset.schema.items) == ["clip", "clip_sound", "title"]
    clips = stored(dataset, "clip")
    counts = {name: len(pictures) for name, pictures in clips.items()}
    whole = dict.fromkeys(FADES, 4)
    assert counts == {**whole, "short": 2, "broken": 0, "missing": 0}
    # The broken one is a reject that names its place; the missing one is only absent.
    lines = (dataset.folder / "rejects.jsonl").read_text().splitlines()
    (reject,) = [json.loads(line) for line in lines]
    assert (reject["row"], reject["field"]) == (ITEMS.index("broken") + 1, "clip")
    assert reject["reason"].startswith("not a video")
    # The middles of four parts of 12 frames are the frames 1, 4, 7 and 10; a fade goes from frame 0
    # to frame 11 in steps of 20.
    for name, expected in {"dawn": [20, 80, 140, 200], "dusk": [200, 140, 80, 20]}.items():
        pictures = [PIL.Image.open(io.BytesIO(data)).convert("RGB") for data in clips[name]]
        assert [picture.size for picture in pictures] == [(16, 8)] * 4
        np.testing.assert_allclose(
            [np.asarray(picture).mean() for picture in pictures], expected, atol=6
        )


def test_sound_tracks_are_features_where_there_are_any(dataset: Dataset) -> None:
    sounds = stored(dataset, "clip_sound")
    assert {name for name, data in sounds.items() if data} == set(WITH_SOUND)
    for name, tone in WITH_SOUND.items():
        waveform, rate = soundfile.read(io.BytesIO(sounds[name]))
        assert rate == 16000
        assert np.argmax(np.abs(np.fft.rfft(waveform, 16000))) == pytest.approx(tone, abs=1)


def test_served_vectors_are_those_of_python(dataset: Dataset, run: Path, version: Path) -> None:
    serving_model = ServingModel(load_run(run, quiet=True))
    rows = np.arange(len(ITEMS))
    raw = read_feature_values(dataset, "items", rows)
    expected = serving_model.encode_items(raw).numpy()
    # What was encoded row by row for training, by the cache, is the same.
    np.testing.assert_allclose(serving_model.content_search.content.numpy(), expected, atol=1e-4)
    signature = tf.saved_model.load(str(version)).signatures["encode_items"]

    def as_json(value: Any) -> Any:
        return (
            [as_json(part) for part in value]
            if isinstance(value, np.ndarray)
            else {"b64": base64.b64encode(value).decode()}
        )

    instances = [{name: as_json(raw[name][row].numpy()) for name in raw} for row in rows]
    body = {"signature_name": "encode_items", "instances": instances}
    specs = {"encode_items": signature.structured_input_signature[1]}
    request = decode_request(json.dumps(body).encode(), specs)
    served = signature(**{name: tf.constant(value) for name, value in request.inputs.items()})
    np.testing.assert_allclose(served["vectors"], expected, atol=1e-5)
    # By videos alone, items are told from each other, and none at all gives zeros.
    alone = {name: tf.zeros_like(value) if name != "clip" else value for name, value in raw.items()}
    vectors = signature(**alone)["vectors"].numpy()
    lengths = np.linalg.norm(vectors, axis=1)
    np.testing.assert_allclose(lengths, [1.0] * 6 + [0.0] * 2, atol=1e-5)
    alike = vectors @ vectors.T > 0.9999
    # Dusk has the pictures of dawn backwards, of which the mean is the same.
    same = {(ITEMS[a], ITEMS[b]) for a, b in np.argwhere(alike) if a < b}
    assert same == {("dawn", "dusk")}
    # A batch in which no row has a picture.
    nothing = signature(**{name: tf.zeros_like(value[:1]) for name, value in raw.items()})
    np.testing.assert_array_equal(nothing["vectors"], np.zeros_like(vectors[:1]))


def test_warm_up_requests_hold_pictures(version: Path) -> None:
    requests = [inputs for name, inputs in read_warmup(version) if name == "encode_items"]
    assert [request["clip"].shape for request in requests] == [(1, 4), (2, 4)]
    for request in requests:
        assert all(data.startswith(b"\xff\xd8") for data in request["clip"][0])
        assert request["clip_sound"][0].startswith(b"RIFF")
    assert requests[1]["clip"][1].tolist() == [b""] * 4


def test_an_item_and_a_text_are_searched_for(run: Path) -> None:
    for item in ("blue", "dawn", "missing"):
        found = [one["item"] for one in search(run, item=item, k=3)]
        assert len(found) == 3 and item not in found
    assert search(run, text="dusk", k=1)[0]["item"] == "dusk"
