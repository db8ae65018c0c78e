"""The key `finetune`: what it takes, and how what is wrong is named."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.encoders.finetuning.worlds import letters_module, pack_titles
from tfmmrec.cli.entry_point import build_parser, main
from tfmmrec.cli.nested_overrides import fold_overrides, unfold_overrides
from tfmmrec.config.finetuning import FinetuneConfig, finetune_options
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.encoders.encoded_features import encode_entities, trainable_options
from tfmmrec.errors import ConfigError
from tfmmrec.modalities import create

FEATURES = {
    "title": create({"modality": "text"}),
    "plot": create({"modality": "text", "steps": [{"step": "pca", "dim": 8}]}),
    "clip": create({"modality": "video"}),
    "year": create({"modality": "number"}),
}


def options_of(entity: Any = "items", **config: Any) -> dict[str, FinetuneConfig]:
    return trainable_options(entity, FEATURES, TrainConfig(**config))


def test_a_list_or_options_by_feature() -> None:
    assert finetune_options([]) == finetune_options({}) == {}
    assert finetune_options(["a", "b"]) == {"a": FinetuneConfig(), "b": FinetuneConfig()}
    assert finetune_options({"a": None, "b": {"recompute": True, "learning_rate": 1}}) == {
        "a": FinetuneConfig(),
        "b": FinetuneConfig(recompute=True, learning_rate=1),
    }


def test_what_starts_from_scratch_is_trained_without_being_asked_for_and_faster() -> None:
    assert options_of() == {}
    assert options_of(finetune=["title"]) == {"title": FinetuneConfig(learning_rate=1e-4)}
    encoders = {"title": "builtin:lstm"}
    assert options_of(encoders=encoders) == {"title": FinetuneConfig(learning_rate=1e-3)}
    # Other options leave the rate as it is.
    finetune: dict[str, Any] = {"title": {"recompute": True}}
    assert options_of(encoders=encoders, finetune=finetune) == {
        "title": FinetuneConfig(learning_rate=1e-3, recompute=True)
    }
    finetune = {"title": {"learning_rate": 0.5}}
    assert options_of(encoders=encoders, finetune=finetune) == {
        "title": FinetuneConfig(learning_rate=0.5)
    }


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ("title", "finetune: write [FEATURE, …], or {FEATURE: {OPTION: value, …}, …}. Received"),
        (["title", 3], "finetune: write [FEATURE, …]"),
        ({"title": True}, "finetune.title: write {OPTION: value, …}. Received: True"),
        ({"title": False}, "finetune.title: write {OPTION: value, …}. Received: False"),
        ({"title": {"rate": 1}}, "finetune.title.rate: unknown; it takes augment, learning_rate"),
        ({"title": {"learning_rate": 0}}, "finetune.title.learning_rate must be above 0"),
        ({"title": {"learning_rate": "1e-5"}}, "finetune.title.learning_rate: a number is needed"),
        ({"title": {"augment": [1]}}, "finetune.title.augment: a mapping is needed"),
        ({"title": {"variables": "("}}, "finetune.title.variables: '(' is no pattern: missing )"),
        (["poster"], "finetune: the model reads no item feature 'poster'; it reads title, plot"),
        (["plot"], "finetune.plot: encoders followed by a pca step cannot be trained"),
        (["clip"], "finetune.clip: encoders of multi-valued features cannot be trained"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(declared: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        options_of(finetune=declared)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_what_starts_from_scratch_and_cannot_be_trained() -> None:
    for entity, feature, choice, reason in (
        ("items", "plot", "builtin:lstm", "followed by a pca step"),
        ("items", "clip", "builtin:cnn", "of multi-valued features"),
        ("users", "title", "builtin:lstm", "of user features"),
    ):
        with pytest.raises(ConfigError) as caught:
            options_of(entity, encoders={feature: choice})
        assert str(caught.value) == (
            f"encoders.{feature}: encoders {reason} cannot be trained; use a pretrained one"
        )
    # Item features of the same name are another matter.
    assert options_of("users", finetune=["title"]) == {}


def test_what_no_item_has(tmp_path: Path) -> None:
    handle = letters_module(tmp_path / "letters")
    dataset = pack_titles(tmp_path, ["", "", "", "", "", ""])
    for config in (
        TrainConfig(encoders={"title": f"hub:{handle}"}, finetune=["title"], quiet=True),
        TrainConfig(encoders={"title": "builtin:lstm"}, quiet=True),
    ):
        with pytest.raises(ConfigError, match=r"^item feature 'title': no item has a value"):
            encode_entities(dataset, "items", config)


def from_command_line(*arguments: str) -> Any:
    line = ["train", "data", "--out", "out", *arguments]
    return unfold_overrides(
        build_parser(["train"]).parse_args(fold_overrides(line))["train"]["finetune"]
    )


def test_from_a_file_and_the_command_line(tmp_path: Path) -> None:
    assert from_command_line() == []
    assert from_command_line("--finetune", "[title, plot]") == ["title", "plot"]
    assert from_command_line("--finetune+=title") == ["title"]
    options = {"title": {"learning_rate": 1e-5}, "poster": {"augment": {"flip": 0.5}}}
    assert from_command_line("--finetune", yaml.safe_dump(options)) == options
    (tmp_path / "list.yaml").write_text("finetune: [title]\n")
    (tmp_path / "options.yaml").write_text(yaml.safe_dump({"finetune": options}))
    assert from_command_line("--config", str(tmp_path / "list.yaml")) == ["title"]
    file = ["--config", str(tmp_path / "options.yaml")]
    assert from_command_line(*file) == options
    assert from_command_line(*file, "--finetune.title.recompute", "true") == {
        "title": {"learning_rate": 1e-5, "recompute": True},
        "poster": {"augment": {"flip": 0.5}},
    }
    assert from_command_line("--finetune.title.variables", "layer_1") == {
        "title": {"variables": "layer_1"}
    }


def test_the_command_says_what_is_wrong_in_one_line(tmp_path: Path, capsys: Any) -> None:
    data: Dataset = pack_titles(tmp_path)
    handle = letters_module(tmp_path / "letters")
    train = ["train", str(data.folder), "--out", str(tmp_path / "run"), "--quiet"]
    train += ["--encoders.title", f"hub:{handle}"]
    for arguments, message in (
        (["--finetune", "[plot]"], "no item feature 'plot'; it reads title"),
        (["--finetune.title.variables", "kernel"], "title.variables: no weight matches 'kernel'"),
        (
            ["--finetune.title.variables", "still"],
            "has no gradient with respect to the",
        ),
        (["--finetune", "{title: {augment: {flip: 1}}}"], "finetune.title: augment: text has none"),
    ):
        assert main([*train, *arguments]) == 1
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1, error
    assert not list(tmp_path.glob("run*"))
