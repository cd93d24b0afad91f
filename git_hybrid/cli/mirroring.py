"""Wire a mirror folder: where it is, who may write it, and what it says of itself."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from git_hybrid.app.mirror_filling import Mirrored
from git_hybrid.cli.wiring import Session
from git_hybrid.core.endpoints import Mirrors, folder_of, mirror_url, repository_path
from git_hybrid.core.errors import BadArgument, LockBusy
from git_hybrid.core.ids import InvalidText, SourceName, parse_url, shown_url
from git_hybrid.core.mirrors import Inventory, Mirror, plain_url, update_target
from git_hybrid.core.ports_mirror import Claim
from git_hybrid.core.value import Struct
from git_hybrid.core.values import format_time, parse_time
from git_hybrid.core.words import typed
from git_hybrid.git.alive import is_alive
from git_hybrid.git.mirror_folder import GitMirrorFolder
from git_hybrid.git.quarantine import GitQuarantine
from git_hybrid.store import durable
from git_hybrid.store.filelock import Held, longer
from git_hybrid.store.inplace import as_group
from git_hybrid.store.layout import Layout
from git_hybrid.store.mirrorlisting import held, plain_claim, read_claims, read_listing
from git_hybrid.view.mirrorpage import listing, page

_STEP, _PATIENCE = 0.1, 10.0
"""How often is looked whether workers have ended, and how long they may take, in seconds."""


def mirror_folder(target: str, inventory: Inventory, start: Path, layout: Layout) -> Path:
    """Return the folder that *target* means: a recorded mirror, or else a path.

    Raises:
        BadArgument: the mirror is not a folder of this machine, or is the workspace's own.
    """
    folder = _folder(target, inventory, start)
    if layout.owns(folder):
        reason = "is the workspace's own: name a folder of its own for the mirror"
        raise BadArgument(what="mirror", value=target, reason=reason)
    return folder


def _folder(target: str, inventory: Inventory, start: Path) -> Path:
    mirror = inventory.mirrors.get(target)
    if mirror is None:
        _refuse_mistaken(target, inventory, start)
        return Path(os.path.realpath(start / target))
    if (takes := update_target(mirror)) != mirror.name:
        where = "has fields" if "{" in mirror.base_url else "is no folder (file:///…)"
        reason = f"its base URL {where}: update it where the folder is, by the path of that"
        if not takes:
            reason = "is a folder of bundles, into which one is made: git hybrid bundle create -o FILE"
        hint = "git hybrid mirror update DIR" if takes else "git hybrid mirror list"
        raise BadArgument(what="mirror", value=target, reason=reason, hint=hint)
    return Path(os.path.realpath(folder_of(mirror.base_url)))


def _refuse_mistaken(target: str, inventory: Inventory, start: Path) -> None:
    """Raise where *target* is a URL, or is most like the name of a recorded mirror: a folder would be made of it."""
    if "://" in target:
        known = (entry for entry in inventory.mirrors.values() if plain_url(entry.base_url) == plain_url(target))
        recorded = next((entry.name for entry in known), None)
        folder = folder_of(target) if target.startswith("file:///") else "DIR"
        reason = "is a URL: name a recorded mirror, or the folder itself"
        hint = f"git hybrid mirror update {recorded or typed(folder)}"
        raise BadArgument(what="mirror", value=shown_url(target), reason=reason, hint=hint)
    if "/" in target or (start / target).exists():
        return
    if near := get_close_matches(target, inventory.mirrors, n=1):
        reason = f"is no recorded mirror and no folder (for a new one: ./{target}): did you mean {near[0]}?"
        raise BadArgument(what="mirror", value=target, reason=reason, hint=f"git hybrid mirror update {near[0]}")


def own_bases(folder: Path, mirrors: Mirrors) -> tuple[str, ...]:
    """Return which base URLs of *mirrors* are *folder*, however they spell it: with a symbolic link, or with fields."""
    url, name = parse_url("https://host/path"), SourceName("name")
    own, places = str(folder / repository_path(url)), {base: mirror_url(base, url, name) for base in mirrors.entries}
    return tuple(
        base
        for base, place in places.items()
        if place.startswith("file://") and os.path.realpath(folder_of(place)) == own
    )


@contextmanager
def filled(session: Session, folder: Path) -> Iterator[tuple[GitMirrorFolder, Held]]:
    """Be the one writer of *folder* for the block, with a quarantine inside it; yield its lock too.

    Raises:
        LockBusy: a worker of a run that has ended does not end.
    """
    rt, patience = session.runtime, session.settings.lock_timeout
    with held(folder, rt.info, timeout=patience, cancelled=rt.cancelled) as lock:
        if home := _at_work(folder, patience.total_seconds(), rt.cancelled):
            rt.stop_if_cancelled()
            holder = "a worker of a run that has ended"
            raise LockBusy(path=str(home), holder=holder, longer=longer(patience))
        try:
            with staged(session, folder) as mirror:
                mirror.quarantine.clean(lambda _name, _path: False)
                yield mirror, lock
        finally:
            # Workers see that the run is over: whoever comes next, and whoever reads, finds them at an end.
            _at_work(folder, _PATIENCE, lambda: 0)


def _at_work(folder: Path, seconds: float, cancelled: Callable[[], int]) -> Path | None:
    """Return the folder of a run that is at work in the mirror *folder*; None once there is none, within *seconds*."""
    end = time.monotonic() + seconds
    while home := next((path for path in sorted(folder.glob(".incoming/*")) if is_alive(path)), None):
        if cancelled() or time.monotonic() > end:
            return home
        time.sleep(_STEP)
    return None


@contextmanager
def staged(session: Session, folder: Path, ended: Callable[[], int] = lambda: 0) -> Iterator[GitMirrorFolder]:
    """Yield the mirror folder at *folder*, with a quarantine of this run inside it.

    *ended* returns the number of a signal once the run that it is filled for is over, else 0.
    """
    run = session.runtime.info.run
    quarantine = GitQuarantine(disk=durable, folder=folder, run=run, is_mirror=True, shared=as_group)
    try:
        yield GitMirrorFolder(
            runner=session.runner, disk=durable, folder=folder, quarantine=quarantine, run=run, ended=ended
        )
    finally:
        quarantine.close()


class Claimant(Struct, frozen=True, kw_only=True):
    """A workspace that fills a mirror folder: the id of its audit *log*, and what its lock needs there, by path."""

    log: str
    claims: Sequence[tuple[str, Claim]]

    def others(self, folder: Path) -> dict[str, list[Claim]]:
        """Return what other locks need of the repositories in *folder*, by path, as it tells."""
        return {
            str(item.get("path")): [claim for claim in read_claims(item) if self._is_other(item, claim)]
            for item in read_listing(folder)
        }

    def renewed(self, item: dict[str, Any], failed: Collection[SourceName]) -> list[dict[str, Any]]:
        """Return what each lock needs of the repository *item*; what this one did of sources that *failed* stays."""
        there = [claim for claim in read_claims(item) if claim.source in failed or self._is_other(item, claim)]
        own = [claim for path, claim in self.claims if path == item["path"] and claim.source not in failed]
        return [plain_claim(claim, claim.log or self.log) for claim in (*there, *(own if self.log else ()))]

    def _is_other(self, item: dict[str, Any], claim: Claim) -> bool:
        """Tell whether the *claim* on the repository *item* is of another lock than this one.

        A source that this workspace pinned by another ref before is pinned by that on another branch of it, or in an
        old release. What it has removed it needs no more.
        """
        own = [known for path, known in self.claims if path == item.get("path")]
        has_moved = claim.source in {known.source for known in own} and claim.ref not in {known.ref for known in own}
        return claim.log != self.log or has_moved


def described(
    folder: Path,
    mirror: GitMirrorFolder,
    found: Sequence[Mirrored],
    now: datetime,
    claimant: Claimant,
    failed: Collection[SourceName],
) -> tuple[dict[str, Any], str]:
    """Return the listing of *folder* and its page: what this run looked at, and what others put there.

    What the *claimant* needs is told anew, but of the sources that *failed*.

    What came of another folder was compared with upstream when that was, as far as it tells.
    """
    asked = {item.base: _compared(item.base) for item in found if item.base is not None}
    known = {str(item.get("path")): item for item in read_listing(folder) if _is_whole(item)}
    entries = {path: item for path, item in known.items() if mirror.has(path)}
    for item in found:
        before, checked = entries.get(item.path, {}), format_time(now)
        if (told := asked.get(item.base or "", {}).get(item.path)) is not None:
            checked = min(checked, max(format_time(told), before.get("checked_at", "")))
        entries[item.path] = {
            "path": item.path,
            "url": item.url,
            "head": item.holding.head,
            "refs": dict(sorted(item.holding.refs.items())),
            "pins": sorted(item.holding.pins),
            "sources": sorted({*before.get("sources", ()), item.source}),
            "checked_at": checked,
            "changed_at": format_time(now) if item.changed or not before else before["changed_at"],
            "missing": list(item.missing) if item.changed else list(before.get("missing", ())),
            "claims": before.get("claims", []),
        }
    for entry in entries.values():
        entry["claims"] = claimant.renewed(entry, failed)
    document = listing(list(entries.values()))
    return document, page(document)


def compared_at(mirror: Mirror) -> dict[str, datetime]:
    """Return when each repository of *mirror* was last compared with upstream, by its path; only folders tell that."""
    return {} if mirror.kind == "bundle" else _compared(mirror.base_url)


def _compared(base: str) -> dict[str, datetime]:
    if not base.startswith("file:///") or "{" in base:
        return {}
    found: dict[str, datetime] = {}
    for item in read_listing(Path(folder_of(base))):
        if _is_whole(item):
            with suppress(InvalidText):
                found[item["path"]] = parse_time(item["checked_at"])
    return found


def _is_whole(item: dict[str, Any]) -> bool:
    texts = all(isinstance(item.get(key), str) for key in ("path", "url", "checked_at", "changed_at"))
    lists = all(
        isinstance(item.get(key), list) and all(isinstance(text, str) for text in item[key])
        for key in ("pins", "sources", "missing")
    )
    refs = item.get("refs")
    if not isinstance(refs, dict) or not all(isinstance(oid, str) for oid in refs.values()):
        return False
    *folders, _ = parts = str(item["path"]).split("/")
    inside = any(part in ("", ".", "..") for part in parts) or any(part.endswith(".git") for part in folders)
    return texts and lists and not inside
