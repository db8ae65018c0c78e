"""The trials that oracles propose, their order, and recovery after a kill, without training."""

import collections
from typing import Any

import keras_tuner
import pytest

from tests.distribute.worlds import config
from tfmmrec.config.tune_config import TuneConfig
from tfmmrec.errors import ConfigError
from tfmmrec.tuning import marks
from tfmmrec.tuning.oracles import create_oracle
from tfmmrec.tuning.search_space import Space
from tfmmrec.tuning.trial_runner import config_of
from tfmmrec.tuning.trial_store import read_record, write_record
from tfmmrec.tuning.tuner import Tuner

RANGES: dict[str, Any] = {"dim": [2, 4, 8], "learning_rate": {"min": 0.001, "max": 0.1}}


class Killed(BaseException):
    """An exception that no search catches."""


class Runner:
    """Trains nothing: the metric is highest at dim 8 and a learning rate of 0.05, a bit by seed."""

    def __init__(self, folder, *, killed_at: int | None = None, failing: str | None = None):
        self.folder = folder
        self.killed_at = killed_at
        self.failing = failing
        self.ran: list[tuple[int, dict[str, Any]]] = []

    def run(self, trial: int, values: dict[str, Any]) -> dict[str, Any]:
        known = read_record(self.folder, trial, values)
        if known is not None:
            return known
        if len(self.ran) == self.killed_at:
            raise Killed
        self.ran.append((trial, dict(values)))
        value = values["dim"] / 100 - abs(values.get("learning_rate", 0.0) - 0.05)
        value += 0.001 * values.get(marks.SEED, 0)
        record: dict[str, Any] = {"trial": trial, "proposed": dict(values), "stage": "search"}
        failed = self.failing == "all" or (self.failing == "some" and values["dim"] == 4)
        result = {"error": "astray"} if failed else {"metrics": {"ndcg@10": value}}
        write_record(self.folder, {**record, **result})
        return {**record, **result}


def searched(small, folder, runner: Any, **options: Any) -> Any:
    """Runs a search and returns the oracle."""
    given = {"search": [], "space": RANGES, "trials": 6, "finalists": 2, "reruns": 2, **options}
    tuned = TuneConfig(config(), **given)
    space = Space(tuned.base, tuned.components, tuned.ranges, small)
    oracle = create_oracle(tuned, space, lambda oracle, trial: None)
    Tuner(oracle, runner, folder).search(verbose=0)
    return oracle


def stages(runner: Runner) -> list[str]:
    return [
        "rerun" if marks.RERUN_OF in v else "base" if marks.BASE in v else "search"
        for _, v in runner.ran
    ]


@pytest.mark.parametrize("tuner", ["random", "bayesian", "grid"])
def test_the_base_then_the_search_then_the_best_with_other_seeds(small, tmp_path, tuner) -> None:
    runner = Runner(tmp_path)
    searched(small, tmp_path, runner, tuner=tuner)
    # The base and two finalists, with two other seeds each.
    assert stages(runner) == ["base", *["search"] * 6, *["rerun"] * 6]
    assert [trial for trial, _ in runner.ran] == list(range(13))
    again = [values for _, values in runner.ran[7:]]
    assert [values[marks.SEED] for values in again] == [1, 1, 1, 2, 2, 2]
    best = sorted(runner.ran[1:7], key=lambda t: -_worth(t[1]))[:2]
    assert [v[marks.RERUN_OF] for v in again] == [0, *[trial for trial, _ in best]] * 2
    for values in again:
        [(_, own)] = [pair for pair in runner.ran if pair[0] == values[marks.RERUN_OF]]
        assert marks.without_marks(values) == marks.without_marks(own)
    tried = collections.Counter(
        str(sorted(marks.without_marks(values).items())) for _, values in runner.ran[:7]
    )
    assert set(tried.values()) == {1}


def _worth(values: dict[str, Any]) -> float:
    return values["dim"] / 100 - abs(values["learning_rate"] - 0.05)


def test_a_grid_has_each_combination_once(small, tmp_path) -> None:
    runner = Runner(tmp_path)
    ranges = {"dim": [2, 4, 8], "projection_units": [0, 16], "learning_rate": 0.01}
    searched(small, tmp_path, runner, tuner="grid", trials=None, space=ranges, reruns=0)
    found = [(values["dim"], values["projection_units"]) for _, values in runner.ran]
    # The base, dim 4 without a hidden layer, is one of them.
    assert sorted(found) == [(2, 0), (2, 16), (4, 0), (4, 16), (8, 0), (8, 16)]


