"""Readers of csv, tsv, jsonl and parquet; a bad row never loses a good one."""
