"""Whether a data folder is whole and what it holds: found, counted, printed and drawn."""
