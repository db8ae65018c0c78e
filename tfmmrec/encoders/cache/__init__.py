"""The encoding cache: encodings are computed once per value and stored on disk."""
