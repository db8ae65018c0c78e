"""The weights of late fusion, searched after training over cached member scores."""
