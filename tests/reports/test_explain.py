"""Where a score comes from."""

import io

import pytest
import rich.console

from tests.once import ONCE
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.errors import DataError
from tfmmrec.reports.explain import explain, print_explanation
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


def test_who_and_what_is_not_there(small, run):
    with pytest.raises(DataError, match="--user: 'nobody' is no user of"):
        explain(run, user="nobody", item=small.item_ids[0], quiet=True)
    with pytest.raises(DataError, match="--item: 'nothing' is no item of"):
        explain(run, user=small.user_ids[0], item="nothing", quiet=True)
