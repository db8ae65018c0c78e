"""Export of a run as a SavedModel for stock TensorFlow Serving."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.plain_paths import plain_path
from tfmmrec.data.storage import atomic_folder
from tfmmrec.errors import DataError
from tfmmrec.modalities import Modality
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.output_path import check_output_path
from tfmmrec.models.run_folder import load_run
from tfmmrec.serving.input_facts import write_facts
from tfmmrec.serving.input_names import ServedInputs, input_specs, rename_inputs
from tfmmrec.serving.serving_model import HISTORY_TIME, USER, ServingModel
from tfmmrec.serving.warmup import Request, read_warmup, write_warmup


def export(run: str | Path, out: str | Path, *, quiet: bool = False) -> Path:
    """Exports a run as the next version of a served model.

    The signatures are `serving_default` (histories to item ids and scores), `encode_items` (raw
    content to embeddings), `search` (raw content to item ids and scores) and, for a model with a
    rating or click task, `predict` (histories and one item each to predictions).
    docs/formats/serving.md defines their inputs; `ServingModel` documents the variables of the
    SavedModel. Every signature is run on the warm-up requests before the folder appears.

    Args:
        run: a run folder.
        out: the folder of the model; the version is a folder in it.
        quiet: no progress bars.

    Returns:
        The folder of the version.

    Raises:
        TfmmrecError: the run cannot be loaded, or the folder cannot be written.
    """
    run, out = Path(run), Path(out)
    check_output_path("--out", out)
    bundle = load_run(run, quiet=quiet)
    version_dir = Path(out) / str(_next_version(Path(out)))
    with atomic_folder(version_dir) as folder:
        _save(bundle, folder, out.name)
        _run_warmup(folder)
    return version_dir


def _save(bundle: ModelBundle, folder: Path, model_name: str) -> None:
    serving_model = ServingModel(bundle)
    requests = _warmup_requests(serving_model, bundle.dataset)
    servable = tf.Module()
    # The functions and the objects that they read, without Keras layers as such.
    servable.resources = serving_model.resources()
    inputs = ServedInputs.of(serving_model.items.modalities, serving_model.users.modalities)
    tf.saved_model.save(servable, str(folder), signatures=_signatures(serving_model, inputs))
    rename_inputs(folder, inputs.parameters)
    modalities = serving_model.items.modalities, serving_model.users.modalities
    write_facts(folder, input_specs(folder), inputs, *modalities)
    write_warmup(folder, model_name, requests)
    _free([servable.resources["item_index"], servable.resources["search"]])


def _free(resources: Any) -> None:
    """Empties variables, so that their memory is not taken twice when the saved ones are loaded.

    TensorFlow keeps the graphs of the signatures, and thereby the variables.
    """
    for each in tf.nest.flatten(resources):
        if isinstance(each, tf.Variable):
            tf.raw_ops.AssignVariableOp(resource=each.handle, value=tf.zeros([0], each.dtype))


def _next_version(out: Path) -> int:
    if out.exists() and not out.is_dir():
        raise DataError(f"{out}: is a file; give a folder")
    versions = [int(path.name) for path in out.glob("*") if path.name.isdecimal()]
    return max(versions, default=0) + 1


def _signatures(serving_model: ServingModel, inputs: ServedInputs) -> dict[str, Any]:
    strings = tf.TensorSpec([None, None], tf.string)
    counts = tf.TensorSpec([None], tf.int32)
    users = inputs.specs(inputs.users, serving_model.users.modalities)
    if serving_model.user_rows is not None:
        users[USER] = tf.TensorSpec([None], tf.string, USER)
    if serving_model.model.reads_times:
        users[HISTORY_TIME] = tf.TensorSpec([None, None], tf.int64, HISTORY_TIME)
    items = inputs.specs(inputs.items, serving_model.items.modalities)

    def answer(items_and_scores: tuple[tf.Tensor, tf.Tensor]) -> dict[str, tf.Tensor]:
        return {"items": items_and_scores[0], "scores": items_and_scores[1]}

    def split(user: Mapping[str, tf.Tensor]) -> dict[str, Any]:
        rest = {"users": user.get(USER), "times": user.get(HISTORY_TIME)}
        return {"user_features": inputs.features(inputs.users, user), **rest}

    def recommend(history: tf.Tensor, exclude: tf.Tensor, k: tf.Tensor, **user: tf.Tensor) -> Any:
        return answer(serving_model.recommend(history, exclude, k, **split(user)))

    def predict(history: tf.Tensor, item: tf.Tensor, **user: tf.Tensor) -> Any:
        return serving_model.predict(history, item, **split(user))

    def encode_items(**values: tf.Tensor) -> Any:
        return {"vectors": serving_model.encode_items(inputs.features(inputs.items, values))}

    def search(k: tf.Tensor, **values: tf.Tensor) -> Any:
        return answer(serving_model.search(inputs.features(inputs.items, values), k))

    signatures = {
        "serving_default": tf.function(recommend).get_concrete_function(
            _named(strings, "history"), _named(strings, "exclude"), _named(counts, "k"), **users
        )
    }
    if serving_model.model.heads:
        signatures["predict"] = tf.function(predict).get_concrete_function(
            _named(strings, "history"), _named(tf.TensorSpec([None], tf.string), "item"), **users
        )
    if items:
        signatures["encode_items"] = tf.function(encode_items).get_concrete_function(**items)
        signatures["search"] = tf.function(search).get_concrete_function(
            _named(counts, "k"), **items
        )
    return signatures


def _named(spec: tf.TensorSpec, name: str) -> tf.TensorSpec:
    return tf.TensorSpec(spec.shape, spec.dtype, name)


def _warmup_requests(serving_model: ServingModel, dataset: Dataset) -> list[Request]:
    """Requests of one and of two rows for each signature, with real and with missing content.

    Real content runs the decoders and encoders; a missing image or audio file skips them.
    """
    inputs = ServedInputs.of(serving_model.items.modalities, serving_model.users.modalities)
    ids = serving_model.item_ids.numpy()[:2]
    requests: list[Request] = []
    for size in (1, 2):
        users = _absent(inputs.users, serving_model.users.modalities, size)
        if serving_model.user_rows is not None:
            users[USER] = np.full([size], b"", object)
            users[USER][0] = dataset.user_ids[0].encode()
        if serving_model.model.reads_times:
            users[HISTORY_TIME] = np.zeros([size, 2], np.int64)
            # A minute apart, in the year 2020.
            users[HISTORY_TIME][0] = 1_600_000_000, 1_600_000_060
        items = _absent(inputs.items, serving_model.items.modalities, size)
        for name, value in _example_values(serving_model, dataset).items():
            key = inputs.items[name]
            # Missing values are padded to the width of the example.
            items[key] = np.resize(items[key], [size, *value.shape[1:]])
            items[key][:1] = value
        k = np.full([size], 10, np.int32)
        history = np.full([size, 2], b"", object)
        history[0, : len(ids)] = ids
        exclude = np.full([size, 1], b"", object)
        query = {"history": history, "exclude": exclude, "k": k}
        requests.append(("serving_default", {**query, **users}))
        if serving_model.model.heads:
            item = np.full([size], ids[0], object)
            requests.append(("predict", {"history": history, "item": item, **users}))
        if items:
            requests.append(("encode_items", items))
            requests.append(("search", {**items, "k": k}))
    return requests


def _absent(
    inputs: Mapping[str, str], modalities: Mapping[str, Modality], size: int
) -> dict[str, np.ndarray]:
    values = {}
    for name, key in inputs.items():
        spec = modalities[name].signature(key)
        shape = [size, *(length or 1 for length in spec.shape[1:])]
        nothing: Any = b"" if spec.dtype == tf.string else np.nan
        dtype: Any = object if spec.dtype == tf.string else spec.dtype.as_numpy_dtype
        values[key] = np.full(shape, nothing, dtype)
    return values


def _example_values(serving_model: ServingModel, dataset: Dataset) -> dict[str, np.ndarray]:
    """One present value of each string feature, in the form of a request, `[1]` or `[1, n]`."""
    examples = {}
    for name, modality in serving_model.items.modalities.items():
        if modality.signature(name).dtype != tf.string:
            continue
        for values in dataset.values("items", name, batch_size=64):
            found = np.flatnonzero(modality.present(values).numpy())
            if len(found):
                value = modality.servable_values(values[int(found[0])])
                examples[name] = value[tf.newaxis].numpy()
                break
    return examples


def _run_warmup(folder: Path) -> None:
    """Runs every signature, since a graph that loads may still fail when it runs."""
    loaded = tf.saved_model.load(plain_path(folder))
    specs = input_specs(folder)
    for signature, inputs in read_warmup(folder):
        parameters = {key: spec.name for key, spec in specs[signature].items()}
        loaded.signatures[signature](**{parameters[k]: tf.constant(v) for k, v in inputs.items()})
