from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from git_hybrid.core.audit import (
    ROTATE,
    ROTATED,
    Event,
    Line,
    Record,
    Segment,
    Tail,
    detail_of,
    extend,
    previous,
    record_hash,
    records_of,
    tail_of,
)
from git_hybrid.core.audit_archives import AGAIN, NO_GIT, RESTORE, Breach, Files, free_archive
from git_hybrid.core.audit_query import (
    OVERRIDE_COLUMNS,
    RECORD_COLUMNS,
    Filter,
    before_renewals,
    chosen,
    gist,
    is_meant,
    newest_first,
    override_row,
    record_row,
)
from git_hybrid.core.audit_state import odd_entries
from git_hybrid.core.audit_texts import endings_of
from git_hybrid.core.audit_verify import no_records, verify
from git_hybrid.core.canonical import canonical_json
from git_hybrid.core.check_audit import LARGE, check_audit
from git_hybrid.core.checks import Facts, failures
from git_hybrid.core.files import LOG
from git_hybrid.core.ids import RefName, SourceName, parse_url
from git_hybrid.core.last_pins import pinned_as
from git_hybrid.core.lock import Lock, Pin
from git_hybrid.core.manifest import Branch, Manifest, Tag
from git_hybrid.core.mirror_told import mirror_event
from git_hybrid.core.mirrors import Inventory, Mirror
from git_hybrid.core.override import Approval, Override, Overrides, Trail, closed, event_of
from git_hybrid.core.state import ScanStatus, SourceState, State
from git_hybrid.core.value import replace
from git_hybrid.core.values import format_time
from git_hybrid.core.witnesses import Witnesses
from support.values import NOW, OPERATOR, RUN, TOOL_URL, a_pin, a_source, a_state_entry, an_override, oid

TOOL = SourceName("tool")
OTHER_URL = parse_url("https://example.org/other")
CHAIN = (Event(event="init"), Event(event="add", source="tool"), Event(event="pin", source="tool", after=oid(1)))


def grown(records: Sequence[Record], *events: Event, tail: Tail | None = None) -> tuple[Record, ...]:
    who = {"operator": OPERATOR, "command_id": RUN, "log_id": "log"}
    return (*records, *extend(tail or tail_of(records), events, at=NOW, **who))


def text_of(record: Record | str) -> bytes:
    return record.encode() if isinstance(record, str) else canonical_json(record)


def sha(line: Record | str) -> str:
    return hashlib.sha256(text_of(line)).hexdigest()


def segment(lines: Sequence[Record | str], *, file: str = LOG, ended: bool = True) -> Segment:
    made = []
    for number, item in enumerate(lines, 1):
        record = None if isinstance(item, str) else item
        whole = record is not None and record_hash(record) == record["hash"]
        made.append(Line(number=number, size=len(text_of(item)), sha256=sha(item), record=record, whole=whole))
    whole_text = b"".join(text_of(item) + b"\n" for item in lines)
    return Segment(file=file, lines=tuple(made), sha256=hashlib.sha256(whole_text).hexdigest(), ended=ended)


def test_converted_line_endings_are_one_breach_with_a_mend_of_its_own():
    (breach,) = verify([replace(segment(grown((), *CHAIN)), converted=True)], Witnesses())
    assert (breach.id, breach.line, breach.file) == ("line-endings", 0, LOG)
    assert "sed -i 's/\\r$//' state/sources*" in breach.mend


def test_only_the_file_whose_line_endings_were_converted_is_told():
    here = segment(grown((), *CHAIN))
    other = replace(here, file="state/sources-audit.2025.jsonl", converted=True)
    assert [breach.file for breach in endings_of([here, other])] == [other.file]


def test_what_was_pushed_before_and_is_not_in_the_log_is_told():
    records = grown((), *CHAIN)
    witnesses = Witnesses(published={"c" * 40: segment(records)})
    assert "lost-by-push" in {breach.id for breach in verify([segment(records[:1])], witnesses)}
    assert verify([segment(records)], witnesses) == ()


def test_of_a_log_with_a_conflict_in_it_nothing_else_is_told() -> None:
    log = segment([LINES[0], "<<<<<<< HEAD", {**LINES[1], "operator": "Eve"}, "=======", ">>>>>>> other"])
    log = replace(log, lines=tuple(replace(line, marker=line.record is None) for line in log.lines))
    told = verify([log], Witnesses(committed=frozenset({"a"}), head=("a",), ever=("a",)))
    assert [(item.id, item.line, item.mend) for item in told] == [("conflict", 2, "git hybrid merge")]
    assert told[0].what == "is a marker of a merge conflict (with lines 4, 5)"
    (alone,) = verify([replace(log, lines=log.lines[:2])], Witnesses())
    assert alone.what == "is a marker of a merge conflict"


def found(lines: Sequence[Record | str], witnesses: Witnesses | None = None, *, ended: bool = True) -> list[Breach]:
    return list(verify([segment(lines, ended=ended)], witnesses or Witnesses()))


def ids(lines: Sequence[Record | str], witnesses: Witnesses | None = None, *, ended: bool = True) -> list[str]:
    return [item.id for item in found(lines, witnesses, ended=ended)]


LINES = grown((), *CHAIN)


def rehashed(record: Record, **changed: Any) -> Record:
    made = {**record, **changed}
    return {**made, "hash": record_hash(made)}


def test_a_line_that_no_command_wrote_so_is_told_and_once_committed_put_right_by_merge() -> None:
    strange, torn = rehashed(LINES[2], zz=1), rehashed(LINES[2], torn=[{"len": 1, "sha256": "0" * 64, "n": 1}])
    deep: Any = {}
    for _ in range(2000):
        deep = {"a": deep}
    bad = {
        "respelled": LINES[2],
        "forged": strange,
        "edited": {**LINES[2], "detail": deep},
    }
    for name, record in (*bad.items(), ("forged", torn)):
        log = segment(LINES)
        line = replace(log.lines[2], record=record, whole=False)
        log = replace(log, lines=(*log.lines[:2], line))
        alone, known = Witnesses(), Witnesses(committed=frozenset((*map(sha, LINES), line.sha256)))
        for witnesses, mend in ((alone, NO_GIT), (known, "git hybrid merge")):
            told = verify([log], witnesses)[0]
            assert (told.id, told.line, told.mend) == (name, 3, mend)


def test_a_committed_line_that_is_no_record_may_be_taken_out() -> None:
    texts = [text_of(item) for item in (*LINES, "junk")]
    lines = tuple(map(sha, (*LINES, "junk")))
    for head, ever in ((lines, ()), ((), lines)):
        known = Witnesses(committed=frozenset(lines), head=head, ever=ever)
        assert ids(LINES, known) == ["not-append-only" if head else "lost-by-commit"]
        known = replace(known, texts=lambda: texts, is_record=lambda line: line.startswith(b"{"))
        assert ids(LINES, known) == []
        assert ids(LINES[:2], known) == ["not-append-only" if head else "lost-by-commit"]
        # What else is wrong is not mended by HEAD, which has it.
        (told,) = found([*LINES, LINES[1]], known)
        assert (told.id, told.mend) == ("repeated", RESTORE)


def test_a_whole_log_has_no_breach() -> None:
    assert ids(LINES) == []
    assert ids([]) == []
    assert verify([], Witnesses()) == ()


