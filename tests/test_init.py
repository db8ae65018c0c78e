"""The order of imports: tfmmrec selects Keras 2, or says clearly that it came too late."""

import os
import subprocess
import sys


def run(program: str, legacy: str | None = None) -> subprocess.CompletedProcess[str]:
    ours = ("TF_USE_LEGACY_KERAS", "TF_CPP_MIN_LOG_LEVEL")
    variables = {name: value for name, value in os.environ.items() if name not in ours}
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


def test_tensorflow_prints_no_notices():
    level = "os.environ['TF_CPP_MIN_LOG_LEVEL']"
    done = run(f"import os, tfmmrec, tensorflow; print({level})")
    assert (done.returncode, done.stdout, done.stderr) == (0, "3\n", "")
    kept = run(f"import os; {level} = '1'; import tfmmrec; print({level})")
    assert kept.stdout == "1\n"


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
    done = run("import sys, tfmmrec.cli.doctor; print('tensorflow' in sys.modules)")
    assert (done.returncode, done.stdout.strip()) == (0, "False"), done.stderr


def test_the_command_line_refuses_keras_3_in_one_line():
    console = "sys.argv = ['/usr/bin/tfmmrec', 'train', 'data', '--out', 'run']"
    done = run(f"import sys; {console}; from tfmmrec.cli import main; sys.exit(main())", legacy="0")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("tfmmrec: error: tfmmrec needs Keras 2")
    assert done.stderr.count("\n") == 1 and "TF_USE_LEGACY_KERAS=1" in done.stderr
    by_module = "import runpy; runpy.run_module('tfmmrec', run_name='__main__')"
    assert_refused(run(by_module, legacy="0"))  # not a command line, but a program of its own


def test_the_module_is_a_command_line_too():
    variables = {**os.environ, "TF_USE_LEGACY_KERAS": "0"}
    command = [sys.executable, "-m", "tfmmrec", "train", "data", "--out", "run"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert done.stderr.startswith("tfmmrec: error: tfmmrec needs Keras 2")


def test_the_doctor_starts_and_says_what_is_wrong():
    # The imports that it tries in other processes take long and are tested elsewhere.
    program = """
import sys
sys.argv = ["/usr/bin/tfmmrec", "doctor"]
import tfmmrec.cli.environment
tfmmrec.cli.environment._try_imports = lambda packages: {}
tfmmrec.cli.environment._run = lambda *arguments: ""
from tfmmrec.cli import main
sys.exit(main())
"""
    done = run(program, legacy="0")
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    said = "error: TF_USE_LEGACY_KERAS=0 makes TensorFlow run with Keras 3; tfmmrec needs Keras 2"
    assert lines[lines.index(said) + 1] == "    export TF_USE_LEGACY_KERAS=1"


def test_help_and_the_doctor_load_no_tensorflow():
    shown = "from tfmmrec.cli import main; import sys"
    for arguments in (["--help"], ["doctor", "--help"]):
        program = f"""
{shown}
try:
    main({arguments})
except SystemExit:
    print("\\n", "tensorflow" in sys.modules)
"""
        done = run(program)
        assert done.stdout.split()[-1] == "False", done.stderr


def test_recommending_imports_no_library_of_training_or_encoding():
    heavy = ["keras_tuner", "sklearn", "tensorflow_hub", "tensorflow_io"]
    modules = "tfmmrec.serving.batch_recommend, tfmmrec.serving.search, tfmmrec.reports.explain"
    done = run(f"import sys, {modules}; print([n for n in {heavy} if n in sys.modules])")
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
