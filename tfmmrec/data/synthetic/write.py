"""Renders a synthetic world and writes it as a catalog."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tfmmrec.data.catalog_writer import write_catalog
from tfmmrec.data.synthetic.config import MODALITIES
from tfmmrec.data.synthetic.images import draw_picture
from tfmmrec.data.synthetic.sampling import SEGMENTS
from tfmmrec.data.synthetic.sounds import play_sound
from tfmmrec.data.synthetic.texts import write_words
from tfmmrec.data.synthetic.world import World

ITEM_FEATURES = {
    "title": {"modality": "text"},
    "description": {"modality": "text"},
    "picture": {"modality": "image"},
    "sound": {"modality": "audio"},
    "genres": {"modality": "categorical", "separator": "|"},
    "year": {"modality": "number"},
}
USER_FEATURES = {"age": {"modality": "number"}, "segment": {"modality": "categorical"}}


def write_world(world: World, folder: Path, *, overwrite: bool = False) -> Path:
    """Writes the catalog of a world; equal worlds give equal bytes.

    Args:
        world: the world.
        folder: the catalog folder, which is created atomically.
        overwrite: whether to replace an existing folder.

    Returns:
        The path of dataset.yaml.
    """
    return write_catalog(
        folder,
        name="synthetic",
        items=_items(world),
        item_features=ITEM_FEATURES,
        users=_users(world),
        user_features=USER_FEATURES,
        interactions=_interactions(world),
        split={"by": "last_out"},
        overwrite=overwrite,
    )


def _items(world: World) -> Iterator[dict[str, Any]]:
    config = world.config
    for row, identity in enumerate(world.item_ids()):
        # Separate noise per item, so that a larger world has the same media.
        noise = {
            name: np.random.default_rng([config.seed, number, row])
            for number, name in enumerate(MODALITIES)
        }
        cluster = {name: int(world.clusters[name][row]) for name in MODALITIES}
        detail = {name: world.details[name][row] for name in MODALITIES}
        item: dict[str, Any] = {
            "item_id": identity,
            "genres": "|".join(world.genres[row]),
            "year": int(world.years[row]),
        }
        if world.present["text"][row]:
            words = write_words(cluster["text"], detail["text"], noise["text"])
            item["title"], item["description"] = words
        if world.present["image"][row]:
            picture = draw_picture(
                cluster["image"], detail["image"], noise["image"], size=config.picture_size
            )
            item["picture"] = (f"{identity}.png", picture)
        if world.present["audio"][row]:
            sound = play_sound(
                cluster["audio"], detail["audio"], noise["audio"], seconds=config.sound_seconds
            )
            item["sound"] = (f"{identity}.wav", sound)
        yield item


def _users(world: World) -> Iterator[dict[str, Any]]:
    for row, identity in enumerate(world.user_ids()):
        segment = SEGMENTS[world.segments[row]]
        yield {"user_id": identity, "age": int(world.ages[row]), "segment": segment}


def _interactions(world: World) -> Iterator[dict[str, Any]]:
    items, users = world.item_ids(), world.user_ids()
    for user, item, time in world.events.tolist():
        yield {"user_id": users[user], "item_id": items[item], "timestamp": time}
