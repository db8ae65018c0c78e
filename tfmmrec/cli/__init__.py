"""The command line `tfmmrec`, and `run_script`, which makes a script a command line."""

from tfmmrec.cli.entry_point import main, run_script

__all__ = ["main", "run_script"]
