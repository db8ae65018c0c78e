"""Several values of a feature, as everything that checks and shows them takes them: one by one."""

from collections.abc import Sequence
from typing import Any

from tensorflow_metadata.proto.v0 import schema_pb2

from tfmmrec.modalities import MultiValued
from tfmmrec.reports.data_validation.feature_statistics import Description, describe
from tfmmrec.reports.data_validation.tfx_schema import add_domain
from tfmmrec.reports.data_validation.value_anomalies import ValueCheck, value_check
from tfmmrec.reports.tables import Chart


class SeveralDescription(Description):
    """Counts rows, and describes their values as those of one feature.

    Args:
        one: what describes the values.
    """

    def __init__(self, one: Description):
        super().__init__()
        self.one = one
        self.title, self.columns, self.texts = one.title, one.columns, one.texts  # type: ignore[misc]

    def observe(self, values: list[Any]) -> None:
        super().observe(values)
        self.one.observe([value for several in values for value in several])

    def row(self) -> Sequence[str]:
        return self.one.row()

    def charts(self, name: str) -> list[Chart]:
        return self.one.charts(name)


@describe.register
def _(modality: MultiValued, expected: int, seed: int) -> Description:
    return SeveralDescription(describe(modality.one, expected * modality.most, seed))


@value_check.register
def _(modality: MultiValued, vocabulary: Sequence[str], media: bool) -> ValueCheck:
    check_one = value_check(modality.one, vocabulary, media)

    def check(values: list[bytes]) -> str | None:
        for place, value in enumerate(values, start=1):
            if problem := check_one(value):
                return f"value {place}: {problem}"
        return None

    return check


@add_domain.register
def _(modality: MultiValued, feature: schema_pb2.Feature, counted: dict[str, Any]) -> None:
    add_domain(modality.one, feature, counted)
    feature.value_count.max = modality.most
