"""Draws a synthetic world: latent factors, presence, preferences and events."""

import dataclasses

import numpy as np

from tfmmrec.data.synthetic.config import SyntheticConfig
from tfmmrec.data.synthetic.world import NUM_CLUSTERS, NUM_DETAILS, World

GENRES = ("comet", "harbour", "meadow", "lantern", "quarry", "willow")
SEGMENTS = ("amber", "birch", "cobalt", "dune")

_SEGMENT_SHARE = 0.15
_DAY = 86_400
_EPOCH = 1_600_000_000


def draw_world(config: SyntheticConfig) -> World:
    """Draws the items, the users and their events.

    The items of a user are drawn without replacement from a softmax over
    `strength * sum_m weight_m * present_m * score_m(user, item) + popularity(item)`.

    Examples:
        >>> world = draw_world(SyntheticConfig(num_items=30, num_users=5))
        >>> world.events.shape[1]
        3
    """
    # Separate random streams, so that one more user or missing picture does not change the rest.
    streams = np.random.SeedSequence(config.seed).spawn(6)
    factors, presence, tastes, choices, side, times = map(np.random.default_rng, streams)
    clusters, details = _draw_factors(config, factors)
    segments = tastes.integers(0, len(SEGMENTS), config.num_users)
    genres, years, ages = _draw_tabular(config, clusters["text"], side)
    world = World(
        config=config,
        clusters=clusters,
        details=details,
        present=_draw_presence(config, presence),
        tastes=_draw_tastes(segments, tastes),
        popularity=config.popularity * factors.standard_normal(config.num_items),
        genres=genres,
        years=years,
        segments=segments,
        ages=ages,
        events=np.zeros([0, 3], np.int64),
    )
    return dataclasses.replace(world, events=_draw_events(world, choices, times))


def _draw_factors(
    config: SyntheticConfig, rng: np.random.Generator
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    clusters, details = {}, {}
    for name, num_clusters in NUM_CLUSTERS.items():
        # Clusters of equal size, so that no modality predicts popularity.
        clusters[name] = rng.permutation(np.arange(config.num_items) % num_clusters)
        details[name] = rng.uniform(-1.0, 1.0, [config.num_items, NUM_DETAILS])
    return clusters, details


def _draw_presence(config: SyntheticConfig, rng: np.random.Generator) -> dict[str, np.ndarray]:
    names = list(NUM_CLUSTERS)
    present = np.stack(
        [rng.random(config.num_items) >= config.missing[name] for name in names], axis=1
    )
    bare = np.flatnonzero(~present.any(axis=1))
    present[bare, rng.integers(0, len(names), len(bare))] = True
    return {name: present[:, column] for column, name in enumerate(names)}


def _draw_tastes(segments: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    tastes = {}
    for name, num_clusters in NUM_CLUSTERS.items():
        dim = num_clusters + NUM_DETAILS
        shared = rng.standard_normal([len(SEGMENTS), dim])[segments]
        own = rng.standard_normal([len(segments), dim])
        tastes[name] = np.sqrt(_SEGMENT_SHARE) * shared + np.sqrt(1.0 - _SEGMENT_SHARE) * own
    return tastes


def _draw_tabular(
    config: SyntheticConfig, topics: np.ndarray, rng: np.random.Generator
) -> tuple[list[list[str]], np.ndarray, np.ndarray]:
    genres = []
    for topic in topics:
        drawn = list(rng.choice(len(GENRES), size=rng.integers(1, 4), replace=False))
        if rng.random() < config.genre_share:
            follows = int(topic) % len(GENRES)
            drawn = [follows, *[genre for genre in drawn[1:] if genre != follows]]
        genres.append([GENRES[genre] for genre in drawn])
    years = rng.integers(1960, 2025, config.num_items)
    ages = rng.integers(16, 80, config.num_users)
    return genres, years, ages


def _draw_events(
    world: World, choices: np.random.Generator, times: np.random.Generator
) -> np.ndarray:
    config = world.config
    # Sorting by logit + Gumbel noise equals drawing from the softmax without replacement
    # (Yellott, 1977).
    order = np.argsort(
        -(world.oracle() + choices.gumbel(size=[config.num_users, config.num_items]))
    )
    spread = times.gamma(2.0, (config.events_per_user - 3.0) / 2.0, config.num_users)
    counts = np.minimum(3 + times.poisson(spread), config.num_items // 2)
    events = []
    for user, count in enumerate(counts):
        start = _EPOCH + times.integers(0, 300 * _DAY)
        moments = start + np.cumsum(times.integers(30, 4 * _DAY, count))
        rows = [np.full(count, user), order[user, :count], moments]
        events.append(np.stack(rows, axis=1))
    return np.concatenate(events).astype(np.int64)
