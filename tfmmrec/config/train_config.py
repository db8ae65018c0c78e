"""The keys of the training file, with their defaults."""

import dataclasses
from pathlib import Path
from typing import Any

from tfmmrec.config.alignment import AlignOptions
from tfmmrec.config.build_options import build
from tfmmrec.config.negatives import NegativesOptions
from tfmmrec.config.new_items import NewItemsOptions
from tfmmrec.config.objective import Objective, objective_of
from tfmmrec.config.optimizer import OptimizerOptions
from tfmmrec.config.tasks import TASKS, HeadOptions, JointOptions
from tfmmrec.data.pipelines.examples import CONTEXTS
from tfmmrec.distribute.cluster import read_cluster
from tfmmrec.distribute.precision import PRECISIONS
from tfmmrec.distribute.strategies import STRATEGIES, chosen_strategy
from tfmmrec.errors import ConfigError
from tfmmrec.layers.history import AUTO
from tfmmrec.layers.pooling import POOLINGS
from tfmmrec.tasks.losses import CHOICE_LOSSES


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """How a model is built and trained.

    Attributes:
        features: the item features that are read (default all): `[title]` trains on titles alone.
        encoders: by feature `builtin` or `hub:HANDLE`, HANDLE being a folder, a .tar.gz or an
            address; or `{handle: hub:HANDLE, picture_size: 260, …}`, options as in
            docs/formats/training.md.
        finetune: the item features whose encoders are trained as well: `[poster]`, or the options
            of `FinetuneOptions` by feature, `{poster: {learning_rate: 0.00001}}`. Built-in encoders
            without trained weights always are.
        fusion: how an item's modalities become one vector: `{kind: weighted, …}`.
        pool: how the features of one modality, such as title and plot, become one vector before
            the fusion: `mean` or `attention`; `none` fuses them one by one.
        align: losses that pull contents together, by the options of `AlignOptions`:
            `{modalities: 0.1, chosen: 0.1}`; none by default.
        query: how a user is read: `{kind: mean, max_history: 50, …}`. By default, `{kind: auto}`,
            a `mean` and a `transformer` are trained, and the better one on valid is kept.
        context: what of a user's history training reads with an event: `before`, what came before
            it, as in serving, or `around`, what came before and behind it. The latter asks for what
            a user likes rather than for what comes next, which serves new items better, and known
            ones worse.
        task: what is taught: `retrieval`, what a user chooses next; `rating`; `click`, whether they
            choose an item that is shown to them; or `joint`, the first with the others, as far as
            the log tells of them.
        head: how ratings and clicks are predicted, by the options of `HeadOptions`:
            `{factors: 64}`.
        joint: how the tasks of `joint` are weighed, by the options of `JointOptions`:
            `{learned: true}`.
        loss: of retrieval: `softmax` tells a chosen item from all negatives at once, `bpr` from one
            at a time.
        negatives: what chosen items are told from, by the options of `NegativesOptions`:
            `{among: all}`.
        components: how many principal components of an encoder's output the item tower reads; 0
            reads all. Fewer generalise better to new items, more tell known ones apart.
        hidden: the units of the hidden layer between what the item tower reads of a feature and
            its vector; 0 leaves the layer out.
        dim: the width of item and user vectors.
        ids: whether items also have a learned vector of their own.
        id_dropout: the chance, in training, that an item's id is left out.
        new_items: what the vectors of items are that training never met, by the options of
            `NewItemsOptions`: `{share: 0.7}`.
        modality_dropout: the chance, in training, that a feature is treated as absent.
        dropout: of the projections.
        temperature: where the learned temperature of the softmax starts, within [0.01, 1].
        epochs: passes over the training events at most.
        batch_size: events a step, on all devices together.
        learning_rate: of Adam, at its highest.
        optimizer: what else is done with gradients and the learning rate, by the options of
            `OptimizerOptions`: `{schedule: cosine, warmup: 0.05, clip: 1.0}`.
        average: the decay of the moving average of the towers' weights, which is what is evaluated
            and kept; 0 keeps the weights of the last step.
        objective: the metric on valid that says which epoch, and which of several trainings, is
            best: `ndcg@10`, `hr@20`, `mrr` and the like, `rmse` or `mae` of ratings, `auc` or
            `log_loss` of clicks. By default NDCG@10, or the RMSE of ratings, or the log loss of
            clicks where these alone are taught.
        patience: epochs without a better `objective` before training stops.
        refit: whether the model is trained anew on the train and valid splits, for the epochs that
            were best on valid, once these are known. It knows more then, and the newest; without a
            valid split there is nothing to add.
        precision: `float32`, or how the towers compute beside float32 weights, losses and
            results: `mixed_bfloat16`, or `mixed_float16` with a scaled loss. What is trained so is
            evaluated and served in float32.
        jit_compile: whether XLA compiles the towers and the loss.
        steps_per_execution: how many steps are taken before Python has its turn again.
        deterministic: whether TensorFlow must compute the same bits from the same numbers on every
            run, which may be slower. Order and draws are the same in any case.
        checkpoints: the folder for checkpoints while the training goes on, which may be on gs:// or
            other storage that TensorFlow writes to; one of its own for each training. By default
            beside the run. They go when the run is whole.
        checkpoint_steps: after how many steps of an epoch checkpoints are written, besides those
            after each epoch; 0 for none. `--resume` goes on behind the last.
        strategy: the devices that train: `one`; `mirrored`, all GPUs of this machine;
            `multiworker`, several processes that TF_CONFIG names; `parameter_server`, workers that
            are not in step, and servers that hold the weights; `tpu`. `auto` takes what is there.
        cache: the folder that keeps outputs of encoders, which several data folders may share. It
            goes before TFMMREC_CACHE_DIR; without either, it is `cache` in the data folder.
        seed: of weights, order and dropout.
        quiet: no progress bars, and no lines about encoders.
    """

    features: list[str] | None = None
    encoders: dict[str, str | dict[str, Any]] = dataclasses.field(default_factory=dict)
    finetune: list[str] | dict[str, Any] = dataclasses.field(default_factory=list)
    fusion: dict[str, Any] = dataclasses.field(default_factory=lambda: {"kind": "weighted"})
    pool: str = "none"
    align: dict[str, Any] = dataclasses.field(default_factory=dict)
    query: dict[str, Any] = dataclasses.field(default_factory=lambda: {"kind": AUTO})
    context: str = "before"
    task: str = "retrieval"
    head: dict[str, Any] = dataclasses.field(default_factory=dict)
    joint: dict[str, Any] = dataclasses.field(default_factory=dict)
    loss: str = "softmax"
    negatives: dict[str, Any] = dataclasses.field(default_factory=dict)
    components: int = 0
    hidden: int = 128
    dim: int = 64
    ids: bool = True
    id_dropout: float = 0.3
    new_items: dict[str, Any] = dataclasses.field(default_factory=dict)
    modality_dropout: float = 0.1
    dropout: float = 0.1
    temperature: float = 0.1
    epochs: int = 40
    batch_size: int = 1024
    learning_rate: float = 0.003
    optimizer: dict[str, Any] = dataclasses.field(default_factory=dict)
    average: float = 0.98
    objective: str | None = None
    patience: int = 5
    refit: bool = True
    precision: str = "float32"
    jit_compile: bool = False
    steps_per_execution: int = 1
    deterministic: bool = False
    checkpoints: str | None = None
    checkpoint_steps: int = 0
    strategy: str = "auto"
    cache: str | None = None
    seed: int = 0
    quiet: bool = False

    def __post_init__(self) -> None:
        for name in ("dim", "epochs", "batch_size", "patience", "steps_per_execution"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1. Received: {getattr(self, name)}")
        for name in ("components", "hidden", "checkpoint_steps"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} must be at least 0. Received: {getattr(self, name)}")
        for name in ("id_dropout", "modality_dropout", "dropout", "average"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(
                    f"{name} must be from 0 to below 1. Received: {getattr(self, name)}"
                )
        if not 0.01 <= self.temperature <= 1:
            raise ConfigError(f"temperature must be in [0.01, 1]. Received: {self.temperature}")
        if not self.learning_rate > 0:
            raise ConfigError(f"learning_rate must be above 0. Received: {self.learning_rate}")
        if self.context not in CONTEXTS:
            raise ConfigError(
                f"context must be {' or '.join(CONTEXTS)}. Received: {self.context!r}"
            )
        if self.task not in TASKS:
            raise ConfigError(f"task must be {', '.join(TASKS)}. Received: {self.task!r}")
        if self.loss not in CHOICE_LOSSES:
            raise ConfigError(f"loss must be {' or '.join(CHOICE_LOSSES)}. Received: {self.loss!r}")
        if self.pool not in ("none", *POOLINGS):
            raise ConfigError(
                f"pool must be none or {' or '.join(POOLINGS)}. Received: {self.pool!r}"
            )
        if self.precision not in PRECISIONS:
            raise ConfigError(
                f"precision must be {' or '.join(PRECISIONS)}. Received: {self.precision!r}"
            )
        objective_of(self.task, self.objective)
        for name in ("cache", "checkpoints"):
            folder = getattr(self, name)
            if folder and "://" not in folder:
                # A run is opened again from other working directories.
                object.__setattr__(self, name, str(Path(folder).expanduser().absolute()))
        if self.strategy not in STRATEGIES:
            raise ConfigError(
                f"strategy must be one of {', '.join(STRATEGIES)}. Received: {self.strategy!r}"
            )

    @property
    def reader(self) -> dict[str, Any]:
        """The reader of users: `query`, with `mean` where that leaves it open."""
        return {**self.query, "kind": "mean"} if self.query.get("kind") == AUTO else self.query

    @property
    def judged_by(self) -> Objective:
        """The metric that says what is better, and which way."""
        return objective_of(self.task, self.objective)

    @property
    def taught(self) -> list[str]:
        """The splits that the model is trained on."""
        return ["train", "valid"] if self.refit else ["train"]

    @property
    def fixed_shapes(self) -> bool:
        """Whether no tensor's shape may depend on what is in a batch, as XLA and TPUs ask."""
        return self.jit_compile or chosen_strategy(self.strategy, read_cluster()) == "tpu"

    def head_options(self) -> HeadOptions:
        """Reads `head`; raises ConfigError where it has unknown or wrong options."""
        return build(HeadOptions, self.head, "head")

    def joint_options(self) -> JointOptions:
        """Reads `joint`; raises ConfigError where it has unknown or wrong options."""
        return build(JointOptions, self.joint, "joint")

    def align_options(self) -> AlignOptions:
        """Reads `align`; raises ConfigError where it has unknown or wrong options."""
        return build(AlignOptions, self.align, "align")

    def negatives_options(self) -> NegativesOptions:
        """Reads `negatives`; raises ConfigError where it has unknown or wrong options."""
        return build(NegativesOptions, self.negatives, "negatives")

    def optimizer_options(self) -> OptimizerOptions:
        """Reads `optimizer`; raises ConfigError where it has unknown or wrong options."""
        return build(OptimizerOptions, self.optimizer, "optimizer")

    def new_items_options(self) -> NewItemsOptions:
        """Reads `new_items`; raises ConfigError where it has unknown or wrong options."""
        return build(NewItemsOptions, self.new_items, "new_items")
