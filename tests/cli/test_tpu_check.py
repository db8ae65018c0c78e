"""`tfmmrec doctor --tpu-check`: its report on training files, and its exit code."""

from pathlib import Path

import pytest
import yaml

from tfmmrec.cli import main


def check(folder: Path, capsys, options: dict, *arguments: str) -> tuple[int, list[str], str]:
    file = folder / "train.yaml"
    file.write_text(yaml.safe_dump(options))
    code = main(["doctor", "--tpu-check", str(file), *arguments])
    out, err = capsys.readouterr()
    return code, out.splitlines(), err


SEQUENCE = {
    "features": ["title", "poster"],
    "projection_units": 0,
    "query": {"kind": "transformer", "max_history": 6, "layers": 1},
    "contrastive": {"co_engagement": 0.1},
    "negatives": {"num_uniform": 3},
    # The check has its own.
    "jit_compile": True,
    "strategy": "one",
}


@pytest.mark.slow
def test_on_a_catalogue_that_is_drawn(tmp_path, capsys):
    code, lines, _ = check(tmp_path, capsys, SEQUENCE)
    assert (code, lines) == (
        0,
        [
            "ignored, since the synthetic catalog does not have them: poster",
            "nothing in the step that a TPU cannot run",
        ],
    )


def test_on_data(tmp_path, capsys, small):
    options = {"features": [], "query": {"kind": "mean"}, "task": "joint"}
    code, lines, _ = check(tmp_path, capsys, options, "--data", str(small.folder))
    assert (code, lines) == (0, ["nothing in the step that a TPU cannot run"])


def test_encoders_that_read_texts_are_named(tmp_path, capsys):
    options = {
        "features": ["title"],
        "finetune": {"title": {}},
        "encoders": {"title": "builtin:lstm"},
        "projection_units": 0,
    }
    code, lines, err = check(tmp_path, capsys, options)
    assert code == 1 and "Traceback" not in err
    assert lines[0] == "the batch: input title/inputs: is a string"
    assert any("StringSplitV2" in line and "is not implemented in XLA" in line for line in lines)
    assert lines[-1] == f"{len(lines) - 1} in the step that a TPU cannot run"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"features": ["poster"]}, "has no poster; it has title, description, picture"),
        ({"finetune": ["poster"]}, "name the data folder by --data"),
        ({"epoch": 3}, "epoch"),
    ],
)
def test_a_training_file_that_does_not_fit_is_refused(tmp_path, capsys, options, problem):
    code, _, err = check(tmp_path, capsys, options)
    assert code == 1 and problem in err


def test_data_alone_is_no_question(capsys):
    assert main(["doctor", "--data", "data"]) == 1
    assert "only --tpu-check CONFIG looks at data" in capsys.readouterr().err
