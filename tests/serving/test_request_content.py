"""Values of a request are packed like those of a table."""

import dataclasses
import io
from typing import ClassVar

import numpy as np
import PIL.Image
import pytest
import soundfile
import tensorflow as tf

from tfmmrec.modalities import MultiValued, Text, create
from tfmmrec.modalities.preprocessing.base import Step
from tfmmrec.serving.input_facts import InputFacts, read_facts, write_facts
from tfmmrec.serving.input_names import ServedInputs
from tfmmrec.serving.request_content import graph_cannot_read, pack_content
from tfmmrec.serving.rest_json import PredictRequest
from tfmmrec.serving.rest_values import BadRequest


@dataclasses.dataclass(frozen=True)
class Shout(Step):
    """Writes a text in capitals, and derives its length, its words, and a vector of both."""

    kind: ClassVar[str] = "shout"
    modalities: ClassVar[tuple[str, ...]] = ("text",)

    def derived(self):
        sizes = {"length": {"modality": "number"}, "sizes": {"modality": "vector", "dim": 2}}
        return {**sizes, "words": {"modality": "text"}}

    def run(self, value):
        num_words = float(len(value.split()))
        sizes = {"length": [float(len(value))], "sizes": [float(len(value)), num_words]}
        return value.upper(), {**sizes, "words": [b"|".join(value.split())]}


class Words(Shout):
    """Derives the words only, of which a feature may hold several."""

    def derived(self):
        return {"words": super().derived()["words"]}

    def run(self, value):
        value, found = super().run(value)
        return value, {"words": found["words"]}


def strings(*rows):
    array = np.empty(np.shape(rows), object)
    array[...] = rows
    return array


def packed(features, **inputs):
    facts = {"k": InputFacts(), **features}
    request = PredictRequest("search", {"k": np.array([3]), **inputs}, True)
    return pack_content(request, facts)


TITLE = InputFacts(feature="title", modality=Text(steps=(Shout(),)))
DERIVED = {
    f"title_{suffix}": InputFacts(feature=f"title_{suffix}", modality=modality)
    for suffix, modality in Text(steps=(Shout(),)).derived().items()
}
NOTHING = {
    "title_length": np.full([2], np.nan, np.float32),
    "title_sizes": np.full([2, 2], np.nan, np.float32),
    "title_words": strings(b"", b""),
}


def test_steps_run_and_derive_what_is_left_out():
    features = {"title": TITLE, **DERIVED}
    found = packed(features, title=strings(b"a cow", b""), **NOTHING)
    # "a cow" has 5 characters and 2 words.
    assert found["title"].tolist() == [b"A COW", b""]
    assert found["title_words"].tolist() == [b"a|cow", b""]
    np.testing.assert_array_equal(found["title_length"], np.float32([5, np.nan]))
    np.testing.assert_array_equal(found["title_sizes"], np.float32([[5, 2], [np.nan, np.nan]]))
    assert found["title_length"].dtype == np.float32


def test_derived_features_of_the_request_are_kept():
    given = {**NOTHING, "title_length": np.float32([7, np.nan]), "title_words": strings(b"", b"c")}
    given["title_sizes"] = np.float32([[np.nan, np.nan], [0, 9]])
    found = packed({"title": TITLE, **DERIVED}, title=strings(b"a cow", b"b"), **given)
    assert found["title_length"].tolist() == [7, 1]
    assert found["title_words"].tolist() == [b"a|cow", b"c"]
    assert found["title_sizes"].tolist() == [[5, 2], [0, 9]]


def test_derived_lists_of_values_are_padded_to_one_width():
    modality = MultiValued(Text(steps=(Words(),)), max_values=3)
    features = {
        "title": InputFacts(feature="title", modality=modality),
        "title_words": InputFacts(feature="title_words", modality=modality.derived()["words"]),
    }
    titles, given = strings([b"a b", b"c"], [b"d", b""]), strings([b""], [b"x"])
    found = packed(features, title=titles, title_words=given)
    assert found["title"].tolist() == [[b"A B", b"C"], [b"D", b""]]
    assert found["title_words"].tolist() == [[b"a|b", b"c"], [b"x", b""]]


def test_what_derives_from_a_feature_with_another_name_of_its_input():
    features = {"item_title": TITLE, **DERIVED}
    found = packed(features, item_title=strings(b"ab", b""), **NOTHING)
    assert found["title_words"].tolist() == [b"ab", b""]


def flac(level):
    out = io.BytesIO()
    soundfile.write(out, np.full(2000, level), 8000, format="FLAC")
    return out.getvalue()


def test_several_sounds_become_wav_and_gaps_close():
    modality = create({"modality": "audio", "max_values": 2})
    feature = {"cries": InputFacts(feature="cries", modality=modality)}
    one, two, three = flac(0.25), flac(0.5), flac(0.125)
    cries = strings([one, b"", two, three], [b"", b"", b"", two])
    found = packed(feature, cries=cries)["cries"]
    assert found.shape == (2, 2)
    levels = [[float(tf.audio.decode_wav(v)[0][99, 0]) if v else 0 for v in row] for row in found]
    np.testing.assert_allclose(levels, [[0.25, 0.5], [0.5, 0]], atol=1e-4)


def test_frames_of_a_video_may_be_of_any_format():
    out = io.BytesIO()
    PIL.Image.new("RGB", (3, 2), (255, 0, 0)).save(out, format="WEBP", lossless=True)
    video = {"clip": InputFacts(feature="clip", modality=create({"modality": "video"}))}
    found = packed(video, clip=strings([out.getvalue(), b""]))["clip"]
    assert found.shape == (1, 1)
    assert tf.io.decode_image(found[0, 0]).numpy()[0, 0].tolist() == [255, 0, 0]


def test_a_value_that_cannot_be_decoded_is_named():
    feature = {"poster": InputFacts(feature="poster", modality=create({"modality": "image"}))}
    with pytest.raises(BadRequest, match=r"^poster: row 1: the file is PDF, not a picture$"):
        packed(feature, poster=strings(b"", b"%PDF-1.7 " + bytes(600)))


def test_the_reason_why_a_graph_fails():
    inputs = {"k": np.array([1]), "cry": strings(b"", flac(0.5))}
    assert graph_cannot_read(inputs) == "; cry is FLAC; the model reads WAV"
    assert graph_cannot_read({"title": strings(b"fla"), "k": np.array([1])}) == ""


def test_signatures_json(tmp_path):
    items = {"k": create({"modality": "image", "max_values": 3})}
    users = {"age": create({"modality": "number"})}
    inputs = ServedInputs.of(items, users)
    one, two = [None], [None, None]
    specs = {
        "serving_default": {
            "history": tf.TensorSpec(two, tf.string),
            "history_time": tf.TensorSpec(two, tf.int64),
            "k": tf.TensorSpec(one, tf.int32),
            "user_age": tf.TensorSpec(one, tf.float32),
        },
        "search": {"item_k": tf.TensorSpec(two, tf.string)},
    }
    write_facts(tmp_path, specs, inputs, items, users)
    assert read_facts(tmp_path) == {
        "serving_default": {
            "history": InputFacts(required=True),
            "history_time": InputFacts(required=False, absent=0, as_long_as="history"),
            "k": InputFacts(required=False, absent=10),
            "user_age": InputFacts(required=False, feature="age", modality=users["age"]),
        },
        "search": {"item_k": InputFacts(required=False, feature="k", modality=items["k"])},
    }
    assert read_facts(tmp_path / "elsewhere") == {}
