"""Keras layers: projections, pooling, fusion and history encoders."""
