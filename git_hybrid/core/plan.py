"""What is seen on disk, what is to be done about it, and what came of it: the values between the stages of a run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

from git_hybrid.core.ahead import Ahead, ahead
from git_hybrid.core.errors import HybridError, LocalIo
from git_hybrid.core.governance import Governed
from git_hybrid.core.ids import Oid, RunId, SourceName
from git_hybrid.core.lock import Lock, Pin
from git_hybrid.core.manifest import Source
from git_hybrid.core.mirrors import Inventory
from git_hybrid.core.override import is_in_force
from git_hybrid.core.state import ScanTrail, State
from git_hybrid.core.value import Struct, field

Action = Literal["clone", "update", "repair", "record", "reset"]
"""``clone`` what is missing, ``update`` a clean clone to another commit, ``repair`` a broken or half changed clone,
``record`` writes state and the clone's own settings and ref, ``reset`` saves local work and then goes to the pin."""

Phase = Literal["pending", "installing"]
"""``installing`` from just before the working tree is changed; that it is done shows on disk."""

PIN_REF = "refs/hybrid/pin"
"""The ref of a clone that names the commit which this tool checked out, or recorded, last."""
_TOLD = 200
"""How much of what a server said is told of a run that it kept from its end, in characters."""


class Absent(Struct, frozen=True):
    """Nothing stands at the path (or an empty folder)."""


class Foreign(Struct, frozen=True):
    """Something that is no clone of ours stands at the path; ``what`` says what it looks like."""

    what: str


class Broken(Struct, frozen=True):
    """A clone that git cannot use; ``why`` says what is missing."""

    why: str


ATTRIBUTES_FILE = ".git/info/attributes"
"""What this tool writes into each of its clones, and a clone that plain git made lacks."""
SPARSE_FILE = ".git/info/sparse-checkout"
"""What leaves files out of a working tree, where the settings have git look at it."""
NO_SETTINGS = ".git/config is missing or empty"
"""What a clone without settings lacks; git works in it all the same."""
SHOWN_FILES = 10
"""How many of the files that are changed in a clone are named."""


class Clone(Struct, frozen=True, kw_only=True):
    """A usable clone. ``dirty`` names at most ten files, ``dirty_count`` counts all.

    ``changed_inside`` names those of the ten that are submodules; ``locked`` is the lock that another git holds, by its
    path in ``.git``, if any; ``has_pin``: the pinned commit is there;
    ``hollow``: the folder of a submodule, or of one inside it, is empty; ``filled``: one has a repository, and not in
    the clone's own ``.git``; ``complete``: no history is cut off; ``borrows``: some of its objects may be in another
    repository alone; ``lfs``: it was made to hold LFS content in place of
    pointers; ``pointers`` names at most ten of those that stand there all the same; ``rotten``: what it keeps of such
    content, of which files are made, is damaged (only a thorough look tells); ``intact``: it has settings, and
    the attributes that this tool writes; ``installed``: the commit that this tool checked out last, by the clone's own
    ref; ``origin``: the URL of that remote, if it shows; ``sure``: a glance was enough; ``settled``: it was enough to
    see that nothing was touched since an earlier one.
    """

    head: Oid
    branch: str | None = None
    dirty: tuple[str, ...] = ()
    dirty_count: int = 0
    changed_inside: tuple[str, ...] = ()
    operation: str | None = None
    locked: str = ""
    has_pin: bool = False
    hollow: bool = False
    filled: bool = False
    complete: bool = True
    borrows: bool = False
    lfs: bool = False
    pointers: tuple[str, ...] = ()
    rotten: bool = False
    intact: bool = True
    installed: Oid | None = None
    origin: str | None = None
    sure: bool = False
    settled: bool = False

    def can_have(self, commit: Oid) -> bool:
        """Tell whether *commit* is of the clone's object format (SHA-1 or SHA-256): it never has one of the other."""
        return len(commit) == len(self.head)


LONG_AGO = datetime.min.replace(tzinfo=UTC)
Observed = Absent | Foreign | Broken | Clone


