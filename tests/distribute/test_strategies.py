"""The strategies: selection, requirements, and the distribution of batches."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from tests.distribute.worlds import config
from tfmmrec.distribute.cluster import read_cluster
from tfmmrec.distribute.strategies import (
    create_strategy,
    gather_from_processes,
    is_chief,
    is_server,
    needs_static_shapes,
    resolve_strategy,
)
from tfmmrec.encoders.finetuning import TARGET_ITEMS
from tfmmrec.errors import ConfigError
from tfmmrec.training import requirements
from tfmmrec.training.distribute_batches import split_batches
from tfmmrec.training.requirements import check_devices


def configure(monkeypatch, cluster: dict, type: str = "worker", index: int = 0) -> None:
    content = {"cluster": cluster, "task": {"type": type, "index": index}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(content))


def test_auto_follows_the_environment(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.delenv("TPU_NAME", raising=False)
    gpus: list[str] = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)

    def found() -> str:
        return resolve_strategy("auto", read_cluster())

    assert found() == "one"
    gpus.append("GPU:0")
    assert found() == "one"
    gpus.append("GPU:1")
    assert found() == "mirrored"
    monkeypatch.setenv("TPU_NAME", "local")
    assert found() == "tpu"
    configure(monkeypatch, {"worker": ["a:1"]})
    assert found() == "tpu"
    configure(monkeypatch, {"chief": ["a:1"], "worker": ["b:1"]})
    assert found() == "multiworker"
    configure(monkeypatch, {"chief": ["a:1"], "worker": ["b:1"], "ps": ["c:1"]})
    assert found() == "parameter_server"
    assert resolve_strategy("one", read_cluster()) == "one"


def test_a_tpu_needs_static_shapes(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.delenv("TPU_NAME", raising=False)
    assert not needs_static_shapes("auto", False) and not needs_static_shapes("mirrored", False)
    assert needs_static_shapes("tpu", False) and needs_static_shapes("one", True)
    monkeypatch.setenv("TPU_NAME", "local")
    assert needs_static_shapes("auto", False) and not needs_static_shapes("one", False)


def test_one_process_is_the_chief(monkeypatch):
    def roles(cluster: dict) -> list[tuple[bool, bool]]:
        found = []
        for type, addresses in cluster.items():
            for index in range(len(addresses)):
                configure(monkeypatch, cluster, type, index)
                found.append((read_cluster().is_chief, is_server("auto")))
        return found

    assert roles({"worker": ["a:1", "b:1"]}) == [(True, False), (False, False)]
    assert roles({"chief": ["a:1"], "worker": ["b:1"]}) == [(True, False), (False, False)]
    tasks = {"chief": ["a:1"], "worker": ["b:1"], "ps": ["c:1"]}
    assert roles(tasks) == [(True, False), (False, True), (False, True)]


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"cluster": {"worker": ["a:1"]}}', '{"cluster": {}, "task": 3}']
)
def test_an_invalid_tf_config_is_quoted(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ConfigError, match=r"TF_CONFIG must be like .* Received: ") as raised:
        create_strategy("auto")
    assert str(raised.value).endswith(text)


def test_a_task_outside_of_the_cluster_is_refused(monkeypatch):
    configure(monkeypatch, {"worker": ["a:1"]}, index=1)
    with pytest.raises(ConfigError, match="TF_CONFIG must be like"):
        read_cluster()


def test_several_processes_need_tf_config(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(ConfigError, match="multiworker needs TF_CONFIG, in each process"):
        create_strategy("multiworker")
    with pytest.raises(ConfigError, match="there is no chief and no worker and no ps"):
        create_strategy("parameter_server")
    configure(monkeypatch, {"worker": ["a:1"], "ps": ["b:1"]})
    with pytest.raises(ConfigError, match=r"there is no chief$"):
        create_strategy("auto")
    with pytest.raises(ConfigError, match="TF_CONFIG has ps tasks; use parameter_server"):
        create_strategy("multiworker")


def test_unknown_strategies_are_refused():
    with pytest.raises(ConfigError, match=r"one of auto, one, .*, tpu\. Received: 'several'"):
        config(strategy="several")


def test_one_device_is_enough(monkeypatch, capsys):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    one = create_strategy("one")
    assert one.num_replicas_in_sync == 1 and is_chief(one)
    assert gather_from_processes(one, np.array([1.0, 2.0])).tolist() == [[1.0, 2.0]]
    assert create_strategy("mirrored").num_replicas_in_sync == 1
    assert "strategy: mirrored trains on a single device" in capsys.readouterr().err


def test_a_batch_has_a_row_for_each_replica():
    two = SimpleNamespace(num_replicas_in_sync=2)
    with pytest.raises(
        ConfigError, match="batch_size: a batch of 1 rows cannot be divided among 2"
    ):
        check_devices(two, SimpleNamespace(model=SimpleNamespace(trainable_features={})), 1)


@pytest.mark.parametrize("option", ["cross_batch_memory_size", "num_mined"])
def test_asynchronous_workers_have_no_state_between_steps(monkeypatch, option):
    monkeypatch.setattr(requirements, "is_asynchronous", lambda strategy: True)
    given = SimpleNamespace(
        model=SimpleNamespace(trainable_features={}), config=config(negatives={option: 2})
    )
    with pytest.raises(ConfigError, match=f"negatives: {option}: with parameter_server"):
        check_devices(SimpleNamespace(num_replicas_in_sync=1), given, 8)


def test_a_tpu_does_not_fine_tune_encoders(monkeypatch):
    monkeypatch.setattr(tf.distribute, "TPUStrategy", SimpleNamespace)
    trained = SimpleNamespace(trainable_features={"title": None})
    bundle = SimpleNamespace(model=trained, config=config(strategy="tpu"))
    with pytest.raises(
        ConfigError, match=r"strategy: tpu cannot fine-tune encoders, .* finetune of title"
    ):
        check_devices(SimpleNamespace(num_replicas_in_sync=2), bundle, 8)


def test_a_batch_is_split_into_parts():
    batches = tf.data.Dataset.from_tensors(
        {"item": tf.constant([7, 8, 7, -1, 9]), "history": tf.reshape(tf.range(10), [5, 2])}
    )
    found = list(split_batches(batches, 3, range(1, 3), with_target_items=True))
    # Of three parts, 0 is not wanted; 5 rows are 1, 2 and 2 of them, 3 items 1 each.
    assert [part["item"].numpy().tolist() for part in found] == [[8, 7], [-1, 9]]
    assert [part["history"].numpy().tolist() for part in found] == [
        [[2, 3], [4, 5]],
        [[6, 7], [8, 9]],
    ]
    assert [part[TARGET_ITEMS].numpy().tolist() for part in found] == [[8], [9]]
    even = split_batches(batches, 5, range(5))
    assert {name: spec.shape.as_list() for name, spec in even.element_spec.items()} == {
        "item": [1],
        "history": [1, 2],
    }
