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
SEPARATOR = "\x01"
_MAPPINGS = ("encoders", "finetune", "fusion", "query", "space")


# Mappings whose keys are names of features, which may have hyphens.
_BY_FEATURE = ("encoders", "finetune")


def with_underscores(arguments: Sequence[str]) -> list[str]:
    """Accepts options with hyphens, --max-rejects, besides those with underscores.

    The name of a feature stays as it is typed, as in `--encoders.cover-art.picture-size`.
    """
    return [_spelled(argument) if argument.startswith("--") else argument for argument in arguments]


def _spelled(argument: str) -> str:
    option, equals, value = argument[2:].partition("=")
    parts = option.split(".")
    for position, part in enumerate(parts):
        if position == 0 or parts[position - 1] not in _BY_FEATURE:
            parts[position] = part.replace("-", "_")
    return f"--{'.'.join(parts)}{equals}{value}"


def fold_overrides(arguments: Sequence[str]) -> list[str]:
    """Joins the keys of `--encoders.poster.picture_size 260`, also after `--train.`."""
    result: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        option, equals, value = argument.partition("=")
        outer = "--train." if option.startswith("--train.") else "--"
        mapping, _, keys = option.removeprefix(outer).partition(".")
        # The one key of a feature's encoder is folded too, so that its value stays as it is typed.
        is_nested = "." in keys or (keys and mapping in _BY_FEATURE)
        if option.startswith("--") and mapping in _MAPPINGS and is_nested:
            value = value if equals else next(rest, "")
            argument = f"{outer}{mapping}.{keys.replace('.', SEPARATOR)}={SEPARATOR}{value}"
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
        first, *rest = key.split(SEPARATOR) if isinstance(key, str) else [key]
        if not rest:
            result[first] = _parse(content) if _is_typed(content) else content
            continue
        inner = result
        for name in (first, *rest[:-1]):
            old = inner.get(name, {})
            inner[name] = dict(old) if isinstance(old, Mapping) else {"handle": old}
            inner = inner[name]
        inner[rest[-1]] = _parse(content)
    return result


def _is_typed(content: Any) -> bool:
    return isinstance(content, str) and content.startswith(SEPARATOR)


def _parse(content: str) -> Any:
    text = content.removeprefix(SEPARATOR)
    if text.startswith("hub:"):
        return text  # a path may have what is a comment in YAML, "models #1"
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text
