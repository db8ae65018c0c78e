"""Every kind of call signature is found by inspection of the module."""

import io
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import soundfile
import tensorflow as tf

from tests.encoders.hub.modules import (
    bert_module,
    encoded,
    floats,
    preprocessor_module,
    save,
    strings,
    text_module,
    yamnet_module,
)
from tfmmrec.encoders.hub.encoder import HubEncoder
from tfmmrec.errors import ConfigError


def png(colour: tuple[int, int, int], size: tuple[int, int] = (30, 20)) -> bytes:
    out = io.BytesIO()
    PIL.Image.new("RGB", size, colour).save(out, format="PNG")
    return out.getvalue()


def wav(*values: float, samples: int = 4000) -> bytes:
    """A quarter of a second of each value at 16 kHz."""
    out = io.BytesIO()
    soundfile.write(out, np.repeat(values, samples), 16000, format="WAV", subtype="PCM_16")
    return out.getvalue()


def refusal(modality: str, handle: str, **options) -> str:
    with pytest.raises(ConfigError) as caught:
        HubEncoder(modality, handle, **options)
    message = str(caught.value)
    assert message.startswith("encoder ") and "\n" not in message
    return message


def test_a_plain_module(tmp_path: Path) -> None:
    encoder = HubEncoder("text", text_module(tmp_path / "text"))
    assert encoded(encoder, "abc", "") == [[3.0, 6.0], [0.0, 0.0]]
    assert encoder.summary() == "call(inputs: string [?]), gives dim 2"


def test_a_module_of_single_values(tmp_path: Path) -> None:
    def encode(text):
        return tf.cast(tf.strings.length(text), tf.float32) * tf.constant([1.0, 2.0])

    encoder = HubEncoder("text", save(tmp_path / "single", encode, strings()))
    assert encoded(encoder, "abc", "ab") == [[3.0, 6.0], [2.0, 4.0]]


def test_a_column_of_texts(tmp_path: Path) -> None:
    def encode(texts):
        return tf.cast(tf.strings.length(texts), tf.float32)

    encoder = HubEncoder("text", save(tmp_path / "column", encode, strings(None, 1)))
    assert encoded(encoder, "abc", "ab") == [[3.0], [2.0]]


def test_a_module_of_batches_of_one(tmp_path: Path) -> None:
    handle = save(tmp_path / "one", lambda x: tf.reduce_mean(x, axis=[1, 2]), floats(1, 8, 8, 3))
    encoder = HubEncoder("image", handle)
    outputs = encoded(encoder, png((255, 0, 0)), png((0, 0, 255)))
    np.testing.assert_allclose(outputs, [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], atol=1e-5)


def test_signature_only(tmp_path: Path) -> None:
    handle = text_module(tmp_path / "text", call=False)
    encoder = HubEncoder("text", handle)
    assert encoded(encoder, "abc") == [[3.0, 6.0]]
    assert encoder.describe()["signature"] == "serving_default"
    plain = HubEncoder("text", text_module(tmp_path / "plain"), fingerprint="same")
    assert HubEncoder("text", handle, fingerprint="same").fingerprint != plain.fingerprint
    assert "has no signature 'tags'; it has serving_default" in refusal(
        "text", handle, signature="tags"
    )


def test_a_named_signature(tmp_path: Path) -> None:
    module = tf.Module()
    signatures = {}
    for name, factor in (("short", 1.0), ("long", 100.0)):
        function = tf.function(
            lambda texts, factor=factor: {
                "length": factor * tf.cast(tf.strings.length(texts), tf.float32)[:, tf.newaxis]
            },
            input_signature=[tf.TensorSpec([None], tf.string, "texts")],
        )
        signatures[name] = function.get_concrete_function()
    tf.saved_model.save(module, str(tmp_path / "two"), signatures=signatures)
    handle = str(tmp_path / "two")
    assert encoded(HubEncoder("text", handle, signature="long"), "abc") == [[300.0]]
    message = refusal("text", handle)
    assert "is not callable; set signature to one of" in message and "short" in message