@pytest.mark.parametrize(
    ("tamper", "first", "line"),
    [
        (lambda x: [x[0], {**x[1], "operator": "Eve"}, x[2]], "edited", 2),
        (lambda x: [x[0], x[2]], "missing", 2),
        (lambda x: [x[0], rehashed(x[1], operator="Eve"), *x[1:]], "fork", 2),
        (lambda x: [x[1], x[0], x[2]], "reordered", 1),
        (lambda x: [*x, x[1]], "repeated", 4),
        (lambda x: [*x[:2], "junk", x[2]], "junk", 3),
        (lambda x: [*x, "junk"], "junk", 4),
        (lambda x: [*x, rehashed(x[2], prev=[x[2]["hash"]], seq=9)], "miscounted", 4),
        (lambda x: [*x, rehashed(x[2], prev=[x[2]["hash"]], seq="9")], "miscounted", 4),
        (lambda x: [*x, rehashed(x[2], prev=[x[2]["hash"]], seq=4, event="malformed pin", after=7)], "malformed", 4),
        (lambda x: [*x, rehashed(x[0], operator="Eve")], "second-beginning", 4),
        (lambda x: [x[0], rehashed(x[1], prev=["0" * 64]), x[2]], "missing", 2),
    ],
)
def test_what_the_chain_shows_by_itself(tamper: Callable[[Any], list[Record | str]], first: str, line: int) -> None:
    breaches = found(tamper(LINES))
    assert (breaches[0].id, breaches[0].line) == (first, line), breaches
    left_out = [item.line for item in no_records([segment(tamper(LINES))])]
    assert left_out == ([line] if first in ("edited", "junk") else [])
    assert all(item.what and item.proves for item in breaches)


def test_a_torn_line_is_no_breach_where_it_is_declared_or_just_happened() -> None:
    assert ids([*LINES, '{"v"'], ended=False) == []
    torn = {"len": 4, "sha256": sha('{"v"')}
    after = grown(LINES, Event(event="init"), tail=replace(tail_of(LINES), torn=(torn,)))
    assert ids([*LINES, '{"v"', after[-1]]) == []
    assert ids([*LINES, '{"v"', rehashed(after[-1], torn=1)]) == ["junk"]
    assert ids([*LINES, '{"v"', rehashed(after[-1], torn=[1])]) == ["junk"]
    assert previous({"prev": "x"}) == ()


def test_a_fork_needs_a_merge_that_git_knows() -> None:
    one, two = grown(LINES, Event(event="seen")), grown(LINES, Event(event="seen", source="tool"))
    merged = [*one, two[-1]]
    before = Witnesses(committed=frozenset(map(sha, LINES)))
    assert ids(merged, before) == ["inserted"]
    known = Witnesses(committed=frozenset(map(sha, one)))
    assert ids(merged, known) == []
    joined = grown(merged, Event(event="seen", source="other"))
    assert len(previous(joined[-1])) == 2
    assert ids(joined, known) == []
    # What stands before committed records and is not committed was put in.
    assert ids([*LINES, two[-1], one[-1]], Witnesses(committed=frozenset(map(sha, one)))) == ["inserted"]
    # The longer side of a fork goes on; the one without followers is named.
    longer = grown(one, Event(event="prune", source="tool"))
    assert found([*longer, two[-1]], before)[0].line == 6
    split = [*longer, *grown(two, Event(event="prune"))[-2:]]
    assert [item.id for item in found(split, before)] == ["inserted"]


def test_a_fork_is_told_and_fails_nothing_where_no_commit_has_the_log() -> None:
    one, two = grown(LINES, Event(event="seen")), grown(LINES, Event(event="seen", source="tool"))
    merged = [*one, two[-1]]
    (note,) = found(merged)
    assert (note.id, note.level, note.line) == ("fork", "note", 4)
    assert note.what == "is of 1 fork, not held against git: no commit here has the log"
    assert ids(grown(merged, Event(event="prune"))) == ["fork"]
    (told,) = check_audit(Facts(manifest=Manifest(), clock=NOW, log=(segment(merged),)))
    assert told.level == "note"
    # HEAD may have lost the log, and a commit before it has it.
    once = Witnesses(once=lambda: frozenset(map(sha, LINES)))
    assert ids(merged, once) == ["inserted"]
    edited = [*one, two[-1], {**grown(one, Event(event="prune"))[-1], "operator": "Eve"}]
    assert ids(edited) == ["fork", "edited"]


def test_what_an_earlier_commit_had_was_committed_too() -> None:
    one, two = grown(LINES, Event(event="seen")), grown(LINES, Event(event="seen", source="tool"))
    known = Witnesses(committed=frozenset(map(sha, LINES)), head=tuple(map(sha, LINES)))
    assert ids([*one, two[-1]], known) == ["inserted"]
    assert ids([*one, two[-1]], replace(known, once=lambda: frozenset({sha(one[-1])}))) == []
    assert ids([*one, two[-1]], replace(known, once=lambda: frozenset({"0"}))) == ["inserted"]


def test_what_a_committed_record_names_is_what_it_was_wherever_it_comes_in() -> None:
    (ours,) = grown(LINES, Event(event="seen", source="tool"))[3:]
    before, other = (grown(LINES, Event(event="seen", source=name))[-1] for name in "ab")
    picked = grown((*LINES, before, other), Event(event="prune"))[-1]
    known = Witnesses(committed=frozenset(map(sha, (*LINES, ours, picked))))
    (breach,) = found([*LINES, ours, before, picked], known)
    assert breach.mend == f"if git brought it from another branch: git hybrid merge; else {RESTORE}"
    assert ids([*LINES, ours, before, other, picked], known) == []
    # One that is edited, invented, or not what was named, is told as ever.
    edited = rehashed(before, operator="Eve")
    assert "missing" in ids([*LINES, ours, edited, other, picked], known)
    assert "edited" in ids([*LINES, ours, {**before, "operator": "Eve"}, other, picked], known)
    assert ids([*LINES, ours, before, edited, other, picked], known) == ["inserted"]
    assert ids([*LINES, ours, before, before, other, picked], known) == ["repeated"]


def test_committed_lines_must_be_there() -> None:
    everything = tuple(map(sha, LINES))
    assert ids(LINES[:2], Witnesses(committed=frozenset(everything), head=everything)) == ["not-append-only"]
    (lost,) = found(LINES[:2], Witnesses(ever=everything))
    assert (lost.id, "or a copy of the folder took its place" in lost.proves) == ("lost-by-commit", True)
    assert ids(LINES, Witnesses(committed=frozenset(everything), head=everything, ever=everything)) == []
    (breach,) = found(LINES[:2], Witnesses(head=everything, ever=everything))
    assert breach.line == 3


def installed(lines: Sequence[Record], **changed: Any) -> SourceState:
    """Return the state entry that the last of *lines* has made."""
    who = {"updated_at": NOW, "updated_by": OPERATOR, "command_id": RUN, "audit_hash": str(lines[-1]["hash"])}
    return replace(a_state_entry(), **{**who, **changed})


def of_state(lines: Sequence[Record], **changed: Any) -> list[str]:
    return ids(lines, Witnesses(state=State(sources={TOOL: installed(lines, **changed)})))


def test_other_files_are_witnesses() -> None:
    lines = grown(LINES, Event(event="clone", source="tool", after=oid(1)))
    made = str(lines[-1]["hash"])
    entry = installed(lines)
    lock = Lock(pins={TOOL: a_pin()})
    good = Witnesses(state=State(sources={TOOL: entry}), lock=lock, hashes={made: "x"})
    assert ids(lines, good) == []
    assert ids(lines[:3], good) == ["cut", "cut"]
    assert ids(lines[:2], Witnesses(lock=lock)) == ["unexplained-pin"]
    other = SourceName("other")
    for wrong in ({other: replace(entry, name=other)}, {TOOL: replace(entry, commit=oid(2))}):
        assert ids(lines, Witnesses(state=State(sources=wrong))) == ["foreign-record"]
    pinned = replace(entry, audit_hash=str(lines[2]["hash"]))
    assert ids(lines, Witnesses(state=State(sources={TOOL: pinned}))) == ["foreign-record"]
    # An entry of an older version names no record; where one tells of it, it was edited.
    bare = Witnesses(state=State(sources={TOOL: replace(a_state_entry(), audit_hash=None)}))
    assert ids(lines[:3], bare) == []
    (told,) = found(lines, bare)
    assert (told.id, told.mend) == ("unbound", "git hybrid sync")
    assert told.proves == "the state entry was written by an older version, or edited by hand"


OTHERS: tuple[dict[str, Any], ...] = (
    {"updated_at": NOW - timedelta(days=1)},
    {"updated_by": "Mallory <mal@example.org>"},
    {"command_id": "01J2ZK5Y8Q0000000000000099"},
    {"command_id": None},
    {"commit": oid(2)},
)


