"""Imports of the optional packages that preprocessing steps need."""

import importlib
from types import ModuleType

from tfmmrec.errors import ConfigError, one_line


def need(module: str, step: str) -> ModuleType:
    """Imports an optional package that a step needs.

    Args:
        module: as it is imported, `cv2`.
        step: the kind of the step, for the error.

    Raises:
        ConfigError: it cannot be imported; the message says what to install.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"step {step} needs {module} ({one_line(error)}); "
            "run pip install 'tfmmrec[preprocessing]'"
        ) from None
