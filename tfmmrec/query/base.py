"""Readers of a user's history."""

import tensorflow as tf

from tfmmrec.registry import Registry

READERS: Registry[tf.keras.layers.Layer] = Registry("query")
