"""Imports a published split with precomputed vectors of several modalities into a data folder.

    python records/diffmm.py Datasets/tiktok --out data/tiktok

Reads the format of DiffMM and related papers: trnMat.pkl, valMat.pkl and tstMat.pkl, sparse
matrices of users by items, or the format of MMRec: NAME.inter, a TSV file with userID, itemID and
x_label (0 train, 1 valid, 2 test). Beside them are image_feat.npy, audio_feat.npy, text_feat.npy or
others of this kind, with a row per item.

Unpickling executes code that a file names. The matrices are therefore read by an unpickler that
creates SciPy's sparse matrices and NumPy's arrays, and refuses a file that names anything else.
"""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import yaml
from scipy import sparse

import tfmmrec.cli
from tfmmrec.data.catalog_writer import DATASET_FILE
from tfmmrec.data.packing import pack
from tfmmrec.data.storage import atomic_folder, refuse_existing
from tfmmrec.errors import DataError, one_line

_MATRICES = {"train": "trnMat.pkl", "valid": "valMat.pkl", "test": "tstMat.pkl"}
# By x_label.
_SPLITS = pa.array(["train", "valid", "test"])
_SUFFIX = "_feat.npy"
_ROWS_PER_GROUP = 4096

# The only objects that a pickle may name. Their private modules differ between versions, such as
# scipy.sparse.coo and scipy.sparse._coo, so that only the packages are compared.
_FORMS = [f"{form}_{kind}" for form in ("coo", "csr", "csc") for kind in ("matrix", "array")]
_RECONSTRUCT, _FROM_BUFFER = np.zeros(1).__reduce__()[0], np.zeros(1).__reduce_ex__(5)[0]
_ALLOWED: dict[tuple[str, str], Any] = {
    **{("scipy.sparse", name): getattr(sparse, name) for name in _FORMS},
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core", "_reconstruct"): _RECONSTRUCT,
    ("numpy.core", "_frombuffer"): _FROM_BUFFER,
    ("numpy._core", "_frombuffer"): _FROM_BUFFER,
}


