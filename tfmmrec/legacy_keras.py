"""Enables Keras 2 (tf-keras), which TensorFlow Recommenders requires."""

import os
import sys
from pathlib import Path

_SWITCH = "TF_USE_LEGACY_KERAS"


def enable_legacy_keras() -> None:
    """Sets TF_USE_LEGACY_KERAS=1, so that TensorFlow is imported with Keras 2.

    Raises:
        ImportError: TensorFlow has been imported with Keras 3, or the environment requests it. The
            command line `tfmmrec` continues instead, to report it in one line or by the doctor.
    """
    problem = keras_problem()
    if problem is None:
        os.environ.setdefault(_SWITCH, "1")
    elif not _is_command_line():
        raise ImportError(problem)


def keras_problem() -> str | None:
    """Returns an error message if TensorFlow runs, or will run, with Keras 3; else None."""
    tensorflow = sys.modules.get("tensorflow")
    # TensorFlow reads the variable when it is imported; setting it later mixes Keras 2 and 3.
    switch = os.environ.get(_SWITCH, "1" if tensorflow is None else "0")
    legacy = switch in ("1", "true", "True")  # what TensorFlow reads as true
    if legacy and tensorflow is not None:
        # tf.keras may have been loaded before the variable was set; that of Keras 2 has no version.
        legacy = not getattr(tensorflow.keras, "__version__", "").startswith("3.")
    if legacy:
        return None
    return (
        "tfmmrec needs Keras 2, but TensorFlow runs with Keras 3: import tfmmrec before "
        f"tensorflow, or set {_SWITCH}=1 in the environment of the process."
    )


def _is_command_line() -> bool:
    program = (sys.argv or [""])[0]
    # While `python -m` imports the package of the module, sys.argv[0] is "-m".
    by_module = program == "-m" and "tfmmrec" in sys.orig_argv
    return by_module or Path(program).stem == "tfmmrec"
