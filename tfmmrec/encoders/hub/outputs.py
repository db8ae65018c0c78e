"""The outputs of a module: which one is the encoding, and how it is pooled to one vector."""

from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow as tf

from tfmmrec.encoders.hub.call_signatures import format_spec
from tfmmrec.errors import ConfigError

# Output names of the encoding of the whole input in reusable SavedModels.
_STANDARD_NAMES = ("default", "pooled_output")


def named_outputs(outputs: Any) -> dict[str, tf.Tensor]:
    """Names a module's outputs by key or number, nested ones by both, `encoder_outputs/3`.

    A single tensor is named "".
    """
    return dict(_named(outputs, ""))


def _named(outputs: Any, name: str) -> Iterator[tuple[str, tf.Tensor]]:
    if isinstance(outputs, Mapping):
        # The outputs of a signature have no fixed order.
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
    outputs: Mapping[str, tf.Tensor], axes: int, requested: str | int | None, handle: str
) -> str:
    """Chooses the output that is the encoding.

    It is `requested`, else `default`, else `pooled_output`, else the only vector, else the only
    sequence of vectors, else the only map of vectors. Three numbered sequences of which only the
    first two have equal length are YAMNet's scores, embeddings and spectrogram: the second is
    chosen. Widths are no criterion, since classifiers have more or fewer classes than features.

    Args:
        outputs: by name, of one value or of a batch of one.
        axes: number of batch axes, 0 or 1.
        requested: name or number of an output, or None.
        handle: handle of the module, for error messages.

    Raises:
        ConfigError: the requested output does not exist, or the choice is ambiguous.
    """
    listed = ", ".join(
        f"{name or 'one'}: {format_spec(output)}" for name, output in outputs.items()
    )
    if requested is not None:
        if str(requested) not in outputs or outputs[str(requested)].shape.rank <= axes:
            raise ConfigError(
                f"encoder {handle}: no vector output is named {requested!r}; "
                f"the outputs are {listed}"
            )
        return str(requested)
    ranks = {
        name: output.shape.rank - axes
        for name, output in outputs.items()
        if output.dtype.is_floating and output.shape.rank > axes
    }
    for name in _STANDARD_NAMES:
        if name in ranks:
            return name
    lowest = [name for name, rank in ranks.items() if rank == min(ranks.values())]
    if len(lowest) == 1:
        return lowest[0]
    if not lowest:
        raise ConfigError(
            f"encoder {handle}: outputs {listed or 'nothing'}; [batch, dim] is required"
        )
    if lowest == list(outputs) and _is_yamnet({name: outputs[name] for name in lowest}, axes):
        return lowest[1]
    raise ConfigError(
        f"encoder {handle}: has several outputs, {listed}; set output to the name of one"
    )


def _is_yamnet(outputs: Mapping[str, tf.Tensor], axes: int) -> bool:
    # Signatures number unnamed outputs (output_0 …); named outputs are sorted alphabetically.
    numbered = [name.removeprefix("output_") for name in outputs] == ["0", "1", "2"]
    if not numbered or any(output.shape.rank != axes + 2 for output in outputs.values()):
        return False
    scores, embeddings, spectrogram = (output.shape[axes] for output in outputs.values())
    return scores == embeddings != spectrogram


def pool_output(output: tf.Tensor, pool: str, mask: tf.Tensor | None) -> tf.Tensor:
    """Pools an output to one vector per row.

    Args:
        output: `[batch, dim]`, which is returned as it is, or `[batch, ..., dim]`.
        pool: `mean` or `max`, over the axes in between.
        mask: `[batch, n]`, 1 for tokens, 0 for padding; None for no padding.

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
