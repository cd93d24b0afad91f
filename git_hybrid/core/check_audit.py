"""``check audit``: the audit log is whole, and holds all that the other files and git say must be in it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from git_hybrid.core.ahead import ENDED, WAY_OUT, ahead
from git_hybrid.core.audit import detail_of, records_of
from git_hybrid.core.audit_archives import Breach
from git_hybrid.core.audit_verify import verify
from git_hybrid.core.checks import Facts, Violation
from git_hybrid.core.committed_policy import is_made
from git_hybrid.core.files import LOG, MANIFEST
from git_hybrid.core.removals import unsettled
from git_hybrid.core.value import replace
from git_hybrid.core.words import sized

LARGE = 32 * 2**20
"""From so many bytes on the log is better rotated. That saves no reading: its archives are read too."""

_SHALLOW = Violation(
    file=LOG,
    entry="history",
    what="was held against the commits alone that this shallow clone has",
    why="what a commit before them had may be missing from it",
    mend="git fetch --unshallow",
    level="note",
)


_PARTIAL = replace(
    _SHALLOW,
    what="was held against those committed files alone that this partial clone has",
    why="what others had may be missing from it, and no check goes to the network by itself",
    mend="git bundle create - --all > /dev/null",
)


def check_audit(facts: Facts) -> tuple[Violation, ...]:
    """Return every breach of the log, the first bad line first."""
    breaches = tuple(_violation(breach) for breach in verify(facts.log, facts.witnesses, now=facts.now))
    shallow = (_SHALLOW,) if facts.is_shallow else ()
    partial = (_PARTIAL,) if facts.witnesses.is_partial else ()
    return (*breaches, *_loosened(facts), *_removed(facts), *_size(facts), *_clock(facts), *shallow, *partial)


def _loosened(facts: Facts) -> Iterator[Violation]:
    """Yield the overrides that the policy which comes along with them allows, and the one before it does not."""
    each = (line.record for segment in facts.log for line in segment.lines if line.record is not None)
    if facts.now is None or facts.witnesses.committed is None or not any(map(is_made, each)):
        return
    from git_hybrid.core.unapproved_then import judged  # noqa: PLC0415

    records = {str(item["hash"]): item for item in records_of(facts.log)}
    lines = {
        str((line.record or {}).get("hash")): line.sha256
        for segment in facts.log
        for line in segment.lines
        if line.whole
    }
    for item in judged(records, lines, facts.witnesses, facts.now):
        if item.loosened and item.fresh:
            entry = f"{detail_of(item.record).get('override')} ({item.record.get('source')})"
            what = f"is allowed only by the change of [policy] that it comes with: {'; '.join(item.problems)}"
            why, mend = "whoever reviews one has to review both", "git diff HEAD -- sources.toml"
            yield Violation(file=LOG, entry=entry, what=what, why=why, mend=mend, level="warn")


def _removed(facts: Facts) -> Iterator[Violation]:
    """Yield the sources that were removed on the other side of an air gap: only a person takes them out here too."""
    for item in unsettled(records_of(facts.log), facts.manifest):
        what, why = item.words, "the bundle that told it was applied, and takes no source away: it is used here still"
        mend = f"git hybrid remove {item.source}"
        yield Violation(file=MANIFEST, entry=f"source.{item.source}", what=what, why=why, mend=mend, level="warn")


def _size(facts: Facts) -> Iterator[Violation]:
    size = sum(line.size + 1 for segment in facts.log if segment.file == LOG for line in segment.lines)
    if size >= LARGE:
        what = f"the log has grown to {sized(size)}"
        why = (
            "each commit stores it anew, GitHub takes no file beyond 100 MiB, and from 1 GiB on it is not read any more"
        )
        yield Violation(file=LOG, entry="size", what=what, why=why, mend="git hybrid audit rotate", level="warn")


def _clock(facts: Facts) -> Iterator[Violation]:
    wrong = None if facts.now is None else ahead(facts.trail.last, facts.now)
    if wrong is not None:
        yield Violation(file=LOG, entry="clock", what=wrong.record, why=ENDED, mend=WAY_OUT, level="warn")


def _violation(breach: Breach) -> Violation:
    entry = f"line {breach.line}" if breach.line else "log"
    what, why, mend = breach.what, breach.proves, breach.mend
    return Violation(file=breach.file, entry=entry, what=what, why=why, mend=mend, level=breach.level)
