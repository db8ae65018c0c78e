"""Text preprocessors: modules that turn texts into the tokens of a transformer module."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfmmrec.encoders.hub.call_signatures import choose_call_signature, find_call_signatures
from tfmmrec.encoders.hub.handles import resolve
from tfmmrec.encoders.hub.loading import hash_files, load_frozen
from tfmmrec.errors import ConfigError, one_line

_MASK = "input_mask"


class TextPreprocessor(tf.Module):
    """A SavedModel that makes the inputs of a text encoder from strings.

    Args:
        handle: as `resolve` takes it.

    Attributes:
        fingerprint: hash of its files.

    Raises:
        ConfigError: there is no module at the handle, or it does not take strings.
    """

    def __init__(self, handle: str):
        super().__init__()
        self.handle = handle
        folder = resolve(handle)
        self.fingerprint = hash_files(folder)
        self.module = load_frozen(folder, handle)
        self.call_signature = choose_call_signature(
            find_call_signatures(self.module, handle, None), "text", None, handle
        )
        try:
            self(tf.constant(["a"]))
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise ConfigError(f"encoder {handle}: cannot be called: {one_line(error)}") from None

    def __call__(self, texts: tf.Tensor) -> Any:
        """Returns tensors by name, such as `input_word_ids` `[batch, n]`, or a single tensor."""
        tokens = self.call_signature(texts, training=False, sample_rate=0)
        # A signature names its single output; the encoder may use another name.
        if self.call_signature.layout == "keywords" and len(tokens) == 1:
            return next(iter(tokens.values()))
        return tokens


def token_mask(tokens: Any) -> tf.Tensor | None:
    """Returns the padding mask of a preprocessor's output, `[batch, n]`, or None without one."""
    return tokens[_MASK] if isinstance(tokens, Mapping) and _MASK in tokens else None
