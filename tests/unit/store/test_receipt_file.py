"""Receipts: what stands on the other side, in the form that an older program reads where it says nothing new."""

from __future__ import annotations

import json

import pytest

from git_hybrid.core.bundles import Had, Receipt, Standing, place_of
from git_hybrid.core.errors import InvalidFile
from git_hybrid.core.ids import SourceName
from git_hybrid.store.receiptfile import decode_receipt, encode_receipt
from support.values import oid

URL, CONTENT = "https://example.org/team/tool.git", "c" * 64


def _receipt(had: Had) -> Receipt:
    return Receipt(sources={SourceName("tool"): had})


def test_a_receipt_is_read_as_it_was_written():
    plain = Had(url=URL, tip=oid(1), commit=oid(2))
    standing = frozenset({Standing(place_of("a"), URL, oid(3)), Standing(place_of("b"), URL, oid(3))})
    full = Had(url=URL, tip=oid(1), commit=oid(2), submodules=standing, contents=frozenset({CONTENT}))
    for had, version in ((plain, 1), (full, 2)):
        data = encode_receipt(_receipt(had), bundle="0" * 64)
        assert json.loads(data)["schema_version"] == version
        assert decode_receipt(data, "r") == _receipt(had)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("lfs", ["x"]),
        ("lfs", "x"),
        ("submodules", [{"place": "a/b", "url": URL, "commit": oid(1)}]),
        ("submodules", [{"place": "0" * 64, "url": "ext::x", "commit": oid(1)}]),
        ("submodules", [{"place": "0" * 64, "url": URL, "commit": "main"}]),
        ("other", []),
    ],
)
def test_what_is_wrong_in_a_receipt_is_told(key: str, value: object):
    document = json.loads(encode_receipt(_receipt(Had(url=URL, tip=oid(1), commit=oid(2))), bundle="0" * 64))
    document["sources"][0][key] = value
    with pytest.raises(InvalidFile):
        decode_receipt(json.dumps(document).encode(), "r")
