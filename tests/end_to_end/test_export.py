"""The export answers what `tfmmrec recommend` answers, in a process without tfmmrec."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.feature_values import read_feature_values
from tfmmrec.models.run_folder import load_run
from tfmmrec.serving.batch_recommend import recommend
from tfmmrec.serving.core_ops import foreign_ops
from tfmmrec.serving.export import export
from tfmmrec.serving.warmup import read_warmup

# Runs in a process of its own: TensorFlow alone, the version 1 loader, no project code.
_V1 = """
import json, sys
import numpy as np
import tensorflow as tf
assert not any(name.startswith("tfmmrec") for name in sys.modules)
request = json.load(open(sys.argv[2]))
with tf.compat.v1.Session(graph=tf.Graph()) as session:
    meta = tf.compat.v1.saved_model.load(session, ["serve"], sys.argv[1])
    signature = meta.signature_def["serving_default"]
    dtypes = {k: tf.as_dtype(v.dtype).as_numpy_dtype for k, v in signature.inputs.items()}
    assert set(dtypes) == set(request), (sorted(dtypes), sorted(request))
    feed = {signature.inputs[k].name: np.array(v, dtypes[k]) for k, v in request.items()}
    outputs = {k: v.name for k, v in signature.outputs.items()}
    got = session.run(outputs, feed)
print(json.dumps({"items": [[i.decode() for i in row] for row in got["items"]],
                  "scores": got["scores"].tolist()}))
"""


def test_it_holds_core_ops_alone(model_dir: Path) -> None:
    assert foreign_ops(model_dir / "1") == []


def test_the_answers_are_those_of_recommend(
    model_dir: Path, run: Path, data: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(model_dir / "1", tmp_path / "elsewhere" / "1")
    dataset = Dataset(data)
    lines = recommend(run, users=",".join(dataset.user_ids[:20]), k=15, split="test", quiet=True)
    past = dataset.histories(["train", "valid"])
    histories = [[dataset.item_ids[i] for i in past.of_user(user)] for user in range(20)]
    widest = max(map(len, histories))
    features = read_feature_values(dataset, "users", np.arange(20))
    request = {
        "history": [history + [""] * (widest - len(history)) for history in histories],
        "exclude": [[""]] * 20,
        "k": [15] * 20,
    }
    for name, values in features.items():
        listed = np.vectorize(lambda v: v.decode() if isinstance(v, bytes) else float(v))(values)
        request[f"user_{name}"] = listed.tolist()
    (tmp_path / "request.json").write_text(json.dumps(request))
    done = subprocess.run(
        [sys.executable, "-c", _V1, str(copy), str(tmp_path / "request.json")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    served = json.loads(done.stdout.splitlines()[-1])
    # Items whose scores are as good as the same may change places.
    scores = [dict(zip(line["items"], line["scores"], strict=True)) for line in lines]
    expected = [
        [own[item] for item in items] for own, items in zip(scores, served["items"], strict=True)
    ]
    np.testing.assert_allclose(served["scores"], expected, atol=1e-5)
    assert all(len(set(items)) == 15 for items in served["items"])


def test_k_and_exclusions_come_with_the_request(model_dir: Path) -> None:
    serve = tf.saved_model.load(str(model_dir / "1")).signatures["serving_default"]
    requests = [i for name, i in read_warmup(model_dir / "1") if name == "serving_default"]
    request = dict(next(inputs for inputs in requests if len(inputs["k"]) == 2))
    request["k"] = np.array([5, 2], np.int32)
    plain = serve(**{name: tf.constant(value) for name, value in request.items()})
    assert plain["items"].shape == (2, 5)
    assert [item == b"" for item in plain["items"].numpy()[1]] == [False, False, True, True, True]
    assert not set(plain["items"].numpy()[0]) & set(request["history"][0])
    best = plain["items"].numpy()[:, :1]
    request["exclude"] = best
    without = serve(**{name: tf.constant(value) for name, value in request.items()})
    assert without["items"].numpy()[0, 0] == plain["items"].numpy()[0, 1]
    assert best[1, 0] not in without["items"].numpy()[1]


def test_raw_content_becomes_the_vector_of_a_new_item(
    model_dir: Path, run: Path, catalogue: Path, data: Path
) -> None:
    """A WAV, a PNG and texts as a shop would send them find the item that they belong to."""
    rows = [json.loads(line) for line in (catalogue / "items.jsonl").open()]
    row = next(r for r in rows if r.get("title") and r.get("picture") and r.get("sound"))
    loaded = tf.saved_model.load(str(model_dir / "1"))
    request = dict(next(i for name, i in read_warmup(model_dir / "1") if name == "search"))
    for feature in ("title", "description"):
        request[feature] = np.array([(row.get(feature) or "").encode()], object)
    for feature in ("picture", "sound"):
        request[feature] = np.array([(catalogue / row[feature]).read_bytes()], object)
    inputs = {name: tf.constant(value) for name, value in request.items()}
    assert loaded.signatures["search"](**inputs)["items"].numpy()[0, 0].decode() == row["item_id"]
    del inputs["k"]
    place = Dataset(data).item_ids.index(row["item_id"])
    # What tables hold is taken from the data folder.
    tables = read_feature_values(Dataset(data), "items", np.array([place]))
    inputs.update({name: tables[name] for name in ("genres", "year")})
    vector = loaded.signatures["encode_items"](**inputs)["vectors"].numpy()
    model = load_run(run, quiet=True).model
    expected = model.item_tower.cold_embeddings(model.items.gather(tf.constant([place])))
    assert model.item_tower.regression.fitted_weight.numpy() > 0
    np.testing.assert_allclose(vector, expected, atol=1e-4)


def test_versions_count_up(run: Path, tmp_path: Path) -> None:
    (tmp_path / "model" / "7").mkdir(parents=True)
    assert export(run, tmp_path / "model", quiet=True).name == "8"
