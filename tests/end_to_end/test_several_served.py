"""Several photos, reviews and sounds an item, from tables to served vectors."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import soundfile
import tensorflow as tf

from tests.once import ONCE
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.catalog_writer import write_catalog
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.feature_values import read_feature_values
from tfmmrec.data.packing import pack
from tfmmrec.models.run_folder import load_run
from tfmmrec.reports.item_cards import ItemCards
from tfmmrec.serving.export import export
from tfmmrec.serving.rest_json import decode_request
from tfmmrec.serving.search import search
from tfmmrec.serving.serving_model import ServingModel
from tfmmrec.serving.warmup import read_warmup
from tfmmrec.training.train import train


def picture(*colour: int) -> bytes:
    out = io.BytesIO()
    PIL.Image.new("RGB", (16, 16), colour).save(out, "PNG")
    return out.getvalue()


def tone(frequency: float) -> bytes:
    out = io.BytesIO()
    wave = 0.5 * np.sin(2 * np.pi * frequency * np.arange(4000) / 8000)
    soundfile.write(out, wave, 8000, format="FLAC")
    return out.getvalue()


RED, GREEN, BLUE = picture(240, 0, 0), picture(0, 240, 0), picture(0, 0, 240)
LOW, HIGH = tone(200.0), tone(1500.0)
# By item: photos, reviews, sounds. Three photos are kept at most.
ITEMS: dict[str, tuple[list[bytes], list[str], list[bytes]]] = {
    "rg": ([RED, GREEN], ["a quiet film about the sea", "slow, but warm"], [LOW, HIGH]),
    "gr": ([GREEN, RED], ["a loud film about cars"], []),
    "one": ([BLUE], ["cars again | and again", "too loud", "fun"], [HIGH]),
    "four": ([BLUE, BLUE, GREEN, RED], [], [LOW]),
    "half": ([b"no picture", GREEN], ["nothing new"], [HIGH, HIGH]),
    "broken": ([b"no picture"], ["whatever"], []),
    "none": ([], [], []),
}
NAMES = list(ITEMS)
# The reviews are pooled by the tower too, and the sounds by the encoder.
ENCODERS: Any = {
    "photos": {"handle": "builtin", "pool_values": "attention"},
    "reviews": {"pool_values": "attention"},
    "sounds": {"pool_values": "mean"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("several")


@pytest.fixture(scope="module")
def dataset(folder: Path) -> Dataset:
    def files(name: str, contents: list[bytes], suffix: str) -> list[tuple[str, bytes]]:
        return [(f"{name}{place}.{suffix}", data) for place, data in enumerate(contents)]

    path = write_catalog(
        folder / "catalogue",
        name="several",
        items=[
            {
                "item_id": name,
                "photos": files(name, photos, "png"),
                "reviews": reviews,
                "sounds": files(name, sounds, "flac"),
            }
            for name, (photos, reviews, sounds) in ITEMS.items()
        ],
        item_features={
            "photos": {"modality": "image", "separator": "|", "max_values": 3},
            "reviews": {
                "modality": "text",
                "multi_valued": True,
                "steps": [{"step": "pca", "dim": 4}],
            },
            "sounds": {"modality": "audio", "multi_valued": True},
        },
        interactions=[
            {"user_id": f"u{user}", "item_id": NAMES[(user + step) % 7], "timestamp": step}
            for user in range(7)
            for step in range(5)
        ],
    )
    pack(path, folder / "data", PackConfig(max_rejects=0.3, quiet=True))
    return Dataset(folder / "data")


@pytest.fixture(scope="module")
def run(dataset: Dataset, folder: Path) -> Path:
    options = {"epochs": 30, "learning_rate": 0.01, "contrastive": {"cross_modal": 1.0}, "dim": 16}
    config = TrainConfig(**ONCE, **options, batch_size=8, encoders=ENCODERS, quiet=True)
    train(dataset.folder, folder / "run", config)
    return folder / "run"


@pytest.fixture(scope="module")
def version(run: Path, folder: Path) -> Path:
    return export(run, folder / "models" / "several", quiet=True)


def test_what_was_packed_is_read_back(dataset: Dataset) -> None:
    photos = tf.concat(list(dataset.values("items", "photos", batch_size=3)), axis=0)
    expected = [photos[:3] for photos, _, _ in ITEMS.values()]
    expected[NAMES.index("half")], expected[NAMES.index("broken")] = [GREEN], []
    assert photos.to_list() == expected
    reviews = tf.concat(list(dataset.values("items", "reviews", batch_size=3)), axis=0)
    assert reviews.to_list() == [[text.encode() for text in row[1]] for row in ITEMS.values()]
    lines = (dataset.folder / "rejects.jsonl").read_text().splitlines()
    rejects = [(entry["row"], entry["field"], entry["reason"]) for entry in map(json.loads, lines)]
    reason = "value 1: not a picture that can be decoded: 'photos/{}0.png'"
    rows = [(NAMES.index(name) + 1, "photos", reason.format(name)) for name in ("half", "broken")]
    assert rejects == rows


def test_the_encoders_give_what_the_tower_pools(run: Path) -> None:
    bundle = load_run(run, quiet=True)
    shapes = {name: e.values.shape for name, e in bundle.items.encodings.items()}
    assert shapes["photos"] == (7, 3, 256)
    # The table is as wide as the longest list; a request may hold up to eight.
    assert shapes["reviews"] == (7, 3, 4)
    assert len(shapes["sounds"]) == 2
    filled = np.asarray(bundle.items.encodings["reviews"].values).any(axis=-1).sum(axis=1)
    assert filled.tolist() == [2, 1, 3, 0, 1, 1, 0]
    values = {info.name: info.num_values for info in bundle.items.features()}
    assert values == {"photos": 3, "reviews": 3, "sounds": 0}
    queries = [w for w in bundle.model.item_tower.trainable_variables if "query" in w.name]
    assert sorted(tuple(query.shape) for query in queries) == [(4,), (256,)]
    # An epoch has moved them from where they start.
    assert all(np.abs(query.numpy()).max() > 0 for query in queries)


def as_json(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [as_json(part) for part in value]
    return {"b64": base64.b64encode(value).decode()}


def test_served_vectors_are_those_of_python(dataset: Dataset, run: Path, version: Path) -> None:
    serving_model = ServingModel(load_run(run, quiet=True))
    raw = read_feature_values(dataset, "items", np.arange(7))
    raw = {name: dataset.schema.items[name].servable_values(raw[name]) for name in raw}
    expected = serving_model.encode_items(raw).numpy()
    # What eight reviews vary by in their last components is little, and standardised.
    model = serving_model.model
    cached = model.item_tower.cold_embeddings(model.items.gather(tf.range(len(NAMES))))
    np.testing.assert_allclose(cached, expected, atol=2e-4)
    signature = tf.saved_model.load(str(version)).signatures["encode_items"]
    instances = [{name: as_json(raw[name][row].numpy()) for name in raw} for row in range(7)]
    body = {"signature_name": "encode_items", "instances": instances}
    specs = {"encode_items": signature.structured_input_signature[1]}
    request = decode_request(json.dumps(body).encode(), specs)
    served = signature(**{name: tf.constant(value) for name, value in request.inputs.items()})
    np.testing.assert_allclose(served["vectors"], expected, atol=2e-4)
    # By photos alone: their order does not matter, those behind the third are passed over, and none
    # at all gives zeros.
    nothing = {name: tf.zeros_like(value) for name, value in raw.items()}
    photos = tf.constant(
        [[RED, GREEN, b"", b""], [b"", GREEN, b"", RED], [RED, GREEN, GREEN, BLUE]]
    )
    photos = tf.concat([photos, [[RED, GREEN, GREEN, b""], [b""] * 4]], axis=0)
    given = {**{name: value[:5] for name, value in nothing.items()}, "photos": photos}
    vectors = signature(**given)["vectors"].numpy()
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-5)
    np.testing.assert_allclose(vectors[2], vectors[3], atol=1e-5)
    assert np.abs(vectors[0] - vectors[2]).max() > 1e-4
    np.testing.assert_array_equal(vectors[4], np.zeros(16))


def test_warm_up_requests_hold_several_values(version: Path) -> None:
    requests = [inputs for name, inputs in read_warmup(version) if name == "encode_items"]
    assert [request["photos"].shape for request in requests] == [(1, 2), (2, 2)]
    for request in requests:
        assert request["photos"][0].tolist() == [RED, GREEN]
        assert all(data.startswith(b"RIFF") for data in request["sounds"][0])


def test_search_by_one_value(run: Path, tmp_path: Path) -> None:
    (tmp_path / "a|b.png").write_bytes(BLUE)
    blue = {found["item"]: found for found in search(run, image=tmp_path / "a|b.png", k=2)}
    assert set(blue) == {"one", "four"}
    assert blue["one"]["texts"]["reviews"] == "cars again | and again | too loud | fun"
    (tmp_path / "low.flac").write_bytes(LOW)
    assert search(run, audio=tmp_path / "low.flac", k=1)[0]["item"] == "four"
    assert search(run, text="nothing new", k=1)[0]["item"] == "half"
    assert search(run, item="half", k=1)[0]["item"] != "half"


def test_of_several_sounds_and_pictures_the_first_is_shown(dataset: Dataset) -> None:
    rows = [NAMES.index(name) for name in ("rg", "gr", "four")]
    tiles = [str(ItemCards(dataset, rows).tile(row)) for row in rows]
    assert ["<audio" in tile for tile in tiles] == [True, False, True]
    assert all("<img" in tile for tile in tiles)
    assert "a quiet film about the sea" in tiles[0]
