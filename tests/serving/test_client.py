import base64
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import tensorflow as tf
import uvicorn

from tfmmrec.serving.rest_server import create_app

CLIENT = Path(__file__).parents[2] / "serving" / "client.py"


class Toy(tf.Module):
    """Recommends the history itself and encodes an item by the lengths of its inputs."""

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.string, "history"),
            tf.TensorSpec([None, None], tf.string, "exclude"),
            tf.TensorSpec([None], tf.int32, "k"),
            tf.TensorSpec([None], tf.float32, "user_age"),
        ]
    )
    def recommend(self, history, exclude, k, user_age):
        excluded = tf.strings.reduce_join(exclude, axis=1, separator="+", keepdims=True)
        items = tf.concat([history, excluded, tf.zeros_like(excluded)], axis=1)[:, : k[0]]
        # -1 marks a missing number, which is NaN.
        age = tf.where(tf.math.is_nan(user_age), -1.0, user_age)[:, tf.newaxis]
        return {"items": items, "scores": age + tf.zeros(tf.shape(items))}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, "title"),
            tf.TensorSpec([None], tf.string, "picture"),
            tf.TensorSpec([None, None], tf.string, "genres"),
        ]
    )
    def encode_items(self, title, picture, genres):
        lengths = tf.strings.length(tf.stack([title, picture], axis=1))
        given = tf.math.count_nonzero(tf.strings.length(genres), axis=1, dtype=tf.int32)
        return {"vectors": tf.concat([lengths, given[:, tf.newaxis]], axis=1)}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.string, "history"),
            tf.TensorSpec([None, None], tf.int64, "history_time"),
        ]
    )
    def times_as_scores(self, history, history_time):
        return {"items": history, "scores": tf.cast(history_time, tf.float32)}


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "toy"
    toy = Toy()
    signatures = {
        "serving_default": toy.recommend,
        "encode_items": toy.encode_items,
        "times": toy.times_as_scores,
    }
    tf.saved_model.save(toy, str(folder / "7"), signatures=signatures)
    config = uvicorn.Config(create_app(folder), host="127.0.0.1", port=0, log_level="error")
    listener = config.bind_socket()
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listener.close()


def run(url, *arguments, model="toy"):
    command = [sys.executable, str(CLIENT), f"--url={url}", f"--model={model}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_given_inputs_reach_the_model(url):
    done = run(url, "--history=a,b", "--exclude=c,d", "--k=3", "user_age=7")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "7.000000\ta\n7.000000\tb\n7.000000\tc+d\n"


def test_missing_inputs_are_absent_and_padding_is_not_printed(url):
    done = run(url, "--history=a", "--k=3")
    assert done.stdout == "-1.000000\ta\n"
    assert run(url).stdout == ""


def test_named_features_texts_files_and_lists(url, tmp_path):
    picture = tmp_path / "picture.png"
    picture.write_bytes(base64.b64decode("AP/+"))  # three bytes that are not UTF-8
    inputs = ("--signature=encode_items", "title=red = 1", f"picture=@{picture}")
    done = run(url, *inputs, "genres=a", "genres=b")
    # "red = 1" has 7 characters; two genres were given.
    assert json.loads(done.stdout) == [[7, 3, 2]]
    assert json.loads(run(url, "--signature=encode_items").stdout) == [[0, 0, 0]]


def test_ids_with_commas_are_given_as_json(url):
    done = run(url, '--history=["a,b", "c"]', '--exclude=["d"]', "--k=3")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "-1.000000\ta,b\n-1.000000\tc\n-1.000000\td\n"


def test_a_value_that_begins_with_an_at_sign(url):
    # "@home" has 5 characters, "@" has 1.
    done = run(url, "--signature=encode_items", "title=@@home", "picture=@@")
    assert json.loads(done.stdout) == [[5, 1, 0]]


def test_times_of_a_history(url):
    done = run(url, "--signature=times", "--history=a,b", "--history-time=70,95")
    assert (done.returncode, done.stdout) == (0, "70.000000\ta\n95.000000\tb\n")
    done = run(url, "--signature=times", "--history=a,b")
    assert done.stdout == "0.000000\ta\n0.000000\tb\n"
    done = run(url, "--signature=times", "--history=a,b", "--history-time=70")
    expected = "history_time must have one time per id of history. Received: 1 times for 2 ids"
    assert expected in done.stderr


def test_a_version_can_be_requested(url):
    done = run(url, "--version=7", "--history=a")
    assert (done.returncode, done.stdout) == (0, "-1.000000\ta\n")
    assert "no version 6 here; there is 7" in run(url, "--version=6").stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["color=red"], "input of serving_default must be one of"),
        (["red"], "a feature must be NAME=VALUE. Received: red"),
        (["user_age=old"], "user_age must be a number. Received: old"),
        (["user_age=1", "user_age=2"], "user_age must have one value. Received: 2 values"),
        (["--history=[a,b"], "--history: not valid as a JSON list"),
        (["--exclude=[1, 2]"], "--exclude must be a JSON list of strings. Received: [1, 2]"),
        (["--signature=other"], "signature must be one of"),
        (["--signature=encode_items", "title=@no-such-file"], "no-such-file"),
    ],
)
def test_an_error_is_one_line(url, arguments, words):
    done = run(url, *arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert words in done.stderr


def test_an_unknown_model_and_a_missing_server(url):
    assert "no model 'other' here" in run(url, model="other").stderr
    # No process listens on port 1.
    done = run("http://127.0.0.1:1")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "no server responds" in done.stderr


def test_the_client_imports_neither_tensorflow_nor_tfmmrec():
    program = (
        f"import runpy, sys; runpy.run_path({str(CLIENT)!r});"
        "print([name for name in ('tensorflow', 'tfmmrec') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
