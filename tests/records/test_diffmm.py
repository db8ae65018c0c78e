"""records/diffmm.py on tiny folders of both formats, and on pickles that it must not load."""

import os
import pickle

import numpy as np
import pytest
from scipy import sparse

from tfmmrec.data.dataset import Dataset
from tfmmrec.errors import DataError

# (user, item) pairs of three users and four items.
PAIRS = {
    "trnMat": [(0, 0), (0, 1), (1, 1), (2, 2)],
    "valMat": [(0, 2)],
    "tstMat": [(1, 3), (2, 0)],
}
VECTORS = {"image": [[1, 2], [3, 4], [5, 6], [7, 8]], "audio": [[0.5], [1.5], [2.5], [3.5]]}


@pytest.fixture(scope="module")
def diffmm(load_script):
    return load_script("diffmm")


def matrix(pairs, shape=(3, 4)):
    users, items = zip(*pairs, strict=True)
    return sparse.coo_matrix((np.ones(len(pairs)), (users, items)), shape)


def write_matrices(source):
    for name, pairs in PAIRS.items():
        (source / f"{name}.pkl").write_bytes(pickle.dumps(matrix(pairs), protocol=3))


def write_vectors(source):
    for name, rows in VECTORS.items():
        np.save(source / f"{name}_feat.npy", np.array(rows, np.float16))


def pairs_of(data, split):
    events = data.events(split)
    users = [int(data.user_ids[row]) for row in events.user]
    items = [int(data.item_ids[row]) for row in events.item]
    return sorted(zip(users, items, strict=True))


def check_world(data):
    assert [pairs_of(data, split) for split in ("train", "valid", "test")] == list(PAIRS.values())
    assert data.item_ids[:] == ["0", "1", "2", "3"]
    assert {name: modality.dim for name, modality in data.schema.items.items()} == {
        "audio": 1,
        "image": 2,
    }
    for name, rows in VECTORS.items():
        values = next(iter(data.values("items", name, batch_size=9))).numpy()
        np.testing.assert_array_equal(values, rows)


def test_matrices_become_a_data_folder(diffmm, source, tmp_path):
    write_matrices(source)
    write_vectors(source)
    diffmm.main(source, out=tmp_path / "data")
    check_world(Dataset(tmp_path / "data"))


def test_an_inter_file_becomes_the_same(diffmm, source, tmp_path):
    lines = ["userID\titemID\trating\ttimestamp\tx_label"]
    for label, pairs in enumerate(PAIRS.values()):
        lines += [f"{user}\t{item}\t5.0\t1400000000\t{label}" for user, item in pairs]
    (source / "baby.inter").write_text("\n".join(lines) + "\n")
    write_vectors(source)
    diffmm.main(source, out=tmp_path / "data")
    check_world(Dataset(tmp_path / "data"))


@pytest.mark.parametrize("protocol", range(3, 6))
@pytest.mark.parametrize("form", ["coo_matrix", "csr_matrix", "csc_matrix", "coo_array"])
def test_forms_of_matrices(diffmm, tmp_path, form, protocol):
    dense = np.array([[0, 2.0, 0], [1, 0, 0]])
    path = tmp_path / "trnMat.pkl"
    path.write_bytes(pickle.dumps(getattr(sparse, form)(dense), protocol))
    np.testing.assert_array_equal(diffmm.read_matrix(path).toarray(), dense)


def test_zeros_and_repeated_entries_are_no_interactions_of_their_own(diffmm, tmp_path):
    given = sparse.coo_matrix(([1.0, 1.0, 0.0], ([0, 0, 1], [1, 1, 0])), (2, 2))
    path = tmp_path / "trnMat.pkl"
    path.write_bytes(pickle.dumps(given))
    found = diffmm.read_matrix(path)
    assert list(zip(found.row, found.col, strict=True)) == [(0, 1)]


