"""Keras callbacks of a training, one idea each; `create` states their order."""

from tfmmrec.training.callbacks.create import TrainingCallbacks

__all__ = ["TrainingCallbacks"]
