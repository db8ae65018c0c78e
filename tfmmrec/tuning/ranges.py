"""The ranges of a tuning file as Keras Tuner's hyperparameters."""

import math
from collections.abc import Mapping
from typing import Any

import keras_tuner
from keras_tuner.engine import hyperparameters as kinds

from tfmmrec.errors import ConfigError, one_line

_LIMITS = {"min", "max", "step", "sampling"}


def read_range(name: str, given: Any, default: Any = None) -> Any:
    """Creates a hyperparameter from a list of values, limits, or a fixed value.

    Args:
        name: its key.
        given: `[16, 64]`, `{min: 0.001, max: 0.1, sampling: log}` or `64`.
        default: the default value; ignored if it is out of range.

    Raises:
        ConfigError: the range is not valid.
    """
    hp = keras_tuner.HyperParameters()
    try:
        if isinstance(given, Mapping):
            _declare_limits(hp, name, given)
        elif isinstance(given, list):
            _declare_choice(hp, name, given)
        else:
            hp.Fixed(name, given)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"space.{name}: {one_line(error)}") from None
    return with_default(hp.space[0], default)


def _declare_limits(hp: keras_tuner.HyperParameters, name: str, given: Mapping[str, Any]) -> None:
    unknown = set(given) - _LIMITS
    if unknown or not {"min", "max"} <= set(given):
        raise ValueError(
            f"limits are min and max, and may have step and sampling. Received: {dict(given)}"
        )
    low, high, step = given["min"], given["max"], given.get("step")
    numbers = [number for number in (low, high, step) if number is not None]
    if any(isinstance(n, bool) or not isinstance(n, int | float) for n in numbers):
        raise ValueError(f"limits must be numbers. Received: {dict(given)}")
    declare = hp.Int if all(isinstance(n, int) for n in numbers) else hp.Float
    declare(name, low, high, step=step, sampling=given.get("sampling", "linear"))


def _declare_choice(hp: keras_tuner.HyperParameters, name: str, given: list[Any]) -> None:
    if not given:
        raise ValueError("name at least one value. Received: none")
    if all(isinstance(value, bool) for value in given):
        hp.Boolean(name) if len(set(given)) > 1 else hp.Fixed(name, given[0])
    elif len(given) == 1:
        hp.Fixed(name, given[0])
    elif any(isinstance(value, float) for value in given) and not any(
        isinstance(value, str | bool) for value in given
    ):
        # Keras Tuner requires a single type.
        hp.Choice(name, [float(value) for value in given])
    else:
        hp.Choice(name, given)


def is_in_range(hp: Any, value: Any) -> bool:
    """Whether a value is in the range of a hyperparameter."""
    if isinstance(hp, kinds.Fixed):
        return value == hp.value
    if isinstance(hp, kinds.Choice):
        return value in hp.values
    if isinstance(hp, kinds.Boolean):
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if hp.step is not None:
        return any(math.isclose(value, step) for step in hp.values)
    return bool(hp.min_value <= value <= hp.max_value)


def with_default(hp: Any, default: Any) -> Any:
    """The hyperparameter with another default, if that is in its range."""
    if isinstance(hp, kinds.Fixed) or default is None or not is_in_range(hp, default):
        return hp
    return type(hp).from_config({**hp.get_config(), "default": default})


def with_conditions(hp: Any, conditions: list[Any]) -> Any:
    """The hyperparameter with other conditions under which it is active."""
    copy = type(hp).from_config(hp.get_config())
    copy.conditions = list(conditions)
    return copy


def active_if(name: str, value: Any) -> list[Any]:
    """The conditions of a hyperparameter that is active if another one has a value."""
    hp = keras_tuner.HyperParameters()
    hp.Fixed(name, value)
    with hp.conditional_scope(name, [value]):
        hp.Fixed("conditional", True)
    return list(hp.space[-1].conditions)


def possible_values(hp: Any) -> list[Any]:
    """The values of a hyperparameter on which others depend: a choice or a fixed value."""
    return [hp.value] if isinstance(hp, kinds.Fixed) else list(hp.values)


def describe(hp: Any) -> dict[str, Any]:
    """A hyperparameter as JSON: `name`, `type`, and its `values` or its limits."""
    if isinstance(hp, kinds.Fixed):
        return {"name": hp.name, "type": "fixed", "values": [hp.value]}
    if isinstance(hp, kinds.Choice):
        return {"name": hp.name, "type": "choice", "values": list(hp.values)}
    if isinstance(hp, kinds.Boolean):
        return {"name": hp.name, "type": "boolean"}
    kind = "int" if isinstance(hp, kinds.Int) else "float"
    limits = {"min": hp.min_value, "max": hp.max_value, "sampling": hp.sampling}
    return {"name": hp.name, "type": kind, **limits}
