"""What a training file may say of an encoder, and how it says what is wrong."""

import pytest

from tfmmrec.config.encoders import EncoderConfig, read_choice
from tfmmrec.errors import ConfigError


def test_a_text_and_a_mapping() -> None:
    assert read_choice("title", "builtin", "text") == EncoderConfig()
    assert read_choice("title", "hub:/x", "text") == EncoderConfig("hub:/x")
    assert read_choice("title", {"handle": "hub:/x"}, "text") == EncoderConfig("hub:/x")
    declared = {"handle": "hub:/x", "picture_size": [240, 320], "value_range": [-1, 1]}
    choice = read_choice("poster", declared, "image")
    assert (choice.picture_size, choice.value_range) == ((240, 320), (-1, 1))
    assert choice.call_options() == {"picture_size": (240, 320), "value_range": (-1, 1)}
    sound = {"handle": "hub:/x", "sample_rate": 22050, "max_seconds": 3, "output": 1}
    assert read_choice("sound", sound, "audio").call_options() == {
        "sample_rate": 22050,
        "max_seconds": 3,
        "output": 1,
    }


def test_the_name_of_a_builtin() -> None:
    assert read_choice("title", "builtin", "text").builtin == ""
    assert read_choice("title", "builtin:lstm", "text").builtin == "lstm"
    assert read_choice("title", "hub:/x", "text").builtin is None


WRONG = [
    ("elmo", "text", "encoders.f.handle must be builtin, builtin:NAME or hub:HANDLE"),
    ("hub:", "text", "encoders.f.handle must be"),
    (3, "text", "encoders.f: write builtin, builtin:NAME, hub:HANDLE, or a mapping"),
    ({"handle": "hub:/x", "size": 3}, "text", "encoders.f.size: unknown; it takes handle, input"),
    ({"handle": 3}, "text", "encoders.f.handle: a text is needed. Received: 3"),
    ({"handle": "hub:/x", "pool": "sum"}, "text", "encoders.f.pool: one of mean, max is needed"),
    ({"handle": "hub:/x", "picture_size": 9}, "text", "encoders.f.picture_size: is for image"),
    ({"handle": "hub:/x", "sample_rate": 9}, "image", "encoders.f.sample_rate: is for audio"),
    ({"handle": "hub:/x", "preprocessor": "/y", "input": "a"}, "text", "encoders.f.input must be"),
    ({"handle": "hub:/x", "preprocessor": "/y"}, "audio", "encoders.f.preprocessor: is for text"),
    ({"handle": "hub:/x", "picture_size": "big"}, "image", "encoders.f.picture_size: a whole"),
    ({"handle": "hub:/x", "picture_size": 0}, "image", "encoders.f.picture_size must be"),
    ({"handle": "hub:/x", "picture_size": [8]}, "image", "encoders.f.picture_size must be"),
    ({"handle": "hub:/x", "value_range": [1, -1]}, "image", "encoders.f.value_range must be"),
    ({"handle": "hub:/x", "value_range": 255}, "image", "encoders.f.value_range: a list of 2"),
    ({"handle": "hub:/x", "max_seconds": 0}, "audio", "encoders.f.max_seconds must be above 0"),
    ({"handle": "builtin", "pool": "max"}, "text", "encoders.f.pool: is for hub:HANDLE; builtin"),
    ({"picture_size": 9}, "image", "encoders.f.picture_size: is for hub:HANDLE; builtin has no"),
    ("hub:/x", "number", "encoders.f.handle: a feature of modality number takes builtin"),
]


@pytest.mark.parametrize(("declared", "kind", "reason"), WRONG)
def test_what_is_wrong_is_said_by_its_key(declared: object, kind: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_choice("f", declared, kind)
    assert str(caught.value).startswith(reason) and "\n" not in str(caught.value)
