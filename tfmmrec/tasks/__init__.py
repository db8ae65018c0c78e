"""What a model is taught, one file a task."""

from tfmmrec.tasks.base import Read, Reading, Task
from tfmmrec.tasks.retrieval import RetrievalTask

__all__ = ["Read", "Reading", "RetrievalTask", "Task"]
