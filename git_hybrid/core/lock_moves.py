"""Pins that stand elsewhere than the last record of the audit log put them, and no commit explains that. Pure.

A commit may have records of pins that it leaves as they are: a cherry-pick brings them along. So what counts is what a
commit moves, held against all that it is made from. Of branches that both moved a pin, a commit that brings the record
of one side may take that side: the merge itself, a squash, a pick. Afterwards it is decided.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from git_hybrid.core.audit import Record, detail_of
from git_hybrid.core.audit_archives import Breach
from git_hybrid.core.endpoints import same_repository
from git_hybrid.core.files import LOG
from git_hybrid.core.ids import RefName, SourceName
from git_hybrid.core.last_pins import last_pins, pin_of
from git_hybrid.core.last_told import has_branches
from git_hybrid.core.lock import Lock, Pin, still_allowed
from git_hybrid.core.manifest import Source
from git_hybrid.core.override import RESTS_ON
from git_hybrid.core.pattern import pattern
from git_hybrid.core.value import Struct, field
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

    ``before`` are the locks of the commits that the next one is made from, where one is another than ``lock``, and
    ``known`` the SHA-256 of each line that the log of the same commit has; ``lines`` is the SHA-256 of each record's
    line by the hash of the record; ``past`` brings what was committed, where all of that counts, and ``decode`` reads a
    lock of it. ``signed``: policy names keys, so an approval takes a signature.
    """

    lock: Lock
    before: Sequence[Lock]
    known: Sequence[Collection[str]] = ()
    lines: Mapping[str, str]
    past: Callable[[], Past | None] | None
    decode: Callable[[bytes], Lock | None]
    signed: bool
    sources: Mapping[SourceName, Source] = field(default_factory=dict)


def against_moves(records: Mapping[str, Record], moves: Moves) -> Iterator[Breach]:
    """Yield the pins that a commit moved, or is about to move, and not to where the last record had put them."""
    if not (moves.before or moves.past):
        return
    last: dict[str, Record] = {}
    known: set[tuple[str, str]] = set()
    for record in records.values():
        if record["event"] == "pin":
            name = str(record.get("source"))
            last[name] = record
            known.add((name, str(record.get("after"))))
    stands = {str(name): str(pin.commit) for name, pin in moves.lock.pins.items() if (name, pin.commit) in known}
    moved = {name for name, commit in stands.items() if _is_moved(commit, _stands(moves.before, name))}
    asked = _asked(records, moves, stands, moved, last)
    if not asked:
        return
    newest = last_pins(records, asked).newest
    unsure = {name: commit for name, commit in asked.items() if _commits(records, newest[name]) != {commit}}
    left = {name: commit for name, commit in unsure.items() if name not in moved}
    past = moves.past() if left and moves.past is not None else None
    by_commit = {} if past is None else _put_back(records, moves, left, past)
    for name, commit in unsure.items():
        sides = [
            (stood, frozenset(lines))
            for stood, lines in zip(_stands(moves.before, name) or (), moves.known, strict=False)
        ]
        if name in by_commit or (
            name in moved and not _is_explained(records, newest[name], commit, moves.lines, sides)
        ):
            yield _breach(moves, name, [records[digest] for digest in newest[name]], by_commit.get(name, ""))


def _asked(
    records: Mapping[str, Record],
    moves: Moves,
    stands: Mapping[str, str],
    moved: Collection[str],
    last: Mapping[str, Record],
) -> dict[str, str]:
    """Return those of the pins that *stands* has which the last line of the log about them does not explain.

    No record stands before one that it follows, so what that line says is always one of the last. Where branches both
    moved a pin there are more, and whoever had both before may not go from one to the other.
    """
    forked = moves.past is not None and has_branches(records.values())
    before = [frozenset(lines) for lines in moves.known] if moved else []

    def is_enough(name: str, commit: str) -> bool:
        if last[name].get("after") != commit or (forked and name not in moved):
            return False
        return name not in moved or not any(moves.lines[str(last[name]["hash"])] in lines for lines in before)

    return {name: commit for name, commit in stands.items() if not is_enough(name, commit)}


