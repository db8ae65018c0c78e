"""tfmmrec: a multimodal two-tower recommender, from TFRecords to TensorFlow Serving."""

from tfmmrec.legacy_keras import enable_legacy_keras

# The one place that throws it, before anything of ours imports TensorFlow.
enable_legacy_keras()

from tfmmrec.errors import TfmmrecError  # noqa: E402
from tfmmrec.version import __version__  # noqa: E402

__all__ = ["TfmmrecError", "__version__"]
