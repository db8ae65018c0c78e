"""The command `tfmmrec doctor`: checks the installed packages, and prints a fix per problem.

It must work where TensorFlow cannot be imported. So it reads versions from package metadata, and
tries each import in a separate process. `diagnose` is a pure function of what was read, which
tests call with broken environments.
"""

import dataclasses
import shlex
from collections.abc import Iterator

import rich.console
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from tfmmrec.cli.environment import Environment, fits, read_environment
from tfmmrec.reports.tables import Table

_INSTALL_ALL = "pip install -c constraints.txt -e ."

# Minor versions of TensorFlow with which the native ops of tensorflow-io 0.37 load.
_NATIVE_IO_VERSIONS = ("2.16", "2.17")
# TF_USE_LEGACY_KERAS, which tfmmrec sets, needs TensorFlow 2.16.
_OLDEST_TENSORFLOW = Version("2.16")
_SAME_MINOR = ("tf-keras", "tensorflow-text")
# Pinned in setup.cfg to match the tested TensorFlow; with another one, their own metadata and
# their imports decide.
_PINNED_BY_TENSORFLOW = frozenset(
    ("numpy", "protobuf", "pyarrow", "tensorflow-metadata", "tensorflow-serving-api", "scann")
)
# Optional packages that can break the import of another package.
_HARMFUL = {"scann": "tensorflow-recommenders"}

_WHY = {
    "numpy": "TensorFlow 2.17 fails to import with numpy 2",
    "protobuf": "TensorFlow 2.17 is built for protobuf 4",
    "pyarrow": "newer versions fail to import with numpy 1, which TensorFlow 2.17 needs",
    "scann": "a version for another TensorFlow can break `import tensorflow_recommenders`",
    "scikit-learn": "keras-tuner's BayesianOptimization needs it",
    "scipy": "keras-tuner's BayesianOptimization needs it",
    "setuptools": "tensorflow-hub imports pkg_resources, which setuptools 81 removed",
    "tensorflow-metadata": "newer versions need protobuf 5",
    "tensorflow-text": "its native ops load only with the same minor version of TensorFlow",
    "tf-keras": "TensorFlow Recommenders needs Keras 2, from tf-keras of the same minor version",
}
_COLORS = {"ok": "green", "warning": "yellow", "error": "red"}
_SEVERITIES = tuple(_COLORS)


@dataclasses.dataclass(frozen=True)
class Finding:
    """The state of one package or setting.

    Attributes:
        package: name of the package or setting.
        installed: its version or value.
        needed: the versions or values that work.
        state: `ok`, `warning` or `error`.
        problem: description of the problem, "" if there is none.
        fix: shell command that fixes the problem.
    """

    package: str
    installed: str
    needed: str
    state: str = "ok"
    problem: str = ""
    fix: str = ""


def diagnose(environment: Environment) -> list[Finding]:
    """Finds the problems of an environment.

    Args:
        environment: the result of `read_environment`.

    Returns:
        The worst finding per package or setting; each problem has a shell command that fixes it.
    """
    findings = [
        *_legacy_keras(environment),
        *_python(environment),
        *_packages(environment),
        *_requirements_of_packages(environment),
    ]
    # If a version is wrong, it most likely is the cause of failing imports.
    if not any(finding.state == "error" for finding in findings):
        findings += _imports(environment)
    findings += _devices(environment)
    worst: dict[str, Finding] = {}
    for finding in findings:
        other = worst.setdefault(finding.package, finding)
        if _SEVERITIES.index(finding.state) > _SEVERITIES.index(other.state):
            worst[finding.package] = finding
    return list(worst.values())


