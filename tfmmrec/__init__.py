"""tfmmrec: a multimodal two-tower recommender, from TFRecords to TensorFlow Serving."""

from tfmmrec.legacy_keras import throw_switch

# The one place that throws it, before anything of ours imports TensorFlow.
throw_switch()

from tfmmrec.errors import TfmmrecError  # noqa: E402
from tfmmrec.version import __version__  # noqa: E402

__all__ = ["TfmmrecError", "__version__"]
