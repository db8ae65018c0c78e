"""Readers of csv, tsv, jsonl and parquet tables; a malformed row does not affect others."""
