"""Tests of the counts and limits of each feature and table, of `media`, and of the summary."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.modalities.contract import PICTURE
from tfmmrec.config.packing import PackConfig
from tfmmrec.data.packing import pack
from tfmmrec.data.packing.summary import summary_lines
from tfmmrec.errors import ConfigError, DataError

IMAGE, NUMBER = {"modality": "image"}, {"modality": "number"}


def write(
    folder: Path,
    rows: list[tuple[str, str]],
    *,
    image: dict[str, Any] = IMAGE,
    log: list[str] | None = None,
    log_keys: dict[str, Any] | None = None,
    **top: Any,
) -> Path:
    """Writes a catalog whose items have an `img` and a `year`; pics/1.png is a picture."""
    (folder / "pics").mkdir(parents=True, exist_ok=True)
    (folder / "pics" / "1.png").write_bytes(PICTURE)
    (folder / "pics" / "bad.png").write_bytes(b"no picture")
    lines = [f"i{n},{img},{year}" for n, (img, year) in enumerate(rows)]
    (folder / "items.csv").write_text("\n".join(["id,img,year", *lines]) + "\n")
    log = log or ["u,i0,1", "u,i1,2"]
    header = "user,item,time" + ",plays" * (log[0].count(",") > 2)
    (folder / "log.csv").write_text("\n".join([header, *log]) + "\n")
    content = {
        **top,
        "items": {"table": "items.csv", "id": "id", "features": {"img": image, "year": NUMBER}},
        "interactions": {
            **{"table": "log.csv", "user": "user", "item": "item", "time": "time"},
            **(log_keys or {}),
        },
    }
    (folder / "set.yaml").write_text(yaml.safe_dump(content))
    return folder / "set.yaml"


def packed(path: Path, max_rejects: float = 0.05) -> dict[str, Any]:
    return pack(path, path.parent / "data", PackConfig(max_rejects=max_rejects, quiet=True))


def refused(path: Path, max_rejects: float = 0.05) -> str:
    with pytest.raises(DataError) as caught:
        packed(path, max_rejects)
    assert not (path.parent / "data").exists()
    return str(caught.value)


GOOD, BAD, ABSENT, EMPTY = ("pics/1.png", "1"), ("pics/bad.png", "1"), ("pics/2.png", ""), ("", "")


def test_counts_of_each_feature_add_up_to_the_rows(tmp_path: Path):
    statistics = packed(write(tmp_path, [GOOD, BAD, ABSENT, EMPTY, GOOD, (r"pics\1.png", "x")]))
    features = statistics["items"]["features"]
    assert statistics["items"]["rows"] == {"read": 6, "rejected": 0}
    image = features["img"]
    assert (image["present"], image["missing"], image["rejected"]) == (3, 2, 1)
    reason = "not a picture that can be decoded: 'pics/bad.png'"
    assert image["first_reject"] == f"items.csv row 2: img: {reason}"
    assert image["not_found"] == {
        "rows": 1,
        "first": "pics/2.png",
    }
    assert image["backslashes"] == {"rows": 1, "first": r"pics\1.png"}
    year = features["year"]
    assert (year["present"], year["missing"], year["rejected"]) == (3, 2, 1)
    assert json.loads((tmp_path / "data" / "statistics.json").read_text()) == statistics


def test_the_summary_has_a_line_per_table_and_feature(tmp_path: Path):
    statistics = packed(write(tmp_path, [GOOD, BAD, ABSENT, EMPTY], log=["u,i0,1", "u,i9,1"]))
    assert summary_lines("D", statistics) == [
        "D: 4 items, 1 users, 1 interactions; 2 rejects; rejects.jsonl has them all",
        "              rows  present  missing  rejected",
        "items            4        4                  0",
        "  img            4        1        2         1  1 names a file that is not there; first: "
        "pics/2.png; first reject: items.csv row 2: img: not a picture that can be decoded: "
        "'pics/bad.png'",
        "  year           4        2        2         0",
        "interactions     2        1                  1  first reject: log.csv row 2: item: "
        "unknown item 'i9'",
        "  train                   1",
        "  valid                   0",
        "  test                    0",
        "  positives               1",
    ]


def test_a_rule_without_any_positive_ends_the_pack(tmp_path: Path):
    path = write(tmp_path, [GOOD, GOOD])
    content = yaml.safe_load(path.read_text())
    content["interactions"]["positive"] = "time >= 3"  # the times are 1 and 2
    path.write_text(yaml.safe_dump(content))
    assert refused(path) == (
        f"{path}: interactions.positive: the rule holds for none of the 2 events; compare it with "
        "the values in 'time' of log.csv"
    )
    content["interactions"]["positive"] = "time >= 2"
    path.write_text(yaml.safe_dump(content))
    assert packed(path)["interactions"]["positives"] == 1


def test_the_rejects_of_one_feature_end_the_pack(tmp_path: Path):
    # 2 of 39 rows are 5.1 %; of all 78 values, 2.6 %.
    path = write(tmp_path, [GOOD] * 37 + [BAD] * 2)
    assert refused(path) == (
        f"{path}: items.features.img: 2 of 39 rows have an invalid value (5.1%, the limit is 5.0%; "
        "first reject: items.csv row 38: img: not a picture that can be decoded: 'pics/bad.png'); "
        "correct them or raise --max-rejects"
    )
    assert packed(path, 0.06)["rejects"]["count"] == 2


def test_two_of_forty_rows_are_five_percent(tmp_path: Path):
    assert packed(write(tmp_path, [GOOD] * 38 + [BAD] * 2))["rejects"]["count"] == 2


def test_one_reject_of_a_small_table_is_accepted_unless_none_is(tmp_path: Path):
    path = write(tmp_path, [GOOD, GOOD, BAD], log=["u,i0,1", "u,i1,2", "u,i9,3"])
    assert "items.features.img: 1 of 3 rows" in refused(path, 0.0)
    assert packed(path)["rejects"]["count"] == 2


def test_the_rejects_of_one_table_end_the_pack(tmp_path: Path):
    path = write(tmp_path, [GOOD] * 50, log=["u,i0,1", "u,i1,2", "u,x,3", "u,y,4"])
    assert (
        f"{path}: log.csv: 2 of 4 rows cannot be used (50.0%, the limit is 5.0%); first: log.csv "
        "row 3: item: unknown item 'x'; correct them"
    ) in refused(path)


@pytest.mark.parametrize(
    ("keys", "marks"),
    [
        ({"positive": "plays > 50"}, '["NA", "null"]'),
        ({"rating": "plays"}, '["NA", "null"]'),
        ({"positive": "plays > 50", "missing": ["-"]}, '["-", "NA", "null"]'),
    ],
)
def test_rows_rejected_for_marks_of_missing_values_get_a_hint(tmp_path: Path, keys, marks):
    plays = ["many", "NA", "null", "NA", "51"]
    log = [f"u,i{n},{n},{value}" for n, value in enumerate(plays)]
    path = write(tmp_path, [GOOD] * 5, log=log, log_keys=keys)
    assert refused(path) == (
        f"{path}: log.csv: 4 of 5 rows cannot be used (80.0%, the limit is 5.0%); first: log.csv "
        "row 1: plays: not a number: 'many'; 3 values look like marks of missing values: 'NA' 2, "
        f"'null' 1; if they are, give missing: {marks}; correct them or raise --max-rejects"
    )


def test_marks_in_a_column_that_needs_values_get_no_hint(tmp_path: Path):
    path = write(tmp_path, [GOOD] * 3, log=["u,i0,NA", "u,i1,NA", "NA,NA,1", "u,i2,2"])
    assert "look like marks" not in refused(path)


def test_rows_rejected_for_their_quotes_get_a_hint(tmp_path: Path):
    log = ['"u,i0,1', "u,i1,2", '"u"sa,i1,3', "u,i2,4"]
    message = refused(write(tmp_path, [GOOD] * 50, log=log))
    assert (
        '; if quotes are part of values, add quote: "" to the table in the dataset file, or '
        'escape: "\\\\" if backslashes precede them; correct them'
    ) in message
    (tmp_path / "one").mkdir()
    path = write(tmp_path / "one", [GOOD] * 50, log=["u,i0,1", '"u"sa,i1,3', "u,i2,4"])
    (line,) = [
        line for line in summary_lines("data", packed(path)) if line.startswith("interactions")
    ]
    assert "text behind a closing quote: 'sa'; if quotes are part of values, add quote" in line


def test_a_feature_whose_files_are_all_missing_is_an_error(tmp_path: Path):
    path = write(tmp_path, [("1.PNG", "1")] * 6)
    assert refused(path, 1.0) == (
        f"{path}: items.features.img: 0 of 6 rows have a picture (6 name a file that is not there; "
        "first: 1.PNG; pics/1.png is there: set media: pics, or write the folder into the paths, "
        "letter case counts); correct items.csv, leave the feature out, or declare it with "
        "optional: true"
    )
    optional = write(tmp_path, [("1.PNG", "1")] * 6, image={**IMAGE, "optional": True})
    assert packed(optional)["items"]["features"]["img"]["not_found"]["rows"] == 6


def test_a_feature_without_a_value_is_an_error(tmp_path: Path):
    path = write(tmp_path, [("pics/1.png", "")] * 3)
    assert "items.features.year: 0 of 3 rows have a value; correct items.csv" in refused(path)


def test_a_feature_of_rejects_alone_needs_the_limit_of_all(tmp_path: Path):
    path = write(tmp_path, [("pics/bad.png", "1")] + [("", "1")] * 99)
    assert "0 of 100 rows have a picture (first reject: items.csv row 1" in refused(path, 0.9)
    assert packed(path, 1.0)["items"]["features"]["img"]["present"] == 0


def test_optional_is_true_or_false(tmp_path: Path):
    path = write(tmp_path, [GOOD], image={**IMAGE, "optional": "yes"})
    with pytest.raises(ConfigError, match=r"items\.features\.img\.optional: must be true or false"):
        packed(path)


@pytest.mark.parametrize("form", ["relative", "absolute", "link"])
def test_media_names_the_folder_of_paths(form: str, tmp_path: Path):
    disk = tmp_path / "disk"
    disk.mkdir()
    (disk / "9.png").write_bytes(PICTURE)
    catalog = tmp_path / "catalog"
    catalog.mkdir()
    media = {"relative": "../disk", "absolute": str(disk), "link": "posters"}[form]
    if form == "link":
        (catalog / "posters").symlink_to(disk)
    path = write(
        catalog, [("9.png", "1"), (str(disk / "9.png"), "1"), ("../x.png", "1")], media=media
    )
    statistics = packed(path)
    assert statistics["items"]["features"]["img"]["present"] == 2
    assert (
        "set media: at the top of the dataset file" in (catalog / "data/rejects.jsonl").read_text()
    )


def test_media_must_be_a_folder(tmp_path: Path):
    path = write(tmp_path, [GOOD], media="none")
    assert f"{path}: media: no such folder: {tmp_path / 'none'}" in refused(path)
    path = write(tmp_path, [GOOD], media=["pics"])
    with pytest.raises(ConfigError, match="media: must be"):
        packed(path)
