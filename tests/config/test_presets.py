"""Presets stand below the keys of a training file and the options that are given."""

import pytest

from tfmmrec.config.presets import PRESETS, preset
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.config.training_file import read_training_file
from tfmmrec.errors import ConfigError


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_config_that_differs_from_the_defaults(name):
    assert TrainConfig(**preset(name)) != TrainConfig()


def test_the_file_stands_above_the_preset_and_what_is_given_above_both(tmp_path):
    path = tmp_path / "train.yaml"
    path.write_text("preset: fast\ndim: 8\npatience: 7\n")
    expected = TrainConfig(**{**PRESETS["fast"], "dim": 9, "patience": 7})
    assert read_training_file(path, dim=9) == expected
    path.write_text("dim: 8\npatience: 7\n")
    assert read_training_file(path, preset="fast", dim=9) == expected
    assert read_training_file(None, preset="fast") == TrainConfig(**PRESETS["fast"])


def test_an_unknown_preset_is_refused_with_the_list(tmp_path):
    path = tmp_path / "train.yaml"
    path.write_text("preset: fats\n")
    with pytest.raises(ConfigError, match=r"train\.yaml: preset: unknown 'fats'; .* fast; did"):
        read_training_file(path)
    with pytest.raises(ConfigError, match=r"unknown \['fast'\]; the presets are "):
        read_training_file(None, preset=["fast"])
