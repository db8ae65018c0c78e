"""records/microlens.py on tiny samples of the 50k and the 100k form."""

import dataclasses
import io
import math
from typing import ClassVar

import numpy as np
import PIL.Image
import pytest
import soundfile

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.dataset_file import read_dataset_file
from tfmmrec.errors import DataError
from tfmmrec.modalities import MODALITIES
from tfmmrec.modalities.media_file import Media


@pytest.fixture(scope="module")
def microlens(load_script):
    return load_script("microlens")


def write_50k(source):
    (source / "MicroLens-50k_pairs.csv").write_text(
        "user,item,timestamp\n36121,9580,1583378629552\n36121,14,1584344671752\n"
        "7,77,1584344671753\n"
    )
    (source / "MicroLens-50k_titles.csv").write_text(
        'item,title\n9580,"a friend, ""bigger"" than\na fist 🤣 # food"\n14,What is this?\n15,\n',
        encoding="utf-8",
    )
    (source / "MicroLens-50k_likes_and_views.txt").write_text("9580\t10000\t364000\n14\t5\t44\n")


def write_100k(source):
    (source / "MicroLens-100k_pairs.csv").write_text("user,item,timestamp\n1,2,1583378629552\n")
    (source / "MicroLens-100k_title_en.csv").write_text(
        '1, Gu long song\n2, "Sakura" campus, updated   \n', encoding="utf-8"
    )


def jpeg():
    out = io.BytesIO()
    PIL.Image.new("RGB", (2, 2), "red").save(out, format="JPEG")
    return out.getvalue()


def values(data, feature):
    return next(iter(data.values("items", feature, batch_size=99))).numpy().tolist()


def test_50k_with_covers_and_sounds(microlens, source, tmp_path):
    write_50k(source)
    (source / "MicroLens-50k_covers").mkdir()
    (source / "MicroLens-50k_covers" / "14.jpg").write_bytes(jpeg())
    audios = tmp_path / "audios"
    audios.mkdir()
    soundfile.write(audios / "9580.wav", np.zeros(80), 8000)
    microlens.main(source, out=tmp_path / "data", audios=audios)
    data = Dataset(tmp_path / "data")
    assert data.schema.name == "microlens-50k"
    assert {name: modality.kind for name, modality in data.schema.items.items()} == {
        "title": "text",
        "cover": "image",
        "audio": "audio",
        "likes": "number",
        "views": "number",
    }
    # 77 has an interaction, but neither a title nor counts.
    assert data.item_ids == ["9580", "14", "15", "77"]
    assert data.statistics["rejects"]["count"] == 0
    title = 'a friend, "bigger" than\na fist 🤣 # food'.encode()
    assert values(data, "title") == [title, b"What is this?", b"", b""]
    assert values(data, "cover") == [b"", jpeg(), b"", b""]
    assert values(data, "audio")[0] == (audios / "9580.wav").read_bytes()
    assert values(data, "views")[:2] == [364000, 44]
    assert math.isnan(values(data, "likes")[2])
    train = data.events("train")
    found = [
        (data.user_ids[user], data.item_ids[item], int(time))
        for user, item, time in zip(train.user, train.item, train.time, strict=True)
    ]
    assert sorted(found) == [
        ("36121", "14", 1584344671752),
        ("36121", "9580", 1583378629552),
        ("7", "77", 1584344671753),
    ]


def test_100k_without_counts_and_covers(microlens, source, tmp_path):
    write_100k(source)
    microlens.main(source, out=tmp_path / "data")
    data = Dataset(tmp_path / "data")
    assert data.schema.name == "microlens-100k"
    assert list(data.schema.items) == ["title"]
    assert values(data, "title") == [b"Gu long song", b'"Sakura" campus, updated']
    assert data.events("train").time.tolist() == [1583378629552]


def test_videos_are_imported_if_the_modality_exists(
    microlens, source, tmp_path, monkeypatch, capsys
):
    @dataclasses.dataclass(frozen=True)
    class Video(Media):
        kind: ClassVar[str] = "video"

    write_100k(source)
    videos = tmp_path / "videos"
    videos.mkdir()
    (videos / "2.mp4").write_bytes(b"film")
    monkeypatch.delitem(MODALITIES.variants, "video", raising=False)
    path = microlens.write_microlens(source, tmp_path / "without", videos=videos)
    assert list(read_dataset_file(path).schema().items) == ["title"]
    assert capsys.readouterr().out.count("this version of tfmmrec has no video modality") == 1
    monkeypatch.setitem(MODALITIES.variants, "video", Video)
    path = microlens.write_microlens(source, tmp_path / "with", videos=videos)
    assert read_dataset_file(path).schema().items["video"].kind == "video"
    assert (tmp_path / "with" / "video" / "2.mp4").read_bytes() == b"film"
    assert capsys.readouterr().out == ""


def test_errors_in_the_source_are_one_line(microlens, source, tmp_path):
    def error(**options):
        with pytest.raises(DataError) as caught:
            microlens.write_microlens(source, tmp_path / "out", **options)
        assert not (tmp_path / "out").exists()
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "not a MicroLens folder" in error()
    write_50k(source)
    message = "none: no such folder; --audios must contain <item>.wav files"
    assert message in error(audios=tmp_path / "none")
    counts = source / "MicroLens-50k_likes_and_views.txt"
    counts.write_text("9580\t10000\t364000\n14 5 44\n")
    assert "likes_and_views.txt line 2: must be item, likes and views" in error()
    counts.unlink()
    pairs = source / "MicroLens-50k_pairs.csv"
    pairs.write_text("user,item,timestamp\n36121,9580,1583378629552\n36121,14,yesterday\n")
    assert "pairs.csv line 3: must be user,item,timestamp in milliseconds" in error()
    titles = source / "MicroLens-50k_titles.csv"
    titles.write_text("item,title\n1,a,b\n")
    assert "titles.csv line 2: must be item,title. Received: '1,a,b'" in error()
    titles.write_bytes(b"item,title\n1,\xff\n")
    assert "titles.csv: cannot be read" in error()
    titles.write_text("1, a\nno title\n")
    assert "titles.csv line 2: must be item,title. Received: 'no title'" in error()
