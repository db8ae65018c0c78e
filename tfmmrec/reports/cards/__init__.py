"""The model card and the data card of a run, as Markdown."""
