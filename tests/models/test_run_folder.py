"""Run folders: saved weights are restored, and changed data or encoders are refused."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.errors import DataError, TfmmrecError
from tfmmrec.models.bundle import build_bundle
from tfmmrec.models.run_folder import load_run, save_run
from tfmmrec.models.scorer import Scorer
from tfmmrec.models.unscorable_items import unscorable_items, warn_unscorable_items
from tfmmrec.serving.batch_recommend import recommend


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    # Items and users have a feature of the same name, with other values.
    (folder / "items.csv").write_text("id,country\n1,DE\n2,FR\n3,\n")
    (folder / "users.csv").write_text("id,country\nu,XX\nv,YY\n")
    (folder / "log.csv").write_text("user,item\nu,1\nu,2\nv,3\n")
    features = {"country": {"modality": "categorical"}}
    content = {
        "items": {"table": "items.csv", "id": "id", "features": features},
        "users": {"table": "users.csv", "id": "id", "features": features},
        "interactions": {"table": "log.csv", "user": "user", "item": "item"},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content))
    pack(folder / "set.yaml", folder / "data", PackConfig(quiet=True))
    return folder / "data"


def test_a_run_is_restored(data, tmp_path):
    bundle = build_bundle(Dataset(data), TrainConfig(dim=4, seed=3, quiet=True))
    for variable in bundle.model.trainable_variables:
        variable.assign_add(0.1 * np.ones(variable.shape))
    save_run(tmp_path, bundle, {"ndcg@10": 0.5})
    loaded = load_run(tmp_path, quiet=True)
    # The width of the terms in closed form is fixed, so that an update does not adapt it.
    terms = bundle.model.item_tower.closed_form
    assert terms is not None and loaded.config.closed_form.dim == terms.dim == loaded.dataset.count(
        "items"
    )
    assert dataclasses.replace(loaded.config, closed_form={}) == bundle.config
    np.testing.assert_array_equal(
        Scorer(loaded.model).item_vectors(), Scorer(bundle.model).item_vectors()
    )
    fresh = build_bundle(Dataset(data), TrainConfig(dim=4, seed=3, quiet=True))
    assert not np.allclose(Scorer(fresh.model).item_vectors(), Scorer(bundle.model).item_vectors())


def test_changed_runs_are_refused(data, tmp_path):
    with pytest.raises(DataError, match="not a run folder"):
        load_run(tmp_path)
    save_run(tmp_path, build_bundle(Dataset(data), TrainConfig(dim=4, quiet=True)), {})
    saved = (tmp_path / "run.json").read_text()
    for old, new, reason in (
        ('"format": 8', '"format": 1', "run format 1, this version reads 8; train it again"),
        ('"manifest_sha256": "', '"manifest_sha256": "0', "changed since; run tfmmrec update"),
        ('"dim": 4', '"dim": 5', "the weights cannot be read"),
        ('"dim": 4', '"width": 4', "config"),
        ('"words": ', '"text": ', "run.json: has no model.words; train again"),
        ('"data": "', '"folder": "', "run.json: has no data; train again"),
    ):
        assert old in saved
        (tmp_path / "run.json").write_text(saved.replace(old, new))
        with pytest.raises(TfmmrecError, match=reason) as caught:
            load_run(tmp_path, quiet=True)
        assert "\n" not in str(caught.value)
    # An encoder that changed is refused when it is needed.
    (tmp_path / "run.json").write_text(saved.replace('"fingerprint": "', '"fingerprint": "0'))
    with pytest.raises(DataError, match="the encoder of country changed since; train again"):
        load_run(tmp_path, quiet=True).items.encoders["country"]
    encoders = json.loads(saved)["encoders"]
    assert encoders["items"]["country"] != encoders["users"]["country"]


def test_unscorable_items_are_named_and_never_recommended(data, tmp_path, capsys):
    # Item 3 has no country, and is not positive for anybody but v; without ids it is mute.
    bundle = build_bundle(Dataset(data), TrainConfig(dim=4, id_embedding=False, quiet=True))
    assert unscorable_items(bundle).tolist() == [False, False, True]
    warn_unscorable_items(unscorable_items(bundle), bundle.dataset.item_ids)
    assert capsys.readouterr().err == (
        "tfmmrec: 1 items have neither content nor events to train on, and are in no answer: 3\n"
    )
    scorer = Scorer(bundle.model)
    histories = bundle.dataset.histories(["train"])
    _, scores = next(scorer.scores(scorer.item_vectors(), histories, np.array([0, 1])))
    assert np.isneginf(scores[:, 2]).all() and np.isfinite(scores[:, :2]).all()
    (tmp_path / "run").mkdir()
    save_run(tmp_path / "run", bundle, {})
    for line in recommend(tmp_path / "run", k=3, quiet=True):
        assert "3" not in line["items"]
    with_ids = build_bundle(Dataset(data), TrainConfig(dim=4, quiet=True))
    assert not unscorable_items(with_ids).any()
    warn_unscorable_items(unscorable_items(with_ids), bundle.dataset.item_ids)
    assert capsys.readouterr().err == ""
