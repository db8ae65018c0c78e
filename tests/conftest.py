"""Imports tfmmrec first, so that every test runs on the legacy Keras that the project needs."""

import tfmmrec  # noqa: F401
