"""What a model is taught, one file a task."""

from tfmmrec.tasks.base import Read, Reading, Task
from tfmmrec.tasks.loss_weighting import LossWeighting
from tfmmrec.tasks.rating_click import OutcomeTask
from tfmmrec.tasks.rating_click_head import OutcomeHead
from tfmmrec.tasks.retrieval import RetrievalTask

__all__ = [
    "LossWeighting",
    "OutcomeHead",
    "OutcomeTask",
    "Read",
    "Reading",
    "RetrievalTask",
    "Task",
]
