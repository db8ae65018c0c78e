"""The preset of a command line or its file stands below all other options."""

from pathlib import Path

import pytest

from tfmmrec.cli import main
from tfmmrec.cli.command import build_config
from tfmmrec.cli.entry_point import build_parser
from tfmmrec.cli.nested_overrides import fold_overrides
from tfmmrec.cli.preset_option import apply_preset
from tfmmrec.config.presets import PRESETS
from tfmmrec.config.train_config import TrainConfig


def parsed(*arguments: str, command: str = "train") -> TrainConfig:
    parser = build_parser([command])
    line = fold_overrides([command, "data", *arguments])
    line += ["--out", "out"] if command == "train" else []
    apply_preset(parser.commands[command], line[1:])
    return build_config(TrainConfig, parser.parse_args(line)[command])


def expected(**options: object) -> TrainConfig:
    return TrainConfig(**{**PRESETS["fast"], **options})


def test_the_command_line_stands_above_a_preset_written_behind() -> None:
    assert parsed("--preset", "fast") == expected()
    assert parsed("--epochs", "3", "--preset=fast") == expected(epochs=3)
    query = {"kind": "auto", "max_history": 7}
    assert parsed("--query.max_history", "7", "--preset", "fast") == expected(query=query)


def test_a_file_stands_above_a_preset_and_may_name_it(tmp_path: Path) -> None:
    path = tmp_path / "train.yaml"
    path.write_text("preset: fast\npatience: 9\n")
    for command in ("train", "encode"):
        assert parsed("--config", str(path), command=command) == expected(patience=9)
    assert parsed("--patience=8", f"--config={path}", "--patience=4") == expected(patience=4)
    path.write_text("patience: 9\n")
    assert parsed("--config", str(path), "--preset", "fast") == expected(patience=9)
    assert parsed("--config", str(path)) == TrainConfig(patience=9)


def test_an_unknown_preset_is_one_line_with_the_list(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "train.yaml"
    path.write_text("preset: 5\n")
    for arguments, named in (
        (["--preset", "fsat"], "error: preset: unknown 'fsat'; the presets are fast"),
        (["--config", str(path)], f"error: {path}: preset: unknown 5; the presets are fast"),
    ):
        assert main(["train", "none", "--out", str(tmp_path / "out"), *arguments]) == 1
        err = capsys.readouterr().err
        assert named in err and err.count("\n") == 1
