"""What a model is taught, one file a task."""

from tfmmrec.tasks.balance import Balance
from tfmmrec.tasks.base import Read, Reading, Task
from tfmmrec.tasks.head import OutcomeHead
from tfmmrec.tasks.options import TASKS, HeadOptions, JointOptions
from tfmmrec.tasks.outcome import OutcomeTask
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