@pytest.mark.parametrize("event", ["clone", "update", "repair", "record", "reset"])
def test_state_says_when_and_by_whom_its_record_says_it(event: str) -> None:
    lines = grown(LINES, Event(event=event, source="tool", after=oid(1)))
    assert of_state(lines) == []
    assert of_state(lines, updated_at=NOW.astimezone(timezone(timedelta(hours=2)))) == []
    assert [of_state(lines, **other) for other in OTHERS] == [["foreign-record"]] * len(OTHERS)
    # Another record of the same run and commit is not the one that it names.
    assert of_state(grown(lines, Event(event="seen", source="tool", after=oid(1)))) == ["foreign-record"]


def test_state_says_from_where_and_as_what_as_its_record_says_it() -> None:
    told = {"url": TOOL_URL, "branch": "main", "served_by": "https://mirror.example/tool.git"}
    served = {"served_by": told["served_by"]}
    lines = grown(LINES, Event(event="clone", source="tool", after=oid(1), detail=told))
    made = str(lines[-1]["hash"])
    scan = {"scan": ScanStatus(state="clean", commit=oid(1))}
    for log, more in ((lines, {}), (grown(lines, Event(event="scan", source="tool", after=oid(1))), scan)):
        assert of_state(log, **served, **more) == []
        for key, value in (("url", OTHER_URL), ("track", Tag("main")), ("track", Branch("x")), ("served_by", "x")):
            assert of_state(log, **{**served, **more, key: value}) == ["foreign-record"]
    # Who takes a mirror out of the inventory takes its name out of state.
    assert of_state(lines, served_by=None) == ["foreign-record"]
    for name, told_of in (("tool", []), ("other", ["foreign-record"])):
        log = grown(lines, Event(event="mirror-remove", detail={"mirror": "m", "served": [name]}))
        assert of_state(log, audit_hash=made) == told_of
    # What an older version recorded tells less.
    old = grown(LINES, Event(event="clone", source="tool", after=oid(1), detail={"url": TOOL_URL}))
    assert of_state(old, served_by="x", track=Tag("v1")) == []
    assert of_state(old, url=OTHER_URL) == ["foreign-record"]


def test_which_entries_are_not_what_their_record_tells() -> None:
    lines = grown(LINES, Event(event="clone", source="tool", after=oid(1), detail={"url": TOOL_URL}))
    honest = installed(lines)
    edited = replace(honest, name=SourceName("edited"), url=OTHER_URL)
    bare, unknown = replace(honest, audit_hash=None), replace(edited, audit_hash="0" * 64)
    assert odd_entries(lines, [honest, edited, bare, unknown]) == {"edited"}


@pytest.mark.parametrize("event", ["scan", "bundle-scan"])
def test_what_was_scanned_since_says_when_it_was_installed(event: str) -> None:
    made = Event(event="update", source="tool", before=oid(1), after=oid(1))
    lines = grown(LINES, Event(event="clone", source="tool", after=oid(3)), made)
    scanned = grown(lines, Event(event=event, source="tool", after=oid(1)))
    scan = ScanStatus(state="clean", commit=oid(1))
    assert of_state(scanned, scan=scan) == []
    assert [of_state(scanned, scan=scan, **other) for other in OTHERS] == [["foreign-record"]] * len(OTHERS)
    # A scan may be of a pin that is not installed yet; it is still the one that the entry tells of.
    ahead = grown(lines, Event(event=event, source="tool", after=oid(2)))
    assert of_state(ahead, scan=replace(scan, commit=oid(2))) == []
    assert of_state(ahead, scan=scan) == ["foreign-record"]


def test_what_an_older_version_installed_may_be_scanned_since() -> None:
    was = {"scan": ScanStatus(state="clean", commit=oid(1)), "updated_at": NOW - timedelta(days=900)}
    scan = Event(event="scan", source="tool", after=oid(1))
    assert of_state(grown(LINES, scan), command_id=None, **was) == []
    # A repair or a reset leaves the entry as it is; what makes one gives it a run.
    for event in ("repair", "reset"):
        log = grown(LINES, Event(event=event, source="tool", after=oid(1)), scan)
        assert of_state(log, command_id=None, **was) == []
    for event in ("clone", "update", "record"):
        log = grown(LINES, Event(event=event, source="tool", after=oid(1)), scan)
        assert of_state(log, command_id=None, **was) == ["foreign-record"]


def test_the_lock_has_what_was_recorded() -> None:
    pin = replace(a_pin(roots=(oid(5),)), first_seen=NOW)
    told = {"url": str(pin.url), "ref": pin.ref, "tree": pin.tree, "content_sha256": pin.content_sha256}
    old = grown(LINES[:2], Event(event="pin", source="tool", after=oid(1), detail=told))
    again = Event(event="pin", source="tool", after=oid(1), detail=pinned_as(pin, a_source()))
    new = grown(LINES[:2], again)
    edited = {
        "content": ({"tree": oid(7)}, {"content_sha256": "0" * 64}),
        "URL": ({"url": parse_url("https://example.org/other")},),
        "ref": ({"ref": RefName("refs/tags/v0")},),
        "entry": (
            {"tag_object": oid(7)},
            {"reachable_from": RefName("refs/heads/other")},
            {"root_commits": ()},
            {"commit_time": NOW - timedelta(days=900)},
            {"first_seen": NOW - timedelta(days=900)},
            {"config_digest": "sha256:" + "0" * 64},
            {"override": "ovr-1"},
        ),
    }
    for lines in (old, new, grown(old, again)):
        assert ids(lines, Witnesses(lock=Lock(pins={TOOL: pin}))) == []
    for what, wrong in ((what, fields) for what, some in edited.items() for fields in some):
        witnesses = Witnesses(lock=Lock(pins={TOOL: replace(pin, **wrong)}))
        (breach,) = found(new, witnesses)
        assert breach.id == "foreign-content"
        assert breach.what.startswith(f"no record tells of the {what} that state/sources.lock has for tool at ")
        assert breach.mend.startswith("git checkout HEAD -- state/sources.lock")
        # What an older version recorded tells less.
        assert len(found(old, witnesses)) == (what != "entry")
    bare = [Event(event=event, source="tool", after=oid(1)) for event in ("bundle-apply", "override", "pin")]
    witnesses = Witnesses(lock=Lock(pins={TOOL: replace(pin, first_seen=NOW - timedelta(days=900))}))
    for event in bare:
        assert ids(grown(LINES[:2], event), Witnesses(lock=Lock(pins={TOOL: pin}))) == []
        # Once a record has bound a pin, none that tells less bears one out.
        assert ids(grown(new, event), witnesses) == ["foreign-content"]
        assert ids(grown(LINES[:2], replace(again, source="other"), event), witnesses) == ["unexplained-pin"]


def test_a_record_that_has_the_digest_of_a_table_and_tells_another_is_no_record_of_it() -> None:
    pin, source = replace(a_pin(roots=(oid(5),)), first_seen=NOW), a_source()
    witnesses = Witnesses(lock=Lock(pins={TOOL: pin}), manifest=Manifest(sources={TOOL: source}))
    told = pinned_as(pin, source)

    def lying(before: Sequence[Record] = LINES[:2], *, without: str = "", **more: object) -> list[str]:
        detail = {key: value for key, value in (told | more).items() if key != without}
        event = Event(event="pin", source="tool", after=oid(1), detail=detail)
        return [breach.what for breach in found(grown(before, event), witnesses) if breach.id == "foreign-content"]

    lies = {
        "URL": {"url": "https://example.org/other"},
        "ref": {"ref": "refs/tags/v0"},
        "content": {"tree": oid(7)},
        "root commits": {"root_commits": [oid(6)]},
        "entry": {"branch": "other"},
    }
    true = grown(LINES[:2], Event(event="pin", source="tool", after=oid(1), detail=told))
    for has, lie in lies.items():
        for before in (LINES[:2], true):
            (what,) = lying(before, **lie)
            assert what.endswith(f"has the digest of the pin that state/sources.lock has for tool, and another {has}")
    (what,) = lying(without="branch", commit=oid(1))
    assert what.endswith("another entry")
    # Of another table it tells what that had; and versions before told no roots.
    assert lying(true, ref="refs/tags/v0", pin_sha256="0" * 64) == lying(without="root_commits") == lying() == []
    edited = Manifest(sources={TOOL: a_source(track=Tag("v1"))})
    assert [breach.id for breach in found(true, replace(witnesses, manifest=edited))] == []


