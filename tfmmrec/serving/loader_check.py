"""Runs an export in the C++ loader of TensorFlow Serving, in a process without Python.

TensorFlow Serving loads a model with `tensorflow::LoadSavedModel`, which is part of the TensorFlow
wheel. The small program `serving/loader/load.cc` calls it and runs every signature, so that a graph
that a stock server cannot run fails here.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import named_tensor_pb2

from tfmmrec.errors import DataError, TfmmrecError
from tfmmrec.serving.warmup import Request

# A signature's name and its outputs.
Answer = tuple[str, dict[str, np.ndarray]]


def build_loader(source: Path, out: Path) -> Path:
    """Compiles the loader program, which takes about a minute.

    Args:
        source: the path of load.cc.
        out: the program to write.

    Returns:
        `out`.

    Raises:
        TfmmrecError: g++ is not installed, or the source does not compile.
    """
    wheel = os.path.dirname(tf.__file__)
    include = f"{wheel}/include"
    command = ["g++", "-w", "-std=c++17", str(source), f"-I{include}"]
    command += [f"-I{include}/external/local_{name}" for name in ("xla", "tsl")]
    # Without --no-as-needed, the linker drops the library that registers sessions.
    command += [f"-L{wheel}", "-Wl,--no-as-needed", "-l:libtensorflow_cc.so.2"]
    command += ["-l:libtensorflow_framework.so.2", f"-Wl,-rpath,{wheel}", "-o", str(out)]
    if shutil.which("g++") is None:
        raise TfmmrecError("the loader check needs g++: install a C++ compiler (apt install g++)")
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise TfmmrecError(f"{source}: does not compile: {_first_line(done.stderr, 'error')}")
    return out


def run_loader(
    program: Path, version_dir: Path, requests: Sequence[Request], work_dir: Path
) -> list[Answer]:
    """Runs requests through a loader program, on a copy of the export.

    Args:
        program: the program from `build_loader`, or its Python version, serving/loader/load.py.
        version_dir: the folder of the version, MODELS/NAME/<version>.
        requests: at least one per signature, as from `read_warmup`.
        work_dir: the folder in which a temporary folder for the copy, the requests and the answers
            is created.

    Returns:
        One answer per request, in the same order.

    Raises:
        DataError: the export fails to load, a signature has no request, or one fails to run.
    """
    if not (version_dir / "saved_model.pb").is_file():
        raise DataError(f"{version_dir}: no saved_model.pb here; give a version's folder")
    work_dir.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="loader.", dir=work_dir))
    # A copy at another path reveals paths into the folder where the model was exported.
    shutil.copytree(version_dir, folder / "export")
    (folder / "requests").mkdir()
    for number, (signature, inputs) in enumerate(requests):
        _write_request(folder / "requests" / signature / str(number), inputs)
    command = [sys.executable] if program.suffix == ".py" else []
    command += [str(program), *(str(folder / name) for name in ("export", "requests", "out"))]
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, capture_output=True, text=True, env=quiet)
    if done.returncode:
        raise DataError(f"{version_dir}: {_first_line(done.stderr, 'load: error')}")
    return [
        (signature, _read_answer(folder / "out" / signature / str(number)))
        for number, (signature, _) in enumerate(requests)
    ]


def compare(
    answers: Sequence[Answer], others: Sequence[Answer], *, tolerance: float
) -> dict[str, dict[str, float]]:
    """Compares the answers of two programs to the same requests.

    Args:
        answers: of one program, from `run_loader`.
        others: of the other program.
        tolerance: the maximum absolute difference of floats; other types must be equal.

    Returns:
        The largest difference of each output, by signature.

    Raises:
        DataError: the answers differ.
    """
    found: dict[str, dict[str, float]] = {}
    for (signature, answer), (_, other) in zip(answers, others, strict=True):
        if answer.keys() != other.keys():
            raise DataError(f"{signature}: outputs {sorted(answer)} and {sorted(other)} differ")
        largest = found.setdefault(signature, {})
        for name, value in answer.items():
            difference = _difference(value, other[name])
            if not difference <= tolerance:
                raise DataError(f"{signature}: {name} differs by {difference} from Python's")
            largest[name] = max(largest.get(name, 0.0), difference)
    return found


def _difference(value: np.ndarray, other: np.ndarray) -> float:
    if value.shape != other.shape or value.dtype != other.dtype:
        return np.inf
    if value.dtype.kind != "f":
        return 0.0 if np.array_equal(value, other) else np.inf
    with np.errstate(invalid="ignore"):
        apart = np.where(value == other, 0.0, np.abs(value.astype(np.float64) - other))
    apart[np.isnan(value) & np.isnan(other)] = 0.0
    return float(apart.max(initial=0.0))


def _write_request(folder: Path, inputs: Mapping[str, np.ndarray]) -> None:
    folder.mkdir(parents=True)
    for number, (name, value) in enumerate(inputs.items()):
        proto = named_tensor_pb2.NamedTensorProto(name=name, tensor=tf.make_tensor_proto(value))
        (folder / f"{number}.pb").write_bytes(proto.SerializeToString())


def _read_answer(folder: Path) -> dict[str, np.ndarray]:
    return {
        path.stem: tf.make_ndarray(tensor_pb2.TensorProto.FromString(path.read_bytes()))
        for path in sorted(folder.glob("*.pb"))
    }


def _first_line(output: str, mark: str) -> str:
    """Returns the first line that contains the mark, or else the last line."""
    lines = output.strip().splitlines()
    return next((line for line in lines if mark in line), lines[-1] if lines else "it crashed")
