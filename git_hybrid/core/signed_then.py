"""Whose signatures the records of overrides have, also of those that are closed: what a key says is verified. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from git_hybrid.core.approval import Asked, Verify, payload
from git_hybrid.core.audit import Record, detail_of
from git_hybrid.core.canonical import Json
from git_hybrid.core.errors import ToolTooOld
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.manifest import Policy, key_bytes
from git_hybrid.core.override import person
from git_hybrid.core.spent import key_of
from git_hybrid.core.value import Struct
from git_hybrid.core.values import parse_time

Urls = Mapping[tuple[Json, Json], Collection[str]]


class Signed(Struct, frozen=True):
    """The keys of those who signed, as :func:`key_bytes`; ``unable`` says why nothing could be checked, if so."""

    keys: Collection[str]
    unable: str = ""

    def people(self, policy: Policy) -> set[str]:
        """Return which approvers that *policy* knows the keys of have signed."""
        return {person(item.id) for item in policy.approvers if item.key and key_bytes(item.key) in self.keys}


def last_given(record: Record) -> Sequence[Mapping[str, Json]]:
    """Return the approvals that *record* rests on: a renewal has its own, and a bundle brings all there were."""
    people = detail_of(record).get("approvers")
    given = [item for item in people if isinstance(item, Mapping)] if isinstance(people, list) else []
    last = max((str(item.get("at")) for item in given), default="")
    return [item for item in given if str(item.get("at")) == last]


def claimed(record: Record) -> Signed:
    """Return what the signatures of *record* say themselves: anybody can write that."""
    return Signed({key_bytes(key) for key in _keys(record).values()})


def has_signed(record: Record, urls: Urls, known: Iterable[str], verify: Verify) -> Signed:
    """Return what *verify* says of the signatures of *record*, of a source by one of *urls*, or of the *known* ones."""
    try:
        texts = list(_texts(record, dict.fromkeys((*urls.get(_place(record), ()), *known, ""))))
        good = (key for armour, key in _keys(record).items() if any(verify(text, key, armour) for text in texts))
        return Signed({key_bytes(key) for key in good})
    except ToolTooOld as error:
        return Signed((), f"{error.tool} is not installed")


def told_urls(records: Iterable[Record]) -> Urls:
    """Return by source and commit the URLs by which *records* tell that it was pinned."""
    found: dict[tuple[Json, Json], dict[str, None]] = {}
    for record in records:
        if record["event"] == "pin" and "url" in detail_of(record):
            found.setdefault(_place(record), {})[str(detail_of(record)["url"])] = None
    return found


def _place(record: Record) -> tuple[Json, Json]:
    return record.get("source"), record.get("after")


def _keys(record: Record) -> dict[str, str]:
    armours = (item["signature"] for item in last_given(record) if isinstance(item.get("signature"), str))
    return {str(armour): key for armour in armours if (key := key_of(str(armour)))}


def _texts(record: Record, urls: Iterable[str]) -> Iterator[bytes]:
    told = detail_of(record)
    commit = str(record.get("after"))
    try:
        expires = parse_time(str(told.get("expires_at")))
    except ValueError:
        return
    for url in urls:
        # Who captures a lost override again asks to stay at a commit, and the record says where it had come from.
        for before in dict.fromkeys((record.get("before"), record.get("after"))):
            asked = Asked(
                kind="scan" if told.get("kind") == "scan" else "pin",
                source=SourceName(str(record.get("source"))),
                url=url,
                from_commit=None if before is None else Oid(str(before)),
                to_commit=commit,
                request_id=str(told.get("request_id")),
                reason=str(told.get("reason")),
                expires_at=expires,
                findings=_texts_of(told.get("findings")),
                waived=tuple(map(Oid, _texts_of(told.get("waived")))),
            )
            yield payload(asked)


def _texts_of(value: Json) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()