class MatrixUnpickler(pickle.Unpickler):
    """Unpickles sparse matrices and arrays, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """Returns an allowed object; nothing is imported.

        Raises:
            pickle.UnpicklingError: the object is not allowed.
        """
        package = ".".join(module.split(".")[:2])
        if (package, name) not in _ALLOWED:
            raise pickle.UnpicklingError(
                f"it names {module}.{name}, which may execute code; only sparse matrices are read"
            )
        return _ALLOWED[package, name]


def main(source: Path, *, out: Path, catalog: Path | None = None, overwrite: bool = False) -> None:
    """Writes a published split as a catalog and packs it.

    Args:
        source: folder of the matrices, or of the .inter file, and of the vectors.
        out: data folder to write.
        catalog: folder of the catalog; default OUT.catalog.
        overwrite: whether to replace an existing catalog.
    """
    refuse_existing(out)
    pack(write_diffmm(source, catalog or Path(f"{out}.catalog"), overwrite=overwrite), out)


def write_diffmm(source: Path, folder: Path, *, overwrite: bool = False) -> Path:
    """Writes the catalog and returns the path of its dataset.yaml.

    Ids are the rows and columns of the matrices. Times of a .inter file are left out: histories of
    a split that is not by time would leak later events, which `tfmmrec evaluate` refuses.
    """
    refuse_existing(folder, replace=overwrite)
    path, interactions, num_items = read_interactions(source)
    vectors = _vectors(source)
    for name, values in vectors.items():
        if len(values) != num_items:
            raise DataError(
                f"{source / (name + _SUFFIX)}: must have a row per item. Received: {len(values)} "
                f"rows; {path.name} has {num_items} items"
            )
    features = {
        name: {"modality": "vector", "dim": values.shape[1]} for name, values in vectors.items()
    }
    content = {
        "name": source.resolve().name,
        "items": {"table": "items.parquet", "id": "item_id", "features": features},
        "interactions": {"table": "interactions.parquet", "user": "user_id", "item": "item_id"},
        "split": {"by": "column", "name": "split"},
    }
    with atomic_folder(folder, replace=overwrite) as partial:
        _write_items(partial / "items.parquet", vectors, num_items)
        pyarrow.parquet.write_table(interactions, partial / "interactions.parquet")
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        (partial / DATASET_FILE).write_text(text, encoding="utf-8")
    return folder / DATASET_FILE


def read_interactions(source: Path) -> tuple[Path, pa.Table, int]:
    """Returns the file that the number of items is from, the interactions, and that number."""
    inter = sorted(source.glob("*.inter"))
    if inter:
        return inter[0], *_read_inter(inter[0])
    parts, first = [], source / _MATRICES["train"]
    shape = None
    for split, name in _MATRICES.items():
        path = source / name
        if not path.is_file():
            raise DataError(
                f"{source}: not a published split; {name} is missing (or a NAME.inter file)"
            )
        matrix = read_matrix(path)
        shape = shape or matrix.shape
        if matrix.shape != shape:
            raise DataError(
                f"{path}: must be users x items of {first.name}, {shape[0]} x {shape[1]}. "
                f"Received: {matrix.shape[0]} x {matrix.shape[1]}"
            )
        parts.append(_table(matrix.row, matrix.col, pa.array([split] * matrix.nnz)))
    return first, pa.concat_tables(parts), matrix.shape[1]


def read_matrix(path: Path) -> sparse.coo_matrix:
    """Reads a pickled sparse matrix; entries of 0 are no interactions.

    Raises:
        DataError: the file is something else, or names an object that is not allowed.
    """
    try:
        with path.open("rb") as file:
            found = MatrixUnpickler(file).load()
        if not sparse.issparse(found):
            raise ValueError(f"it contains {type(found).__name__}")
        # SciPy's own code trusts the indices, which may be damaged. The constructor checks those of
        # a coo matrix. The result has one entry per pair.
        if found.format != "coo":
            found.check_format(full_check=True)
        matrix = sparse.csr_matrix(sparse.coo_matrix(found))
        matrix.eliminate_zeros()
        return matrix.tocoo()
    except Exception as error:  # a damaged pickle may raise anything
        raise DataError(f"{path}: not a pickled sparse matrix: {one_line(error)}") from None


def _read_inter(path: Path) -> tuple[pa.Table, int]:
    tabs = pyarrow.csv.ParseOptions(delimiter="\t")
    columns = {"userID": pa.int64(), "itemID": pa.int64(), "x_label": pa.int8()}
    convert = pyarrow.csv.ConvertOptions(column_types=columns, include_columns=list(columns))
    try:
        table = pyarrow.csv.read_csv(path, parse_options=tabs, convert_options=convert)
        users, items, labels = (table[name].combine_chunks() for name in columns)
        return _table(users, items, _SPLITS.take(labels)), max(items.to_pylist()) + 1
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise DataError(
            f"{path}: must have columns userID, itemID and x_label (0, 1 or 2), separated by tabs: "
            f"{one_line(error)}"
        ) from None


def _table(users: Any, items: Any, splits: pa.Array) -> pa.Table:
    return pa.table({"user_id": users, "item_id": items, "split": splits})


def _vectors(source: Path) -> dict[str, np.ndarray]:
    """Returns the vectors by modality, `[items, dim]`, which stay on disk."""
    found = {}
    for path in sorted(source.glob(f"*{_SUFFIX}")):
        try:
            values = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{path}: not a NumPy array: {one_line(error)}") from None
        if values.ndim != 2 or values.dtype.kind not in "fiu":
            raise DataError(
                f"{path}: must be numbers [items, dim]. "
                f"Received: {values.dtype} {list(values.shape)}"
            )
        found[path.name.removesuffix(_SUFFIX)] = values
    if not found:
        raise DataError(f"{source}: no vectors; image{_SUFFIX} or others are missing (unzip them)")
    return found


def _write_items(path: Path, vectors: dict[str, np.ndarray], num_items: int) -> None:
    """Writes the items with their vectors as float32, a group of rows at a time."""
    types = {name: pa.list_(pa.float32(), values.shape[1]) for name, values in vectors.items()}
    schema = pa.schema({"item_id": pa.int64(), **types})
    with pyarrow.parquet.ParquetWriter(path, schema) as writer:
        for start in range(0, num_items, _ROWS_PER_GROUP):
            rows = slice(start, min(start + _ROWS_PER_GROUP, num_items))
            columns = [pa.array(np.arange(rows.start, rows.stop))]
            for values in vectors.values():
                flat = pa.array(values[rows].astype(np.float32).ravel())
                columns.append(pa.FixedSizeListArray.from_arrays(flat, values.shape[1]))
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