def doctor() -> int:
    """Prints the state of the installed packages; returns 1 if there is an error, else 0."""
    console = rich.console.Console()
    with console.status("importing the packages"):
        findings = diagnose(read_environment())
    rows = [
        [finding.package, finding.installed, finding.needed, finding.state] for finding in findings
    ]
    columns = ["package", "installed", "needed", "state"]
    console.print(Table("", columns, rows, texts=columns, styles=_COLORS).to_rich())
    problems = [finding for finding in findings if finding.problem]
    for finding in problems:
        for line in (f"{finding.state}: {finding.problem}", f"    {finding.fix}"):
            # Without line breaks, so that they can be copied.
            console.print(line, soft_wrap=True, markup=False, highlight=False)
    if problems:
        console.print(
            "Run these commands in the folder of constraints.txt, then `tfmmrec doctor` again."
        )
    else:
        console.print("No problems found.")
    return int(any(finding.state == "error" for finding in findings))


def _legacy_keras(environment: Environment) -> Iterator[Finding]:
    name = "TF_USE_LEGACY_KERAS"
    value = environment.variables.get(name, "unset")
    problem = ""
    if value == "unset" and environment.tensorflow_first:
        problem = f"TensorFlow is imported before tfmmrec, with Keras 3, since {name} is unset"
    elif value not in ("unset", "1", "true", "True"):  # what TensorFlow reads as true
        problem = f"{name}={value} makes TensorFlow run with Keras 3; tfmmrec needs Keras 2"
    state = "error" if problem else "ok"
    yield Finding(name, value, "1 or unset", state, problem, f"export {name}=1" if problem else "")


def _python(environment: Environment) -> Iterator[Finding]:
    version, needed = environment.python, environment.python_needs
    if fits(SpecifierSet(needed), version):
        yield Finding("python", version, needed)
    else:
        problem = f"Python {version} is not supported; {needed} is required"
        fix = "make clean venv PYTHON=python3.11"
        yield Finding("python", version, needed, "error", problem, fix)


def _packages(environment: Environment) -> Iterator[Finding]:
    for name, specifier, optional in _needs(environment):
        version, needed = environment.installed.get(name), _to_text(specifier) or "any"
        reason = f": {_WHY[name]}" if name in _WHY else ""
        fix = _install(environment, name, specifier)
        severity = _severity(environment, name, optional)
        if version is None and optional:
            yield Finding(name, "-", f"optional, {needed}")
        elif version is None:
            problem = f"{name} is not installed{reason}"
            yield Finding(name, "-", needed, "error", problem, fix)
        elif name == "tensorflow" and not environment.tested:
            yield _other_tensorflow(version, needed)
        elif not fits(specifier, version):
            problem = f"{name} {version} is not supported; {needed} is required{reason}"
            yield Finding(name, version, needed, severity, problem, fix)
        elif name == "tensorflow-io" and _minor(environment) not in _NATIVE_IO_VERSIONS:
            yield _no_native_io(version, needed, f"TensorFlow is {_minor(environment)}")
        else:
            yield Finding(name, version, needed)


def _other_tensorflow(version: str, needed: str) -> Finding:
    if Version(version) < _OLDEST_TENSORFLOW:
        problem = f"tensorflow {version} is too old; {needed} is required"
        return Finding("tensorflow", version, needed, "error", problem, _INSTALL_ALL)
    problem = f"tensorflow {version} is not the tested {needed}; the states below are for {version}"
    return Finding("tensorflow", version, needed, "warning", problem, _INSTALL_ALL)


def _no_native_io(version: str, needed: str, reason: str) -> Finding:
    problem = f"tensorflow-io {version}: its native ops do not load; soundfile is used ({reason})"
    return Finding("tensorflow-io", version, needed, "warning", problem, _INSTALL_ALL)


def _requirements_of_packages(environment: Environment) -> Iterator[Finding]:
    """Yields the problems that `pip check` would find in the packages that tfmmrec uses."""
    minor = ".".join(environment.python.split(".")[:2])
    python = {"python_full_version": environment.python, "python_version": minor, "extra": ""}
    for owner, specifier, optional in _needs(environment):
        # A version that must be replaced anyway is not examined.
        if owner != "tensorflow" and not fits(specifier, environment.installed.get(owner, "0")):
            continue
        for stated in map(Requirement, environment.requires.get(owner, ())):
            name = canonicalize_name(stated.name)
            if name in ("tensorflow", *_SAME_MINOR):  # checked by `_packages`
                continue
            if stated.marker and not stated.marker.evaluate(python):
                continue
            version, needed = environment.installed.get(name), _to_text(stated.specifier)
            if version is None or not fits(stated.specifier, version):
                problem = f"{owner} needs {name}{needed}, but {version or 'none'} is installed"
                fix = _install(environment, name, stated.specifier)
                severity = _severity(environment, owner, optional)
                yield Finding(name, version or "-", needed or "any", severity, problem, fix)


