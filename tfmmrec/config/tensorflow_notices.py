"""Turns off notices of TensorFlow that nobody can act on; warnings and errors are still shown."""

import logging
import os
import sys
import warnings

# Parts of messages about the speed of tracing and of callbacks.
_NOTICES = ("triggered tf.function retracing", "is slow compared to the batch time")


def quieten_tensorflow() -> None:
    """Turns the notices off, before TensorFlow is imported. Levels that the user has set are kept.

    These are the log messages of its libraries in C++ (TF_CPP_MIN_LOG_LEVEL), whose errors are
    exceptions as well; two warnings of its Python log; and the deprecation of pkg_resources, which
    tensorflow_hub imports.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").addFilter(is_shown)
    if not sys.warnoptions:
        warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)


def is_shown(record: logging.LogRecord) -> bool:
    """Whether a message of TensorFlow's log is not one of the notices."""
    message = record.getMessage()
    return not any(notice in message for notice in _NOTICES)
