"""The ranges of a tuning file."""

import keras_tuner
import pytest

from tfmmrec.config.tune_config import flatten
from tfmmrec.errors import ConfigError
from tfmmrec.tuning.ranges import describe, is_in_range, read_range, with_default


@pytest.mark.parametrize(
    ("given", "described"),
    [
        ([16, 64], {"type": "choice", "values": [16, 64]}),
        # One kind of number in a choice.
        ([0, 0.5], {"type": "choice", "values": [0.0, 0.5]}),
        (["a", "b"], {"type": "choice", "values": ["a", "b"]}),
        ([True, False], {"type": "boolean"}),
        ([7], {"type": "fixed", "values": [7]}),
        ("a", {"type": "fixed", "values": ["a"]}),
        ({"min": 1, "max": 9}, {"type": "int", "min": 1, "max": 9, "sampling": "linear"}),
        (
            {"min": 0.1, "max": 1, "sampling": "log"},
            {"type": "float", "min": 0.1, "max": 1.0, "sampling": "log"},
        ),
    ],
)
def test_ranges_become_hyperparameters(given, described) -> None:
    assert describe(read_range("x", given)) == {"name": "x", **described}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ([], "at least one value"),
        ({"min": 1}, "limits are min and max"),
        ({"min": 1, "max": 2, "most": 3}, "limits are min and max"),
        ({"min": 2, "max": 1}, "greater than the max_value"),
        ({"min": 0, "max": 1.0, "sampling": "log"}, "log"),
        ({"min": "a", "max": "b"}, "must be numbers"),
        ([1, "a"], "type"),
    ],
)
def test_invalid_ranges_are_refused_in_one_line(given, reason) -> None:
    with pytest.raises(ConfigError, match=reason) as error:
        read_range("dim", given)
    assert str(error.value).startswith("space.dim: ") and "\n" not in str(error.value)


def test_a_default_must_be_in_range() -> None:
    assert read_range("x", [16, 64], 64).default == 64
    assert read_range("x", [16, 64], 32).default == 16
    assert read_range("x", {"min": 1, "max": 9}, 5).default == 5
    assert with_default(read_range("x", 7), 8).default == 7


def test_values_in_range() -> None:
    steps = read_range("x", {"min": 0, "max": 6, "step": 3})
    assert [value for value in range(8) if is_in_range(steps, value)] == [0, 3, 6]
    switch = read_range("x", [True, False])
    assert is_in_range(switch, True) and not is_in_range(switch, 1)
    assert not is_in_range(read_range("x", {"min": 0, "max": 6}), True)


def test_nested_keys_equal_full_keys() -> None:
    nested = {"fusion": {"kind": ["a"], "gated": {"units": [1, 2]}}, "dim": {"min": 1, "max": 2}}
    whole = {"fusion.kind": ["a"], "fusion.gated.units": [1, 2], "dim": {"min": 1, "max": 2}}
    assert flatten(nested) == flatten(whole) == whole


def test_messages_keep_the_kinds_of_values() -> None:
    """Values must survive the messages between a chief and its workers."""
    hp = keras_tuner.HyperParameters()
    hp.values = {"switch": True, "share": 0.1, "number": 3, "name": "a"}
    values = keras_tuner.HyperParameters.from_proto(hp.to_proto()).values
    assert values == hp.values
    assert {name: type(value) for name, value in values.items()} == {
        "switch": bool,
        "share": float,
        "number": int,
        "name": str,
    }
