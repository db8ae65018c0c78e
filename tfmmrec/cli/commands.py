"""All commands of `tfmmrec`, in the order of `tfmmrec --help`.

Stages are imported inside the functions of the commands: they load TensorFlow, which takes seconds,
and which only the command that runs should pay for. Options and folders that can be checked without
it are checked first, so that a typing error is reported at once.
"""

from tfmmrec.cli.data_commands import DATA_COMMANDS
from tfmmrec.cli.evaluation_commands import EVALUATION_COMMANDS
from tfmmrec.cli.serving_commands import SERVING_COMMANDS
from tfmmrec.cli.tool_commands import TOOL_COMMANDS
from tfmmrec.cli.training_commands import TRAINING_COMMANDS

COMMANDS = (
    DATA_COMMANDS | TRAINING_COMMANDS | EVALUATION_COMMANDS | SERVING_COMMANDS | TOOL_COMMANDS
)
