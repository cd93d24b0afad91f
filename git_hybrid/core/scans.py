"""What scans mean: severities, findings that keep their names, the result of several scanners, freshness. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal, assert_never

from git_hybrid.core.ahead import APART
from git_hybrid.core.audit import Event
from git_hybrid.core.canonical import Json, canonical_json
from git_hybrid.core.digest import sha256_hex
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.manifest import Level, Manifest
from git_hybrid.core.scanners import besides, spec_digest, spec_of, tool_version
from git_hybrid.core.state import FindingRef, ScannerRecord, ScanState, ScanStatus, Severity, plain_record
from git_hybrid.core.value import Struct, replace
from git_hybrid.core.values import format_age, format_time
from git_hybrid.core.words import findings_told

SEVERITIES: tuple[Severity, ...] = ("high", "medium", "low")
DIGEST = "scan_sha256"
KEPT_FINDINGS = 100
"""So many findings are named in state and in the audit log; more than that nobody accepts one by one."""
_STATE_WORST_FIRST: tuple[ScanState, ...] = ("error", "findings", "clean")
_LEVELS: Mapping[str, Severity] = {"error": "high", "warning": "medium", "note": "low"}
_HIGH_FROM, _MEDIUM_FROM = 7.0, 4.0
_SCORE_LIMIT = 10.0
StaleReason = Literal["age", "clock", "pin", "scanners", "version", "rules"]


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that a scanner found; ``line`` is 0 where it has none, ``path`` relative to the root of the tree."""

    id: str
    level: Severity
    scanner: str
    rule: str
    path: str
    line: int
    message: str


class Identity(Struct, frozen=True, kw_only=True):
    """Which scanner it is: its version (empty if it has none to ask for) and the digest of program, rules, settings."""

    version: str
    rules_digest: str


def severity_of(level: str, score: str | None) -> Severity | None:
    """Return the severity of a SARIF result; None if it is no problem at all.

    *score* is ``security-severity``, a CVSS number as text, which wins where it is one.
    """
    number = _score(score)
    if number is None:
        return _LEVELS.get(level)
    if number >= _HIGH_FROM:
        return "high"
    return "medium" if number >= _MEDIUM_FROM else "low"


