import asyncio
import base64
import gzip
import json
import math
import re
import shlex
import shutil
import socket

import httpx
import pytest
import tensorflow as tf

from tfmmrec.errors import ConfigError, DataError, TfmmrecError
from tfmmrec.serving import request_body
from tfmmrec.serving.loaded_model import ServedModel
from tfmmrec.serving.rest_server import create_app, serve


class Toy(tf.Module):
    """What a recommender's signatures have: lists of strings, numbers, several outputs, one."""

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.string, "history"),
            tf.TensorSpec([None], tf.int32, "k"),
            tf.TensorSpec([None], tf.float32, "age"),
        ]
    )
    def recommend(self, history, k, age):
        scores = tf.stack([tf.cast(k, tf.float32) * 0.1, age], axis=1)
        return {"items": tf.strings.reduce_join(history, axis=1, separator="+"), "scores": scores}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "picture")])
    def echo(self, picture):
        return {"picture_bytes": picture}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
    def count(self, text):
        return {"total": tf.reduce_sum(tf.strings.length(text)), "text": text}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "number")])
    def parse(self, number):
        return {"parsed": tf.strings.to_number(number)}


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    toy = Toy()
    folder = tmp_path_factory.mktemp("models") / "toy"
    signatures = {
        "serving_default": toy.recommend,
        "echo": toy.echo,
        "count": toy.count,
        "parse": toy.parse,
    }
    # As numbers, 10 is newer than 9.
    for version in ("9", "10"):
        tf.saved_model.save(toy, str(folder / version), signatures=signatures)
    (folder / "11").mkdir()  # being copied there: not a version yet
    return folder


@pytest.fixture(scope="module")
def app(model_dir):
    return create_app(model_dir)


def request(app, method, path, **details):
    async def send():
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://toy") as client:
            return await client.request(method, path, **details)

    return asyncio.run(send())


@pytest.fixture
def ask(app):
    """Gives a function that returns the status and the JSON of an answer."""

    def ask(method, path, body=None):
        content = body if isinstance(body, str | None) else json.dumps(body)
        answer = request(app, method, path, content=content)
        return answer.status_code, json.loads(answer.text)

    return ask


@pytest.fixture
def predict(ask):
    return lambda body: ask("POST", "/v1/models/toy:predict", body)


@pytest.mark.parametrize("path", ["", "/versions/10", "/versions/0010"])
def test_status(ask, path):
    state = {
        "version": "10",
        "state": "AVAILABLE",
        "status": {"error_code": "OK", "error_message": ""},
    }
    answer = ask("GET", f"/v1/models/toy{path}")
    assert answer == (200, {"model_version_status": [state]})


@pytest.mark.parametrize("version", ["", "/versions/10"])
def test_metadata(ask, version):
    status, answer = ask("GET", f"/v1/models/toy{version}/metadata")
    assert status == 200
    assert answer["model_spec"] == {"name": "toy", "signature_name": "", "version": "10"}
    signature = answer["metadata"]["signature_def"]["signature_def"]["serving_default"]
    history = signature["inputs"]["history"]
    assert history["dtype"] == "DT_STRING"
    assert history["tensor_shape"] == {
        "dim": [{"size": "-1", "name": ""}, {"size": "-1", "name": ""}],
        "unknown_rank": False,
    }
    assert set(signature["outputs"]) == {"items", "scores"}
    assert signature["method_name"] == "tensorflow/serving/predict"


def test_rows(predict):
    rows = [
        {"history": ["a", "ü"], "k": 3, "age": 30},
        {"history": ["b", {"b64": "Yw=="}], "k": 1, "age": 1.5},
    ]
    status, answer = predict({"instances": rows})
    # 0.1 as a float32 is written as 0.1 and not as 0.10000000149; "Yw==" is "c" in base64.
    assert status == 200
    assert answer["predictions"][0]["items"] == "a+ü"
    assert answer["predictions"][0]["scores"] == pytest.approx([0.3, 30.0])
    assert answer["predictions"][1] == {"items": "b+c", "scores": [0.1, 1.5]}


