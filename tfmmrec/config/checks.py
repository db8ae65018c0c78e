"""Checks of what a training file gives as options of a layer."""

import math


def check_count(name: str, value: int, least: int) -> None:
    """Raises ValueError unless the option is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} must be a whole number. Received: {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}. Received: {value}")


def check_share(name: str, value: float) -> None:
    """Raises ValueError unless the option is a share that may be dropped."""
    if not _is_number(value) or not 0 <= value < 1:
        raise ValueError(f"{name} must be from 0 to below 1. Received: {value!r}")


def check_positive(name: str, value: float) -> None:
    """Raises ValueError unless the option is a finite number above 0."""
    if not _is_number(value) or not math.isfinite(value) or value <= 0:
        raise ValueError(f"{name} must be a number above 0. Received: {value!r}")


def check_switch(name: str, value: bool) -> None:
    """Raises ValueError unless the option is true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false. Received: {value!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
