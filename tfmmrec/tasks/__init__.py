"""What a model is taught, one file a task."""

from tfmmrec.config.tasks import TASKS, HeadOptions, JointOptions
from tfmmrec.tasks.base import Read, Reading, Task
from tfmmrec.tasks.loss_weighting import Balance
from tfmmrec.tasks.rating_click import OutcomeTask
from tfmmrec.tasks.rating_click_head import OutcomeHead
from tfmmrec.tasks.retrieval import RetrievalTask

__all__ = [
    "TASKS",
    "Balance",
    "HeadOptions",
    "JointOptions",
    "OutcomeHead",
    "OutcomeTask",
    "Read",
    "Reading",
    "RetrievalTask",
    "Task",
]
