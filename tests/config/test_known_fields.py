"""An unknown argument of a config is refused with the closest option."""

import dataclasses
import inspect

import pytest

import tfmmrec
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.errors import ConfigError


def test_a_close_option_is_named():
    with pytest.raises(
        ConfigError, match=r"^TrainConfig has no option 'epoch'; did you mean epochs"
    ):
        TrainConfig(epoch=3)
    with pytest.raises(ConfigError, match="did you mean batch_size"):
        dataclasses.replace(TrainConfig(), batchsize=3)
    with pytest.raises(ConfigError, match="did you mean num_uniform"):
        tfmmrec.NegativesConfig(uniform=3)


def test_without_a_close_option_all_are_listed():
    with pytest.raises(ConfigError, match="PackConfig has no option 'zebra'; it has max_rejects, "):
        tfmmrec.PackConfig(zebra=1)


def test_every_public_config_refuses_unknown_options():
    configs = [name for name in tfmmrec.__all__ if name.endswith("Config")]
    assert len(configs) == 13
    for name in configs:
        with pytest.raises(ConfigError, match=f"^{name} has no option 'zebra'; "):
            getattr(tfmmrec, name)(zebra=1)


def test_a_text_in_place_of_a_list_or_a_mapping_is_refused():
    with pytest.raises(ConfigError, match=r"^features: a list is needed. Received: 'title'$"):
        TrainConfig(features="title")
    with pytest.raises(ConfigError, match=r"^fusion: a mapping is needed. Received: 'gated'$"):
        TrainConfig(fusion="gated")
    with pytest.raises(ConfigError, match=r"^search: a list is needed. Received: 'fusion'$"):
        tfmmrec.TuneConfig(search="fusion")


def test_the_base_of_a_search_may_be_a_mapping():
    assert tfmmrec.TuneConfig(train={"epochs": 2}).train == TrainConfig(epochs=2)
    with pytest.raises(ConfigError, match=r"train.epoch: unknown; .*; did you mean epochs"):
        tfmmrec.TuneConfig(train={"epoch": 2})


def test_the_signature_is_that_of_the_dataclass():
    names = list(inspect.signature(TrainConfig).parameters)
    assert names == [field.name for field in dataclasses.fields(TrainConfig)]