def test_a_pin_that_no_record_tells_of_may_be_joined_where_branches_met() -> None:
    event = Event(event="pin", source="tool", after=oid(1), detail=pinned_as(a_pin(), a_source()))
    mixed = Witnesses(lock=Lock(pins={TOOL: replace(a_pin(), override="ovr-1")}))
    (alone,) = found(grown(LINES[:2], event), mixed)
    branch = grown(LINES[:2], Event(event="scan", source="tool"))[2:]
    breach = found((*grown(LINES[:2], event), *branch), mixed)[-1]
    assert breach.mend == f"where a merge joined it from two: git hybrid merge; else: {alone.mend}"


def test_nothing_was_first_seen_long_before_the_log_tells_of_it() -> None:
    pin = replace(a_pin(), first_seen=NOW - timedelta(days=900))

    def told(pin: Pin, *before: Event, **more: str) -> list[str]:
        event = Event(event="pin", source="tool", after=oid(1), detail={**pinned_as(pin, a_source()), **more})
        return ids(grown(LINES[:2], *before, event), Witnesses(lock=Lock(pins={TOOL: pin})))

    assert told(pin) == ["foreign-content"]
    assert told(pin, Event(event="seen", source="tool", after=oid(1))) == ["foreign-content"]
    assert told(replace(pin, first_seen=NOW - timedelta(hours=23))) == []
    *others, last = grown(LINES[:2], Event(event="pin", source="tool", after=oid(1), detail=pinned_as(pin, a_source())))
    first = rehashed(last, at="0001-01-01T00:00:00Z")
    assert ids([*others, first], Witnesses(lock=Lock(pins={TOOL: pin}))) == []
    # A bundle brings the time of its side, and what an older version told did not bind one.
    assert told(pin, bundle="b" * 64) == []
    old = grown(LINES[:2], Event(event="pin", source="tool", after=oid(1), detail={"tree": pin.tree}))
    assert ids(old, Witnesses(lock=Lock(pins={TOOL: pin}))) == []


def test_a_tag_that_moved_by_a_bare_record_is_told() -> None:
    source = replace(a_source(), track=Tag("v1"))
    pin = replace(a_pin(source, commit=oid(2)), first_seen=NOW)
    first = Event(event="pin", source="tool", after=oid(1), detail=pinned_as(replace(pin, commit=oid(1)), source))
    lines = grown(LINES[:2], first, Event(event="pin", source="tool", after=oid(2), detail=pinned_as(pin, source)))
    known = Witnesses(lock=Lock(pins={TOOL: pin}), manifest=Manifest(sources={TOOL: source}))
    (breach,) = [item for item in found(lines, known) if "without an override" in item.what]
    assert breach.id == "unexplained-move"
    assert breach.mend.startswith(f"git hybrid pin tool --to {oid(1)}; where that is refused, with ")
    # The same record, and the lock where it was.
    left = replace(known, lock=Lock(pins={TOOL: replace(pin, commit=oid(1))}))
    (breach,) = [item for item in found(lines, left) if "without an override" in item.what]
    assert breach.what.startswith(f"record {str(lines[-1]['hash'])[:12]} moves tool with its tag to {oid(2)[:12]} ")
    assert breach.mend == f"git hybrid pin tool --to {oid(1)}"
    # Two branches that each took it: the later one is told.
    branch = grown(LINES[:2], Event(event="pin", source="tool", after=oid(2), detail=pinned_as(pin, source)))
    (breach,) = [item for item in found((*lines[:3], *branch[2:]), known) if "another branch had" in item.what]
    assert breach.mend.startswith(f"git hybrid pin tool --to {oid(1)}; where that is refused, with ")
    assert breach.mend.endswith("; if the new one is right: git hybrid remove tool, then git hybrid add")


def a_move(number: int, *, source: str = "tool") -> Event:
    return Event(event="pin", source=source, before=oid(8), after=oid(number))


def moved_to(number: int, lines: Sequence[Record], *, before: int = 9) -> list[str]:
    now, then = (Lock(pins={TOOL: a_pin(commit=oid(item))}) for item in (number, before))
    return ids(lines, Witnesses(lock=now, locks_before=(then,), committed=frozenset(map(sha, lines))))


def test_a_lock_that_moved_stands_where_the_last_record_put_it() -> None:
    lines = grown(LINES, a_move(2), a_move(5, source="other"), a_move(3))
    assert moved_to(3, lines) == []
    assert moved_to(2, lines) == moved_to(1, lines) == ["unexplained-move"]
    # One that did not move is judged by no order: a branch may have got records of another with those it wanted.
    assert moved_to(2, lines, before=2) == []
    other = Lock(pins={TOOL: a_pin(commit=oid(2), digest="sha256:other")})
    before = (Lock(pins={TOOL: a_pin(commit=oid(2))}),)
    assert ids(lines, Witnesses(lock=other, locks_before=before, lines_before=((),))) == []
    assert moved_to(4, lines) == ["unexplained-pin"]
    for committed, mend in ((3, "git checkout HEAD -- state/sources.lock"), (4, RESTORE), (5, RESTORE)):
        head = Lock(pins={TOOL: a_pin(commit=oid(committed))})
        here = Lock(pins={TOOL: a_pin(commit=oid(4))})
        told = {"lock_texts": (b"x",), "decode_lock": {b"x": head}.get, "committed": frozenset(map(sha, lines))}
        (breach,) = found(lines, Witnesses(lock=here, **told))
        assert breach.mend == mend


def test_of_branches_that_both_moved_a_pin_either_may_stand() -> None:
    left, right = grown(LINES, a_move(2)), grown(LINES, a_move(3))
    merged = [*left, right[-1]]
    assert moved_to(2, merged) == moved_to(3, merged) == []
    assert moved_to(1, merged) == ["unexplained-move"]
    joined = grown(merged, Event(event="seen"), a_move(4))
    assert moved_to(4, joined) == []
    assert moved_to(2, joined) == moved_to(3, joined) == ["unexplained-move"]


def made_for(number: int) -> Event:
    return event_of(an_override(id="ovr-1", to_commit=oid(number)), "override")


def test_a_pin_that_was_made_last_is_in_the_lock_while_its_source_is_declared() -> None:
    declared = Manifest(sources={TOOL: a_source()})

    def lost(*events: Event, lock: Lock = Lock(), **more: Any) -> list[Breach]:  # noqa: B008
        return found(grown(LINES, *events), Witnesses(manifest=declared, lock=lock, **more))

    again = f"git hybrid pin tool --to {oid(3)}"
    (breach,) = lost(a_move(3))
    assert (breach.id, breach.mend) == ("deleted-pin", again)
    # The override itself is nowhere but in the log, which is told as well.
    told = lost(replace(a_move(3), detail={"rests_on": "ovr-1"}), made_for(3))
    assert [item.id for item in told if item.mend.startswith(f"{again} --force")] == ["deleted-pin"]
    for text, mend in ((b"has it", "git checkout HEAD -- state/sources.lock"), (b"has none", again), (b"junk", again)):
        locks = {b"has it": Lock(pins={TOOL: a_pin(commit=oid(3))}), b"has none": Lock()}
        (breach,) = lost(a_move(3), lock_texts=(text,), decode_lock=locks.get)
        assert breach.mend == mend
    assert lost(a_move(3), lock=Lock(pins={TOOL: a_pin(commit=oid(3))})) == []
    for event in ("remove", "prune", "add"):
        assert lost(a_move(3), Event(event=event, source="tool")) == []
    # Nobody declares it any more, or it was never pinned.
    assert found(grown(LINES, a_move(3)), Witnesses()) == []
    assert found(grown(LINES[:1], a_move(3, source="other")), Witnesses(manifest=declared)) == []


