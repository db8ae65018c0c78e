"""The module in front of another: texts become the tokens that a transformer takes."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfmmrec.encoders.hub.call_signatures import call_forms, choose_form
from tfmmrec.encoders.hub.handles import resolve
from tfmmrec.encoders.hub.loading import hash_files, load_frozen
from tfmmrec.errors import ConfigError, one_line

_MASK = "input_mask"


class TextPreprocessor(tf.Module):
    """A SavedModel that makes the inputs of an encoder of strings.

    Args:
        handle: as `resolve` takes it.

    Attributes:
        fingerprint: the hash of its files.

    Raises:
        ConfigError: the handle leads to no module, or to one that does not take strings.
    """

    def __init__(self, handle: str):
        super().__init__()
        self.handle = handle
        folder = resolve(handle)
        self.fingerprint = hash_files(folder)
        self.module = load_frozen(folder, handle)
        self.form = choose_form(call_forms(self.module, handle, None), "text", None, handle)
        try:
            self(tf.constant(["a"]))
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise ConfigError(f"encoder {handle}: cannot be called: {one_line(error)}") from None

    def __call__(self, texts: tf.Tensor) -> Any:
        """Returns tensors by name, such as `input_word_ids` `[batch, n]`, or a single one."""
        tokens = self.form(texts, training=False, sample_rate=0)
        # A signature of one output gives it by name, and the encoder may call it otherwise.
        if self.form.layout == "keywords" and len(tokens) == 1:
            return next(iter(tokens.values()))
        return tokens


def token_mask(tokens: Any) -> tf.Tensor | None:
    """Returns which of the tokens count, `[batch, n]`, where a preprocessor says so."""
    return tokens[_MASK] if isinstance(tokens, Mapping) and _MASK in tokens else None
