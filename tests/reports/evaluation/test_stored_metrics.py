"""The metrics of an earlier evaluation are read only if nothing has changed since."""

import json
import subprocess
import sys

import pytest

from tfmmrec.reports.evaluation.stored_metrics import (
    CONDITIONS,
    evaluation_conditions,
    stored_metrics,
)

OPTIONS = {"modality_attribution": False, "cutoffs": None, "allow_leakage": False, "seed": 0}


@pytest.fixture
def run(tmp_path):
    """A run folder with the files that count, after an evaluation."""
    folder, data = tmp_path / "run", tmp_path / "data"
    (folder / "weights").mkdir(parents=True)
    data.mkdir()
    (data / "MANIFEST.json").write_text("{}")
    (folder / "run.json").write_text(json.dumps({"data": str(data)}))
    (folder / "weights" / "model.index").write_text("weights")
    for name in ("model_card.md", "data_card.md"):
        (folder / name).touch()
    metrics = {"split": "test", CONDITIONS: evaluation_conditions(folder, **OPTIONS)}
    (folder / "metrics.test.json").write_text(json.dumps(metrics))
    return folder


def test_the_same_evaluation_again(run):
    assert stored_metrics(run, "test", **OPTIONS)["split"] == "test"
    assert stored_metrics(run, "valid", **OPTIONS) is None


@pytest.mark.parametrize(
    "option",
    [{"seed": 1}, {"cutoffs": [5]}, {"allow_leakage": True}, {"modality_attribution": True}],
)
def test_other_options(run, option):
    assert stored_metrics(run, "test", **{**OPTIONS, **option}) is None


@pytest.mark.parametrize(
    "path", ["run.json", "weights/model.index", "../data/MANIFEST.json", "metrics.test.json"]
)
@pytest.mark.parametrize("change", ["other content", "gone"])
def test_other_files(run, path, change):
    file = run / path
    if change == "gone":
        file.unlink()
    elif file.suffix == ".json":
        file.write_text(json.dumps({**json.loads(file.read_text()), "more": 1, CONDITIONS: ""}))
    else:
        file.write_text(file.read_text() + " ")
    assert stored_metrics(run, "test", **OPTIONS) is None


def test_a_card_is_written_again(run):
    (run / "model_card.md").unlink()
    assert stored_metrics(run, "test", **OPTIONS) is None


def test_metrics_cut_off_are_not_read(run):
    file = run / "metrics.test.json"
    file.write_text(file.read_text()[:-3])
    assert stored_metrics(run, "test", **OPTIONS) is None
    file.write_text("[]")
    assert stored_metrics(run, "test", **OPTIONS) is None


def test_neither_reading_nor_printing_them_imports_tensorflow():
    modules = "console", "stored_metrics"
    code = "".join(f"import tfmmrec.reports.evaluation.{name}\n" for name in modules)
    code += "import sys; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
