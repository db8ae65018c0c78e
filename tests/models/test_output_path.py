"""Results are not written into data folders and runs."""

import re

import pytest

from tfmmrec.errors import DataError
from tfmmrec.models.output_path import check_output_path
from tfmmrec.reports.evaluation.compare_runs import compare_runs
from tfmmrec.reports.evaluation.evaluate_run import evaluate_run
from tfmmrec.serving.batch_recommend import recommend
from tfmmrec.serving.export import export


def test_a_path_inside_a_run_or_a_data_folder_is_refused(small, tmp_path):
    data = small.folder.resolve()
    link = tmp_path / "link"
    link.symlink_to(data)
    for path in (data / "page.html", data / "new" / "page.html", link / "page.html"):
        expected = f"{path}: is inside the data folder {data}; choose another --report"
        with pytest.raises(DataError, match=re.escape(expected)):
            check_output_path("--report", path)
    run = tmp_path / "run"
    run.mkdir()
    (run / "run.json").write_text('{"format": 8, "manifest_sha256": ""}')
    with pytest.raises(DataError, match=f"{run}: is a run folder; choose another --out"):
        check_output_path("--out", run)


def test_other_paths_are_accepted(small, tmp_path):
    # Files of the same names that other programs wrote.
    (tmp_path / "MANIFEST.json").write_text('{"name": "a web page"}')
    (tmp_path / "run.json").write_text("not JSON")
    for path in (None, tmp_path / "page.html", small.folder.with_name("data.html")):
        check_output_path("--report", path)


def test_the_stages_refuse_it_before_they_load_the_run(small, tmp_path):
    run, out = tmp_path / "none", small.folder / "new"
    for stage, option in (
        (lambda: evaluate_run(run, report=out), "--report"),
        (lambda: compare_runs([run, run], report=out), "--report"),
        (lambda: recommend(run, out=out), "--out"),
        (lambda: export(run, out), "--out"),
    ):
        with pytest.raises(
            DataError, match=f"is inside the data folder .*; choose another {option}"
        ):
            stage()
    assert not out.exists()
