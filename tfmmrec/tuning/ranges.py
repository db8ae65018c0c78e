"""The ranges of hyperparameters, as a tuning file gives them."""

import math
from collections.abc import Mapping
from typing import Any

import keras_tuner
from keras_tuner.engine import hyperparameters as kinds

from tfmmrec.errors import ConfigError, one_line

_LIMITS = {"min", "max", "step", "sampling"}


def read_range(name: str, given: Any, default: Any = None) -> Any:
    """Makes a hyperparameter of a list of values, of limits, or of one value.

    Args:
        name: its key.
        given: `[16, 64]`, `{min: 0.001, max: 0.1, sampling: log}` or `64`.
        default: what it is where nobody draws it; taken where the range holds it.

    Raises:
        ConfigError: it is no range.
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


def flattened(given: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Ranges by whole keys: `{fusion: {kind: [a, b]}}` becomes `{fusion.kind: [a, b]}`."""
    ranges: dict[str, Any] = {}
    for key, content in given.items():
        if isinstance(content, Mapping) and not {"min", "max"} & set(content):
            ranges |= flattened(content, f"{before}{key}.")
        else:
            ranges[f"{before}{key}"] = content
    return ranges


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
        # One kind of number, as Keras Tuner asks.
        hp.Choice(name, [float(value) for value in given])
    else:
        hp.Choice(name, given)


def holds(hp: Any, value: Any) -> bool:
    """Whether a hyperparameter may have a value."""
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
    """The hyperparameter with another default, where its range holds that."""
    if isinstance(hp, kinds.Fixed) or default is None or not holds(hp, default):
        return hp
    return type(hp).from_config({**hp.get_config(), "default": default})


def under(hp: Any, conditions: list[Any]) -> Any:
    """The hyperparameter, active under some conditions alone."""
    copy = type(hp).from_config(hp.get_config())
    copy.conditions = list(conditions)
    return copy


def where(name: str, value: Any) -> list[Any]:
    """The conditions of what is active where another hyperparameter has a value."""
    hp = keras_tuner.HyperParameters()
    hp.Fixed(name, value)
    with hp.conditional_scope(name, [value]):
        hp.Fixed("below", True)
    return list(hp.space[-1].conditions)


def possible(hp: Any) -> list[Any]:
    """The values of a hyperparameter that others depend on."""
    return [hp.value] if isinstance(hp, kinds.Fixed) else list(hp.values)


def describe(hp: Any) -> dict[str, Any]:
    """A hyperparameter in plain words, for pages and files."""
    if isinstance(hp, kinds.Fixed):
        return {"name": hp.name, "type": "fixed", "values": [hp.value]}
    if isinstance(hp, kinds.Choice):
        return {"name": hp.name, "type": "choice", "values": list(hp.values)}
    if isinstance(hp, kinds.Boolean):
        return {"name": hp.name, "type": "boolean"}
    kind = "int" if isinstance(hp, kinds.Int) else "float"
    limits = {"min": hp.min_value, "max": hp.max_value, "sampling": hp.sampling}
    return {"name": hp.name, "type": kind, **limits}
