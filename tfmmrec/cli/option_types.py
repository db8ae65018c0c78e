"""Values of a wrong type in the words of other errors, where jsonargparse names types of Python."""

import re

import jsonargparse

from tfmmrec.cli.parser import Parser
from tfmmrec.config.parse import describe_type

_PARSER_KEY = re.compile(r'Parser key "(?P<key>[^"]+)":\s(?P<problem>.*)', re.DOTALL)
# The last of these is the whole value; one before it may be an element of a list.
_VALUE = re.compile(r"(?:Got value|Given value): (.*)")


def plain_error(parser: Parser, error: jsonargparse.ArgumentError) -> jsonargparse.ArgumentError:
    """Returns the error "epochs: a whole number is needed. Received: many" for one of jsonargparse.

    Errors about something else than the type of an option are returned as they are.

    Args:
        parser: of the command.
        error: from parsing the arguments of the command.
    """
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
