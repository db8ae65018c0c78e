"""What a module gives: which of its outputs is the embedding, and how it becomes one vector."""

from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow as tf

from tfmmrec.encoders.hub.call_signatures import shown
from tfmmrec.errors import ConfigError

# What reusable SavedModels call the embedding of the whole input.
_KNOWN = ("default", "pooled_output")


def named_outputs(outputs: Any) -> dict[str, tf.Tensor]:
    """Names a module's outputs: by key or number, nested ones by both, `encoder_outputs/3`.

    A single tensor has the name "".
    """
    return dict(_named(outputs, ""))


def _named(outputs: Any, name: str) -> Iterator[tuple[str, tf.Tensor]]:
    if isinstance(outputs, Mapping):
        # Signatures give theirs in no order.
        parts: Any = sorted(outputs.items(), key=lambda part: str(part[0]))
    elif isinstance(outputs, tuple) and hasattr(outputs, "_fields"):
        parts = zip(outputs._fields, outputs, strict=True)
    elif isinstance(outputs, list | tuple):
        parts = enumerate(outputs)
    else:
        if tf.is_tensor(outputs):
            yield name, outputs
        return
    for key, part in parts:
        yield from _named(part, f"{name}/{key}" if name else str(key))


def choose_output(
    outputs: Mapping[str, tf.Tensor], axes: int, wanted: str | int | None, handle: str
) -> str:
    """Chooses the embedding among the outputs of one value, or of a batch of one.

    It is the one that is said, else `default`, else `pooled_output`, else the only vector, else
    the only sequence of vectors, else the only map of them. Three sequences by number, of which
    the first two have one length and the third another, are YAMNet's scores, embeddings and
    spectrogram: the second. Nothing is guessed from widths, for there are classifiers with more
    classes than features, and with fewer.

    Args:
        outputs: by name.
        axes: how many axes of the batch there are, 0 or 1.
        wanted: the name or number of an output.
        handle: what errors call the module.

    Raises:
        ConfigError: there is no such output, or none or several that may be meant.
    """
    listed = ", ".join(f"{name or 'one'}: {shown(output)}" for name, output in outputs.items())
    if wanted is not None:
        if str(wanted) not in outputs or outputs[str(wanted)].shape.rank <= axes:
            raise ConfigError(
                f"encoder {handle}: no vector is called {wanted!r}; it gives {listed}"
            )
        return str(wanted)
    ranks = {
        name: output.shape.rank - axes
        for name, output in outputs.items()
        if output.dtype.is_floating and output.shape.rank > axes
    }
    for name in _KNOWN:
        if name in ranks:
            return name
    lowest = [name for name, rank in ranks.items() if rank == min(ranks.values())]
    if len(lowest) == 1:
        return lowest[0]
    if not lowest:
        raise ConfigError(f"encoder {handle}: gives {listed or 'nothing'}; [batch, dim] is needed")
    if lowest == list(outputs) and _is_yamnet({name: outputs[name] for name in lowest}, axes):
        return lowest[1]
    raise ConfigError(
        f"encoder {handle}: gives several outputs, {listed}; set output to the name of one"
    )


def _is_yamnet(outputs: Mapping[str, tf.Tensor], axes: int) -> bool:
    # Signatures call them output_0 and on; names of people would come in their alphabet's order.
    numbered = [name.removeprefix("output_") for name in outputs] == ["0", "1", "2"]
    if not numbered or any(output.shape.rank != axes + 2 for output in outputs.values()):
        return False
    scores, embeddings, spectrogram = (output.shape[axes] for output in outputs.values())
    return scores == embeddings != spectrogram


def pooled(output: tf.Tensor, pool: str, mask: tf.Tensor | None) -> tf.Tensor:
    """Makes one vector of each row.

    Args:
        output: `[batch, dim]`, as it comes back, or `[batch, ..., dim]`.
        pool: `mean` or `max` over the axes between.
        mask: `[batch, n]`, 1 for the tokens that count, or None.

    Returns:
        float32 `[batch, dim]`.
    """
    output = tf.cast(output, tf.float32)
    if output.shape.rank == 2:
        return output
    shape = tf.shape(output)
    vectors = tf.reshape(output, [shape[0], tf.reduce_prod(shape[1:-1]), output.shape[-1]])
    counts = tf.ones(tf.shape(vectors)[:2]) if mask is None else tf.cast(mask, tf.float32)
    counts = counts[:, :, tf.newaxis]
    if pool == "max":
        highest = tf.reduce_max(tf.where(counts > 0, vectors, vectors.dtype.min), axis=1)
        return tf.where(tf.reduce_any(counts > 0, axis=1), highest, 0.0)
    total = tf.reduce_sum(vectors * counts, axis=1)
    return tf.math.divide_no_nan(total, tf.reduce_sum(counts, axis=1))
