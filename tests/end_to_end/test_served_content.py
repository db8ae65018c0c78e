"""The embedded server on a whole export: inputs left out, files that the graph cannot read.

The answers must be those of `tfmmrec search`, which packs its query like an item.
"""

import asyncio
import base64
import io
import json
import shlex

import httpx
import numpy as np
import PIL.Image
import pytest
import soundfile

from tfmmrec.serving.rest_server import create_app
from tfmmrec.serving.search import search


@pytest.fixture(scope="module")
def post(model_dir):
    app = create_app(model_dir)

    async def send(method, path, content):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.request(method, path, content=content)

    def post(body, method="POST", path=f"/v1/models/{model_dir.name}:predict"):
        content = body if isinstance(body, str) else json.dumps(body)
        answer = asyncio.run(send(method, path, content))
        return answer.status_code, answer.json()

    return post


@pytest.fixture(scope="module")
def overview(post):
    return post("", "GET", "/")[1]["signatures"]


@pytest.fixture(scope="module")
def features(overview):
    """The input of each modality of the items."""
    return {own["modality"]: n for n, own in overview["search"]["inputs"].items() if n != "k"}


def picture(file_format, **options):
    """A picture that is not the same upside down."""
    ramp = np.arange(32 * 24 * 3, dtype=np.uint8).reshape(32, 24, 3) // 3
    out = io.BytesIO()
    PIL.Image.fromarray(ramp).save(out, format=file_format, **options)
    return out.getvalue()


def turned_jpeg():
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # the camera was held at a right angle
    return picture("JPEG", exif=exif)


def sound(file_format, subtype=None):
    wave = 0.4 * np.sin(2 * np.pi * 440 * np.arange(12_000) / 24_000)
    out = io.BytesIO()
    soundfile.write(out, wave, 24_000, format=file_format, subtype=subtype)
    return out.getvalue()


FILES = {
    "PNG": ("image", picture("PNG")),
    "a turned JPEG": ("image", turned_jpeg()),
    "WebP": ("image", picture("WEBP", lossless=True)),
    "TIFF": ("image", picture("TIFF")),
    "PPM": ("image", picture("PPM")),
    "WAV": ("audio", sound("WAV", "PCM_16")),
    "WAV of floats": ("audio", sound("WAV", "FLOAT")),
    "MP3": ("audio", sound("MP3")),
    "Ogg": ("audio", sound("OGG", "VORBIS")),
    "FLAC": ("audio", sound("FLAC")),
}


@pytest.mark.parametrize("name", FILES)
def test_files_are_answered_as_search_answers(post, features, run, tmp_path, name):
    kind, data = FILES[name]
    (tmp_path / "query").write_bytes(data)
    expected = search(run, k=8, **{kind: tmp_path / "query"})
    value = {"b64": base64.b64encode(data).decode()}
    body = {"signature_name": "search", "instances": [{features[kind]: value, "k": 8}]}
    status, answer = post(body)
    assert status == 200, answer
    found = answer["predictions"][0]
    np.testing.assert_allclose(found["scores"], [e["score"] for e in expected], atol=1e-5)
    assert found["items"] == [each["item"] for each in expected]


@pytest.mark.parametrize(
    ("kind", "content", "words"),
    [
        ("image", b"\0\0\0\x18ftypheic" + bytes(100), "row 1: the file is HEIC, which is not read"),
        ("image", sound("MP3"), "not a picture"),
        ("image", picture("PNG")[:-40], "broken picture"),
        ("audio", picture("PNG"), "row 1: the file is PNG (a picture), not a sound"),
        ("audio", b"MThd" + bytes(100), "the file is MIDI, which is not read; WAV, MP3"),
        ("audio", sound("WAV", "PCM_16")[:-999], "sound cut off"),
    ],
)
def test_files_that_cannot_be_decoded_are_named(post, features, kind, content, words):
    value = {"b64": base64.b64encode(content).decode()}
    body = {"signature_name": "encode_items", "inputs": {features[kind]: ["", value]}}
    status, answer = post(body)
    assert status == 400
    assert answer["error"].startswith(f"{features[kind]}: row 1: ")
    assert words in answer["error"]


def test_a_history_is_enough(post, overview):
    inputs = overview["serving_default"]["inputs"]
    assert [name for name, own in inputs.items() if own["required"]] == ["history"]
    _, whole = post({"instances": [{name: None for name in inputs} | {"history": [], "k": 10}]})
    for given in ({"history": []}, {"history": None, "k": None}, {"history": [""], "exclude": []}):
        assert post({"instances": [given]}) == (200, whole)
    assert len(whole["predictions"][0]["items"]) == 10
    items = whole["predictions"][0]["items"]
    status, answer = post({"inputs": {"history": [[], []], "exclude": [None, items[:2]]}})
    assert status == 200
    assert answer["outputs"]["items"][0] == items
    assert answer["outputs"]["items"][1][:8] == items[2:]


def test_what_is_missing_is_named(post, overview, features):
    status, answer = post({"instances": [{"exclude": [], "user_color": "red"}]})
    assert (status, [each["input"] for each in answer["problems"]]) == (
        400,
        ["history", "user_color"],
    )
    status, answer = post({"signature_name": "search", "inputs": {"k": [3]}})
    assert (status, "give at least one of" in answer["error"]) == (400, True)
    assert {each["input"] for each in answer["problems"]} == {*overview["search"]["inputs"]} - {"k"}


def test_the_examples_work(post, overview):
    for signature, own in overview.items():
        _, _, body, _ = shlex.split(own["example"])
        status, answer = post(body)
        assert status == 200, (signature, answer)
        assert "items" in own["outputs"] or answer["predictions"][0]
