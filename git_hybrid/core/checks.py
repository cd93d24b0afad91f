"""What the files of a workspace must satisfy together: one table of pure checks. The hooks and ``check`` share it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal

from git_hybrid.core.audit import Segment
from git_hybrid.core.endpoints import Mirrors
from git_hybrid.core.governance import Governed
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Lock
from git_hybrid.core.mirrors import Inventory
from git_hybrid.core.state import State
from git_hybrid.core.value import Struct, field, replace
from git_hybrid.core.witnesses import Witnesses
from git_hybrid.core.words import BRING_BACK, pinning_head


class Violation(Struct, frozen=True, kw_only=True):
    """One thing that does not hold: where, what, why it matters, and the command that mends it.

    A ``warn`` is told and fails nothing; nor does a ``note``, which the hooks do not even tell. ``exit_code`` is that
    of a check that it fails.
    """

    file: str
    entry: str
    what: str
    why: str
    mend: str
    level: Literal["fail", "warn", "note"] = "fail"
    exit_code: int = 1


class Facts(Governed, frozen=True, kw_only=True):
    """What the checks are about: the files as they are, or as they are about to be committed.

    ``now`` is the present time. ``mirrors`` and ``bundle_folder`` (an absolute path) are what is set to be asked
    instead of upstream. ``log`` holds the audit log and its archives, the oldest first; ``witnesses`` what it is held
    against. ``tracked`` are the paths below ``sources/``, and those of single runs, that are committed, ``links`` those
    of them that are other repositories, as git has a clone, ``heads`` the commits at which the clones stand,
    ``installed`` those at which a sync left the ones that do not stand at their pins, ``tried`` the pins on the disk
    where a commit is checked that has its own. ``documents`` are specifications by path, ``paths`` every path that they
    may name, ``changed`` what the commit changes, ``left_out`` those of the files that are on the disk and not in the
    commit, ``ignored`` those of them that git ignores; without a commit, those that git ignores and does not have.
    ``foreign_reports`` names the sources whose scan report on the disk is another than state says; ``scanner_files``
    has the digests of the files that decide what a scanner finds, where all of them are of the workspace, and
    ``unadded`` those of them that git has not as the disk has them, where a commit lacks that. ``exposed`` are the
    paths of clones, and of the lock of a run, that git does not ignore, and ``ignore_file`` says whether there is a
    ``sources/.gitignore``. ``abandoned`` has what is committed of clones that no workspace of the commit has, by the
    folder that they are in. ``is_shallow``: git has the end of the history alone. ``lost`` are the sources that HEAD
    has pins of where the lock has none at all, ``unsaid`` those that state lacks (:func:`unsaid.unsaid`), ``edited``
    those of :func:`check_metadata.at_odds` whose record does not tell what state does, and ``is_in_form`` tells whether
    that has the form in which it is written.
    """

    now: datetime | None = None
    lock: Lock = field(default_factory=Lock)
    state: State = field(default_factory=State)
    inventory: Inventory = field(default_factory=Inventory)
    mirrors: Mirrors = field(default_factory=Mirrors)
    bundle_folder: str | None = None
    log: tuple[Segment, ...] = ()
    witnesses: Witnesses = field(default_factory=Witnesses)
    tracked: tuple[str, ...] = ()
    links: frozenset[str] = frozenset()
    abandoned: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    heads: Mapping[str, str] = field(default_factory=dict)
    tried: Mapping[str, str] = field(default_factory=dict)
    installed: Mapping[str, str] = field(default_factory=dict)
    exposed: tuple[str, ...] = ()
    ignore_file: bool = True
    documents: Mapping[str, str] = field(default_factory=dict)
    paths: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()
    left_out: tuple[str, ...] = ()
    ignored: frozenset[str] = frozenset()
    foreign_reports: frozenset[str] = frozenset()
    scanner_files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unadded: tuple[str, ...] = ()
    is_shallow: bool = False
    lost: frozenset[str] = frozenset()
    unsaid: Mapping[str, bool] = field(default_factory=dict)
    edited: frozenset[SourceName] = frozenset()
    is_in_form: bool = True


def going_back(name: str, head: str = "") -> str:
    """Return the mend of a clone with local work or commits, at which a sync would stop: look, then save and go.

    One that somebody has put at the commit *head*, and changed nothing, may be what is wanted.
    """
    mend = f"git hybrid diff {name}, then git hybrid reset {name}"
    return f"{mend}; or, {pinning_head(name, head)}" if head else mend


def awaiting(facts: Facts, found: Iterable[Violation]) -> tuple[Violation, ...]:
    """Return *found*, with one violation in place of all that wait for an archive of the log that is not there."""
    told = tuple(found)
    waits = [item for item in told if item.mend == BRING_BACK]
    if not waits:
        return told
    from git_hybrid.core.audit_archives import Files  # noqa: PLC0415

    files, committed = Files(facts.log), facts.witnesses.committed
    known = None if committed is None else files.vouched(committed)
    breaches = files.breaches(known, facts.witnesses.archived)
    breach = next(item for item in breaches if item.id in ("archive-missing", "archive-changed"))
    mend = BRING_BACK if committed is None else breach.mend
    why = "what bears out the files may be in it"
    worst = next((item for item in waits if item.level == "fail"), waits[0])
    one = replace(worst, file=breach.file, entry=f"line {breach.line}", what=breach.what, why=why, mend=mend)
    return (*(item for item in told if item.mend != BRING_BACK), one)


Check = Callable[[Facts], tuple[Violation, ...]]


def failures(found: Mapping[str, tuple[Violation, ...]]) -> int:
    """Return how many violations fail."""
    return sum(item.level == "fail" for items in found.values() for item in items)


def exit_code_of(found: Mapping[str, tuple[Violation, ...]]) -> int:
    """Return the exit code of checks that found these."""
    return max((item.exit_code for items in found.values() for item in items if item.level == "fail"), default=0)


def to_stage(
    staged: Mapping[str, tuple[Violation, ...]], on_disk: Mapping[str, tuple[Violation, ...]], mend: str
) -> Mapping[str, tuple[Violation, ...]]:
    """Return the violations *staged*; those that are not *on_disk* too are mended by *mend*, which stages that."""
    return {name: _to_stage(found, on_disk.get(name, ()), mend) for name, found in staged.items()}


def _to_stage(staged: Sequence[Violation], on_disk: Sequence[Violation], mend: str) -> tuple[Violation, ...]:
    there = {(item.file, item.entry, item.what) for item in on_disk}
    why = "on the disk it is right: not all that belongs together is staged"
    return tuple(
        item
        if item.level != "fail" or (item.file, item.entry, item.what) in there
        else replace(item, why=why, mend=mend)
        for item in staged
    )
