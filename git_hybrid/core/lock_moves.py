"""Pins that stand elsewhere than the last record of the audit log put them, and no commit explains that. Pure.

A commit may have records of pins that it leaves as they are: a cherry-pick brings them along. So what counts is what a
commit moves, held against all that it is made from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from git_hybrid.core.audit import Record, detail_of
from git_hybrid.core.audit_archives import LOG, Breach
from git_hybrid.core.ids import Oid, RefName, SourceName
from git_hybrid.core.last_pins import last_pins
from git_hybrid.core.lock import Lock, Pin, still_allowed
from git_hybrid.core.manifest import Source
from git_hybrid.core.override import RESTS_ON
from git_hybrid.core.pattern import pattern
from git_hybrid.core.value import Struct, field, replace
from git_hybrid.core.words import approval_words

_PROVES = "the lock was moved by hand or by a merge: no record says who moved it there, and why"
_COMMIT = pattern(r'commit = "([0-9a-f]+)"')


class Past(Struct, frozen=True, kw_only=True):
    """The commits that changed lock or log, back from ``head``, each with those of them that it was made from.

    ``added`` has the SHA-256 of the lines that each of them put into the log; ``lock`` takes a commit and returns its
    lock, or None.
    """

    head: str
    parents: Mapping[str, tuple[str, ...]]
    added: Mapping[str, frozenset[str]]
    lock: Callable[[str], bytes | None]


class Moves(Struct, frozen=True, kw_only=True):
    """A lock, and what it is held against. ``sources`` is what the manifest declares.

    ``before`` are the locks of the commits that the next one is made from, where one is another than ``lock``;
    ``lines`` is the SHA-256 of each record's line by the hash of the record; ``past`` brings what was committed, where
    all of that counts, and ``decode`` reads a lock of it. ``signed``: policy names keys, so an approval takes a
    signature.
    """

    lock: Lock
    before: Sequence[Lock]
    lines: Mapping[str, str]
    past: Callable[[], Past | None] | None
    decode: Callable[[bytes], Lock | None]
    signed: bool
    sources: Mapping[SourceName, Source] = field(default_factory=dict)


def against_moves(records: Mapping[str, Record], moves: Moves) -> Iterator[Breach]:
    """Yield the pins that a commit moved, or is about to move, and not to where the last record had put them."""
    if not (moves.before or moves.past):
        return
    last: dict[str, str] = {}
    known: set[tuple[str, str]] = set()
    for record in records.values():
        if record["event"] == "pin":
            name, commit = str(record.get("source")), str(record.get("after"))
            last[name] = commit
            known.add((name, commit))
    # No record stands before one that it follows: what the last line says is always one of the last.
    others = {str(name): str(pin.commit) for name, pin in moves.lock.pins.items() if last.get(name, "") != pin.commit}
    others = {name: commit for name, commit in others.items() if (name, commit) in known}
    if not others:
        return
    newest = last_pins(records, others).newest
    right = {name: _commits(records, newest[name]) | _unforced(records, newest[name]) for name in others}
    wrong = {name: commit for name, commit in others.items() if commit not in right[name]}
    moved = {name for name, commit in wrong.items() if _is_moved(commit, _stands(moves.before, name))}
    wrong = {name: commit for name, commit in wrong.items() if name in moved or moves.past is not None}
    left = {name: commit for name, commit in wrong.items() if name not in moved}
    past = moves.past() if left and moves.past is not None else None
    by_commit = {} if past is None else _put_back(records, moves, left, past)
    for name in wrong:
        if name in moved or name in by_commit:
            yield _breach(moves, name, [records[digest] for digest in newest[name]], by_commit.get(name, ""))


def _commits(records: Mapping[str, Record], digests: frozenset[str]) -> set[str]:
    return {str(records[digest].get("after")) for digest in digests}


def _unforced(records: Mapping[str, Record], digests: frozenset[str]) -> set[str]:
    """Return where forced pins came from: a revert of one goes back to what needs no approval."""
    forced = (records[digest] for digest in digests if detail_of(records[digest]).get(RESTS_ON))
    return {str(record["before"]) for record in forced if record.get("before") is not None}


def _stands(locks: Sequence[Lock], name: str) -> list[str | None] | None:
    if not locks:
        return None
    pins = [lock.pins.get(SourceName(name)) for lock in locks]
    return [None if pin is None else pin.commit for pin in pins]


def _is_moved(commit: str, before: Sequence[str | None] | None) -> bool:
    """Tell whether *commit* is not what all have that have the source *before*; where there is nothing, it is."""
    return before is not None and {item for item in before if item is not None} != {commit}


def _put_back(records: Mapping[str, Record], moves: Moves, names: Mapping[str, str], past: Past) -> dict[str, str]:
    """Return by name the commit that moved a pin to where it stands, though the last record of then was another."""
    seen: dict[str, Mapping[str, str]] = {}
    found: dict[str, str] = {}

    def stands(commit: str, name: str) -> str | None:
        if commit not in seen:
            seen[commit] = _pins(past.lock(commit), names, moves.decode)
        return seen[commit].get(name)

    for name, pinned in names.items():
        open_, done = [past.head], set()
        while open_ and name not in found:
            commit = open_.pop()
            parents = past.parents.get(commit, ())
            before = [stands(parent, name) for parent in parents]
            # What was there when history begins, or further back than a shallow clone knows, was brought by nobody.
            if commit in done or not parents:
                continue
            done.add(commit)
            if not _is_moved(pinned, before):
                open_ += [parent for parent, item in zip(parents, before, strict=True) if item == pinned]
                continue
            told = _known_at(commit, records, moves.lines, past)
            newest = last_pins(told, {name}).newest.get(name, frozenset())
            if pinned not in _commits(told, newest) | _unforced(told, newest):
                found[name] = commit
    return found


def _known_at(commit: str, records: Mapping[str, Record], lines: Mapping[str, str], past: Past) -> Mapping[str, Record]:
    """Return the records that *commit* or one before it had: also what was taken out of the log for a while."""
    open_, before = [commit], set[str]()
    while open_:
        one = open_.pop()
        if one not in before:
            before.add(one)
            open_ += past.parents.get(one, ())
    known = frozenset[str]().union(*(past.added.get(one, frozenset()) for one in before))
    return {digest: record for digest, record in records.items() if lines[digest] in known}


def _pins(text: bytes | None, names: Mapping[str, str], decode: Callable[[bytes], Lock | None]) -> Mapping[str, str]:
    """Return the commits that a lock has for *names*; where it is as we write it, without reading all of it."""
    found: dict[str, str] = {}
    for name in names:
        _, header, rest = (text or b"").partition(f"\n[source.{name}]\n".encode("ascii"))
        commits = _COMMIT.findall(rest.partition(b"\n[")[0].decode("utf-8", "replace"))
        if header and len(commits) == 1:
            found[name] = commits[0]
        elif text:
            lock = decode(text)
            return {} if lock is None else {item: lock.pins[item].commit for item in lock.pins}
    return found


def _breach(moves: Moves, name: str, last: Sequence[Record], by: str) -> Breach:
    pin, source = moves.lock.pins[SourceName(name)], moves.sources.get(SourceName(name))
    record, *others = sorted(last, key=lambda item: str(item.get("after")))
    commits = dict.fromkeys(str(item.get("after")) for item in (record, *others))
    was = f"was put back to {pin.commit[:12]}" + (f" in commit {by[:12]}" if by else "")
    what = f"{name} {was}, and the last record of its pin has {' or '.join(item[:12] for item in commits)}"
    forced = any(detail_of(item).get(RESTS_ON) for item in last if item.get("after") == record.get("after"))
    stay = f"git hybrid pin {name} --to {record.get('after')}"
    approval = approval_words(signed=moves.signed)
    mend = f"{stay} {approval}" if forced else _choice(pin, record, source, stay, approval)
    return Breach(id="unexplained-move", file=LOG, line=0, what=what, proves=_PROVES, mend=mend)


def _choice(pin: Pin, record: Record, source: Source | None, stay: str, approval: str) -> str:
    """Return both ways on from where *pin* was put back: by an approval, or to *stay* where *record* has it."""
    told = detail_of(record)
    ref = RefName(str(told.get("ref", "")))
    back = f"git hybrid pin {pin.source} --to {pin.commit}"
    back += f" {approval}" if _is_back(pin, ref) else f", where that is refused, with {approval}"
    after = replace(pin, ref=ref, commit=Oid(str(record.get("after"))))
    if source is None or (str(told.get("url", pin.url)) == str(pin.url) and still_allowed(after, source)):
        return f"{stay}; or, if going back is approved: {back}"
    return f"if going back is approved: {back}; if not, put its entry in sources.toml back as it was, then {stay}"


def _is_back(pin: Pin, ref: RefName) -> bool:
    """Tell whether *pin* is surely older than what was pinned by *ref* after it, so that no plain pin goes there."""
    from git_hybrid.core.resolve import is_older_version

    return is_older_version(ref, pin.ref) or (pin.ref == ref and ref.startswith("refs/heads/"))
