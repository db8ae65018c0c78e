"""Finds operations of a training step that a TPU cannot run, on a machine without a TPU.

A TPU runs what XLA compiles: tensors with static shapes, and ops that XLA implements. It implements
no strings, files, lookup tables or calls to Python.
"""

import collections
import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.python.util import pywrap_xla_ops

from tfmmrec.errors import one_line

_PACKAGE = Path(__file__).parents[1]
# Ops without a kernel that only pass tensors on; others without a kernel cannot be compiled.
_PASSED = {"Placeholder", "PlaceholderWithDefault"}
# Their outputs depend on static shapes only, so that XLA computes them when it compiles.
_STATIC = {"BroadcastGradientArgs", "VariableShape"}
# The shape of a handle is that of its content.
_HANDLES = (tf.resource, tf.variant)


@dataclasses.dataclass(frozen=True)
class Obstacle:
    """An operation or an input of a step that a TPU cannot run.

    Attributes:
        name: of the op, or of the step's input.
        type: of the op, or `input`.
        problem: the reason.
        location: file and line of tfmmrec that created it, or another origin.
        count: number of obstacles with the same type, location and problem.
    """

    name: str
    type: str
    problem: str
    location: str
    count: int = 1

    def __str__(self) -> str:
        more = f" (and {self.count - 1} more)" if self.count > 1 else ""
        return f"{self.location}: {self.type} {self.name}: {self.problem}{more}"


def obstacles(step: Callable[[Any], Any], spec: Any) -> list[Obstacle]:
    """Traces a step and scans its graph; if nothing is found, compiles it with XLA for the CPU.

    The scan includes the functions that the graph calls. Of ops with dynamic shapes, only the first
    are reported, and not those that follow from them.

    Args:
        step: a function of a batch; it may create variables in its first call.
        spec: the `element_spec` of the dataset.

    Returns:
        The obstacles in the order of the graph; empty if a TPU can run the step.
    """
    inputs = list(_inputs(spec))
    found = [obstacle for name, part in inputs for obstacle in _of_input(name, part)]

    def flat(*parts: tf.Tensor) -> Any:
        return step(tf.nest.pack_sequence_as(spec, parts, expand_composites=True))

    traced = tf.function(flat, jit_compile=True, autograph=False)
    parts = [part for _, part in inputs]
    found += _of_graph(traced.get_concrete_function(*parts).graph, set())
    return _counted(found) or list(_of_compilation(traced, parts))


def _inputs(spec: Any, name: str = "") -> Iterator[tuple[str, tf.TensorSpec]]:
    """The tensors of a batch with their names, in the order of `tf.nest`."""
    if isinstance(spec, Mapping):
        for key in sorted(spec):
            yield from _inputs(spec[key], f"{name}/{key}" if name else key)
        return
    for part in tf.nest.flatten(spec, expand_composites=True):
        yield name, part


def _of_input(name: str, part: tf.TensorSpec) -> Iterator[Obstacle]:
    if part.dtype == tf.string:
        yield Obstacle(name, "input", "is a string", "the batch")
    elif not part.shape.is_fully_defined():
        yield Obstacle(name, "input", _dynamic(part.shape), "the batch")


def _of_graph(graph: tf.Graph, seen: set[str]) -> list[Obstacle]:
    """The obstacles in a graph and in the functions that it calls, each function once."""
    kernels, found = set(pywrap_xla_ops.get_cpu_kernel_names()), []
    functions = {str(name): function for name, function in graph._functions.items()}
    following: set[int] = set()
    for op in graph.get_operations():
        within: list[Obstacle] = []
        for name in _called(op):
            inner = getattr(functions.get(name), "graph", None)
            if inner is not None and name not in seen:
                seen.add(name)
                within += _of_graph(inner, seen)
        found += within
        problem = ""
        if op.type not in _PASSED and not within:
            problem = _misfit(op, kernels) or _new_shape(op, following)
        _follow(op, following)
        if problem:
            found.append(Obstacle(op.name, op.type, problem, _location(op)))
    return found


def _called(op: tf.Operation) -> list[str]:
    """The functions that an op calls, by name."""
    values = op.node_def.attr.values()
    return [
        function.name
        for value in values
        for function in (value.func, *value.list.func)
        if function.name
    ]


def _misfit(op: tf.Operation, kernels: set[str]) -> str:
    """Returns why XLA cannot compile an op; empty if it can."""
    if op.type not in kernels:
        return "is not implemented in XLA"
    # String constants are the messages of assertions.
    reads, creates = (any(t.dtype == tf.string for t in ts) for ts in (op.inputs, op.outputs))
    if creates and not reads and op.type != "Const":
        return "creates strings"
    return ""


def _new_shape(op: tf.Operation, following: set[int]) -> str:
    """Which dynamic shape begins with an op; empty if none does."""
    if op.type in _STATIC or any(id(tensor) in following for tensor in op.inputs):
        return ""
    for tensor in op.outputs:
        # Without a known rank, XLA may still know the shape.
        if tensor.shape.rank is not None and _is_dynamic(tensor):
            return _dynamic(tensor.shape)
    return ""


def _is_dynamic(tensor: tf.Tensor) -> bool:
    return tensor.dtype not in _HANDLES and not tensor.shape.is_fully_defined()


def _follow(op: tf.Operation, following: set[int]) -> None:
    """Adds the outputs whose shapes, or integers that may become shapes, follow from others."""
    follows = any(id(tensor) in following for tensor in op.inputs)
    for tensor in op.outputs:
        size = tensor.dtype.is_integer and tensor.shape.rank in (0, 1)
        if tensor.dtype == tf.variant or _is_dynamic(tensor) or (follows and size):
            following.add(id(tensor))


def _dynamic(shape: tf.TensorShape) -> str:
    return f"its shape depends on the batch, {shape if shape.rank is None else shape.as_list()}"


def _location(op: tf.Operation) -> str:
    """The innermost line of tfmmrec that created an op, if there is one."""
    for frame in reversed(op.traceback or ()):
        path = Path(frame.filename)
        if _PACKAGE in path.parents and path.name != Path(__file__).name:
            return f"{path.relative_to(_PACKAGE.parent)}:{frame.lineno}"
    return "a loaded module"


def _counted(found: list[Obstacle]) -> list[Obstacle]:
    """One obstacle, with a count, for all with the same type, problem and location."""
    first: dict[tuple[str, str, str, str], Obstacle] = {}
    keys = [(o.type, o.problem, o.location, o.name if o.type == "input" else "") for o in found]
    for key, obstacle in zip(keys, found, strict=True):
        first.setdefault(key, obstacle)
    counts = collections.Counter(keys)
    return [dataclasses.replace(o, count=counts[key]) for key, o in first.items()]


def _of_compilation(traced: Any, parts: list[tf.TensorSpec]) -> Iterator[Obstacle]:
    """The obstacles that XLA finds when it compiles a graph."""
    try:
        program = traced.experimental_get_compiler_ir(*parts)(stage="hlo")
    except (ValueError, tf.errors.OpError) as error:
        yield Obstacle("step", "compilation", one_line(error, 400), "XLA")
        return
    # XLA marks a dynamic dimension by its upper bound: f32[<=12].
    for line in program.splitlines():
        bounded = re.search(r"\w+\[[^\]]*<=[^\]]*\]", line.partition("(")[0])
        created = re.search(r'op_type="([^"]*)" op_name="([^"]*)"', line)
        if bounded and created:
            problem = f"its shape depends on the batch, {bounded[0]}"
            yield Obstacle(created[2], created[1], problem, "XLA")
