"""The training file of scripts, and one-line errors for what is none."""

import pytest

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.config.training_file import read_training_file
from tfmmrec.errors import ConfigError


def test_a_file_is_read_and_what_is_given_stands_above_it(tmp_path):
    path = tmp_path / "train.yaml"
    path.write_text("dim: 8\nseed: 4\nfeatures: []\n")
    assert read_training_file(path, seed=5) == TrainConfig(dim=8, seed=5, features=[])
    path.write_text("")
    assert read_training_file(path) == read_training_file(None) == TrainConfig()


@pytest.mark.parametrize(
    ("content", "reason"),
    [("dims: 8", "dims"), ("dim: 0", "dim must be at least 1"), ("- 1", ""), ("a: [", "")],
)
def test_what_is_no_training_file_is_named(content, reason, tmp_path):
    path = tmp_path / "train.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=rf"train\.yaml: .*{reason}") as raised:
        read_training_file(path)
    assert "\n" not in str(raised.value)
    with pytest.raises(ConfigError, match=r"none\.yaml"):
        read_training_file(tmp_path / "none.yaml")
