"""Fills the encoding cache of a data folder on the workers of a Beam runner."""

import dataclasses
import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from apache_beam.metrics.metric import MetricsFilter

from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.beam.run import create_pipeline, run_pipeline
from tfmmrec.data.beam.worker_errors import WorkerErrors
from tfmmrec.data.dataset import Dataset, EntityName
from tfmmrec.data.storage import scratch_folder
from tfmmrec.encoders.base import FeatureEncoder
from tfmmrec.encoders.beam.job import METRICS, EncodeJob
from tfmmrec.encoders.beam.pipeline import EncodeValues
from tfmmrec.encoders.cache.cached_encode import read_cached, store_key
from tfmmrec.encoders.encoded_features import (
    EncodedEntities,
    encode_entities,
    input_features,
    trainable_options,
)
from tfmmrec.encoders.factory import create_unreduced_encoder, reduced_dim
from tfmmrec.modalities import Modality

_ENTITIES: tuple[EntityName, EntityName] = ("items", "users")


def encode_on_beam(
    data: Path, config: TrainConfig, *, flags: Sequence[str] = ()
) -> dict[EntityName, EncodedEntities]:
    """Fills the encoding cache like `encode_entities`, on the workers of a cluster.

    The workers encode the values that the cache lacks into its value stores; then this process
    writes the tables of encodings from the stores, as `encode_entities` does. If the pipeline is
    stopped, the next one, or `tfmmrec encode`, continues from the values that were encoded.

    Args:
        data: the data folder; every worker needs it, its cache and the modules of the encoders
            under the same paths.
        config: the training options, which name the features and their encoders.
        flags: options of Beam, such as `--runner=FlinkRunner` (default: run in this process).

    Returns:
        The encoded items and users.

    Raises:
        ConfigError: an encoder cannot be used.
        DataError: an encoder fails on a value, or a worker fails.
        StorageError: the cache cannot be written.
    """
    cache = config.cache or os.environ.get("TFMMREC_CACHE_DIR")
    folder = Path(os.path.abspath(data))
    dataset = Dataset(folder, cache=os.path.abspath(Path(cache).expanduser()) if cache else None)
    start = time.monotonic()
    counts = _fill_stores(dataset, config, flags)
    seconds = time.monotonic() - start
    quiet = dataclasses.replace(config, quiet=True)
    return {
        entity: _with_work(encode_entities(dataset, entity, quiet), entity, counts, seconds)
        for entity in _ENTITIES
    }


def _fill_stores(dataset: Dataset, config: TrainConfig, flags: Sequence[str]) -> Mapping[str, int]:
    """Runs the pipeline; returns the number of encoded values by `ENTITY.FEATURE`."""
    with scratch_folder(dataset.cache / "beam") as scratch:
        jobs = list(_create_jobs(dataset, config, WorkerErrors(scratch)))
        if not jobs:
            return {}
        pipeline = create_pipeline(flags)
        for job in jobs:
            pipeline | job.name >> EncodeValues(job)
        result = run_pipeline(pipeline, jobs[0].errors, str(dataset.folder))
    counters = result.metrics().query(MetricsFilter().with_namespace(METRICS))["counters"]
    return {counter.key.metric.name: counter.result for counter in counters}


def _create_jobs(
    dataset: Dataset, config: TrainConfig, errors: WorkerErrors
) -> Iterator[EncodeJob]:
    """Yields a job for each value store that the cache may lack values of."""
    jobs: dict[str, EncodeJob] = {}
    for entity in _ENTITIES:
        modalities = input_features(dataset, entity, config)
        trainable = trainable_options(entity, modalities, config)
        for feature, encoder in _encoders(dataset, entity, config, modalities, trainable).items():
            modality = modalities[feature]
            if not encoder.is_network or read_cached(dataset, entity, feature, encoder.fingerprint):
                continue
            store = store_key(encoder, modality)
            if store in jobs:
                sources = (*jobs[store].sources, (entity, feature))
                jobs[store] = dataclasses.replace(jobs[store], sources=sources)
                continue
            jobs[store] = EncodeJob(
                data=dataset.folder,
                cache=dataset.cache,
                store=dataset.cache / store,
                sources=((entity, feature),),
                declaration=config.encoders.get(feature, "builtin"),
                trainable=feature in trainable,
                fingerprint=encoder.fingerprint,
                errors=errors,
            )
    yield from jobs.values()


def _encoders(
    dataset: Dataset,
    entity: EntityName,
    config: TrainConfig,
    modalities: Mapping[str, Modality],
    trainable: Collection[str],
) -> dict[str, FeatureEncoder]:
    """The encoders without a PCA, in the order of `encode_entities`: it fits PCAs first."""
    encoders = {
        feature: create_unreduced_encoder(
            dataset,
            entity,
            feature,
            config.encoders.get(feature, "builtin"),
            trainable=feature in trainable,
        )
        for feature in modalities
    }

    def is_whole(feature: str) -> bool:
        pca_dim = 0 if feature in trainable else config.pca_dim
        return not reduced_dim(dataset, entity, feature, encoders[feature], pca_dim=pca_dim)

    return {feature: encoders[feature] for feature in sorted(encoders, key=is_whole)}


def _with_work(
    encoded: EncodedEntities, entity: EntityName, counts: Mapping[str, int], seconds: float
) -> EncodedEntities:
    """Adds what the workers encoded to what this process did."""
    encodings = {
        name: dataclasses.replace(
            one, num_encoded=one.num_encoded + counts[f"{entity}.{name}"], seconds=seconds
        )
        if counts.get(f"{entity}.{name}")
        else one
        for name, one in encoded.encodings.items()
    }
    return dataclasses.replace(encoded, encodings=encodings)
