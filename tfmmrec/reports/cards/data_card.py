"""The data card, generated from a data folder.

Its sections are those of Gebru et al. 2018, "Datasheets for Datasets", arXiv 1803.09010.
"""

from pathlib import Path

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.interactions import SPLITS
from tfmmrec.data.storage import MANIFEST, checksum
from tfmmrec.reports.cards import data_facts
from tfmmrec.reports.cards.card_file import write_card
from tfmmrec.reports.markdown import escaped, render_markdown
from tfmmrec.reports.number_format import size

NAME = "data_card.md"


def write_data_card(run: Path, dataset: Dataset) -> bool:
    """Writes `data_card.md` into a run folder, or replaces its generated part.

    Args:
        run: the run folder.
        dataset: the data folder of the run.

    Returns:
        Whether it was written.
    """
    title = f"# Data card: {escaped(dataset.schema.name)}"
    owner = render_markdown("data_card_owner.md")
    return write_card(run / NAME, render_data_card(dataset), title=title, owner=owner)


def render_data_card(dataset: Dataset) -> str:
    """Renders the generated part of a card."""
    splits = [dataset.events(split) for split in SPLITS]
    counts = dataset.count("items"), dataset.count("users")
    files = dataset.manifest["files"]
    return render_markdown(
        "data_card.md",
        schema=dataset.schema,
        num_items=counts[0],
        num_users=counts[1],
        num_events=sum(map(len, splits)),
        splits=data_facts.split_rows(dataset),
        features={side: data_facts.feature_rows(dataset, side) for side in ("items", "users")},
        positive_rule=data_facts.positive_rule(splits),
        split_rule=data_facts.split_rule(dataset),
        cold_items=int(dataset.cold_items.sum()),
        cold_users=int(dataset.cold_users.sum()),
        rejects=dataset.statistics.get("rejects", {"count": 0, "share": 0.0}),
        reject_rows=data_facts.reject_rows(dataset),
        imbalances=data_facts.imbalances(splits, *counts),
        manifest=checksum(dataset.folder / MANIFEST),
        num_files=len(files),
        size=size(sum(entry["bytes"] for entry in files.values())),
    )
