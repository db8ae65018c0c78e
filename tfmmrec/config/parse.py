"""Mappings from YAML become frozen dataclasses, with errors that name the key."""

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from tfmmrec.errors import ConfigError, did_you_mean

T = TypeVar("T")


def parse(config: type[T], options: Mapping[str, Any], what: str, *, joint: str = "") -> T:
    """Builds a dataclass from a mapping of its fields.

    Args:
        config: a dataclass whose fields are texts, numbers, booleans, choices or mappings.
        options: by the names of the fields.
        what: how errors name the mapping, such as "modality text" or the key "negatives".
        joint: the text between `what` and the name of an option; "." makes the path of a key, such
            as "encoders.title.pool". By default, errors are a sentence.

    Raises:
        ConfigError: an option is unknown or missing, or has a wrong type or value.
    """
    fields = {field.name: field for field in dataclasses.fields(config)}  # type: ignore[arg-type]
    for option in options:
        if option not in fields:
            unknown = (
                f"{what}{joint}{option}: unknown" if joint else f"{what} has no option {option!r}"
            )
            known = ", ".join(sorted(fields)) or "none"
            hint = did_you_mean(str(option), fields)
            raise ConfigError(f"{unknown}; it takes {known}{hint}")
    hints = typing.get_type_hints(config)
    for name, field in fields.items():
        if name not in options:
            if field.default is field.default_factory is dataclasses.MISSING:
                raise ConfigError(f"{what} needs the option {name!r}")
        elif not _has_type(options[name], hints[name]):
            raise ConfigError(
                f"{what}{joint or ': '}{name}: {describe_type(hints[name])} is needed. "
                f"Received: {options[name]!r}"
            )
    try:
        return config(**options)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{what}{joint or ': '}{error}") from None


def parse_fields(config: Any) -> None:
    """Parses the fields of a frozen dataclass that hold dataclasses and were given as mappings.

    To be called first in `__post_init__`, so that `TrainConfig(negatives={"num_uniform": 64})` and
    a YAML file with the same keys give the same object.

    Raises:
        ConfigError: as `parse`, with the path of the key; or a text is given in place of a list or
            a mapping, `features="title"`.
    """
    hints = typing.get_type_hints(type(config))
    for field in dataclasses.fields(config):
        hint, value = hints[field.name], getattr(config, field.name)
        if isinstance(value, str) and not _takes_text(hint):
            raise ConfigError(f"{field.name}: {describe_type(hint)} is needed. Received: {value!r}")
        if not dataclasses.is_dataclass(hint) or isinstance(value, hint):  # type: ignore[arg-type]
            continue
        if not isinstance(value, Mapping):
            raise ConfigError(f"{field.name}: a mapping is needed. Received: {value!r}")
        parsed: Any = parse(hint, value, field.name, joint=".")  # type: ignore[arg-type]
        object.__setattr__(config, field.name, parsed)


def _takes_text(hint: Any) -> bool:
    """Whether a text may be a value, or has a check of its own, which says more."""
    containers = {typing.get_origin(each) for each in (hint, *typing.get_args(hint))}
    return len(containers & {list, dict}) != 1


def _has_type(value: Any, hint: Any) -> bool:
    choices = typing.get_args(hint)
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        return value in choices
    if origin in (tuple, dict, list):
        return isinstance(value, origin)
    if choices:  # a union
        return any(_has_type(value, choice) for choice in choices)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if dataclasses.is_dataclass(hint):
        return isinstance(value, Mapping | hint)  # type: ignore[operator]
    return isinstance(value, hint) and not (hint is int and isinstance(value, bool))


def describe_type(hint: Any) -> str:
    """Returns what a value of a type is called in an error, such as "a whole number"."""
    names = {
        str: "a text",
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        dict: "a mapping",
    }
    choices = typing.get_args(hint)
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        return "one of " + ", ".join(map(str, choices))
    if origin is tuple:
        return f"a list of {len(choices)}"
    if origin is list:
        return "a list of whole numbers" if choices == (int,) else "a list"
    if origin is dict or dataclasses.is_dataclass(hint):
        return "a mapping"
    if choices:
        return " or ".join(describe_type(choice) for choice in choices if choice is not type(None))
    return names.get(hint, str(hint))
