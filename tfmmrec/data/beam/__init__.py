"""What all Apache Beam pipelines share: the options, the run, and the errors of workers."""

import contextlib
import logging
from collections.abc import Iterator

from tfmmrec.errors import ConfigError

__all__ = ["needs_beam"]


@contextlib.contextmanager
def needs_beam() -> Iterator[None]:
    """Wraps imports of modules that need Apache Beam, which is an extra.

    Beam's warnings about optional parts of itself, which no option avoids, are not shown.

    Raises:
        ConfigError: Apache Beam is not installed.
    """
    # Of the root logger itself: warnings of other loggers are shown.
    logging.getLogger().addFilter(_is_error)
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "apache_beam":
            raise
        raise ConfigError("Apache Beam is not installed; run pip install 'tfmmrec[beam]'") from None


def _is_error(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR
