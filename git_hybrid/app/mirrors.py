"""``git hybrid mirror add`` and ``remove``: the inventory of mirrors."""

from __future__ import annotations

from collections.abc import Sequence

from git_hybrid.app.runtime import Runtime
from git_hybrid.app.settling import deciding
from git_hybrid.core.audit import Event
from git_hybrid.core.canonical import Json
from git_hybrid.core.errors import DuplicateMirror, UnknownMirror
from git_hybrid.core.ids import SourceName
from git_hybrid.core.mirror_told import mirror_event
from git_hybrid.core.mirrors import Inventory, Mirror, MirrorKind, serving, with_mirrors
from git_hybrid.core.reducer import Decision
from git_hybrid.core.state import SourceState
from git_hybrid.core.value import replace


def add_mirror(rt: Runtime, *, name: str, base_url: str, owner: str, kind: MirrorKind) -> Mirror:
    """Record a mirror and return its entry; the same mirror twice is no error, and an incomplete entry is completed.

    Raises:
        DuplicateMirror: the name is taken by another mirror.
        UnfinishedRun: an interrupted run has to be finished first.
    """
    with deciding(rt) as snapshot:
        taken = snapshot.mirrors.mirrors.get(name)
        if taken is not None:
            if (taken.base_url, taken.owner, taken.kind) == (base_url, owner, kind):
                return taken
            raise DuplicateMirror(mirror=name, base_url=taken.base_url)
        entry = Mirror(
            name=name, base_url=base_url, kind=kind, owner=owner, added_at=rt.info.now, added_by=rt.info.operator
        )
        told = mirror_event("mirror-add", entry, {"base_url": base_url, "kind": kind, "owner": owner})
        rt.ledger.record(rt.info, Decision(events=[told], mirrors={name: entry}), ())
        return entry


def remove_mirrors(rt: Runtime, names: Sequence[str]) -> None:
    """Take mirrors out of the inventory; what they serve is not touched.

    State no longer names them as those that served what is installed: nobody could take out one that is gone for good,
    which a check would demand again. The audit log goes on telling it. What an interrupted run had decided to take out
    is out by then.

    Raises:
        UnknownMirror: a name is not in the inventory.
        UnfinishedRun: an interrupted run has to be finished first.
    """
    with deciding(rt) as snapshot:
        names = [
            name for name in names if name not in rt.ledger.finished.dropped_mirrors - snapshot.mirrors.mirrors.keys()
        ]
        if not names:
            return
        incomplete = {entry.name for entry in snapshot.mirrors.incomplete}
        chosen(snapshot.mirrors, [name for name in names if name not in incomplete])
        left = with_mirrors(snapshot.mirrors, put={}, drop=frozenset(names))
        served: dict[str, list[Json]] = {}
        entries: dict[SourceName, SourceState] = {}
        for item in snapshot.state.sources.values():
            mirror = serving(snapshot.mirrors, item.served_by or "", item.url, item.name)
            if mirror is not None and serving(left, item.served_by or "", item.url, item.name) is None:
                served.setdefault(mirror.name, []).append(item.name)
                entries[item.name] = replace(item, served_by=None)
        told = [(name, {"served": served[name]} if name in served else {}) for name in dict.fromkeys(names)]
        events = [Event(event="mirror-remove", detail={"mirror": name, **more}) for name, more in told]
        decision = Decision(events=events, entries=entries, dropped_mirrors=frozenset(names))
        rt.ledger.record(rt.info, decision, ())


def chosen(found: Inventory, names: Sequence[str]) -> tuple[Mirror, ...]:
    """Return the mirrors of *names*.

    Raises:
        UnknownMirror: one is not in the inventory.
    """
    unknown = tuple(dict.fromkeys(name for name in names if name not in found.mirrors))
    if unknown:
        from difflib import get_close_matches

        near = dict.fromkeys(match for name in unknown for match in get_close_matches(name, found.mirrors, n=1))
        raise UnknownMirror(names=unknown, nearest=tuple(near))
    return tuple(found.mirrors[name] for name in dict.fromkeys(names))