def test_bert_behind_a_preprocessor(tmp_path: Path) -> None:
    """a is 97 and b is 98; pooled is their sum."""
    front = preprocessor_module(tmp_path / "front")
    handle = bert_module(tmp_path / "bert")
    encoder = HubEncoder("text", handle, preprocessor=front)
    assert encoded(encoder, "ab", "") == [[195.0], [0.0]]
    described = encoder.describe()
    assert (described["output"], described["preprocessor"]) == ("pooled_output", front)
    assert described["inputs"]["input_mask"] == "int32 [?, 4]"
    assert encoder.summary().startswith("call(inputs: string [?]), then call(input_mask: int32")
    # The same by its signature, and by the older form of a list in and a tuple out.
    by_name = HubEncoder("text", handle, preprocessor=f"hub:{front}", signature="serving_default")
    assert encoded(by_name, "ab") == [[195.0]]
    listed = bert_module(tmp_path / "listed", listed=True)
    assert encoded(HubEncoder("text", listed, preprocessor=front), "ab") == [[195.0]]


def test_tokens_are_pooled_by_their_mask(tmp_path: Path) -> None:
    """Ids plus one are 98 and 99, the mean 98.5; with the padding's ones it would be 49.75."""
    front = preprocessor_module(tmp_path / "front")
    handle = bert_module(tmp_path / "bert")
    encoder = HubEncoder("text", handle, preprocessor=front, output="sequence_output")
    assert encoded(encoder, "ab", "") == [[98.5, 985.0], [0.0, 0.0]]
    highest = HubEncoder("text", handle, preprocessor=front, output="sequence_output", pool="max")
    assert encoded(highest, "ab", "") == [[99.0, 990.0], [0.0, 0.0]]
    assert "max over its other axes" in highest.summary()
    pooled = HubEncoder("text", handle, preprocessor=front)
    names = {encoder.fingerprint, highest.fingerprint, pooled.fingerprint}
    assert len(names) == 3
    # The only output needs no name.
    only = bert_module(tmp_path / "only", ("sequence_output",))
    assert encoded(HubEncoder("text", only, preprocessor=front), "ab") == [[98.5, 985.0]]


def test_the_preprocessor_is_part_of_the_fingerprint(tmp_path: Path) -> None:
    front, handle = preprocessor_module(tmp_path / "front"), bert_module(tmp_path / "bert")
    first = HubEncoder("text", handle, preprocessor=front)
    (tmp_path / "front" / "assets").mkdir(exist_ok=True)
    (tmp_path / "front" / "assets" / "vocabulary.txt").write_text("another")
    second = HubEncoder("text", handle, preprocessor=front)
    assert first.fingerprint != second.fingerprint


def test_a_preprocessor_that_is_missing_or_does_not_fit(tmp_path: Path) -> None:
    handle = bert_module(tmp_path / "bert")
    message = refusal("text", handle)
    assert "set preprocessor to the module that makes its inputs from texts" in message
    assert "input_word_ids: int32 [?, 4]" in message
    text = text_module(tmp_path / "text")
    assert "but the preprocessor gives" in refusal("text", handle, preprocessor=text)
    missing = str(tmp_path / "none")
    assert "no such folder" in refusal("text", handle, preprocessor=missing)


def test_an_ambiguous_output_has_to_be_named(tmp_path: Path) -> None:
    front = preprocessor_module(tmp_path / "front")

    def encode(inputs):
        total = tf.cast(tf.strings.length(inputs), tf.float32)[:, tf.newaxis]
        return {"left": total, "right": tf.concat([total, total], axis=1), "count": tf.size(inputs)}

    handle = save(tmp_path / "two", encode, strings(None))
    message = refusal("text", handle)
    assert "several outputs" in message and "set output to the name of one" in message
    assert "left: float32 [1, 1]" in message and "right: float32 [1, 2]" in message
    assert encoded(HubEncoder("text", handle, output="right"), "abc") == [[3.0, 3.0]]
    assert "no vector output is named 'count'" in refusal("text", handle, output="count")
    assert "no vector output is named 'middle'" in refusal("text", handle, output="middle")
    other = bert_module(tmp_path / "other", ("sequence_output", "other_output"))
    # The only vector is taken before a sequence.
    assert encoded(HubEncoder("text", other, preprocessor=front), "ab") == [[-195.0]]