def test_columns(predict):
    inputs = {"history": [["a"], ["b"]], "k": [1, 2], "age": [math.nan, math.inf]}
    status, answer = predict({"inputs": inputs, "signature_name": "serving_default"})
    assert status == 200
    assert answer["outputs"]["items"] == ["a", "b"]
    # NaN and Infinity are no JSON.
    assert answer["outputs"]["scores"] == [[0.1, None], [0.2, None]]


def test_an_empty_list_is_a_valid_row(predict):
    status, answer = predict({"instances": [{"history": [], "k": 1, "age": 2}]})
    assert (status, answer) == (200, {"predictions": [{"items": "", "scores": [0.1, 2.0]}]})


def test_a_single_input_and_output_have_no_names(predict):
    picture = {"b64": base64.b64encode(b"\x00\xff\xfe").decode()}
    for rows in ([picture, ""], [{"picture": picture}, {"picture": ""}]):
        answer = predict({"signature_name": "echo", "instances": rows})
        assert answer == (200, {"predictions": [picture, {"b64": ""}]})
    for columns in ([picture], {"picture": [picture]}):
        answer = predict({"signature_name": "echo", "inputs": columns})
        assert answer == (200, {"outputs": [picture]})


def test_outputs_with_different_rows_need_columns(predict):
    status, answer = predict({"signature_name": "count", "instances": ["ab", "c"]})
    assert (status, "ask with 'inputs'" in answer["error"]) == (400, True)
    status, answer = predict({"signature_name": "count", "inputs": ["ab", "c"]})
    assert (status, answer) == (200, {"outputs": {"total": 3, "text": ["ab", "c"]}})


ROW = {"history": ["a"], "k": 1, "age": 1}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{", "the body is not JSON"),
        ("[" * 100_000, "the body is not JSON"),
        ([], "the body must be a JSON object"),
        ({}, "give one of 'instances'"),
        ({"instances": [ROW], "inputs": {}}, "give one of 'instances'"),
        ({"instances": []}, "instances: must be a list"),
        ({"instances": [ROW], "signature_name": "other"}, "signature_name: no 'other' here"),
        ({"instances": [ROW], "signature_name": ["echo"]}, "signature_name: no ['echo'] here"),
        ({"instances": ["a"]}, "instances[0]: an object with the inputs"),
        ({"instances": [ROW, {**ROW, "extra": 1}]}, "instances[1]: no input 'extra' here"),
        (
            {"instances": [{"history": ["a"], "k": 1}]},
            "instances[0]: the input 'age' (float32 [batch]) is missing",
        ),
        ({"instances": [ROW, {**ROW, "history": ["a", "b"]}]}, "history: ragged"),
        ({"inputs": {"history": [["a"], "b"], "k": [1], "age": [1]}}, "history: ragged"),
        ({"inputs": {"history": ["a"], "k": [1], "age": [1]}}, "history: the shape (None, None)"),
        ({"inputs": {**ROW, "history": [["a"]]}}, ": the shape (None,) is needed"),
        ({"instances": [{**ROW, "k": None}]}, "k: a value of int32 is needed. Received: None"),
        ({"instances": [{**ROW, "history": [["a"]]}]}, "history: the shape (None, None) is needed"),
        ({"instances": [{**ROW, "history": [3]}]}, "history: a string or"),
        ({"instances": [{**ROW, "history": [{"b64": "*"}]}]}, "history: b64:"),
        ({"instances": [{**ROW, "k": 1.5}]}, "k: a value of int32 is needed. Received: 1.5"),
        ({"instances": [{**ROW, "k": True}]}, "k: a value of int32 is needed. Received: True"),
        ({"instances": [{**ROW, "k": 2**31}]}, "k: 2147483648 is out of the range of int32"),
        ({"instances": [{**ROW, "age": "1"}]}, "age: a value of float32 is needed"),
        ({"instances": [{**ROW, "age": 10**400}]}, "is out of the range of float32"),
        # A float32 keeps 24 bits: 2**24 = 16777216 is the first whole number that has 25.
        ({"instances": [{**ROW, "age": 2**24}]}, "age: float32 keeps whole numbers of 24 bits"),
        ({"instances": [{**ROW, "age": -(2**24)}]}, "Received: -16777216"),
        ({"signature_name": "parse", "inputs": ["one"]}, "parse: StringToNumberOp"),
    ],
)
def test_a_bad_request_names_the_key(predict, body, words):
    status, answer = predict(body)
    assert status == 400
    assert answer.keys() <= {"error", "problems"}
    assert words in answer["error"]
    assert "\n" not in answer["error"]


