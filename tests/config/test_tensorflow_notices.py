"""Notices of TensorFlow are turned off, its other messages are not."""

import logging

import pytest

import tfmmrec  # noqa: F401


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("5 out of the last 5 calls to <f> triggered tf.function retracing. Tracing is", False),
        ("Callback method `on_train_batch_end` is slow compared to the batch time (1s)", False),
        ("Gradients do not exist for variables ['a:0']", True),
    ],
)
def test_only_notices_are_dropped(message, shown):
    record = logging.LogRecord("tensorflow", logging.WARNING, "f.py", 1, message, None, None)
    assert bool(logging.getLogger("tensorflow").filter(record)) == shown


def test_values_in_a_message_are_looked_at():
    record = logging.LogRecord(
        "tensorflow", logging.WARNING, "f.py", 1, "%s triggered tf.function retracing", ("f",), None
    )
    assert not logging.getLogger("tensorflow").filter(record)