@pytest.mark.parametrize("call", [True, False])
def test_yamnet(tmp_path: Path, call: bool) -> None:
    """Two frames, of 0.5 and of 0.25: the mean of the means is 0.375, the highest of all 0.5."""
    handle = yamnet_module(tmp_path / "yamnet", call=call)
    encoder = HubEncoder("audio", handle)
    outputs = encoded(encoder, wav(0.5, 0.25), b"", wav(0.5))
    expected = [[0.375, 0.375, 0.375, 1.0], [0.0] * 4, [0.5, 0.5, 0.5, 1.0]]
    np.testing.assert_allclose(outputs, expected, atol=1e-3)
    assert encoder.describe()["output"] == ("1" if call else "output_1")
    highest = HubEncoder("audio", handle, pool="max")
    np.testing.assert_allclose(encoded(highest, wav(0.5, 0.25))[0][0], 0.5, atol=1e-3)
    scores = HubEncoder("audio", handle, output=0 if call else "output_0")
    assert encoded(scores, wav(0.5)) == [[0.0, 0.0, 0.0]]


def test_a_tuple_that_is_not_yamnets_is_ambiguous(tmp_path: Path) -> None:
    def encode(waveform):
        frames = tf.reshape(waveform, [-1, 4000])
        return frames[:, :2], frames[:, :3]

    handle = save(tmp_path / "pair", encode, floats(None))
    assert "several outputs, 0: float32 [8, 2], 1: float32 [8, 3]" in refusal("audio", handle)
    encoder = HubEncoder("audio", handle, output=1)
    np.testing.assert_allclose(encoded(encoder, wav(0.5)), [[0.5] * 3], atol=1e-3)


def test_a_fixed_length_of_sounds(tmp_path: Path) -> None:
    """A sound is cut or filled up with zeros to the 8000 samples that the module takes."""
    handle = save(
        tmp_path / "fixed",
        lambda x: tf.stack([tf.reduce_sum(x, 1), tf.fill(tf.shape(x)[:1], 8000.0)], 1),
        floats(None, 8000),
    )
    outputs = encoded(HubEncoder("audio", handle), wav(0.5), wav(0.5, 0.5, 0.5), b"")
    np.testing.assert_allclose(outputs, [[2000, 8000], [4000, 8000], [0, 0]], rtol=1e-3)


def test_the_rate_is_handed_to_modules_that_ask_for_it(tmp_path: Path) -> None:
    class Module(tf.Module):
        @tf.function(
            input_signature=[
                tf.TensorSpec([None], tf.float32, "samples"),
                tf.TensorSpec([], tf.int32, "sample_rate"),
            ]
        )
        def __call__(self, samples, sample_rate):
            sizes = tf.stack([tf.size(samples), sample_rate])
            return {"embedding": tf.cast(sizes, tf.float32)[tf.newaxis]}

    tf.saved_model.save(Module(), str(tmp_path / "rate"))
    encoder = HubEncoder("audio", str(tmp_path / "rate"), sample_rate=8000)
    assert encoded(encoder, wav(0.5)) == [[2000.0, 8000.0]]
    assert encoder.describe()["sample_rate"] == 8000
    usual = HubEncoder("audio", str(tmp_path / "rate"))
    assert usual.fingerprint != encoder.fingerprint


