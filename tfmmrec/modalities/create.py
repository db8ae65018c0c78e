"""Builds modalities from their declarations in a dataset file."""

from typing import Any

from tfmmrec.config.parse import parse
from tfmmrec.errors import ConfigError
from tfmmrec.modalities.base import MODALITIES, Modality
from tfmmrec.modalities.multi_valued import MultiValued
from tfmmrec.modalities.preprocessing.base import create_step

# Each of them also declares that the feature is multi-valued.
_MULTI_VALUED_OPTIONS = ("separator", "max_values")


def create(options: dict[str, Any]) -> Modality:
    """Builds a modality from its declaration, such as `{"modality": "text"}`.

    A text, image or audio feature that is declared with `multi_valued: true`, a `separator` or
    `max_values` holds several values.

    Args:
        options: the modality's name and its options.

    Raises:
        ConfigError: the modality or an option is unknown, or an option has an invalid value.
    """
    options = dict(options)
    kind = options.pop("modality", None)
    variants = MODALITIES.variants
    if not isinstance(kind, str) or kind not in variants:
        raise ConfigError(
            f"unknown modality {kind!r}; the modalities are {', '.join(sorted(variants))}"
            if kind
            else "the key 'modality' is missing"
        )
    steps = options.pop("steps", None) or []
    if not isinstance(steps, list | tuple):
        raise ConfigError(f"steps must be a list. Received: {steps!r}")
    options["steps"] = tuple(create_step(step, kind) for step in steps)
    where = f"modality {kind}"
    if not variants[kind].can_be_multi_valued or not _pop_multi_valued(options):
        return parse(variants[kind], options, where)
    own = {name: options.pop(name) for name in _MULTI_VALUED_OPTIONS if name in options}
    inner = parse(variants[kind], options, where)
    return parse(MultiValued, {"inner": inner, "steps": inner.steps, **own}, where)


def _pop_multi_valued(options: dict[str, Any]) -> bool:
    """Takes `multi_valued` out of the options; another option for several values implies it."""
    implied = any(name in options for name in _MULTI_VALUED_OPTIONS)
    declared = options.pop("multi_valued", implied)
    if not isinstance(declared, bool):
        raise ConfigError(f"multi_valued must be true or false. Received: {declared!r}")
    return declared
