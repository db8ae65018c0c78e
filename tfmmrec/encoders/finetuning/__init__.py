"""Encoders that are trained along with the towers, from the raw media in the records."""

from tfmmrec.encoders.finetuning.input_pipeline import (
    TAUGHT,
    add_inputs,
    inputs_key,
    rows_key,
    taught_items,
)
from tfmmrec.encoders.finetuning.media_store import RawFile
from tfmmrec.encoders.finetuning.trainable_feature import TrainedFeature

__all__ = [
    "TAUGHT",
    "RawFile",
    "TrainedFeature",
    "add_inputs",
    "inputs_key",
    "rows_key",
    "taught_items",
]