def test_a_grid_without_the_base(small, tmp_path) -> None:
    runner = Runner(tmp_path)
    ranges = {"dim": [2, 8], "learning_rate": 0.01}
    searched(small, tmp_path, runner, tuner="grid", trials=None, space=ranges, reruns=0)
    assert sorted(values["dim"] for _, values in runner.ran[1:]) == [2, 8]


def test_hyperband_trains_the_best_for_longer(small, tmp_path) -> None:
    runner = Runner(tmp_path)
    searched(small, tmp_path, runner, tuner="hyperband", trials=None, epochs=9, reruns=1)
    epochs = [values[marks.EPOCHS] for _, values in runner.ran if marks.EPOCHS in values]
    # Halving by 3: brackets that begin with 1, with 3 and with 9 epochs.
    assert set(epochs) == {1, 3, 9}
    by_trial = dict(runner.ran)
    # Of the first nine, the three that are best go on, and the best of these once more.
    first = [trial for trial, values in runner.ran if values.get(marks.EPOCHS) == 1]
    assert len(first) == 9
    best = sorted(first, key=lambda trial: -_worth(by_trial[trial]))[:3]
    parents = [int(values[marks.PARENT]) for _, values in runner.ran if marks.PARENT in values]
    assert sorted(parents[:3]) == sorted(best)
    [goes_on] = [t for t in by_trial if by_trial[t].get(marks.PARENT) == f"{best[0]:04d}"]
    assert by_trial[goes_on]["dim"] == by_trial[best[0]]["dim"]
    assert parents[3] == goes_on
    again = [values for _, values in runner.ran if marks.RERUN_OF in values]
    # The finalists differ, and are trained to the end.
    assert len({str(marks.without_marks(values)) for values in again}) == len(again) == 3
    assert not any(marks.EPOCHS in values for values in again)


@pytest.mark.parametrize(
    ("tuner", "killed_at"),
    [
        *(("random", at) for at in (0, 1, 4, 8)),
        *(("grid", at) for at in (1, 4, 8)),
        *(("hyperband", at) for at in (1, 4, 8)),
        ("bayesian", 4),
    ],
)
def test_after_a_kill_no_finished_trial_is_repeated(small, tmp_path, tuner, killed_at) -> None:
    # A whole bracket of hyperband: nine, three and one.
    trials = 13 if tuner == "hyperband" else 6
    options = {"tuner": tuner, "trials": trials, "epochs": 9}
    first = Runner(tmp_path, killed_at=killed_at)
    with pytest.raises(Killed):
        searched(small, tmp_path, first, **options)
    second = Runner(tmp_path)
    searched(small, tmp_path, second, **options)
    ran = [trial for trial, _ in first.ran + second.ran]
    assert ran == sorted(set(ran)) == list(range(trials + 7))
    # What was going on is done with the values that it had.
    assert stages(second) == ["base", *["search"] * trials, *["rerun"] * 6][killed_at:]


def test_a_kill_between_two_files_loses_no_trial(small, tmp_path) -> None:
    """The file of a trial is written before that of the oracle."""
    with pytest.raises(Killed):
        searched(small, tmp_path, Runner(tmp_path, killed_at=3))
    before = (tmp_path / "tuner" / "oracle.json").read_text()
    with pytest.raises(Killed):
        searched(small, tmp_path, Runner(tmp_path, killed_at=1))
    (tmp_path / "tuner" / "oracle.json").write_text(before)
    runner = Runner(tmp_path)
    searched(small, tmp_path, runner)
    assert [trial for trial, _ in runner.ran] == list(range(4, 13))


def test_failures_do_not_end_a_search(small, tmp_path) -> None:
    runner = Runner(tmp_path, failing="some")
    oracle = searched(small, tmp_path, runner, trials=8)
    assert len([trial for trial in oracle.trials.values() if trial.status == "FAILED"]) > 1
    assert len(runner.ran) >= 9
    finalists = [v for _, v in runner.ran if marks.RERUN_OF in v]
    assert all(values["dim"] != 4 for values in finalists)


