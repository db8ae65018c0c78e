"""What of the installed stack fits together, and the one line that mends what does not.

The doctor has to answer on a machine where TensorFlow does not even import. So it reads versions
from package metadata, tries each import in a process of its own, and judges what it read in
`diagnose`, a pure function that tests feed with broken environments.
"""

import dataclasses
import shlex
from collections.abc import Iterator

import rich.box
import rich.console
import rich.table
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from tfmmrec.cli.environment import Environment, fits, read_environment

_WHOLE_SET = "pip install -c constraints.txt -e ."

# The native ops of tensorflow-io 0.37 load beside these minor versions of TensorFlow.
_NATIVE_IO_BESIDE = ("2.16", "2.17")
# The switch to Keras 2 that tfmmrec throws came with TensorFlow 2.16.
_OLDEST_TENSORFLOW = Version("2.16")
_SAME_MINOR = ("tf-keras", "tensorflow-text")
# Bounded in setup.cfg for the sake of the tested TensorFlow; beside another their own metadata
# and their imports decide.
_BOUND_BY_TESTED = frozenset(
    ("numpy", "protobuf", "pyarrow", "tensorflow-metadata", "tensorflow-serving-api", "scann")
)
# Nothing needs the first, but installed it can break the import of the second.
_HARMFUL = {"scann": "tensorflow-recommenders"}

_WHY = {
    "numpy": "TensorFlow 2.17 fails to import beside numpy 2",
    "protobuf": "TensorFlow 2.17 is made for protobuf 4",
    "pyarrow": "newer ones fail to import beside numpy 1, which TensorFlow 2.17 needs",
    "scann": "one of another TensorFlow can break `import tensorflow_recommenders`",
    "scikit-learn": "keras-tuner's BayesianOptimization needs it",
    "scipy": "keras-tuner's BayesianOptimization needs it",
    "setuptools": "tensorflow-hub imports pkg_resources, which setuptools 81 dropped",
    "tensorflow-metadata": "newer ones need protobuf 5 to import",
    "tensorflow-text": "its native ops load only beside TensorFlow's same minor version",
    "tf-keras": "TensorFlow Recommenders needs Keras 2: tf-keras of TensorFlow's minor version",
}
_COLOURS = {"ok": "green", "warning": "yellow", "error": "red"}
_SEVERITIES = tuple(_COLOURS)


@dataclasses.dataclass(frozen=True)
class Finding:
    """The state of one package or setting: "ok", "warning" or "error"."""

    package: str
    installed: str
    needed: str
    state: str = "ok"
    problem: str = ""
    mend: str = ""


def diagnose(environment: Environment) -> list[Finding]:
    """Judges an environment.

    Args:
        environment: what `read_environment` read.

    Returns:
        One finding a subject, its worst; a problem always comes with the shell line that mends it.
    """
    found = [
        *_keras_switch(environment),
        *_python(environment),
        *_packages(environment),
        *_stated_by_packages(environment),
    ]
    # An import that fails beside a wrong version most likely fails because of it.
    if not any(finding.state == "error" for finding in found):
        found += _imports(environment)
    found += _devices(environment)
    worst: dict[str, Finding] = {}
    for finding in found:
        known = worst.setdefault(finding.package, finding)
        if _SEVERITIES.index(finding.state) > _SEVERITIES.index(known.state):
            worst[finding.package] = finding
    return list(worst.values())


def doctor() -> int:
    """Prints the state of the stack; returns 1 when something needed does not fit, else 0."""
    console = rich.console.Console()
    with console.status("trying the imports"):
        findings = diagnose(read_environment())
    table = rich.table.Table("package", "installed", "needed", "state", box=rich.box.SIMPLE)
    for finding in findings:
        colour = _COLOURS[finding.state]
        state = f"[{colour}]{finding.state}[/{colour}]"
        table.add_row(finding.package, finding.installed, finding.needed, state)
    console.print(table)
    problems = [finding for finding in findings if finding.problem]
    for finding in problems:
        for line in (f"{finding.state}: {finding.problem}", f"    {finding.mend}"):
            # Whole lines, whatever the width, so that they can be copied.
            console.print(line, soft_wrap=True, markup=False, highlight=False)
    if problems:
        console.print(
            "Run these lines in the folder of constraints.txt, then `tfmmrec doctor` again."
        )
    else:
        console.print("Everything fits together.")
    return int(any(finding.state == "error" for finding in findings))


