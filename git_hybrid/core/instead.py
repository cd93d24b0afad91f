"""What a source may follow in place of what cannot be had: what is hinted at must not be refused in its turn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from git_hybrid.core.endpoints import same_repository
from git_hybrid.core.errors import MovedTag, OffBranch, RefMissing
from git_hybrid.core.ids import RefName, tag_ref
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Source
from git_hybrid.core.ports import RemoteRefs
from git_hybrid.core.resolve import Candidate, is_older_version, newer_release


@contextmanager
def instead(pin: Pin | None, refs: RemoteRefs, source: Source) -> Iterator[None]:
    """Let what is raised in the block, where *refs* were listed, tell what *source* may follow that is pinned at *pin*.

    An older version than the pinned one is none of that: a pin goes back by an approval alone.
    """
    try:
        yield
    except MovedTag as error:
        error.newer = newer_release(Candidate(ref=RefName(error.tag), commit=None), refs) or ""
        raise
    except (OffBranch, RefMissing) as error:
        if pin is not None and same_repository(pin.url, source.url):
            _from(error, pin)
        raise


def _from(error: OffBranch | RefMissing, pin: Pin) -> None:
    if isinstance(error, OffBranch):
        error.tag = "" if is_older_version(pin.ref, tag_ref(error.tag)) else error.tag
        return
    error.pinned = pin.commit
    # Of a range of versions the newest release is told, whatever it is, and not hinted at.
    if not error.ref.startswith("version "):
        error.nearest = tuple(ref for ref in error.nearest if not is_older_version(pin.ref, RefName(ref)))
