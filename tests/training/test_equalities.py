"""Options that must not change the result: a resume, XLA, several steps per call, accumulation."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import yaml

from tests.once import ONCE
from tests.stopping import AtStep, Stop
from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.data.storage import read_json
from tfmmrec.distribute.stateless_random import step_key
from tfmmrec.errors import ConfigError, DataError
from tfmmrec.models.bundle import build_bundle
from tfmmrec.models.run_file import read_run
from tfmmrec.models.run_folder import load_run
from tfmmrec.models.scorer import Scorer
from tfmmrec.models.two_tower import TwoTower
from tfmmrec.serving.export import export
from tfmmrec.training.batches import create_batches
from tfmmrec.training.fit import fit
from tfmmrec.training.train import train
from tfmmrec.training.train_step import Trainer

ITEMS, USERS = 12, 16
COLOURS = ("red", "green", "blue", "black")


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Users choose six of twelve items in turn; an item has two texts and a kind."""
    folder = tmp_path_factory.mktemp("turns")
    rows = [
        f"{item},k{item % 3},{COLOURS[item % 4]} {item % 5},{COLOURS[item // 3]} thing"
        for item in range(ITEMS)
    ]
    (folder / "items.csv").write_text("\n".join(["id,kind,title,plot", *rows]) + "\n")
    events = [
        f"u{user},{(user * 5 + step) % ITEMS},{step}" for user in range(USERS) for step in range(6)
    ]
    (folder / "log.csv").write_text("\n".join(["user,item,time", *events]) + "\n")
    features = {
        "kind": {"modality": "categorical"},
        "title": {"modality": "text"},
        "plot": {"modality": "text"},
    }
    content = {
        "items": {"table": "items.csv", "id": "id", "features": features},
        "interactions": {"table": "log.csv", "user": "user", "item": "item", "time": "time"},
        "split": {"by": "last_out"},
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content))
    pack(folder / "set.yaml", folder / "data", PackConfig(quiet=True))
    return folder / "data"


