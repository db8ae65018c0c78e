"""Generates a synthetic catalog, whose best possible metrics are known, and packs it.

python records/synthetic.py --out data/synthetic --world.num-items 400 --world.seed 7
"""

from pathlib import Path

import tfmmrec.cli
from tfmmrec.data.packing import pack
from tfmmrec.data.storage import refuse_existing
from tfmmrec.data.synthetic import (
    SyntheticConfig,
    draw_world,
    measure,
    popularity_scores,
    write_world,
)

_DEFAULT_WORLD = SyntheticConfig()


def main(
    *,
    out: Path,
    catalog: Path | None = None,
    world: SyntheticConfig = _DEFAULT_WORLD,
    overwrite: bool = False,
) -> None:
    """Generates a synthetic catalog, packs it and prints the best possible metrics.

    Args:
        out: data folder to write.
        catalog: folder of the catalog; default OUT.catalog.
        world: size of the world, weights of its modalities and noise of the interactions.
        overwrite: whether to replace an existing catalog.
    """
    refuse_existing(out)
    drawn = draw_world(world)
    folder = catalog or Path(f"{out}.catalog")
    pack(write_world(drawn, folder, overwrite=overwrite), out)
    for name, scores in (("oracle", drawn.oracle()), ("popularity", popularity_scores(drawn))):
        reached = measure(drawn, scores)
        print(f"{name}: HR@10 {reached['hr']:.3f}, NDCG@10 {reached['ndcg']:.3f}")


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
