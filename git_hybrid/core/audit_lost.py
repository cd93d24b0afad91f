"""What git has committed of the log and the log no longer has: it only grows. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from git_hybrid.core.audit_archives import GROWING, RESTORE, Breach, Files, joined_with, restore_from
from git_hybrid.core.digest import sha256_hex
from git_hybrid.core.files import LOG
from git_hybrid.core.witnesses import Witnesses
from git_hybrid.core.words import counted, plural


def against_commits(files: Files, witnesses: Witnesses, from_head: str, present: Collection[str]) -> Iterator[Breach]:
    """Yield the first committed line that the log in *files* no longer has, of whose lines *present* are the SHA-256.

    *from_head* mends what HEAD has. Lines that are no records may be taken out.
    """
    present = {*present, *_no_records(witnesses, present)}
    missing = [number for number, sha256 in enumerate(witnesses.head, 1) if sha256 not in present]
    if missing:
        what = f"line {missing[0]} of the log in HEAD is not in it ({len(missing)} in all)"
        proves = "the log was cut, rolled back or written anew since it was committed"
        yield Breach(id="not-append-only", file=LOG, line=missing[0], what=what, proves=proves, mend=from_head)
    lost = [sha256 for sha256 in witnesses.ever if sha256 not in present]
    if lost and not missing:
        was, not_in = plural(len(lost), "was"), f"{plural(len(lost), 'is')} not in it"
        what = f"{counted(len(lost), 'record')} that {was} committed once {not_in}"
        proves = "a commit took records out of the log, a merge lost them, or a copy of the folder took its place"
        last = next((witnesses.at[item] for item in reversed(lost) if item in witnesses.at), "")
        mend = _brought_back(files, witnesses, last) if last else RESTORE
        yield Breach(id="lost-by-commit", file=LOG, line=0, what=what, proves=proves, mend=mend)


def _no_records(witnesses: Witnesses, present: Collection[str]) -> Iterator[str]:
    """Yield the SHA-256 of the committed lines, of those not *present*, that are no records as they were written."""
    wanted = {item for item in (*witnesses.head, *witnesses.ever) if item not in present}
    for line in witnesses.texts():
        if (digest := sha256_hex(line)) in wanted and not witnesses.is_record(line):
            yield digest


def _brought_back(files: Files, witnesses: Witnesses, commit: str) -> str:
    """Return what brings back what *commit* has of the log; records that it has not stay.

    Behind a colon it has the folder where that stood before its workspace was moved: git puts nothing from there here.
    """
    closed = witnesses.archives_at(commit)
    has = {item for item, name in witnesses.at.items() if name == commit}.union(*closed.values())
    log = {line.sha256 for segment in files.ours if segment.file == LOG for line in segment.lines}
    is_grown, is_moved = not log <= has and bool(witnesses.head), ":" in commit
    if not is_grown and not is_moved:
        # Where HEAD has no log, another was begun in its place.
        return restore_from(commit, GROWING)
    # What HEAD's log has may stand in an archive since: to the log it does not come back.
    revisions = ("HEAD", commit) if is_grown and not log.isdisjoint(witnesses.head) else (commit,)
    # An archive that is there may be another, which nobody else has.
    there = {segment.file for segment in files.ordered}
    return joined_with(revisions, sorted(closed.keys() - there))
