"""What git, HEAD or the audit log has and the files of a workspace lack, for the check of the metadata."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from git_hybrid.core.checks import Facts
from git_hybrid.core.errors import GitRefused
from git_hybrid.core.files import FILES, LOG, STATE
from git_hybrid.core.value import replace
from git_hybrid.git.staged import Staged
from git_hybrid.store.facts import Read, read_log
from git_hybrid.store.layout import Layout


def with_lacking(facts: Facts, index: Staged, layout: Layout, read: Read, *, log: Sequence[str], staged: bool) -> Facts:
    """Return *facts* with what the files lack, or only the disk has of them; *log* names those of the audit log."""
    if not staged:
        facts = replace(facts, ignored=_ignored_files(index), lost=_lost_pins(facts, layout, index))
    return _with_edited(_with_unsaid(facts, index, read, log=log, staged=staged), index, read, log=log, staged=staged)


def _with_edited(facts: Facts, index: Staged, read: Read, *, log: Sequence[str], staged: bool) -> Facts:
    """Return *facts* with those that state has otherwise than lock and record: where any may be, the log is read."""
    from git_hybrid.core.check_metadata import at_odds

    if not (names := at_odds(facts)):
        return facts
    from git_hybrid.core.audit import records_of
    from git_hybrid.core.audit_state import odd_entries

    if staged and not facts.log:
        index.prefetch(log)
    records = records_of(facts.log or read_log(read, log))
    return replace(facts, edited=odd_entries(records, [facts.state.sources[name] for name in names]))


def _lost_pins(facts: Facts, layout: Layout, index: Staged) -> frozenset[str]:
    """Return the sources that HEAD has pins of where the lock has none at all."""
    if facts.lock.pins or not facts.manifest.sources:
        return frozenset()
    from git_hybrid.cli.head import head_of

    # What is wrong with HEAD the check of the audit log tells.
    with suppress(GitRefused):
        head = head_of(layout, index.repository.runner)
        return frozenset(() if head is None else head.pins)
    return frozenset()


def _ignored_files(index: Staged) -> frozenset[str]:
    """Return the files of the workspace that are there, that git has not and that it ignores."""
    new = [name for name in (*FILES, LOG) if name not in index.entries and (index.root / name).is_file()]
    return _ignored(index, new)


def _ignored(index: Staged, names: Sequence[str]) -> frozenset[str]:
    if not names:
        return frozenset()
    from git_hybrid.git.ignored import ignored

    return ignored(index.repository, index.root, names)


def _with_unsaid(facts: Facts, index: Staged, read: Read, *, log: Sequence[str], staged: bool) -> Facts:
    """Return *facts* with the sources that state lacks though they were installed: where any, the log is read."""
    names = facts.manifest.sources.keys() - facts.state.sources.keys()
    if not names or STATE in facts.left_out:
        return facts
    from git_hybrid.core.audit import records_of
    from git_hybrid.core.unsaid import unsaid

    if staged and not facts.log:
        index.prefetch(log)
    found = unsaid(records_of(facts.log or read_log(read, log)), names)
    if found and not facts.state.sources and read(STATE) is None and _ignored(index, [STATE]):
        # Whoever has that file to themselves is told so where it is.
        return facts
    return replace(facts, unsaid=found)
