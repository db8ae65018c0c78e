"""Augmentation of the inputs of encoders that are fine-tuned."""

from tfmmrec.encoders.augmentation.audio import AudioAugmentation
from tfmmrec.encoders.augmentation.base import AUGMENTATIONS, Augmentation, create_augmentation
from tfmmrec.encoders.augmentation.image import ImageAugmentation
from tfmmrec.encoders.augmentation.spec_augment import SpectrogramAugmentation

__all__ = [
    "AUGMENTATIONS",
    "AudioAugmentation",
    "Augmentation",
    "ImageAugmentation",
    "SpectrogramAugmentation",
    "create_augmentation",
]
