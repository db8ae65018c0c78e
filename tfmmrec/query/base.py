"""Readers of a user's history."""

from tfmmrec.registry import Registry

import tensorflow as tf

READERS: Registry[tf.keras.layers.Layer] = Registry("query")
