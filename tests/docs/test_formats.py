"""The tables of options in docs/formats have the keys and defaults of the code."""

import dataclasses
import importlib
import inspect
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tfmmrec.config.registry import Registry

FORMATS = Path(__file__).parents[2] / "docs" / "formats"

# Headings of docs/formats/training.md, and the module whose one dataclass declares the options in
# the table below. Keys with options, such as `negatives`, are found by their defaults in `Keys`.
MODULES = {
    "Keys": "tfmmrec.config.train_config",
    "`encoders.FEATURE`": "tfmmrec.config.encoders",
    "`finetune.FEATURE`": "tfmmrec.config.finetuning",
}
# Packages with a registry of kinds, each of which has a table; by the key that selects the kind.
FAMILIES = {"fusion": "tfmmrec.layers.fusion", "query": "tfmmrec.layers.history"}
# Tables of the options of several classes: heading, the classes by name, and the classes and
# options that no file names.
GROUPS = {
    "dataset.md": [
        ("Options of modalities", "tfmmrec.modalities.base:MODALITIES", {"steps"}),
        ("Options of steps", "tfmmrec.modalities.preprocessing.base:STEPS", set()),
    ],
    "training.md": [
        (
            "Augmentation",
            "tfmmrec.encoders.augmentation:AUGMENTATIONS",
            {"spectrogram", "value_range"},
        ),
    ],
}
# What an option without a default has in its place.
REQUIRED = "required"


def only_dataclass(name: str) -> type:
    """Returns the one dataclass that a module defines."""
    members = vars(importlib.import_module(name)).values()
    (found,) = [
        member
        for member in members
        if dataclasses.is_dataclass(member) and member.__module__ == name
    ]
    return found


def kinds(family: str) -> Mapping[str, type]:
    """Returns the classes in the registry of a family by name."""
    members = vars(importlib.import_module(FAMILIES[family])).values()
    (registry,) = [
        member for member in members if isinstance(member, Registry) and member.family == family
    ]
    return registry.variants


def by_name(path: str) -> Mapping[str, type]:
    """Returns the classes in the mapping or registry `module:attribute` by name."""
    module, _, attribute = path.partition(":")
    # Packages register their members when they are imported.
    importlib.import_module(module.removesuffix(".base"))
    found = getattr(importlib.import_module(module), attribute)
    return found.variants if isinstance(found, Registry) else found


def tables(text: str) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """Yields each table of a page: the heading above it, its columns and its rows."""
    heading, rows = "", []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
            continue
        if rows:
            yield heading, rows[0], rows[2:]
            rows = []
        if line.startswith("#"):
            heading = line.lstrip("#").strip()


def option_tables(text: str) -> dict[str, dict[str, str]]:
    """Returns the defaults of the tables whose columns are key, default and description."""
    return {
        heading: {bare(key): bare(default) for key, default, _ in rows}
        for heading, columns, rows in tables(text)
        if columns == ["key", "default", "description"]
    }


def grouped_tables(text: str) -> dict[str, dict[tuple[str, str], str]]:
    """Returns the defaults of the tables that have a column before key, default, description."""
    return {
        heading: {(bare(name), bare(key)): bare(default) for name, key, default, _ in rows}
        for heading, columns, rows in tables(text)
        if columns[1:] == ["key", "default", "description"]
    }


def bare(cell: str) -> str:
    """Takes the backticks off a cell."""
    return cell[1:-1] if cell.startswith("`") and cell.endswith("`") else cell


def declared(kind: Any) -> dict[str, Any]:
    """Returns the options of a dataclass, or of a layer, with their defaults as plain YAML."""
    if dataclasses.is_dataclass(kind):
        return {field.name: _default(field) for field in dataclasses.fields(kind)}
    parameters = inspect.signature(kind.__init__).parameters.values()
    return {
        parameter.name: plain(parameter.default)
        for parameter in parameters
        if parameter.kind is parameter.KEYWORD_ONLY
    }