def test_a_pin_of_what_was_removed_last_is_told() -> None:
    gone = Event(event="remove", source="tool")

    def told(*events: Event, override: str | None = None) -> list[tuple[str, str]]:
        lock = Lock(pins={TOOL: replace(a_pin(), override=override)})
        return [(item.id, item.mend) for item in found(grown(LINES, *events), Witnesses(lock=lock))]

    again = f"git hybrid pin tool --to {oid(1)}"
    assert told(gone) == [("unexplained-pin", again)]
    assert told(replace(gone, event="prune"), override="ovr-1")[0][1].startswith(f"{again} --force")
    assert told(gone, Event(event="add", source="tool"), a_move(1)) == told(gone, a_move(1)) == []


def begun(number: int, **detail: str) -> Event:
    return Event(event="pin", source="tool", after=oid(number), detail=detail)


def test_a_pin_that_was_there_does_not_begin_anew() -> None:
    def judged(*events: Event, stands: int = 2) -> list[str]:
        lines = grown(LINES, *events)
        return ids(lines, Witnesses(lock=Lock(pins={TOOL: a_pin(commit=oid(stands))})))

    assert judged(begun(2)) == ["unexplained-move"]
    for keyed in (False, True):
        known = Witnesses(lock=Lock(pins={TOOL: a_pin(commit=oid(2))}), has_keys=keyed)
        (breach,) = found(grown(LINES, begun(2)), known)
        assert ("--signature FILE;" in breach.mend) == keyed
    assert judged(begun(1), stands=1) == []
    assert judged(a_move(3), begun(2)) == ["unexplained-move"]
    assert judged(begun(2), a_move(3), stands=3) == []
    assert judged(begun(2, rests_on="ovr-1"), made_for(2)) == ["override-deleted"]
    assert judged(begun(2, rests_on="ovr-1")) == ["unexplained-move", "foreign-override"]
    for again in ("remove", "prune", "add"):
        assert judged(Event(event=again, source="tool"), begun(2)) == []
    # Of two branches the one that lost the table is told, wherever a merge put its record.
    left, right = grown(LINES, begun(2)), grown(LINES, a_move(3))
    for merged in ([*left, right[-1]], [*right, left[-1]]):
        known = Witnesses(lock=Lock(pins={TOOL: a_pin(commit=oid(2))}), committed=frozenset(map(sha, merged)))
        assert ids(merged, known) == ["unexplained-move"]
    # Two branches that each added it: neither had it before.
    left, right = grown(LINES[:1], begun(1)), grown(LINES[:1], begun(2))
    merged = [*left, right[-1]]
    assert (
        ids(merged, Witnesses(lock=Lock(pins={TOOL: a_pin(commit=oid(2))}), committed=frozenset(map(sha, merged))))
        == []
    )


def test_mirrors_are_what_was_recorded() -> None:
    told = {"mirror": "m", "base_url": "https://m.example.org", "kind": "mirror", "owner": "ops"}
    added = Mirror(
        name="m",
        base_url="https://m.example.org",
        kind="mirror",
        owner="ops",
        added_at=NOW,
        added_by=OPERATOR,
    )
    lines = grown(LINES, mirror_event("mirror-add", added, told))
    mirror = replace(added, audit_hash=str(lines[-1]["hash"]))

    def judged(item: Mirror, records: Sequence[Record] = lines) -> list[str]:
        return ids(records, Witnesses(mirrors=Inventory(mirrors={"m": item})))

    assert judged(mirror) == []
    assert judged(replace(mirror, owner="eve")) == ["mirror-edited"]
    assert judged(replace(mirror, audit_hash=None)) == judged(mirror, LINES) == ["cut"]
    bound = grown(lines, mirror_event("mirror-verify", mirror, {}))
    verified = replace(mirror, audit_hash=str(bound[-1]["hash"]))
    assert judged(verified, bound) == []
    assert judged(replace(verified, verified_at=NOW), bound) == ["mirror-edited"]
    (lost,) = verify([segment(grown(LINES, Event(event="mirror-add", detail={**told, "kind": "bundle"})))], Witnesses())
    assert lost.mend == "git hybrid mirror add m https://m.example.org --owner ops --kind bundle"
    assert ids(lines) == ["mirror-deleted"]
    assert ids(grown(lines, Event(event="mirror-remove", detail={"mirror": "m"}))) == []
    # Of branches that both changed it either may stand, whatever order a merge gives their records.
    removed = grown(lines, Event(event="mirror-remove", detail={"mirror": "m"}))
    moved = grown(lines, Event(event="mirror-add", detail={**told, "base_url": "https://other.example.org"}))
    again = grown(lines, Event(event="mirror-add", detail={**told, "owner": "bea"}))
    for merged in ([*removed, moved[-1]], [*moved, removed[-1]]):
        assert ids(merged, Witnesses(committed=frozenset(map(sha, merged)))) == []
    both = [*moved, again[-1]]
    assert ids(both, Witnesses(committed=frozenset(map(sha, both)))) == ["mirror-deleted"]


def test_a_record_from_the_future_is_told_before_it_is_committed() -> None:
    lines = [segment(grown((), Event(event="init")))]
    early = NOW - timedelta(days=2)
    fresh = Witnesses(committed=frozenset())
    assert [item.id for item in verify(lines, fresh, now=early)] == ["future"]
    assert verify(lines, fresh, now=NOW) == verify(lines, fresh) == verify(lines, Witnesses(), now=early) == ()
    assert verify(lines, Witnesses(committed=frozenset({lines[0].lines[0].sha256})), now=early) == ()


def test_overrides_and_their_records_need_each_other() -> None:
    item = an_override(incident="INC-1, INC-2")
    lines = grown(LINES, event_of(item, "override"))
    bound = replace(item, audit_hash=str(lines[-1]["hash"]))
    assert ids(lines, Witnesses(overrides=Overrides(records={"ovr-1": bound}))) == []
    assert ids(lines, Witnesses(overrides=Overrides())) == ["override-deleted"]
    edited = replace(bound, reason="x")
    assert ids(lines, Witnesses(overrides=Overrides(records={"ovr-1": edited}))) == ["override-edited"]
    # By hand another one was written that names the record of this.
    both = Overrides(records={"ovr-1": bound, "ovr-2": replace(bound, id="ovr-2")})
    (found,) = verify([segment(lines)], Witnesses(overrides=both))
    assert (found.id, found.mend) == ("override-edited", NO_GIT)
    for lost in (item, replace(bound, audit_hash="0" * 64)):
        assert ids(lines, Witnesses(overrides=Overrides(records={"ovr-1": lost}))) == ["cut"]


def test_what_was_closed_is_closed_once_and_keeps_what_was_signed() -> None:
    approval = Approval(id="b@x", at=NOW, signature="first")
    item = replace(an_override(incident="INC-1, INC-2"), approvers=(approval,))
    renewed = replace(item, approvers=(approval, Approval(id="b@x", at=NOW + timedelta(days=1), signature="second")))
    bare = replace(item, approvers=(replace(approval, signature=None),))
    opened, again = event_of(item, "override"), event_of(renewed, "override-renewed")

    def end(one: Override, event: str = "override-revoked") -> Event:
        return event_of(one, event)

    def told(lines: Sequence[Record], last: Event) -> list[str]:
        return [breach.what.split(" ", 4)[4] for breach in found(grown(lines, last)) if breach.id == "foreign-closing"]

    first = grown(LINES, opened)
    assert told(first, end(item)) == told(grown(first, again), end(renewed)) == []
    without, after = ["ends it without the signatures that it had"], ["follows its end"]
    assert told(first, end(bare)) == told(grown(first, again), end(item)) == without
    for event in (end(item, "override-superseded"), end(bare), again, opened):
        assert told(grown(first, end(item)), event) == after
    # Two branches: one renews or ends it, the other ends it as it knows it.
    for ours in (again, end(item, "override-superseded")):
        theirs = grown(first, end(item))[-1]
        assert told((*grown(first, ours), theirs), Event(event="add", source="other")) == []


