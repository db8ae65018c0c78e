"""Options that reach into a mapping of mappings: --encoders.poster.picture_size 260.

jsonargparse sets one key of a mapping and keeps the others, those of a config file too; one level
below it forgets the others. So the lower key is folded into the upper one on the command line, and
unfolded once all are read.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

# What stands between the two keys meanwhile, and before the value, which is then read as a text
# of no meaning: it is in no name that anybody types, and YAML does not allow it.
_JOINT = "\x01"
_MAPPINGS = ("encoders", "finetune", "fusion", "query", "space")


def fold_overrides(arguments: Sequence[str]) -> list[str]:
    """Folds `--encoders.poster.picture_size 260`, and the same below `--train`, into two levels."""
    whole: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        option, equals, value = argument.partition("=")
        outer = "--train." if option.startswith("--train.") else "--"
        mapping, _, keys = option.removeprefix(outer).partition(".")
        if option.startswith("--") and mapping in _MAPPINGS and "." in keys:
            value = value if equals else next(rest, "")
            argument = f"{outer}{mapping}.{keys.replace('.', _JOINT)}={_JOINT}{value}"
        whole.append(argument)
    return whole


def unfold_overrides(value: Any) -> Any:
    """Gives back the levels of a mapping; what is no mapping comes back as it is.

    A name that stands for a text, an encoder's handle, becomes the mapping of it under `handle`.
    """
    if not isinstance(value, Mapping):
        return value
    whole: dict[str, Any] = {}
    for key, content in value.items():
        first, *rest = key.split(_JOINT) if isinstance(key, str) else [key]
        if not rest:
            whole[first] = content
            continue
        inner = whole
        for name in (first, *rest[:-1]):
            below = inner.get(name, {})
            inner[name] = dict(below) if isinstance(below, Mapping) else {"handle": below}
            inner = inner[name]
        inner[rest[-1]] = _parsed(content)
    return whole


def _parsed(content: str) -> Any:
    text = content.removeprefix(_JOINT)
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text
