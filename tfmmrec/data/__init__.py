"""From tables and media to TFRecords, and from TFRecords to arrays and pipelines."""
