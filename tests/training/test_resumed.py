"""What a resumed training prints of its checkpoints."""

from tfmmrec.training.resumed import resumed_line


def test_a_complete_training_is_read():
    line = resumed_line("run.partial/c", (12, 0), {"epoch": 7}, is_complete=True)
    assert line == (
        "complete: 12 epochs, the best of which is 7; its weights are read from run.partial/c"
    )


def test_an_interrupted_training_says_where_it_continues():
    # Epochs are counted from 1 for people.
    after = resumed_line("c", (3, 0), {"epoch": 2}, is_complete=False)
    assert after == "resumed after epoch 3, from c"
    within = resumed_line("c", (3, 40), {"epoch": 2}, is_complete=False)
    assert within == "resumed after step 40 of epoch 4, from c"
