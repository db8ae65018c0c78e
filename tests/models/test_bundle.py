"""Building a bundle: all variables exist, options are parsed once and refused early."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.once import ONCE
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.errors import ConfigError
from tfmmrec.layers.fusion import GatedFusion
from tfmmrec.models import bundle as bundles
from tfmmrec.models.bundle import ModelBundle, build_bundle


def build(small: Any, **options: Any) -> ModelBundle:
    return build_bundle(small, TrainConfig(**{**ONCE, "dim": 4, "quiet": True, **options}))


@pytest.mark.parametrize(
    "options",
    [
        {"fusion": {"kind": "late"}, "query": {"kind": "mean", "time_intervals": True}},
        {"fusion": {"kind": "gated", "temperature": None}, "query": {"kind": "gru"}},
        {"fusion": {"kind": "transformer"}, "query": {"kind": "transformer"}},
        {"fusion": {"kind": "concat"}, "query": {"kind": "id"}, "pool": "attention"},
        {"features": [], "query": {"kind": "id"}},
        {"task": "click", "id_embedding": False, "head": {"projection_dim": 2}},
        {"contrastive": {"cross_modal": 0.1, "co_engagement": 0.1}},
    ],
    ids=lambda options: "-".join(options),
)
def test_a_loss_creates_no_variable_that_the_bundle_does_not_have(small, options):
    bundle = build(small, **options)
    model = bundle.model
    before = [variable.ref() for variable in model.variables]
    rows = tf.constant([0, 1])
    batch = {
        "history": tf.constant([[2], [3]]),
        "history_time": tf.constant([[5], [6]], tf.int64),
        "user": rows,
        "item": rows,
        "num_earlier": rows,
        "clicked": tf.constant([True, False]),
        "rating": tf.constant([1.0, 2.0]),
    }
    assert np.isfinite(model.compute_loss(batch))
    assert [variable.ref() for variable in model.variables] == before


def test_a_fusion_is_checked_once_before_anything_is_encoded(small, monkeypatch):
    checked, encoded = [], []
    check, encode = GatedFusion.check_options, bundles.encode_entities

    def check_options(**options: Any) -> None:
        checked.append((options["temperature"], len(encoded)))
        check(**options)

    def encode_entities(*args: Any) -> Any:
        encoded.append(args)
        return encode(*args)

    monkeypatch.setattr(GatedFusion, "check_options", staticmethod(check_options))
    monkeypatch.setattr(bundles, "encode_entities", encode_entities)
    build(small, fusion={"kind": "gated", "temperature": 0.5})
    # Parsed before items and users are encoded; then the one fusion that is built.
    assert checked == [(0.5, 0), (0.5, 2)]
    encoded.clear()
    with pytest.raises(ConfigError, match="fusion: temperature must be a number above 0"):
        build(small, fusion={"kind": "gated", "temperature": 0})
    assert not encoded


def test_a_bundle_is_shown_as_one_line(small: Any) -> None:
    assert repr(build(small, features=["title", "year"])) == (
        f"ModelBundle(task retrieval, fusion weighted of title, year, query mean, dim 4; {small!r})"
    )