class Command:
    """Unpickles as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("function", [os.mkdir, eval, pickle.loads], ids=lambda f: f.__name__)
def test_a_pickle_that_calls_something_is_refused(diffmm, tmp_path, function):
    made = tmp_path / "made"
    argument = {
        os.mkdir: str(made),
        eval: f"__import__('os').mkdir({str(made)!r})",
        pickle.loads: pickle.dumps(Command(os.mkdir, str(made))),
    }[function]
    given = matrix(PAIRS["trnMat"])
    # In a place that the matrix itself needs, after everything else has been loaded.
    given.data = Command(function, argument)
    path = tmp_path / "trnMat.pkl"
    path.write_bytes(pickle.dumps(given))
    with pytest.raises(DataError, match=r"names \w+\.\w+, which may execute code"):
        diffmm.read_matrix(path)
    assert not made.exists()
    pickle.loads(path.read_bytes())
    assert made.exists(), "the same pickle is harmful where it is loaded without restrictions"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "Ran out of input"),
        (b"version https://git-lfs", "not a pickled sparse matrix"),
        (pickle.dumps(np.ones(3)), "it contains ndarray"),
        (pickle.dumps([1, 2]), "it contains list"),
    ],
)
def test_something_else_than_a_matrix(diffmm, tmp_path, content, words):
    path = tmp_path / "trnMat.pkl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words):
        diffmm.read_matrix(path)


@pytest.mark.parametrize(
    ("form", "attribute", "values"),
    [
        ("coo", "col", [0, 1, 1, 4]),
        ("coo", "col", [0, 1, 1]),
        ("csr", "indices", [0, 1, 1, -5]),
        ("csr", "indptr", [0, 2, 1 << 30, 4]),
        ("csc", "indices", [0, 1, 1, 3]),
    ],
)
def test_damaged_indices_are_refused(diffmm, tmp_path, form, attribute, values):
    given = matrix(PAIRS["trnMat"]).asformat(form)
    setattr(given, attribute, np.array(values, np.int32))
    path = tmp_path / "trnMat.pkl"
    path.write_bytes(pickle.dumps(given))
    with pytest.raises(DataError, match="not a pickled sparse matrix: "):
        diffmm.read_matrix(path)


def test_errors_in_the_source(diffmm, source, tmp_path):
    def write():
        diffmm.write_diffmm(source, tmp_path / "out")

    with pytest.raises(DataError, match=r"not a published split; trnMat.pkl is missing"):
        write()
    write_matrices(source)
    with pytest.raises(DataError, match=r"no vectors; image_feat.npy or others are missing"):
        write()
    write_vectors(source)
    (source / "valMat.pkl").write_bytes(pickle.dumps(matrix(PAIRS["valMat"], (3, 5))))
    with pytest.raises(DataError, match=r"valMat.pkl: must be .* 3 x 4. Received: 3 x 5"):
        write()
    (source / "valMat.pkl").unlink()
    with pytest.raises(DataError, match=r"valMat.pkl is missing"):
        write()
    write_matrices(source)
    np.save(source / "text_feat.npy", np.ones([3, 2]))
    with pytest.raises(
        DataError, match=r"text_feat.npy: must have a row per item. Received: 3 rows; trnMat.pkl"
    ):
        write()
    np.save(source / "text_feat.npy", np.ones(4))
    with pytest.raises(DataError, match=r"must be numbers \[items, dim\]. Received: float64 \[4\]"):
        write()
    np.save(source / "text_feat.npy", np.array([[Command(os.getcwd)]] * 4), allow_pickle=True)
    with pytest.raises(DataError, match=r"text_feat.npy: not a NumPy array"):
        write()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "content", ["userID\titemID\n0\t0\n", "userID\titemID\tx_label\n0\t0\t3\n"]
)
def test_an_inter_file_without_labels_of_splits_is_refused(diffmm, source, tmp_path, content):
    (source / "baby.inter").write_text(content)
    write_vectors(source)
    with pytest.raises(
        DataError, match=r"baby.inter: must have columns userID, itemID and x_label"
    ):
        diffmm.write_diffmm(source, tmp_path / "out")
