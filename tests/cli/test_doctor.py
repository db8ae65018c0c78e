"""The doctor: each broken environment gives its finding and the command that fixes it."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from tfmmrec.cli.doctor import Finding, diagnose, doctor
from tfmmrec.cli.environment import Environment, read_environment

NEEDS = (
    "tensorflow>=2.17,<2.18",
    "tf-keras>=2.17,<2.18",
    "tensorflow-recommenders>=0.7.7,<0.8",
    "tensorflow-hub>=0.16.1,<0.17",
    "tensorflow-io>=0.37.1,<0.38",
    "keras-tuner>=1.4.7,<1.5",
    "tensorflow-metadata>=1.15,<1.18",
    "numpy>=1.26,<2",
    "protobuf>=4.25,<5",
    "pyarrow>=16,<19",
    "setuptools<81",
    "scikit-learn>=1.4",
    "scipy>=1.11",
    "PyYAML>=6",
    "tensorflow[and-cuda]>=2.17,<2.18; extra == 'gpu'",
    "tensorflow-text>=2.17,<2.18; extra == 'text'",
    "scann>=1.3.4,<1.3.5; extra == 'ann'",
    "pytest>=8; extra == 'dev'",
)
WORKING = {
    "tensorflow": "2.17.1",
    "tf-keras": "2.17.0",
    "tensorflow-recommenders": "0.7.7",
    "tensorflow-hub": "0.16.1",
    "tensorflow-io": "0.37.1",
    "keras-tuner": "1.4.8",
    "keras": "3.15.1",
    "tensorflow-metadata": "1.17.1",
    "numpy": "1.26.4",
    "protobuf": "4.25.9",
    "pyarrow": "18.1.0",
    "setuptools": "80.9.0",
    "scikit-learn": "1.9.1",
    "scipy": "1.17.1",
    "pyyaml": "6.0.3",
}
WHOLE_SET = "pip install -c constraints.txt -e ."


def environment(changed: Mapping[str, str | None] | None = None, **fields: Any) -> Environment:
    """Returns the working environment with packages changed, or gone where the version is None."""
    versions = {**WORKING, **(changed or {})}
    installed = {name: version for name, version in versions.items() if version is not None}
    given = {"python": "3.11.7", "python_needs": ">=3.11,<3.13", **fields}
    return Environment(needs=NEEDS, installed=installed, **given)


def problems(broken: Environment) -> list[Finding]:
    return [finding for finding in diagnose(broken) if finding.state != "ok"]


def only_problem(broken: Environment) -> Finding:
    (finding,) = problems(broken)
    assert finding.problem
    return finding


def test_the_tested_set_has_no_problem():
    assert problems(environment()) == []


def test_every_package_has_its_row():
    rows = {finding.package: finding.installed for finding in diagnose(environment())}
    for name, version in WORKING.items():
        assert name == "keras" or rows[name] == version  # keras is not asked for by tfmmrec itself
    assert rows["scann"] == rows["tensorflow-text"] == "-"
    assert "pytest" not in rows


@pytest.mark.parametrize(
    ("package", "version", "reason", "wanted"),
    [
        ("tf-keras", None, "Keras 2", "tf-keras>=2.17,<2.18"),
        ("tf-keras", "2.18.0", "Keras 2", "tf-keras>=2.17,<2.18"),
        ("setuptools", "81.0.0", "pkg_resources", "setuptools<81"),
        ("setuptools", None, "pkg_resources", "setuptools<81"),
        ("numpy", "2.2.6", "numpy 2", "numpy>=1.26,<2"),
        ("protobuf", "5.29.6", "protobuf 4", "protobuf>=4.25,<5"),
        ("pyarrow", "21.0.0", "numpy 1", "pyarrow>=16,<19"),
        ("tensorflow-metadata", "1.18.0", "protobuf 5", "tensorflow-metadata>=1.15,<1.18"),
        ("keras-tuner", None, "not installed", "keras-tuner>=1.4.7,<1.5"),
        ("scikit-learn", None, "BayesianOptimization", "scikit-learn>=1.4"),
        ("scipy", None, "BayesianOptimization", "scipy>=1.11"),
        ("tensorflow", None, "not installed", "tensorflow>=2.17,<2.18"),
        ("pyyaml", None, "not installed", "pyyaml>=6"),
    ],
)
def test_a_package_that_does_not_fit_is_an_error(package, version, reason, wanted):
    finding = only_problem(environment({package: version}))
    assert (finding.package, finding.state) == (package, "error")
    assert reason in finding.problem
    assert finding.fix == f"pip install -c constraints.txt '{wanted}'"


@pytest.mark.parametrize("value", ["0", "false", "TRUE", ""])
def test_keras_3_by_the_variable(value):
    finding = only_problem(environment(variables={"TF_USE_LEGACY_KERAS": value}))
    assert (finding.state, finding.fix) == ("error", "export TF_USE_LEGACY_KERAS=1")
    assert "Keras 3" in finding.problem


def test_keras_3_by_the_order_of_imports():
    finding = only_problem(environment(tensorflow_first=True))
    assert (finding.state, finding.fix) == ("error", "export TF_USE_LEGACY_KERAS=1")
    assert "before tfmmrec" in finding.problem
    switched = {"TF_USE_LEGACY_KERAS": "1"}
    assert problems(environment(tensorflow_first=True, variables=switched)) == []


def test_a_scann_that_breaks_the_import_is_an_error():
    missing = "NotFoundError: _scann_ops.so: undefined symbol"
    failures = {"scann": missing, "tensorflow-recommenders": missing}
    finding = only_problem(environment({"scann": "1.3.0"}, failures=failures))
    assert (finding.package, finding.state) == ("scann", "error")
    assert finding.fix == "pip install -c constraints.txt 'scann>=1.3.4,<1.3.5'"
    finding = only_problem(environment({"scann": "1.3.4"}, failures=failures))
    assert (finding.package, finding.state) == ("scann", "error")
    assert finding.fix == "pip uninstall -y scann"


def test_a_scann_that_does_no_harm_is_a_warning():
    # What it asks for in its turn is not asked for: numpy 2 would break TensorFlow.
    stated = {"scann": ["numpy~=2.0"]}
    finding = only_problem(environment({"scann": "1.4.2"}, requires=stated))
    assert (finding.package, finding.state) == ("scann", "warning")


def test_tensorflow_text_of_another_minor_version_is_a_warning():
    finding = only_problem(environment({"tensorflow-text": "2.18.1"}))
    assert (finding.package, finding.state) == ("tensorflow-text", "warning")
    assert finding.fix == "pip install -c constraints.txt 'tensorflow-text>=2.17,<2.18'"


NEWER = {
    "tensorflow": "2.18.0",
    "tf-keras": "2.18.0",
    "tensorflow-text": "2.18.1",
    "numpy": "2.0.2",
    "protobuf": "5.29.6",
    "pyarrow": "21.0.0",
    "tensorflow-metadata": "1.18.0",
}


def test_a_newer_tensorflow_works_with_warnings():
    found = {finding.package: finding for finding in problems(environment(NEWER))}
    assert {name: finding.state for name, finding in found.items()} == {
        "tensorflow": "warning",
        "tensorflow-io": "warning",
    }
    assert "soundfile" in found["tensorflow-io"].problem
    assert {finding.fix for finding in found.values()} == {WHOLE_SET}


def test_beside_a_newer_tensorflow_companions_follow_it():
    left_behind = {**NEWER, "tf-keras": "2.17.0"}
    found = {finding.package: finding for finding in problems(environment(left_behind))}
    assert found["tf-keras"].state == "error"
    # The constraints pin the companions of 2.17, so they must not be in this line.
    assert found["tf-keras"].fix == "pip install 'tf-keras==2.18.*'"
    stated = {"tensorflow": ["numpy<2.1.0,>=1.26.0"]}
    too_new = environment({**NEWER, "numpy": "2.2.6"}, requires=stated)
    found = {finding.package: finding for finding in problems(too_new)}
    assert (found["numpy"].state, found["numpy"].needed) == ("error", ">=1.26.0,<2.1.0")


def test_a_tensorflow_too_old_is_an_error():
    found = {
        finding.package: finding for finding in problems(environment({"tensorflow": "2.15.1"}))
    }
    assert (found["tensorflow"].state, found["tensorflow"].fix) == ("error", WHOLE_SET)


def test_native_ops_that_do_not_load_are_a_warning():
    failures = {"tensorflow-io": "NotImplementedError: unable to open file"}
    finding = only_problem(environment(failures=failures))
    assert (finding.package, finding.state) == ("tensorflow-io", "warning")
    assert "soundfile" in finding.problem and "unable to open file" in finding.problem


def test_what_tensorflow_itself_asks_for():
    stated = {
        "tensorflow": [
            "ml-dtypes <0.5.0,>=0.3.1",
            'numpy <2.0.0,>=1.26.0 ; python_version >= "3.12"',
            "nvidia-nccl-cu12 ==2.19.3 ; extra == 'and-cuda'",
            'tensorflow-intel ==2.17.1 ; platform_system == "Windows"',
        ],
        "keras-tuner": ["keras"],
    }
    fits = {"ml-dtypes": "0.4.1"}
    assert problems(environment(fits, requires=stated)) == []
    finding = only_problem(environment({"ml-dtypes": "0.5.1"}, requires=stated))
    assert (finding.package, finding.state) == ("ml-dtypes", "error")
    assert finding.fix == "pip install -c constraints.txt 'ml-dtypes>=0.3.1,<0.5.0'"
    finding = only_problem(environment({**fits, "keras": None}, requires=stated))
    assert (finding.package, finding.fix) == ("keras", "pip install -c constraints.txt keras")


def test_an_import_that_fails_is_told_once():
    failures = {name: "ImportError: libfoo" for name in ("tensorflow", "tensorflow-hub")}
    finding = only_problem(environment(failures=failures))
    assert (finding.package, finding.state) == ("tensorflow", "error")
    install = "pip install -c constraints.txt 'tensorflow>=2.17,<2.18'"
    assert finding.fix == f"{install} --force-reinstall --no-deps"
    wrong_version = environment({"numpy": "2.2.6"}, failures=failures)
    assert only_problem(wrong_version).package == "numpy"


def test_a_python_that_does_not_fit():
    finding = only_problem(environment(python="3.13.1"))
    assert (finding.package, finding.state) == ("python", "error")
    assert finding.fix == "make clean venv PYTHON=python3.11"


def test_a_gpu_that_tensorflow_does_not_see_is_a_warning():
    finding = only_problem(environment(hardware=["/dev/nvidia0"]))
    assert (finding.package, finding.state) == ("GPU", "warning")
    assert finding.fix == "pip install -c constraints.txt 'tensorflow[and-cuda]>=2.17,<2.18'"
    assert problems(environment(hardware=["/dev/nvidia0"], devices={"GPU": 1})) == []


def test_accelerators_are_shown():
    seen = environment(hardware=["/dev/accel0", "TPU_NAME=node-1"], devices={"TPU": 8})
    rows = {finding.package: finding.installed for finding in diagnose(seen)}
    assert rows["TPU"] == "8 found by TensorFlow, /dev/accel0, TPU_NAME=node-1"
    assert rows["GPU"] == "0 found by TensorFlow"


@pytest.fixture(scope="module")
def real() -> Environment:
    return read_environment()


def test_the_real_environment_has_no_error(real):
    assert [finding for finding in diagnose(real) if finding.state == "error"] == []


@pytest.mark.parametrize(("version", "code"), [("80.9.0", 0), ("84.0.0", 1)])
def test_the_exit_code_and_what_is_printed(monkeypatch, capsys, real, version, code):
    installed = {**real.installed, "setuptools": version}
    changed = dataclasses.replace(real, installed=installed)
    monkeypatch.setattr("tfmmrec.cli.doctor.read_environment", lambda: changed)
    assert doctor() == code
    printed = capsys.readouterr().out
    assert version in printed
    assert ("    pip install -c constraints.txt 'setuptools<81'\n" in printed) == bool(code)


def test_imports_are_tried_in_processes_of_their_own(monkeypatch):
    probes = {
        "numpy": "raise ValueError('first line\\nsecond line')",
        "scipy": "import os; os._exit(3)",
        "rich": "import rich",
    }
    monkeypatch.setattr("tfmmrec.cli.environment._PROBES", probes)
    failures = read_environment().failures
    assert failures["numpy"] == "ValueError: first line"
    assert "crashes" in failures["scipy"]
    assert "rich" not in failures
