"""Export to a SavedModel of core ops, the embedded REST server, batch recommendation and search."""
