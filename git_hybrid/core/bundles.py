"""Bundle files that carry sources across an air gap: what is in one, what a receipt says, who may follow whom. Pure.

The files are read and written by :mod:`git_hybrid.store.bundlefile`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from git_hybrid.core.digest import sha256_hex
from git_hybrid.core.endpoints import same_repository
from git_hybrid.core.errors import BundleConflict, DuplicateSource, HostNotAllowed, HybridError, MovedTag, Offline
from git_hybrid.core.files import LOCK, MANIFEST
from git_hybrid.core.ids import Oid, SourceName, Url, branch_ref
from git_hybrid.core.lock import Lock, Pin
from git_hybrid.core.manifest import Manifest, Source, allows_host
from git_hybrid.core.override import Overrides, Trail
from git_hybrid.core.plan import Unfinished
from git_hybrid.core.removals import Removal
from git_hybrid.core.state import ScanTrail, SourceState, State
from git_hybrid.core.value import Struct, field, replace

Kind = Literal["full", "thin", "present"]
"""``full`` has all history, ``thin`` what came after a commit that is there already, ``present`` needs nothing."""

SERVED = "bundle:"
"""What ``served_by`` starts with where a bundle file served; the file's SHA-256 follows."""


SUBMODULE_REF = branch_ref("hybrid-submodule")
"""What the commit of a submodule is called in its git bundle: which of upstream's refs has it depends on the day."""
_SUBMODULES, _CONTENTS = "submodules/", "lfs/"
_SHOWN = 10
"""So much of the SHA-256 of a bundle file is told, in characters."""


class Standing(Struct, frozen=True):
    """A submodule that stands in the clone of a source; ``place`` tells its path there (:func:`place_of`)."""

    place: str
    url: str
    commit: Oid


class Had(Struct, frozen=True, kw_only=True):
    """What a receipt says of one source: a commit, with all of its history, that stands on the other side.

    ``submodules`` stand there with it; ``contents`` are the ids of the Git LFS content that it names and that is there.
    """

    url: str
    tip: Oid
    commit: Oid
    submodules: frozenset[Standing] = frozenset()
    contents: frozenset[str] = frozenset()


class Receipt(Struct, frozen=True, kw_only=True):
    """What one workspace has, for the next bundle that is made for it."""

    sources: Mapping[SourceName, Had] = field(default_factory=dict)


class Carried(Struct, frozen=True, kw_only=True):
    """One source of a bundle; ``prerequisites`` are the commits that must be there already."""

    name: SourceName
    kind: Kind
    prerequisites: tuple[Oid, ...] = ()


class LogEnd(Struct, frozen=True, kw_only=True):
    """Where the audit log of a bundle ends: the log's random id, the last number, the hashes that nobody names yet."""

    log_id: str = ""
    seq: int = 0
    heads: tuple[str, ...] = ()


class BundleContent(Struct, frozen=True, kw_only=True):
    """What a bundle file says, read and found to be whole; ``sha256`` is the whole file's.

    ``removed`` are the sources that its log has removed, by name; ``scan_trail`` is what its log tells of scans.
    ``inside`` has the keys of the submodules and of the content of Git LFS (:func:`key_of_submodule`,
    :func:`key_of_content`); None where the file has a form without.
    """

    path: str
    sha256: str
    carried: tuple[Carried, ...]
    manifest_text: str
    manifest: Manifest
    lock: Lock
    state: State
    log: LogEnd
    overrides: Overrides = field(default_factory=Overrides)
    trail: Trail = field(default_factory=Trail)
    scan_trail: ScanTrail = field(default_factory=ScanTrail)
    signer: str | None = None
    removed: Mapping[str, Removal] = field(default_factory=dict)
    inside: frozenset[str] | None = None


def key_of_submodule(url: Url, commit: Oid) -> str:
    """Return what stands for the repository at *url* with *commit* where bundles are asked: no source has a slash."""
    return _SUBMODULES + sha256_hex(f"{url}\n{commit}".encode())


def key_of_content(sha256: str) -> str:
    """Return what stands for an object of Git LFS where bundles are asked."""
    return _CONTENTS + sha256


def is_content(key: str) -> bool:
    """Tell whether *key* stands for an object of Git LFS."""
    return key.startswith(_CONTENTS)


def is_inside(key: str) -> bool:
    """Tell whether *key* stands for a submodule or for an object of Git LFS, and not for a source."""
    return key.startswith((_SUBMODULES, _CONTENTS))


def place_of(path: str) -> str:
    """Return the SHA-256 of the *path* of a submodule in its source, whatever bytes that has."""
    return sha256_hex(path.encode("utf-8", "surrogateescape"))


def tip_of(pin: Pin) -> Oid:
    """Return the object that the pin's ref names: the tag object of an annotated tag, else the commit."""
    return pin.tag_object or pin.commit