def test_what_a_record_of_an_override_tells_is_what_its_digest_is_of() -> None:
    item = an_override(incident="INC-1")
    opened, end = event_of(item, "override"), event_of(item, "override-superseded", reason="put right")

    def told(*events: Event) -> list[str]:
        return [
            breach.what.split(" ", 4)[4] for breach in found(grown(LINES, *events)) if breach.id == "foreign-override"
        ]

    brought = replace(end, detail={**(end.detail or {}), "bundle": "0" * 64})
    assert told(opened, event_of(item, "override-renewed"), brought) == []
    for key, value in {"reason": "x", "kind": "scan", "from_commit": None, "more": "x", "expires_at": None}.items():
        assert told(replace(opened, detail={**(opened.detail or {}), key: value})) == [
            "tells something else than its digest is of"
        ]
    for wrong in (replace(opened, source="other"), replace(opened, after=oid(7)), replace(opened, before=None)):
        assert told(wrong) == ["tells something else than its digest is of"]
    assert told(end) == ["follows no record that made it"]
    for other in (replace(item, lifts=("rollback",)), replace(item, from_commit=None), replace(item, kind="scan")):
        for event in ("override", "override-renewed", "override-revoked"):
            assert told(opened, event_of(other, event)) == ["tells of something else than the first record of it"]
    # Another branch had made it, and what was picked does not bring that along.
    assert [breach.id for breach in found([*LINES, grown(grown(LINES, opened), end)[-1]])][:1] == ["missing"]


def rotated(records: Sequence[Record], *events: Event, file: str = "sources-audit.2026.jsonl") -> list[Segment]:
    """The archive of *records*, and the log that goes on from it with *events*."""
    old = segment(grown(records, Event(event=ROTATE)), file=f"state/{file}")
    detail = {"archive": file, "count": len(old.lines), "sha256": old.sha256}
    tail = tail_of(records_of([old]))
    return [old, segment(grown((), Event(event=ROTATED, detail=detail), *events, tail=tail))]


def breaches(segments: Sequence[Segment], witnesses: Witnesses | None = None) -> list[str]:
    return [item.id for item in verify(segments, witnesses or Witnesses())]


def test_archives() -> None:
    old, new = rotated(LINES, Event(event="init"))
    assert verify([old, new], Witnesses()) == verify([new, old], Witnesses()) == ()
    assert Files([old, new]).missing() == ()
    assert Files([new]).missing() == ("state/sources-audit.2026.jsonl",)
    (gone,) = verify([new], Witnesses(lock=Lock(pins={TOOL: a_pin()})))
    assert (gone.id, gone.line) == ("archive-missing", 1)
    # A right hash is no proof that a command wrote the name, and what mends it is typed.
    somewhere = Witnesses(committed=frozenset(), archived=lambda *_: "abc")
    (forged, *_) = verify(rotated(LINES, file="x;y.jsonl")[1:], somewhere)
    assert forged.mend.endswith(" -- 'state/x;y.jsonl'")
    # Where no commit has the archive git brings nothing back, but for the log from before, if that is the last one.
    for committed, mend in (
        (frozenset[str](), f"take the archive from a copy, or {AGAIN}"),
        (frozenset(line.sha256 for line in new.lines), NO_GIT),
        (None, NO_GIT),
    ):
        assert verify([new], Witnesses(committed=committed))[0].mend == mend
    assert breaches([replace(old, sha256="0"), new]) == ["archive-changed"]
    bare = segment(grown((), Event(event=ROTATED)))
    assert Files([bare]).missing() == ()
    assert verify([bare], Witnesses()) == ()


def test_what_may_be_in_an_archive_is_not_told_as_long_as_that_is_lost_or_changed() -> None:
    old, new = rotated(LINES, Event(event="init"))
    known = Witnesses(committed=frozenset(), ever=tuple(map(sha, LINES)), archived=lambda *_: "abc")
    mend = f"restore the records from git: git checkout abc -- {old.file}"
    # A revert of the rotation puts the lines back behind its record.
    reverted = segment([*(line.record for line in new.lines if line.record), *LINES])
    assert [(item.id, item.mend) for item in verify([reverted], known)] == [("archive-missing", mend)]
    assert breaches([old, reverted], known) == []
    cut = replace(segment([*LINES[:1], *LINES[2:]]), file=old.file)
    told = [(item.id, item.file, item.mend) for item in verify([cut, new], known)]
    assert told == [("missing", old.file, mend), ("archive-changed", LOG, mend)]
    assert verify([cut, new], Witnesses(committed=frozenset()))[0].mend == NO_GIT
    # Two branches rotated, and one archive took the place of the other, which has another name then.
    _, theirs = rotated(grown(LINES, Event(event="seen")))
    both = segment([line.record for one in (new, theirs) for line in one.lines if line.record])
    ((identity, mend),) = [(item.id, item.mend) for item in verify([old, both], known)]
    shown = f"git show abc:./{old.file} > state/sources-audit.2026-2.jsonl"
    assert (identity, mend) == ("archive-missing", f"restore the records from git: {shown}")


def test_an_archive_is_found_by_its_content() -> None:
    """Two branches that both rotated call their archives by one name; one of them has to be called otherwise."""
    old, new = rotated(LINES)
    assert breaches([replace(old, file="state/sources-audit.2026-2.jsonl"), new]) == []
    assert breaches([replace(old, file="state/sources-audit.2030.jsonl"), new]) == []


def test_an_archive_that_no_record_names_is_no_part_of_the_log() -> None:
    forged = grown(LINES, Event(event="pin", source="tool", after=oid(2)))
    stray = segment(forged, file="state/sources-audit.2026-2.jsonl")
    assert breaches([stray, segment(LINES)]) == ["archive-foreign"]
    lock = Witnesses(lock=Lock(pins={TOOL: a_pin(commit=oid(2))}))
    assert breaches([stray, segment(LINES)], lock) == ["archive-foreign", "unexplained-pin"]
    for committed, mend in (
        (LINES, f'mv -- {stray.file} "$(git rev-parse --absolute-git-dir)"'),
        (forged, f"git log -p -- {stray.file}"),
    ):
        (told,) = verify([stray, segment(LINES)], Witnesses(committed=frozenset(map(sha, committed))))
        assert told.mend.endswith(mend)
    # What a rotation left that was undone has nothing that the log has not.
    assert breaches([segment(LINES, file="state/sources-audit.2026.jsonl"), segment(LINES)]) == []


def test_what_was_edited_is_told_and_not_the_archive_before_it() -> None:
    old, new = rotated(LINES)
    edited = [{**line.record, "operator": "Eve"} for line in new.lines if line.record]
    assert breaches([old, segment(edited)]) == ["edited"]


def test_a_fork_in_an_archive_that_a_committed_record_names_is_explained() -> None:
    merged = [*grown(LINES, Event(event="seen")), grown(LINES, Event(event="prune", source="tool"))[-1]]
    old, new = rotated(merged)
    first = new.lines[0].sha256
    assert breaches([old, new]) == ["fork"]
    assert breaches([old, new], Witnesses(committed=frozenset({sha(LINES[0])}))) == ["inserted"]
    assert breaches([old, new], Witnesses(committed=frozenset({first}))) == []
    # The record that goes on from both names both, whatever else is in the archive.
    assert breaches([replace(old, sha256="0"), new], Witnesses(committed=frozenset({first}))) == ["archive-changed"]
    more = segment([*(line.record for line in old.lines if line.record), rehashed(merged[-1])], file=old.file)
    assert breaches([more, new], Witnesses(committed=frozenset({first}))) == ["repeated", "archive-changed"]
    more = replace(segment([*LINES, *merged[3:], rehashed(merged[-1], operator="Eve")]), file=old.file)
    assert "inserted" in breaches([more, new], Witnesses(committed=frozenset({first})))
    again = rotated([*(line.record for line in new.lines if line.record)], file="sources-audit.2027.jsonl")
    last = frozenset({again[1].lines[0].sha256})
    assert breaches([old, *again], Witnesses(committed=last)) == []


