"""The value store: atomic parts that are written, read back and shared by processes."""

import numpy as np
import pytest
import tensorflow as tf

from tfmmrec.encoders.cache.value_store import DamagedPart, ValueStore, hash_values

A, B, C = (letter * 16 for letter in (b"a", b"b", b"c"))


def read(store: ValueStore, keys: list[bytes]) -> dict[int, list]:
    return {
        int(place): output.tolist()
        for places, outputs in store.read(keys)
        for place, output in zip(places, outputs, strict=True)
    }


def test_outputs_come_back_for_each_key(tmp_path):
    store = ValueStore(tmp_path / "store")
    store.put([A, B], np.array([[1.0], [2.0]], np.float32))
    assert A not in store
    store.flush()
    assert A in store and C not in store
    store.put([C], np.array([[3.0]], np.float32))
    store.flush()
    store.flush()  # nothing is pending
    assert len(list((tmp_path / "store").iterdir())) == 2
    for each in (store, ValueStore(tmp_path / "store")):
        assert read(each, [C, A, C, B]) == {0: [3.0], 1: [1.0], 2: [3.0], 3: [2.0]}
        assert next(each.read([A]))[1].dtype == np.float32
        assert each.longest([A, B, C]) == 0


def test_parts_are_written_by_time_and_by_size(tmp_path, monkeypatch):
    store = ValueStore(tmp_path)
    store.put([A], np.zeros([1, 4], np.float32))
    assert A not in store
    monkeypatch.setattr("tfmmrec.encoders.cache.value_store._PART_BYTES", 32)
    store.put([B], np.zeros([1, 4], np.float32))
    assert A in store and B in store
    monkeypatch.setattr("tfmmrec.encoders.cache.value_store._PART_SECONDS", 0.0)
    store.put([C], np.zeros([1, 1], np.float32))
    assert C in store


def test_what_another_process_wrote_is_taken_in(tmp_path):
    one, two = ValueStore(tmp_path), ValueStore(tmp_path)
    one.put([A], np.array([[1.0]]))
    one.flush()
    assert A not in two
    two.refresh()
    assert read(two, [A]) == {0: [1.0]}


def test_lists_of_vectors_keep_their_lengths(tmp_path):
    store = ValueStore(tmp_path)
    # Zeros before a vector belong to the list, zeros behind do not.
    store.put([A], np.array([[[0.0], [1.0], [0.0], [0.0]]]))
    store.put([B, C], np.array([[[2.0]], [[0.0]]]))
    store.flush()
    for each in (store, ValueStore(tmp_path)):
        assert [each.longest([key]) for key in (A, B, C)] == [2, 1, 0]
        assert each.longest([B, A, C]) == 2 and each.longest([]) == 0
        assert read(each, [A, B]) == {0: [[0.0], [1.0]], 1: [[2.0], [0.0]]}


@pytest.mark.parametrize("kept", [0, 10, 200, -1])
def test_a_part_that_was_cut_off_is_removed(tmp_path, kept):
    store = ValueStore(tmp_path)
    store.put([A], np.array([[1.0]]))
    store.flush()
    [part] = tmp_path.iterdir()
    part.write_bytes(part.read_bytes()[:kept])
    with pytest.raises(DamagedPart):
        read(store, [A])
    assert A not in store and not part.exists()
    part.write_bytes(b"PK" + bytes(kept % 7))
    assert A not in ValueStore(tmp_path) and not part.exists()


def test_a_part_that_is_gone_is_damage_too(tmp_path):
    store = ValueStore(tmp_path)
    store.put([A], np.array([[1.0]]))
    store.flush()
    next(tmp_path.iterdir()).unlink()
    with pytest.raises(DamagedPart):
        read(store, [A])
    assert A not in store


def test_hashes_tell_values_apart_and_lists_as_a_whole():
    one, two, same = hash_values(tf.constant(["a", "b", "a"]))
    assert one == same != two and len(one) == 16
    lists = tf.ragged.constant([["ab"], ["a", "b"], ["b", "a"], [], ["ab"], ["1:a"], [""]])
    hashes = hash_values(lists)
    assert hashes[0] == hashes[4] and len(set(hashes)) == 6
    rows = hash_values(tf.constant([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0]]))
    assert rows[0] == rows[2] != rows[1]
    numbers = hash_values(tf.ragged.constant([[1, 2], [1], [1, 2]]))
    assert numbers[0] == numbers[2] != numbers[1]
