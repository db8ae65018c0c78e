"""The command line `tfmmrec`, and what makes a script a command line of its own."""

from tfmmrec.cli.entry_point import main, run_script

__all__ = ["main", "run_script"]
