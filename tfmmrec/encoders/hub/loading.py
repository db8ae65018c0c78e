"""Loads SavedModels as modules."""

import hashlib
import weakref
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from tfmmrec.data.plain_paths import plain_path
from tfmmrec.encoders.hub.handles import SAVED_MODEL
from tfmmrec.errors import ConfigError, one_line

_UNKNOWN_OP = "Op type not registered"

# Loaded modules, by folder and modification times of its files, while they are referenced.
_FROZEN: MutableMapping[tuple[Any, ...], Any] = weakref.WeakValueDictionary()


def load_frozen(folder: Path, handle: str) -> Any:
    """Like `load_module`, for modules that are not trained: each is loaded only once.

    Features with the same encoder share its weights, in memory and in exported models.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    stats = [(path, path.stat()) for path in files]
    key = (folder, *((path, stat.st_size, stat.st_mtime_ns) for path, stat in stats))
    loaded = _FROZEN.get(key)
    if loaded is None:
        _FROZEN[key] = loaded = load_module(folder, handle)
    return loaded


def load_module(folder: Path, handle: str) -> Any:
    """Loads a TF2 SavedModel; imports tensorflow-text if it needs the ops of it.

    Args:
        folder: folder of the SavedModel.
        handle: its handle, for error messages.

    Raises:
        ConfigError: it has the TF1 format, is broken, or needs ops that are not installed.
    """
    _refuse_tf1(folder, handle)
    try:
        try:
            return tf.saved_model.load(plain_path(folder))
        except (ValueError, OSError, RuntimeError, tf.errors.OpError) as error:
            if _UNKNOWN_OP not in str(error):
                raise
            _register_text_ops(handle, str(error))
            return tf.saved_model.load(plain_path(folder))
    except (ValueError, OSError, KeyError, RuntimeError, tf.errors.OpError) as error:
        raise ConfigError(f"encoder {handle}: cannot be loaded: {one_line(error)}") from None


def hash_files(folder: Path) -> str:
    """Returns a hash of the names and the bytes of all files in a folder, 64 hex digits."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(folder)).encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _refuse_tf1(folder: Path, handle: str) -> None:
    """Raises ConfigError for a SavedModel of TF1.

    TF2 can call such a module, but cannot train it, and loses its variables when it is saved again
    as part of the served model.
    """
    content = saved_model_pb2.SavedModel()
    try:
        content.ParseFromString((folder / SAVED_MODEL).read_bytes())
    except DecodeError as error:
        raise ConfigError(f"encoder {handle}: cannot be loaded: {one_line(error)}") from None
    graphs = content.meta_graphs
    if (folder / "tfhub_module.pb").is_file() or not any(
        graph.HasField("object_graph_def") for graph in graphs
    ):
        raise ConfigError(
            f"encoder {handle}: has the TF1 format (hub.Module), which cannot be exported; "
            "use the TF2 SavedModel of the module, usually a later version"
        )


def _register_text_ops(handle: str, missing: str) -> None:
    try:
        import tensorflow_text  # noqa: F401  registers its ops
    except ImportError:
        op = missing.partition(_UNKNOWN_OP)[2].split()[0].strip("',.")
        raise ConfigError(
            f"encoder {handle}: needs the op {op}, which TensorFlow does not have; "
            "try pip install 'tfmmrec[text]'"
        ) from None