def with_carrier(error: HybridError, entry: SourceState | None, pin: Pin | None) -> HybridError:
    """Return *error*; where the network was forbidden it tells what can be carried: which bundle brought the source.

    *entry* is what state has of it. The bundle has *pin* only if that is what was installed; None asks for news.
    """
    if not isinstance(error, Offline) or entry is None or (pin is not None and pin.commit != entry.commit):
        return error
    served_by = entry.served_by or ""
    if served_by.startswith(SERVED):
        error.brought, error.is_news = served_by.removeprefix(SERVED)[:_SHOWN], pin is None
    return error


def had(receipt: Receipt, pin: Pin) -> Had | None:
    """Return what the other side has of the source of *pin*, or None if it has nothing of that repository."""
    found = receipt.sources.get(pin.source)
    return found if found is not None and found.url == str(pin.url) else None


def may_join(content: BundleContent, manifest: Manifest) -> dict[SourceName, HybridError]:
    """Return why sources of the bundle may not become part of a workspace with *manifest*, by name."""
    refused: dict[SourceName, HybridError] = {}
    for name, source in content.manifest.sources.items():
        if name not in content.lock.pins:
            continue
        error = _refusal(source, manifest)
        if error is not None:
            refused[name] = error
    return refused


def _refusal(source: Source, manifest: Manifest) -> HybridError | None:
    here = manifest.sources.get(source.name)
    if here is not None and here.url != source.url:
        return BundleConflict(name=source.name, here=str(here.url), there=str(source.url))
    twin = next((name for name in manifest.sources if name.casefold() == source.name.casefold()), source.name)
    if twin != source.name:
        return DuplicateSource(name=source.name, taken_by=twin)
    if not allows_host(manifest.policy, source.url):
        return HostNotAllowed(name=source.name, host=source.url.host)
    return None


def moved(old: Pin | None, new: Pin) -> MovedTag | None:
    """Return the error for a tag that is another one than the pinned one, or None."""
    if old is None or old.ref != new.ref or not new.ref.startswith("refs/tags/"):
        return None
    if tip_of(old) == tip_of(new) or not same_repository(old.url, new.url):
        return None
    commits = {"old_commit": old.commit, "new_commit": new.commit}
    return MovedTag(name=new.source, tag=new.ref, old=tip_of(old), new=tip_of(new), **commits)


def edits(content: BundleContent, manifest: Manifest) -> tuple[list[SourceName], list[Source]]:
    """Return which entries of *manifest* give way, and which of the bundle's come in their place or anew."""
    wanted = [source for name, source in content.manifest.sources.items() if name in content.lock.pins]
    new = [source for source in wanted if manifest.sources.get(source.name) != source]
    return [source.name for source in new if source.name in manifest.sources], new


def begun(content: BundleContent, manifest: Manifest) -> list[Source]:
    """Return the sources of the bundle that *manifest* has no entry of, by name."""
    return [content.manifest.sources[name] for name in sorted(content.lock.pins) if name not in manifest.sources]


def changed_pins(content: BundleContent, lock: Lock) -> dict[SourceName, Pin]:
    """Return the pins of the bundle that *lock* does not have as they are."""
    return {name: pin for name, pin in content.lock.pins.items() if lock.pins.get(name) != pin}


def as_seen(theirs: Lock, ours: Lock) -> Lock:
    """Return the lock of a bundle; what is pinned here already was first seen when this side says so."""
    pins = dict(theirs.pins)
    for name, pin in ours.pins.items():
        if name in pins and pins[name].commit == pin.commit:
            pins[name] = replace(pins[name], first_seen=pin.first_seen)
    return replace(theirs, pins=pins)


def goes_on(content: BundleContent, lock: Lock, run: Unfinished) -> bool:
    """Tell whether to apply the bundle is to go on with *run*: that is an apply, and it has pins of the bundle left.

    They are those of *lock*: an apply records all pins before it brings the first clone to one.
    """
    is_apply, theirs = " bundle apply " in f"{run.command} ", content.lock.pins
    return is_apply and all(task.name in theirs and theirs[task.name] == lock.pins.get(task.name) for task in run.tasks)


def mismatch(content: BundleContent) -> tuple[str, str] | None:
    """Return the first place where the parts of a bundle do not agree, and what is wrong there; None if all do."""
    from_lock, from_list = set(content.lock.pins), {item.name for item in content.carried}
    for name in sorted(from_lock ^ from_list):
        return "inventory.json", f"{name} is not both in the list of sources and in the lock"
    lost = sorted(content.lock.pins.keys() - content.manifest.sources.keys())
    return (LOCK, f"{lost[0]} has no entry in {MANIFEST}") if lost else None
