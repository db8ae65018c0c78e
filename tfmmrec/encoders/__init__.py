"""Encoders: what turns a feature's raw value into a vector, and the cache of their outputs."""
