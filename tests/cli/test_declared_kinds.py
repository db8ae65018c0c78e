"""The kinds that are read from the source are those that are registered."""

from pathlib import Path

import pytest

from tests.docs.test_formats import declared
from tfmmrec.cli.declared_kinds import check_kinds, read_kinds
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.errors import ConfigError
from tfmmrec.layers.fusion import FUSIONS
from tfmmrec.layers.history import HISTORY_ENCODERS

LAYERS = Path(__file__).parents[2] / "tfmmrec" / "layers"


@pytest.mark.parametrize(
    ("registry", "folder"), [(FUSIONS, "fusion"), (HISTORY_ENCODERS, "history")]
)
def test_they_have_the_options_of_the_layers(registry, folder):
    read = read_kinds(registry.family, LAYERS / folder)
    assert set(read.variants) == set(registry.variants)
    for kind, variant in registry.variants.items():
        own = read.variants[kind]
        if own.has_own_options:
            assert list(declared(own)) == list(declared(variant)), kind


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"fusion": {"kind": "gated", "temperature": 0.5}, "query": {"kind": "gru"}},
        {"query": {"kind": "auto", "max_history": 4}},
        {"query": {"kind": "id"}},
    ],
)
def test_known_options_are_accepted(options):
    check_kinds(TrainConfig(**options))


def test_unknown_ones_are_refused_as_the_registry_does():
    config = TrainConfig(fusion={"kind": "gated", "unit": 3})
    with pytest.raises(ConfigError) as early:
        check_kinds(config)
    with pytest.raises(ConfigError) as late:
        FUSIONS.parse(config.fusion, names=["title"])
    assert str(early.value) == str(late.value)
