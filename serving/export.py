"""Exports a run as a model for TensorFlow Serving; the same as `tfmmrec export`.

python serving/export.py RUN --out MODELS/NAME
"""

from pathlib import Path

from tfmmrec.cli import run_script
from tfmmrec.serving.export import export


def main(run: Path, *, out: Path, quiet: bool = False) -> None:
    """Writes the next version in the model's folder and prints where.

    Args:
        run: a run folder.
        out: the model's folder, MODELS/NAME.
        quiet: no progress bars.
    """
    print(export(run, out, quiet=quiet))


if __name__ == "__main__":
    run_script(main)
