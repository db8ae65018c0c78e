"""Conversion of Arrow values to Python: the same values and types as those of pyarrow."""

from typing import Any

import pyarrow as pa
import pytest

from tfmmrec.data.tables.arrow_values import to_python
from tfmmrec.errors import BrokenValue

PAIRS = pa.list_(pa.float32(), 2)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.string(), ["é", None, "", "a\0"]),
        (pa.large_binary(), [b"\xff", None, b"a\0"]),
        (pa.int64(), [2**63 - 1, None, -1]),
        (pa.uint64(), [2**64 - 1, 0]),
        (pa.float32(), [0.5, None]),
        (pa.bool_(), [True, None]),
        (pa.list_(pa.string()), [["a", None], None, [], ["b"]]),
        (pa.list_(pa.int64()), [[2**63 - 1], [1, None]]),
        (pa.large_list(pa.list_(pa.float64())), [[[0.5], []], None, [None, [1.5, 2.5]]]),
        (PAIRS, [[0.5, 1.5], None, [2.5, 3.5]]),
        (pa.null(), [None, None]),
    ],
)
def test_values_and_slices_of_them_are_unchanged(kind: pa.DataType, values: list[Any]):
    array = pa.array(values, kind)
    assert repr(to_python(array)) == repr(values)
    assert repr(to_python(array.slice(1))) == repr(values[1:])


def test_text_that_is_not_utf8_affects_no_other_value_or_list():
    # The bytes of "\xff" and "ab", which the constructor of texts would refuse.
    texts = pa.Array.from_buffers(pa.string(), 2, pa.array([b"\xff", b"ab"]).buffers())
    broken, text = to_python(texts)
    assert isinstance(broken, BrokenValue) and text == "ab"
    broken, texts = to_python(pa.ListArray.from_arrays([0, 1, 2], texts))
    assert isinstance(broken, BrokenValue) and texts == ["ab"]
