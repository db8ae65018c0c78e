"""The whole job on the synthetic catalogue: pack, train, evaluate, tune, export, recommend."""

import json
from pathlib import Path

import rich.console

from tfmmrec.config.packing import PackConfig
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.config.tune_config import TuneConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.data.storage import refuse_existing
from tfmmrec.data.synthetic import SyntheticConfig, draw_world, write_world
from tfmmrec.reports.bokeh import has_bokeh
from tfmmrec.reports.evaluation.console import print_metrics
from tfmmrec.reports.evaluation.evaluate_run import evaluate_run
from tfmmrec.reports.tuning.page import write_tuning_page
from tfmmrec.serving.batch_recommend import recommend
from tfmmrec.serving.export import export
from tfmmrec.serving.search import item_texts, search
from tfmmrec.training.train import train
from tfmmrec.tuning import tune


def demo(out: Path, *, seed: int = 0, quiet: bool = False) -> None:
    """Runs every stage once and prints the results.

    Args:
        out: the folder to write to, which must not exist yet.
        seed: of the training and the search; the catalog is always the same.
        quiet: no progress bars.
    """
    console = rich.console.Console()
    say = console.print
    refuse_existing(out)
    data, run = out / "data", out / "run"
    say("[bold]1. Generate[/bold] a synthetic catalog with texts, pictures and sounds")
    write_world(draw_world(SyntheticConfig()), out / "catalog")
    say("[bold]2. Pack[/bold] tables and media into TFRecords")
    pack(out / "catalog" / "dataset.yaml", data, PackConfig(quiet=quiet))
    say("[bold]3. Train[/bold] the two towers on built-in encoders")
    # Without the refit, which would train the better history encoder a second time.
    train(data, run, TrainConfig(refit=False, seed=seed, quiet=quiet))
    say("[bold]4. Evaluate[/bold] over the whole catalog")
    # The page's plots are an extra.
    report = out / "report.html" if has_bokeh() else None
    print_metrics(evaluate_run(run, report=report, quiet=True, seed=seed).metrics, console)
    if report is not None:
        say(f"   {report}")
    say("[bold]5. Tune[/bold] the fusion weights with Keras Tuner, in three short trials")
    search_config = TuneConfig(
        search=["fusion"],
        space={"fusion": {"kind": "weighted", "weighted": {"weights": "searched"}}},
        trials=3,
        epochs=3,
        reruns=0,
        seed=seed,
        quiet=True,
    )
    say(f"   {tune(data, out / 'tuned', search_config)['verdict']}")
    write_tuning_page(out / "tuned")
    say("[bold]6. Export[/bold] a SavedModel for TensorFlow Serving")
    version = export(run, out / "models" / "demo", quiet=True)
    say(f"   {version}")
    say("[bold]7. Recommend and search[/bold]")
    _show_answers(say, data, run)
    say(f"Everything is in {out}. Serve the model with: tfmmrec serve {out / 'models' / 'demo'}")


def _show_answers(say, data: Path, run: Path) -> None:
    dataset = Dataset(data)
    user = dataset.user_ids[0]
    answer = recommend(run, users=user, k=5, split="test", quiet=True)[0]
    texts = item_texts(dataset, answer["items"])
    say(f"   for user {user}:")
    for item, score in zip(answer["items"], answer["scores"], strict=True):
        say(f"   {score:7.3f}  {item}  {' / '.join(texts[item].values())[:80]}")
    words = next(iter(texts[answer["items"][0]].values()))
    found = [entry["item"] for entry in search(run, text=words, k=3)]
    say(f"   similar to the words {json.dumps(words, ensure_ascii=False)}: {', '.join(found)}")
