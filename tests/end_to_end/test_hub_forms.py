"""A dict behind a preprocessor and a tuple of frames: encoded, trained, exported and served."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from tests.encoders.hub.modules import bert_module, preprocessor_module, yamnet_module
from tfmmrec.cli import main
from tfmmrec.config.packing import PackConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.feature_values import read_feature_values
from tfmmrec.data.packing import pack
from tfmmrec.models.run_folder import load_run
from tfmmrec.serving.export import export
from tfmmrec.serving.serving_model import ServingModel

TITLES = ["ab", "cd", "", "efg", "h", "ijkl"]

# Runs in a process of its own: TensorFlow alone, no project code.
_SERVE = """
import json, sys
import tensorflow as tf
assert not any(name.startswith(("tfmmrec", "tensorflow_io")) for name in sys.modules)
serve = tf.saved_model.load(sys.argv[1]).signatures["encode_items"]
titles = json.load(open(sys.argv[2]))
sounds = [open(path, "rb").read() if path else b"" for path in json.load(open(sys.argv[3]))]
vectors = serve(title=tf.constant(titles), sound=tf.constant(sounds))["vectors"]
print(json.dumps(vectors.numpy().tolist()))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("forms")
    generator = np.random.default_rng(0)
    rows, log = [], []
    for number, title in enumerate(TITLES):
        sound = f"{number}.wav" if number != 3 else ""
        if sound:
            level = 0.1 * (number + 1)
            soundfile.write(folder / sound, np.full(6000, level), 16000, subtype="PCM_16")
        rows.append({"id": f"i{number}", "title": title, "sound": sound})
    for user in range(12):
        items = generator.permutation(len(TITLES))[:5]
        log += [f"u{user},i{item},{time}" for time, item in enumerate(items)]
    (folder / "items.jsonl").write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    (folder / "log.csv").write_text("\n".join(["user,item,time", *log]) + "\n")
    features = {"title": {"modality": "text"}, "sound": {"modality": "audio"}}
    declared = {
        "items": {"table": "items.jsonl", "id": "id", "features": features},
        "interactions": {"table": "log.csv", "user": "user", "item": "item", "time": "time"},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(declared, sort_keys=False))
    pack(folder / "set.yaml", folder / "data", PackConfig(quiet=True))
    preprocessor_module(folder / "front")
    bert_module(folder / "bert")
    yamnet_module(folder / "yamnet")
    title = {"handle": f"hub:{folder}/bert", "preprocessor": f"{folder}/front"}
    training = {"encoders": {"title": title}, "epochs": 1, "batch_size": 16, "dim": 8}
    (folder / "train.yaml").write_text(yaml.safe_dump(training))
    return folder


@pytest.mark.slow
def test_from_the_command_line_to_a_served_model(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    data, run = str(folder / "data"), folder / "run"
    options = ["--config", str(folder / "train.yaml"), "--encoders.title.pool", "max"]
    options += ["--encoders.title.output", "sequence_output"]
    options += [f"--encoders.sound.handle=hub:{folder}/yamnet", "--encoders.sound.max_seconds", "1"]
    assert main(["encode", data, *options, "--quiet"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("items.title: 6 rows, 5 with a value: 5 values encoded in")
    assert lines[0].endswith("gives output sequence_output, dim 2, max over its other axes")
    assert lines[1].endswith(
        ", dim 4: call(inputs: float32 [?]) at 16000 Hz, at most 1 s, gives output 1, dim 4, "
        "mean over its other axes"
    )
    options += ["--cold_start.weight", "0", "--closed_form.dim", "0"]
    assert main(["train", data, "--out", str(run), *options]) == 0
    again = capsys.readouterr().out.splitlines()[:2]
    assert all(line.endswith(": 5 of 6 rows, from the cache") for line in again)
    described = json.loads((run / "run.json").read_text())["encoders"]["items"]
    assert described["title"]["output"] == "sequence_output"
    assert described["title"]["preprocessor"] == f"{folder}/front"
    assert described["sound"] == {
        "encoder": "HubEncoder",
        "fingerprint": described["sound"]["fingerprint"],
        "handle": f"{folder}/yamnet",
        "dim": 4,
        "signature": "call",
        "inputs": {"inputs": "float32 [?]"},
        "sample_rate": 16000,
        "max_seconds": 1.0,
        "output": "1",
        "pool": "mean",
    }
    served = export(run, folder / "models" / "forms", quiet=True)
    (folder / "titles.json").write_text(json.dumps(TITLES))
    sounds = [f"{folder}/{row}.wav" if row != 3 else "" for row in range(len(TITLES))]
    (folder / "sounds.json").write_text(json.dumps(sounds))
    done = subprocess.run(
        [sys.executable, "-c", _SERVE, str(served), folder / "titles.json", folder / "sounds.json"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    vectors = np.array(json.loads(done.stdout.splitlines()[-1]))
    serving_model = ServingModel(load_run(run, quiet=True))
    raw = read_feature_values(Dataset(folder / "data"), "items", np.arange(len(TITLES)))
    np.testing.assert_allclose(vectors, serving_model.encode_items(raw), atol=1e-5)
    np.testing.assert_allclose(vectors, serving_model.content_search.content, atol=1e-5)


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        (["--encoders.title", "builtin:elmo"], "encoders.title: there is no builtin:elmo for text"),
        (["--encoders.title.picture_size", "260"], "encoders.title.picture_size: is for image"),
        (["--encoders.sound.handle", "hub:none"], "encoder none: no such folder or file"),
        (["--encoders.plot", "builtin"], "encoders.plot: no such feature"),
    ],
)
def test_what_is_wrong_is_one_line(
    folder: Path, option: list[str], reason: str, capsys: pytest.CaptureFixture
) -> None:
    config = ["--config", str(folder / "train.yaml")]
    assert main(["encode", str(folder / "data"), *config, *option, "--quiet"]) == 1
    error = capsys.readouterr().err
    assert reason in error and error.count("\n") == 1