def _is_explained(
    records: Mapping[str, Record],
    newest: Collection[str],
    commit: str,
    lines: Mapping[str, str],
    sides: Sequence[tuple[str | None, frozenset[str]]],
) -> bool:
    """Tell whether the *newest* records of a pin explain that it was moved to *commit*.

    *sides* has where each stood that the move was made from, and the lines of its log: where that was another of the
    last records, and the one of *commit* was known, there it was decided.
    """
    own = [lines[digest] for digest in newest if records[digest].get("after") == commit]
    if not own:
        return commit in _unforced(records, newest)
    others = _commits(records, newest) - {commit}
    return not any(stood in others and known.issuperset(own) for stood, known in sides)


def _commits(records: Mapping[str, Record], digests: Collection[str]) -> set[str]:
    return {str(records[digest].get("after")) for digest in digests}


def _unforced(records: Mapping[str, Record], digests: Collection[str]) -> set[str]:
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
            known = _lines_at(commit, past)
            told = {digest: record for digest, record in records.items() if moves.lines[digest] in known}
            newest = last_pins(told, {name}).newest.get(name, frozenset())
            sides = [(stood, _lines_at(parent, past)) for stood, parent in zip(before, parents, strict=True)]
            if not _is_explained(told, newest, pinned, moves.lines, sides):
                found[name] = commit
    return found


def _lines_at(commit: str, past: Past) -> frozenset[str]:
    """Return the lines that the log had in *commit* or one before it: also what was taken out for a while."""
    open_, before = [commit], set[str]()
    while open_:
        one = open_.pop()
        if one not in before:
            before.add(one)
            open_ += past.parents.get(one, ())
    return frozenset[str]().union(*(past.added.get(one, frozenset()) for one in before))


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
    elsewhere = [item for item in last if item.get("after") != pin.commit]
    record, *others = sorted(elsewhere, key=lambda item: str(item.get("after")))
    commits = dict.fromkeys(str(item.get("after")) for item in (record, *others))
    was = f"was put back to {pin.commit[:12]}" + (f" in commit {by[:12]}" if by else "")
    has = "the last record of its pin has" if len(elsewhere) == len(last) else "a merge before that had left it at"
    what = f"{name} {was}, and {has} {' or '.join(item[:12] for item in commits)}"
    forced = any(detail_of(item).get(RESTS_ON) for item in last if item.get("after") == record.get("after"))
    stay = f"git hybrid pin {name} --to {record.get('after')}"
    approval = approval_words(signed=moves.signed)
    mend = f"{stay} {approval}" if forced else _choice(pin, record, source, stay, approval)
    return Breach(id="unexplained-move", file=LOG, line=0, what=what, proves=_PROVES, mend=mend)


def _choice(pin: Pin, record: Record, source: Source | None, stay: str, approval: str) -> str:
    """Return both ways on from where *pin* was put back: by an approval, or to *stay* where *record* has it."""
    after = pin_of(record, pin.source, pin.url)
    same = same_repository(after.url, pin.url)
    back = f"git hybrid pin {pin.source} --to {pin.commit}"
    # By another URL it is compared with where it stood by that, and nobody knows yet whether that is refused.
    back += f" {approval}" if same and _is_back(pin, after.ref) else f", where that is refused, with {approval}"
    if source is None or (same and still_allowed(after, source)):
        return f"{stay}; or, if going back is approved: {back}"
    return f"if going back is approved: {back}; if not, put its entry in sources.toml back as it was, then {stay}"


def _is_back(pin: Pin, ref: RefName) -> bool:
    """Tell whether *pin* is surely older than what was pinned by *ref* after it, so that no plain pin goes there."""
    from git_hybrid.core.resolve import is_older_release

    return is_older_release(ref, pin.ref) or (pin.ref == ref and ref.startswith("refs/heads/"))
