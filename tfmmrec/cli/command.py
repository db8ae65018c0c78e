"""A subcommand of `tfmmrec`, and the arguments that several of them have."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonargparse

from tfmmrec.cli.nested_overrides import unfold_overrides
from tfmmrec.cli.parser import Parser


@dataclasses.dataclass(frozen=True)
class Command:
    """A subcommand.

    Attributes:
        help: one line.
        declare: adds the arguments.
        run: does the work with the parsed options.
        examples: command lines, without `tfmmrec`.
        after_interrupt: how an interrupted command is continued; "" if it starts anew.
    """

    help: str
    declare: Callable[[Parser], Any]
    run: Callable[[Any], int | None]
    examples: tuple[str, ...] = ()
    after_interrupt: str = ""


def build_config(kind: type, options: Any) -> Any:
    """Builds a config from the options that carry its fields' names."""
    values = {field.name: options[field.name] for field in dataclasses.fields(kind)}
    return kind(
        **{
            name: value.as_dict()
            if isinstance(value, jsonargparse.Namespace)
            else unfold_overrides(value)
            for name, value in values.items()
        }
    )


def add_positional(parser: Parser, name: str, text: str) -> None:
    """Adds a path without a name; `text` is its help."""
    parser.add_argument(name, type=Path, help=text)


def add_out(parser: Parser, text: str) -> None:
    """Adds `--out`, which is required; `text` is its help."""
    parser.add_argument("--out", type=Path, required=True, help=text)


def add_config_file(parser: Parser) -> None:
    """Adds `--config`, a YAML file whose keys are the options declared after it."""
    parser.add_argument("--config", action="config", help="a YAML file with any of the keys below")