def _keras_switch(environment: Environment) -> Iterator[Finding]:
    name = "TF_USE_LEGACY_KERAS"
    value = environment.variables.get(name, "unset")
    problem = ""
    if value == "unset" and environment.tensorflow_first:
        problem = f"TensorFlow is imported before tfmmrec, with Keras 3, as {name} is unset"
    elif value not in ("unset", "1", "true", "True"):  # what TensorFlow takes for a yes
        problem = f"{name}={value} makes TensorFlow run with Keras 3; tfmmrec needs Keras 2"
    state = "error" if problem else "ok"
    yield Finding(name, value, "1 or unset", state, problem, f"export {name}=1" if problem else "")


def _python(environment: Environment) -> Iterator[Finding]:
    version, needed = environment.python, environment.python_needs
    if fits(SpecifierSet(needed), version):
        yield Finding("python", version, needed)
    else:
        problem = f"Python {version} does not fit, {needed} is needed"
        mend = "make clean venv PYTHON=python3.11"
        yield Finding("python", version, needed, "error", problem, mend)


def _packages(environment: Environment) -> Iterator[Finding]:
    for name, specifier, optional in _needs(environment):
        version, needed = environment.installed.get(name), _shown(specifier) or "any"
        because = f": {_WHY[name]}" if name in _WHY else ""
        mend = _install(environment, name, specifier)
        severity = _severity(environment, name, optional)
        if version is None and optional:
            yield Finding(name, "-", f"optional, {needed}")
        elif version is None:
            problem = f"{name} is not installed{because}"
            yield Finding(name, "-", needed, "error", problem, mend)
        elif name == "tensorflow" and not environment.tested:
            yield _other_tensorflow(version, needed)
        elif not fits(specifier, version):
            problem = f"{name} {version} does not fit, {needed} is needed{because}"
            yield Finding(name, version, needed, severity, problem, mend)
        elif name == "tensorflow-io" and _minor(environment) not in _NATIVE_IO_BESIDE:
            yield _no_native_io(version, needed, f"TensorFlow is {_minor(environment)}")
        else:
            yield Finding(name, version, needed)


def _other_tensorflow(version: str, needed: str) -> Finding:
    if Version(version) < _OLDEST_TENSORFLOW:
        problem = f"tensorflow {version} is too old, {needed} is needed"
        return Finding("tensorflow", version, needed, "error", problem, _WHOLE_SET)
    problem = f"tensorflow {version} is not the tested {needed}; what is shown here works with it"
    return Finding("tensorflow", version, needed, "warning", problem, _WHOLE_SET)


def _no_native_io(version: str, needed: str, reason: str) -> Finding:
    problem = f"tensorflow-io {version}: soundfile decodes in place of its native ops ({reason})"
    return Finding("tensorflow-io", version, needed, "warning", problem, _WHOLE_SET)


def _stated_by_packages(environment: Environment) -> Iterator[Finding]:
    """Yields what `pip check` would say of the packages that tfmmrec uses."""
    minor = ".".join(environment.python.split(".")[:2])
    python = {"python_full_version": environment.python, "python_version": minor, "extra": ""}
    for owner, specifier, optional in _needs(environment):
        # What a version states that has to change anyway does not count.
        if owner != "tensorflow" and not fits(specifier, environment.installed.get(owner, "0")):
            continue
        for stated in map(Requirement, environment.requires.get(owner, ())):
            name = canonicalize_name(stated.name)
            if name in ("tensorflow", *_SAME_MINOR):  # judged by their own rules
                continue
            if stated.marker and not stated.marker.evaluate(python):
                continue
            version, needed = environment.installed.get(name), _shown(stated.specifier)
            if version is None or not fits(stated.specifier, version):
                problem = f"{owner} needs {name}{needed}, but there is {version or 'none'}"
                mend = _install(environment, name, stated.specifier)
                severity = _severity(environment, owner, optional)
                yield Finding(name, version or "-", needed or "any", severity, problem, mend)


