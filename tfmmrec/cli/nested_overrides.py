"""Nested overrides on the command line, such as --encoders.poster.picture_size 260.

jsonargparse can override one key of a mapping and keeps the other keys, also those of a config
file. In a mapping of mappings it would drop the other keys of the inner one. So both keys are
joined to one on the command line, and split again after parsing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

# Joins two keys, and precedes the value, so that it is parsed as plain text. Nobody types this
# character, and YAML does not allow it.
_SEPARATOR = "\x01"
_MAPPINGS = ("encoders", "finetune", "fusion", "query", "space")


def fold_overrides(arguments: Sequence[str]) -> list[str]:
    """Joins the keys of `--encoders.poster.picture_size 260`, also after `--train.`."""
    result: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        option, equals, value = argument.partition("=")
        outer = "--train." if option.startswith("--train.") else "--"
        mapping, _, keys = option.removeprefix(outer).partition(".")
        if option.startswith("--") and mapping in _MAPPINGS and "." in keys:
            value = value if equals else next(rest, "")
            argument = f"{outer}{mapping}.{keys.replace('.', _SEPARATOR)}={_SEPARATOR}{value}"
        result.append(argument)
    return result


def unfold_overrides(value: Any) -> Any:
    """Splits the joined keys of a mapping; returns other values unchanged.

    A text, such as an encoder's handle, that gets an override becomes a mapping `{handle: text}`.
    """
    if not isinstance(value, Mapping):
        return value
    result: dict[str, Any] = {}
    for key, content in value.items():
        first, *rest = key.split(_SEPARATOR) if isinstance(key, str) else [key]
        if not rest:
            result[first] = content
            continue
        inner = result
        for name in (first, *rest[:-1]):
            old = inner.get(name, {})
            inner[name] = dict(old) if isinstance(old, Mapping) else {"handle": old}
            inner = inner[name]
        inner[rest[-1]] = _parse(content)
    return result


def _parse(content: str) -> Any:
    text = content.removeprefix(_SEPARATOR)
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text
