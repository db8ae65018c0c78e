"""Which ops of a SavedModel a stock TensorFlow Serving does not have."""

from pathlib import Path

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

# TensorFlow's own, but they call back into the Python that built the graph.
PYTHON_OPS = {"EagerPyFunc", "PyFunc", "PyFuncStateless"}


def foreign_ops(folder: Path) -> list[str]:
    """Names the ops of a SavedModel, in its graph and functions, that are not core TensorFlow's.

    What other libraries have registered in this process, such as tensorflow-io or tensorflow-text,
    does not count as known: `tf.raw_ops` is fixed when TensorFlow is built.

    Args:
        folder: with saved_model.pb in it.

    Returns:
        The names in alphabetical order; empty when a stock server has them all.
    """
    proto = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    used: set[str] = set()
    for meta_graph in proto.meta_graphs:
        library = meta_graph.graph_def.library.function
        nodes = [*meta_graph.graph_def.node]
        nodes += [node for function in library for node in function.node_def]
        used |= {node.op for node in nodes} - {function.signature.name for function in library}
    return sorted(op for op in used if op in PYTHON_OPS or not hasattr(tf.raw_ops, op))
