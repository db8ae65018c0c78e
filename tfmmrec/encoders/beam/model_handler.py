"""The encoders of tfmmrec as a model of Beam's RunInference."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from apache_beam.ml.inference.base import ModelHandler

from tfmmrec.encoders.beam.job import METRICS, EncodedValues, EncodeJob, StoredValue
from tfmmrec.encoders.cache.cached_encode import broken_value
from tfmmrec.encoders.cache.encode_loop import BrokenRow, encode_rows, encoding_function


class LoadedEncoder:
    """The encoder of a job, ready to encode records.

    Args:
        job: the job.
    """

    def __init__(self, job: EncodeJob):
        self._job = job
        encoder = job.create_encoder()
        modalities = [job.modality(source) for source in range(len(job.sources))]
        self._modalities = modalities
        self._encode = encoding_function(encoder, modalities[0])

    def encode(self, batch: Sequence[StoredValue]) -> EncodedValues:
        """Encodes values of one source.

        Raises:
            DataError: the encoder fails on a value.
        """
        source = batch[0].source
        entity, feature = self._job.sources[source]
        modality = self._modalities[source]
        parsed = tf.io.parse_example(
            [value.record for value in batch], {feature: modality.parsing()}
        )
        try:
            encodings = encode_rows(modality, self._encode, parsed[feature], np.arange(len(batch)))
        except BrokenRow as error:
            at = BrokenRow(batch[error.row].row, error.reason)
            raise broken_value(self._job.dataset, entity, feature, at) from None
        return EncodedValues(source, [value.key for value in batch], encodings)


class EncoderHandler(ModelHandler[StoredValue, EncodedValues, LoadedEncoder]):
    """Loads an encoder once per worker process, and encodes batches.

    Batches are formed before RunInference, so that they are those of `tfmmrec encode`; the model
    gives one output for each batch.

    Args:
        job: the job.
    """

    def __init__(self, job: EncodeJob):
        super().__init__()
        self._job = job

    def load_model(self) -> LoadedEncoder:
        with self._job.errors.reporting():
            return LoadedEncoder(self._job)

    def run_inference(
        self,
        batch: Sequence[StoredValue],
        model: LoadedEncoder,
        inference_args: dict[str, Any] | None = None,
    ) -> Iterable[EncodedValues]:
        with self._job.errors.reporting():
            return [model.encode(batch)]

    def should_skip_batching(self) -> bool:
        return True

    def get_num_bytes(self, batch: Sequence[StoredValue]) -> int:
        return sum(len(value.record) for value in batch)

    def get_metrics_namespace(self) -> str:
        return METRICS
