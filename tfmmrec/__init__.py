"""tfmmrec: a multimodal two-tower recommender, from TFRecords to TensorFlow Serving.

The functions are the stages of the command line; each takes and writes folders. docs/PYTHON.md has
an example from tables to a served model.
"""

import importlib
from typing import TYPE_CHECKING, Any

from tfmmrec.config.tensorflow_notices import quieten_tensorflow
from tfmmrec.legacy_keras import enable_legacy_keras

# The one place that does both, before any module of tfmmrec imports TensorFlow.
enable_legacy_keras()
quieten_tensorflow()

from tfmmrec.errors import ConfigError, DataError, TfmmrecError  # noqa: E402
from tfmmrec.version import __version__  # noqa: E402

if TYPE_CHECKING:
    from tfmmrec.config.cold_start import ColdStartConfig
    from tfmmrec.config.contrastive import ContrastiveConfig
    from tfmmrec.config.data_validation import CheckConfig
    from tfmmrec.config.encoders import EncoderConfig
    from tfmmrec.config.finetuning import FinetuneConfig
    from tfmmrec.config.negatives import NegativesConfig
    from tfmmrec.config.optimizer import OptimizerConfig
    from tfmmrec.config.packing import PackConfig
    from tfmmrec.config.tasks import HeadConfig, JointConfig
    from tfmmrec.config.train_config import TrainConfig
    from tfmmrec.config.tune_config import TuneConfig
    from tfmmrec.config.validation import ValidationConfig
    from tfmmrec.data.dataset import Dataset, load_data
    from tfmmrec.data.packing.pack import pack
    from tfmmrec.evaluation.evaluate import EvaluationResult, evaluate
    from tfmmrec.models.bundle import ModelBundle
    from tfmmrec.models.run_folder import load_run
    from tfmmrec.models.update_run import update
    from tfmmrec.reports.data_validation.validate import check
    from tfmmrec.reports.evaluation.compare_runs import compare_runs
    from tfmmrec.reports.evaluation.evaluate_run import evaluate_run
    from tfmmrec.reports.explain import explain
    from tfmmrec.serving.batch_recommend import recommend, recommend_lines
    from tfmmrec.serving.export import export
    from tfmmrec.serving.search import search
    from tfmmrec.training.train import train
    from tfmmrec.tuning.tune import tune

# Where each public name is defined. It is imported when it is first used: TensorFlow takes seconds,
# and the command line and the doctor have to start without it.
_DEFINED_IN = {
    "CheckConfig": "tfmmrec.config.data_validation",
    "ColdStartConfig": "tfmmrec.config.cold_start",
    "ContrastiveConfig": "tfmmrec.config.contrastive",
    "Dataset": "tfmmrec.data.dataset",
    "EncoderConfig": "tfmmrec.config.encoders",
    "EvaluationResult": "tfmmrec.evaluation.evaluate",
    "FinetuneConfig": "tfmmrec.config.finetuning",
    "HeadConfig": "tfmmrec.config.tasks",
    "JointConfig": "tfmmrec.config.tasks",
    "ModelBundle": "tfmmrec.models.bundle",
    "NegativesConfig": "tfmmrec.config.negatives",
    "OptimizerConfig": "tfmmrec.config.optimizer",
    "PackConfig": "tfmmrec.config.packing",
    "TrainConfig": "tfmmrec.config.train_config",
    "TuneConfig": "tfmmrec.config.tune_config",
    "ValidationConfig": "tfmmrec.config.validation",
    "check": "tfmmrec.reports.data_validation.validate",
    "compare_runs": "tfmmrec.reports.evaluation.compare_runs",
    "evaluate": "tfmmrec.evaluation.evaluate",
    "evaluate_run": "tfmmrec.reports.evaluation.evaluate_run",
    "explain": "tfmmrec.reports.explain",
    "export": "tfmmrec.serving.export",
    "load_data": "tfmmrec.data.dataset",
    "load_run": "tfmmrec.models.run_folder",
    "pack": "tfmmrec.data.packing.pack",
    "recommend": "tfmmrec.serving.batch_recommend",
    "recommend_lines": "tfmmrec.serving.batch_recommend",
    "search": "tfmmrec.serving.search",
    "train": "tfmmrec.training.train",
    "tune": "tfmmrec.tuning.tune",
    "update": "tfmmrec.models.update_run",
}

__all__ = [
    "CheckConfig",
    "ColdStartConfig",
    "ConfigError",
    "ContrastiveConfig",
    "DataError",
    "Dataset",
    "EncoderConfig",
    "EvaluationResult",
    "FinetuneConfig",
    "HeadConfig",
    "JointConfig",
    "ModelBundle",
    "NegativesConfig",
    "OptimizerConfig",
    "PackConfig",
    "TfmmrecError",
    "TrainConfig",
    "TuneConfig",
    "ValidationConfig",
    "__version__",
    "check",
    "compare_runs",
    "evaluate",
    "evaluate_run",
    "explain",
    "export",
    "load_data",
    "load_run",
    "pack",
    "recommend",
    "recommend_lines",
    "search",
    "train",
    "tune",
    "update",
]


def __getattr__(name: str) -> Any:
    if name not in _DEFINED_IN:
        raise AttributeError(f"module 'tfmmrec' has no attribute {name!r}")
    value = getattr(importlib.import_module(_DEFINED_IN[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_DEFINED_IN})
