"""Checks of option values; each raises ConfigError with the rule and the value received."""

import math
from collections.abc import Sequence
from typing import Any

from tfmmrec.errors import ConfigError


def check_count(name: str, value: Any, least: int, most: int | None = None) -> None:
    """Raises ConfigError unless the value is a whole number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(f"{name} must be a whole number. Received: {value!r}")
    if value < least or (most is not None and value > most):
        limits = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ConfigError(f"{name} must be {limits}. Received: {value}")


def check_config(config: Any, kind: type) -> None:
    """Raises ConfigError unless the options of a stage are an instance of its config."""
    if not isinstance(config, kind):
        name = kind.__name__
        raise ConfigError(f"give the options as {name}(…). Received: {config!r}")


def check_rate(name: str, value: Any) -> None:
    """Raises ConfigError unless the value is a dropout rate or a decay: from 0 to below 1."""
    if not _is_number(value) or not 0 <= value < 1:
        raise ConfigError(f"{name} must be from 0 to below 1. Received: {value!r}")


def check_between(name: str, value: Any, low: float, high: float) -> None:
    """Raises ConfigError unless the value is a number from `low` to `high`, both included."""
    if not _is_number(value) or not low <= value <= high:
        raise ConfigError(f"{name} must be from {low:g} to {high:g}. Received: {value!r}")


def check_above(name: str, value: Any, low: float, most: float = math.inf) -> None:
    """Raises ConfigError unless the value is a finite number above `low` and at most `most`."""
    if not _is_number(value) or not math.isfinite(value) or not low < value <= most:
        limits = "" if most == math.inf else f", at most {most:g}"
        raise ConfigError(f"{name} must be a number above {low:g}{limits}. Received: {value!r}")


def check_at_least(name: str, value: Any, least: float) -> None:
    """Raises ConfigError unless the value is a number of at least `least`."""
    if not _is_number(value) or not value >= least:
        raise ConfigError(f"{name} must be at least {least:g}. Received: {value!r}")


def check_bool(name: str, value: Any) -> None:
    """Raises ConfigError unless the value is true or false."""
    if not isinstance(value, bool):
        raise ConfigError(f"{name} must be true or false. Received: {value!r}")


def check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Raises ConfigError unless the value is one of the choices."""
    if value not in choices:
        listed = " or ".join(choices) if len(choices) < 3 else f"one of {', '.join(choices)}"
        raise ConfigError(f"{name} must be {listed}. Received: {value!r}")


def _is_number(value: object) -> bool:
    # YAML's true is not a number, although it is one to Python.
    return isinstance(value, int | float) and not isinstance(value, bool)
