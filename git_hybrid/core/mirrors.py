"""The inventory of mirrors: who runs them, what they were found to hold, and how old that knowledge is.

The age of a source on a mirror is the time since the mirror was last found to hold its pin, with the pinned content and
not behind the newest upstream commit that is known (``mirror verify``). A check that finds less leaves that time as it
was, so a mirror that is no longer refreshed grows old however often it is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

from git_hybrid.core.ahead import APART
from git_hybrid.core.canonical import Json, canonical_json
from git_hybrid.core.digest import sha256_hex
from git_hybrid.core.endpoints import mirror_url
from git_hybrid.core.ids import Oid, SourceName, Url
from git_hybrid.core.manifest import Policy
from git_hybrid.core.value import Struct, field, replace
from git_hybrid.core.values import format_time

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

PAGE_TITLE = "Mirrored repositories"
"""The title of the page of a mirror folder, by which it is known as one."""

MirrorKind = Literal["mirror", "bundle"]
"""``mirror`` serves repositories below its base URL; ``bundle`` is a folder of ``<name>.bundle`` files."""


class Held(Struct, frozen=True, kw_only=True):
    """What one mirror was found to hold of one source.

    ``commit`` is the commit that was looked for; ``checked_at`` is when it was last found there, whole and not behind;
    ``ok``: so it was at the last check.
    """

    commit: Oid
    checked_at: datetime
    ok: bool


class Mirror(Struct, frozen=True, kw_only=True):
    """One entry of the inventory; ``verified_at`` is None until it was first verified."""

    name: str
    base_url: str
    kind: MirrorKind
    owner: str
    added_at: datetime
    added_by: str
    verified_at: datetime | None = None
    sources: Mapping[SourceName, Held] = field(default_factory=dict)
    audit_hash: str | None = None


def mirror_table(mirror: Mirror) -> dict[str, Json]:
    """Return an entry as plain values, without the record that binds it; what is not known yet stands as null."""
    sources: dict[str, Json] = {
        name: {"commit": held.commit, "checked_at": format_time(held.checked_at), "ok": held.ok}
        for name, held in mirror.sources.items()
    }
    return {
        "name": mirror.name,
        "base_url": mirror.base_url,
        "kind": mirror.kind,
        "owner": mirror.owner,
        "added_at": format_time(mirror.added_at),
        "added_by": mirror.added_by,
        "verified_at": None if mirror.verified_at is None else format_time(mirror.verified_at),
        "sources": sources,
    }


def mirror_digest(mirror: Mirror) -> str:
    """Return the digest that the audit log keeps of an entry: 64 hex digits over everything but ``audit_hash``."""
    return sha256_hex(canonical_json(mirror_table(mirror)))


def unasked(mirror: Mirror) -> Mirror:
    """Return the entry as if the mirror had never been asked what it has."""
    return replace(mirror, verified_at=None, sources={})


class Incomplete(Struct, frozen=True, kw_only=True):
    """An entry that lacks fields: it is kept as it stands, and nothing relies on it."""

    place: str
    name: str
    lacking: tuple[str, ...]
    plain: Mapping[str, Json]


class Inventory(Struct, frozen=True, kw_only=True):
    """The whole file; mirrors in order of their names."""

    mirrors: Mapping[str, Mirror] = field(default_factory=dict)
    incomplete: tuple[Incomplete, ...] = ()


NO_MIRRORS = Inventory()


def with_mirrors(inventory: Inventory, *, put: Mapping[str, Mirror], drop: frozenset[str]) -> Inventory:
    """Return *inventory* with the entries of *put* replaced and those of *drop* taken out, incomplete ones too."""
    mirrors = {name: entry for name, entry in inventory.mirrors.items() if name not in drop}
    mirrors.update(put)
    left = tuple(entry for entry in inventory.incomplete if entry.name not in drop and entry.name not in put)
    return Inventory(mirrors=dict(sorted(mirrors.items())), incomplete=left)


def served_url(mirror: Mirror, url: Url, name: SourceName) -> str:
    """Return where *mirror* serves the source *name* at *url*."""
    if mirror.kind == "bundle":
        return f"{mirror.base_url.rstrip('/')}/{name}.bundle"
    return mirror_url(mirror.base_url, url, name)


def update_target(mirror: Mirror) -> str:
    """Return what ``mirror update`` takes for *mirror*: its name, or DIR where only those who fill it know the folder.

    Nothing for a folder of bundles, which git makes.
    """
    if mirror.kind == "bundle":
        return ""
    return mirror.name if mirror.base_url.startswith("file:///") and "{" not in mirror.base_url else "DIR"


def serving(inventory: Inventory, served_by: str, url: Url, name: SourceName) -> Mirror | None:
    """Return the mirror of the inventory that *served_by* is a URL of, or None if none is."""
    served = plain_url(served_by)
    entries = inventory.mirrors.values()
    # What a bundle file that this program wrote is called says nothing of what it carries.
    folder = served.rpartition("/")[0]
    return next(
        (
            entry
            for entry in entries
            if plain_url(served_url(entry, url, name)) == served
            or (entry.kind == "bundle" and plain_url(entry.base_url) == folder)
        ),
        None,
    )


def plain_url(url: str) -> str:
    """Return *url* as it is compared: of a folder ``.``, ``..`` and doubled slashes are gone, of all the last slash.

    The case of a host does not count.
    """
    if not url.startswith("file://"):
        scheme, separator, rest = url.rstrip("/").partition("://")
        server, slash, path = rest.partition("/")
        user, at, host = server.rpartition("@")
        return f"{scheme}{separator}{user}{at}{host.lower()}{slash}{path}"
    parts: list[str] = []
    for part in url.removeprefix("file://").split("/"):
        if part == "..":
            parts[-1:] = []
        elif part not in ("", "."):
            parts.append(part)
    return f"file:///{'/'.join(parts)}"


def age(mirror: Mirror, name: SourceName, now: datetime) -> timedelta:
    """Return how long ago *mirror* was last known to be current for the source *name*.

    Counted from the last check that found the source well, else from when the mirror was last verified or added. A
    time that is still to come was written by a clock that was wrong, and does not count.
    """
    held = mirror.sources.get(name)
    checked = mirror.verified_at if held is None else held.checked_at
    times = (time for time in (checked, mirror.added_at) if time is not None and time - now <= APART)
    return max(now - next(times, _EPOCH), timedelta(0))


class Finding(Struct, frozen=True, kw_only=True):
    """What a check of one source on one mirror came to: the commit that was looked for, and whether all was well.

    ``as_of`` is when the mirror itself says that it was compared with upstream, where upstream was not asked.
    """

    commit: Oid
    ok: bool
    as_of: datetime | None = None


def verified(mirror: Mirror, findings: Mapping[SourceName, Finding], now: datetime) -> Mirror:
    """Return *mirror* after a check; sources that the check did not reach keep what was known of them.

    What is well there is as old as the last time that anybody compared it with upstream.
    """
    sources = dict(mirror.sources)
    for name, found in findings.items():
        before = sources.get(name)
        known = (mirror.verified_at or mirror.added_at) if before is None else before.checked_at
        if found.ok:
            as_of = found.as_of or now
            # What an earlier check found stays found, however old the mirror says that it is.
            known = min(now, as_of if before is None else max(as_of, known))
        sources[name] = Held(commit=found.commit, checked_at=known, ok=found.ok)
    return replace(mirror, verified_at=now, sources=dict(sorted(sources.items())))


def unwell(inventory: Inventory) -> frozenset[SourceName]:
    """Return the sources that the last check of a mirror did not find well there."""
    known = inventory.mirrors.values()
    return frozenset(name for mirror in known for name, held in mirror.sources.items() if not held.ok)


def late(mirror: Mirror, policy: Policy, now: datetime) -> tuple[SourceName, ...]:
    """Return the sources that *mirror* is behind with, or was not found current with for longer than policy allows."""
    limit = policy.mirror_max_staleness
    return tuple(name for name, held in mirror.sources.items() if not held.ok or age(mirror, name, now) > limit)
