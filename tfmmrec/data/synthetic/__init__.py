"""A synthetic catalog with known ground truth: text, pictures and sounds from latent factors."""

from tfmmrec.data.synthetic.config import SyntheticConfig
from tfmmrec.data.synthetic.oracle import measure, popularity_scores
from tfmmrec.data.synthetic.sampling import draw_world
from tfmmrec.data.synthetic.world import World
from tfmmrec.data.synthetic.write import write_world

__all__ = ["SyntheticConfig", "World", "draw_world", "measure", "popularity_scores", "write_world"]
