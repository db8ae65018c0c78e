"""tfmmrec: a multimodal two-tower recommender, from TFRecords to TensorFlow Serving."""

import os
import sys


def _refuse_keras_3() -> None:
    tensorflow = sys.modules.get("tensorflow")
    # TensorFlow reads the switch when it is imported: thrown later it gives a mixture.
    switch = os.environ.get("TF_USE_LEGACY_KERAS", "1" if tensorflow is None else "0")
    legacy = switch in ("1", "true", "True")  # what TensorFlow takes for a yes
    if legacy and tensorflow is not None:
        # tf.keras may have been loaded before the switch was thrown; Keras 2's has no version.
        legacy = not getattr(tensorflow.keras, "__version__", "").startswith("3.")
    if not legacy:
        raise ImportError(
            "tfmmrec needs Keras 2, but TensorFlow runs with Keras 3: import tfmmrec before "
            "tensorflow, or set TF_USE_LEGACY_KERAS=1 in the environment of the process."
        )


# TensorFlow Recommenders is written for Keras 2. This is the one place that throws the switch,
# before anything of ours imports TensorFlow.
_refuse_keras_3()
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

from tfmmrec.errors import TfmmrecError  # noqa: E402
from tfmmrec.version import __version__  # noqa: E402

__all__ = ["TfmmrecError", "__version__"]
