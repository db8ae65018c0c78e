"""The scan finds operations that a TPU cannot run, and only those."""

from collections.abc import Callable
from typing import Any

import pytest
import tensorflow as tf

from tfmmrec.distribute.tpu_scan import obstacles
from tfmmrec.layers.padded_unique import padded_unique

ROWS = {"rows": tf.TensorSpec([6], tf.int32)}


def of_rows(step: Callable[[tf.Tensor], Any]) -> list[tuple[str, str]]:
    return [(o.type, o.problem) for o in obstacles(lambda batch: step(batch["rows"]), ROWS)]


@tf.function
def looped(rows: tf.Tensor) -> tf.Tensor:
    """Calls an op in a function within a loop."""
    return tf.map_fn(lambda row: tf.numpy_function(abs, [row], tf.int32), rows)


def printed(rows: tf.Tensor) -> tf.Tensor:
    with tf.control_dependencies([tf.print(rows)]):
        return tf.identity(rows)


KNOWN = "its shape depends on the batch, "
FOUND: dict[str, tuple[Callable[[tf.Tensor], Any], list[tuple[str, str]]]] = {
    # What follows from an unknown shape, or from strings, is not named as well.
    "unique": (lambda rows: tf.unique(rows)[0] * 2 + 1, [("Unique", KNOWN + "[None]")]),
    "where": (lambda rows: tf.reduce_sum(tf.where(rows > 2)), [("Where", KNOWN + "[None, 1]")]),
    "mask": (lambda rows: rows[rows > 2], [("Where", KNOWN + "[None, 1]")]),
    "text": (
        lambda rows: tf.strings.as_string(rows)[:2],
        [("AsString", "is not implemented in XLA")],
    ),
    "print": (printed, [(op, "is not implemented in XLA") for op in ("StringFormat", "PrintV2")]),
    "python": (looped, [("PyFunc", "is not implemented in XLA")]),
}


@pytest.mark.parametrize("name", FOUND)
def test_ops_without_an_implementation_are_found(name):
    step, expected = FOUND[name]
    assert of_rows(step) == expected


def test_static_shapes_are_accepted():
    weight = []

    def step(rows: tf.Tensor) -> tf.Tensor:
        # As an optimizer does, in the first call.
        weight.append(weight[0] if weight else tf.Variable(tf.ones([9, 2])))
        each, places, _ = padded_unique(rows, 9)
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.gather(weight[0], each) ** 2)
        weight[0].assign_sub(tf.convert_to_tensor(tape.gradient(loss, weight[0])))
        # Of three arguments it chooses, and finds nothing.
        return tf.where(rows > 2, places, rows)

    assert of_rows(step) == []


def test_inputs_of_the_batch_are_found():
    spec = {
        "outer": {"text": tf.TensorSpec([3], tf.string), "rows": tf.TensorSpec([None], tf.int32)},
        "sounds": tf.RaggedTensorSpec([3, None], tf.float32),
    }
    found = obstacles(lambda batch: tf.size(batch["outer"]["rows"]), spec)
    assert [(o.name, o.type, o.problem, o.location) for o in found] == [
        ("outer/rows", "input", KNOWN + "[None]", "the batch"),
        ("outer/text", "input", "is a string", "the batch"),
        ("sounds", "input", KNOWN + "[None]", "the batch"),
    ]


def test_the_line_that_created_it_is_named():
    [found] = obstacles(lambda batch: padded_unique(batch["rows"])[0], ROWS)
    assert str(found).startswith("tfmmrec/layers/padded_unique.py:")
    assert str(found).endswith(": Unique Unique: its shape depends on the batch, [None]")


def test_obstacles_that_only_xla_finds():
    # A shape that is no number of the program has a form, until XLA wants to know it.
    [found] = obstacles(lambda batch: tf.zeros([batch["rows"][0], 2])[:1, 0] + 1.0, ROWS)
    assert (found.type, found.problem) == ("Fill", KNOWN + "[None, 2]")
    [found] = obstacles(lambda batch: tf.roll(tf.zeros([4, 4]), 1, batch["rows"][0]), ROWS)
    assert found.type == "compilation" and "Roll" in found.problem
