"""Exports a run for TensorFlow Serving, as `tfmmrec export` does.

python serving/export.py RUN --out MODELS/NAME
"""

from pathlib import Path

from tfmmrec.cli import run_script
from tfmmrec.serving.export import export


def main(run: Path, *, out: Path, quiet: bool = False) -> None:
    """Writes the next version to the model's folder and prints its path.

    Args:
        run: a run folder.
        out: folder of the model, MODELS/NAME.
        quiet: whether to omit progress bars.
    """
    print(export(run, out, quiet=quiet))


if __name__ == "__main__":
    run_script(main)
