"""A feature of vectors goes all the way: packed, trained, exported, warmed up, served."""

import asyncio
import json
import math
from pathlib import Path

import httpx
import numpy as np
import pytest
import tensorflow as tf
import yaml

from tests.once import CONTENT_ALONE, ONCE
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.encoders.factory import create_encoder
from tfmmrec.serving.export import export
from tfmmrec.serving.rest_server import create_app
from tfmmrec.serving.warmup import read_warmup
from tfmmrec.training.train import train

NUM_ITEMS, NUM_USERS = 12, 16


def write_catalog(folder: Path) -> Path:
    """Items on a circle, every fourth without its place; users with three numbers as text."""
    items = []
    for n in range(NUM_ITEMS):
        angle = 2 * math.pi * n / NUM_ITEMS
        place = None if n % 4 == 3 else [math.cos(angle), math.sin(angle)]
        items.append({"id": f"i{n}", "place": place})
    users = ["id,taste", *(f'u{n},"[{n}, 0.5, -1]"' for n in range(NUM_USERS))]
    log = ["user,item,time"]
    for user in range(NUM_USERS):
        log += [f"u{user},i{(user + step) % NUM_ITEMS},{step}" for step in range(6)]
    (folder / "items.jsonl").write_text("\n".join(map(json.dumps, items)))
    (folder / "users.csv").write_text("\n".join(users))
    (folder / "log.csv").write_text("\n".join(log))
    content = {
        "items": {
            "table": "items.jsonl",
            "id": "id",
            "features": {"place": {"modality": "vector", "dim": 2}},
        },
        "users": {
            "table": "users.csv",
            "id": "id",
            "features": {"taste": {"modality": "vector", "dim": 3}},
        },
        "interactions": {"table": "log.csv", "user": "user", "item": "item", "time": "time"},
    }
    (folder / "dataset.yaml").write_text(yaml.safe_dump(content))
    return folder / "dataset.yaml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("vectors")


@pytest.fixture(scope="module")
def dataset(folder: Path) -> Dataset:
    pack(write_catalog(folder), folder / "data", PackConfig(quiet=True))
    return Dataset(folder / "data")


@pytest.fixture(scope="module")
def model_dir(folder: Path, dataset: Dataset) -> Path:
    train(
        dataset.folder,
        folder / "run",
        TrainConfig(**ONCE, **CONTENT_ALONE, epochs=1, dim=8, quiet=True),
    )
    export(folder / "run", folder / "places", quiet=True)
    return folder / "places"


def test_vectors_are_packed_and_encoded_as_they_are(dataset: Dataset) -> None:
    (places,) = dataset.values("items", "place", batch_size=NUM_ITEMS)
    present = dataset.schema.items["place"].present(places).numpy()
    assert present.tolist() == [n % 4 != 3 for n in range(NUM_ITEMS)]
    encoded = create_encoder(dataset, "items", "place", "builtin").encode(places).numpy()
    # Item 1 of 12 stands at 30 degrees: cosine 0.8660, sine 0.5. Item 3 is absent.
    np.testing.assert_allclose(encoded[1], [0.8660254, 0.5], atol=1e-6)
    assert encoded[3].tolist() == [0.0, 0.0]


def test_the_warm_up_has_the_vectors_length(model_dir: Path) -> None:
    shapes = {
        (signature, name): value.shape[1:]
        for signature, inputs in read_warmup(model_dir / "1")
        for name, value in inputs.items()
        if name in ("place", "user_taste")
    }
    assert shapes == {
        ("serving_default", "user_taste"): (3,),
        ("encode_items", "place"): (2,),
        ("search", "place"): (2,),
    }


def ask(model_dir: Path, signature: str, rows: list[dict]) -> tuple[int, dict]:
    async def post() -> httpx.Response:
        transport = httpx.ASGITransport(app=create_app(model_dir))
        async with httpx.AsyncClient(transport=transport, base_url="http://toy") as client:
            body = json.dumps({"signature_name": signature, "instances": rows})
            return await client.post("/v1/models/places:predict", content=body)

    answer = asyncio.run(post())
    return answer.status_code, json.loads(answer.text)


def test_the_server_takes_vectors_as_lists(model_dir: Path) -> None:
    # The place of item 4, as a shop would send it, finds item 4; NaN is nothing to search by.
    angle = 2 * math.pi * 4 / NUM_ITEMS
    rows = [
        {"place": [math.cos(angle), math.sin(angle)], "k": 3},
        {"place": [math.nan, math.nan], "k": 3},
    ]
    status, answer = ask(model_dir, "search", rows)
    assert status == 200, answer
    assert answer["predictions"][0]["items"][0] == "i4"
    assert answer["predictions"][1]["scores"] == [0.0, 0.0, 0.0]
    user = {"history": ["i0"], "exclude": [""], "k": 2, "user_taste": [1, 0.5, -1]}
    status, answer = ask(model_dir, "serving_default", [user])
    assert status == 200, answer
    assert len(set(answer["predictions"][0]["items"]) - {"i0", ""}) == 2


def test_a_vector_of_another_length_is_told_so(model_dir: Path) -> None:
    status, answer = ask(model_dir, "search", [{"place": [1.0, 0.0, 0.0], "k": 3}])
    assert status == 400
    assert "place: the shape (None, 2) is needed" in answer["error"]


def test_an_absent_vector_gives_no_content(model_dir: Path, dataset: Dataset) -> None:
    (places,) = dataset.values("items", "place", batch_size=NUM_ITEMS)
    loaded = tf.saved_model.load(str(model_dir / "1"))
    vectors = loaded.signatures["encode_items"](place=places)["vectors"].numpy()
    lengths = np.linalg.norm(vectors, axis=1)
    np.testing.assert_allclose(lengths, [n % 4 != 3 for n in range(NUM_ITEMS)], atol=1e-5)