def test_all_problems_are_named_at_once(predict):
    status, answer = predict({"instances": [{"histroy": ["a"], "k": "5"}]})
    assert status == 400
    lines = [
        "instances[0]: the input 'age' (float32 [batch]) is missing",
        "instances[0]: the input 'history' (string [batch, n]) is missing",
        "instances[0]: no input 'histroy' here; did you mean history?",
        "k: a value of int32 is needed. Received: '5'",
    ]
    assert answer["error"] == "; ".join(lines)
    found = {each["input"]: each for each in answer["problems"]}
    assert [each["message"] for each in answer["problems"]] == lines
    assert found["history"]["problem"] == "missing"
    assert (found["history"]["dtype"], found["history"]["shape"]) == ("string", [None, None])
    assert found["histroy"]["problem"] == "unknown"
    assert (found["k"]["problem"], found["k"]["shape"]) == ("wrong", [None])


def test_a_problem_of_several_rows_is_named_once(predict):
    status, answer = predict({"instances": [ROW, {}, {}]})
    assert status == 400
    assert [each["input"] for each in answer["problems"]] == ["age", "history", "k"]
    assert answer["error"].startswith("instances[1]: the input 'age'")


def test_null_is_an_absent_string_or_number(predict):
    rows = [{"history": ["a", None], "k": 1, "age": None}, {"history": None, "k": 2, "age": 3}]
    status, answer = predict({"instances": rows})
    # "a" and "" are joined by +, and so are two absent ones.
    expected = [{"items": "a+", "scores": [0.1, None]}, {"items": "+", "scores": [0.2, 3.0]}]
    assert (status, answer) == (200, {"predictions": expected})
    columns = {"history": [["a", None], None], "k": [1, 2], "age": [None, 3]}
    status, answer = predict({"inputs": columns})
    assert (status, answer["outputs"]["items"]) == (200, ["a+", "+"])


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/v1/models/other", 404, "no model 'other' here; there is toy"),
        ("GET", "/v1/models/toy/versions/9", 404, "no version 9 here; there is 10"),
        ("GET", f"/v1/models/toy/versions/{'9' * 5000}", 404, "no version 999"),
        ("POST", "/v1/models/other:predict", 404, "no model 'other' here"),
        ("POST", "/v1/models/toy/versions/11:predict", 404, "no version 11 here"),
        ("GET", "/elsewhere", 404, "nothing at /elsewhere; there are GET /, GET /v1/models/toy"),
        ("POST", "/", 400, "Malformed request: POST /; there are"),
        ("POST", "/v1/models/toy", 400, "Malformed request: POST /v1/models/toy; there are"),
        ("PUT", "/v1/models/toy:predict", 400, "Malformed request: PUT"),
        ("GET", "/v1/models/toy:predict", 400, "Malformed request: GET"),
        ("POST", "/v1/models/toy:classify", 400, "Malformed request: POST"),
        ("GET", "/v1/models/toy/versions/x/metadata", 400, "Malformed request: GET"),
        ("GET", "/v1/models", 400, "Malformed request: GET /v1/models;"),
        ("GET", "/v1/models/toy/", 400, "Malformed request: GET"),
    ],
)
def test_unknown_urls(ask, method, path, status, words):
    found, answer = ask(method, path)
    assert found == status
    assert words in answer["error"]


def test_integers_that_a_float_represents_and_decimals(predict):
    ages = [2**24 - 1, -(2**24 - 1), 1.0 * 2**24, 10**20]
    inputs = {"history": [["a"]] * 4, "k": [1] * 4, "age": ages}
    status, answer = predict({"inputs": inputs})
    # Serving takes 10**20 as a decimal, as it has more than 64 bits.
    assert status == 200
    assert [row[1] for row in answer["outputs"]["scores"]] == [16777215, -16777215, 16777216, 1e20]


