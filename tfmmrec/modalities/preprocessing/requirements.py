"""What steps ask for: packages that they need when they run, and options of the right kind."""

import importlib
from types import ModuleType
from typing import Any

from tfmmrec.errors import ConfigError


def need(module: str, step: str) -> ModuleType:
    """Imports what a step needs besides the core packages.

    Args:
        module: as it is imported, `cv2`.
        step: the step's kind, for the error.

    Raises:
        ConfigError: it cannot be imported; the message says what to install.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        reason = " ".join(str(error).split())
        raise ConfigError(
            f"step {step} needs {module} ({reason}); run pip install 'tfmmrec[preprocessing]'"
        ) from None


def check_whole(name: str, value: Any, least: int, most: int | None = None) -> None:
    """Raises ValueError unless an option is a whole number from `least` to `most`."""
    if not _is_number(value, int) or value < least or (most is not None and value > most):
        limits = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} must be a whole number {limits}. Received: {value!r}")


def check_between(name: str, value: Any, low: float, high: float) -> None:
    """Raises ValueError unless an option is a number above `low` and not above `high`."""
    if not _is_number(value, int | float) or not low < value <= high:
        raise ValueError(
            f"{name} must be a number above {low:g}, at most {high:g}. Received: {value!r}"
        )


def _is_number(value: Any, kind: Any) -> bool:
    # YAML's true is no number, though it is one to Python.
    return isinstance(value, kind) and not isinstance(value, bool)
