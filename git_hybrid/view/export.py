"""Tables for people who do not have the tool: CSV, JSON, Markdown and HTML, each safe where it is opened."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Mapping, Sequence
from typing import Literal

from git_hybrid.core.pattern import pattern
from git_hybrid.core.value import Struct
from git_hybrid.view.jsonout import dump
from git_hybrid.view.term import safe

Format = Literal["csv", "json", "md", "html"]
FORMATS: tuple[Format, ...] = ("csv", "json", "md", "html")
# With the full-width forms of the signs, which some spreadsheets take for the signs.
_FORMULA = pattern(r"\s*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
# Where the list separator is another than a comma, as in most of Europe, quotes keep no cell together.
_NEXT_FORMULA = pattern(r'([;|])(?=[\s"]*[=+\-@\uff1d\uff0b\uff0d\uff20])')
_MARKDOWN = pattern(r"([\\`*_{}\[\]<>|#~!&])")
_STYLE = (
    "body{font:14px/1.4 system-ui,sans-serif;margin:2em}table{border-collapse:collapse;margin:0 0 2em}"
    "th,td{border:1px solid #999;padding:.3em .5em;text-align:left;vertical-align:top;white-space:nowrap}"
    "th{background:#eee;position:sticky;top:0}td.long{white-space:normal;overflow-wrap:anywhere;min-width:20em}"
    "@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}th{background:#333}}"
    "@media print{th,td,td.long{white-space:normal;overflow-wrap:anywhere;min-width:0}}"
)
"""A table of twenty columns is wider than a screen: it is moved sideways, and only what is long goes over lines."""
_LONG = 32


class Table(Struct, frozen=True, kw_only=True):
    """One table: what it is about, its columns in order, and a cell for each column in every row."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Mapping[str, str]]


def export(tables: Mapping[str, Table], form: Format, *, heading: str) -> str:
    """Return *tables* in the format *form*, by name. CSV has one table only: the first."""
    match form:
        case "csv":
            return _csv(next(iter(tables.values())))
        case "json":
            plain = {name: [dict(row) for row in table.rows] for name, table in tables.items()}
            return dump(plain, sort_keys=False) + "\n"
        case "md":
            return "\n".join(
                [f"# {_escaped(heading)}", *(line for item in tables.values() for line in _markdown(item))]
            )
        case "html":
            return _html(tables, heading)


def _csv(table: Table) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(table.columns)
    writer.writerows([_inert(row[column]) for column in table.columns] for row in table.rows)
    return stream.getvalue()


def _inert(cell: str) -> str:
    """Return *cell* so that no spreadsheet takes it for a formula (OWASP, CSV injection)."""
    text = _NEXT_FORMULA.sub(r"\1'", safe(cell))
    return f"'{text}" if _FORMULA.match(cell) else text


def _markdown(table: Table) -> list[str]:
    lines = ["", f"## {_escaped(table.title)}", ""]
    lines.append("| " + " | ".join(_escaped(column) for column in table.columns) + " |")
    lines.append("|" + " --- |" * len(table.columns))
    rows = ([_escaped(row[column]) for column in table.columns] for row in table.rows)
    return [*lines, *(f"| {' | '.join(cells)} |" for cells in rows), ""]


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", safe(text)).replace("://", ":\\//")


def _html(tables: Mapping[str, Table], heading: str) -> str:
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        '<meta name="viewport" content="width=device-width">',
        f"<title>{_text(heading)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{_text(heading)}</h1>",
    ]
    for table in tables.values():
        parts.append(f"<h2>{_text(table.title)}</h2>\n<table>\n<thead><tr>")
        parts += [f'<th scope="col">{_text(column)}</th>' for column in table.columns]
        parts.append("</tr></thead>\n<tbody>")
        for row in table.rows:
            cells = "".join(_cell(row[column]) for column in table.columns)
            parts.append(f"<tr>{cells}</tr>")
        parts.append("</tbody>\n</table>")
    return "\n".join([*parts, "</body>\n</html>\n"])


def _cell(text: str) -> str:
    kind = ' class="long"' if len(text) > _LONG else ""
    return f"<td{kind}>{_text(text)}</td>"


def _text(text: str) -> str:
    return html.escape(safe(text))
