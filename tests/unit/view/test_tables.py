"""Pages of tables: what is short stays on its line, what is long goes over lines, and nothing leaves the window."""

from __future__ import annotations

from git_hybrid.view.export import Table, export
from git_hybrid.view.mirrorpage import page


def test_a_cell_goes_over_lines_only_where_it_is_long() -> None:
    row = {"at": "2026-07-20T12:00:00Z", "hash": "a" * 64}
    text = export({"log": Table(title="Log", columns=tuple(row), rows=[row])}, "html", heading="Audit")
    assert "<td>2026-07-20T12:00:00Z</td>" in text
    assert f'<td class="long">{"a" * 64}</td>' in text
    assert "td.long{white-space:normal;overflow-wrap:anywhere" in text


def test_the_page_of_a_mirror_breaks_what_is_longer_than_its_column() -> None:
    assert "td{overflow-wrap:anywhere}" in page({"repositories": []})
