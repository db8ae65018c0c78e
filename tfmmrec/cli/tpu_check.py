"""Whether a TPU could take the training steps of a training file, said on a machine without one."""

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
    """Prints what in the step of a training a TPU cannot run.

    The step is that of one replica: the loss, its gradients, and the update of the weights.

    Args:
        file: a training file.
        data: the data folder that it trains on, whose encoded features are made where they are not
            there yet; by default a small catalogue that is drawn for the purpose.

    Returns:
        1 where something is found, else 0.

    Raises:
        ConfigError: the training file is wrong, or does not fit the data.
    """
    # Read as it is, so that what stands in the file is checked as it would be in training.
    config = dataclasses.replace(
        read_training_file(file), strategy="tpu", jit_compile=False, quiet=True
    )
    if data is not None:
        found = find_obstacles(Dataset(data, cache=config.cache), config)
    else:
        with tempfile.TemporaryDirectory() as folder:
            dataset = _drawn(Path(folder))
            found = find_obstacles(dataset, _for_drawn(dataset, config))
    for obstacle in found:
        print(obstacle)
    print(f"{len(found) or 'nothing'} in the step that a TPU cannot run")
    return int(bool(found))


def find_obstacles(dataset: Dataset, config: TrainConfig) -> list[Obstacle]:
    """Builds a model and scans its training step.

    Args:
        dataset: what it is trained on.
        config: how, with strategy `tpu`, so that the model has fixed shapes.
    """
    bundle = build_bundle(dataset, config)
    batches, model = create_batches(bundle), bundle.model
    fed = add_inputs(batches.epochs(0), model.trainable_features, seed=config.seed, first_step=0)
    trainer = Trainer(model, config, config.epochs * batches.steps_per_epoch)
    return obstacles(trainer.train_step, fed.element_spec)


def _drawn(folder: Path) -> Dataset:
    """Draws a catalogue of texts, pictures and sounds that takes no time to pack."""
    file = write_world(draw_world(_WORLD), folder / "catalogue")
    pack(file, folder / "data", PackConfig(quiet=True))
    return Dataset(folder / "data")


def _for_drawn(dataset: Dataset, config: TrainConfig) -> TrainConfig:
    """Leaves out features that the drawn catalogue has not.

    Raises:
        ConfigError: their encoders are what matters, or there would be none left.
    """
    known = dataset.features("items")
    given = [*(config.features or ()), *finetune_options(config.finetune), *config.encoders]
    strange = [name for name in dict.fromkeys(given) if name not in known]
    features = config.features and [name for name in config.features if name in known]
    untold = bool(strange) and features == []
    if untold or any(name in finetune_options(config.finetune) for name in strange):
        raise ConfigError(
            f"the catalogue drawn for the check has no {', '.join(strange)}; it has "
            f"{', '.join(known)}; name the data folder by --data"
        )
    if strange:
        print(
            f"left out, since the catalogue drawn for the check has no such: {', '.join(strange)}"
        )
    encoders = {name: chosen for name, chosen in config.encoders.items() if name in known}
    return dataclasses.replace(config, features=features, encoders=encoders, cache=None)
