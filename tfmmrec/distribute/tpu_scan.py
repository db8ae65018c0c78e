"""What in a step a TPU cannot run, found by tracing it on a machine without one.

A TPU runs what XLA compiles: tensors of shapes that are known beforehand, and ops that have a form
in XLA, which strings, files, tables that are looked up and calls to Python have not.
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
# What hands tensors over within a graph; the rest of what has no kernel cannot be compiled.
_HANDED = {"Placeholder", "PlaceholderWithDefault"}
# What they give is of the shapes that they are given, so that XLA knows it when it compiles.
_SETTLED = {"BroadcastGradientArgs", "VariableShape"}
# Their shapes are those of what they hold.
_HANDLES = (tf.resource, tf.variant)


@dataclasses.dataclass(frozen=True)
class Obstacle:
    """Something in a step that a TPU cannot run.

    Attributes:
        name: of the op, or of the step's input.
        type: of the op, or `input`.
        problem: why it cannot.
        place: file and line of ours that made it, or what else did.
        count: how many of the same type and place have the same problem.
    """

    name: str
    type: str
    problem: str
    place: str
    count: int = 1

    def __str__(self) -> str:
        more = f" (and {self.count - 1} more)" if self.count > 1 else ""
        return f"{self.place}: {self.type} {self.name}: {self.problem}{more}"


def obstacles(step: Callable[[Any], Any], spec: Any) -> list[Obstacle]:
    """Traces a step, and compiles it with XLA for the CPU where nothing is found in its graph.

    What is scanned is the whole of its graph, with the functions that it calls. Ops whose shapes
    are not known are named where that begins, and not those that follow from them.

    Args:
        step: a function of a batch; it may make variables in its first call.
        spec: of the batch, as `tf.data.Dataset.element_spec` gives it.

    Returns:
        What a TPU cannot run, in the order of the graph; none where all of it can.
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
        yield Obstacle(name, "input", "the step is given strings", "the batch")
    elif not part.shape.is_fully_defined():
        yield Obstacle(name, "input", _dynamic(part.shape), "the batch")


def _of_graph(graph: tf.Graph, seen: set[str]) -> list[Obstacle]:
    """What is found in a graph and in the functions that it calls, each of them once."""
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
        if op.type not in _HANDED and not within:
            problem = _misfit(op, kernels) or _new_shape(op, following)
        _follow(op, following)
        if problem:
            found.append(Obstacle(op.name, op.type, problem, _place(op)))
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
    """Says why XLA has no form for an op; empty where it has one."""
    if op.type not in kernels:
        return "has no form in XLA"
    # Constants are only the messages of what is checked.
    given, made = (any(t.dtype == tf.string for t in ts) for ts in (op.inputs, op.outputs))
    if made and not given and op.type != "Const":
        return "gives strings"
    return ""


def _new_shape(op: tf.Operation, following: set[int]) -> str:
    """Says which shape that only the batch knows begins with an op; empty where none does."""
    if op.type in _SETTLED or any(id(tensor) in following for tensor in op.inputs):
        return ""
    for tensor in op.outputs:
        # Of what has not even a rank TensorFlow says nothing, and XLA may know more.
        if tensor.shape.rank is not None and _is_dynamic(tensor):
            return _dynamic(tensor.shape)
    return ""


def _is_dynamic(tensor: tf.Tensor) -> bool:
    return tensor.dtype not in _HANDLES and not tensor.shape.is_fully_defined()


def _follow(op: tf.Operation, following: set[int]) -> None:
    """Adds the tensors whose shapes, or numbers that may become shapes, follow from others."""
    follows = any(id(tensor) in following for tensor in op.inputs)
    for tensor in op.outputs:
        size = tensor.dtype.is_integer and tensor.shape.rank in (0, 1)
        if tensor.dtype == tf.variant or _is_dynamic(tensor) or (follows and size):
            following.add(id(tensor))


def _dynamic(shape: tf.TensorShape) -> str:
    return f"only the batch knows its shape, {shape if shape.rank is None else shape.as_list()}"


def _place(op: tf.Operation) -> str:
    """The innermost line of ours that made an op, if any did."""
    for frame in reversed(op.traceback or ()):
        path = Path(frame.filename)
        if _PACKAGE in path.parents and path.name != Path(__file__).name:
            return f"{path.relative_to(_PACKAGE.parent)}:{frame.lineno}"
    return "a loaded module"


def _counted(found: list[Obstacle]) -> list[Obstacle]:
    """One for all of the same type, problem and place."""
    first: dict[tuple[str, str, str, str], Obstacle] = {}
    keys = [(o.type, o.problem, o.place, o.name if o.type == "input" else "") for o in found]
    for key, obstacle in zip(keys, found, strict=True):
        first.setdefault(key, obstacle)
    counts = collections.Counter(keys)
    return [dataclasses.replace(o, count=counts[key]) for key, o in first.items()]


def _of_compilation(traced: Any, parts: list[tf.TensorSpec]) -> Iterator[Obstacle]:
    """What XLA says of a graph that has a form in it, as far as can be seen."""
    try:
        program = traced.experimental_get_compiler_ir(*parts)(stage="hlo")
    except (ValueError, tf.errors.OpError) as error:
        yield Obstacle("step", "compilation", one_line(error, 400), "XLA")
        return
    # XLA gives room for the largest shape that there could be: f32[<=12].
    for line in program.splitlines():
        bounded = re.search(r"\w+\[[^\]]*<=[^\]]*\]", line.partition("(")[0])
        made = re.search(r'op_type="([^"]*)" op_name="([^"]*)"', line)
        if bounded and made:
            problem = f"only the batch knows its shape, {bounded[0]}"
            yield Obstacle(made[2], made[1], problem, "XLA")