def _default(field: dataclasses.Field) -> Any:
    if field.default is not dataclasses.MISSING:
        return plain(field.default)
    if field.default_factory is not dataclasses.MISSING:
        return plain(field.default_factory())
    return REQUIRED


def plain(value: Any) -> Any:
    """Writes a default as a YAML file has it; of a dataclass, what differs from its defaults."""
    if dataclasses.is_dataclass(value):
        standard = declared(type(value))
        own = {name: plain(getattr(value, name)) for name in standard}
        return {name: own[name] for name in own if name == "kind" or own[name] != standard[name]}
    if isinstance(value, Mapping):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value


def sections() -> dict[str, Any]:
    """Returns what declares the options of each table of training.md, by heading."""
    found = {heading: only_dataclass(name) for heading, name in MODULES.items()}
    config = found["Keys"]()
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value) and field.name not in FAMILIES:
            found[f"`{field.name}`"] = type(value)
    for family in FAMILIES:
        for kind, variant in kinds(family).items():
            found[f"`{family}: {{kind: {kind}}}`"] = variant
    return found


def differences(shown: Mapping[Any, str], options: Mapping[Any, Any]) -> list[str]:
    """Says where a table differs from the options that are declared."""
    if list(shown) != list(options):
        return [f"keys {list(shown)}, declared {list(options)}"]
    # As JSON, in which 1, 1.0 and true differ.
    return [
        f"{key}: {shown[key]}, declared {json.dumps(value)}"
        for key, value in options.items()
        if json.dumps(yaml.safe_load(shown[key])) != json.dumps(value)
    ]


def test_the_training_file():
    shown = option_tables((FORMATS / "training.md").read_text(encoding="utf-8"))
    expected = sections()
    assert sorted(shown) == sorted(expected)
    wrong = {name: differences(shown[name], declared(kind)) for name, kind in expected.items()}
    assert {name: lines for name, lines in wrong.items() if lines} == {}


@pytest.mark.parametrize(
    ("page", "heading", "path", "hidden"),
    [(page, *group) for page, groups in GROUPS.items() for group in groups],
)
def test_options_by_name(page, heading, path, hidden):
    shown = grouped_tables((FORMATS / page).read_text(encoding="utf-8"))[heading]
    expected = {
        (variant, key): default
        for variant, kind in by_name(path).items()
        for key, default in declared(kind).items()
        if not {variant, key} & hidden
    }
    # Variants may be in any order, the options of each are in that of its class.
    names = list(dict.fromkeys(variant for variant, _ in shown))
    expected = {
        pair: expected[pair] for pair in sorted(expected, key=lambda pair: _place(names, pair[0]))
    }
    assert differences(shown, expected) == []


def _place(names: list[str], name: str) -> int:
    return names.index(name) if name in names else len(names)


@pytest.mark.parametrize(
    ("row", "difference"),
    [
        ("| `rate` | `0.5` | d |", []),
        ("| `rate` | `0.25` | d |", ["rate: 0.25, declared 0.5"]),
        ("| `rates` | `0.5` | d |", ["keys ['rates'], declared ['rate']"]),
        ("| `rate` | `null` | d |", ["rate: null, declared 0.5"]),
    ],
)
def test_a_wrong_table_is_found(row, difference):
    page = (
        f"# Page\n\n### `head`\n\n| key | default | description |\n|---|---|---|\n{row}\n\nText\n"
    )
    assert differences(option_tables(page)["`head`"], {"rate": 0.5}) == difference


def test_defaults_as_yaml_has_them():
    inner = dataclasses.make_dataclass("Inner", [("kind", str, "mean"), ("size", int, 3)])
    outer = dataclasses.make_dataclass(
        "Outer",
        [
            ("query", inner, dataclasses.field(default_factory=inner)),
            ("sides", tuple, (1.0, None)),
            ("dim", int),
        ][::-1],
    )
    assert declared(outer) == {"dim": REQUIRED, "sides": [1.0, None], "query": {"kind": "mean"}}
