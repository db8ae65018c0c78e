"""A synthetic catalogue with a known answer: text, pictures and sounds from hidden factors."""

from tfmmrec.synthetic.config import SyntheticConfig
from tfmmrec.synthetic.drawing import draw_world
from tfmmrec.synthetic.oracle import measure, popularity_scores
from tfmmrec.synthetic.world import World
from tfmmrec.synthetic.writing import write_world

__all__ = [
    "SyntheticConfig",
    "World",
    "draw_world",
    "measure",
    "popularity_scores",
    "write_world",
]
