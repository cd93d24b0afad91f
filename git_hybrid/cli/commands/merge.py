"""``git hybrid merge``."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress

import click

from git_hybrid.cli.options import common_options
from git_hybrid.cli.output import Output, opened
from git_hybrid.cli.wiring import Session
from git_hybrid.core.endpoints import same_repository
from git_hybrid.core.errors import InvalidFile, NewerSchema
from git_hybrid.core.files import LOCK, LOG, MANIFEST, OVERRIDES, STATE
from git_hybrid.core.ids import SourceName, short_ref
from git_hybrid.core.lock import Pin
from git_hybrid.core.merging import Change
from git_hybrid.core.override import Override, approvers
from git_hybrid.core.report import Report, Row
from git_hybrid.core.stages import OURS, THEIRS
from git_hybrid.core.undecided import may_be_older
from git_hybrid.core.words import approval_words, typed
from git_hybrid.git.bothsides import Sides, both_sides
from git_hybrid.git.conflicts import conflicts_in, kept_in
from git_hybrid.git.lostlines import lines_anywhere
from git_hybrid.store.layout import Layout, archives
from git_hybrid.store.log_merge import second_beginning
from git_hybrid.store.merging import Merge, merge_files, unreadable
from git_hybrid.store.parsing import read_bytes
from git_hybrid.store.reading import overrides_in
from git_hybrid.store.torn import Versions

_WHERE = (MANIFEST, "state")


@click.command("merge")
@common_options
@click.pass_context
def command(context: click.Context) -> int:
    """Put together what a merge of branches left in conflict in state/, source by source. Moves no pin by itself.

    What one side alone changed counts. Where both moved a pin ours stands, and exit 1 says that it is to be decided.
    """
    with opened(context) as (session, output):
        runtime, layout = session.runtime, session.layout
        # What an unfinished run has decided comes after: it goes into the same files, which cannot be read yet.
        with runtime.ledger.writer(runtime.info, settles=False) as mended:
            conflicts = conflicts_in(session.runner, layout.root, _WHERE)
            _refuse_two_beginnings(session, conflicts)
            sides = _sides(session, conflicts)
            # What was written since the merge is no more what git joined.
            conflicts |= unreadable(layout, {path: sides.files[path] for path in sides.files.keys() - sides.later})
            told = _merged(session, conflicts, sides)
        code = int(bool(told.left or told.both) or any(change.both for change in told.changes))
        merged, left = (f"merged {name}" for name in told.files), (f"left to you: {name}" for name in told.left)
        records = _overrides(layout)
        rows = tuple(_row(told, change, records) for change in told.changes)
        run = runtime.info.run if told.files else None
        output.report(
            Report(command="merge", rows=rows, run=run, notes=(*mended, *merged, *told.both, *left, *told.why)),
            {"exit_code": code},
        )
        if not conflicts and not told.left and not told.files and not told.changes:
            output.talk("nothing is in conflict")
        kept = kept_in(session.runner, layout.root, [name for name in told.left if name not in conflicts])
        _tell_what_is_left(output, told, conflicts, kept)
        # What is added is in conflict no more, and of a choice nothing is told then.
        _tell_what_both_moved(output, told, sides.theirs or ":3")
        # A pin that is made then is written there too.
        chosen = (LOG,) if any(change.both for change in told.changes) else ()
        if done := [name for name in dict.fromkeys((*conflicts, *told.files, *chosen)) if name not in told.left]:
            output.hint("merge", f"git add -- {typed(*done)}")
        return code


def _refuse_two_beginnings(session: Session, conflicts: Mapping[str, Versions]) -> None:
    """Refuse to merge what both sides began: no log goes on from two, and what is written here git would not abort.

    Where HEAD has both it is too late for that, and the checks tell of it.

    Raises:
        InvalidFile: with the way to begin once.
    """
    layout, versions = session.layout, conflicts.get(LOG, {})
    texts = [versions[side] for side in (OURS, THEIRS) if side in versions] or [read_bytes(layout.audit, LOG) or b""]
    closed = (read_bytes(layout.root / name, name) or b"" for name in archives(layout))
    if not (line := second_beginning(b"".join(texts), closed)):
        return
    from git_hybrid.cli.head import head_of

    head = head_of(layout, session.runner)
    if head is None or second_beginning(head.log):
        return
    from git_hybrid.core.audit_verify import ONE_BEGINNING

    reason = "begins a log of its own: each side began a workspace by itself"
    raise InvalidFile.at(LOG, f"line {line}", reason, mend=ONE_BEGINNING)


def _sides(session: Session, conflicts: Collection[str]) -> Sides:
    """Return what both sides have of the tables that git merged by itself; nothing if that is another merge."""
    runner, root = session.runner, session.layout.root
    sides = both_sides(runner, root, [name for name in (MANIFEST, LOCK, STATE) if name not in conflicts])
    return Sides() if sides.is_made and conflicts else sides


def _merged(session: Session, conflicts: Mapping[str, Versions], sides: Sides) -> Merge:
    layout = session.layout
    try:
        return merge_files(
            layout,
            conflicts,
            sides.files,
            is_made=sides.is_made,
            elsewhere=lambda: lines_anywhere(session.runner, layout.root),
        )
    except InvalidFile as error:
        if error.path in conflicts:
            shown = typed(*(f":{stage}:./{error.path}" for stage in (OURS, THEIRS) if stage in conflicts[error.path]))
            error.mend = f"mend {error.path}, then call this again; what git has of both sides: git show {shown}"
        elif error.path == MANIFEST:
            error.mend = f"mend {MANIFEST}, then: git hybrid merge"
        raise


def _tell_what_is_left(output: Output, told: Merge, conflicts: Collection[str], kept: Collection[str]) -> None:
    for name in told.left:
        if name == LOG and name in told.astray:
            fetched = "fetch the branch that they come from, then call this again"
            output.hint("merge", f"{fetched}; what is wrong with the log: git hybrid audit verify")
        elif name in conflicts:
            output.hint("merge", f"put both sides of {name} together, then: git add -- {name}")
        elif name in kept:
            output.hint("merge", f"to get the conflict of {name} back: git checkout --merge -- {name}")
        elif name == OVERRIDES:
            output.hint("merge", "git hybrid override restore")
        elif name in told.astray:
            output.hint("merge", "git hybrid audit verify")
        else:
            output.hint("merge", f"put {name} right and delete these lines, then: git hybrid diag")


def _tell_what_both_moved(output: Output, told: Merge, theirs: str) -> None:
    """Tell how the other pin is taken; *theirs* is what git calls the other side, of a merge or of its lock."""
    for change in told.changes:
        name = SourceName(change.name)
        our, their, found = (side.get(name) for side in (told.ours, told.theirs, told.found))
        other, whose = (our, "ours") if told.is_made and found == their else (their, "theirs")
        if change.both and found is None:
            _tell_what_was_taken_out(output, told, name)
        if not change.both or other is None or found is None:
            continue
        pin = f"git hybrid pin {name} --to {other.commit}"
        same = other.commit == found.commit
        if same and not told.is_made and other.override is not None and found.override is None:
            # The log may tell of the forced one last.
            output.hint("merge", f"if ours is right: git hybrid pin {name}")
        if same and other.override is None and _asked(other) != _asked(found):
            # Of one commit they differ in what their entries ask for, and the entry decides.
            entry = "take its entry of sources.toml"
            output.hint("merge", f"if {whose} is right, {entry}, then: git hybrid pin {name}")
        elif other.override is None and found.override is None and _is_same_tag(other, found):
            output.hint("merge", "the tag moved between the two, and the first one counts: git hybrid check audit")
        elif other.override is None:
            # Where they ask for something else the entry decides what may be pinned.
            entry = "" if _asked(other) == _asked(found) else f", take its entry of {MANIFEST}, then"
            output.hint("merge", f"if {whose} is right{entry}: {pin}")
            if not (told.is_made or same) and may_be_older(found, other):
                stay = f"git hybrid pin {name} --to {found.commit}"
                output.hint("merge", f"if ours is right, though it may be the older one: {stay}")
        elif told.is_made:
            output.hint("merge", f"if {whose} is right: {pin} {approval_words(signed=told.signed)}")
        else:
            # A pin that was forced rests on its override, which a plain pin does not name.
            # The entry decides what a pin is for: a table that belongs to another one would be pinned anew.
            show = f"git show {theirs}:./"
            entry = "" if _asked(other) == _asked(found) else f"take its entry of {MANIFEST} ({show}{MANIFEST}) and "
            which = f"theirs, which rests on {other.override}, is right"
            output.hint("merge", f"if {which}, {entry}put its table into {LOCK}: {show}{LOCK}")


def _is_same_tag(one: Pin, two: Pin) -> bool:
    return one.ref == two.ref and one.ref.startswith("refs/tags/") and one.commit != two.commit


def _tell_what_was_taken_out(output: Output, told: Merge, name: SourceName) -> None:
    """Tell how the pin is taken that one side moved where the other one took its source out, or renamed that."""
    side, whose = (told.ours, "ours") if name in told.ours else (told.theirs, "theirs")
    pin = side[name]
    more = "" if pin.override is None else f" {approval_words(signed=told.signed)}"
    new = [key for key, item in told.found.items() if key not in side and same_repository(item.url, pin.url)]
    for other in new:
        if told.found[other].commit != pin.commit:
            where = f"for {other}, which is of that repository"
            output.hint("merge", f"if {whose} is right, {where}: git hybrid pin {other} --to {pin.commit}{more}")
    if not new:
        entry = f"put its entry back into {MANIFEST}"
        output.hint("merge", f"if {whose} is right, {entry}, then: git hybrid pin {name} --to {pin.commit}{more}")


def _asked(pin: Pin) -> tuple[str, ...]:
    return str(pin.url), pin.ref, pin.config_digest


def _overrides(layout: Layout) -> Mapping[str, Override]:
    """Return the records of overrides; none where that file is left in conflict."""
    with suppress(InvalidFile, NewerSchema):
        return overrides_in(read_bytes(layout.root / OVERRIDES, OVERRIDES)).records
    return {}


def _row(told: Merge, change: Change, records: Mapping[str, Override]) -> Row:
    name = SourceName(change.name)
    our, their, found = (side.get(name) for side in (told.ours, told.theirs, told.found))
    word = "both" if change.both else "theirs" if found == their else "ours"
    whole = our is not None and their is not None and our.commit == their.commit
    notes: tuple[str, ...] = ()
    if change.both:
        notes = tuple(
            f"{whose}: {_told(pin, records, whole=whole)}" for whose, pin in (("ours", our), ("theirs", their))
        )
    if found is None:
        notes = (*notes, "result: taken out" if notes else "taken out")
    ref = None if found is None else found.ref
    before, after = (None if pin is None else pin.commit for pin in (our, found))
    return Row(name=name, outcome=word, before=before, after=after, ref=ref, notes=notes)


def _told(pin: Pin | None, records: Mapping[str, Override], *, whole: bool) -> str:
    """Return where a side has a *pin*; *whole*: also what two pins of one commit differ in."""
    if pin is None:
        return "taken out"
    if not whole:
        return pin.commit
    record = records.get(pin.override or "")
    approval = "" if record is None else f" ({record.request_id}, approved by {approvers(record)})"
    rests = "" if pin.override is None else f", rests on {pin.override}{approval}"
    return f"{pin.commit} ({short_ref(pin.ref)} of {pin.url}){rests}"
