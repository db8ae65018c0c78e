"""Check that a SavedModel has only core TensorFlow ops, which stock TensorFlow Serving has."""

from pathlib import Path

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

# Core ops, but they call back into the Python process that built the graph.
PYTHON_OPS = {"EagerPyFunc", "PyFunc", "PyFuncStateless"}


def foreign_ops(folder: Path) -> list[str]:
    """Returns the ops in the graph and functions of a SavedModel that are not core TensorFlow ops.

    Ops that other libraries have registered in this process, such as tensorflow-text, are not core
    ops: `tf.raw_ops` is fixed when TensorFlow is built.

    Args:
        folder: the folder with saved_model.pb.

    Returns:
        The names of the ops in alphabetical order; empty if a stock server can run the model.
    """
    proto = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    used: set[str] = set()
    for meta_graph in proto.meta_graphs:
        library = meta_graph.graph_def.library.function
        nodes = [*meta_graph.graph_def.node]
        nodes += [node for function in library for node in function.node_def]
        used |= {node.op for node in nodes} - {function.signature.name for function in library}
    return sorted(op for op in used if op in PYTHON_OPS or not hasattr(tf.raw_ops, op))
