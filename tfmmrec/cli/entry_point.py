"""The command line `tfmmrec`: a subcommand per stage, with options from the stage's config."""

import logging
import os
import sys
import warnings
from collections.abc import Callable, Collection, Sequence
from typing import Any

import jsonargparse

from tfmmrec.cli.commands import COMMANDS
from tfmmrec.cli.nested_overrides import fold_overrides, with_underscores
from tfmmrec.cli.option_names import check_option_names
from tfmmrec.cli.option_types import plain_error
from tfmmrec.cli.parser import Parser
from tfmmrec.cli.preset_option import apply_preset
from tfmmrec.errors import TfmmrecError, did_you_mean
from tfmmrec.legacy_keras import keras_problem
from tfmmrec.version import __version__

ORDER_OF_WORK = """the order of work:
  tfmmrec pack DATASET.yaml --out DATA     tables and media become a data folder
  tfmmrec check DATA                       what is in it, and what looks wrong
  tfmmrec train DATA --out RUN             a model
  tfmmrec evaluate RUN                     is it better than the baselines?
  tfmmrec tune DATA --out SEARCH           better options, if it is not
  tfmmrec recommend RUN --users ID         the best items for a user
  tfmmrec search RUN --text "red bicycle"  items by their content
  tfmmrec export RUN --out MODELS/NAME     a SavedModel for TensorFlow Serving
  tfmmrec serve MODELS/NAME                a REST server to try it with
  tfmmrec update RUN --data D2 --out R2    new items and events, without training

  tfmmrec demo                             all of it on a synthetic catalog
  tfmmrec COMMAND --help                   the options of a command, with examples
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Returns:
        The exit code: 0 for success, 1 for an error, 2 for an invalid command line.
    """
    _silence_tensorflow()
    arguments = fold_overrides(with_underscores(sys.argv[1:] if arguments is None else arguments))
    return _report_errors(lambda: _run(arguments), debug="--debug" in arguments)


def _silence_tensorflow() -> None:
    """Suppresses the warnings of TensorFlow while it traces."""
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def run_script(function: Callable[..., Any]) -> None:
    """Runs a script's main function as a command line, then exits.

    The options are the parameters of the function. A bool option without a value means true.
    `--debug` shows tracebacks. A script imports this module first:

        import tfmmrec.cli
        from tfmmrec.data.packing import pack
    """
    _silence_tensorflow()

    def run() -> int:
        parser = Parser(exit_on_error=False, description=(function.__doc__ or "").split("\n")[0])
        parser.add_function_arguments(function, as_positional=True)
        parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
        parser.take_texts_as_typed()
        arguments = _complete_flags(parser, with_underscores(sys.argv[1:]))
        check_option_names(parser, arguments)
        options = parser.instantiate_classes(parser.parse_args(arguments))
        function(**{name: value for name, value in options.items() if name != "debug"})
        return 0

    sys.exit(_report_errors(run, debug="--debug" in sys.argv))


def _complete_flags(parser: Parser, arguments: list[str]) -> list[str]:
    """Adds the value to bool options without one: --overwrite becomes --overwrite=true."""
    flags: set[str] = set()
    for action in parser._actions:
        # jsonargparse has no setting for typed options without a value.
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


def _report_errors(run: Callable[[], int], *, debug: bool) -> int:
    try:
        return _traced(run) if debug else run()
    except jsonargparse.ArgumentError as error:
        message, code = str(error), 2
    except TfmmrecError as error:
        message, code = str(error), 1
    except KeyboardInterrupt as interrupt:
        message, code = "; ".join(["interrupted", *map(str, interrupt.args)]), 130
    except BrokenPipeError:
        # The reader of the output, such as `head`, has closed it.
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
    # Declaring a command's arguments imports its stage; the doctor must start without TensorFlow.
    named = [argument for argument in arguments if not argument.startswith("-")][:1]
    if named and named[0] not in COMMANDS:
        hint = did_you_mean(named[0], COMMANDS) or f"; the commands are {', '.join(COMMANDS)}"
        raise jsonargparse.ArgumentError(None, f"unknown command {named[0]!r}{hint}")
    problem = keras_problem()
    if problem is not None and named not in ([], ["doctor"]):
        raise TfmmrecError(problem)
    parser = build_parser(named)
    position = arguments.index(named[0]) if named else len(arguments)
    check_option_names(parser, arguments[:position])
    if named:
        check_option_names(parser.commands[named[0]], arguments[position + 1 :])
        apply_preset(parser.commands[named[0]], arguments[position + 1 :])
    try:
        options = parser.parse_args(arguments)
    except jsonargparse.ArgumentError as error:
        raise plain_error(parser.commands[named[0]], error) if named else error from None
    command = options.get("command")
    if command is None:
        parser.print_help()
        return 2
    try:
        return COMMANDS[command].run(options[command]) or 0
    except KeyboardInterrupt:
        advice = COMMANDS[command].after_interrupt
        raise KeyboardInterrupt(*[advice] if advice else []) from None


def build_parser(declared: Collection[str] | None = None) -> Parser:
    """Creates the parser of all commands.

    Args:
        declared: the commands whose arguments are declared (default: all).
    """
    parser = Parser(
        prog="tfmmrec",
        version=__version__,
        exit_on_error=False,
        description="A multimodal recommender: pack, train, evaluate, tune, export and serve.",
        epilog=ORDER_OF_WORK,
    )
    commands = parser.add_subcommands(required=False, dest="command", title="commands")
    for name, command in COMMANDS.items():
        epilog = "examples:\n" + "".join(f"  tfmmrec {each}\n" for each in command.examples)
        sub = Parser(exit_on_error=False, description=command.help, epilog=epilog)
        if declared is None or name in declared:
            command.declare(sub)
        known = {action.dest for action in sub._actions}
        if "seed" not in known:
            sub.add_argument("--seed", type=int, default=0, help="seed of all random numbers")
        if "quiet" not in known:
            sub.add_argument("--quiet", action="store_true", help="do not show progress bars")
        sub.add_argument("--debug", action="store_true", help="show the traceback of an error")
        sub.take_texts_as_typed()
        commands.add_subcommand(name, sub, help=command.help)
        parser.commands[name] = sub
    return parser
