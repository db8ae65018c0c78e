"""The switch to Keras 2, for which TensorFlow Recommenders is written."""

import os
import sys
from pathlib import Path

_SWITCH = "TF_USE_LEGACY_KERAS"


def enable_legacy_keras() -> None:
    """Makes the TensorFlow that is imported hereafter run with Keras 2.

    Raises:
        ImportError: it is too late, or the environment asks for Keras 3. The command line `tfmmrec`
            goes on, to say so in one line or in the doctor's report.
    """
    problem = keras_problem()
    if problem is None:
        os.environ.setdefault(_SWITCH, "1")
    elif not _is_command_line():
        raise ImportError(problem)


def keras_problem() -> str | None:
    """Says what is wrong if TensorFlow runs, or is to run, with Keras 3; None if all is well."""
    tensorflow = sys.modules.get("tensorflow")
    # TensorFlow reads the switch when it is imported: thrown later it gives a mixture.
    switch = os.environ.get(_SWITCH, "1" if tensorflow is None else "0")
    legacy = switch in ("1", "true", "True")  # what TensorFlow takes for a yes
    if legacy and tensorflow is not None:
        # tf.keras may have been loaded before the switch was thrown; Keras 2's has no version.
        legacy = not getattr(tensorflow.keras, "__version__", "").startswith("3.")
    if legacy:
        return None
    return (
        "tfmmrec needs Keras 2, but TensorFlow runs with Keras 3: import tfmmrec before "
        f"tensorflow, or set {_SWITCH}=1 in the environment of the process."
    )


def _is_command_line() -> bool:
    program = (sys.argv or [""])[0]
    # While Python looks for the module of -m, and imports its package, the program's name is "-m".
    by_module = program == "-m" and "tfmmrec" in sys.orig_argv
    return by_module or Path(program).stem == "tfmmrec"
