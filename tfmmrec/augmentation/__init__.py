"""Augmentation: how the inputs of an encoder that is being fine-tuned are varied."""

from tfmmrec.augmentation.base import AUGMENTATIONS, Augmentation, create_augmentation
from tfmmrec.augmentation.pictures import PictureAugmentation
from tfmmrec.augmentation.sounds import SoundAugmentation
from tfmmrec.augmentation.spectrograms import SpectrogramAugmentation

__all__ = [
    "AUGMENTATIONS",
    "Augmentation",
    "PictureAugmentation",
    "SoundAugmentation",
    "SpectrogramAugmentation",
    "create_augmentation",
]
