"""The keys of the training file, with their defaults."""

import dataclasses
from pathlib import Path
from typing import Any

from tfmmrec.config.checks import (
    check_above,
    check_between,
    check_choice,
    check_count,
    check_rate,
)
from tfmmrec.config.choices import (
    AUTO,
    FEATURE_PLACES,
    HISTORY_CONTEXTS,
    POOLINGS,
    PRECISIONS,
    RETRIEVAL_LOSSES,
    STRATEGIES,
)
from tfmmrec.config.closed_form import ClosedFormConfig
from tfmmrec.config.cold_start import ColdStartConfig
from tfmmrec.config.contrastive import ContrastiveConfig
from tfmmrec.config.encoders import parse_choice
from tfmmrec.config.finetuning import finetune_options
from tfmmrec.config.known_fields import known_fields
from tfmmrec.config.negatives import NegativesConfig
from tfmmrec.config.objective import Objective, objective_of
from tfmmrec.config.optimizer import OptimizerConfig
from tfmmrec.config.parse import parse_fields
from tfmmrec.config.tasks import TASKS, HeadConfig, JointConfig
from tfmmrec.config.validation import ValidationConfig


@known_fields
@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """How a model is built and trained.

    A field that holds another config takes a mapping of its fields as well:
    `TrainConfig(negatives={"num_uniform": 64})`.

    Attributes:
        features: the item features to use (default all): `[title]` trains on titles alone.
        encoders: by feature `builtin` or `hub:HANDLE`, where HANDLE is a folder, a .tar.gz or an
            address; or a mapping with options, `{handle: hub:HANDLE, picture_size: 260}`, see
            docs/formats/training.md.
        finetune: the item features whose encoders are trained with the towers: `[poster]`, or the
            options of `FinetuneConfig` by feature, `{poster: {learning_rate: 0.00001}}`. Built-in
            encoders without pretrained weights are always trained.
        fusion: how the modalities of an item become one embedding: `{kind: weighted, ...}`.
        pool: how the features of one modality, such as title and plot, become one embedding before
            the fusion: `mean` or `attention`; `none` fuses them one by one.
        contrastive: contrastive losses over content embeddings, off by default:
            `{cross_modal: 0.1, co_engagement: 0.1}`.
        query: the history encoder, which reads a user's history: `{kind: mean, max_history: 50}`.
            The default, `{kind: auto}`, trains a `mean` and a `transformer` encoder and keeps the
            better one on valid.
        history_context: the events that a training example reads: `causal`, those before the
            target, as in serving; or `bidirectional`, those before and after it, which models a
            user's general taste rather than the next item. `bidirectional` is better for cold
            items and worse for known ones.
        task: `retrieval` predicts the next item; `rating` predicts ratings; `click` predicts
            whether a user interacts with an item; `joint` trains retrieval plus rating and click,
            where labels exist.
        head: the head that predicts ratings and clicks: `{factors: 64}`.
        joint: the weights of the losses of `task: joint`: `{uncertainty_weighting: true}`.
        loss: of retrieval: `softmax`, a sampled softmax over all negatives, or `bpr`, pairwise.
        negatives: the negatives of retrieval: `{source: full_catalog}`.
        pca_dim: the number of principal components to which wider encodings of frozen encoders are
            reduced before training, or fewer in a catalog of some thousand items; 0 reads whole
            encodings.
        projection_units: the units of the hidden layer in the projection of a feature; 0 leaves the
            layer out.
        dim: the width of item and user embeddings.
        id_embedding: whether items have an id embedding beside their content.
        id_embedding_dropout: the probability, in training, that an item's id is dropped.
        closed_form: the terms of the score that are computed in closed form, beside the towers:
            `{dim: 64}`; 0 leaves them out.
        cold_start: how embeddings of items without training events are computed: `{weight: 0.7}`.
        modality_dropout: the probability, in training, that a feature is treated as missing.
        dropout: the dropout rate of the projections.
        temperature: the initial value of the learned softmax temperature, from 0.01 to 1.
        epochs: the maximum number of passes over the training events.
        batch_size: events per step, on all devices together.
        learning_rate: the peak learning rate of Adam.
        optimizer: gradients and the learning rate schedule:
            `{schedule: cosine, warmup: 0.05, global_clipnorm: 1.0}`.
        ema_decay: the decay of the exponential moving average (EMA) of the weights, which is what
            is evaluated and saved; 0 saves the weights of the last step.
        objective: the metric on valid that selects the best epoch and the best of several
            trainings: `ndcg@10`, `hr@20`, `mrr` and the like, `rmse` or `mae` of ratings, `auc` or
            `log_loss` of clicks. The default is NDCG@10; for `task: rating` it is RMSE, and for
            `task: click` log loss.
        validation: the users of the valid split that the model is evaluated on after each epoch:
            `{max_users: 10000}`.
        patience: the number of epochs without a better `objective` after which training stops.
        refit: whether the model is trained again on train and valid together, for the best number
            of epochs on valid. Without a valid split, the last events of users stand in for it.
        precision: `float32`, `mixed_bfloat16`, or `mixed_float16` with loss scaling. Weights,
            losses and results stay float32; evaluation and serving use float32.
        jit_compile: whether XLA compiles the towers and the loss.
        steps_per_execution: the number of training steps per call of a `tf.function`.
        deterministic: whether TensorFlow must compute the same bits on every run, which may be
            slower. The order of batches and all random draws are the same in any case.
        checkpoints: the folder for checkpoints during training, one per training; it may be on
            gs:// or other storage that TensorFlow writes to. The default is beside the run.
            Checkpoints are removed when the run is complete.
        checkpoint_steps: the number of steps between checkpoints within an epoch, beside those
            after each epoch; 0 for none. `--resume` continues after the last checkpoint.
        strategy: the devices: `one`; `mirrored`, all GPUs of this machine; `multiworker`, the
            processes that TF_CONFIG names; `parameter_server`, asynchronous workers and servers
            that hold the weights; `tpu`. `auto` takes the devices that it finds.
        features_on: where the encodings of items and users are during training: `device`, in
            memory; `host`, in the files of the encoder cache, from which the rows of each batch are
            read; `auto` takes the host where they need more than a quarter of the free memory.
        cache: the folder of the encoder cache, which several data folders may share. It takes
            precedence over TFMMREC_CACHE_DIR; the default is `cache` in the data folder.
        seed: of weights, order and dropout.
        quiet: no progress bars and no lines about encoders.
    """

    features: list[str] | None = None
    encoders: dict[str, str | dict[str, Any]] = dataclasses.field(default_factory=dict)
    finetune: list[str] | dict[str, Any] = dataclasses.field(default_factory=list)
    fusion: dict[str, Any] = dataclasses.field(default_factory=lambda: {"kind": "weighted"})
    pool: str = "none"
    contrastive: ContrastiveConfig = ContrastiveConfig()
    query: dict[str, Any] = dataclasses.field(default_factory=lambda: {"kind": AUTO})
    history_context: str = "causal"
    task: str = "retrieval"
    head: HeadConfig = HeadConfig()
    joint: JointConfig = JointConfig()
    loss: str = "softmax"
    negatives: NegativesConfig = NegativesConfig()
    pca_dim: int = 256
    projection_units: int = 128
    dim: int = 64
    id_embedding: bool = True
    id_embedding_dropout: float = 0.3
    closed_form: ClosedFormConfig = ClosedFormConfig()
    cold_start: ColdStartConfig = ColdStartConfig()
    modality_dropout: float = 0.1
    dropout: float = 0.1
    temperature: float = 0.1
    epochs: int = 40
    batch_size: int = 1024
    learning_rate: float = 0.003
    optimizer: OptimizerConfig = OptimizerConfig()
    ema_decay: float = 0.98
    objective: str | None = None
    validation: ValidationConfig = ValidationConfig()
    patience: int = 5
    refit: bool = True
    precision: str = "float32"
    jit_compile: bool = False
    steps_per_execution: int = 1
    deterministic: bool = False
    checkpoints: str | None = None
    checkpoint_steps: int = 0
    strategy: str = "auto"
    features_on: str = "auto"
    cache: str | None = None
    seed: int = 0
    quiet: bool = False

    def __post_init__(self) -> None:
        parse_fields(self)
        finetune_options(self.finetune)
        for feature, declared in self.encoders.items():
            parse_choice(feature, declared)
        for name in ("dim", "epochs", "batch_size", "patience", "steps_per_execution"):
            check_count(name, getattr(self, name), 1)
        for name in ("pca_dim", "projection_units", "checkpoint_steps"):
            check_count(name, getattr(self, name), 0)
        for name in ("id_embedding_dropout", "modality_dropout", "dropout", "ema_decay"):
            check_rate(name, getattr(self, name))
        check_between("temperature", self.temperature, 0.01, 1)
        check_above("learning_rate", self.learning_rate, 0)
        check_choice("history_context", self.history_context, HISTORY_CONTEXTS)
        check_choice("task", self.task, TASKS)
        check_choice("loss", self.loss, RETRIEVAL_LOSSES)
        check_choice("pool", self.pool, ("none", *POOLINGS))
        check_choice("precision", self.precision, PRECISIONS)
        check_choice("strategy", self.strategy, STRATEGIES)
        check_choice("features_on", self.features_on, FEATURE_PLACES)
        objective_of(self.task, self.objective)
        for name in ("cache", "checkpoints"):
            folder = getattr(self, name)
            if folder and "://" not in folder:
                # A run is opened again from other working directories.
                object.__setattr__(self, name, str(Path(folder).expanduser().absolute()))

    @property
    def history_encoder(self) -> dict[str, Any]:
        """`query`, with kind `mean` in place of `auto`."""
        return {**self.query, "kind": "mean"} if self.query.get("kind") == AUTO else self.query

    @property
    def objective_spec(self) -> Objective:
        """The metric of `objective` and its direction."""
        return objective_of(self.task, self.objective)

    @property
    def train_splits(self) -> list[str]:
        """The splits that the model is trained on."""
        return ["train", "valid"] if self.refit else ["train"]