def _imports(environment: Environment) -> Iterator[Finding]:
    reported: set[str] = set()
    for name, specifier, optional in _needs(environment):
        error = environment.failures.get(name)
        # An equal error comes from a package that both import.
        if not error or error in reported:
            continue
        reported.add(error)
        version, needed = environment.installed[name], _to_text(specifier) or "any"
        severity = _severity(environment, name, optional)
        problem = f"{name} {version} fails to import ({error})"
        if name == "tensorflow-io":
            yield _no_native_io(version, needed, error)
        elif name in _HARMFUL:
            problem, fix = f"{problem}: {_WHY[name]}", f"pip uninstall -y {name}"
            yield Finding(name, version, needed, severity, problem, fix)
        else:
            fix = f"{_install(environment, name, specifier)} --force-reinstall --no-deps"
            yield Finding(name, version, needed, severity, problem, fix)


def _devices(environment: Environment) -> Iterator[Finding]:
    gpus, tpus = (environment.devices.get(kind, 0) for kind in ("GPU", "TPU"))
    drivers = [sign for sign in environment.hardware if "nvidia" in sign]
    problem = fix = ""
    if drivers and not gpus:
        problem = (
            f"{drivers[0]} exists, but TensorFlow finds no GPU: the CUDA libraries are missing"
        )
        cuda = next(need for need in environment.needs if need.startswith("tensorflow[and-cuda]"))
        fix = f"pip install -c constraints.txt {shlex.quote(cuda.split(';')[0].strip())}"
    state = "warning" if problem else "ok"
    yield Finding("GPU", f"{gpus} found by TensorFlow", "optional", state, problem, fix)
    others = [sign for sign in environment.hardware if sign not in drivers]
    yield Finding("TPU", ", ".join([f"{tpus} found by TensorFlow", *others]), "optional")


def _needs(environment: Environment) -> list[tuple[str, SpecifierSet, bool]]:
    """Returns each package's name, supported versions, and whether it is optional."""
    needs: dict[str, tuple[str, SpecifierSet, bool]] = {}
    for need in map(Requirement, environment.needs):
        optional = need.marker is not None and not need.marker.evaluate({"extra": ""})
        if need.marker is not None and need.marker.evaluate({"extra": "dev"}) and optional:
            continue
        name, specifier = canonicalize_name(need.name), need.specifier
        if not environment.tested and name in _SAME_MINOR:
            specifier = SpecifierSet(f"=={_minor(environment)}.*")
        elif not environment.tested and name in _PINNED_BY_TENSORFLOW:
            specifier = SpecifierSet()
        needs.setdefault(name, (name, specifier, optional))
    # Packages that break others come first, so that the problem is attributed to them.
    return sorted(needs.values(), key=lambda need: need[0] not in _HARMFUL)


def _minor(environment: Environment) -> str:
    return ".".join(environment.installed.get("tensorflow", "2.17").split(".")[:2])


def _severity(environment: Environment, name: str, optional: bool) -> str:
    harms = _HARMFUL.get(name) in environment.failures
    return "warning" if optional and not harms else "error"


def _install(environment: Environment, name: str, specifier: SpecifierSet) -> str:
    # constraints.txt pins the packages for the tested TensorFlow, and conflicts with another one.
    constraints = "-c constraints.txt " if environment.tested else ""
    return f"pip install {constraints}{shlex.quote(name + _to_text(specifier))}"


def _to_text(specifier: SpecifierSet) -> str:
    return ",".join(sorted(str(specifier).split(","), reverse=True))
