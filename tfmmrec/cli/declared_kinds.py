"""Checks `fusion` and `query` of a training file before TensorFlow is imported.

The kinds are Keras layers, whose import takes seconds. So their names and options are read from
their source: the decorator `@FUSIONS.register("NAME")` and the arguments of `__init__` that have
defaults, which are what `Registry.parse` reads. Values of options are checked later, by the layers.
"""

import ast
import inspect
from pathlib import Path
from typing import Any

import tfmmrec
from tfmmrec.config.registry import Registry
from tfmmrec.config.train_config import TrainConfig

_LAYERS = Path(tfmmrec.__file__).parent / "layers"


def check_kinds(config: TrainConfig) -> None:
    """Raises ConfigError if a kind of fusion or history encoder, or an option of it, is unknown."""
    for family, folder, given in (
        ("fusion", "fusion", config.fusion),
        ("query", "history", config.history_encoder),
    ):
        registry = read_kinds(family, _LAYERS / folder)
        if registry.variant(given).has_own_options:
            registry.parse(given)


def read_kinds(family: str, folder: Path) -> Registry[Any]:
    """Reads the classes that are registered in the files of a folder.

    Args:
        family: the key of the training file.
        folder: of Python files.

    Returns:
        A registry of stand-ins with the options of the classes. `has_own_options` is False for a
        class that inherits its arguments.
    """
    registry: Registry[Any] = Registry(family)
    for path in sorted(folder.glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            for kind in _kinds(node):
                registry.register(kind)(_stand_in(node))  # type: ignore[arg-type]
    return registry


def _kinds(node: ast.stmt) -> list[str]:
    """The names under which a class is registered."""
    return [
        str(call.args[0].value)
        for call in getattr(node, "decorator_list", [])
        if isinstance(node, ast.ClassDef)
        and isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "register"
        and isinstance(call.args[0], ast.Constant)
    ]


def _stand_in(node: ast.ClassDef) -> type:
    create = [
        each.args
        for each in node.body
        if isinstance(each, ast.FunctionDef) and each.name == "__init__"
    ]
    names = [
        argument.arg
        for arguments in create
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is not None
    ]

    def __init__(self: Any, **options: Any) -> None: ...

    __init__.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None) for name in names]
    )
    return type(
        node.name,
        (),
        {
            "__init__": __init__,
            "check_options": staticmethod(lambda **options: None),
            "has_own_options": bool(create),
        },
    )
