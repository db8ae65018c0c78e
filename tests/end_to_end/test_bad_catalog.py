"""Invalid input never loses valid data: a catalog of it, packed once, tested case by case."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.end_to_end import bad_catalog
from tests.end_to_end.bad_case import Case
from tests.end_to_end.bad_catalog import CASES, Packed, as_markdown, expected, pack_catalog
from tests.end_to_end.bad_media import HUGE
from tfmmrec.config.data_validation import CheckConfig
from tfmmrec.config.packing import PackConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack
from tfmmrec.reports.data_validation.validate import check


@pytest.fixture(scope="module")
def packed(tmp_path_factory) -> Packed:
    return pack_catalog(tmp_path_factory.mktemp("bad"))


def _parameters() -> list:
    return [
        pytest.param(
            table,
            case,
            id=f"{table}: {case.name}",
            marks=pytest.mark.xfail(strict=True, reason=case.xfail) if case.xfail else (),
        )
        for table, case in CASES
    ]


@pytest.mark.parametrize(("table", "case"), _parameters())
def test_each_case_lands_where_it_should(packed: Packed, table: str, case: Case) -> None:
    rejects = packed.rejects_of(table, case)
    if case.rejected is None:
        assert rejects == []
    else:
        ((field, reason),) = rejects
        assert field == case.field
        assert re.search(case.rejected, reason), reason
        assert "\n" not in reason and len(reason) < 200
    if case.field in ("item_id", "user_id", None):
        return
    stored = packed.stored(table, case)
    if case.packed in ("png", "jpeg"):
        assert bad_catalog.same_pixels(stored, case)
    elif case.packed is None:
        assert stored is None
    else:
        assert stored == expected(case)


@pytest.mark.parametrize(
    ("table", "case"), [p for p in _parameters() if p.values[0] != "interactions.csv"]
)
def test_the_rest_of_each_row_is_packed(packed: Packed, table: str, case: Case) -> None:
    rows = packed.items if table == "items.jsonl" else packed.users
    identity = bad_catalog.row_id(case)
    if not case.row_lost:
        if identity == "nothing":
            assert rows[identity] == {}
        else:
            assert rows[identity]["kept"] == b"kept"
            # Nor does anything come in that was not there.
            assert set(rows[identity]) <= {"kept", "text", "number", case.field}
    elif case.rejected != r"^duplicate id '007'$":
        assert identity not in rows


def test_nothing_else_is_rejected(packed: Packed) -> None:
    allowed = {
        (table, bad_catalog.TABLES[table].index(case) + 1)
        for table, case in CASES
        if case.rejected or case.xfail
    }
    assert set(packed.rejects) <= allowed
    assert packed.dataset.statistics["rejects"]["count"] == sum(map(len, packed.rejects.values()))


def test_the_order_of_the_rows_is_kept(packed: Packed) -> None:
    kept = [
        bad_catalog.row_id(case)
        for case in bad_catalog.ITEMS
        if not case.row_lost and not case.xfail
    ]
    assert [identity for identity in packed.dataset.item_ids if identity in kept] == kept


def test_the_folder_is_whole(packed: Packed) -> None:
    check(packed.dataset.folder, CheckConfig(quiet=True))


def test_a_huge_picture_costs_no_memory(tmp_path: Path) -> None:
    (tmp_path / "huge.png").write_bytes(HUGE)
    assert len(HUGE) < 5000
    program = (
        "import sys, resource, pathlib\n"
        "from tfmmrec.errors import BrokenValue\n"
        "from tfmmrec.modalities import Image\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n"
        "    Image().check('huge.png', pathlib.Path(sys.argv[1]))\n"
        "except BrokenValue as error:\n"
        "    print(error)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    reason, kilobytes = run.stdout.strip().splitlines()
    assert "too many pixels (50000 x 50000" in reason
    # Decoded, it would take 7.5 GB.
    assert int(kilobytes) < 50_000


def _pack_users(folder: Path, users: bytes) -> tuple[Dataset, list[dict[str, Any]]]:
    content = {
        "items": {"table": "items.csv", "id": "item_id"},
        "users": {
            "table": "users.csv",
            "id": "user_id",
            "features": {"text": {"modality": "text"}},
        },
        "interactions": {"table": "log.csv", "user": "user", "item": "item"},
    }
    (folder / "dataset.yaml").write_text(yaml.safe_dump(content))
    (folder / "items.csv").write_bytes(b"item_id\ni1\n")
    (folder / "log.csv").write_bytes(b"user,item\nu1,i1\n")
    (folder / "users.csv").write_bytes(b"user_id,text\n" + users)
    pack(folder / "dataset.yaml", folder / "data", PackConfig(max_rejects=1.0, quiet=True))
    lines = (folder / "data" / "rejects.jsonl").read_text(encoding="utf-8").splitlines()
    return Dataset(folder / "data"), [json.loads(line) for line in lines]


def _texts(dataset: Dataset) -> list[bytes]:
    return [text for batch in dataset.values("users", "text", 8) for text in batch.numpy()]


def test_a_text_of_10_mb_in_csv(tmp_path: Path) -> None:
    text = "длинный текст ".encode() * 400_000
    dataset, rejects = _pack_users(tmp_path, b"u1,a\nu2," + text + b"\nu3,c\n")
    assert rejects == []
    assert _texts(dataset) == [b"a", text.strip(), b"c"]


def test_a_quote_that_is_never_closed_loses_nothing_in_silence(tmp_path: Path) -> None:
    dataset, rejects = _pack_users(tmp_path, b'u1,a\nu2,"b\nu3,c\nu4,d\n')
    assert rejects
    assert any("quote" in entry["reason"] for entry in rejects)
    assert all(b"u3" not in text for text in _texts(dataset)), "rows were taken for a text"


def test_every_case_stands_in_the_documentation() -> None:
    text = (Path(__file__).parents[2] / "docs" / "BAD_INPUT.md").read_text(encoding="utf-8")
    assert "python -m tests.end_to_end.bad_catalog" in text
    for table, case in CASES:
        assert f"| {table} | {case.name} |" in text


def test_the_table_is_markdown(packed: Packed) -> None:
    lines = as_markdown(packed).splitlines()
    assert len(lines) == 2 + len(CASES)
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 5 for line in lines)
