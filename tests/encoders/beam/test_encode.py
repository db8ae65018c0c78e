"""records/beam_encode.py: the cache that Beam fills is the one that `tfmmrec encode` fills."""

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
import yaml

from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.encoders.encoded_features import EncodedEntities, encode_entities
from tfmmrec.errors import DataError

pytest.importorskip("apache_beam", reason="Apache Beam is not installed: tfmmrec[beam]")

from tfmmrec.encoders.beam import encode_on_beam

NUM_ITEMS = 70
WORDS = ("red", "green", "blue", "a longer text of several words")
TAGS = ("", '''"['a', 'bc']"''')
FEATURES = {
    "title": {"modality": "text"},
    "plot": {"modality": "text", "steps": [{"step": "pca", "dim": 2}]},
    "poster": {"modality": "image"},
    "tags": {"modality": "text", "multi_valued": True, "max_values": 3},
    "year": {"modality": "number"},
}


class Lengths(tf.Module):
    """A module that encodes a text as its length, and fails on the text `bad`."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        lengths = tf.cast(tf.strings.length(texts), tf.float32)
        tf.debugging.assert_none_equal(texts, "bad", message="the module cannot read it")
        return tf.stack([lengths, 2.0 * lengths], axis=1)


def item_line(n: int) -> str:
    # Titles occur several times, and as plots; items 5 and 6 lack texts, item 7 has no poster.
    title = "" if n in (5, 6) else f"{WORDS[n % 4]} {n % 40}"
    plot = "" if n == 6 else f"{WORDS[n % 3]} {n % 30}"
    return f"i{n},{title},{plot},{'' if n == 7 else f'{n % 5}.png'},{TAGS[n % 2]},{n}"


def write(folder: Path, lines: list[str] | None = None, **options: Any) -> Path:
    """Packs items, and users with a text; returns the data folder."""
    folder.mkdir()
    for n in range(5):
        picture = io.BytesIO()
        PIL.Image.new("RGB", (8, 8), (50 * n, 10, 0)).save(picture, format="PNG")
        (folder / f"{n}.png").write_bytes(picture.getvalue())
    lines = lines or [item_line(n) for n in range(NUM_ITEMS)]
    tables = {
        "items": ["id,title,plot,poster,tags,year", *lines],
        "users": ["id,about", "u0,red 0", "u1,somebody"],
        "log": ["user,item,time", "u0,i1,1", "u1,i2,2"],
    }
    for name, rows in tables.items():
        (folder / f"{name}.csv").write_text("\n".join(rows) + "\n")
    content = {
        "items": {"table": "items.csv", "id": "id", "features": FEATURES},
        "users": {"table": "users.csv", "id": "id", "features": {"about": {"modality": "text"}}},
        "interactions": {"table": "log.csv", "user": "user", "item": "item", "time": "time"},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    pack(folder / "set.yaml", folder / "data", PackConfig(quiet=True, **options))
    return folder / "data"


def encode_here(data: Path) -> dict[str, EncodedEntities]:
    """Encodes as `tfmmrec encode` does."""
    dataset, config = Dataset(data), TrainConfig(quiet=True)
    return {entity: encode_entities(dataset, entity, config) for entity in ("items", "users")}


def num_encoded(encoded: dict[str, EncodedEntities]) -> dict[str, int]:
    return {
        f"{entity}.{name}": one.num_encoded
        for entity, entities in encoded.items()
        for name, one in entities.encodings.items()
        if entities.encoders[name].is_network
    }


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    """A data folder of two shards, encoded here and on Beam."""
    folder = tmp_path_factory.mktemp("beam_encode")
    here = write(folder / "set", shard_bytes=10_000)
    assert len(list((here / "items").iterdir())) > 1
    beam = folder / "beam"
    shutil.copytree(here, beam)
    encode_here(here)
    return {"here": here, "beam": beam, "encoded": encode_on_beam(beam, TrainConfig())}


def test_the_cache_is_that_of_the_local_command(folders):
    tables = {
        path.name: path for path in (folders["here"] / "cache").iterdir() if path.name[0] != "v"
    }
    assert {path.name for path in (folders["beam"] / "cache").iterdir()} == {*tables, "values"}
    for name, expected in tables.items():
        for file in ("encodings.npy", "present.npy"):
            if (expected / file).exists():
                found = np.load(folders["beam"] / "cache" / name / file)
                # To the bit: the batches are the same.
                np.testing.assert_array_equal(found, np.load(expected / file), name)


def test_what_beam_encoded_is_not_encoded_again(folders):
    again = encode_here(folders["beam"])
    assert set(num_encoded(again).values()) == {0}


def test_each_distinct_value_is_encoded_once_by_the_features_that_share_an_encoder(folders):
    counts = num_encoded(folders["encoded"])
    titles = {item_line(n).split(",")[1] for n in range(NUM_ITEMS)} - {""}
    plots = {item_line(n).split(",")[2] for n in range(NUM_ITEMS)} - {""}
    # One encoder encodes them all; the first feature is the one to whose encodings a PCA is fitted.
    assert counts["items.plot"] == len(plots)
    assert counts["items.title"] == len(titles - plots) > 0
    assert counts["users.about"] == len({"red 0", "somebody"} - titles - plots) == 1
    # Five pictures, one list.
    assert (counts["items.poster"], counts["items.tags"]) == (5, 1)


def test_values_that_the_cache_has_are_not_encoded_again(folders, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(folders["beam"], data)
    cache = data / "cache"
    assert set(num_encoded(encode_on_beam(data, TrainConfig())).values()) == {0}
    # Without tables and without one part of the stores, as after an interrupted run.
    for table in [path for path in cache.iterdir() if path.name.startswith(("items.", "users."))]:
        shutil.rmtree(table)
    lost = sorted((cache / "values").glob("image.*/*.npz"))[0]
    with np.load(lost) as part:
        num_lost = len(part["keys"])
    lost.unlink()
    counts = num_encoded(encode_on_beam(data, TrainConfig()))
    assert counts.pop("items.poster") == num_lost
    assert set(counts.values()) == {0}


def test_a_value_that_fails_is_one_line_and_leaves_no_table(tmp_path):
    tf.saved_model.save(Lengths(), str(tmp_path / "module"))
    lines = [item_line(n) for n in range(NUM_ITEMS)]
    lines[50] = lines[50].replace("blue 10", "bad", 1)
    # Compressed shards are read as well.
    data = write(tmp_path / "set", lines, gzip=True)
    config = TrainConfig(features=["title"], encoders={"title": f"hub:{tmp_path / 'module'}"})
    with pytest.raises(DataError) as raised:
        encode_on_beam(data, config)
    line = f"{data}: items 'i50': the encoder of title fails on its value: "
    assert str(raised.value).startswith(line) and "\n" not in str(raised.value)
    assert "the module cannot read it" in str(raised.value)
    left = {path.name for path in (data / "cache").iterdir()}
    assert not [name for name in left if name.startswith(("items.", ".beam"))]


def test_another_encoder_on_a_worker_is_refused(folders, tmp_path, monkeypatch):
    from tfmmrec.encoders.beam import job

    class Changed:
        fingerprint = "of other files"

    monkeypatch.setattr(job, "create_unreduced_encoder", lambda *_, **__: Changed())
    data = tmp_path / "data"
    shutil.copytree(folders["here"], data, ignore=lambda *_: {"cache"})
    with pytest.raises(DataError, match=r"encoder builtin of items\.title.*: a worker has other"):
        encode_on_beam(data, TrainConfig(features=["title"]))
