"""Reads the YAML of a dataset file, in which names are texts as they are written."""

from pathlib import Path
from typing import Any

import yaml

from tfmmrec.errors import ConfigError, DataError, one_line

# Keys whose value is a name or another text; null is one only for those that must have a value.
_REQUIRED = frozenset({"table", "id", "user", "item"})
_TEXTS = _REQUIRED | {"name", "time", "rating", "kind", "separator", "modality", "by"}
# The keys of this mapping are names that the user chose.
_KINDS = "interactions.kinds"
_READ_AS = {
    "bool": "true or false",
    "int": "a number",
    "float": "a number",
    "null": "no value",
    "timestamp": "a date",
    "value": "a default value",
}
_TAG = "tag:yaml.org,2002:"


def read_yaml(path: Path) -> Any:
    """Reads a dataset file.

    Raises:
        DataError: the file cannot be read, or is not valid YAML.
        ConfigError: YAML reads a name as something else, such as `no`, or a key occurs twice.
    """
    try:
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
        node = loader.get_single_node()
        if node is None:
            return None
        _check(node, path, "", set())
        return loader.construct_document(node)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; give the path of a dataset file") from None
    except yaml.scanner.ScannerError as error:
        raise DataError(
            f"{path}: not valid YAML: {one_line(error)}; put names with signs such as @ or : "
            "in quotes"
        ) from None
    except ConfigError:
        raise
    except (yaml.YAMLError, ValueError) as error:
        raise DataError(f"{path}: not valid YAML: {one_line(error)}") from None
    except RecursionError:
        raise DataError(f"{path}: not valid YAML: it is nested too deeply") from None


def _check(node: yaml.Node, path: Path, where: str, seen: set[int]) -> None:
    """Checks the names in a part of the file, which may contain itself by an alias."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for position, member in enumerate(node.value):
            _check(member, path, f"{where}[{position}]", seen)
    if not isinstance(node, yaml.MappingNode):
        return
    lines: dict[str, int] = {}
    for key, value in node.value:
        if key.tag == f"{_TAG}merge":
            continue
        _check_name(key, f"{path}: {where}" if where else f"{path}", "a name is needed as key")
        inner = f"{where}.{key.value}" if where else key.value
        line = key.start_mark.line + 1
        if key.value in lines:
            twice = f"lines {lines[key.value]} and {line}"
            raise ConfigError(f"{path}: {inner}: the key occurs twice ({twice}); remove one")
        lines[key.value] = line
        is_text = key.value in _TEXTS and where != _KINDS
        if is_text and (key.value in _REQUIRED or value.tag != f"{_TAG}null"):
            _check_name(value, f"{path}: {inner}", "must be a name")
        _check(value, path, inner, seen)


def _check_name(node: yaml.Node, where: str, rule: str) -> None:
    """Raises ConfigError if YAML reads a name as another type of value."""
    read_as = _READ_AS.get(node.tag.removeprefix(_TAG))
    if isinstance(node, yaml.ScalarNode) and read_as is None:
        return
    if not isinstance(node, yaml.ScalarNode):
        if rule.startswith("must"):  # the reader of the key says what it expects
            return
        raise ConfigError(f"{where}: {rule}. Received: a list or a mapping")
    if not node.value:
        raise ConfigError(
            f"{where}: {rule}; names that begin with # need quotes. Received: nothing"
        )
    raise ConfigError(
        f'{where}: {rule}. YAML reads {node.value} as {read_as}; put it in quotes: "{node.value}"'
    )
