"""records/amazon_reviews.py on tiny samples of both releases."""

import gzip
import io
import json
import math

import PIL.Image
import pytest

from tfmmrec.data.dataset import Dataset
from tfmmrec.errors import DataError

IMAGES_2018 = "https://images-na.ssl-images-amazon.com/images/I/"
IMAGES_2023 = "https://m.media-amazon.com/images/I/"


@pytest.fixture(scope="module")
def amazon(load_script):
    return load_script("amazon_reviews")


def write(path, records):
    data = "".join(json.dumps(record) + "\n" for record in records).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def png(shade):
    out = io.BytesIO()
    PIL.Image.new("L", (2, 2), shade).save(out, format="PNG")
    return out.getvalue()


def review_2018(user, item, rating, time, **more):
    return {
        "overall": rating,
        "verified": True,
        "reviewTime": "09 1, 2016",
        "reviewerID": user,
        "asin": item,
        "style": {"Size:": " 3.5 oz"},
        "reviewerName": "Somebody",
        "reviewText": "As advertised.",
        "summary": "Five Stars",
        "unixReviewTime": time,
        **more,
    }


def item_2018(item, **more):
    empty = {"category": [], "tech1": "", "description": [], "title": "", "brand": "", "price": ""}
    return {**empty, "feature": [], "asin": item, "imageURL": [], "imageURLHighRes": [], **more}


def write_2018(folder):
    reviews = [
        review_2018("A1", "B01", 5.0, 1472688000),
        review_2018("A1", "B01", 5.0, 1472688000, summary="the same once more"),
        review_2018("A1", "B02", 3.0, 1472774400),
        review_2018("A2", "B09", 5.0, 1472774400),
        review_2018("A2", "B01", 4.0, 1472774400),
    ]
    items = [
        item_2018(
            "B01",
            title="Cologne &amp; Soap",
            description=["<b>Fresh.</b>", "Long-lasting."],
            feature=["3.5 oz"],
            category=["Toys &amp; Games", "Puzzles"],
            brand="\n  Fidelity\n Electronics",
            price="$1,012.99",
            imageURL=[IMAGES_2018 + "31n._SS40_.jpg"],
            imageURLHighRes=[IMAGES_2018 + "31n.jpg"],
        ),
        item_2018("B02", title="var aPageStart = (new Date()).getTime();", price="$5.00 - $9.00"),
        item_2018("B01", title="the same item once more"),
    ]
    return write(folder / "All_Beauty.json.gz", reviews), write(folder / "meta.json.gz", items)


def review_2023(user, item, rating, time):
    return {
        "rating": rating,
        "title": "Such a lovely scent",
        "text": "This spray is really nice.",
        "images": [],
        "asin": item + "-variant",
        "parent_asin": item,
        "user_id": user,
        "timestamp": time,
        "helpful_vote": 0,
        "verified_purchase": True,
    }


def item_2023(item, **more):
    empty = {"main_category": "All Beauty", "features": [], "description": [], "categories": []}
    return {**empty, "price": None, "images": [], "store": None, "parent_asin": item, **more}


def write_2023(folder):
    reviews = [
        review_2023("AE", "B01", 5.0, 1588687728923),
        review_2023("AE", "B02", 2.0, 1588687728924),
        review_2023("AF", "B01", 4.0, 1588687728925),
    ]
    items = [
        item_2023(
            "B01",
            title="Hair Spray",
            features=["Soft hold"],
            description=["For fine hair."],
            categories=["Beauty", "Hair"],
            store="Herb",
            price=14.99,
            images=[
                {
                    "thumb": IMAGES_2023 + "2t.jpg",
                    "large": None,
                    "variant": "PT01",
                    "hi_res": IMAGES_2023 + "2h.jpg",
                },
                {
                    "thumb": IMAGES_2023 + "1t.jpg",
                    "large": IMAGES_2023 + "1%2Bl._AC_.jpg",
                    "variant": "MAIN",
                    "hi_res": None,
                },
            ],
        ),
        item_2023("B02", title="Comb", price="None"),
        item_2023("B03", title="Brush", price="7.50"),
        item_2023("B04", title="Soap", price="from 14.99"),
    ]
    return write(folder / "All_Beauty.jsonl", reviews), write(folder / "meta.jsonl", items)


def values(data, feature):
    batch = next(iter(data.values("items", feature, batch_size=99)))
    return batch.to_list() if hasattr(batch, "to_list") else batch.numpy().tolist()


def events(data):
    found = []
    for split in ("train", "valid", "test"):
        part = data.events(split)
        for user, item, time, rating, positive in zip(
            part.user, part.item, part.time, part.rating, part.positive, strict=True
        ):
            ids = (data.user_ids[user], data.item_ids[item])
            found.append((*ids, int(time), float(rating), bool(positive)))
    return sorted(found)


