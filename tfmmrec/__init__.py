"""tfmmrec: a multimodal two-tower recommender, from TFRecords to TensorFlow Serving."""

import os
import sys

# TensorFlow Recommenders is written for Keras 2. TensorFlow reads this switch when it is first
# imported, so this is the one place that sets it, before anything of ours imports TensorFlow.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")


def _refuse_keras_3() -> None:
    tensorflow = sys.modules.get("tensorflow")
    legacy = os.environ["TF_USE_LEGACY_KERAS"].lower() in ("1", "true")
    if tensorflow is not None and getattr(tensorflow, "keras", None) is not None:
        legacy = legacy and tensorflow.keras.__version__.startswith("2.")
    if not legacy:
        raise ImportError(
            "tfmmrec needs Keras 2, but TensorFlow runs with Keras 3: import tfmmrec before "
            "tensorflow, or set TF_USE_LEGACY_KERAS=1 in the environment of the process."
        )


_refuse_keras_3()

from tfmmrec.errors import TfmmrecError  # noqa: E402
from tfmmrec.version import __version__  # noqa: E402

__all__ = ["TfmmrecError", "__version__"]
