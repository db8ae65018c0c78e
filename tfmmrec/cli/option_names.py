"""Unknown and shortened options, on the command line and in config files, are refused.

argparse completes a shortened option, so that a typing error trains with something else, and lists
an unknown one without a word about what there is.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jsonargparse
import yaml

from tfmmrec.cli.nested_overrides import SEPARATOR
from tfmmrec.cli.parser import Parser, value_kinds
from tfmmrec.errors import did_you_mean, one_line


def check_option_names(parser: Parser, arguments: Sequence[str]) -> None:
    """Raises ArgumentError if an option, or a key of a file in --config, is unknown.

    Args:
        parser: of the command.
        arguments: the arguments after the command.
    """
    for position, argument in enumerate(arguments):
        if argument == "--":
            return
        option, equals, value = argument.partition("=")
        if not option.startswith("--"):
            continue
        if not _is_known(parser, option):
            shown = option.replace(SEPARATOR, ".")
            names = [
                parser.spelled(name)
                for name in parser._option_string_actions
                if name.startswith("--")
            ]
            hint = did_you_mean(shown, names) or "; see --help"
            shown = parser.spelled(shown)
            raise jsonargparse.ArgumentError(None, f"unknown option {shown}{hint}")
        # A script may have a parameter of this name, which is not a file of its options.
        if isinstance(parser._option_string_actions.get(option), jsonargparse.ActionConfigFile):
            _check_file(
                parser, value if equals else "".join(arguments[position + 1 : position + 2])
            )


def _is_known(parser: Parser, option: str) -> bool:
    known = parser._option_string_actions
    if option in known:
        return True
    # --encoders.title and --train.query.max_history are keys of a mapping.
    parts = option.split(".")
    prefixes = (".".join(parts[:n]) for n in range(1, len(parts)))
    return any(name in known and dict in value_kinds(known[name]) for name in prefixes)


def read_option_file(path: str) -> Mapping[Any, Any]:
    """Reads a file of options; {} if it cannot be read or has none, which the parser tells.

    Raises:
        ArgumentError: it is not YAML.
    """
    try:
        with open(path, encoding="utf-8") as file:
            content = yaml.safe_load(file)
    except yaml.YAMLError as error:
        raise jsonargparse.ArgumentError(None, f"{path}: not YAML: {one_line(error)}") from None
    except UnicodeDecodeError:
        raise jsonargparse.ArgumentError(None, f"{path}: not YAML: it is not UTF-8") from None
    except OSError:
        return {}
    return content if isinstance(content, Mapping) else {}


def _check_file(parser: Parser, path: str) -> None:
    content = read_option_file(path)
    for key in _keys(content, parser, ""):
        if not _is_known(parser, f"--{key}"):
            names = [name[2:] for name in parser._option_string_actions if name.startswith("--")]
            keys = [name for name in names if not name.endswith("+")]
            hint = did_you_mean(key, keys) or "; tfmmrec COMMAND --help lists them"
            raise jsonargparse.ArgumentError(None, f"{path}: unknown key {key}{hint}")


def _keys(content: Mapping[Any, Any], parser: Parser, prefix: str) -> Iterator[str]:
    """The keys of a file as options are named, but not those inside of options with a mapping."""
    known = parser._option_string_actions
    for key, value in content.items():
        name = f"{prefix}{key}"
        action = known.get(f"--{name}")
        group = any(option.startswith(f"--{name}.") for option in known)
        if (
            isinstance(value, Mapping)
            and group
            and (action is None or dict not in value_kinds(action))
        ):
            yield from _keys(value, parser, f"{name}.")
        else:
            yield name