def _score(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 < number <= _SCORE_LIMIT else None


def finding_ids(anchors: Iterable[tuple[str, ...]]) -> list[str]:
    """Return a name for each of *anchors* (scanner, rule, path and what was found there), 20 hex digits each.

    No line number is part of it, so that a finding keeps its name when lines move; equal ones are counted.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    names = []
    for anchor in anchors:
        facts: list[Json] = [*anchor, seen[anchor]]
        seen[anchor] += 1
        names.append(sha256_hex(canonical_json(facts))[:20])
    return names


def counts_of(findings: Iterable[Finding]) -> dict[str, int]:
    """Return how many findings there are of each severity."""
    counts = Counter(finding.level for finding in findings)
    return {level: counts[level] for level in SEVERITIES}


def counts_told(scan: ScanStatus) -> str:
    """Return how many findings there are, in words."""
    return findings_told(scan.counts or {})


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """Return *findings*, worst first."""
    return sorted(findings, key=lambda item: (SEVERITIES.index(item.level), item.path, item.line, item.rule, item.id))


def status_of(records: Sequence[ScannerRecord], findings: Sequence[Finding], *, commit: Oid, tree: Oid) -> ScanStatus:
    """Return the status of one commit after all scanners: the worst result stands, the oldest says how old it is."""
    worst = min(records, key=lambda record: _STATE_WORST_FIRST.index(record.state))
    digests: list[Json] = [record.rules_digest for record in records]
    combined = sha256_hex(canonical_json(digests))
    refs = [
        FindingRef(id=item.id, level=item.level, scanner=item.scanner, rule=item.rule, path=item.path)
        for item in by_severity(findings)[:KEPT_FINDINGS]
    ]
    return ScanStatus(
        state=worst.state,
        scanner=worst.name,
        scanner_version=worst.version or None,
        commit=commit,
        scanned_at=min(record.scanned_at for record in records),
        counts=counts_of(findings),
        tree=tree,
        rules_digest=records[0].rules_digest if len(records) == 1 else f"sha256:{combined}",
        scanners=tuple(records),
        findings=tuple(refs),
    )


def stale_reason(
    scan: ScanStatus,
    manifest: Manifest,
    name: SourceName,
    *,
    pinned: Oid | None,
    now: datetime,
    identities: Mapping[str, Identity] = {},
) -> StaleReason | None:
    """Return why the scan says nothing about *pinned* of the source *name* any more, or None if it does (or never was).

    *identities* holds the scanners as they are on this machine; one that is not there cannot be judged. A record that
    does not tell its scanners is judged by commit and age alone.
    """
    if scan.state == "missing" or scan.scanned_at is None:
        return None
    if scan.commit != pinned:
        return "pin"
    if now - scan.scanned_at > manifest.policy.scan_max_age:
        return "age"
    if scan.scanned_at - now > APART:
        return "clock"
    return _changed(scan, manifest, name, identities) if scan.scanners else None


def renewing(manifest: Manifest) -> Manifest:
    """Return *manifest* with half of its ``scan_max_age``, which is what a job judges by that renews scans.

    A job that comes at any regular distance below the whole of it leaves no scan to become stale before the next time.
    """
    policy = replace(manifest.policy, scan_max_age=manifest.policy.scan_max_age / 2)
    return replace(manifest, policy=policy)


def _changed(
    scan: ScanStatus, manifest: Manifest, name: SourceName, identities: Mapping[str, Identity]
) -> StaleReason | None:
    """Return what is another now than when the scan was made: the scanners, what they see, a version or its rules."""
    more = besides(manifest.sources.get(name))
    specs = {scanner.name: spec_digest(spec_of(scanner), more) for scanner in manifest.scanners}
    if specs and specs != {record.name: record.config_digest for record in scan.scanners}:
        return "scanners"
    for record in scan.scanners:
        here = identities.get(record.name)
        if here is None or record.state == "error":
            continue
        # Where a database is not told of here, its age cannot be judged.
        if here.version not in ("", record.version, tool_version(record.version)):
            return "version"
        if here.rules_digest != record.rules_digest:
            return "rules"
    return None


def stale_words(reason: StaleReason, scan: ScanStatus, now: datetime) -> str:
    """Return *reason* as people read it."""
    match reason:
        case "age":
            return "it is " + (f"{format_age(now - scan.scanned_at)} old" if scan.scanned_at else "old")
        case "clock":
            return "it is " + (f"of {format_time(scan.scanned_at)}, " if scan.scanned_at else "") + "still to come"
        case "pin":
            return f"it is of {(scan.commit or 'another commit')[:10]}, which is not the pin"
        case "scanners":
            return "the scanners in sources.toml, or lfs or submodules of the source, changed since"
        case "version":
            return "another version of a scanner, or of its database, is installed now"
        case "rules":
            return "the rules or the program of a scanner changed since"
        case _:  # pragma: no cover
            assert_never(reason)


def can_reuse(
    record: ScannerRecord, scan: ScanStatus, identity: Identity, *, tree: Oid, manifest: Manifest, now: datetime
) -> bool:
    """Tell whether a result may stand in for a new scan: same tree, scanner and rules, complete, and still fresh."""
    return (
        scan.tree == tree
        and record.state in ("clean", "findings")
        and record.rules_digest == identity.rules_digest
        and identity.version in ("", record.version, tool_version(record.version))
        and -APART <= now - record.scanned_at <= manifest.policy.scan_max_age
    )


def is_blocking(level: Severity, block_on: Level) -> bool:
    """Tell whether a finding of *level* is at or above what policy blocks on."""
    return block_on != "none" and SEVERITIES.index(level) <= SEVERITIES.index(block_on)


def blocking_findings(
    scan: ScanStatus, block_on: Level, accepted: frozenset[str] = frozenset()
) -> tuple[tuple[str, ...], int]:
    """Return the ids of the findings that policy blocks on, and how many there are in all.

    *accepted* holds the ids that an override accepts. Findings that are counted but not named cannot be accepted; a
    status that tells of findings without counts has one that nobody knows.
    """
    if block_on == "none" or scan.state not in ("findings", "error"):
        return (), 0
    if scan.counts is None:
        return (), int(scan.state == "findings")
    named = [item for item in scan.findings if is_blocking(item.level, block_on)]
    left = tuple(item.id for item in named if item.id not in accepted)
    total = sum(scan.counts.get(level, 0) for level in SEVERITIES if is_blocking(level, block_on))
    return left, len(left) + max(total - len(named), 0)


def takes_back(theirs: ScanStatus, ours: ScanStatus) -> bool:
    """Tell whether *theirs* in the place of *ours*, which is of the same commit, would take back some of what it says.

    A better verdict, fewer findings, or others than those that ours names: each may open what ours closes.
    """
    if ours.state in ("clean", "missing"):
        return theirs.state == "missing"
    order: tuple[ScanState, ...] = (*_STATE_WORST_FIRST, "missing")
    if order.index(theirs.state) > order.index(ours.state) or theirs.counts is None or ours.counts is None:
        return True
    if any(theirs.counts.get(level, 0) < ours.counts.get(level, 0) for level in SEVERITIES):
        return True
    kept = {(item.id, item.level) for item in theirs.findings}
    return any((item.id, item.level) not in kept for item in ours.findings)


def scan_event(name: SourceName, scan: ScanStatus, *, refused: bool = False) -> Event:
    """Return the audit record of one scan; *refused*: it kept a pin from moving to the commit."""
    return Event(
        event="scan", source=name, after=scan.commit, detail=scan_detail(scan) | ({"refused": True} if refused else {})
    )


def scan_detail(scan: ScanStatus) -> dict[str, Json]:
    """Return what the audit log keeps of a scan: what somebody judges by, and the digest of all of it."""
    return {**facts_of(scan), DIGEST: scan_digest(scan)}


def scan_digest(scan: ScanStatus) -> str:
    """Return the digest of all that state says of *scan*: 64 hex digits."""
    more: list[Json] = [[item.scanner, item.rule, item.path] for item in scan.findings]
    told: dict[str, Json] = {
        "facts": facts_of(scan),
        "commit_sha": scan.commit,
        "scanner": scan.scanner,
        "scanner_version": scan.scanner_version or None,
        "rules_digest": scan.rules_digest or None,
        "findings": more,
    }
    return sha256_hex(canonical_json(told))


def facts_of(scan: ScanStatus) -> dict[str, Json]:
    """Return what the audit log tells of a scan in words."""
    return {
        "state": scan.state,
        "scanned_at": None if scan.scanned_at is None else format_time(scan.scanned_at),
        "tree": scan.tree,
        "counts": dict(scan.counts or {}),
        "report_sha256": scan.report_sha256,
        "scanners": [_told_record(record) for record in scan.scanners],
        "findings": [{"id": item.id, "level": item.level} for item in scan.findings],
    }


def _told_record(record: ScannerRecord) -> dict[str, Json]:
    plain = plain_record(record)
    return plain if record.reason else {key: value for key, value in plain.items() if key != "reason"}
