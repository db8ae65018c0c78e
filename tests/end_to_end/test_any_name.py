"""Features with any name, in folders with any name: packed, trained, exported and served.

It trains a world of its own: a shared one has features and folders of plain names.
"""

import json
from pathlib import Path

import pytest
import yaml

from tests.once import SMALL_TRAINING
from tests.worlds import shared
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.reports.evaluation.evaluate_run import evaluate_run
from tfmmrec.serving.export import export
from tfmmrec.serving.loaded_model import ServedModel
from tfmmrec.serving.rest_json import decode_request
from tfmmrec.serving.warmup import read_warmup
from tfmmrec.training.train import train

# Few features, since each takes seconds; tests/serving/test_input_names.py tries more names.
TEXTS = ["Book Title: 标题 🎬", "class"]
CATEGORIES = ["kind/../of", "Kind", "kind", "y" * 300]
NUMBERS = ["k", "<b>&\"'"]
USERS = ["..", "k"]
ODD = "data [v1] {a} 100% #1 ?* \\ Übung 数据"


def _pack(folder: Path) -> None:
    tables = folder / ODD
    tables.mkdir(parents=True)
    words = ("red", "green", "blue")
    with (tables / "items [1].jsonl").open("w") as file:
        for row in range(10):
            item = {"the id": f"i{row}"}
            item |= {name: words[(row + n) % 3] for n, name in enumerate(TEXTS)}
            item |= {name: words[(row + n) % 2] for n, name in enumerate(CATEGORIES)}
            item |= {name: row for name in NUMBERS}
            print(json.dumps(item), file=file)
    with (tables / "users.jsonl").open("w") as file:
        for row in range(12):
            user = {"id": f"u{row}"} | {name: words[row % 2] for name in USERS}
            print(json.dumps(user), file=file)
    with (tables / "log.jsonl").open("w") as file:
        for user in range(12):
            for n in range(5):
                event = {"u": f"u{user}", "i": f"i{(user + n) % 10}", "t": 1000 * user + n}
                print(json.dumps(event), file=file)
    features = {name: {"modality": "text"} for name in TEXTS}
    features |= {name: {"modality": "categorical"} for name in CATEGORIES}
    features |= {name: {"modality": "number"} for name in NUMBERS}
    users = {name: {"modality": "categorical"} for name in USERS}
    content = {
        "items": {"table": "items [1].jsonl", "id": "the id", "features": features},
        "users": {"table": "users.jsonl", "id": "id", "features": users},
        "interactions": {"table": "log.jsonl", "user": "u", "item": "i", "time": "t"},
    }
    path = tables / "set [1].yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
    pack(path, tables / "packed", PackConfig(quiet=True))


def _make(folder: Path) -> None:
    _pack(folder)
    odd = folder / ODD
    config = TrainConfig(**SMALL_TRAINING, checkpoints=str(odd / "kept [*]"))
    train(odd / "packed", odd / "run[lr=0.1]", config)
    export(odd / "run[lr=0.1]", odd / "models [a]" / "m", quiet=True)


@pytest.fixture(scope="module")
def odd(tmp_path_factory) -> Path:
    return shared(tmp_path_factory, "any_name", _make) / ODD


def test_each_name_has_a_vocabulary_of_its_own_in_the_data_folder(odd: Path) -> None:
    dataset = Dataset(odd / "packed")
    for n, name in enumerate(CATEGORIES):
        assert sorted(dataset.categories("items", name)) == ["green", "red"], (n, name)
    files = {path.name.lower() for path in (odd / "packed" / "vocabulary").iterdir()}
    assert len(files) == len(CATEGORIES) + len(USERS) + 4
    assert all(path.is_relative_to(odd) for path in odd.rglob("*"))
    assert sorted(path.name for path in odd.parent.iterdir()) == [ODD]


def test_the_inputs_of_the_served_model_are_the_features(odd: Path) -> None:
    model = ServedModel(odd / "models [a]" / "m")
    served = set(model.signatures["encode_items"])
    # `k` is the number of results of a search.
    assert served == {*TEXTS, *CATEGORIES, *NUMBERS, "item_k"} - {"k"}
    users = {f"user_{name}" for name in USERS}
    assert set(model.signatures["serving_default"]) == {"history", "exclude", "k", *users}


def test_every_name_carries_its_own_values(odd: Path) -> None:
    """A value that arrived under another name would give another vector."""
    model = ServedModel(odd / "models [a]" / "m")
    version = odd / "models [a]" / "m" / "1"
    item = next(inputs for name, inputs in read_warmup(version) if name == "encode_items")
    row = {
        name: value[0].tolist() if value.dtype.kind == "f" else _texts(value[0])
        for name, value in item.items()
    }

    def vector(changed: dict) -> list[float]:
        body = {"signature_name": "encode_items", "instances": [{**row, **changed}]}
        request = decode_request(json.dumps(body).encode(), model.signatures)
        return model.predict(request)["vectors"][0].tolist()

    vectors = [vector({}), *(vector({name: "green blue"}) for name in row if name in TEXTS)]
    assert len({str(each) for each in vectors}) == len(vectors)
    assert model.name == "m"


def _texts(value: object) -> object:
    return value.decode() if isinstance(value, bytes) else [each.decode() for each in value]


def test_the_run_is_evaluated_in_its_folder(odd: Path) -> None:
    evaluate_run(odd / "run[lr=0.1]", report=odd / "page [1].html", quiet=True)
    page = (odd / "page [1].html").read_text()
    assert '<b>&"' not in page and "标题" in page
