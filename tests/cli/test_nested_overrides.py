"""Nested overrides are set one by one, on the command line and in a file."""

from pathlib import Path
from typing import Any

import yaml

from tfmmrec.cli.entry_point import build_parser
from tfmmrec.cli.nested_overrides import fold_overrides, unfold_overrides, with_underscores

FILE = {
    "encoders": {
        "title": "hub:/words",
        "poster": {"handle": "hub:/pictures", "picture_size": 260, "value_range": [-1, 1]},
    }
}


def parsed(command: str, *arguments: str) -> Any:
    line = [command, "data", "--out", "out", *arguments]
    return build_parser([command]).parse_args(fold_overrides(line))[command]


def encoders(*arguments: str) -> Any:
    return unfold_overrides(parsed("train", *arguments)["encoders"])


def test_keys_of_two_levels() -> None:
    options = ["--encoders.title", "hub:/words", "--encoders.poster.handle", "hub:/pictures"]
    options += ["--encoders.poster.picture_size", "260", "--encoders.poster.value_range=[-1, 1]"]
    assert encoders(*options) == FILE["encoders"]


def test_they_go_over_those_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(FILE))
    options = ["--config", str(tmp_path / "train.yaml"), "--encoders.poster.picture_size", "8"]
    assert encoders(*options, "--encoders.title.pool", "max") == {
        "title": {"handle": "hub:/words", "pool": "max"},
        "poster": {"handle": "hub:/pictures", "picture_size": 8, "value_range": [-1, 1]},
    }
    assert encoders(*options[:2], "--encoders.title", "builtin") == {
        "title": "builtin",
        "poster": FILE["encoders"]["poster"],
    }


def test_other_mappings_and_the_base_of_a_search() -> None:
    options = ["--fusion.weights.title", "0.7", "--fusion.weights.plot", "0.3"]
    assert unfold_overrides(parsed("train", *options)["fusion"]) == {
        "kind": "weighted",
        "weights": {"title": 0.7, "plot": 0.3},
    }
    options = ["--train.encoders.title.handle", "hub:https://tfhub.dev/a/b/1"]
    options += ["--train.encoders.title.output", "1"]
    assert unfold_overrides(parsed("tune", *options)["train"]["encoders"]) == {
        "title": {"handle": "hub:https://tfhub.dev/a/b/1", "output": 1}
    }


def test_other_arguments_stay_as_they_are() -> None:
    line = ["train", "a.b.c", "--out", "--x.y.z", "--fusion.kind", "weighted", "--dim=3"]
    assert fold_overrides(line) == line


def test_names_of_features_and_paths_stay_as_they_are_typed() -> None:
    options = [
        "--encoders.cover-art.picture-size",
        "8",
        "--encoders.Book Title",
        "hub:my #1 models",
    ]
    assert encoders(*with_underscores(options)) == {
        "cover-art": {"picture_size": 8},
        "Book Title": "hub:my #1 models",
    }
    assert with_underscores(["--max-rejects=a-b", "--train.query.max-history", "x-y", "--"]) == [
        "--max_rejects=a-b",
        "--train.query.max_history",
        "x-y",
        "--",
    ]
