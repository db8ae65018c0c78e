"""Compares late-fusion weights tuned after training with the planted ones of a synthetic world.

python benchmarks/tune_fusion.py --out FOLDER \
    --num-items 1200 --num-users 4000 --missing 0 --ids false

A synthetic world is generated, packed and trained on with late fusion. Then its weights are tuned.
The oracle tunes the weights of the users' true scores, without any training.

Planted weights apply to scores that are standardized per user. The cosines of a member are not
standardized. Each modality is therefore also shown by its effect: the standard deviation of its
part of the score over the catalog. The test split is read at the end and selects nothing. Prints a
Markdown table.
"""

import dataclasses
from pathlib import Path

import numpy as np

import tfmmrec.cli  # before TensorFlow: it enables legacy Keras
from tfmmrec.config.objective import objective_of
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.data.synthetic import SyntheticConfig, World, draw_world, write_world
from tfmmrec.evaluation.metrics.ranking import ranking_metrics
from tfmmrec.evaluation.ranking.rankers import model_ranker
from tfmmrec.evaluation.ranking.targets import targets_of
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.run_file import read_run
from tfmmrec.models.run_folder import load_run
from tfmmrec.models.scorer import Scorer
from tfmmrec.reports.tables import markdown_table
from tfmmrec.training.train import train
from tfmmrec.tuning.late_fusion.member_scores import MemberScores
from tfmmrec.tuning.late_fusion.score_cache import cache_scores
from tfmmrec.tuning.late_fusion.search import search_weights
from tfmmrec.tuning.late_fusion.tune_fusion import tune_fusion

MODALITIES = ("text", "image", "audio")
_STAGES = ("scores", "search")
METRIC = "ndcg@10"


def main(
    *,
    out: Path,
    num_items: int = 400,
    num_users: int = 1500,
    missing: float = 0.15,
    ids: bool = True,
    pool: str = "none",
    seeds: int = 1,
    tuner: str = "bayesian",
    trials: int = 100,
) -> None:
    """Measures the tuning of late-fusion weights after training.

    Args:
        out: folder for the world, the data and the runs; existing runs are reused.
        num_items: number of items.
        num_users: number of users.
        missing: share of the items that lack text, of those that lack an image, and of those that
            lack audio.
        ids: whether items have an id embedding.
        pool: pooling of the features of one modality into one member, the key of the training file.
        seeds: number of trainings, with seeds from 0.
        tuner: as for `tfmmrec tune-fusion`.
        trials: as for `tfmmrec tune-fusion`.
    """
    config = SyntheticConfig(num_items=num_items, num_users=num_users)
    world = draw_world(dataclasses.replace(config, missing=dict.fromkeys(MODALITIES, missing)))
    folder = Path(out)
    if not (folder / "data").exists():
        write_world(world, folder / "catalog")
        pack(folder / "catalog" / "dataset.yaml", folder / "data", PackConfig(quiet=True))
    planted = world.config.planted_weights()
    rows = [_row("planted", planted, planted)]
    true = _true_scores(world, folder)
    objective = objective_of("retrieval", METRIC)
    found = search_weights(true, objective, [np.full(3, 1 / 3)], tuner=tuner, trials=trials)
    known = dict(zip(MODALITIES, found.weights, strict=True))
    rows.append(_row("oracle (true scores)", known, known))
    for seed in range(seeds):
        run = folder / f"{'ids' if ids else 'content'}-{pool}-{seed}"
        if not run.exists():
            options = TrainConfig(
                fusion={"kind": "late"},
                query={"kind": "mean"},
                id_embedding=ids,
                pool=pool,
                seed=seed,
                refit=False,
                quiet=True,
            )
            train(folder / "data", run, options)
        rows += _searched(run, seed, tuner, trials)
    head = ["", "text", "image", "audio", "effect: text", "image", "audio", "others"]
    print(markdown_table([*head, "valid", "test", "scores, s", "search, s"], rows))


def _searched(run: Path, seed: int, tuner: str, trials: int) -> list[list[str]]:
    """Returns the rows of a run with its weights before and after tuning."""
    after = run.with_name(f"{run.name}-{tuner}-{trials}")
    if not after.exists():
        tune_fusion(run, after, tuner=tuner, trials=trials, objective=METRIC)
    bundle, rows = load_run(run, quiet=True), []
    scores = cache_scores(bundle, targets_of(bundle.dataset, "valid"))
    result = read_run(after)["metrics"]["tuned_fusion"]
    for name, folder, weights in (
        ("learned", run, result["initial_weights"]),
        ("tuned", None, result["searched_weights"]),
        ("used", after, result["weights"]),
    ):
        raw, counts = _by_modality(bundle, scores, weights)
        figures = ["", ""] if folder is None else _figures(load_run(folder, quiet=True))
        seconds = [f"{result['seconds'][k]:.1f}" if folder == after else "" for k in _STAGES]
        rows.append([*_row(f"seed {seed}: {name}", raw, counts)[:8], *figures, *seconds])
    return rows


def _by_modality(
    bundle: ModelBundle, scores: MemberScores, weights: dict[str, float]
) -> tuple[dict[str, float], dict[str, float]]:
    """Returns weights by modality, and the standard deviation of each modality's score part."""
    features = bundle.dataset.features("items")
    kinds = [features[name].value_kind if name in features else name for name in scores.names]
    raw, counts = {}, {}
    for kind in dict.fromkeys(kinds):
        own = [i for i, other in enumerate(kinds) if other == kind]
        raw[kind] = sum(weights[scores.names[i]] for i in own)
        part = sum(weights[scores.names[i]] * scores.scores[i] for i in own)
        here = scores.present[own].any(axis=0)
        counts[kind] = float(part[:, here].std(axis=1).mean())
    return raw, counts


def _figures(bundle: ModelBundle) -> list[str]:
    scorer = Scorer(bundle.model)
    vectors, figures = scorer.item_vectors(), []
    for split in ("valid", "test"):
        targets = targets_of(bundle.dataset, split)
        ranker = model_ranker(scorer, vectors, targets.histories)
        ranks = ranker.ranks(targets, ~bundle.dataset.cold_items)
        figures.append(f"{ranking_metrics(ranks)[METRIC]:.4f}")
    return figures


def _true_scores(world: World, folder: Path) -> MemberScores:
    """Returns the valid events with the true scores by modality instead of the members' scores."""
    dataset = Dataset(folder / "data")
    targets = targets_of(dataset, "valid")
    rows = np.unique(targets.user)
    users = np.searchsorted(world.user_ids(), np.array(dataset.user_ids)[rows])
    items = np.searchsorted(world.item_ids(), np.array(dataset.item_ids))
    true = [world.modality_scores(name)[np.ix_(users, items)] for name in MODALITIES]
    return MemberScores(
        names=MODALITIES,
        items=np.arange(len(items)),
        scores=np.stack(true).astype(np.float32),
        # The world does not redistribute the weight of a missing modality.
        present=np.ones([len(MODALITIES), len(items)], bool),
        user=np.searchsorted(rows, targets.user),
        item=targets.item,
        excluded=targets.excluded.of_users(rows),
    )


def _row(name: str, raw: dict[str, float], counts: dict[str, float]) -> list[str]:
    """Returns a row: shares within the three modalities, and the share of all others in total."""
    cells = []
    for values in (raw, counts):
        whole = sum(values[m] for m in MODALITIES)
        cells += [f"{values[m] / whole:.3f}" for m in MODALITIES]
    others = sum(counts.values()) - sum(counts[m] for m in MODALITIES)
    return [name, *cells, f"{others / sum(counts.values()):.2f}", "", "", "", ""]


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
