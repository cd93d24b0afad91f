"""Read what the checks are about, from the disk or from what is about to be committed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache, partial

from git_hybrid.core.approval import has_keys
from git_hybrid.core.audit import Segment
from git_hybrid.core.checks import Facts
from git_hybrid.core.errors import InvalidFile
from git_hybrid.core.files import LOCK, LOG, MANIFEST, MIRRORS, OVERRIDES, STATE
from git_hybrid.core.lock import Lock
from git_hybrid.core.manifest import Policy
from git_hybrid.core.override import trail_of
from git_hybrid.core.state import State
from git_hybrid.core.value import replace
from git_hybrid.core.witnesses import Witnesses
from git_hybrid.store import chain, lockfile, manifest, statefile
from git_hybrid.store.parsing import readable
from git_hybrid.store.reading import mirrors_in, overrides_in

Read = Callable[[str], bytes | None]
"""Returns the content of a file by its path from the root of the workspace, or None if there is none."""


def read_facts(read: Read, *, now: datetime, log: Sequence[str] = (), git: Witnesses | None = None) -> Facts:
    """Return the facts that the files of a workspace hold.

    *log* names the files of the audit log, the oldest first; *git* carries what git knows of it.

    Raises:
        InvalidFile: a file is not in its format.
        NewerSchema: a newer version wrote one.
    """
    text = read(MANIFEST)
    if text is None:
        raise InvalidFile.at(MANIFEST, "file", "is missing")
    lock, state, overrides = read(LOCK), read(STATE), read(OVERRIDES)
    decided = Lock() if lock is None else lockfile.decode_lock(lock)
    installed, is_in_form = (State(), True) if state is None else statefile.state_in(state)
    approved = overrides_in(overrides)
    segments = read_log(read, log)
    records = [line.record for segment in segments for line in segment.lines if line.record is not None and line.whole]
    trail = replace(trail_of(records), absent=cache(partial(_absent, segments)))
    inventory = mirrors_in(read(MIRRORS))
    git = git or Witnesses()
    before = _before(git, lock)
    declared = manifest.decode_manifest(text)
    witnesses = replace(
        git,
        locks_before=tuple(found for found, _ in before),
        lines_before=tuple(lines for _, lines in before),
        decode_lock=decoded,
        decode_policy=_policy,
        is_record=chain.is_record,
        manifest=declared,
        state=installed,
        overrides=approved,
        lock=decided,
        mirrors=inventory,
        has_keys=has_keys(declared.policy),
        published={commit: chain.segment_of(LOG, text) for commit, text in git.published_logs.items()},
    )
    return Facts(
        manifest=declared,
        clock=max(now, trail.newest or now),
        now=now,
        lock=decided,
        state=installed,
        is_in_form=is_in_form,
        overrides=approved,
        trail=trail,
        inventory=inventory,
        log=segments,
        witnesses=witnesses,
    )


def read_log(read: Read, log: Sequence[str]) -> tuple[Segment, ...]:
    """Return the files of the audit log that *log* names, the oldest first."""
    return tuple(chain.segment_of(name, read(name) or b"", alone=len(log) == 1) for name in log)


def _before(git: Witnesses, lock: bytes | None) -> tuple[tuple[Lock, tuple[str, ...]], ...]:
    """Return the committed locks that can be read, each with the lines of the log beside it.

    There are none where all of them are *lock* itself.
    """
    if all(text == lock for text in git.lock_texts):
        return ()
    read = {text: decoded(text) for text in git.lock_texts}
    known = (*git.lines_before, *((),) * len(git.lock_texts))
    sides = ((read[text], lines) for text, lines in zip(git.lock_texts, known, strict=False))
    return tuple((found, lines) for found, lines in sides if found is not None)


def _absent(segments: Sequence[Segment]) -> str:
    # Where nothing is wrong, nobody asks.
    from git_hybrid.core.audit_archives import absent_from

    return absent_from(segments)


def decoded(text: bytes) -> Lock | None:
    """Return the lock that *text* is; None if it cannot be read."""
    return readable(text, lockfile.decode_lock)


def _policy(text: bytes) -> Policy | None:
    found = readable(text, manifest.decode_manifest)
    return None if found is None else found.policy
