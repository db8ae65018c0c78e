"""Preprocessing steps that a feature of the dataset file may declare, a file for each modality."""

from tfmmrec.preprocessing import audio, image, pca, phonemes  # they register themselves
from tfmmrec.preprocessing.base import STEPS, Step, create_step

__all__ = ["STEPS", "Step", "audio", "create_step", "image", "pca", "phonemes"]
