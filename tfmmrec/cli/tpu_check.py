"""`tfmmrec doctor --tpu-check`: whether a TPU can run a training step, tested without a TPU."""

import dataclasses
import tempfile
from pathlib import Path

from tfmmrec.config.finetuning import finetune_options
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.config.training_file import read_training_file
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.data.synthetic import SyntheticConfig, draw_world, write_world
from tfmmrec.distribute.tpu_scan import Obstacle, obstacles
from tfmmrec.encoders.finetuning import add_inputs
from tfmmrec.errors import ConfigError
from tfmmrec.models.bundle import build_bundle
from tfmmrec.training.batches import create_batches
from tfmmrec.training.train_step import Trainer

_WORLD = SyntheticConfig(
    num_items=20, num_users=12, events_per_user=6, picture_size=32, sound_seconds=0.25
)


def tpu_check(file: Path, data: Path | None = None) -> int:
    """Prints the ops and inputs of a training step that a TPU cannot run.

    The step is that of one replica: the loss, its gradients, and the update of the weights.

    Args:
        file: a training file.
        data: the data folder, whose features are encoded if they are not in the cache (default: a
            small synthetic catalog).

    Returns:
        1 if there is any, else 0.

    Raises:
        ConfigError: the training file is invalid, or does not fit the data.
    """
    # Read without changes first, so that the file is validated as in training.
    config = dataclasses.replace(
        read_training_file(file), strategy="tpu", jit_compile=False, quiet=True
    )
    if data is not None:
        problems = find_obstacles(Dataset(data, cache=config.cache), config)
    else:
        with tempfile.TemporaryDirectory() as folder:
            dataset = _synthetic(Path(folder))
            problems = find_obstacles(dataset, _for_synthetic(dataset, config))
    for obstacle in problems:
        print(obstacle)
    print(f"{len(problems) or 'nothing'} in the step that a TPU cannot run")
    return int(bool(problems))


def find_obstacles(dataset: Dataset, config: TrainConfig) -> list[Obstacle]:
    """Builds a model and scans its training step.

    Args:
        dataset: the training data.
        config: the training config, with strategy `tpu`, so that the model has static shapes.
    """
    bundle = build_bundle(dataset, config)
    batches, model = create_batches(bundle), bundle.model
    inputs = add_inputs(batches.epochs(0), model.trainable_features, seed=config.seed, first_step=0)
    trainer = Trainer(model, config, config.epochs * batches.steps_per_epoch)
    return obstacles(trainer.train_step, inputs.element_spec)


def _synthetic(folder: Path) -> Dataset:
    """Packs a small synthetic catalog of texts, images and audio."""
    file = write_world(draw_world(_WORLD), folder / "catalog")
    pack(file, folder / "data", PackConfig(quiet=True))
    return Dataset(folder / "data")


def _for_synthetic(dataset: Dataset, config: TrainConfig) -> TrainConfig:
    """Removes the features that the synthetic catalog does not have.

    Raises:
        ConfigError: these are fine-tuned, or no features remain.
    """
    available = dataset.features("items")
    named = [*(config.features or ()), *finetune_options(config.finetune), *config.encoders]
    missing = [name for name in dict.fromkeys(named) if name not in available]
    features = config.features and [name for name in config.features if name in available]
    none_left = bool(missing) and features == []
    if none_left or any(name in finetune_options(config.finetune) for name in missing):
        raise ConfigError(
            f"the synthetic catalog of the check has no {', '.join(missing)}; it has "
            f"{', '.join(available)}; name the data folder by --data"
        )
    if missing:
        print(f"ignored, since the synthetic catalog does not have them: {', '.join(missing)}")
    encoders = {name: one for name, one in config.encoders.items() if name in available}
    return dataclasses.replace(config, features=features, encoders=encoders, cache=None)