def test_records_of_a_branch_join_a_log_that_was_rotated_meanwhile() -> None:
    old, new = rotated(LINES, Event(event="seen"))
    branch = grown(LINES, Event(event="prune", source="tool"))
    ours = [line.record for line in new.lines if line.record]
    known = Witnesses(committed=frozenset(map(sha, [*ours, *branch])))
    for union in ([*ours, *branch], [*branch, *ours]):
        assert breaches([old, segment(union)], known) == []
        after = grown(union, Event(event="seen"), tail=tail_of([*records_of([old]), *union]))
        assert breaches([old, segment(after)], known) == []


def test_a_line_that_both_sides_of_a_merge_have_may_stand_twice() -> None:
    twice = [*LINES, LINES[1]]
    assert ids(twice, Witnesses(twice=frozenset({sha(LINES[1])}))) == []
    assert ids(twice, Witnesses(twice=frozenset({sha(LINES[2])}))) == ["repeated"]


def test_the_check_tells_each_breach() -> None:
    facts = Facts(manifest=Manifest(), clock=NOW, log=(segment([*LINES, "junk"]),))
    (violation,) = check_audit(facts)
    assert [item.level for item in check_audit(replace(facts, is_shallow=True))] == ["fail", "note"]
    partial = replace(facts, witnesses=Witnesses(is_partial=True))
    assert [item.mend for item in check_audit(partial)][1:] == ["git bundle create - --all > /dev/null"]
    assert (violation.file, violation.entry) == (LOG, "line 4")
    late = replace(facts, log=(), now=NOW, trail=Trail(last={"seq": 7, "event": "x", "at": "2999-01-01T00:00:00Z"}))
    (told,) = check_audit(late)
    assert (told.level, told.what) == ("warn", "record 7 (x) was made at 2999-01-01T00:00:00Z, which is still to come")
    large = replace(facts, log=(Segment(file=LOG, lines=(Line(number=1, size=LARGE, sha256="0"),)),))
    *_, size = check_audit(large)
    assert (size.level, size.what) == ("warn", "the log has grown to 32.0 MiB")
    # A rotation mends all that it says: the archive is not the log.
    archived = replace(large, log=(replace(large.log[0], file="state/sources-audit.2025.jsonl"),))
    assert not [item for item in check_audit(archived) if item.entry == "size"]
    lost = replace(facts, log=(segment(LINES),), witnesses=Witnesses(ever=("0",)))
    assert [item.entry for item in check_audit(lost)] == ["log"]
    assert failures({"audit": check_audit(lost), "x": (replace(violation, level="warn"),)}) == 1


def test_the_check_tells_what_was_removed_on_the_other_side() -> None:
    gone = {"source": "tool", "url": TOOL_URL, "at": format_time(NOW), "operator": OPERATOR}
    applied = Event(event="bundle-apply", detail={"log_id": "1" * 32, "log_seq": 1, "removed": [gone]})
    manifest = Manifest(sources={a_source().name: a_source()})
    facts = Facts(manifest=manifest, clock=NOW, log=(segment(grown(LINES, applied)),))
    (told,) = check_audit(facts)
    assert (told.level, told.entry, told.mend) == ("warn", "source.tool", "git hybrid remove tool")
    assert told.what == f"was removed on the other side ({format_time(NOW)}, {OPERATOR})"


def test_filters_and_rows() -> None:
    lines = grown(LINES, event_of(an_override(incident="INC-1, INC-2"), "override"))
    records = records_of([segment([*lines, lines[0], "junk"])])
    assert records == lines

    def chosen_by(**wanted: Any) -> list[str]:
        return [str(item["event"]) for item in chosen(records, Filter(**wanted))]

    assert len(chosen_by()) == 4
    assert chosen_by(source="tool") == ["add", "pin", "override"]
    assert chosen_by(operator="ADA@") == chosen_by()
    assert chosen_by(operator="eve") == []
    assert chosen_by(events=("pin", "add")) == ["add", "pin"]
    assert chosen_by(request="CHG-1") == ["override"] == chosen_by(incident="INC-2")
    assert chosen_by(incident="INC") == []
    assert chosen_by(since=NOW) == chosen_by()
    assert chosen_by(until=NOW) == []
    assert chosen_by(commit=str(oid(1))) == ["pin", "override"]
    assert detail_of(lines[0]) == {}
    row = record_row(lines[-1])
    assert (tuple(row), row["approvers"], row["closed_at"]) == (RECORD_COLUMNS, "bea (2026-07-20T12:00:00Z)", "")
    assert (record_row(lines[0])["details"], json.loads(row["details"])["kind"]) == ("", "pin")
    ended = closed(an_override(incident="INC-1, INC-2"), "revoked", at=NOW, by="Cid")
    cells = override_row(ended, "revoked", "1 ahead", "done")
    assert cells["because"] == "done"
    assert (tuple(cells), cells["closed_at"], cells["commits"]) == (OVERRIDE_COLUMNS, "2026-07-20T12:00:00Z", "1 ahead")
    assert override_row(an_override(incident="INC-1, INC-2"), "active")["closed_at"] == ""
    assert override_row(ended, "revoked", unrecorded="so")["unrecorded"] == "so"


@pytest.mark.parametrize(
    ("wanted", "rests", "meant"),
    [
        ({}, False, True),
        ({"since": NOW, "until": NOW + timedelta(days=1)}, False, True),
        ({"since": NOW + timedelta(days=1)}, False, True),
        ({"since": NOW + timedelta(days=2)}, False, False),
        ({"since": NOW + timedelta(days=2)}, True, True),
        ({"until": NOW}, True, False),
        ({"request": "CHG-2"}, False, False),
        ({"incident": "INC-2"}, False, True),
        ({"incident": "INC"}, False, False),
        ({"commit": str(oid(2))[:9]}, False, True),
        ({"commit": str(oid(3))}, True, False),
    ],
)
def test_an_override_is_meant_by_every_time_at_which_it_was_in_force(
    wanted: dict[str, Any], rests: bool, meant: bool
) -> None:
    item = an_override(incident="INC-1, INC-2", expires_at=NOW + timedelta(days=1))
    assert is_meant(item, Filter(**wanted), rests=rests) is meant
    over = closed(replace(item, expires_at=NOW + timedelta(days=9)), "revoked", at=NOW + timedelta(days=1), by="Cid")
    assert is_meant(over, Filter(**wanted), rests=rests) is meant


def test_what_an_override_was_before_it_was_renewed() -> None:
    first = an_override(incident="INC-1, INC-2")
    fresh = replace(first.approvers[0], id="cid")
    again = replace(first, request_id="CHG-2", reason="still", approvers=(*first.approvers, fresh))
    events = [event_of(first, "override"), event_of(again, "override-renewed"), event_of(again, "override-revoked")]
    records = records_of([segment(grown(LINES, *events))])
    until = format_time(first.expires_at)
    told = f"CHG-1: {first.reason}, approved by bea (2026-07-20T12:00:00Z), until {until}"
    assert before_renewals(records, {first.id: again}) == {first.id: told}
    assert before_renewals(records[:-2], {first.id: first}) == {first.id: ""}
    # What another branch had made of it, which is not in force, is not taken for how it stands.
    other = f"CHG-2: still, approved by cid (2026-07-20T12:00:00Z), until {until}"
    assert before_renewals(records, {first.id: first}) == {first.id: other}
    # Nor does an edit make an earlier request of the one that is in force.
    assert before_renewals(records, {first.id: replace(again, reason="mine")}) == {first.id: told}
    bare = {"event": "override", "detail": {"override": first.id}}
    other = f"None: None, approved by , until  | {other}"
    assert before_renewals([bare, *records], {first.id: first}) == {first.id: other}


def test_the_log_is_gone_through_once_for_what_all_overrides_were() -> None:
    both = {
        name: replace(an_override(incident="INC-1, INC-2"), id=name, reason="override-renewed")
        for name in ("ovr-1", "ovr-2")
    }
    events = [
        event_of(replace(item, reason=event, approvers=()), event)
        for event in ("override", "override-renewed")
        for item in both.values()
    ]
    told = before_renewals(iter(grown(LINES, *events)), both)
    until = format_time(an_override(incident="INC-1, INC-2").expires_at)
    assert told == dict.fromkeys(both, f"CHG-1: override, approved by , until {until}")


