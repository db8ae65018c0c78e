"""A published split without times: a column names train, valid and test."""

import io

import numpy as np
import pytest
import rich.console
import yaml

from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.evaluation.evaluate import evaluate
from tfmmrec.models.bundle import build_bundle
from tfmmrec.reports.evaluation.console import print_metrics


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Dataset:
    """Twelve users with three events in train, one in valid and one in test, in any order."""
    folder = tmp_path_factory.mktemp("untimed")
    items = [f"i{n},{'red' if n % 2 else 'blue'}" for n in range(12)]
    parts = ("test", "train", "valid", "train", "train")
    rows = [f"u{u},i{(u + n) % 10},{part}" for u in range(12) for n, part in enumerate(parts)]
    # In train and in test.
    rows.append("u0,i1,test")
    (folder / "items.csv").write_text("\n".join(["id,color", *items]) + "\n")
    (folder / "log.csv").write_text("\n".join(["user,item,part", *rows]) + "\n")
    features = {"color": {"modality": "categorical"}}
    content = {
        "items": {"table": "items.csv", "id": "id", "features": features},
        "interactions": {"table": "log.csv", "user": "user", "item": "item"},
        "split": {"by": "column", "name": "part"},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content))
    pack(folder / "set.yaml", folder / "data", PackConfig(quiet=True))
    return Dataset(folder / "data")


@pytest.mark.parametrize("kind", ["mean", "gru", "transformer", "id"])
def test_it_is_evaluated_with_every_kind_of_query(data, kind):
    # Untrained: what is evaluated does not depend on the weights.
    bundle = build_bundle(data, TrainConfig(dim=4, query={"kind": kind}, quiet=True))
    for split, repeats in (("valid", 0), ("test", 1)):
        if split == "valid" and bundle.config.refit:
            continue
        found = evaluate(bundle, split=split, quiet=True).metrics
        assert (found["num_events"], found["num_repeats"]) == (12 + repeats, repeats)
        assert found["num_leaking"] is None
        assert "leakage" not in found["verdict"]
        assert found["warm"]["targets"] == 12
        # Of twelve items nobody chose the last two.
        assert found["warm"]["never_chosen"]["items"] == 2
        assert found["warm"]["baseline_notes"] == {
            "recent popularity": "not run: the log has no times"
        }


def test_it_is_said_once(data):
    bundle = build_bundle(data, TrainConfig(dim=4, query={"kind": "mean"}, quiet=True))
    metrics = evaluate(bundle, quiet=True).metrics
    out = io.StringIO()
    print_metrics(metrics, rich.console.Console(file=out, width=120))
    lines = out.getvalue().splitlines()
    # The verdict comes first, in words.
    assert lines[0].startswith("The model ")
    assert lines[1] == "test: 13 events, 1 repeat left out (the user chose the item before)"
    assert lines[2].startswith("The log has no times: ")
    assert out.getvalue().count("leakage") == 1
    assert "12 targets, 10 warm items and 2 never-chosen items ranked" in out.getvalue()
    counts = metrics["warm"]["never_chosen"]
    # 12 users, of whose 12 items 4 are in the history: 8 are listed, the two among them.
    assert counts == {"items": 2, "targets": 0, "recommendations": 24, "all_recommendations": 96}
    assert "Of 96 recommendations 24 were never chosen by anybody" in out.getvalue()
    assert np.isfinite(metrics["warm"]["lead"]["p"])