class Unreadable(Struct, frozen=True):
    """A path that the machine refused to read: that says nothing about what stands there, nor about other sources."""

    error: LocalIo


Looked = Observed | Unreadable


class Stray(Struct, frozen=True, kw_only=True):
    """What the files of a folder below ``sources/`` tell at little cost; nothing of one that is no clone.

    ``head`` is the commit at HEAD, ``tip`` that at which the default branch of ``origin``, a URL, was when that was
    asked last, ``installed`` the one that this tool checked out last; None where it does not show. ``lent_by`` is the
    folder of git in another repository that a submodule and a linked worktree have in place of their own.
    """

    head: Oid | None = None
    tip: Oid | None = None
    origin: str | None = None
    installed: Oid | None = None
    lent_by: str = ""


class Task(Struct, frozen=True, kw_only=True):
    """One source to bring to one commit. ``before`` is the commit that stands there now, if any."""

    source: Source
    pin: Pin
    action: Action
    before: Oid | None

    @property
    def name(self) -> SourceName:
        """The name of the source."""
        return self.source.name


class SyncPlan(Struct, frozen=True, kw_only=True):
    """What a sync will do: tasks in name order, what is blocked and why, what is as it should be."""

    tasks: tuple[Task, ...] = ()
    blocked: Mapping[SourceName, HybridError] = field(default_factory=dict)
    unchanged: tuple[SourceName, ...] = ()


class Installed(Struct, frozen=True, kw_only=True):
    """A task that was done; ``served_by`` is the URL that the objects came from, None if they were here.

    ``is_idle``: what it was for could not be had, and all else is as it should be.
    """

    task: Task
    served_by: str | None = None
    notes: tuple[str, ...] = ()
    is_idle: bool = False


class Failed(Struct, frozen=True, kw_only=True):
    """A task that was not done. ``pending``: trying again later may succeed, so the marker stays."""

    task: Task
    error: HybridError
    pending: bool


Outcome = Installed | Failed


UNWRITTEN = "what a run decided is not in all files yet"


class Unfinished(Struct, frozen=True, kw_only=True):
    """What the journal says of a run that did not end: its tasks and how far each came; ``failures`` has what kept it.

    ``is_unwritten`` tells that what it decided is not in all files yet: the next writer writes it out; ``decided`` has
    the sources that this is about. ``held_by`` names the process that is at work on it, where a reader asked for that
    and there is one.
    """

    run: RunId
    command: str
    started_at: datetime
    tasks: tuple[Task, ...]
    phases: Mapping[SourceName, Phase]
    served_by: Mapping[SourceName, str] = field(default_factory=dict)
    failures: Mapping[SourceName, str] = field(default_factory=dict)
    held_by: str = ""
    is_unwritten: bool = False
    decided: frozenset[SourceName] = frozenset()

    def left(self, name: SourceName) -> str:
        """Return what is said of the source *name* if it is still to be done, with what kept it; else nothing."""
        if name in self.decided:
            return UNWRITTEN
        if not any(task.name == name for task in self.tasks):
            return ""
        why = self.failures.get(name, "")[:_TOLD]
        return "an earlier run is unfinished" + (f": {why}" if why else "")


class Snapshot(Governed, frozen=True, kw_only=True):
    """Everything that was read at the start of a run."""

    lock: Lock
    state: State
    scan_trail: ScanTrail = field(default_factory=ScanTrail)
    clock: datetime = LONG_AGO
    unfinished: Unfinished | None = None
    mirrors: Inventory = field(default_factory=Inventory)

    def doubts(self, identity: str) -> bool:
        """Tell whether an override is in force by its times, came from a commit, and is not approved as keys ask."""
        record = self.overrides.records.get(identity)
        is_open = record is not None and record.from_commit is not None and is_in_force(record, self.clock)
        return record is not None and is_open and bool(self.doubt(record))

    def ahead(self, now: datetime) -> Ahead | None:
        """Return which audit record was made at a time that is still to come *now*; None if none was."""
        return ahead(self.trail.last, now, timedelta(0))
