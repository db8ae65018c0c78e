"""Presets: named sets of keys of the training file, below those that a user writes."""

from collections.abc import Mapping
from typing import Any

from tfmmrec.errors import ConfigError, did_you_mean

# Measured in docs/TRAINING.md.
PRESETS: dict[str, dict[str, Any]] = {
    # Both history encoders: the mean alone is far behind where the order of events matters.
    "fast": {"epochs": 8, "patience": 2, "refit": False},
}


def preset(name: Any) -> dict[str, Any]:
    """Returns the keys of a preset.

    Raises:
        ConfigError: there is no such preset.
    """
    if not isinstance(name, str) or name not in PRESETS:
        hint = did_you_mean(str(name), PRESETS)
        known = ", ".join(PRESETS)
        raise ConfigError(f"preset: unknown {name!r}; the presets are {known}{hint}")
    return PRESETS[name]


def with_preset(options: Mapping[str, Any]) -> dict[str, Any]:
    """Replaces the key `preset`, if it is there, by the keys of the preset; other keys prevail.

    >>> with_preset({"preset": "fast", "epochs": 3})["epochs"]
    3
    """
    rest = {key: value for key, value in options.items() if key != "preset"}
    name = options.get("preset")
    return rest if name is None else {**preset(name), **rest}
