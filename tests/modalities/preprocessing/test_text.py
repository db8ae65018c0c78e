"""Tests of text steps: words, tags and scores worked out by hand, in several scripts."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tfmmrec.config.data_validation import CheckConfig
from tfmmrec.config.packing import PackConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.encoders.cache.cached_encode import encode_feature
from tfmmrec.encoders.factory import create_encoders
from tfmmrec.errors import ConfigError
from tfmmrec.modalities import Text, create
from tfmmrec.modalities.preprocessing import chinese, create_step
from tfmmrec.modalities.preprocessing.text_pos import TAGS
from tfmmrec.reports.data_validation.validate import check

PACKAGES = {
    "clean": [],
    "tokens": ["regex", "jieba"],
    "pos": ["regex", "jieba", "textblob"],
    "sentiment": ["regex", "textblob", "vaderSentiment", "snownlp"],
}
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"  # man, joiner, woman, joiner, girl
THUMB = "\U0001f44d\U0001f3fd"  # thumb up, tone of skin
GERMANY, FRANCE = "\U0001f1e9\U0001f1ea", "\U0001f1eb\U0001f1f7"
PERSIAN = "می\u200cخواهم"  # one word with a joiner that must stay


def run(text: str, step: str, **options: Any) -> tuple[str, dict]:
    for package in PACKAGES[step]:
        pytest.importorskip(package)
    value, derived = create_step({"step": step, **options}, "text").run(text.encode())
    return value.decode(), dict(derived)


def clean(text: str, **options: Any) -> str:
    value, derived = run(text, "clean", **options)
    assert derived == {}
    return value


def tokens(text: str, **options: Any) -> str | None:
    value, derived = run(text, "tokens", **options)
    assert value == text
    return derived["tokens"][0].decode() if derived else None


def pos(text: str, **options: Any) -> dict[str, float] | None:
    value, derived = run(text, "pos", **options)
    assert value == text
    if not derived:
        return None
    assert len(derived["pos"]) == len(TAGS) == 11
    return {tag: share for tag, share in zip(TAGS, derived["pos"], strict=True) if share}


def sentiment(text: str, **options: Any) -> float | None:
    value, derived = run(text, "sentiment", **options)
    assert value == text
    return derived["sentiment"][0] if derived else None


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("<p>One</p><p>Tw<b>o</b></p>", "One Two"),
        ("one<br/>two <img src='1.png' alt=\"a > b\">three", "one two three"),
        ("a<!-- no -->b<style>p {color: red}</style>c<script>if (1 < 2) {}</script>d", "ab c d"),
        ("Tom &amp; Jerry&nbsp;&eacute; AT&T &lt;b&gt;", "Tom & Jerry é AT&T <b>"),
        ("a < b and c > d", "a < b and c > d"),
        ("a<b and c>d", "a<b and c>d"),
        ("I <3 you, x <- y, List<int>", "I <3 you, x <- y, List<int>"),
        ("an open <b", "an open <b"),
        ("<input type=checkbox checked>yes", "yes"),
        ("how a <script> loads", "how a loads"),
    ],
)
def test_clean_takes_out_markup_and_nothing_else(text: str, cleaned: str):
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("e\u0301 \u00e9", "\u00e9 \u00e9"),  # e and an accent become one character
        (" a\tb\r\nc\u00a0\u3000d\u2028e ", "a b c d e"),
        ("a\x00b\x1b[0m\x7f", "ab[0m"),
        ("so\u00adft \ufeffmark\u2060", "soft mark"),
        ("\u202b\u05e9\u05dc\u05d5\u05dd\u202c \u200eabc\u200f", "\u05e9\u05dc\u05d5\u05dd abc"),
        (PERSIAN, PERSIAN),
        (FAMILY + THUMB + GERMANY, FAMILY + THUMB + GERMANY),
        ("\u200b\ufeff \x07", ""),
        ("<br> &nbsp; <!-- -->", ""),
    ],
)
def test_clean_gives_one_form_and_keeps_joiners(text: str, cleaned: str):
    assert clean(text) == cleaned


def test_the_form_may_be_compatible():
    wide = "\uff21\uff22 \u2460 \ufb01"  # wide A and B, 1 in a circle, the ligature of f and i
    assert clean(wide) == wide
    assert clean(wide, form="NFKC") == "AB 1 fi"


@pytest.mark.parametrize(
    ("text", "max_chars", "cut"),
    [
        ("青蛙在池塘里", 4, "青蛙在池"),
        ("one two", 4, "one"),
        ("abc", 3, "abc"),
        # 1 + 5 code points: not one of the five without the others.
        ("a" + FAMILY, 5, "a"),
        ("a" + FAMILY, 6, "a" + FAMILY),
        (THUMB + "b", 1, "\U0001f44d"),  # longer than the limit: cut all the same
        ("a" + THUMB, 2, "a"),
        # Two code points a flag: three would leave half of the second.
        (GERMANY + FRANCE, 3, GERMANY),
        ("ab\u0302\u0323", 2, "a"),  # NFC has no b with both marks
    ],
)
def test_a_text_is_cut_between_characters(text: str, max_chars: int, cut: str):
    assert clean(text, max_chars=max_chars) == cut


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Don't STOP: it costs 3.14!", "don't stop it costs 3.14"),
        ("Привет, мир!", "привет мир"),
        ("مرحبا، بالعالم", "مرحبا بالعالم"),
        (PERSIAN + " کتاب", PERSIAN + " کتاب"),
        (f"ok {FAMILY}{THUMB} {GERMANY}{FRANCE}!", f"ok {FAMILY} {THUMB} {GERMANY} {FRANCE}"),
        ("我爱北京天安门。", "我 爱 北京 天安门"),
        (f"新款iPhone 手机,T恤{FAMILY}", f"新款 iphone 手机 t恤 {FAMILY}"),
        ("日本語のテキスト", "日 本 語 の テキスト"),  # no Chinese, for all its characters
        ("?! ... —", None),
    ],
)
def test_tokens(text: str, found: str | None):
    assert tokens(text) == found


def test_tokens_keep_case_and_take_the_language_that_is_declared():
    assert tokens("Don't STOP", lower=False) == "Don't STOP"
    mixed = "The original sound track of 天安门"  # 3 of 27 letters are Chinese
    assert tokens(mixed) == "the original sound track of 天 安 门"
    assert tokens(mixed, language="zh") == "the original sound track of 天安门"
    assert tokens("北京", language="en") == "北 京"


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        (
            "She quickly wrote 3 good books.",
            dict.fromkeys(["PRON", "ADV", "VERB", "NUM", "ADJ", "NOUN"], 1 / 6),
        ),
        # do, n't, stop; with either apostrophe
        ("Don't stop!", {"VERB": 2 / 3, "ADV": 1 / 3}),
        ("Don’t stop!", {"VERB": 2 / 3, "ADV": 1 / 3}),
        ("the dog and the cat 😀", {"DET": 2 / 5, "NOUN": 2 / 5, "CONJ": 1 / 5}),
        # 我 pronoun, 爱 verb, 北京 and 天安门 places
        ("我爱北京天安门。", {"PRON": 1 / 4, "VERB": 1 / 4, "NOUN": 2 / 4}),
        # 漂亮 adjective, 的 particle, 苹果 noun
        ("漂亮的苹果", {"ADJ": 1 / 3, "PRT": 1 / 3, "NOUN": 1 / 3}),
    ],
)
def test_parts_of_speech(text: str, shares: dict[str, float]):
    assert pos(text) == pytest.approx(shares)


OTHERS = [
    "Le garçon est arrivé dans la maison",
    "Привет мир",
    "日本語のテキスト",
    "مرحبا",
    "?!",
    "😀",
]


@pytest.mark.parametrize("text", OTHERS)
def test_other_languages_have_neither_parts_of_speech_nor_sentiment(text: str):
    assert pos(text) is None
    assert sentiment(text) is None


def test_a_declared_language_is_not_asked_for():
    assert pos("Qwrtz Zxcvb") is None
    assert pos("Qwrtz Zxcvb", language="en") == {"NOUN": 1.0}
    assert pos("!!!", language="en") is None


@pytest.mark.parametrize(
    ("text", "score"),
    [
        # VADER: "good" weighs 1.9 and "not" times -0.74; x / sqrt(x * x + 15), to four digits.
        # 1.9 / 4.3139, and -1.406 / 4.1203.
        ("It is good", 0.4404),
        ("It is not good", -0.3412),
        ("the table", 0.0),
    ],
)
def test_english_sentiment(text: str, score: float):
    assert sentiment(text) == pytest.approx(score, abs=1e-4)


def test_chinese_sentiment_tells_praise_from_blame():
    praise, blame = sentiment("这部电影很好看,我非常喜欢"), sentiment("质量太差了,非常失望")
    assert praise is not None and blame is not None
    assert 0.5 < praise <= 1.0 and -1.0 <= blame < -0.5
    # Traditional characters are read as simplified ones.
    assert sentiment("這部電影很好看,我非常喜歡") == praise


def test_sentiment_reads_the_beginning_of_a_long_text():
    text = "It is good. " + "It is terrible. " * 50
    assert sentiment(text, max_chars=11) == pytest.approx(0.4404, abs=1e-4)
    assert sentiment(text) == pytest.approx(-1.0, abs=0.01)
    assert sentiment("?! " * 200 + "good") is None
    assert sentiment("😀", language="en") is not None


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        ({"step": "clean", "form": "NFD"}, "form: one of NFC, NFKC is needed. Received: 'NFD'"),
        ({"step": "clean", "max_chars": 0}, "max_chars must be at least 1"),
        ({"step": "clean", "max_chars": True}, "max_chars: a whole number is needed"),
        ({"step": "tokens", "language": "fr"}, "language must be one of auto, en, zh"),
        ({"step": "tokens", "lower": "yes"}, "lower: true or false is needed. Received: 'yes'"),
        ({"step": "pos", "language": ["en"]}, "language: a text is needed"),
        ({"step": "pos", "lower": True}, "step pos has no option 'lower'; it takes language"),
        ({"step": "sentiment", "language": None}, "language: a text is needed"),
        ({"step": "sentiment", "max_chars": "9"}, "max_chars: a whole number is needed"),
    ],
)
def test_wrong_options_are_refused_in_one_line(declared: dict, reason: str):
    with pytest.raises(ConfigError) as caught:
        create({"modality": "text", "steps": [declared]})
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_step_for_texts_stands_on_no_picture():
    with pytest.raises(ConfigError, match="modality image has no step 'clean'"):
        create({"modality": "image", "steps": ["clean"]})


def test_nothing_left_is_an_absent_feature(tmp_path: Path):
    text = create({"modality": "text", "steps": ["clean"]})
    assert isinstance(text, Text)
    assert text.pack("<br> &nbsp; ", tmp_path) == {}
    assert text.pack("a <b>b</b>", tmp_path) == {"": [b"a b"]}


def test_without_the_extra_the_step_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("regex")
    monkeypatch.setitem(sys.modules, "jieba", None)
    with pytest.raises(ConfigError, match=r"step demo needs jieba .*'tfmmrec\[preprocessing\]'"):
        chinese.chinese_words("北京", "demo")


# A process of its own, without network and corpora, where every warning is shown.
SEALED = """
import socket, sys
def refuse(*arguments, **options):
    raise AssertionError("a step asked for the network")
