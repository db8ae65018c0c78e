"""The search space: the ranges of components, replaced and extended."""

import dataclasses
from typing import Any

import pytest

from tests.distribute.worlds import config
from tfmmrec.config.tune_config import COMPONENTS, TuneConfig
from tfmmrec.errors import ConfigError
from tfmmrec.layers.fusion import FUSIONS
from tfmmrec.layers.history import HISTORY_ENCODERS
from tfmmrec.tuning.components import SAMPLERS
from tfmmrec.tuning.search_space import Space


def space(small, parts: list[str], ranges: dict[str, Any], **options: Any) -> Space:
    tuned = TuneConfig(config(**options), search=parts, space=ranges)
    return Space(tuned.base, tuned.components, tuned.ranges, small)


def names(space: Space) -> set[str]:
    return {hp.name for hp in space.hyperparameters.space}


def test_each_component_has_a_sampler() -> None:
    assert tuple(SAMPLERS) == COMPONENTS


def test_each_kind_declares_its_own_options_by_the_keys_of_the_training_file(small) -> None:
    found = names(space(small, ["fusion", "query"], {}))
    for kind in FUSIONS.variants:
        assert any(name.startswith(f"fusion.{kind}.") for name in found), kind
    for kind in ("mean", "gru", "transformer"):
        assert any(name.startswith(f"query.{kind}.") for name in found), kind
    kinds = [*FUSIONS.variants, *HISTORY_ENCODERS.variants, "kind"]
    assert all(name.split(".")[1] in kinds for name in found)


def test_the_base_is_one_point_of_the_space(small) -> None:
    """Its values give the same config, with defaults written out."""
    found = space(
        small, ["fusion", "towers", "optimizer"], {}, dim=32, projection_units=128, batch_size=512
    )
    assert found.values["dim"] == 32 and found.values["fusion.kind"] == "weighted"
    drawn = found.config(found.values)
    assert drawn.dim == 32 and drawn.batch_size == 512
    assert drawn.fusion == {"kind": "weighted", "weights": None}
    # 0.0, which the base has, is in the ranges of the dropouts.
    assert (drawn.dropout, drawn.id_embedding_dropout) == (0.0, 0.0)
    assert found.base_values == found.values


def test_values_of_the_base_may_be_out_of_range(small) -> None:
    found = space(small, ["towers"], {"dim": [16, 32]}, dim=4)
    assert found.values["dim"] == 16
    assert "dim" not in found.base_values and "dropout" in found.base_values


def test_options_that_the_base_omits_have_the_defaults_of_layers(small) -> None:
    """A concat without `units` has 128 units, and not the first of the range."""
    ranges = {"fusion.kind": "concat", "fusion.concat.units": [64, 256]}
    found = space(small, ["fusion"], ranges, fusion={"kind": "concat"})
    assert found.values["fusion.concat.units"] == 64
    assert "fusion.concat.units" not in found.base_values
    assert found.base_values["fusion.concat.dropout"] == 0.1


def test_options_of_a_kind_are_active_with_that_kind(small) -> None:
    found = space(small, ["fusion"], {})
    values = {"fusion.kind": "gated", "fusion.gated.units": 16, "fusion.gated.dropout": 0.3}
    values["fusion.gated.temperature"] = 2.0
    assert found.config(values).fusion == {
        "kind": "gated",
        "units": 16,
        "dropout": 0.3,
        "temperature": 2.0,
    }


def test_options_that_are_not_searched_stay_with_their_kind(small) -> None:
    given = {"kind": "concat", "learned_missing_embedding": True}
    found = space(small, ["fusion"], {}, fusion=given)
    drawn = {"fusion.kind": "concat", "fusion.concat.units": 64, "fusion.concat.dropout": 0.1}
    assert found.config(drawn).fusion == {**given, "units": 64, "dropout": 0.1}
    assert found.config(
        {"fusion.kind": "weighted", "fusion.weighted.weights": "learned"}
    ).fusion == {
        "kind": "weighted",
        "weights": None,
    }


def test_values_of_inactive_hyperparameters_are_removed(small) -> None:
    found = space(small, ["fusion"], {"fusion.kind": ["weighted", "bilinear"]})
    drawn = {"fusion.kind": "weighted", "fusion.weighted.weights": "learned"}
    more = {"fusion.bilinear.rank": 4, "fusion.weighted.weights.title": 0.5}
    assert found.active({**drawn, **more}) == drawn


