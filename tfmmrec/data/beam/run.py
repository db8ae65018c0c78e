"""Creates and runs a pipeline."""

import logging
from collections.abc import Sequence
from typing import Any

import apache_beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineState

from tfmmrec.data.beam.worker_errors import WorkerErrors
from tfmmrec.errors import DataError

# The DirectRunner in one process. Under that name, it would search the network for Prism.
DEFAULT_RUNNER = "--runner=FnApiRunner"


def create_pipeline(flags: Sequence[str] = ()) -> apache_beam.Pipeline:
    """Creates an empty pipeline.

    Args:
        flags: options of Beam, such as `--runner=FlinkRunner` (default: run in this process).
    """
    # Workers in this process would print the traceback of an error that the launcher reports.
    logging.getLogger("apache_beam.runners.common").setLevel(logging.CRITICAL)
    return apache_beam.Pipeline(options=PipelineOptions([DEFAULT_RUNNER, *flags]))


def run_pipeline(pipeline: apache_beam.Pipeline, errors: WorkerErrors, subject: str) -> Any:
    """Runs a pipeline to its end.

    Args:
        pipeline: the pipeline.
        errors: where the workers of the pipeline report errors.
        subject: what the pipeline processes, for the message of an error.

    Returns:
        Beam's result, which has the metrics.

    Raises:
        DataError: a worker raised an error, or the runner failed without a reason.
    """
    try:
        result = pipeline.run()
        state = result.wait_until_finish()
    except Exception as error:
        message = errors.message()
        if message is None:
            raise
        raise DataError(message) from error
    if state != PipelineState.DONE:
        ended = f"{subject}: the pipeline ended as {state}; see the runner's log"
        raise DataError(errors.message() or ended)
    return result
