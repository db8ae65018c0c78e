"""A console as wide as the terminal, and wide enough for tables in a file or pipe."""

import rich.console

_WIDTH_OF_FILES = 160


def wide_console() -> rich.console.Console:
    """Returns a console on stdout; rich presumes 80 columns for a file, which wraps cells."""
    console = rich.console.Console()
    if not console.is_terminal:
        console.width = max(console.width, _WIDTH_OF_FILES)
    return console
