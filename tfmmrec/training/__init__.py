"""The training loop: batches, optimizer step, callbacks and checkpoints."""
