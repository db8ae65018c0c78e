"""What the dataset file declares becomes a frozen dataclass, with errors that name the option."""

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from tfmmrec.errors import ConfigError

T = TypeVar("T")


def build(declared: type[T], options: Mapping[str, Any], what: str, *, joint: str = "") -> T:
    """Builds a dataclass of declared options.

    Args:
        declared: a dataclass whose fields are texts, numbers, booleans or choices.
        options: by the names of its fields.
        what: how errors call it, such as "modality text".
        joint: what stands between that and an option's name; "." makes the path of a key, such
            as "encoders.title.pool". By default, errors are a sentence.

    Raises:
        ConfigError: an option is unknown, missing, of a wrong type or has a wrong value.
    """
    fields = {field.name: field for field in dataclasses.fields(declared)}  # type: ignore[arg-type]
    for option in options:
        if option not in fields:
            unknown = (
                f"{what}{joint}{option}: unknown" if joint else f"{what} has no option {option!r}"
            )
            raise ConfigError(f"{unknown}; it takes {', '.join(sorted(fields)) or 'none'}")
    hints = typing.get_type_hints(declared)
    for name, field in fields.items():
        if name not in options:
            if field.default is field.default_factory is dataclasses.MISSING:
                raise ConfigError(f"{what} needs the option {name!r}")
        elif not _is_of(options[name], hints[name]):
            raise ConfigError(
                f"{what}{joint or ': '}{name}: {_named(hints[name])} is needed. "
                f"Received: {options[name]!r}"
            )
    try:
        return declared(**options)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{what}{joint or ': '}{error}") from None


def _is_of(value: Any, hint: Any) -> bool:
    choices = typing.get_args(hint)
    if typing.get_origin(hint) is typing.Literal:
        return value in choices
    if typing.get_origin(hint) is tuple:
        return isinstance(value, tuple)
    if choices:  # a union
        return any(_is_of(value, choice) for choice in choices)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, hint) and not (hint is int and isinstance(value, bool))


def _named(hint: Any) -> str:
    names = {
        str: "a text",
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        dict: "a mapping",
    }
    choices = typing.get_args(hint)
    if typing.get_origin(hint) is typing.Literal:
        return "one of " + ", ".join(map(str, choices))
    if typing.get_origin(hint) is tuple:
        return f"a list of {len(choices)}"
    if choices:
        return " or ".join(_named(choice) for choice in choices if choice is not type(None))
    return names.get(hint, str(hint))
