"""records/hm.py on a tiny sample of the three tables."""

import io

import PIL.Image
import pytest

from tfmmrec.data.dataset import Dataset
from tfmmrec.errors import ConfigError, DataError

ARTICLES = (
    "article_id,product_code,prod_name,product_type_no,product_type_name,product_group_name,"
    "graphical_appearance_no,graphical_appearance_name,colour_group_code,colour_group_name,"
    "perceived_colour_value_id,perceived_colour_value_name,perceived_colour_master_id,"
    "perceived_colour_master_name,department_no,department_name,index_code,index_name,"
    "index_group_no,index_group_name,section_no,section_name,garment_group_no,garment_group_name,"
    "detail_desc\n"
    "0108775015,0108775,Strap top,253,Vest top,Garment Upper body,1010016,Solid,09,Black,4,Dark,5,"
    "Black,1676,Jersey Basic,A,Ladieswear,1,Ladieswear,16,Womens Everyday Basics,1002,"
    'Jersey Basic,"Jersey top, with narrow\nshoulder straps."\n'
    "0663713001,0663713,Atlanta set,283,Underwear,Unknown,1010016,Solid,10,White,3,Light,9,White,"
    "1334,Clean Lingerie,B,Lingeries/Tights,1,Ladieswear,61,Womens Lingerie,1017,Under-wear,\n"
)
CUSTOMERS = (
    "customer_id,FN,Active,club_member_status,fashion_news_frequency,age,postal_code\n"
    "00ab,1.0,1.0,ACTIVE,Regularly,49,52043ee2\n"
    "00cd,,,,None,,2973abc5\n"
)
TRANSACTIONS = (
    "t_dat,customer_id,article_id,price,sales_channel_id\n"
    "2018-09-20,00ab,0108775015,0.050830508474576264,2\n"
    "2018-09-20,00ab,0663713001,0.03049152542372881,2\n"
    "2018-09-20,00ab,0108775015,0.050830508474576264,2\n"
    "2020-09-21,00ab,663713001,0.030491525423728,1\n"
    "2020-09-22,00ef,0663713001,0.030491525423728,1\n"
)


@pytest.fixture(scope="module")
def hm(load_script):
    return load_script("hm")


@pytest.fixture
def source(source):
    (source / "articles.csv").write_text(ARTICLES)
    (source / "customers.csv").write_text(CUSTOMERS)
    (source / "transactions_train.csv").write_text(TRANSACTIONS)
    return source


def jpeg():
    out = io.BytesIO()
    PIL.Image.new("RGB", (2, 2), "red").save(out, format="JPEG")
    return out.getvalue()


def values(data, entity, feature):
    batch = next(iter(data.values(entity, feature, batch_size=99)))
    return batch.to_list() if hasattr(batch, "to_list") else batch.numpy().tolist()


def purchases(data):
    found = []
    for split in ("train", "valid", "test"):
        part = data.events(split)
        for user, item, time in zip(part.user, part.item, part.time, strict=True):
            found.append((data.user_ids[user], data.item_ids[item], int(time)))
    return sorted(found)


def test_all_purchases_with_images(hm, source, tmp_path):
    folder = source / "images" / "010"
    folder.mkdir(parents=True)
    (folder / "0108775015.jpg").write_bytes(jpeg())
    hm.main(source, out=tmp_path / "data")
    data = Dataset(tmp_path / "data")
    assert data.statistics["rejects"]["count"] == 0
    assert data.item_ids == ["0108775015", "0663713001"]
    assert values(data, "items", "picture") == [jpeg(), b""]
    assert values(data, "items", "title") == [b"Strap top", b"Atlanta set"]
    description = b"Jersey top, with narrow\nshoulder straps."
    assert values(data, "items", "description") == [description, b""]
    assert values(data, "items", "product_group") == [[b"Garment Upper body"], []]
    assert values(data, "items", "color") == [[b"Black"], [b"White"]]
    assert values(data, "items", "section") == [[b"Womens Everyday Basics"], [b"Womens Lingerie"]]
    # 00ef is not in the table of customers. Two purchases of an article on one day are one.
    assert data.user_ids == ["00ab", "00cd", "00ef"]
    assert purchases(data) == [
        ("00ab", "0108775015", 1537401600000),  # 2018-09-20
        ("00ab", "0663713001", 1537401600000),
        ("00ab", "0663713001", 1600646400000),  # 2020-09-21
        ("00ef", "0663713001", 1600732800000),
    ]


def test_postal_codes_are_omitted(hm, source, tmp_path):
    hm.main(source, out=tmp_path / "data")
    data = Dataset(tmp_path / "data")
    assert "picture" not in data.schema.items
    assert list(data.schema.users) == [
        *("age", "fashion_news", "active", "club_member_status", "fashion_news_frequency")
    ]
    assert values(data, "users", "age")[0] == 49
    assert values(data, "users", "fashion_news") == [[b"1.0"], [], []]
    assert values(data, "users", "fashion_news_frequency") == [[b"Regularly"], [b"NONE"], []]
    assert "52043ee2" not in (tmp_path / "data.catalog" / "users.csv").read_text()


def test_since_keeps_recent_purchases_with_their_articles_and_customers(hm, source, tmp_path):
    hm.main(source, out=tmp_path / "data", since="2020-09-21")
    data = Dataset(tmp_path / "data")
    assert data.item_ids == ["0663713001"]
    assert data.user_ids == ["00ab", "00ef"]
    assert [time for *_, time in purchases(data)] == [1600646400000, 1600732800000]


def test_errors_in_the_source_are_one_line(hm, source, tmp_path):
    def error(kind=DataError, **options):
        with pytest.raises(kind) as caught:
            hm.write_hm(source, tmp_path / "out", **options)
        assert not (tmp_path / "out").exists()
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "since must be a day such as" in error(ConfigError, since="last summer")
    assert "no purchase from 2021-01-01 on" in error(since="2021-01-01")
    assert "no such folder; --images" in error(images=tmp_path / "none")
    transactions = source / "transactions_train.csv"
    transactions.write_text(TRANSACTIONS + "2020-09-22,00ab\n")
    assert "transactions_train.csv line 7: must have 5 fields" in error()
    transactions.write_text(TRANSACTIONS + "yesterday,00ab,0663713001,0.1,1\n")
    assert "transactions_train.csv line 7: t_dat must be a day" in error()
    # The first article spans two lines.
    (source / "articles.csv").write_text(ARTICLES + "0108775016,0108775\n")
    assert "articles.csv line 5: must have 25 fields" in error()
    (source / "articles.csv").write_text(ARTICLES.replace("detail_desc", "details"))
    assert "articles.csv: no column 'detail_desc'" in error()
    (source / "customers.csv").unlink()
    assert "customers.csv is missing" in error()
