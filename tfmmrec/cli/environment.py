"""Reads the installed packages and devices, without importing TensorFlow in this process."""

import configparser
import contextlib
import dataclasses
import glob
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

# Other packages that provide the module `tensorflow`.
_OTHER_TENSORFLOWS = ("tensorflow-cpu", "tensorflow-tpu")
_IMPORT_SECONDS = 300

_PROBES = {
    "tensorflow": "import tensorflow",
    "tf-keras": "import tensorflow as tf; tf.keras.layers.Dense(1)",
    "tensorflow-hub": "import tensorflow_hub",
    "tensorflow-io": "import tensorflow as tf, tensorflow_io as tfio; "
    "tfio.audio.resample(tf.zeros([8, 1]), 8000, 4000)",
    "scann": "from scann import scann_ops",
    "tensorflow-recommenders": "import tensorflow_recommenders",
    "tensorflow-text": "import tensorflow_text",
    "keras-tuner": "import keras_tuner",
    "tensorflow-metadata": "import tensorflow_metadata.proto.v0.schema_pb2",
    "tensorflow-serving-api": "import tensorflow_serving.apis.prediction_log_pb2",
    "pyarrow": "import pyarrow.parquet",
    "scikit-learn": "import sklearn",
    "scipy": "import scipy.stats",
    "pillow": "import PIL.Image",
    "soundfile": "import soundfile",
    "av": "import av",
    "implicit": "import implicit.als, implicit.bpr",
}

# Prints the current package first, so that a crash can be attributed to it. Stops at the first
# failure, because a partly imported TensorFlow would affect later imports.
_TRY_IMPORTS = """
import json, sys
for package, statement in json.loads(sys.argv[1]):
    print("\\n@", json.dumps([package, "the import crashes or does not return"]), flush=True)
    try:
        exec(statement, {})
    except BaseException as error:
        line = next(iter(str(error).strip().splitlines()), "")
        print("\\n@", json.dumps([package, f"{type(error).__name__}: {line}"]), flush=True)
        sys.exit(1)
print("\\n@ null")
"""
_LIST_DEVICES = """
import collections, json, tensorflow as tf
kinds = collections.Counter(device.device_type for device in tf.config.list_physical_devices())
print("\\n@", json.dumps(kinds))
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Environment:
    """The environment that the doctor examines.

    Args:
        python: version of Python.
        python_needs: versions of Python that tfmmrec supports.
        needs: requirements of tfmmrec; those of an extra have its marker.
        installed: version by canonical package name.
        requires: requirements by canonical package name.
        variables: environment variables.
        tensorflow_first: whether Python imports TensorFlow at its start, before tfmmrec.
        failures: error message by canonical name of each installed package that fails to import.
        devices: number of devices that TensorFlow finds, by type ("GPU", "TPU").
        hardware: signs of accelerators, such as "/dev/nvidia0" or "TPU_NAME=node-1".
    """

    python: str
    python_needs: str
    needs: Sequence[str]
    installed: Mapping[str, str]
    requires: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict)
    tensorflow_first: bool = False
    failures: Mapping[str, str] = dataclasses.field(default_factory=dict)
    devices: Mapping[str, int] = dataclasses.field(default_factory=dict)
    hardware: Sequence[str] = ()

    @property
    def tested(self) -> bool:
        """Whether the installed TensorFlow is in the range of setup.cfg; True if there is none."""
        needed = next(need for need in map(Requirement, self.needs) if need.name == "tensorflow")
        version = self.installed.get("tensorflow")
        return version is None or fits(needed.specifier, version)


def read_environment() -> Environment:
    """Reads the environment of this process; imports are tried in other processes (seconds)."""
    installed: dict[str, importlib.metadata.Distribution] = {}
    for distribution in importlib.metadata.distributions():
        # The first on the path is the one that Python imports.
        installed.setdefault(canonicalize_name(distribution.name), distribution)
    for other in _OTHER_TENSORFLOWS:
        if other in installed:
            installed.setdefault("tensorflow", installed[other])
    needs, python_needs = _stated_needs()
    return Environment(
        python=platform.python_version(),
        python_needs=python_needs,
        needs=needs,
        installed={name: found.version for name, found in installed.items()},
        requires={name: found.requires or [] for name, found in installed.items()},
        variables=dict(os.environ),
        tensorflow_first=_run("import sys; print('\\n@', int('tensorflow' in sys.modules))") == "1",
        failures=_try_imports([name for name in _PROBES if name in installed]),
        devices=json.loads(_run(_LIST_DEVICES) or "{}"),
        hardware=_accelerators(),
    )


def _stated_needs() -> tuple[list[str], str]:
    """Returns the requirements and Python versions of the checkout, or else of the package."""
    setup = configparser.ConfigParser()
    if not setup.read(Path(__file__).parents[2] / "setup.cfg"):
        installed = importlib.metadata.distribution("tfmmrec")
        return installed.requires or [], installed.metadata["Requires-Python"]
    needs = setup["options"]["install_requires"].strip().splitlines()
    for extra, lines in setup["options.extras_require"].items():
        needs += [f"{line}; extra == '{extra}'" for line in lines.strip().splitlines()]
    return needs, setup["options"]["python_requires"]


def _try_imports(packages: Sequence[str]) -> dict[str, str]:
    """Returns the error message of each package that fails to import."""
    failures: dict[str, str] = {}
    left = list(packages)
    while left:
        answer = _run(_TRY_IMPORTS, json.dumps([[name, _PROBES[name]] for name in left]))
        if answer == "null":
            break
        name, error = json.loads(answer) if answer else (left[0], "Python does not start")
        failures[name] = error
        left = left[left.index(name) + 1 :]
    return failures


def _run(program: str, *arguments: str) -> str:
    """Runs a program in a separate process; returns its last line that starts with "@"."""
    with tempfile.TemporaryFile() as printed:
        command = [sys.executable, "-c", program, *arguments]
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(
                command, stdout=printed, stderr=subprocess.DEVNULL, timeout=_IMPORT_SECONDS
            )
        printed.seek(0)
        marked = [line for line in printed.read().decode().splitlines() if line.startswith("@ ")]
    return marked[-1].removeprefix("@ ") if marked else ""


def _accelerators() -> list[str]:
    signs = sorted(glob.glob("/dev/nvidia[0-9]*") + glob.glob("/dev/accel*"))
    name = os.environ.get("TPU_NAME")
    return [*signs, f"TPU_NAME={name}"] if name else signs


def fits(specifier: SpecifierSet, version: str) -> bool:
    return specifier.contains(version, prereleases=True)