def test_hyperband_continues_without_failed_trials(small, tmp_path) -> None:
    runner = Runner(tmp_path, failing="some")
    searched(small, tmp_path, runner, tuner="hyperband", trials=13, epochs=9, reruns=0)
    parents = [int(values[marks.PARENT]) for _, values in runner.ran if marks.PARENT in values]
    by_trial = dict(runner.ran)
    assert any(values["dim"] == 4 for _, values in runner.ran[1:])
    assert len(parents) == 4 and all(by_trial[parent]["dim"] != 4 for parent in parents)


def test_hyperband_needs_trials_for_a_bracket(small, tmp_path) -> None:
    with pytest.raises(ConfigError, match="the first bracket of hyperband has 13 trials for"):
        searched(small, tmp_path, Runner(tmp_path), tuner="hyperband", trials=12, epochs=9)


@pytest.mark.parametrize("tuner", ["random", "bayesian"])
def test_a_space_of_few_combinations_is_tried_once(small, tmp_path, tuner) -> None:
    """The base, dim 4, is one of them."""
    runner = Runner(tmp_path)
    searched(small, tmp_path, runner, tuner=tuner, space={"dim": [2, 4, 8]}, trials=20, reruns=0)
    assert sorted(values["dim"] for _, values in runner.ran) == [2, 4, 8]


def test_workers_train_the_proposed_values(small, tmp_path) -> None:
    """Messages to workers contain options of inactive kinds."""
    ranges = {
        "fusion.kind": ["concat", "bilinear"],
        "fusion.concat.learned_missing_embedding": [True, False],
    }
    base = config(fusion={"kind": "concat", "learned_missing_embedding": True})
    tuned = TuneConfig(base, search=["fusion"], space=ranges)
    space = Space(tuned.base, tuned.components, tuned.ranges, small)
    own = {"fusion.kind": "bilinear", "fusion.bilinear.rank": 2, "fusion.bilinear.dropout": 0.0}
    own["fusion.bilinear.learned_missing_embedding"] = True
    hp = space.hyperparameters.copy()
    hp.values = dict(own)
    sent = keras_tuner.HyperParameters.from_proto(hp.to_proto()).values
    found = config_of(tuned.base, space, sent).fusion
    assert found == {
        "kind": "bilinear",
        "rank": 2,
        "dropout": 0.0,
        "learned_missing_embedding": True,
    }


def test_all_trials_may_fail(small, tmp_path) -> None:
    runner = Runner(tmp_path, failing="all")
    searched(small, tmp_path, runner)
    assert stages(runner) == ["base", *["search"] * 6]


def test_the_same_seed_proposes_the_same(small, tmp_path) -> None:
    ran = []
    for name in ("one", "two"):
        runner = Runner(tmp_path / name)
        searched(small, tmp_path / name, runner, tuner="random", seed=0)
        ran.append(runner.ran)
    assert ran[0] == ran[1]


def test_the_trial_of_a_lost_worker_is_given_to_another(small, tmp_path) -> None:
    tuned = TuneConfig(config(), search=[], space=RANGES, trials=2, reruns=0, tuner="random")
    space = Space(tuned.base, tuned.components, tuned.ranges, small)
    oracle = create_oracle(tuned, space, lambda oracle, trial: None)
    oracle._set_project_dir(str(tmp_path), "tuner")
    own = {name: oracle.create_trial(name) for name in ("a", "b", "c")}
    assert [trial.status for trial in own.values()] == ["RUNNING"] * 3
    # There is nothing more to do, but somebody may be lost.
    assert oracle.create_trial("d").status == "IDLE"
    assert oracle.release("b") == own["b"].trial_id
    assert oracle.workers() == {"a", "c", "d"}
    taken = oracle.create_trial("d")
    assert taken.trial_id == own["b"].trial_id
    assert taken.hyperparameters.values == own["b"].hyperparameters.values
    # The one that was lost comes back with its result, and the other with the same.
    for trial in (own["a"], own["b"], taken, own["c"]):
        oracle.update_trial(trial.trial_id, {"ndcg@10": 0.1})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    assert len(oracle.trials) == 3
    assert {oracle.create_trial(name).status for name in ("a", "c", "d")} == {"STOPPED"}
    assert oracle.workers() == set()