socket.socket.connect = socket.getaddrinfo = refuse
from tfmmrec.modalities.preprocessing import create_step
heavy = {"jieba", "nltk", "regex", "snownlp", "textblob", "vaderSentiment"} & set(sys.modules)
assert not heavy, heavy
for step in ("tokens", "pos", "sentiment"):
    for text in sys.argv[1:]:
        print(create_step(step, "text").run(text.encode()))
"""


def test_the_steps_are_quiet_and_need_no_network_and_leave_no_file(tmp_path: Path):
    texts = ["It is good, isn't it?", "这部电影很好看"]
    here = [
        str(create_step(step, "text").run(text.encode()))
        for step in ("tokens", "pos", "sentiment")
        for text in texts
        if run(text, step)
    ]
    # As in this process, under another seed of hashes.
    done = subprocess.run(
        [sys.executable, "-c", SEALED, *texts],
        capture_output=True,
        text=True,
        env={
            "PYTHONHASHSEED": "1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            **dict.fromkeys(["NLTK_DATA", "TMPDIR"], str(tmp_path)),
        },
        cwd=Path(__file__).parents[3],
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert (done.stdout.splitlines(), done.stderr) == (here, "")
    assert list(tmp_path.iterdir()) == []


TITLES = ["It&apos;s <b>good</b>", "我爱北京天安门", "Привет мир", "<br>", None, "the dog"]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    for package in PACKAGES["pos"] + PACKAGES["sentiment"]:
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("texts")
    rows = [{"id": f"i{n}", "title": title} for n, title in enumerate(TITLES)]
    (folder / "items.jsonl").write_text("\n".join(map(json.dumps, rows)))
    log = "\n".join(["user,item", *(f"u,i{n}" for n in range(len(TITLES)))])
    (folder / "log.csv").write_text(log)
    steps = ["clean", {"step": "tokens", "language": "auto"}, "pos", "sentiment"]
    content = {
        "items": {
            "table": "items.jsonl",
            "id": "id",
            "features": {"title": {"modality": "text", "steps": steps}},
        },
        "interactions": {"table": "log.csv", "user": "user", "item": "item"},
        "split": {"by": "none"},
    }
    (folder / "dataset.yaml").write_text(yaml.safe_dump(content))
    pack(folder / "dataset.yaml", folder / "data", PackConfig(quiet=True))
    return Dataset(folder / "data")


def stored(dataset: Dataset, feature: str) -> np.ndarray:
    (values,) = dataset.values("items", feature, batch_size=len(TITLES))
    return values.numpy()


def test_packing_runs_the_steps_and_stores_what_they_derive(dataset: Dataset):
    check(dataset.folder, CheckConfig(quiet=True))
    assert list(dataset.schema.items) == ["title", "title_tokens", "title_pos", "title_sentiment"]
    titles = [title.decode() for title in stored(dataset, "title")]
    assert titles == ["It's good", "我爱北京天安门", "Привет мир", "", "", "the dog"]
    words = [words.decode() for words in stored(dataset, "title_tokens")]
    assert words == ["it's good", "我 爱 北京 天安门", "привет мир", "", "", "the dog"]
    shares = stored(dataset, "title_pos")
    assert np.isfinite(shares).all(axis=1).tolist() == [True, True, False, False, False, True]
    assert shares[5].tolist() == [0.5, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 0]  # a noun, a determiner
    scores = stored(dataset, "title_sentiment")
    assert scores[0] == pytest.approx(0.4404, abs=1e-4)  # as above
    assert np.isnan(scores).tolist() == [False, False, True, True, True, False]


def test_the_encoders_take_what_is_derived(dataset: Dataset):
    encoders = create_encoders(dataset, "items", {})
    encoded = {
        name: encode_feature(dataset, "items", name, encoder, quiet=True)
        for name, encoder in encoders.items()
    }
    assert {name: some.present.sum() for name, some in encoded.items()} == {
        "title": 4,
        "title_tokens": 4,
        "title_pos": 3,
        "title_sentiment": 3,
    }
    assert encoded["title_pos"].values.shape == (6, 11)
    assert encoded["title_pos"].values[4].tolist() == [0.0] * 11
    assert all(np.isfinite(some.values).all() for some in encoded.values())