def test_the_newest_records_come_first_over_branches_and_wrong_clocks() -> None:
    ours, theirs = (grown(LINES, Event(event=event))[-1] for event in ("ours", "theirs"))
    log = (*LINES, ours | {"at": "2026-07-20T13:00:00Z"})
    for at, first in (("2026-01-01T00:00:00Z", "ours"), ("2999-01-01T00:00:00Z", "theirs")):
        found = newest_first([*log, theirs | {"at": at}])
        assert found[0]["event"] == first
        assert found[2:] == LINES[::-1]
    # What follows another stands above it, whatever its time.
    *_, after = grown(log, Event(event="after"))
    assert newest_first([*log, after | {"at": "2026-01-01T00:00:00Z"}])[0]["event"] == "after"


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ({}, ""),
        ({"mirror": "corp"}, "corp"),
        ({"error": "dirty"}, "dirty"),
        ({"signed_by": "rel@example.org"}, "signed by rel@example.org"),
        ({"scanners": [], "counts": {"high": 1, "low": 0}}, "1 finding (1 high)"),
        ({"scanners": [], "counts": {"high": "x"}, "state": "clean"}, "0 findings"),
        ({"scanners": [], "counts": {}, "state": "error", "refused": True}, "refused: incomplete, 0 findings"),
    ],
)
def test_what_a_record_comes_to(detail: dict[str, Any], words: str) -> None:
    assert gist({"event": "x", "detail": detail}) == words


def test_what_is_missing_is_restored_from_a_commit_that_has_it() -> None:
    (cut,) = verify([segment(LINES[:-1])], Witnesses(head=tuple(map(sha, LINES))))
    assert cut.mend.endswith(": git checkout HEAD -- 'state/sources-*'")
    gone = Witnesses(ever=(sha(LINES[-1]), "0"), at={sha(LINES[-1]): "abc"})
    assert ": git checkout abc -- " in verify([segment(LINES[:-1])], gone)[0].mend
    assert "git checkout" not in verify([segment(LINES)], Witnesses(ever=("0",)))[0].mend
    # What was written since stays.
    known = dict.fromkeys(map(sha, LINES), "abc")
    went_on = replace(gone, head=(sha(LINES[0]),), ever=tuple(known), at=known)
    assert ": git checkout abc -- " in verify([segment(LINES[:1])], went_on)[0].mend
    since = grown(LINES[:1], Event(event="seen"))
    assert f": {{ git show HEAD:./{LOG}; git show abc:./{LOG}; cat " in verify([segment(since)], went_on)[0].mend
    # What stands in an archive there is no record that was written since.
    named = [f"state/sources-audit.{name}.jsonl" for name in ("2026-2", "2026")]
    archived = dict.fromkeys(named, frozenset(map(sha, LINES[:1])))
    went_on = replace(went_on, at={sha(LINES[2]): "abc"}, archives_at={"abc": archived}.__getitem__)
    assert ": git checkout abc -- 'state/sources-*'" in verify([segment(LINES[:1])], went_on)[0].mend
    joins = f": git checkout abc -- {named[0]} {named[1]} && {{ git show HEAD:./{LOG}; "
    assert joins in verify([segment(since)], went_on)[0].mend
    # An archive that is there is left as it is, and what stands in it does not come back to the log.
    archive = segment(LINES[:1], file=named[1])
    closed = {"archive": Path(archive.file).name, "sha256": archive.sha256}
    there = [archive, segment(grown(LINES[:1], Event(event="rotated", detail=closed))[1:])]
    assert f": git checkout abc -- {named[0]} && {{ git show abc:./" in verify(there, went_on)[-1].mend
    others = Witnesses(head=tuple(map(sha, LINES)), hashes={"0": "state/sources.json"})
    assert {item.mend for item in verify([segment(LINES[:-1])], others)} == {cut.mend}


def test_what_stood_in_another_folder_is_joined_from_there() -> None:
    known = dict.fromkeys(map(sha, LINES), "abc:old ws/")
    archived = {"state/sources-audit.2026.jsonl": frozenset[str]()}
    there = {"ever": tuple(known), "at": known, "archives_at": {"abc:old ws/": archived}.__getitem__}
    (lost,) = verify([segment(LINES[:1])], Witnesses(head=(sha(LINES[0]),), **there))
    archive, log = "state/sources-audit.2026.jsonl", "state/sources-audit.jsonl"
    first = f"git show 'abc:old ws/{archive}' > {archive} && "
    assert f": {first}{{ git show 'abc:old ws/{log}'; cat {log}; }} | awk " in lost.mend
    since = verify([segment(grown(LINES[:1], Event(event="seen")))], Witnesses(head=(sha(LINES[0]),), **there))
    assert f": {first}{{ git show HEAD:./{log}; git show 'abc:old ws/{log}'; cat " in since[0].mend


def test_what_went_wrong_since_the_last_commit_is_mended_by_what_head_has() -> None:
    fresh, second = grown(LINES, Event(event="fresh")), grown((), Event(event="init", detail={"second": True}))
    from_head = f"restore the records from git: git checkout HEAD -- {LOG}"

    def mends(lines: Sequence[Record | str], head: Sequence[Record | str] = LINES, **more: Any) -> set[str]:
        known = tuple(map(sha, head))
        return {item.mend for item in found(lines, Witnesses(head=known, committed=frozenset(known), **more))}

    # Nothing that git does not have would be lost by taking the log from HEAD, or else all that was recorded since is.
    assert mends([*LINES, "junk"]) == mends([*LINES, LINES[1]]) == {from_head}
    assert mends([*LINES, "junk", fresh[-1]]) == {AGAIN}
    assert mends(second) == {AGAIN}
    # HEAD has it too, or no log.
    assert mends([*LINES, "junk"], [*LINES, "junk"]) == {"git hybrid merge"}
    assert mends([*LINES, "junk"], ()) == {RESTORE}
    # A file names a record that is nowhere: HEAD's does not, where all that was committed is in the log.
    entry = State(sources={TOOL: installed(LINES, audit_hash="0" * 64)})
    assert mends(LINES, state=entry, past=lambda: None) == {AGAIN}
    assert mends(LINES, state=entry) == {RESTORE}
    assert mends(LINES, state=entry, past=lambda: None, hashes={"0" * 64: "state/sources.json"}) == {RESTORE}
    told = {"lock_texts": (b"x",), "decode_lock": {b"x": Lock()}.get}
    assert mends(LINES, lock=Lock(pins={TOOL: a_pin(commit=oid(4))}), **told) == {AGAIN}


def test_a_log_that_is_missing_is_one_thing_that_is_wrong() -> None:
    head = tuple(map(sha, LINES))
    entries = {SourceName(f"s{number}"): installed(LINES, audit_hash="0" * 64) for number in range(9)}
    others = Witnesses(state=State(sources=entries), lock=Lock(pins={TOOL: a_pin()}), head=head)
    for log in ([], [segment([])]):
        (breach,) = verify(log, replace(others, committed=frozenset(head)))
        assert breach.id == "log-missing"
        assert breach.mend.endswith("git checkout HEAD -- 'state/sources-*'")
        (breach,) = verify(log, replace(others, head=()))
        assert (breach.id, breach.mend) == ("log-missing", NO_GIT)
        assert verify(log, Witnesses()) == ()


def test_outside_of_a_repository_no_mend_is_by_git() -> None:
    lines = [LINES[0], *LINES[2:]]
    joined = f"if git brought it from another branch: git hybrid merge; else {RESTORE}"
    for committed, mend in ((None, NO_GIT), (frozenset(map(sha, lines)), joined)):
        assert {item.mend for item in verify([segment(lines)], Witnesses(committed=committed))} == {mend}


def test_an_archive_gets_the_first_name_that_is_free() -> None:
    first, second = "state/sources-audit.2026.jsonl", "state/sources-audit.2026-2.jsonl"
    assert free_archive("2026", ()) == first
    assert free_archive("2026", {first}) == second
    assert free_archive("2026", {second}) == first
