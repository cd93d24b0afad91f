"""What the files have otherwise than a decision had found it: a pull that came in between is not written over. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from git_hybrid.core.audit import Event
from git_hybrid.core.canonical import Json
from git_hybrid.core.lock import Pin, pin_digest
from git_hybrid.core.mirrors import Mirror, mirror_digest
from git_hybrid.core.override import Override, digest
from git_hybrid.core.reducer import Decision, Files, about, event_key, record_key
from git_hybrid.core.value import Struct, replace

OVERTAKEN = "overtaken"
"""The error code of what somebody else changed in between, also in the audit log."""


class _Item(Struct, frozen=True, kw_only=True):
    """A table or a record that a decision changes, whose it is, and the digests of it as it stands and as it will.

    A digest is None where there is none.
    """

    of: str
    key: str
    now: str | None
    made: str | None

    def is_free(self, base: Mapping[str, str | None]) -> bool:
        """Tell whether it stands as *base* has it, or as it is to be; what is not in that may have been anything."""
        return self.now == self.made or self.now == base.get(self.key, "")


def based(decision: Decision, files: Files) -> Decision:
    """Return *decision* with what *files*, from which it was made, have of all that it changes."""
    return replace(decision, base={item.key: item.now for item in _items(decision, files)})


def overtaken(decision: Decision, files: Files) -> frozenset[str]:
    """Return of which sources and mirrors *files* have neither what *decision* was made from nor what it makes.

    One that edits the manifest too is one with all that it changes. One that an older version left in a journal does
    not tell what it was made from, and stands.
    """
    base = decision.base
    items = () if base is None else _items(decision, files)
    names = frozenset(item.of for item in items if base is not None and not item.is_free(base))
    return names if not names or decision.manifest is None else frozenset(item.of for item in items)


def remaining(decision: Decision, files: Files, *, written: Sequence[Mapping[str, Json]]) -> Decision:
    """Return what is still to be written of *decision*: nothing of what was overtaken, but a record that tells so.

    An override whose record is among those *written* goes into its file all the same where that has not changed: the
    log is never cut, and a file that lacks what it tells is a breach.
    """
    names, base = overtaken(decision, files), decision.base
    if not names or base is None:
        return decision
    known = {record_key(record) for record in written}
    events = [event for event in decision.events if _of(event) not in names or event_key(event) in known]
    told = {about(event.detail) for event in events}
    free = {item.key for item in _items(decision, files) if item.of not in names or item.is_free(base)}
    sources = sorted({event.source for event in decision.events if event.source is not None} & names)
    ends = [Event(event="failed", source=name, detail={"error": OVERTAKEN, "pending": False}) for name in sources]
    return Decision(
        events=[*events, *ends],
        entries={name: entry for name, entry in decision.entries.items() if name not in names},
        pins={name: pin for name, pin in decision.pins.items() if name not in names},
        dropped=decision.dropped - names,
        overrides={key: item for key, item in decision.overrides.items() if key in told and _override(key) in free},
        reports={name: sha256 for name, sha256 in decision.reports.items() if name not in names},
        mirrors={name: entry for name, entry in decision.mirrors.items() if name not in names},
        dropped_mirrors=decision.dropped_mirrors - names,
    )


def _items(decision: Decision, files: Files) -> tuple[_Item, ...]:
    pins, overrides, mirrors = files.lock.pins, files.overrides.records, files.mirrors.mirrors
    return (
        *(
            _Item(of=name, key=f"pin {name}", now=_pin(pins.get(name)), made=_pin(decision.pins.get(name)))
            for name in decision.pins.keys() | decision.dropped
        ),
        *(
            _Item(of=item.source, key=_override(key), now=_record(overrides.get(key)), made=_record(item))
            for key, item in decision.overrides.items()
        ),
        *(
            _Item(of=name, key=f"mirror {name}", now=_entry(mirrors.get(name)), made=_entry(decision.mirrors.get(name)))
            for name in decision.mirrors.keys() | decision.dropped_mirrors
        ),
    )


def _override(key: str) -> str:
    return f"override {key}"


def _pin(pin: Pin | None) -> str | None:
    return None if pin is None else pin_digest(pin)


def _record(override: Override | None) -> str | None:
    return None if override is None else digest(override)


def _entry(mirror: Mirror | None) -> str | None:
    return None if mirror is None else mirror_digest(mirror)


def _of(event: Event) -> str:
    return event.source or about(event.detail)
