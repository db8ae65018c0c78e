"""A run answers from what it has stored, without encoders, as the model that was trained does."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfmmrec.data.feature_values import read_feature_values
from tfmmrec.encoders import saved_encoders
from tfmmrec.errors import DataError
from tfmmrec.models.catalog_embeddings import catalog_embeddings
from tfmmrec.models.run_folder import load_run
from tfmmrec.reports.explain import explain
from tfmmrec.serving.batch_recommend import recommend
from tfmmrec.serving.search import search
from tfmmrec.serving.serving_model import ServingModel


@pytest.fixture
def created(monkeypatch) -> list[str]:
    """The features whose encoders are created within a test."""
    names, create = [], saved_encoders.create_encoder

    def recorded(dataset, entity, feature, *args, **kwargs):
        names.append(feature)
        return create(dataset, entity, feature, *args, **kwargs)

    monkeypatch.setattr(saved_encoders, "create_encoder", recorded)
    return names


def test_encoders_are_created_for_queries_of_their_modality_only(small, small_run, created):
    item = small.item_ids[0]
    recommend(small_run, users=small.user_ids[0], k=3, quiet=True)
    search(small_run, item=item, k=3)
    explain(small_run, user=small.user_ids[0], item=item, quiet=True)
    assert created == []
    search(small_run, text="red", k=3)
    assert sorted(created) == ["plot", "title"]


def test_recommendations_are_those_of_the_served_model(small, small_run):
    bundle = load_run(small_run, quiet=True)
    served = ServingModel(bundle)
    seen = bundle.dataset.histories(["train", "valid", "test"])
    for user, line in enumerate(recommend(small_run, k=4, quiet=True)):
        ids = [small.item_ids[row] for row in seen.of_user(user)]
        history, nothing = tf.constant([ids]), tf.constant([[""]])
        items, scores = served.recommend(history, nothing, tf.constant([4]), {})
        assert line["items"] == [name.decode() for name in items.numpy()[0] if name]
        np.testing.assert_allclose(
            line["scores"], scores.numpy()[0][: len(line["items"])], atol=1e-5
        )


def test_a_search_by_an_item_is_a_search_by_its_values(small, small_run):
    served = ServingModel(load_run(small_run, quiet=True))
    row = 3
    raw = read_feature_values(small, "items", np.array([row]))
    values = {
        name: small.schema.items[name].servable_values(v) if v.dtype == tf.string else v
        for name, v in raw.items()
    }
    items, scores = served.search(values, tf.constant([len(small.item_ids)]))
    # A request does not say which item its values are of; the search leaves the item out.
    own = items.numpy()[0].tolist().index(small.item_ids[row].encode())
    expected = np.delete(items.numpy()[0], own), np.delete(scores.numpy()[0], own)
    found = search(small_run, item=small.item_ids[row], k=5)
    assert [one["item"].encode() for one in found] == expected[0][:5].tolist()
    np.testing.assert_allclose([one["score"] for one in found], expected[1][:5], atol=1e-5)


def test_the_stored_embeddings_are_those_of_the_weights(small_run):
    bundle = load_run(small_run, quiet=True)
    computed = catalog_embeddings(bundle.model)
    np.testing.assert_allclose(bundle.catalog().item, computed.item, atol=1e-5)
    np.testing.assert_allclose(bundle.catalog().content, computed.content, atol=1e-5)
    for name, values in computed.encodings.items():
        np.testing.assert_allclose(bundle.catalog().encodings[name], values, atol=1e-5)
    assert {name: list(own) for name, own in bundle.catalog().present.items()} == {
        name: list(own) for name, own in computed.present.items()
    }


@pytest.mark.parametrize("name", ["item.npy", "encodings-0.npy", "counts.npy"])
def test_a_damaged_catalog_is_refused_in_one_line(small_run, tmp_path: Path, name):
    run = shutil.copytree(small_run, tmp_path / "run")
    whole = (run / "catalog" / name).read_bytes()
    for content in (whole[: len(whole) - 4], b""):
        (run / "catalog" / name).write_bytes(content)
        with pytest.raises(DataError, match=r"catalog: cannot be read: .*; train again") as caught:
            load_run(run, quiet=True)
        assert "\n" not in str(caught.value)
        assert name in str(caught.value) or name == "counts.npy"
    (run / "catalog" / name).unlink()
    with pytest.raises(DataError, match="catalog: cannot be read"):
        load_run(run, quiet=True)
