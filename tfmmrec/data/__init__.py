"""Data: tables and media to TFRecords, and TFRecords to arrays and input pipelines."""