def test_a_version_can_be_requested(ask):
    body = {"signature_name": "echo", "inputs": ["a"]}
    answer = ask("POST", "/v1/models/toy/versions/10:predict", body)
    assert answer == (200, {"outputs": [{"b64": "YQ=="}]})


def predict_raw(app, content, **headers):
    return request(app, "POST", "/v1/models/toy:predict", content=content, headers=headers)


BODY = json.dumps({"signature_name": "echo", "inputs": ["a"]}).encode()


@pytest.mark.parametrize("name", ["gzip", "GZIP", "x-gzip"])
def test_gzip_bodies(app, name):
    halves = gzip.compress(BODY[:9]) + gzip.compress(BODY[9:])
    for body in (gzip.compress(BODY), halves):
        answer = predict_raw(app, body, **{"Content-Encoding": name})
        assert (answer.status_code, answer.json()) == (200, {"outputs": [{"b64": "YQ=="}]})


@pytest.mark.parametrize(
    ("body", "encoding", "status", "words"),
    [
        (BODY, "gzip", 400, "the body is not valid gzip"),
        (b"", "gzip", 400, "the body is not valid gzip: it is cut off"),
        (gzip.compress(BODY, mtime=0)[:-4], "gzip", 400, "it is cut off"),
        (gzip.compress(BODY, mtime=0) + b"more", "gzip", 400, "the body is not valid gzip"),
        (BODY, "deflate", 415, "Content-Encoding: deflate is not read; send gzip"),
        (BODY, "br", 415, "send gzip"),
        (BODY, "gzip, gzip", 415, "send gzip"),
    ],
)
def test_bodies_that_are_not_read(app, body, encoding, status, words):
    answer = predict_raw(app, body, **{"Content-Encoding": encoding})
    assert (answer.status_code, words in answer.json()["error"]) == (status, True)
    if status == 415:
        assert answer.headers["accept-encoding"] == "gzip, identity"


def test_bodies_over_the_limit(app, monkeypatch):
    bomb = gzip.compress(b" " * 1_000_000)
    assert len(bomb) < 2000
    monkeypatch.setattr(request_body, "MAX_BODY_BYTES", 2000)
    answer = predict_raw(app, bomb, **{"Content-Encoding": "gzip"})
    assert (answer.status_code, "once decompressed" in answer.json()["error"]) == (413, True)
    answer = predict_raw(app, b" " * 2001)
    assert (answer.status_code, "Received: 2,001 bytes" in answer.json()["error"]) == (413, True)

    async def parts():  # sent in chunks, without a Content-Length
        for _ in range(3):
            yield b" " * 1000

    assert predict_raw(app, parts()).status_code == 413
    # As many bytes as are allowed.
    assert predict_raw(app, BODY.ljust(2000)).status_code == 200


def test_a_body_in_chunks(app):
    async def parts():
        yield BODY[:9]
        yield BODY[9:]

    assert predict_raw(app, parts()).json() == {"outputs": [{"b64": "YQ=="}]}


def test_long_answers_are_compressed_if_asked(app):
    long = json.dumps({"signature_name": "count", "inputs": ["a" * 2000]}).encode()
    for accepted, expected in (("gzip", "gzip"), ("identity", None)):
        answer = predict_raw(app, long, **{"Accept-Encoding": accepted})
        assert answer.headers.get("content-encoding") == expected
        assert answer.json()["outputs"]["total"] == 2000
    short = predict_raw(app, BODY, **{"Accept-Encoding": "gzip"})
    assert "content-encoding" not in short.headers


def test_an_overview(ask, app):
    status, answer = ask("GET", "/")
    assert (status, answer["model"], answer["version"]) == (200, "toy", "10")
    assert "POST /v1/models/toy:predict" in answer["requests"]
    default = answer["signatures"]["serving_default"]
    assert default["inputs"]["history"] == {
        "dtype": "string",
        "shape": [None, None],
        "required": True,
    }
    assert default["outputs"]["scores"].startswith("float32 [batch")
    _, _, body, url = shlex.split(default["example"])
    assert url == "http://toy/v1/models/toy:predict"
    assert ask("POST", "/v1/models/toy:predict", body)[0] == 200
    assert request(app, "HEAD", "/").status_code == 200


