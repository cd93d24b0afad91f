"""Read what a scanner wrote, and believe it only if it is complete.

SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html) is what counts; other formats are turned
into it first. An exit status alone proves nothing: scanners return 0 after they scanned nothing at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from git_hybrid.core.pattern import pattern
from git_hybrid.core.scans import Finding
from git_hybrid.core.value import Struct
from git_hybrid.scan.sarif import SCHEMA, VERSION, findings_of, path_of, relative_texts

Document = dict[str, Any]
_BOM = b"\xef\xbb\xbf"
# No file and no line of output can hold half a character.
_HALF = pattern(rb"\\u[dD][89a-fA-F]")
_LEVELS = {"high": "error", "medium": "warning", "low": "note"}
_DECIDES = ("results", "invocations", "driver", "extensions")
"""What of a run says what was found, how bad it is, and whether the run came to its end."""
TAG = "gitHybrid"


class Incomplete(Exception):
    """The report is no proof of a whole scan; ``str()`` is the reason."""


class Report(Struct, frozen=True, kw_only=True):
    """What a complete report says: the runs, paths made relative, the tool's version and what it found."""

    runs: tuple[Document, ...]
    version: str
    findings: tuple[Finding, ...]


def read_report(data: bytes, *, kind: str, scanner: str, tree: str) -> Report:
    """Return what the report in *data* says; *kind* is its format, *tree* the folder that was scanned.

    Raises:
        Incomplete: it is not what a whole scan leaves.
    """
    try:
        document = _load(data)
        if kind == "betterleaks-json":
            # Before it is a URI: the path of the folder may have what is quoted in one.
            document = from_betterleaks(relative_texts(document, tree))
        return read_document(document, scanner=scanner, tree=tree)
    except RecursionError as error:
        raise Incomplete("the report is nested too deeply") from error


def read_document(document: Document, *, scanner: str, tree: str = "") -> Report:
    """Return what a SARIF *document* says (:func:`read_report`)."""
    if document.get("version") != VERSION:
        raise Incomplete(f"the report is not SARIF {VERSION} (version: {str(document.get('version'))[:20]})")
    runs = document.get("runs")
    if not isinstance(runs, list) or not runs:
        raise Incomplete("the report holds no run")
    if document.get("inlineExternalProperties"):
        raise Incomplete("the report has results, or what they rest on, beside its runs")
    plain: list[Document] = [relative_texts(run, tree) if tree else run for run in runs]
    for run in plain:
        _refuse_incomplete(run)
    try:
        findings = findings_of(plain, scanner=scanner)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise Incomplete("a result in the report is not SARIF") from error
    kept = [run | {"automationDetails": {"id": f"{scanner}/"}} for run in plain]
    driver = kept[0]["tool"]["driver"]
    version = str(driver.get("version") or driver.get("semanticVersion") or "")[:80]
    return Report(runs=tuple(kept), version=version, findings=tuple(findings))


def _load(data: bytes) -> Document:
    try:
        document = json.loads(data.removeprefix(_BOM).decode("utf-8"), object_pairs_hook=_unique, parse_constant=_never)
        if _HALF.search(data):
            json.dumps(document, ensure_ascii=False).encode("utf-8")
    except ValueError as error:
        raise Incomplete("the report is empty" if not data.strip() else "the report is not JSON") from error
    if not isinstance(document, dict):
        raise Incomplete("the report is not a JSON object")
    return document


def _unique(pairs: Sequence[tuple[str, Any]]) -> Document:
    # Of two equal keys one reader takes the first and another the last: then nobody knows what was found.
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return result


