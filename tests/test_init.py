"""The order of imports: tfmmrec selects Keras 2, or says clearly that it came too late."""

import os
import subprocess
import sys


def run(program: str, legacy: str | None = None) -> subprocess.CompletedProcess[str]:
    variables = {name: value for name, value in os.environ.items() if name != "TF_USE_LEGACY_KERAS"}
    if legacy is not None:
        variables["TF_USE_LEGACY_KERAS"] = legacy
    return subprocess.run(
        [sys.executable, "-c", program], env=variables, capture_output=True, text=True, timeout=300
    )


def assert_refused(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 1, "tfmmrec was imported all the same"
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: tfmmrec needs Keras 2")
    assert "import tfmmrec before tensorflow" in last and "TF_USE_LEGACY_KERAS=1" in last


def test_tfmmrec_first_gives_keras_2():
    # tf.keras of Keras 2 states no version of its own; tf_keras does.
    done = run(
        "import tfmmrec, tensorflow as tf, tf_keras;"
        "print(tf.keras.Model is tf_keras.Model, tf_keras.__version__)"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("True 2.")


def test_tensorflow_first_with_keras_3_is_refused():
    assert_refused(run("import tensorflow as tf; tf.keras.Model; import tfmmrec"))
    # tf.keras is loaded at its first use, but `from tensorflow.keras import …` is settled earlier.
    assert_refused(run("import tensorflow; import tfmmrec"))


def test_the_switch_thrown_too_late_is_refused():
    late = "os.environ['TF_USE_LEGACY_KERAS'] = '1'"
    assert_refused(run(f"import os, tensorflow as tf; tf.keras.Model; {late}; import tfmmrec"))


def test_tensorflow_first_with_keras_2_works():
    done = run("import tensorflow, tfmmrec", legacy="1")
    assert done.returncode == 0, done.stderr


def test_keras_3_by_the_variable_is_refused():
    assert_refused(run("import tfmmrec", legacy="0"))
    # TensorFlow takes "1", "true" and "True" for a yes, and nothing else.
    assert_refused(run("import tfmmrec", legacy="TRUE"))


def test_importing_tfmmrec_and_its_doctor_leaves_tensorflow_alone():
    done = run("import sys, tfmmrec.doctor; print('tensorflow' in sys.modules)")
    assert (done.returncode, done.stdout.strip()) == (0, "False"), done.stderr
