"""Input pipelines: training examples, sequence windows and sampled non-clicks."""
