"""records/movielens.py on tiny samples in the three original forms."""

import csv
import json

import pytest

from tfmmrec.data.dataset_file import read_dataset_file
from tfmmrec.data.positive import parse_positive
from tfmmrec.errors import DataError


@pytest.fixture(scope="module")
def movielens(load_script):
    return load_script("movielens")


def write_100k(source):
    flags = ["0"] * 19
    comedy_drama = [*flags[:5], "1", *flags[6:8], "1", *flags[9:]]
    unknown = ["1", *flags[1:]]
    lines = [
        "|".join(["1", "Amélie, (Le Fabuleux) (2001)", "01-Jan-2001", "", "", *comedy_drama]),
        "|".join(["2", "unknown", "", "", "", *unknown]),
    ]
    (source / "u.item").write_text("\n".join(lines) + "\n", encoding="latin-1")
    (source / "u.user").write_text("7|24|M|technician|85711\n", encoding="latin-1")
    (source / "u.data").write_text("7\t1\t4\t881250949\n7\t2\t3\t881250950\n")


def write_1m(source):
    movies = "1::Toy Story (1995)::Animation|Children's\n2::Café (1990)::Drama\n"
    (source / "movies.dat").write_text(movies, encoding="latin-1")
    (source / "users.dat").write_text("7::F::25::10::48067\n")
    (source / "ratings.dat").write_text("7::1::5::978300760\n")


def write_latest(source):
    movies = (
        "movieId,title,genres\r\n"
        '1,"American President, The (1995)",Comedy|Romance\r\n'
        "2,Cosmos 青 (1980–1981) ,(no genres listed)\r\n"
        "3,Nobody Knows When,Drama\r\n"
    )
    (source / "movies.csv").write_text(movies, encoding="utf-8")
    (source / "ratings.csv").write_text("userId,movieId,rating,timestamp\r\n7,1,3.5,964982703\r\n")


def read_items(folder):
    return [json.loads(line) for line in (folder / "items.jsonl").read_bytes().splitlines()]


def read_csv(path):
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_ml_100k(movielens, source, tmp_path):
    write_100k(source)
    dataset = read_dataset_file(movielens.write_movielens(source, tmp_path / "out"))
    assert dataset.name == "ml-100k"
    assert dataset.interactions.positive == parse_positive("rating >= 4")
    assert dataset.split == {"by": "last_out"}
    assert read_items(tmp_path / "out") == [
        {
            "item_id": "1",
            "title": "Amélie, (Le Fabuleux)",
            "genres": "Comedy|Drama",
            "year": 2001,
        },
        {"item_id": "2", "title": None, "genres": None, "year": None},
    ]
    user = {"user_id": "7", "age": "24", "gender": "M", "occupation": "technician"}
    assert read_csv(tmp_path / "out" / "users.csv") == [user]
    rating = {"user_id": "7", "item_id": "1", "timestamp": "881250949", "rating": "4"}
    assert read_csv(tmp_path / "out" / "interactions.csv")[0] == rating


def test_ml_1m(movielens, source, tmp_path):
    write_1m(source)
    assert read_dataset_file(movielens.write_movielens(source, tmp_path / "out")).name == "ml-1m"
    items = read_items(tmp_path / "out")
    assert items[0]["genres"] == "Animation|Children's"
    assert (items[1]["title"], items[1]["year"]) == ("Café", 1990)
    user = {"user_id": "7", "age": "25", "gender": "F", "occupation": "10"}
    assert read_csv(tmp_path / "out" / "users.csv") == [user]


def test_ml_latest(movielens, source, tmp_path):
    write_latest(source)
    dataset = read_dataset_file(movielens.write_movielens(source, tmp_path / "out"))
    assert dataset.name == "ml-latest"
    assert dataset.users is None
    assert [
        (item["title"], item["genres"], item["year"]) for item in read_items(tmp_path / "out")
    ] == [
        ("American President, The", "Comedy|Romance", 1995),
        ("Cosmos 青", None, 1980),
        ("Nobody Knows When", "Drama", None),
    ]
    assert read_csv(tmp_path / "out" / "interactions.csv")[0]["rating"] == "3.5"


def test_posters_and_plots_join_where_they_are(movielens, source, tmp_path):
    write_1m(source)
    (tmp_path / "posters").mkdir()
    (tmp_path / "posters" / "1.jpg").write_bytes(b"poster")
    plots = tmp_path / "plots.jsonl"
    plots.write_text('{"item_id": "2", "plot": "Café."}\n{"item_id": 1, "plot": null}\n')
    path = movielens.write_movielens(
        source, tmp_path / "out", posters=tmp_path / "posters", plots=plots
    )
    assert list(read_dataset_file(path).schema().items) == [
        *("title", "plot", "poster", "genres", "year")
    ]
    items = read_items(tmp_path / "out")
    assert [item["plot"] for item in items] == [None, "Café."]
    assert [item["poster"] for item in items] == ["poster/1.jpg", None]
    assert (tmp_path / "out" / "poster" / "1.jpg").read_bytes() == b"poster"


def test_errors_in_the_source_are_one_line(movielens, source, tmp_path):
    def error(**options):
        with pytest.raises(DataError) as caught:
            movielens.write_movielens(source, tmp_path / "out", **options)
        assert not (tmp_path / "out").exists()
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "not a MovieLens folder" in error()
    write_1m(source)
    assert "no such folder" in error(posters=tmp_path / "none")
    assert "none.jsonl: cannot be read" in error(plots=tmp_path / "none.jsonl")
    (tmp_path / "plots.jsonl").write_text('{"item_id": "2", "plot": "x"}\n[]\n')
    assert "plots.jsonl line 2" in error(plots=tmp_path / "plots.jsonl")
    (source / "ratings.dat").write_text("7::1::5::978300760\n7::1\n")
    assert "ratings.dat line 2: must have 4 fields. Received: 2" in error()
    (source / "users.dat").unlink()
    assert "users.dat: cannot be read" in error()


def test_main_packs_and_keeps_the_catalog(movielens, source, tmp_path):
    write_100k(source)
    movielens.main(source, out=tmp_path / "data")
    assert (tmp_path / "data" / "MANIFEST.json").is_file()
    assert (tmp_path / "data.catalog" / "dataset.yaml").is_file()
    with pytest.raises(DataError, match="exists already"):
        movielens.main(source, out=tmp_path / "data")
