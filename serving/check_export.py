"""Runs an export through TensorFlow Serving's loader and compares with plain TensorFlow.

python serving/check_export.py MODELS/NAME/1
"""

import tempfile
from pathlib import Path

import tfmmrec  # noqa: F401  (before TensorFlow)
from tfmmrec.cli import run_script
from tfmmrec.errors import DataError
from tfmmrec.serving.loader_check import build_loader, compare, run_loader
from tfmmrec.serving.warmup import WARMUP, read_warmup

LOADER = Path(__file__).parent / "loader"


def main(version_dir: Path, *, tolerance: float = 1e-5) -> None:
    """Runs every signature with the warm-up requests, in C++ and in Python.

    Args:
        version_dir: the export, MODELS/NAME/<version>.
        tolerance: by which floats may differ; strings and counts may not.
    """
    if not (version_dir / WARMUP).is_file():
        raise DataError(f"{version_dir}: no {WARMUP} here; give a version's folder")
    with tempfile.TemporaryDirectory() as folder:
        requests = read_warmup(version_dir)
        binary = build_loader(LOADER / "load.cc", Path(folder) / "load")
        served = run_loader(binary, version_dir, requests, Path(folder))
        plain = run_loader(LOADER / "load.py", version_dir, requests, Path(folder))
    for signature, differences in compare(served, plain, tolerance=tolerance).items():
        shown = ", ".join(f"{name} {value:.1e}" for name, value in differences.items())
        print(f"{signature}: the same in C++ and in Python; largest differences: {shown}")


if __name__ == "__main__":
    run_script(main)
