"""Decoders of media formats in core ops or PyAV."""
