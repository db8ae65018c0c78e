"""Runs an export through TensorFlow Serving's loader and compares it with plain TensorFlow.

python serving/check_export.py MODELS/NAME/1
"""

import tempfile
from pathlib import Path

import tfmmrec  # noqa: F401  (before TensorFlow: it enables legacy Keras)
from tfmmrec.cli import run_script
from tfmmrec.errors import DataError
from tfmmrec.serving.loader_check import build_loader, compare, run_loader
from tfmmrec.serving.warmup import WARMUP, read_warmup

LOADER = Path(__file__).parent / "loader"


def main(version_dir: Path, *, tolerance: float = 1e-5) -> None:
    """Runs every signature on the warm-up requests, in C++ and in Python.

    Args:
        version_dir: folder of the export, MODELS/NAME/<version>.
        tolerance: maximum absolute difference of floats; strings and integers must be equal.
    """
    if not (version_dir / WARMUP).is_file():
        raise DataError(
            f"{version_dir}: {WARMUP} is missing; pass the folder of a version, "
            "MODELS/NAME/<version>"
        )
    with tempfile.TemporaryDirectory() as folder:
        requests = read_warmup(version_dir)
        binary = build_loader(LOADER / "load.cc", Path(folder) / "load")
        served = run_loader(binary, version_dir, requests, Path(folder))
        plain = run_loader(LOADER / "load.py", version_dir, requests, Path(folder))
    for signature, differences in compare(served, plain, tolerance=tolerance).items():
        shown = ", ".join(f"{name} {value:.1e}" for name, value in differences.items())
        print(f"{signature}: equal in C++ and in Python; largest differences: {shown}")


if __name__ == "__main__":
    run_script(main)
