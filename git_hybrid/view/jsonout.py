"""Reports as JSON: stable keys, ``schema_version``, sources as objects with ``name``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from re import Match
from typing import Any

from git_hybrid.core.condition import Condition, Served, needs_attention, scan_mend
from git_hybrid.core.errors import HybridError
from git_hybrid.core.manifest import track_field
from git_hybrid.core.moves import Move
from git_hybrid.core.override import plain
from git_hybrid.core.pattern import pattern
from git_hybrid.core.ports import Range
from git_hybrid.core.report import Report, Row, Status
from git_hybrid.core.state import ScanStatus, plain_scan
from git_hybrid.core.values import format_time
from git_hybrid.core.words import escaped

SCHEMA_VERSION = 1
Explain = Callable[[HybridError], Mapping[str, Any]]
_HALF = pattern(r"\\\\|\\ud[89ab]..\\ud[c-f]..|\\u(?P<half>d[89a-f]..)")
"""Half a surrogate pair in encoded JSON; a backslash that stands for itself and whole pairs are passed over."""


def dump(document: Mapping[str, Any], *, sort_keys: bool = True) -> str:
    """Return *document* as the text that every ``--json`` output is; ASCII, so that no terminal is steered by it.

    A byte that is no text, as a path may have, is told as :func:`escaped` tells it to people: half a surrogate pair
    would make the document one that strict readers refuse (RFC 8259, section 8.2).
    """
    whole = {"schema_version": SCHEMA_VERSION, **document}
    text = json.dumps(whole, indent=2, sort_keys=sort_keys, ensure_ascii=True)
    return _HALF.sub(_told, text) if "\\ud" in text else text


def _told(found: Match[str]) -> str:
    return "\\" + escaped(chr(int(found["half"], 16))) if found["half"] else found[0]


def report_document(report: Report, explain: Explain, *, exit_code: int) -> dict[str, Any]:
    """Return *report* as plain values; *explain* makes an error an object with code, exit, message and hints."""
    return {
        "command": report.command,
        "command_id": report.run,
        "dry_run": report.dry_run,
        "exit_code": exit_code,
        "notes": list(report.notes),
        "pending": [{"name": name} for name in report.pending],
        "sources": [_row(row, explain) for row in report.rows],
        **({} if report.error is None else {"error": explain(report.error)}),
    }


def _row(row: Row, explain: Explain) -> dict[str, Any]:
    error = None if row.error is None else explain(row.error)
    return {
        "name": row.name,
        "outcome": row.outcome,
        "from_commit": row.before,
        "to_commit": row.after,
        "ref": row.ref,
        "served_by": row.served_by,
        "exit_code": 0 if error is None else error["exit_code"],
        "error": error,
        "notes": list(row.notes),
        "range": None if row.range is None else _range(row.range),
        **({"detail": dict(row.detail)} if row.detail else {}),
    }


def _range(found: Range) -> dict[str, Any]:
    commits = [{"commit": line.commit, "subject": line.subject} for line in found.commits]
    return {"ahead": found.ahead, "behind": found.behind, "files": found.files, "commits": commits}


def status_document(status: Status, *, exit_code: int) -> dict[str, Any]:
    """Return *status* as plain values."""
    unfinished = status.unfinished
    return {
        "command": "status",
        "exit_code": exit_code,
        "scanners_configured": status.has_scanners,
        "unfinished_run": None
        if unfinished is None
        else {
            "run": unfinished.run,
            "command": unfinished.command,
            "held_by": unfinished.held_by or None,
            "sources": [{"name": task.name} for task in unfinished.tasks],
        },
        "sources": [_condition(row) for row in status.rows],
    }


def _condition(row: Condition) -> dict[str, Any]:
    pin, recorded, source = row.pin, row.recorded, row.source
    key, value = track_field(source.track) if source else ("", "")
    return {
        "name": row.name,
        "state": row.word,
        "reason": row.why,
        "needs_attention": needs_attention(row),
        "url": str(source.url) if source else None,
        "track": {key: value} if source else None,
        "groups": list(source.groups) if source else [],
        "pin": pin and {"commit": pin.commit, "ref": pin.ref, "tree": pin.tree, "override": pin.override},
        "moved": row.moved and _moved(row.moved),
        "override": None if row.override is None else {**plain(row.override), "state": row.override_phase},
        "accepted": None if row.accepted is None else {**plain(row.accepted), "state": row.accepted_phase},
        "head": row.head,
        "clean": row.head is not None and row.dirty_count == 0,
        "changed_files": list(row.dirty),
        "changed_count": row.dirty_count,
        "commit_sha": recorded.commit if recorded else None,
        "updated_at": format_time(recorded.updated_at) if recorded else None,
        "updated_by": recorded.updated_by if recorded else None,
        "served_by": recorded.served_by if recorded else None,
        "mirror": row.served and _served(row.served),
        "notes": recorded.notes if recorded else None,
        "scan_status": {
            **plain_scan(recorded.scan if recorded else ScanStatus()),
            # What the audit log does not bear out is no result, whatever state says.
            **({"state": "error"} if row.scan == "error" else {}),
            "stale": row.scan == "stale",
            "reason": row.scan_why,
            "age_seconds": None if row.scan_age is None else int(row.scan_age.total_seconds()),
            "mend": scan_mend(row),
        },
    }


def _moved(move: Move) -> dict[str, Any]:
    facts = {"at": format_time(move.at), "by": move.by, "command_id": move.command_id}
    return {**facts, "from_commit": move.before, "forced": move.forced}


def _served(served: Served) -> dict[str, Any]:
    seconds = None if served.age is None else int(served.age.total_seconds())
    return {"name": served.name, "url": served.url, "age_seconds": seconds, "stale": served.stale}
