"""The command `tfmmrec`: one subcommand a stage, its options made from the stage's own config."""

import logging
import os
import sys
import warnings
from collections.abc import Callable, Collection, Sequence
from typing import Any

import jsonargparse

from tfmmrec.cli.commands import COMMANDS, Parser
from tfmmrec.cli.nested_overrides import fold_overrides
from tfmmrec.errors import TfmmrecError
from tfmmrec.legacy_keras import keras_problem
from tfmmrec.version import __version__

# Scripts import this module before those of ours that load TensorFlow, so that what it and its
# companions say then stays out of the answers' way. A level that the user chose is kept.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if not sys.warnoptions:
    warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Returns:
        The exit code: 0, 1 when something could not be done, 2 when the command line is wrong.
    """
    _hush_tensorflow()
    arguments = fold_overrides(_underscored(sys.argv[1:] if arguments is None else arguments))
    return _guarded(lambda: _run(arguments), debug="--debug" in arguments)


def _underscored(arguments: Sequence[str]) -> list[str]:
    """Lets an option be written with hyphens, --max-rejects, as well as with its key's name."""
    spelled = []
    for argument in arguments:
        option, equals, value = argument.partition("=")
        if option.startswith("--"):
            option = "--" + option[2:].replace("-", "_")
        spelled.append(option + equals + value)
    return spelled


def _hush_tensorflow() -> None:
    """Keeps what TensorFlow says when it traces out of the answers' way."""
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def run_script(function: Callable[..., Any]) -> None:
    """Runs a script's main function as a command line of its own, then exits.

    Options are made from the function's signature; one of bool stands alone for a yes or takes
    `true` or `false`. `--debug` shows tracebacks. A script imports this module first:

        import tfmmrec.cli
        from tfmmrec.packing import pack
    """
    _hush_tensorflow()

    def run() -> int:
        parser = Parser(exit_on_error=False, description=(function.__doc__ or "").split("\n")[0])
        parser.add_function_arguments(function, as_positional=True)
        parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
        arguments = _answered(parser, _underscored(sys.argv[1:]))
        options = parser.instantiate_classes(parser.parse_args(arguments))
        function(**{name: value for name, value in options.items() if name != "debug"})
        return 0

    sys.exit(_guarded(run, debug="--debug" in sys.argv))


def _answered(parser: Parser, arguments: list[str]) -> list[str]:
    """Gives the options of bool that stand alone their value: --overwrite for --overwrite=true."""
    flags: set[str] = set()
    for action in parser._actions:
        # jsonargparse has no setting that lets an option made from a type stand alone.
        if getattr(action, "_typehint", None) is bool:
            flags.update(action.option_strings)
            action.nargs, action.metavar = "?", "true|false"  # shown as [--overwrite [true|false]]
    following = [*arguments, ""][1:]
    return [
        f"{argument}=true"
        if argument in flags and value.lower() not in ("true", "false", "yes", "no")
        else argument
        for argument, value in zip(arguments, following, strict=True)
    ]


def _guarded(run: Callable[[], int], *, debug: bool) -> int:
    try:
        return _traced(run) if debug else run()
    except jsonargparse.ArgumentError as error:
        message, code = str(error), 2
    except TfmmrecError as error:
        message, code = str(error), 1
    except KeyboardInterrupt:
        message, code = "stopped", 130
    except BrokenPipeError:
        # Whoever read the output, head for one, has enough of it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if debug:
            raise
        kind = type(error).__name__
        message, code = f"{kind}: {error} (this is a bug or a full disk; --debug shows where)", 1
    print(f"tfmmrec: error: {' '.join(message.split())}", file=sys.stderr)
    return code


def _traced(run: Callable[[], int]) -> int:
    try:
        return run()
    except (jsonargparse.ArgumentError, TfmmrecError):
        import traceback

        traceback.print_exc()
        raise


def _run(arguments: list[str]) -> int:
    # To declare a command's arguments imports its stage; the doctor has to start without any.
    named = [name for name in COMMANDS if name in arguments]
    problem = keras_problem()
    if problem is not None and named not in ([], ["doctor"]):
        raise TfmmrecError(problem)
    parser = build_parser(named)
    options = parser.parse_args(arguments)
    command = options.get("command")
    if command is None:
        parser.print_help()
        return 2
    # Stages import TensorFlow, which takes seconds: only the command that is run pays for it.
    return COMMANDS[command].run(options[command]) or 0


def build_parser(declared: Collection[str] | None = None) -> Parser:
    """Builds the parser of all commands.

    Args:
        declared: the commands that get their arguments; default all.
    """
    parser = Parser(prog="tfmmrec", version=__version__, exit_on_error=False, description=__doc__)
    commands = parser.add_subcommands(required=False, dest="command")
    for name, command in COMMANDS.items():
        sub = Parser(exit_on_error=False, description=command.help)
        if declared is None or name in declared:
            command.declare(sub)
        known = {action.dest for action in sub._actions}
        if "seed" not in known:
            sub.add_argument("--seed", type=int, default=0, help="of whatever is drawn by chance")
        if "quiet" not in known:
            sub.add_argument("--quiet", action="store_true", help="no progress bars")
        sub.add_argument("--debug", action="store_true", help="show the traceback of an error")
        commands.add_subcommand(name, sub, help=command.help)
    return parser