@pytest.fixture(scope="module")
def data_with_kinds(data, tmp_path_factory) -> Path:
    """The same log, in which users view, buy and skip in turn."""
    folder = tmp_path_factory.mktemp("kinds")
    shutil.copy(data.parent / "items.csv", folder)
    header, *rows = (data.parent / "log.csv").read_text().splitlines()
    kinds = ("view", "buy", "skip")
    lines = [f"{row},{kinds[number % 7 % 3]}" for number, row in enumerate(rows)]
    (folder / "log.csv").write_text("\n".join([f"{header},event", *lines]) + "\n")
    content = yaml.safe_load((data.parent / "set.yaml").read_text())
    content["interactions"] |= {"kind": "event", "kinds": {"view": 0.1, "buy": 1.0, "skip": -0.5}}
    (folder / "set.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    pack(folder / "set.yaml", folder / "data", PackConfig(quiet=True))
    return folder / "data"


def config(**options) -> TrainConfig:
    return TrainConfig(
        **{**ONCE, "dim": 8, "epochs": 2, "batch_size": 12, "quiet": True, **options}
    )


# There are 64 events to train on: five steps of 12 an epoch; or 32 windows of 4 places, five of 6.
SEQUENCE = {
    "features": ["title", "plot"],
    "query": {"kind": "transformer", "max_history": 4, "layers": 1, "time_intervals": True},
    "negatives": {
        "num_uniform": 3,
        "num_hard_negatives": 6,
        "num_mined": 1,
        "mining_top_k": 3,
        "mining_interval": 2,
        "cross_batch_memory_size": 4,
    },
    "contrastive": {"cross_modal": 0.1, "co_engagement": 0.1, "num_items": 6},
    "fusion": {"kind": "transformer", "heads": 2, "units": 8},
}


def weights(run: Path) -> list[np.ndarray]:
    return load_run(run, quiet=True).model.get_weights()


def assert_the_same_run(one: Path, other: Path) -> None:
    for ours, theirs in zip(weights(one), weights(other), strict=True):
        assert np.array_equal(ours, theirs)
    first, second = (read_run(run)["metrics"] for run in (one, other))
    assert {**first, "seconds": 0} == {**second, "seconds": 0}
    assert (one / "history.json").read_text() == (other / "history.json").read_text()


def test_a_resumed_run_ends_with_the_same_bits(data, tmp_path):
    train(data, tmp_path / "whole", config())

    def stop() -> None:
        raise Stop

    with pytest.raises(Stop):
        # The last whole epoch is the first; the second is taken anew.
        train(data, tmp_path / "run", config(), callbacks=[AtStep(8, stop)])
    train(data, tmp_path / "run", config(), resume=True)
    assert_the_same_run(tmp_path / "whole", tmp_path / "run")


@pytest.mark.slow
def test_a_checkpoint_within_an_epoch_resumes(data, tmp_path):
    """From a copy of the folder, as a kill would leave it."""
    options = {
        **SEQUENCE,
        "checkpoint_steps": 3,
        "optimizer": {"gradient_accumulation_steps": 2, "global_clipnorm": 0.5},
    }

    def copy() -> None:
        shutil.copytree(tmp_path / "whole.partial", tmp_path / "run.partial")

    # The last checkpoint is the third step of the second epoch.
    train(data, tmp_path / "whole", config(**options), callbacks=[AtStep(9, copy)])
    state = read_json(tmp_path / "run.partial/checkpoints/state.json")
    assert (state["epoch"], state["step"]) == (1, 3)
    train(data, tmp_path / "run", config(**options), resume=True)
    assert_the_same_run(tmp_path / "whole", tmp_path / "run")


def batch(bundle) -> dict[str, tf.Tensor]:
    """The first batch of a training."""
    return next(iter(create_batches(bundle).epochs(0)))


def flat(gradients: list) -> np.ndarray:
    """All gradients in one row."""
    return np.concatenate([tf.convert_to_tensor(g).numpy().ravel() for g in gradients])


def slopes(data: Path, inputs: dict | None = None, **options) -> tuple[float, np.ndarray]:
    """The loss of a batch at the weights that training begins with, and its gradients."""
    bundle = build_bundle(Dataset(data), config(**options))
    trainer = Trainer(bundle.model, bundle.config, 10)
    inputs = inputs or batch(bundle)
    key = step_key(0, tf.constant(0))
    if trainer.optimizer_step.loss_scale is not None:
        # It begins too high, and comes down by itself.
        trainer.optimizer_step.loss_scale.factor.assign(128.0)
    factor = trainer.optimizer_step.factor
    loss, gradients = trainer._gradients(inputs, key, factor)
    return float(loss), flat(gradients[0]) / float(factor)


def assert_the_same(given: tuple[float, np.ndarray], found: tuple[float, np.ndarray]) -> None:
    assert found[0] == pytest.approx(given[0], rel=1e-5)
    np.testing.assert_allclose(found[1], given[1], rtol=1e-3, atol=1e-5)


# Windows have empty places, which are no events, no candidates, and no chosen pairs.
WINDOWS = {
    "gru": {"kind": "gru", "max_history": 4, "units": 8, "time_intervals": True},
    "transformer": {
        "kind": "transformer",
        "max_history": 4,
        "layers": 1,
        "units": 8,
        "time_intervals": True,
    },
}


def test_xla_learns_the_same_from_weights_and_dislikes(data_with_kinds):
    options = {"projection_units": 0, "features": ["kind"], "negatives": {"num_uniform": 3}}
    # The rows of disliked items follow the padding of the candidates, and drop others by chance.
    options |= {"dropout": 0.0, "id_embedding_dropout": 0.0, "modality_dropout": 0.0}
    found = slopes(data_with_kinds, **options)
    assert_the_same(found, slopes(data_with_kinds, **options, jit_compile=True))


@pytest.mark.parametrize(
    "kind", ["mean", *(pytest.param(kind, marks=pytest.mark.slow) for kind in WINDOWS)]
)
def test_xla_learns_the_same(data, kind):
    """With the same units dropped and the same items drawn."""
    # As little as will do, since XLA takes its time.
    options = {
        "projection_units": 0,
        **{name: SEQUENCE[name] for name in ("features", "negatives", "contrastive")},
    }
    if kind in WINDOWS:
        options |= {
            "features": ["kind"],
            "query": WINDOWS[kind],
            "contrastive": {"co_engagement": 0.1},
        }
    assert_the_same(slopes(data, **options), slopes(data, **options, jit_compile=True))


@pytest.mark.parametrize(
    "options",
    [
        SEQUENCE,
        pytest.param(
            {"features": ["kind"], "query": {"kind": "mean"}, "task": "click"},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {
                "features": ["kind", "title"],
                "query": WINDOWS["gru"],
                "negatives": {"source": "full_catalog", "mask_positives": "all"},
                "loss": "bpr",
                "fusion": {"kind": "late", "modality_loss_weight": 0.5},
            },
            marks=pytest.mark.slow,
        ),
    ],
)
def test_fixed_shapes_learn_the_same(data, options):
    """As a TPU requires them, without XLA."""
    assert_the_same(slopes(data, **options), slopes(data, **options, strategy="tpu"))


def test_windows_without_targets(data):
    """Without targets, the loss is 0 and the gradients are finite."""
    options = {"query": WINDOWS["gru"], "features": ["kind"], "contrastive": {"co_engagement": 0.1}}
    empty = {name: tf.fill([3, 4], -1) for name in ("history", "item", "num_earlier")}
    empty["user"] = tf.zeros([3], tf.int32)
    empty["history_time"] = tf.zeros([3, 4], tf.int64)
    loss, gradient = slopes(data, empty, **options, strategy="tpu")
    assert loss == 0.0 and not gradient.any()


CALM = {"dropout": 0.0, "modality_dropout": 0.0, "id_embedding_dropout": 0.0}


@pytest.mark.parametrize(
    "options",
    [
        {"query": {"kind": "mean"}},
        pytest.param({"query": {"kind": "gru"}}, marks=pytest.mark.slow),
        pytest.param(
            {
                "task": "click",
                "features": ["kind"],
                "head": {"dropout": 0.0, "id_embedding_dropout": 0.0},
            },
            marks=pytest.mark.slow,
        ),
    ],
)
def test_half_precision_learns_nearly_the_same(data, options):
    query = {"kind": "mean", **options.get("query", {}), "dropout": 0.0}
    options = {**CALM, **options, "query": query}
    loss, gradient = slopes(data, **options)
    # A number of bfloat16 has 8 bits, one of float16 has 11.
    for precision, near in (("mixed_bfloat16", 0.01), ("mixed_float16", 0.002)):
        half, half_gradient = slopes(data, **options, precision=precision)
        assert half != loss, precision
        assert half == pytest.approx(loss, rel=near), precision
        length, half_length = np.linalg.norm(gradient), np.linalg.norm(half_gradient)
        assert gradient @ half_gradient > (1 - near) * length * half_length, precision
        assert half_length == pytest.approx(length, rel=5 * near), precision


def test_two_batches_of_eight_are_one_of_sixteen(data):
    """If the negatives of an event do not depend on its batch."""
    options = {
        **CALM,
        "query": {"kind": "mean", "dropout": 0.0},
        # A batch of windows has fewer rows than events.
        "history_context": "bidirectional",
        "negatives": {"source": "full_catalog"},
    }
    bundle = build_bundle(Dataset(data), config(**options, batch_size=16))
    whole = batch(bundle)
    loss, gradient = slopes(data, whole, **options)
    accumulating = config(**options, optimizer={"gradient_accumulation_steps": 3})
    trainer = Trainer(bundle.model, accumulating, 10)
    halves = [{name: part[start : start + 8] for name, part in whole.items()} for start in (0, 8)]
    losses = [float(trainer.train_step(half)["loss"]) for half in halves]
    assert np.mean(losses) == pytest.approx(loss, rel=1e-5)
    # A third batch is to come, of three whose mean is taken.
    sums = flat(trainer.optimizer_step.sums.pop())
    np.testing.assert_allclose(sums * 3 / 2, gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_several_steps_at_once_learn_the_same(data):
    found = []
    for steps in (1, 3):
        options = {"epochs": 1, "features": ["kind"], "steps_per_execution": steps}
        bundle = build_bundle(Dataset(data), config(**options))
        fit(bundle)
        found.append(bundle.model.get_weights())
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_a_model_of_half_precision_is_served_in_float32(data, tmp_path):
    precision = "mixed_float16"
    before = tf.keras.mixed_precision.global_policy()
    train(data, tmp_path / "run", config(epochs=1, precision=precision))
    assert tf.keras.mixed_precision.global_policy() is before
    assert read_run(tmp_path / "run")["config"]["precision"] == precision
    bundle = load_run(tmp_path / "run", quiet=True)
    assert {weight.dtype for weight in bundle.model.weights} == {tf.float32}
    assert Scorer(bundle.model).item_vectors().dtype == np.float32
    version = export(tmp_path / "run", tmp_path / "models", quiet=True)
    serve = tf.saved_model.load(str(version)).signatures["serving_default"]
    assert serve.structured_outputs["scores"].dtype == tf.float32


def test_a_loss_that_is_not_finite_stops_the_training(data, tmp_path, monkeypatch):
    options = {"learning_rate": 0.02, "optimizer": {"schedule": "linear"}, "features": ["kind"]}
    compute = TwoTower.compute_loss
    spoilt = tf.Variable(7, dtype=tf.int64)

    def going_astray(self, inputs, training=False):
        loss = compute(self, inputs, training)
        if not training:
            return loss
        spoilt.assign_sub(1)
        return tf.where(spoilt == 0, np.nan, loss)

    with monkeypatch.context() as patched, pytest.raises(DataError) as error:
        patched.setattr(TwoTower, "compute_loss", going_astray)
        train(data, tmp_path / "run", config(**options))
    # The second step of the second epoch, of two of five steps: 0.02 * (1 - 6 / 10).
    last = tmp_path / "run.partial/checkpoints/epoch-1"
    assert "the loss was not finite after step 2 of epoch 2, at a learning rate of 0.008" in str(
        error.value
    )
    assert f"the last good checkpoint is {last}: lower learning_rate" in str(error.value)
    assert last.with_suffix(".index").is_file()
    # From there it goes on at another rate.
    slower = {**options, "learning_rate": 0.001}
    assert train(data, tmp_path / "run", config(**slower), resume=True)["epoch"] >= 1
    rows = (tmp_path / "run/history.json").read_text()
    assert rows.count('"epoch"') == 2


def test_a_training_may_be_deterministic(data, monkeypatch):
    """TensorFlow's switch cannot be undone within a process, so that it is replaced."""

    def asked() -> None:
        raise Stop

    monkeypatch.setattr(tf.config.experimental, "enable_op_determinism", asked)
    with pytest.raises(Stop):
        fit(build_bundle(Dataset(data), config(deterministic=True, features=["kind"])))


def test_what_cannot_be_compiled_is_refused(data):
    with pytest.raises(ConfigError, match="jit_compile: the encoders that finetune trains"):
        fit(
            build_bundle(
                Dataset(data),
                config(jit_compile=True, finetune=["title"], encoders={"title": "builtin"}),
            )
        )
