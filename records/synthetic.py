"""Draws a synthetic catalogue with a known answer and packs it.

python records/synthetic.py --out data/synthetic --world.num_items 400 --world.seed 7
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
    catalogue: Path | None = None,
    world: SyntheticConfig = _DEFAULT_WORLD,
    overwrite: bool = False,
) -> None:
    """Writes a synthetic catalogue, packs it and tells what the best possible answer reaches.

    Args:
        out: the data folder to write.
        catalogue: where the catalogue is written; by default OUT.catalogue.
        world: how large the world is and how plain its answer.
        overwrite: whether a catalogue that is there gives way.
    """
    refuse_existing(out)
    drawn = draw_world(world)
    folder = catalogue or Path(f"{out}.catalogue")
    pack(write_world(drawn, folder, overwrite=overwrite), out)
    for name, scores in (("oracle", drawn.oracle()), ("popularity", popularity_scores(drawn))):
        reached = measure(drawn, scores)
        print(f"{name}: HR@10 {reached['hr']:.3f}, NDCG@10 {reached['ndcg']:.3f}")


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
