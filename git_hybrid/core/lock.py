"""The lock: what was decided (``state/sources.lock``), as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, assert_never

from git_hybrid.core.canonical import canonical_json
from git_hybrid.core.digest import sha256_hex
from git_hybrid.core.endpoints import same_repository
from git_hybrid.core.errors import NoPin
from git_hybrid.core.files import LOCK
from git_hybrid.core.ids import Oid, RefName, SourceName, Url, short_ref
from git_hybrid.core.manifest import Branch, Commit, Source, Tag, Version, config_digest, declared_ref, track_field
from git_hybrid.core.value import Struct, field
from git_hybrid.core.values import format_time
from git_hybrid.core.versions import in_range
from git_hybrid.core.words import COMMITTED

UNREACHABLE = RefName("refs/hybrid/unreachable")
"""Stands for the ref of a forced pin whose commit is in the history of no branch and no tag."""


class Pin(Struct, frozen=True, kw_only=True):
    """The lock entry of one source: an exact commit with its evidence.

    ``root_commits`` is empty where the history that was seen is not complete; ``content_sha256`` is 64 hex digits.
    """

    source: SourceName
    url: Url
    ref: RefName
    commit: Oid
    tree: Oid
    tag_object: Oid | None = None
    reachable_from: RefName
    root_commits: tuple[Oid, ...] = ()
    content_sha256: str
    commit_time: datetime
    first_seen: datetime
    config_digest: str
    override: str | None = None


class Lock(Struct, frozen=True, kw_only=True):
    """The whole lock file; pins in order of their names."""

    pins: Mapping[SourceName, Pin] = field(default_factory=dict)


def table_of(pin: Pin) -> dict[str, Any]:
    """Return what the table of *pin* in the lock may have, by key; None where it has no such line."""
    return {
        "url": str(pin.url),
        "ref": pin.ref,
        "commit": pin.commit,
        "tree": pin.tree,
        "tag_object": pin.tag_object,
        "reachable_from": pin.reachable_from,
        "root_commits": pin.root_commits,
        "content_sha256": pin.content_sha256,
        "commit_time": pin.commit_time,
        "first_seen": pin.first_seen,
        "config_digest": pin.config_digest,
        "override": pin.override,
    }


def pin_digest(pin: Pin) -> str:
    """Return the digest that the audit log keeps of *pin*: 64 hex digits over all that its table in the lock has."""
    times = {"commit_time": format_time(pin.commit_time), "first_seen": format_time(pin.first_seen)}
    return sha256_hex(canonical_json(table_of(pin) | times))


def is_before_tag(pin: Pin) -> bool:
    """Tell whether an override let *pin* come before a tag, and off every branch: it stands in the tag's history."""
    return pin.override is not None and pin.reachable_from == pin.ref and pin.tag_object is None


def tells_tag(pin: Pin, source: Source | None) -> bool:
    """Tell whether *pin*, of the entry *source* if that is known, says which object upstream has, or had, as a tag."""
    by_ref = source is None or not isinstance(source.track, Commit)
    return by_ref and pin.ref.startswith("refs/tags/") and not is_before_tag(pin)


def is_valid(pin: Pin | None, source: Source) -> bool:
    """Tell whether *pin* was made from *source* as the manifest has it now."""
    return pin is not None and pin.config_digest == config_digest(source)


def still_allowed(pin: Pin, source: Source) -> bool:
    """Tell whether the manifest entry, though changed since, still allows the commit that *pin* names.

    True after a change of history, submodules, lfs or how the URL is written only: then a renewed pin keeps its commit.
    """
    if not same_repository(pin.url, source.url):
        return False
    match source.track:
        case Tag() | Branch():
            return pin.ref == declared_ref(source.track)
        case Version(spec):
            return pin.ref.startswith("refs/tags/") and in_range(spec, short_ref(pin.ref))
        case Commit(oid):
            return pin.commit == oid
        case _:  # pragma: no cover
            assert_never(source.track)


def otherwise(pin: Pin, source: Source) -> tuple[str, str]:
    """Return what *pin*, though it is valid, has that *source* does not allow, and what that has there: words of both.

    No command makes such a pin: the lock was edited, or merged.
    """
    if not same_repository(pin.url, source.url):
        return f"url {pin.url}", f"url {source.url}"
    kind, value = track_field(source.track)
    is_fixed = isinstance(source.track, Commit) and pin.commit != value
    return f"commit {pin.commit}" if is_fixed else f"ref {pin.ref}", f"{kind} {value}"


LOCK_BACK = f"git checkout HEAD -- {LOCK}"
"""What brings the lock back that is lost, where HEAD has it: a pin would be made anew, and recorded as such."""


def put_right(name: SourceName) -> str:
    """Return what mends the pin of *name* that was edited in the lock."""
    return f"{LOCK_BACK}{COMMITTED}git hybrid pin {name}"


def origin_changes(before: Sequence[Pin], new: Pin) -> tuple[str, ...]:
    """Return what is said of a *new* pin that comes from elsewhere than those *before*: a commit does not tell it."""
    if not before or any(same_repository(old.url, new.url) for old in before):
        return ()
    return (f"from {new.url}; it was from {before[-1].url}",)


def pinning(source: Source, pin: Pin | None, *, lost: bool = False) -> str:
    """Return the command that gives *source* a valid pin, in place of *pin* or of one that the lock has *lost*.

    By its name a source moves to the newest commit; without one, a commit that is still allowed stays.
    """
    keeps = lost if pin is None else still_allowed(pin, source)
    return "git hybrid pin" if keeps else f"git hybrid pin {source.name}"


def no_pin(source: Source, pin: Pin | None, *, lost: bool = False) -> NoPin:
    """Return the error for a *source* that has no pin (or has *lost* it), or a *pin* that is not valid."""
    return NoPin(name=source.name, stale=pin is not None, mend=pinning(source, pin, lost=lost))


def with_pins(lock: Lock, *, add: Mapping[SourceName, Pin], drop: frozenset[SourceName]) -> Lock:
    """Return *lock* with the pins of *add* put in and those of *drop* taken out."""
    pins = {name: pin for name, pin in lock.pins.items() if name not in drop}
    pins.update(add)
    return Lock(pins=dict(sorted(pins.items())))


def is_other_repository(old: Sequence[Oid], new: Sequence[Oid]) -> bool:
    """Tell whether two histories have no root in common; one that is not known tells nothing."""
    return bool(old and new) and not set(old) & set(new)