def test_an_overview_for_browsers(app):
    accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    answer = request(app, "GET", "/", headers={"Accept": accept})
    assert answer.headers["content-type"].startswith("text/plain")
    assert "signature serving_default\n" in answer.text
    assert "input   age: float32 [batch]; required\n" in answer.text


@pytest.mark.parametrize("debug", [False, True])
def test_an_error_of_the_server_is_one_line(model_dir, monkeypatch, capsys, debug):
    def fail(*args):
        raise MemoryError

    app = create_app(model_dir, debug=debug)
    monkeypatch.setattr(ServedModel, "predict", fail)
    answer = predict_raw(app, BODY)
    assert (answer.status_code, answer.json()) == (500, {"error": "MemoryError"})
    printed = capsys.readouterr().err
    assert "tfmmrec: POST /v1/models/toy:predict: 500: MemoryError\n" in printed
    assert ("Traceback" in printed) == debug


def test_a_version_with_leading_zeros(tmp_path, model_dir):
    # As a number, 0011 is newer than 9; its folder is found under the name that it has.
    shutil.copytree(model_dir / "9", tmp_path / "toy" / "9")
    shutil.copytree(model_dir / "9", tmp_path / "toy" / "0011")
    model = ServedModel(tmp_path / "toy")
    assert (model.name, model.version) == ("toy", 11)
    assert "serving_default" in model.signatures


def test_a_folder_without_a_version_is_refused(tmp_path):
    with pytest.raises(DataError, match="no version here"):
        create_app(tmp_path)
    with pytest.raises(ConfigError, match="cors must be"):
        serve(tmp_path, cors="localhost")
    with pytest.raises(DataError, match="no such folder"):
        create_app(tmp_path / "nothing")


def test_a_damaged_version_is_refused_in_one_line(tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"not a model")
    with pytest.raises(DataError, match="does not load") as raised:
        create_app(tmp_path)
    assert "\n" not in str(raised.value)


def test_a_port_in_use_is_refused(model_dir):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(TfmmrecError, match=re.escape(f"127.0.0.1:{port}: ")) as raised:
            serve(model_dir, port=port)
    assert "\n" not in str(raised.value)
    with pytest.raises(TfmmrecError, match="give another --port"):
        serve(model_dir, port=70_000)


PAGE = "http://localhost:8000"
ALLOWED = "access-control-allow-origin"


def test_other_origins_are_refused_by_default(app):
    assert ALLOWED not in request(app, "GET", "/v1/models/toy", headers={"Origin": PAGE}).headers


@pytest.mark.parametrize("cors", [PAGE, "*"])
def test_cors_preflight_and_predict(model_dir, cors):
    app = create_app(model_dir, cors=cors)
    path, other = "/v1/models/toy:predict", "http://elsewhere"
    asking = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    asking["Access-Control-Request-Headers"] = "content-type"
    answer = request(app, "OPTIONS", path, headers=asking)
    assert (answer.status_code, answer.headers[ALLOWED]) == (200, cors)
    body = {"signature_name": "echo", "inputs": ["a"]}
    answer = request(app, "POST", path, json=body, headers={"Origin": PAGE})
    assert (answer.status_code, answer.headers[ALLOWED]) == (200, cors)
    # An error has to be read by the page as well.
    answer = request(app, "POST", path, content="{", headers={"Origin": PAGE})
    assert (answer.status_code, answer.headers[ALLOWED]) == (400, cors)
    answer = request(app, "GET", "/v1/models/toy", headers={"Origin": other})
    assert answer.headers.get(ALLOWED) == ("*" if cors == "*" else None)


@pytest.mark.parametrize("cors", ["localhost:8000", f"{PAGE}/", f"{PAGE}/page", ""])
def test_bad_origins_are_refused(model_dir, cors):
    with pytest.raises(ConfigError, match=re.escape(f"Received: {cors}")):
        create_app(model_dir, cors=cors)