def test_weights_are_searched_for_the_inputs_of_the_fusion(small) -> None:
    ranges = {"fusion.kind": ["late", "weighted"]}
    found = names(space(small, ["fusion"], ranges))
    weights = {name for name in found if ".weights." in name}
    assert weights == {
        *(f"fusion.weighted.weights.{name}" for name in ("title", "plot")),
        *(f"fusion.late.weights.{name}" for name in ("title", "plot", "id")),
    }


def test_hyperparameters_that_are_never_active_are_removed(small) -> None:
    ranges = {"fusion.kind": ["gated", "concat"], "fusion.gated.units": 16}
    found = names(space(small, ["fusion"], ranges))
    assert found == {
        "fusion.kind",
        "fusion.gated.units",
        "fusion.gated.temperature",
        "fusion.gated.dropout",
        "fusion.concat.units",
        "fusion.concat.dropout",
    }


def test_keys_that_no_component_declares_extend_the_space(small) -> None:
    ranges = {
        "cold_start.weight": [0.1, 0.9],
        "ema_decay": [0.5, 0.9],
        "encoders.title": ["builtin", "hub:somewhere"],
        "fusion.gated.surprise": [1, 2],
    }
    found = space(small, ["fusion"], ranges)
    values = {**found.values, "cold_start.weight": 0.9, "ema_decay": 0.5}
    values["encoders.title"] = "hub:somewhere"
    drawn = found.config(values)
    assert drawn.cold_start.weight == 0.9 and drawn.ema_decay == 0.5
    assert drawn.encoders == {"title": "hub:somewhere"}
    # It belongs to a kind, and is put where that one has its options.
    assert "fusion.gated.surprise" not in found.values
    values = {"fusion.kind": "gated", "fusion.gated.surprise": 2}
    values |= {"fusion.gated.units": 0, "fusion.gated.dropout": 0.1}
    values["fusion.gated.temperature"] = 1.0
    assert found.config(values).fusion["surprise"] == 2


def test_defaults_of_nested_options_are_those_of_the_training_file(small) -> None:
    found = space(small, ["towers"], {"closed_form.ridge_alpha": {"min": 10.0, "max": 200.0}})
    assert found.values["closed_form.ridge_alpha"] == 100.0


def test_unknown_keys_are_refused(small) -> None:
    for ranges, reason in (
        ({"depth": [1]}, "space.depth: not a key of the training file"),
        ({"units": [1]}, "did you mean fusion.concat.units or"),
        ({"seed": [1, 2]}, "space.seed: not a key"),
        ({"cold_start": [1]}, "name a key in it, cold_start.KEY"),
        ({"dim.wide": [1]}, "dim has no keys in it"),
        ({"query.kind": ["gru"]}, "add query to search"),
        ({"query.gru.units": [1]}, "add query to search"),
        (
            {"fusion.kind": "weighted", "fusion.gated.units": [1]},
            "space.fusion.gated.units: its condition is never met",
        ),
    ):
        with pytest.raises(ConfigError, match=reason):
            space(small, ["fusion"], ranges)
    with pytest.raises(ConfigError, match=r"fusion\.kind: unknown kind 'sum'"):
        space(small, ["fusion"], {}, fusion={"kind": "sum"})


def test_tasks_have_components_of_their_own() -> None:
    assert TuneConfig(config()).components == ["fusion", "towers", "loss", "optimizer"]
    assert TuneConfig(config(task="click")).components == ["fusion", "towers", "head", "optimizer"]


def test_bad_keys_of_the_tuning_file_are_refused() -> None:
    for options, reason in (
        ({"tuner": "genetic"}, "tuner must be one of random, .* Received: 'genetic'"),
        ({"search": ["fusions"]}, "search must be one of fusion, .* Received: 'fusions'"),
        ({"search": []}, "name a component, or give space a key"),
        ({"trials": 0}, "trials must be at least 1. Received: 0"),
        ({"reruns": -1}, "reruns must be at least 0"),
        ({"lost_after": 0}, "lost_after must be a number above 0"),
        ({"train": config(strategy="multiworker")}, "a trial trains in one process"),
    ):
        with pytest.raises(ConfigError, match=reason):
            TuneConfig(**options)
    with pytest.raises(ConfigError, match="objective: no metric 'rmse' of task retrieval"):
        TuneConfig(config(), objective="rmse").base.objective_spec  # noqa: B018


def test_trials_are_compared_by_the_objective() -> None:
    base = TuneConfig(config(), objective="hr@5", epochs=7).base
    assert (base.objective, base.epochs, base.objective_spec.cutoff) == ("hr@5", 7, 5)
    assert dataclasses.replace(base, objective=None).objective_spec.name == "ndcg@10"