def test_a_fixed_picture_size(tmp_path: Path) -> None:
    def encode(pictures):
        sides = tf.cast(tf.shape(pictures)[1:3], tf.float32)
        return tf.ones([tf.shape(pictures)[0], 1]) * sides

    fixed = save(tmp_path / "fixed", encode, floats(None, 12, 16, 3))
    encoder = HubEncoder("image", fixed)
    assert encoded(encoder, png((0, 0, 0))) == [[12.0, 16.0]]
    assert encoder.describe()["picture_size"] == [12, 16]
    assert "picture_size 8 does not fit call(inputs: float32 [?, 12, 16, 3])" in refusal(
        "image", fixed, picture_size=8
    )
    free = save(tmp_path / "free", encode, floats(None, None, None, 3))
    assert encoded(HubEncoder("image", free, picture_size=(6, 9)), png((0, 0, 0))) == [[6.0, 9.0]]
    assert encoded(HubEncoder("image", free), b"") == [[224.0, 224.0]]


def test_the_range_of_values(tmp_path: Path) -> None:
    """A module that takes 0 to 255 and says so when it gets less; 51 stays 51."""

    def encode(pictures):
        with tf.control_dependencies([tf.debugging.assert_greater(tf.reduce_max(pictures), 1.0)]):
            return tf.reduce_max(pictures, axis=[1, 2])

    handle = save(tmp_path / "bytes", encode, floats(None, 8, 8, 3))
    assert "cannot be called on image" in refusal("image", handle)
    encoder = HubEncoder("image", handle, value_range=(0, 255))
    outputs = encoded(encoder, png((255, 51, 0)))
    np.testing.assert_allclose(outputs, [[255.0, 51.0, 0.0]], atol=1e-3)
    signed = save(
        tmp_path / "signed", lambda x: tf.reduce_min(x, axis=[1, 2]), floats(None, 8, 8, 3)
    )
    centred = HubEncoder("image", signed, value_range=(-1, 1))
    np.testing.assert_allclose(encoded(centred, png((255, 51, 0))), [[1.0, -0.6, -1.0]], atol=1e-5)
    assert centred.fingerprint != HubEncoder("image", signed).fingerprint
    assert "in [-1, 1]" in centred.summary()


def test_whole_numbers_go_from_0_to_255(tmp_path: Path) -> None:
    spec = tf.TensorSpec([None, 8, 8, 3], tf.uint8, "inputs")
    handle = save(tmp_path / "bytes", lambda x: tf.cast(tf.reduce_max(x, [1, 2]), tf.float32), spec)
    encoder = HubEncoder("image", handle)
    assert encoded(encoder, png((255, 51, 0))) == [[255.0, 51.0, 0.0]]
    assert encoder.describe()["value_range"] == [0, 255]


def test_maps_of_vectors_are_pooled(tmp_path: Path) -> None:
    """A red half and a black half: the mean red is 0.5."""
    handle = save(tmp_path / "map", lambda x: x[:, ::4, ::4], floats(None, 8, 8, 3))
    picture = PIL.Image.new("RGB", (8, 8), "red")
    picture.paste((0, 0, 0), (0, 0, 4, 8))
    out = io.BytesIO()
    picture.save(out, format="PNG")
    outputs = encoded(HubEncoder("image", handle), out.getvalue())
    np.testing.assert_allclose(outputs, [[0.5, 0.0, 0.0]], atol=1e-5)


def test_modules_of_another_form_are_refused_in_one_line(tmp_path: Path) -> None:
    text = text_module(tmp_path / "text")
    assert "it takes call(inputs: string [?])" in refusal("image", text)
    assert "cannot be called on audio" in refusal("audio", text)
    assert "called 'words'" in refusal("text", text, input="words")
    assert encoded(HubEncoder("text", text, input="inputs"), "a") == [[1.0, 2.0]]
    rank = save(tmp_path / "rank", lambda texts: tf.strings.length(texts), strings(None))
    assert "[batch, dim] is required" in refusal("text", rank)
    joined = save(tmp_path / "joined", lambda x: tf.ones([3 * tf.shape(x)[0], 2]), strings(None))
    assert "gives float32 [3, 2] for a batch of one" in refusal("text", joined)
    tf.saved_model.save(tf.Module(), str(tmp_path / "bare"))
    assert "is not callable; it is empty" in refusal("text", str(tmp_path / "bare"))
