"""Decoders of media files, in core ops where they are served."""