def _never(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _refuse_incomplete(run: object) -> None:
    if not isinstance(run, dict) or not _is_tool(run.get("tool")):
        raise Incomplete("a run in the report does not say which tool made it")
    if not isinstance(run.get("results"), list):
        raise Incomplete("a run in the report has no results, not even an empty list: nothing was scanned")
    invocations, others = run.get("invocations", []), run.get("externalPropertyFileReferences", {})
    if not isinstance(invocations, list) or not isinstance(others, dict):
        raise Incomplete("a run in the report is not SARIF")
    if elsewhere := next((key for key in _DECIDES if others.get(key)), None):
        raise Incomplete(f"a run in the report has {elsewhere} in other files")
    for invocation in invocations:
        _refuse_unsuccessful(run, invocation)


def _refuse_unsuccessful(run: Document, invocation: object) -> None:
    if not isinstance(invocation, dict) or "executionSuccessful" not in invocation:
        # SARIF asks for it in each of them. Several tools write no invocation at all.
        raise Incomplete("the tool does not say whether it succeeded")
    if invocation["executionSuccessful"] is not True:
        raise Incomplete("the tool says itself that it did not succeed")
    for key in ("toolExecutionNotifications", "toolConfigurationNotifications"):
        notifications = invocation.get(key) or []
        if not isinstance(notifications, list):
            raise Incomplete("a run in the report is not SARIF")
        for notification in notifications:
            _refuse_error(run, notification)


def _is_tool(tool: object) -> bool:
    driver = tool.get("driver") if isinstance(tool, dict) else None
    return isinstance(driver, dict) and isinstance(driver.get("name"), str)


def _refuse_error(run: Document, notification: object) -> None:
    if not isinstance(notification, dict):
        raise Incomplete("a notification in the report is not SARIF")
    if notification.get("level") == "error":
        message = notification.get("message")
        text = message.get("text") if isinstance(message, dict) else None
        try:
            place = path_of(run, notification)[:200]
        except (AttributeError, IndexError, KeyError, TypeError):
            place = ""
        where = f" in {place}" if place else ""
        raise Incomplete(f"the tool tells of an error{where}: {str(text or 'without a word')[:200]}")


def from_betterleaks(document: Document) -> Document:
    """Return the JSON of betterleaks 2 as SARIF.

    Raises:
        Incomplete: the scan did not come to its end, or the numbers do not agree.
    """
    scan, found = document.get("scan"), document.get("findings")
    if not isinstance(scan, dict) or not isinstance(found, list):
        raise Incomplete("the report is not one of betterleaks 2")
    if scan.get("state") != "complete":
        raise Incomplete(f"betterleaks says that the scan is {str(scan.get('state'))[:40]}")
    if scan.get("num_findings") != len(found):
        raise Incomplete("betterleaks counted other findings than it wrote")
    try:
        results = [_leak(item) for item in found]
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise Incomplete("a finding of betterleaks lacks what belongs to it") from error
    driver = {"name": "betterleaks", "version": str(scan.get("betterleaks_version", ""))}
    return {
        "version": VERSION,
        "runs": [
            {
                "tool": {"driver": driver | {"properties": {"configHash": str(scan.get("config_hash", ""))}}},
                "invocations": [{"executionSuccessful": True}],
                "results": results,
            }
        ],
    }


def _leak(item: Mapping[str, Any]) -> Document:
    place = item["location"]
    region = {"startLine": max(int(place.get("start_line") or 1), 1)}
    location = {"artifactLocation": {"uri": quote(str(place["path"]))}, "region": region}
    return {
        "ruleId": str(item["rule_id"]),
        # A secret counts by how sure the rule is; one of a rule that does not say so counts in full.
        "level": _LEVELS.get(str(item.get("confidence")), "error"),
        "message": {"text": str(item.get("description") or item["rule_id"])},
        "locations": [{"physicalLocation": location}],
        # HMAC of the secret under a fixed key: the same secret, wherever it stands.
        "properties": {TAG: str((item.get("match") or {}).get("fingerprint", ""))},
    }


def nothing_to_audit(tool: str, version: str, *, scanner: str) -> Report:
    """Return the report of a scanner for which the tree has no file."""
    text = "the tree has no file of the kinds that this scanner audits; it scanned nothing"
    notification = {"level": "note", "message": {"text": text}}
    run: Document = {
        "automationDetails": {"id": f"{scanner}/"},
        "tool": {"driver": {"name": tool, "version": version}},
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": [notification]}],
        "results": [],
    }
    return Report(runs=(run,), version=version, findings=())


def write_report(runs: Sequence[Document]) -> bytes:
    """Return *runs* as the SARIF file that is kept, one line an entry, so that git shows what changed."""
    return ("".join(_written(runs)) + "\n").encode("ascii")


def is_larger(runs: Sequence[Document], limit: int) -> bool:
    """Tell whether the SARIF file of *runs* takes more than *limit* bytes: its lines are as far in as they are deep."""
    size = 0
    try:
        return any((size := size + len(part)) > limit for part in _written(runs))
    except RecursionError:
        return True


def _written(runs: Sequence[Document]) -> Iterator[str]:
    document = {"$schema": SCHEMA, "version": VERSION, "runs": list(runs)}
    return json.JSONEncoder(indent=1, sort_keys=True, ensure_ascii=True).iterencode(document)
