"""What differs between the options of trainings."""

from collections.abc import Mapping, Sequence
from typing import Any

# How a table shows an option that a config does not have, such as one of another kind of fusion.
ABSENT = "-"


def changed_options(options: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the options that differ from a base, nested like the options.

    The options of a `kind` belong together: if one differs, the mapping is returned whole.

    Args:
        options: a config as nested mappings.
        base: another one, such as the defaults.
    """
    found: dict[str, Any] = {}
    for name, value in options.items():
        if name in base and base[name] == value:
            continue
        if isinstance(value, Mapping) and isinstance(base.get(name), Mapping) and value:
            value = value if "kind" in value else changed_options(value, base[name])
        found[name] = value
    return found


def differing_options(configs: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Returns the value of each option in each config, for those that are not the same in all.

    Args:
        configs: as nested mappings.

    Returns:
        The values in the order of the configs, by the full name of the option, such as
        `negatives.source`; ABSENT where a config does not have it.
    """
    flat = [_flatten(config) for config in configs]
    names = dict.fromkeys(name for config in flat for name in config)
    rows = {name: [config.get(name, ABSENT) for config in flat] for name in names}
    return {name: row for name, row in rows.items() if any(value != row[0] for value in row)}


def _flatten(options: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in options.items():
        if isinstance(value, Mapping) and value:
            found |= _flatten(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found
