"""Whether the audit log has all that it goes on from: what is decided by its past needs the archives too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from git_hybrid.core.audit import ROTATED, detail_of, records_of
from git_hybrid.core.canonical import Json
from git_hybrid.core.digest import sha256_hex
from git_hybrid.core.errors import InvalidFile
from git_hybrid.core.files import LOG
from git_hybrid.core.words import BRING_BACK
from git_hybrid.store import chain
from git_hybrid.store.layout import Layout, archives
from git_hybrid.store.parsing import read_bytes

_ROTATION, _BEGINNING = b'"event":"%b"' % ROTATED.encode("ascii"), b'"prev":[]'


def require_archives(layout: Layout) -> None:
    """Raise unless each archive that a record of the log tells of is there, under whatever name, as it was closed.

    Raises:
        InvalidFile: one is not there, or was changed.
        LocalIo: a file cannot be read.
    """
    if (found := _absent(layout)) is not None:
        name, what = found
        why = "the audit log goes on from it, so nobody knows what a pin is held against"
        raise InvalidFile.at(name, "file", f"{what}; {why}", mend=BRING_BACK)


def absent(layout: Layout) -> str:
    """Return which archive is not there as it was closed, as a clause; nothing if all are.

    Raises:
        LocalIo: as above.
    """
    return ", which ".join(_absent(layout) or ())


def _absent(layout: Layout) -> tuple[str, str] | None:
    """Return the name of the first archive that is not there as it was closed, and what is wrong with it."""
    texts = {name: read_bytes(layout.root / name, name) or b"" for name in (LOG, *archives(layout))}
    own = list(_told(LOG, texts[LOG]))
    if not own and texts[LOG] and _BEGINNING not in texts[LOG]:
        return LOG, "does not begin, and tells of no archive that it goes on from"
    told = [*own, *(detail for name, text in texts.items() if name != LOG for detail in _told(name, text))]
    there = {sha256_hex(chain.as_written(text)) for text in texts.values()} if told else set()
    for detail in told:
        if detail.get("sha256") not in there:
            name = f"state/{detail.get('archive')}"
            return name, "was changed after it was closed" if name in texts else "is not there"
    return None


def _told(name: str, text: bytes) -> Iterator[Mapping[str, Json]]:
    """Yield what each record in *text* that goes on from an archive tells of that."""
    for line in text.split(b"\n") if _ROTATION in text else ():
        if _ROTATION in line:
            records = records_of([chain.segment_of(name, line + b"\n")])
            details = (detail_of(record) for record in records if record["event"] == ROTATED)
            yield from (detail for detail in details if "archive" in detail)
