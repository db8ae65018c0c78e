"""The weights of late fusion, searched after training over scores that are worked out once."""
