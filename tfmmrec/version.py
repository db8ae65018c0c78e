"""The one place where the version stands."""

import importlib.metadata

__version__ = "0.1.0.dev0"


def installed_version(package: str) -> str | None:
    """Returns the version of an installed package, None if it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
