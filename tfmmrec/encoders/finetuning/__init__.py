"""Fine-tuning: encoders that are trained with the towers, on the raw values in the records."""

from tfmmrec.encoders.finetuning.input_pipeline import (
    TARGET_ITEMS,
    add_inputs,
    inputs_key,
    rows_key,
    target_items,
)
from tfmmrec.encoders.finetuning.media_store import MediaStore
from tfmmrec.encoders.finetuning.trainable_feature import TrainableFeature

__all__ = [
    "TARGET_ITEMS",
    "MediaStore",
    "TrainableFeature",
    "add_inputs",
    "inputs_key",
    "rows_key",
    "target_items",
]
