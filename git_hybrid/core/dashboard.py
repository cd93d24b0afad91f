"""What the dashboard tells: one value made from status, files, checks and audit log. Pure; the view draws it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from git_hybrid.core.audit import Record
from git_hybrid.core.canonical import Json
from git_hybrid.core.checks import Facts, Violation
from git_hybrid.core.condition import SCAN_SEVERITY, SEVERITY, Condition, ScanWord, Word, needs_attention
from git_hybrid.core.governance import unbound
from git_hybrid.core.ids import short_ref
from git_hybrid.core.manifest import track_field
from git_hybrid.core.mirror_told import believed
from git_hybrid.core.mirrors import Mirror, late
from git_hybrid.core.moves import Move, moves_of
from git_hybrid.core.override import Override, Phase, phase
from git_hybrid.core.report import Status
from git_hybrid.core.standing import accepts, forbidden
from git_hybrid.core.value import Struct
from git_hybrid.core.values import parse_time


class Change(Struct, frozen=True, kw_only=True):
    """The last record of the audit log: the last thing that was decided here."""

    at: datetime
    by: str
    event: str
    source: str
    command_id: str
    seq: int
    hash: str


class SourceLine(Struct, frozen=True, kw_only=True):
    """One source: its row of status."""

    row: Condition
    attention: bool

    @property
    def tracks(self) -> str:
        """What the manifest asks for, such as ``tag v1.2.3``; empty for a folder that belongs to no source."""
        return " ".join(track_field(self.row.source.track)) if self.row.source else ""

    @property
    def ref(self) -> str:
        """The branch or tag of the pin, as people name it."""
        return short_ref(self.row.pin.ref) if self.row.pin else ""

    @property
    def url(self) -> str:
        """Where the source comes from."""
        return str(self.row.source.url) if self.row.source else ""

    @property
    def rank(self) -> int:
        """How bad its state is: 0 is the worst."""
        return SEVERITY.index(self.row.word)

    @property
    def scan_rank(self) -> int:
        """How bad its scan is: 0 is the worst."""
        return SCAN_SEVERITY.index(self.row.scan)


class OverrideLine(Struct, frozen=True, kw_only=True):
    """One override and how it stands; ``left`` is the time to its end, negative once it is over.

    ``unrecorded`` is what the audit log does not bear out, as a clause, ``unmet`` what policy misses in it; ``accepts``
    tells the findings that it accepts.
    """

    record: Override
    phase: Phase
    left: timedelta
    unrecorded: str = ""
    unmet: str = ""
    accepts: str = ""


class MirrorLine(Struct, frozen=True, kw_only=True):
    """One mirror of the inventory; ``bad`` of its ``count`` sources are behind, wrong or not verified in time."""

    name: str
    base_url: str
    kind: str
    owner: str
    verified_at: datetime | None
    count: int
    bad: int


class CheckLine(Struct, frozen=True, kw_only=True):
    """One check of the table, and what does not hold."""

    name: str
    found: tuple[Violation, ...]

    @property
    def failures(self) -> int:
        """How many violations fail."""
        return sum(item.level == "fail" for item in self.found)

    @property
    def warnings(self) -> int:
        """How many violations are warnings."""
        return sum(item.level == "warn" for item in self.found)


class IssueLine(Struct, frozen=True, kw_only=True):
    """One specification with open issues: where it is, and the document that says how they are mended."""

    spec: str
    remediations: str


class Dashboard(Struct, frozen=True, kw_only=True):
    """Everything on the page. ``moves`` are in the order of the log, ``sources`` worst first."""

    workspace: str
    generated_at: datetime
    generated_by: str
    version: str
    scanners: tuple[str, ...]
    scan_max_age: timedelta
    last: Change | None
    records: int
    unfinished: str
    running: str = ""
    sources: tuple[SourceLine, ...]
    moves: tuple[Move, ...]
    overrides: tuple[OverrideLine, ...]
    mirrors: tuple[MirrorLine, ...]
    checks: tuple[CheckLine, ...]
    issues: tuple[IssueLine, ...]

    @property
    def words(self) -> tuple[tuple[Word, int], ...]:
        """How many sources are in each state, worst first."""
        counts = Counter(line.row.word for line in self.sources)
        return tuple((word, counts[word]) for word in SEVERITY if counts[word])

    @property
    def scan_words(self) -> tuple[tuple[ScanWord, int], ...]:
        """How many pinned sources have which scan, worst first."""
        counts = Counter(line.row.scan for line in self.sources if line.row.pin is not None)
        return tuple((word, counts[word]) for word in SCAN_SEVERITY if counts[word])

    @property
    def declared(self) -> int:
        """How many sources there are: a folder that belongs to none has a line of its own."""
        return sum(line.row.word != "stray" for line in self.sources)

    @property
    def as_pinned(self) -> int:
        """How many sources are as pinned, and nothing else is wrong with them."""
        return sum(line.row.word == "ok" for line in self.sources)

    @property
    def in_force(self) -> int:
        """How many overrides are in force."""
        return sum(line.phase in ("active", "expiring") and not line.unrecorded for line in self.overrides)

    @property
    def failures(self) -> int:
        """How many violations of all checks fail."""
        return sum(line.failures for line in self.checks)

    def check(self, name: str) -> CheckLine | None:
        """Return the check of that name, if it ran."""
        return next((line for line in self.checks if line.name == name), None)


class Surroundings(Struct, frozen=True, kw_only=True):
    """What the page says about itself: of which workspace, when, by whom, by which version."""

    workspace: str
    now: datetime
    operator: str
    version: str


def build_dashboard(
    status: Status,
    facts: Facts,
    results: Mapping[str, Sequence[Violation]],
    records: Sequence[Record],
    *,
    around: Surroundings,
) -> Dashboard:
    """Return the page's content; *records* are the whole records of the audit log, the oldest first."""
    run = status.unfinished
    # What was pinned again where it stood, such as with another history, did not move; by an override it shows.
    moves = tuple(move for move in moves_of(records) if move.before != move.after or move.forced)
    inventory = believed(facts.inventory, {str(record["hash"]): record for record in records})
    overrides = (
        OverrideLine(
            record=record,
            phase=phase(record, facts.clock),
            left=record.expires_at - facts.clock,
            unrecorded=unbound(record, facts.trail),
            unmet=forbidden(record, facts),
            accepts=accepts(record),
        )
        for record in facts.overrides.records.values()
    )
    return Dashboard(
        workspace=around.workspace,
        generated_at=around.now,
        generated_by=around.operator,
        version=around.version,
        scanners=tuple(scanner.name for scanner in facts.manifest.scanners),
        scan_max_age=facts.manifest.policy.scan_max_age,
        last=_last(records),
        records=len(records),
        unfinished="" if run is None or run.held_by else f"{run.command} ({run.run})",
        running="" if run is None or not run.held_by else f"{run.command} ({run.run}): {run.held_by}",
        sources=tuple(SourceLine(row=row, attention=needs_attention(row)) for row in status.rows),
        moves=moves,
        overrides=tuple(sorted(overrides, key=_by_end)),
        mirrors=tuple(_mirror(entry, facts, around.now) for entry in inventory.mirrors.values()),
        checks=tuple(CheckLine(name=name, found=tuple(found)) for name, found in results.items()),
        issues=tuple(IssueLine(spec=rule.spec, remediations=rule.remediations) for rule in facts.manifest.open_issues),
    )


def _mirror(mirror: Mirror, facts: Facts, now: datetime) -> MirrorLine:
    return MirrorLine(
        name=mirror.name,
        base_url=mirror.base_url,
        kind=mirror.kind,
        owner=mirror.owner,
        verified_at=mirror.verified_at,
        count=len(mirror.sources),
        bad=len(late(mirror, facts.manifest.policy, now)),
    )


def _last(records: Sequence[Mapping[str, Json]]) -> Change | None:
    if not records:
        return None
    record = max(records, key=lambda item: int(str(item["seq"])))
    return Change(
        at=parse_time(str(record["at"])),
        by=str(record["operator"]),
        event=str(record["event"]),
        source=str(record.get("source") or ""),
        command_id=str(record["command_id"]),
        seq=int(str(record["seq"])),
        hash=str(record["hash"]),
    )


def _by_end(line: OverrideLine) -> tuple[bool, datetime, str]:
    """Return what puts the overrides first that still count, the next to end before the others."""
    return line.phase in ("revoked", "superseded"), line.record.expires_at, line.record.id
