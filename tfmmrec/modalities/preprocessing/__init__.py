"""Preprocessing steps that a feature of the dataset file can declare."""

from tfmmrec.modalities.preprocessing import (  # importing registers the steps
    audio,
    image,
    pca,
    phonemes,
    text_clean,
    text_pos,
    text_sentiment,
    text_tokens,
)
from tfmmrec.modalities.preprocessing.base import STEPS, Step, create_step

__all__ = [
    "STEPS",
    "Step",
    "audio",
    "create_step",
    "image",
    "pca",
    "phonemes",
    "text_clean",
    "text_pos",
    "text_sentiment",
    "text_tokens",
]
