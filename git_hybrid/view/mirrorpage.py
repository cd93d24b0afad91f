"""What a mirror folder holds, as a JSON document and as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from git_hybrid.core.mirrors import PAGE_TITLE
from git_hybrid.view.term import safe

_STYLE = (
    "body{font:16px/1.5 sans-serif;margin:2em}td,th{text-align:left;padding:0 1em .3em 0;vertical-align:top}"
    "td{overflow-wrap:anywhere}td:not(:last-child){min-width:10.5em}td:nth-child(5){white-space:nowrap}"
)
_HEAD = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{PAGE_TITLE}</title>
<style>{_STYLE}</style>
<h1>{PAGE_TITLE}</h1>
"""


def listing(repositories: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the document ``mirror.json``: repositories in order of their paths."""
    return {"schema_version": 1, "repositories": sorted(repositories, key=lambda item: str(item["path"]))}


def page(document: Mapping[str, Any]) -> str:
    """Return *document* as an HTML page without scripts and without links to elsewhere."""
    rows = [
        "<tr><th>repository<th>from<th>branches and tags<th>pinned commits<th>last compared<th>missing</tr>",
        *(_row(item) for item in document["repositories"]),
    ]
    return _HEAD + "<table>\n" + "\n".join(rows) + "\n</table>\n</html>\n"


def _row(item: Mapping[str, Any]) -> str:
    refs = [f"{name} {oid[:10]}" for name, oid in sorted(item["refs"].items())]
    lists = (refs, item["pins"], [item["checked_at"]], item["missing"])
    cells = [item["path"], item["url"], *("\n".join(texts) for texts in lists)]
    return "<tr>" + "".join(f"<td>{_text(cell)}" for cell in cells) + "</tr>"


def _text(value: str) -> str:
    return "<br>".join(escape(safe(line)) for line in value.split("\n"))
