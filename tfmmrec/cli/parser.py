"""The parser of a command: texts as they are typed, and a help that people can read."""

import argparse
import copy
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonargparse
from jsonargparse._typehints import ActionTypeHint

from tfmmrec.config.comma_list import split_commas

_TEXTS = (str, Path)
_METAVARS = {int: "N", float: "X", str: "TEXT", Path: "PATH"}


class HelpFormatter(jsonargparse.DefaultHelpFormatter):
    """Shows values as they are written, `--cutoffs N,N`, in place of types of Python."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help or ""
        if action.required and action.option_strings:
            return f"{text} (required)"
        default = _default(action)
        return text if default is None or "default" in text else f"{text} (default: {default})"

    def _get_default_metavar_for_optional(self, action: argparse.Action) -> str:
        kinds = value_kinds(action)
        if action.dest == "config":
            return "FILE"
        if list in kinds:
            metavar = _METAVARS.get(_element(action), "NAME").replace("TEXT", "NAME")
            return f"{metavar},{metavar}"
        if dict in kinds:
            return "{KEY: VALUE}"
        if bool in kinds:
            return "true|false"
        known = [_METAVARS[kind] for kind in kinds if kind in _METAVARS]
        return known[0] if known else "TEXT"

    def _format_usage(
        self, usage: str | None, actions: Iterable[argparse.Action], groups: Any, prefix: str | None
    ) -> str:
        # A list of all options is longer than the help itself.
        shown = "usage: " if prefix is None else prefix
        if usage is None:
            parts = [self._prog.replace("[options] ", "")]
            for action in actions:
                if action.dest == "command":
                    return f"{shown}{self._prog} COMMAND … [options]\n\n"
                if not action.option_strings:
                    name = str(action.metavar or action.dest).upper()
                    parts.append(f"{name} …" if action.nargs == "+" else name)
                elif action.required:
                    value = action.metavar or self._get_default_metavar_for_optional(action)
                    option = getattr(action, "spellings", action.option_strings)[0]
                    parts.append(f"{option} {value}")
            return f"{shown}{' '.join([*parts, '[options]'])}\n\n"
        return super()._format_usage(usage, actions, groups, prefix)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        # Examples have lines of their own.
        return text if "\n" in text else super()._fill_text(text, width, indent)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        action = copy.copy(action)
        action.option_strings = getattr(action, "spellings", action.option_strings)
        # jsonargparse adds --features+, which appends to a list.
        if any(name.endswith("+") for name in action.option_strings):
            plain = [name for name in action.option_strings if not name.endswith("+")]
            return f"{', '.join(plain)} {self._get_default_metavar_for_optional(action)}"
        return super()._format_action_invocation(action)


class Parser(jsonargparse.ArgumentParser):
    """A parser whose texts are texts: jsonargparse reads those of `str | None` as YAML.

    Attributes:
        commands: the parsers of the subcommands.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, formatter_class=HelpFormatter, **kwargs)
        self.commands: dict[str, Parser] = {}

    def spelled(self, option: str) -> str:
        """Returns an option as help and errors write it.

        The options of a command with a file in `--config` are the keys of the file; any other is
        written with hyphens, `--max-rejects`. Both spellings are accepted.
        """
        return option if self.has_config_file else option.replace("_", "-")

    @property
    def has_config_file(self) -> bool:
        """Whether the options are the keys of a file; a script's own `--config` is none."""
        return any(isinstance(action, jsonargparse.ActionConfigFile) for action in self._actions)

    def take_texts_as_typed(self) -> None:
        """Changes the options declared so far: `--text null` is a text, and lists may be a,b."""
        for action in self._actions:
            action.spellings = [self.spelled(each) for each in action.option_strings]  # type: ignore[attr-defined]
        for action in self._actions:
            if not isinstance(action, ActionTypeHint):
                continue
            kinds = value_kinds(action)
            if kinds <= {*_TEXTS, type(None)} and kinds & {*_TEXTS}:
                action.__class__ = _Text
            elif list in kinds:
                action.__class__ = _List
        for action in self._actions:
            if action.option_strings == ["--print_config"]:
                action.help = "print the options as a file for --config, and stop"


class _Text(ActionTypeHint):
    """An option with a text or a path, which is not read as YAML."""

    def _check_type(
        self, value: Any, append: bool = False, cfg: Any = None, mode: Any = None
    ) -> Any:
        kinds = value_kinds(self)
        if isinstance(value, list) and self.nargs == "+":
            return [self._check_type(each) for each in value]
        if isinstance(value, str):
            return Path(value) if Path in kinds else str(value)
        if isinstance(value, Path) or (value is None and (type(None) in kinds)):
            return value
        # Only a config file has other values than texts.
        raise TypeError(f"{self.dest}: put the text in quotes. Received: {value!r}")


class _List(ActionTypeHint):
    """An option with a list, which may also be written without brackets, as a row of a csv file."""

    # jsonargparse passes the arguments that the signature names.
    def _check_type(
        self, value: Any, append: bool = False, cfg: Any = None, mode: Any = None
    ) -> Any:
        is_mapping = dict in value_kinds(self) and isinstance(value, str) and ":" in value
        if isinstance(value, str) and not is_mapping and not value.lstrip().startswith(("[", "{")):
            value = split_commas(value)
            if _element(self) is int:
                value = [
                    int(each) if each.strip().lstrip("-").isdecimal() else each for each in value
                ]
        return super()._check_type(value, append=append, cfg=cfg, mode=mode)


def value_kinds(action: argparse.Action) -> set[Any]:
    """The types of an option's value, without those of its parts."""
    hint = getattr(action, "_typehint", None) or action.type
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return {typing.get_origin(one) or one for one in typing.get_args(hint)}
    return set() if hint is None else {typing.get_origin(hint) or hint}


def _element(action: argparse.Action) -> Any:
    """The type of the elements of an option's list."""
    hint = getattr(action, "_typehint", None)
    for one in (hint, *typing.get_args(hint)):
        if typing.get_origin(one) is list:
            return typing.get_args(one)[0]
    return str


def _default(action: argparse.Action) -> str | None:
    """How a default is written on the command line; None if it is not worth showing."""
    default = action.default
    if not action.option_strings or default in (None, "", argparse.SUPPRESS) or default == []:
        return None
    if action.nargs == 0 or isinstance(default, jsonargparse.Namespace):
        return None
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, Mapping):
        written = ", ".join(f"{key}: {value}" for key, value in default.items())
        return f"{{{written}}}" if written else None
    if isinstance(default, Sequence) and not isinstance(default, str):
        return ",".join(map(str, default))
    return str(default)
