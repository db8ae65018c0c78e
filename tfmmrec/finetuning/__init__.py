"""Encoders that are trained along with the towers, from the raw media in the records."""

from tfmmrec.finetuning.options import FinetuneOptions, finetune_options
from tfmmrec.finetuning.raw_file import RawFile
from tfmmrec.finetuning.trained_feature import TrainedFeature
from tfmmrec.finetuning.training_inputs import (
    TAUGHT,
    add_inputs,
    inputs_key,
    rows_key,
    taught_items,
)

__all__ = [
    "TAUGHT",
    "FinetuneOptions",
    "RawFile",
    "TrainedFeature",
    "add_inputs",
    "finetune_options",
    "inputs_key",
    "rows_key",
    "taught_items",
]
