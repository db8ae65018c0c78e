"""What all Apache Beam pipelines share: the options, the run, and the errors of workers."""

import contextlib
from collections.abc import Iterator

from tfmmrec.errors import ConfigError

__all__ = ["needs_beam"]


@contextlib.contextmanager
def needs_beam() -> Iterator[None]:
    """Wraps imports of modules that need Apache Beam, which is an extra.

    Raises:
        ConfigError: Apache Beam is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "apache_beam":
            raise
        raise ConfigError("Apache Beam is not installed; run pip install 'tfmmrec[beam]'") from None
