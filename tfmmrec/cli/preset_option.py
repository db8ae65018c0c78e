"""The option `--preset`: keys of the training file below those of `--config` and other options."""

from collections.abc import Iterator, Sequence

from tfmmrec.cli.option_names import read_option_file
from tfmmrec.cli.parser import Parser
from tfmmrec.config.presets import PRESETS, preset
from tfmmrec.errors import ConfigError


def add_preset(parser: Parser) -> None:
    """Adds `--preset`, which `apply_preset` reads before the other options are parsed."""
    described = "; ".join(
        f"{name} is {', '.join(f'{key} {value}'.lower() for key, value in keys.items())}"
        for name, keys in PRESETS.items()
    )
    parser.add_argument(
        "--preset",
        metavar="|".join(PRESETS),
        help=f"a set of options, below those of --config and the command line: {described}",
    )


def apply_preset(parser: Parser, arguments: Sequence[str]) -> None:
    """Makes the keys of the preset that the command line or its files name the defaults.

    jsonargparse applies options in the order in which they are written. As defaults, the keys of a
    preset stand below all of them, wherever it is written.

    Args:
        parser: of the command; nothing is done unless it takes a preset.
        arguments: the arguments after the command.

    Raises:
        ConfigError: there is no such preset.
    """
    if "--preset" not in parser._option_string_actions:
        return
    named = list(_values(arguments, "--preset"))
    source = ""
    for path in () if named else _values(arguments, "--config"):
        found = read_option_file(path).get("preset")
        if found is not None:
            named, source = [found], f"{path}: "
    if named:
        try:
            parser.set_defaults(preset(named[-1]))
        except ConfigError as error:
            raise ConfigError(f"{source}{error}") from None


def _values(arguments: Sequence[str], option: str) -> Iterator[str]:
    """Yields the values of an option, written as `--option VALUE` or `--option=VALUE`."""
    for argument, following in zip(arguments, [*arguments, ""][1:], strict=True):
        name, equals, value = argument.partition("=")
        if name == option and (equals or following):
            yield value if equals else following