def test_2018_gzipped_without_images(amazon, tmp_path, capsys):
    reviews, meta = write_2018(tmp_path)
    amazon.main(reviews, meta, out=tmp_path / "data")
    printed = capsys.readouterr().out
    assert "(2018): 3 reviews kept" in printed
    assert "1 of items without metadata, 1 duplicates, 0 below" in printed
    data = Dataset(tmp_path / "data")
    assert data.schema.name == "amazon-All_Beauty"
    assert list(data.schema.items) == ["title", "description", "categories", "brand", "price"]
    assert data.statistics["rejects"]["count"] == 0
    assert data.item_ids == ["B01", "B02"]
    assert events(data) == [
        ("A1", "B01", 1472688000000, 5.0, True),
        ("A1", "B02", 1472774400000, 3.0, False),
        ("A2", "B01", 1472774400000, 4.0, True),
    ]
    assert values(data, "title") == [b"Cologne &amp; Soap", b""]
    assert values(data, "description") == [b"<b>Fresh.</b>\nLong-lasting.\n3.5 oz", b""]
    assert values(data, "categories") == [[b"Toys &amp; Games", b"Puzzles"], []]
    assert values(data, "brand") == [[b"Fidelity Electronics"], []]
    price, none = values(data, "price")
    assert price == pytest.approx(1012.99)
    assert math.isnan(none)


def test_2023_plain_with_images(amazon, tmp_path):
    reviews, meta = write_2023(tmp_path)
    images = tmp_path / "images"
    images.mkdir()
    (images / "2h.jpg").write_bytes(png(20))
    (images / "1+l._AC_.jpg").write_bytes(png(10))
    (images / "B03.jpg").write_bytes(png(30))
    amazon.main(reviews, meta, out=tmp_path / "data", images=images, positive="rating >= 5")
    data = Dataset(tmp_path / "data")
    assert data.item_ids == ["B01", "B02", "B03", "B04"]
    assert events(data) == [
        ("AE", "B01", 1588687728923, 5.0, True),
        ("AE", "B02", 1588687728924, 2.0, False),
        ("AF", "B01", 1588687728925, 4.0, False),
    ]
    # The main image of B01 precedes the other one. The image of B03 is named after the item id.
    assert values(data, "picture") == [png(10), b"", png(30), b""]
    assert values(data, "description")[0] == b"For fine hair.\nSoft hold"
    assert values(data, "categories")[:2] == [[b"All Beauty", b"Beauty", b"Hair"], [b"All Beauty"]]
    assert values(data, "brand")[0] == [b"Herb"]
    prices = values(data, "price")
    assert prices[::2] == [pytest.approx(14.99), 7.5]
    assert all(math.isnan(price) for price in prices[1::2])


def test_min_events_keeps_the_core_and_its_items(amazon, tmp_path, capsys):
    # A1 and A2 both have B01 and B02; A3 has B02 and B03, and B03 has no other review.
    pairs = [("A1", "B01"), ("A1", "B02"), ("A2", "B01"), ("A2", "B02"), ("A3", "B02")]
    rated = [review_2018(*pair, 5.0, 1472688000) for pair in [*pairs, ("A3", "B03")]]
    reviews = write(tmp_path / "r.json", rated)
    meta = write(tmp_path / "m.json", [item_2018(f"B0{n}", title="x") for n in (4, 3, 2, 1)])
    amazon.main(reviews, meta, out=tmp_path / "data", min_events=2)
    data = Dataset(tmp_path / "data")
    assert [event[:2] for event in events(data)] == pairs[:4]
    assert data.item_ids == ["B02", "B01"]
    assert "2 below --min-events 2" in capsys.readouterr().out
    with pytest.raises(DataError, match="no review is left; lower --min-events 3"):
        amazon.write_amazon_reviews(reviews, meta, tmp_path / "none", min_events=3)


def test_errors_in_the_files_are_one_line(amazon, tmp_path):
    reviews, meta = write_2018(tmp_path)

    def error(reviews=reviews, meta=meta, **options):
        with pytest.raises(DataError) as caught:
            amazon.write_amazon_reviews(reviews, meta, tmp_path / "out", **options)
        assert not (tmp_path / "out").exists()
        assert "\n" not in str(caught.value)
        return str(caught.value)

    good = review_2018("A1", "B01", 5.0, 1472688000)
    bad = tmp_path / "bad.json"
    assert "none.gz: cannot be read" in error(tmp_path / "none.gz")
    assert "no such folder; --images" in error(images=tmp_path / "none")
    (tmp_path / "cut.json.gz").write_bytes(reviews.read_bytes()[:-20])
    assert "cut.json.gz: cannot be read" in error(tmp_path / "cut.json.gz")
    assert "the file is empty" in error(write(bad, []))
    assert "line 1: not a review; it must have reviewerID and asin" in error(write(bad, [{"a": 1}]))
    del (no_time := dict(good))["unixReviewTime"]
    write(bad, [good, no_time])
    message = "bad.json line 2: not a review of the 2018 release: missing key 'unixReviewTime'"
    assert message in error(bad)
    write(bad, [good, {**good, "overall": "many"}])
    assert "bad.json line 2: not a review of the 2018 release" in error(bad)
    bad.write_text(json.dumps(good) + "\n\n{'asin': 'B01'}\n")
    assert "bad.json line 3: not a line of JSON" in error(bad)
    write(bad, [item_2018("B01"), ["B02"]])
    assert "bad.json line 2: not a JSON object: list; correct or remove" in error(meta=bad)
    write(bad, [item_2023("B01")])
    assert "line 1: not an item of the 2018 release: missing key 'asin'" in error(meta=bad)
    write(bad, [item_2018("B77")])
    assert "none of 5 reviews is of an item in" in error(meta=bad)
