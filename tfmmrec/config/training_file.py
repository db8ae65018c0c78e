"""The training file as scripts read it; the command line reads it with its other options."""

from pathlib import Path
from typing import Any

import yaml

from tfmmrec.config.presets import with_preset
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.errors import ConfigError, one_line


def read_training_file(path: Path | None, **given: Any) -> TrainConfig:
    """Reads a training file.

    Args:
        path: None is an empty one.
        **given: keys that stand above those of the file; `preset` names a preset, whose keys
            stand below both.

    Raises:
        ConfigError: there is no such file, or it is none.
    """
    if path is None:
        return TrainConfig(**with_preset(given))
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        return TrainConfig(**with_preset({**content, **given}))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError, ConfigError) as error:
        raise ConfigError(f"{path}: {one_line(error)}") from None
