"""Tests of the synthetic world: planted signal, written files, score of the oracle."""

import dataclasses
import io
import json

import numpy as np
import PIL.Image
import pytest
import soundfile

from tfmmrec.data.synthetic import (
    SyntheticConfig,
    World,
    draw_world,
    measure,
    popularity_scores,
    write_world,
)
from tfmmrec.errors import ConfigError

SMALL = SyntheticConfig(num_items=40, num_users=30, events_per_user=8, sound_seconds=0.25)
MODALITIES = ("text", "image", "audio")


@pytest.fixture(scope="module")
def world() -> World:
    return draw_world(SyntheticConfig())


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    def written(name: str, config: SyntheticConfig) -> dict[str, bytes]:
        folder = write_world(draw_world(config), tmp_path / name).parent
        files = (path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}

    first = written("first", SMALL)
    assert first == written("again", SMALL)
    other = written("other", dataclasses.replace(SMALL, seed=8))
    assert first["interactions.csv"] != other["interactions.csv"]


def test_what_is_written_is_what_was_drawn(tmp_path):
    world = draw_world(SMALL)
    folder = write_world(world, tmp_path / "synthetic").parent
    items = [json.loads(line) for line in (folder / "items.jsonl").read_bytes().splitlines()]
    features = {"text": ("title", "description"), "image": ("picture",), "audio": ("sound",)}
    for modality, names in features.items():
        for name in names:
            written = [item[name] is not None for item in items]
            assert written == world.present[modality].tolist()
    picture = next(item["picture"] for item in items if item["picture"])
    with PIL.Image.open(io.BytesIO((folder / picture).read_bytes())) as opened:
        assert (opened.format, opened.mode, opened.size) == ("PNG", "RGB", (64, 64))
    sound = soundfile.info(folder / next(item["sound"] for item in items if item["sound"]))
    assert (sound.samplerate, sound.channels, sound.subtype) == (16000, 1, "PCM_16")
    assert sound.frames == 4000
    text = " ".join(item["description"] or "" for item in items)
    assert not text.isascii()
    rows = (folder / "interactions.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert len(rows) == len(world.events)


def test_some_modalities_are_missing_but_never_all(world):
    present = np.stack([world.present[name] for name in MODALITIES])
    assert present.any(axis=0).all()
    # 400 items, 15 % missing: three standard deviations are 5.4 points.
    np.testing.assert_allclose(1.0 - present.mean(axis=1), 0.15, atol=0.054)
    bare = SyntheticConfig(missing={"text": 0.9, "image": 0.9, "audio": 0.9})
    assert np.stack(list(draw_world(bare).present.values())).any(axis=0).all()


def test_nobody_chooses_twice_and_time_goes_on(world):
    users, items, times = world.events.T
    assert len(set(zip(users, items, strict=True))) == len(users)
    same_user = users[1:] == users[:-1]
    assert (users[1:] >= users[:-1]).all()
    assert (times[1:] > times[:-1])[same_user].all()
    # The mean of 1500 counts with a standard deviation of about 13.
    assert len(users) / 1500 == pytest.approx(20.0, abs=1.0)


def test_the_planted_weights_are_the_proportions_of_the_score():
    config = SyntheticConfig(
        weights={"text": 5, "image": 3, "audio": 2},
        missing=dict.fromkeys(MODALITIES, 0.0),
        popularity=0.0,
        strength=2.0,
    )
    world = draw_world(config)
    # 2 * 5/10, 2 * 3/10, 2 * 2/10
    for name, expected in (("text", 1.0), ("image", 0.6), ("audio", 0.4)):
        part = world.oracle((name,))
        np.testing.assert_allclose(part.mean(axis=1), 0.0, atol=1e-9)
        np.testing.assert_allclose(part.std(axis=1), expected)
    total = sum(world.oracle((name,)) for name in MODALITIES)
    np.testing.assert_allclose(world.oracle(), total)


def test_an_absent_modality_adds_nothing(world):
    for name in MODALITIES:
        assert not world.modality_scores(name)[:, ~world.present[name]].any()


def test_users_choose_what_the_oracle_says_far_more_than_what_is_popular(world):
    oracle = measure(world, world.oracle())
    popular = measure(world, popularity_scores(world))
    # 400 items less some 20 chosen before: HR@10 of a guess is 10 / 380.
    chance = measure(world, np.random.default_rng(0).random([1500, 400]))
    assert chance["hr"] == pytest.approx(10 / 380, abs=0.012)
    assert oracle["ndcg"] > 5.0 * popular["ndcg"]
    assert popular["ndcg"] > 1.2 * chance["ndcg"]


def test_each_modality_helps_in_the_order_of_its_weight(world):
    single = [measure(world, world.oracle((name,)))["ndcg"] for name in MODALITIES]
    both = measure(world, world.oracle(("text", "image")))["ndcg"]
    assert single[0] > single[1] > single[2]
    assert measure(world, world.oracle())["ndcg"] > both > single[0]
    # Equal weights are not the answer: the planted ones can be found.
    equal = sum(world.modality_scores(name) for name in MODALITIES)
    assert measure(world, world.oracle())["ndcg"] > 1.2 * measure(world, equal)["ndcg"]


def test_measure_by_hand():
    world = draw_world(SMALL)
    # User 0 chose 4, 5, 6, 7 and then 8; user 1 has too few events for a test event.
    events = np.array([[0, item, item] for item in range(4, 9)] + [[1, 0, 0], [1, 1, 1]])
    world = dataclasses.replace(world, events=events)
    scores = np.zeros([30, 40])
    scores[0, [4, 5, 1, 2, 8]] = [9, 8, 7, 6, 5]
    # 4 and 5 were chosen before and leave; 1 and 2 stand above 8: rank 3, 1 / log2(4) = 0.5.
    assert measure(world, scores) == {"hr": 1.0, "ndcg": 0.5}
    assert measure(world, scores, k=2) == {"hr": 0.0, "ndcg": 0.0}
    # All equal: 36 items are left, the answer stands at 1 + 35 / 2 = 18.5.
    assert measure(world, np.zeros([30, 40]), k=18)["hr"] == 0.0
    assert measure(world, np.zeros([30, 40]), k=19)["hr"] == 1.0
    # Of user 0's five events three are train; user 1's two are all train.
    assert popularity_scores(world)[0].nonzero()[0].tolist() == [0, 1, 4, 5, 6]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_items": 5}, "num_items must be at least 20. Received: 5"),
        ({"weights": {"text": 1.0}}, "weights must have one number"),
        ({"weights": dict.fromkeys(MODALITIES, 0.0)}, "at least one must be above 0"),
        ({"weights": dict.fromkeys(MODALITIES, float("nan"))}, "weights"),
        ({"missing": dict.fromkeys(MODALITIES, 1.0)}, "missing: shares must be below 1"),
        ({"picture_size": 4}, "picture_size"),
    ],
)
def test_bad_configs_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        SyntheticConfig(**changes)
