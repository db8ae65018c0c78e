"""Typing errors are reported before TensorFlow is imported, which takes seconds."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_entry_point import run

OUT = ["--out", "out"]
# The arguments of a command, and a part of its error.
REFUSED: dict[str, tuple[list[str], str]] = {
    "unknown option": (["train", "d", *OUT, "--epoch", "3"], "did you mean --epochs?"),
    "wrong type": (
        ["train", "d", *OUT, "--epochs", "3.5"],
        "epochs: a whole number is needed. Received: 3.5",
    ),
    "nested wrong type": (
        ["train", "d", *OUT, "--negatives.num-uniform", "a"],
        "negatives.num_uniform: a whole number is needed. Received: a",
    ),
    "wrong type in a file": (
        ["train", "d", *OUT, "--config", "types.yaml"],
        "learning_rate: a number is needed. Received: fast",
    ),
    "a file that is not YAML": (
        ["train", "d", *OUT, "--config", "broken.yaml"],
        "broken.yaml: not YAML: while parsing",
    ),
    "unknown key in a file": (
        ["train", "d", *OUT, "--config", "keys.yaml"],
        "keys.yaml: unknown key epoch; did you mean epochs?",
    ),
    "no file": (
        ["train", "d", *OUT, "--config", "T/none.yaml"],
        "error: T/none.yaml: no such file",
    ),
    "a file that is not UTF-8": (
        ["train", "d", *OUT, "--config", "bytes.yaml"],
        "error: bytes.yaml: not YAML: it is not UTF-8",
    ),
    "a folder in place of a file": (
        ["train", "d", *OUT, "--config=taken"],
        "error: taken: is not a file",
    ),
    "nothing": (["train"], "error: give DATA, --out; see --help"),
    "no out": (["train", "d"], "error: give --out; see --help"),
    "no item": (["explain", "r", "--user", "2"], "error: give --item; see --help"),
    "no runs": (["compare"], "error: give RUNS; see --help"),
    "value out of range": (["train", "d", *OUT, "--epochs", "0"], "epochs must be at least 1"),
    "unknown option of an encoder": (
        ["train", "d", *OUT, "--encoders.title.picture_siz", "3"],
        "encoders.title.picture_siz: unknown",
    ),
    "unknown option of fine-tuning": (
        ["encode", "d", "--finetune.poster.rate", "3"],
        "finetune.poster.rate: unknown",
    ),
    "no data to train on": (["train", "d", *OUT], "d: no such folder"),
    "a run that exists": (["train", "d", "--out", "taken"], "taken: exists already"),
    "a training that was stopped": (
        ["train", "d", "--out", "stopped"],
        "stopped.partial: a training was stopped here; add --resume or remove it",
    ),
    "unknown option of a search": (["tune", "d", *OUT, "--trial", "3"], "did you mean --trials?"),
    "wrong type in a search": (
        ["tune", "d", *OUT, "--trials", "x"],
        "trials: a whole number is needed. Received: x",
    ),
    "unknown tuner": (["tune", "d", *OUT, "--tuner", "bayes"], "tuner must be one of random"),
    "no data to search on": (["tune", "d", *OUT], "d: no such folder"),
    "no split": (["evaluate", "r", "--split", "tset"], "--split must be valid or test"),
    "wrong cutoffs": (["evaluate", "r", "--cutoffs", "a"], "a list of whole numbers is needed"),
    "no run to evaluate": (["evaluate", "r"], "r: no such folder"),
    "no run to recommend from": (["recommend", "r"], "r: no such folder"),
    "no run to export": (["export", "r", *OUT], "r: no such folder"),
    "no model to serve": (["serve", "m"], "m: no such folder; give MODELS/NAME"),
    "no run to explain": (["explain", "r", "--user", "u", "--item", "i"], "no such folder"),
    "no run to compare": (["compare", "r", "r2"], "r: no such folder"),
    "a page in the run": (
        ["evaluate", "done", "--report", "done/page.html"],
        "done/page.html: is inside the run folder",
    ),
    "a page in the data": (
        ["compare", "done", "done", "--report", "data/page.html"],
        "choose another --report",
    ),
    "recommendations in the data": (
        ["recommend", "done", "--out", "data/new/recs.jsonl"],
        "recs.jsonl: is inside the data folder",
    ),
    "an export into a run": (
        ["export", "done", "--out", "done"],
        "done: is a run folder; choose another --out",
    ),
    "a run in the data": (["train", "data", "--out", "data/run"], "is inside the data folder"),
    "a search in the data": (["tune", "data", "--out", "data/tuned"], "is inside the data folder"),
    "no run to update": (["update", "r", "--data", "d", *OUT], "r: no such folder"),
}
PROGRAM = """
import contextlib, io, json, sys

class NoTensorFlow:
    def find_spec(self, name, path, target=None):
        if name == "tensorflow":
            raise RuntimeError("TensorFlow is imported")

sys.meta_path.insert(0, NoTensorFlow())
from tfmmrec.cli import main

answers = []
for arguments in json.loads(sys.argv[1]):
    with contextlib.redirect_stderr(io.StringIO()) as said:
        code = main(arguments)
    answers.append([code, said.getvalue()])
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory) -> dict[str, Any]:
    """The exit code and the error of each command, all from one process without TensorFlow."""
    folder = tmp_path_factory.mktemp("early")
    (folder / "types.yaml").write_text("learning_rate: fast\n")
    (folder / "keys.yaml").write_text("epoch: 3\n")
    (folder / "broken.yaml").write_text("epochs: [1\n")
    (folder / "bytes.yaml").write_bytes(b"\xff")
    (folder / "taken").mkdir()
    (folder / "taken" / "run.json").write_text("{}")
    (folder / "done").mkdir()
    (folder / "done" / "run.json").write_text('{"format": 8, "manifest_sha256": ""}')
    (folder / "data").mkdir()
    (folder / "data" / "MANIFEST.json").write_text('{"format": 3, "files": {}}')
    (folder / "stopped.partial").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps([given for given, _ in REFUSED.values()])],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(REFUSED, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_without_tensorflow(case, answers):
    code, error = answers[case]
    assert code in (1, 2) and REFUSED[case][1] in error, error
    assert error.count("\n") == 1


def test_the_processes_of_a_cluster_look_for_data_themselves(tmp_path, monkeypatch, capsys):
    # A parameter server needs no data folder.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TF_CONFIG", "{}")
    monkeypatch.setattr("tfmmrec.training.train.train", lambda *given, **options: {})
    assert run(["train", "d", "--out", "out"], capsys) == (0, "", "")
