"""Values that keys of the training file may take; the parts that implement them stand elsewhere."""

from typing import Final

AUTO: Final = "auto"
HISTORY_CONTEXTS = ("causal", "bidirectional")
RETRIEVAL_LOSSES = ("softmax", "bpr")
POOLINGS = ("mean", "attention")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
FEATURE_PLACES = ("auto", "device", "host")
STRATEGIES = ("auto", "one", "mirrored", "multiworker", "parameter_server", "tpu")
