"""Where a score comes from."""

import dataclasses
import io

import pytest
import rich.console

from tests.once import ONCE
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.errors import DataError
from tfmmrec.reports.explain import Explanation, explain, print_explanation
from tfmmrec.serving.batch_recommend import recommend
from tfmmrec.training.train import train


@pytest.fixture(
    scope="module", params=["mean", pytest.param("transformer", marks=pytest.mark.slow)]
)
def run(small, request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("explained") / "run"
    options = {**ONCE, "dim": 4, "epochs": 1, "batch_size": 16, "quiet": True}
    query = {"kind": request.param, "max_history": 4, "time_intervals": True}
    train(small.folder, folder, TrainConfig(**{**options, "query": query}))
    return folder


def test_the_parts_make_up_the_score(small, run):
    user = small.user_ids[3]
    [line] = recommend(run, users=user, k=3, quiet=True)
    for item, score in zip(line["items"], line["scores"], strict=True):
        told = explain(run, user=user, item=item, quiet=True)
        assert told.score == pytest.approx(score, abs=1e-4)
        assert list(told.modalities) == ["text", "tables", "ids"]
        assert sum(told.modalities.values()) == pytest.approx(told.score, abs=1e-4)
    past = small.histories(["train", "valid", "test"]).of_user(3)[-4:]
    assert [item for item, _, _ in told.history] == [small.item_ids[row] for row in past]
    assert any(abs(share) > 1e-4 for _, _, share in told.history)
    out = io.StringIO()
    print_explanation(told, console=rich.console.Console(file=out, width=100))
    assert f"score {told.score:.4f}" in out.getvalue()
    # With a long console, the sentence is the first line.
    assert out.getvalue().startswith(told.sentence)


def test_the_reasons_in_words():
    history = [("a", "Alien", 0.1), ("b", "Brazil", -0.2), ("c", "Cube", 0.3), ("d", "Dune", 0.2)]
    told = Explanation("Ann", "e", "Excalibur", 0.5, {"text": 0.4, "ids": 0.1}, history)
    reasons = 'because user Ann chose "Cube", "Dune" and "Alien"; its text counts most'
    assert told.sentence == f'"Excalibur" {reasons}'
    known = dataclasses.replace(told, item="a")
    assert known.sentence.startswith('"Excalibur" (chosen before) because user Ann chose')
    # In a log of ratings, the history has what the user did not like too.
    rated = dataclasses.replace(known, rated_low=frozenset("ab"))
    assert rated.sentence.startswith('"Excalibur" (rated before) because user Ann rated "Cube"')
    assert dataclasses.replace(told, rated_low=frozenset("b")).sentence == told.sentence
    two = dataclasses.replace(told, history=history[:3], modalities={"text": 0.1, "ids": 0.4})
    assert two.sentence.endswith('because user Ann chose "Cube" and "Alien"; its ids count most')
    none = dataclasses.replace(told, history=history[1:2], modalities={"text": -0.5})
    assert none.sentence == '"Excalibur" not because of any item in the history'


def test_who_and_what_is_not_there(small, run):
    with pytest.raises(DataError, match="--user: 'nobody' is no user of"):
        explain(run, user="nobody", item=small.item_ids[0], quiet=True)
    with pytest.raises(DataError, match="--item: 'nothing' is no item of"):
        explain(run, user=small.user_ids[0], item="nothing", quiet=True)
