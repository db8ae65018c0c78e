"""Wrong and missing options in the words of other errors; jsonargparse names types and keys."""

import re
from pathlib import Path

import jsonargparse

from tfmmrec.cli.parser import Parser
from tfmmrec.config.parse import describe_type

_PARSER_KEY = re.compile(r'Parser key "(?P<key>[^"]+)":\s(?P<problem>.*)', re.DOTALL)
_REQUIRED = re.compile(r"the following arguments are required: (.*)")
_NO_FILE = re.compile(r"""Parser key "config": (?P<problem>.*): '(?P<path>.*)'""", re.DOTALL)
_FILE_PROBLEMS = {"File does not exist": "no such file", "Path is not a file": "is not a file"}
# The last of these is the whole value; one before it may be an element of a list.
_VALUE = re.compile(r"(?:Got value|Given value): (.*)")


def plain_error(parser: Parser, error: jsonargparse.ArgumentError) -> jsonargparse.ArgumentError:
    """Returns the error "epochs: a whole number is needed. Received: many" for one of jsonargparse.

    Options that are missing are named as they are written, `DATA, --out`, and so is a file that is
    missing. Errors about something else are returned as they are.

    Args:
        parser: of the command.
        error: from parsing the arguments of the command.
    """
    required = _REQUIRED.fullmatch(str(error))
    if required is not None:
        names = [_written(parser, key) for key in required[1].split(", ")]
        return jsonargparse.ArgumentError(None, f"give {', '.join(names)}; see --help")
    no_file = _NO_FILE.fullmatch(str(error))
    if no_file is not None and no_file["problem"] in _FILE_PROBLEMS:
        path = _from_here(no_file["path"])
        return jsonargparse.ArgumentError(None, f"{path}: {_FILE_PROBLEMS[no_file['problem']]}")
    found = _PARSER_KEY.search(str(error))
    values = _VALUE.findall(found["problem"]) if found else []
    if found is None or not values:
        return error
    hints = {action.dest: getattr(action, "_typehint", action.type) for action in parser._actions}
    hint = hints.get(found["key"])
    if hint is None:
        return error
    # An option of a command with a file in --config is a key, and may be wrong in the file.
    name = found["key"] if parser.has_config_file else parser.spelled(f"--{found['key']}")
    return jsonargparse.ArgumentError(
        None, f"{name}: {describe_type(hint)} is needed. Received: {values[-1]}"
    )


def _written(parser: Parser, key: str) -> str:
    """Returns how a command line gives a required argument: `--out` for `train.out`."""
    dest = key.rpartition(".")[2]
    for action in parser._actions:
        if action.dest == dest:
            return parser.spelled(f"--{dest}") if action.option_strings else dest.upper()
    return key


def _from_here(path: str) -> Path:
    """Returns a path as it was most likely written: relative, if it is in the working folder."""
    here = Path.cwd()
    return Path(path).relative_to(here) if Path(path).is_relative_to(here) else Path(path)