def _imports(environment: Environment) -> Iterator[Finding]:
    told: set[str] = set()
    for name, specifier, optional in _needs(environment):
        error = environment.failures.get(name)
        # The same error again is that of something both import.
        if not error or error in told:
            continue
        told.add(error)
        version, needed = environment.installed[name], _shown(specifier) or "any"
        severity = _severity(environment, name, optional)
        problem = f"{name} {version} fails to import ({error})"
        if name == "tensorflow-io":
            yield _no_native_io(version, needed, error)
        elif name in _HARMFUL:
            problem, mend = f"{problem}: {_WHY[name]}", f"pip uninstall -y {name}"
            yield Finding(name, version, needed, severity, problem, mend)
        else:
            mend = f"{_install(environment, name, specifier)} --force-reinstall --no-deps"
            yield Finding(name, version, needed, severity, problem, mend)


def _devices(environment: Environment) -> Iterator[Finding]:
    gpus, tpus = (environment.devices.get(kind, 0) for kind in ("GPU", "TPU"))
    drivers = [sign for sign in environment.hardware if "nvidia" in sign]
    problem = mend = ""
    if drivers and not gpus:
        problem = f"{drivers[0]} is there, but TensorFlow sees no GPU: it lacks CUDA's libraries"
        cuda = next(need for need in environment.needs if need.startswith("tensorflow[and-cuda]"))
        mend = f"pip install -c constraints.txt {shlex.quote(cuda.split(';')[0].strip())}"
    state = "warning" if problem else "ok"
    yield Finding("GPU", f"{gpus} seen by TensorFlow", "optional", state, problem, mend)
    others = [sign for sign in environment.hardware if sign not in drivers]
    yield Finding("TPU", ", ".join([f"{tpus} seen by TensorFlow", *others]), "optional")


def _needs(environment: Environment) -> list[tuple[str, SpecifierSet, bool]]:
    """Returns each package's name, the range that fits here, and whether it is optional."""
    needs: dict[str, tuple[str, SpecifierSet, bool]] = {}
    for need in map(Requirement, environment.needs):
        optional = need.marker is not None and not need.marker.evaluate({"extra": ""})
        if need.marker is not None and need.marker.evaluate({"extra": "dev"}) and optional:
            continue
        name, specifier = canonicalize_name(need.name), need.specifier
        if not environment.tested and name in _SAME_MINOR:
            specifier = SpecifierSet(f"=={_minor(environment)}.*")
        elif not environment.tested and name in _BOUND_BY_TESTED:
            specifier = SpecifierSet()
        needs.setdefault(name, (name, specifier, optional))
    # What harms others is judged before them, so that the blame falls on it.
    return sorted(needs.values(), key=lambda need: need[0] not in _HARMFUL)


def _minor(environment: Environment) -> str:
    return ".".join(environment.installed.get("tensorflow", "2.17").split(".")[:2])


def _severity(environment: Environment, name: str, optional: bool) -> str:
    harms = _HARMFUL.get(name) in environment.failures
    return "warning" if optional and not harms else "error"


def _install(environment: Environment, name: str, specifier: SpecifierSet) -> str:
    # The constraints pin the companions of the tested TensorFlow; beside another they conflict.
    constraints = "-c constraints.txt " if environment.tested else ""
    return f"pip install {constraints}{shlex.quote(name + _shown(specifier))}"


def _shown(specifier: SpecifierSet) -> str:
    return ",".join(sorted(str(specifier).split(","), reverse=True))
