"""The results of a data validation, as console and page show them."""

import dataclasses
from pathlib import Path

from tfmmrec.data.dataset import Dataset
from tfmmrec.reports.data_validation.anomalies import Anomalies
from tfmmrec.reports.data_validation.entity_statistics import EntityStatistics
from tfmmrec.reports.data_validation.interaction_statistics import EventStatistics
from tfmmrec.reports.data_validation.rejects import Rejects
from tfmmrec.reports.data_validation.sample import Cards


@dataclasses.dataclass(frozen=True)
class Findings:
    """The results of a data validation.

    Attributes:
        folder: the data folder.
        num_files: the number of files in its manifest.
        anomalies: all anomalies.
        dataset: the opened data folder, or None if it cannot be opened.
        sides: the statistics of items and users; empty if the folder cannot be opened.
        events: the statistics of the interactions.
        rejects: the rows and values that packing rejected.
        cards: a sample of items.
    """

    folder: Path
    num_files: int
    anomalies: Anomalies
    dataset: Dataset | None = None
    entities: tuple[EntityStatistics, ...] = ()
    events: EventStatistics | None = None
    rejects: Rejects | None = None
    cards: Cards | None = None
