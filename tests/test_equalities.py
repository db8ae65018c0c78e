"""What must not change what is learned: a stop, XLA, several steps at once, parts of a batch."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from tfmmrec.config import TrainConfig
from tfmmrec.packing import PackOptions, pack
from tfmmrec.runs import load_run, read_run
from tfmmrec.training import train
from tfmmrec.watch import Watch

ITEMS, USERS = 12, 16
COLOURS = ("red", "green", "blue", "black")


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Users choose six of twelve items in turn; an item has two texts and a kind."""
    folder = tmp_path_factory.mktemp("turns")
    rows = [
        f"{item},k{item % 3},{COLOURS[item % 4]} {item % 5},{COLOURS[item // 3]} thing"
        for item in range(ITEMS)
    ]
    (folder / "items.csv").write_text("\n".join(["id,kind,title,plot", *rows]) + "\n")
    events = [
        f"u{user},{(user * 5 + step) % ITEMS},{step}" for user in range(USERS) for step in range(6)
    ]
    (folder / "log.csv").write_text("\n".join(["user,item,time", *events]) + "\n")
    features = {
        "kind": {"modality": "categorical"},
        "title": {"modality": "text"},
        "plot": {"modality": "text"},
    }
    content = {
        "items": {"table": "items.csv", "id": "id", "features": features},
        "interactions": {"table": "log.csv", "user": "user", "item": "item", "time": "time"},
        "split": {"by": "last_out"},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content))
    pack(folder / "set.yaml", folder / "data", PackOptions(quiet=True))
    return folder / "data"


def config(**options) -> TrainConfig:
    return TrainConfig(**{"dim": 8, "epochs": 3, "batch_size": 12, "quiet": True, **options})


# 64 events to train on: five steps of 12 an epoch, or with windows of 4 places (32 of them) five of 6.
SEQUENCE = {
    "query": {"kind": "transformer", "max_history": 4},
    "negatives": {"uniform": 3},
    "align": {"modalities": 0.1, "chosen": 0.1, "items": 6},
    "fusion": {"kind": "transformer", "heads": 2, "units": 8},
}


def weights(run: Path) -> list[np.ndarray]:
    return load_run(run, quiet=True).model.get_weights()


class Stop(BaseException):
    """As a kill would end it, without a word to anybody."""


@pytest.mark.parametrize(
    ("options", "stop"),
    [
        # The last whole epoch is the first; the second is taken anew.
        ({}, 8),
        # The last checkpoint is the third step of the second epoch.
        ({**SEQUENCE, "checkpoint_steps": 3, "optimizer": {"accumulate": 2, "clip": 0.5}}, 9),
    ],
)
def test_a_run_that_was_stopped_ends_with_the_same_bits(data, tmp_path, monkeypatch, options, stop):
    train(data, tmp_path / "whole", config(**options))
    steps, before = iter(range(1, 100)), Watch.on_train_batch_end

    def stopping(self, batch, logs=None):
        before(self, batch, logs)
        if next(steps) == stop:
            raise Stop

    with monkeypatch.context() as patched, pytest.raises(Stop):
        patched.setattr(Watch, "on_train_batch_end", stopping)
        train(data, tmp_path / "run", config(**options))
    train(data, tmp_path / "run", config(**options), resume=True)
    whole, run = weights(tmp_path / "whole"), weights(tmp_path / "run")
    assert all(np.array_equal(one, other) for one, other in zip(whole, run, strict=True))
    first, second = (read_run(tmp_path / name)["metrics"] for name in ("whole", "run"))
    assert {**first, "seconds": 0} == {**second, "seconds": 0}
    assert (tmp_path / "whole/history.json").read_text() == (
        tmp_path / "run/history.json"
    ).read_text()
