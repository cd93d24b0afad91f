"""Where a pin stood last, as the audit log has it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from git_hybrid.core.audit import DIGEST, RESTS_ON, TRACKS, Record, detail_of
from git_hybrid.core.canonical import Json
from git_hybrid.core.endpoints import repository_key, same_repository
from git_hybrid.core.ids import InvalidText, Oid, RefName, SourceName, Url, parse_url
from git_hybrid.core.last_told import Last, last_told
from git_hybrid.core.lock import UNREACHABLE, Pin, is_valid, pin_digest
from git_hybrid.core.manifest import Source, track_field
from git_hybrid.core.values import parse_time

DESCENDS = "descends"
"""What a record tells of a pin that has the one before in its history, though its version is the older one."""
_ROOTS = "root_commits"
_PINNED = frozenset({"pin", "override", "bundle-apply"})
ANEW = frozenset({"add", "remove", "prune"})
"""The events with which a source begins or ends: what stood before them is compared with nothing.

Whatever puts a source into the manifest or takes it out records one of them; by hand no source begins anew.
"""


def pinned_as(pin: Pin, source: Source) -> dict[str, Json]:
    """Return the details with which a record tells of *pin*: its evidence, and what the entry of *source* asked for."""
    key, value = track_field(source.track)
    return {**_evidence(pin), DIGEST: pin_digest(pin), key: value}


def _evidence(pin: Pin) -> dict[str, Json]:
    told: dict[str, Json] = {"url": str(pin.url), "ref": pin.ref, "tree": pin.tree}
    roots: dict[str, Json] = {_ROOTS: list(pin.root_commits)} if pin.root_commits else {}
    return {**told, "content_sha256": pin.content_sha256, **roots}


def untold(record: Record, pin: Pin, source: Source | None = None) -> str:
    """Return what *pin* has otherwise than *record*, which is of its commit, tells: one of its keys; nothing if none.

    It is the digest if that alone differs, or what the entry asks for, if *source* is known. One that an older version
    wrote has none, and tells less.
    """
    told, has_table = detail_of(record), DIGEST in detail_of(record)
    if has_table and is_of(record, pin):
        return _otherwise(told, pin, source)
    wrong = (key for key, value in _evidence(pin).items() if told.get(key, value) != value)
    return next(wrong, DIGEST if has_table else "")


def _otherwise(told: Mapping[str, Json], pin: Pin, source: Source | None) -> str:
    """Return which key a record that has the digest of *pin* *told* otherwise: all of it comes from the same table.

    The roots of the history alone are told only since later than the digest.
    """
    roots: dict[str, Json] = {_ROOTS: list(pin.root_commits)}
    # What names no override is judged as such, whatever the lock has.
    beside = roots | {RESTS_ON: pin.override}
    for key, value in {**_evidence(pin), **beside}.items():
        if told.get(key, value if key in beside else None) != value:
            return key
    key, value = ("", None) if source is None else track_field(source.track)
    # To ask whether the pin is of that entry takes longer.
    return DIGEST if source is not None and told.get(key) != value and is_valid(pin, source) else ""


def as_locked(
    records: Mapping[str, Record], pins: Mapping[SourceName, Pin], sources: Mapping[SourceName, Source]
) -> Mapping[str, Record]:
    """Return *records* where those with the digest of one of *pins* tell what that has, whatever they say.

    So nobody who judges how a pin came where it stands goes by a lie.
    """
    false = dict[str, Record]()
    for digest, record in records.items():
        pin = pins.get(SourceName(str(record.get("source")))) if record["event"] == "pin" else None
        if pin is None or record.get("after") != pin.commit:
            continue
        told, source = detail_of(record), sources.get(pin.source)
        if _otherwise(told, pin, source) and is_of(record, pin):
            own = pinned_as(pin, source) if source is not None and is_valid(pin, source) else _evidence(pin)
            left = {_ROOTS, *(TRACKS if DIGEST in own else ()), *((RESTS_ON,) if pin.override is None else ())}
            false[digest] = {**record, "detail": {key: told[key] for key in told if key not in left} | own}
    return {**records, **false} if false else records


def is_of(record: Record, pin: Pin) -> bool:
    """Tell whether *record* has the digest of the table of *pin*."""
    return detail_of(record).get(DIGEST) == pin_digest(pin)


def has_digest(record: Record) -> bool:
    """Tell whether *record* is of a pin, and binds its whole table."""
    return record["event"] == "pin" and DIGEST in detail_of(record)


def binding(records: Iterable[Record]) -> Iterator[Record]:
    """Yield those of *records* that bear out a pin, in the order of the log.

    Once a record has told the digest of a pin, no other that tells less does: it would bear out any table.
    """
    is_bound = False
    for record in records:
        is_bound = is_bound or has_digest(record)
        if has_digest(record) or (record["event"] in _PINNED and not is_bound):
            yield record


def last_pins(records: Mapping[str, Record], names: Collection[str], *, ends: Collection[str] = ()) -> Last:
    """Return the records that pinned each of *names* last; what an event of *ends* follows counts no more."""

    def about(record: Record) -> str | None:
        name, event = str(record.get("source")), record["event"]
        return name if name in names and (event == "pin" or event in ends) else None

    return last_told(records, about, ends=ends)


def by_source(records: Iterable[Record]) -> Mapping[str, tuple[Record, ...]]:
    """Return those of *records* that tell where each source was pinned, or that it began anew.

    Each names as those before it what it follows of its own source, over any number of others: of one source they tell
    all that the whole log does, and whoever asks of many need not go through it for each.
    """
    by_hash = {str(record["hash"]): record for record in records}

    def about(record: Record) -> str | None:
        return str(record.get("source")) if record["event"] == "pin" or record["event"] in ANEW else None

    found: dict[str, list[Record]] = {}
    for digest, before in last_told(by_hash, about).over.items():
        record = by_hash[digest]
        found.setdefault(str(record.get("source")), []).append(record | {"prev": sorted(before)})
    return {name: tuple(told) for name, told in found.items()}


def without(told: Sequence[Record], hashes: Collection[str]) -> tuple[Record, ...]:
    """Return the records *told* of a source, of which those with *hashes* tell of no pin."""
    return tuple({**item, "event": "brought"} if item["hash"] in hashes else item for item in told)


def pins_of_log(records: Iterable[Record], name: SourceName, url: Url) -> tuple[Pin, ...]:
    """Return the last pin of a source that was not removed, as far as *records* tell of it; one for each branch.

    They do not tell the tag object; where one tells no URL, it was *url*.
    """
    return tuple(pin_of(record, name, url) for record in _last_that_may_be(tuple(records), name, lambda _record: True))


def last_records(
    records: Iterable[Record], name: SourceName, counts: Callable[[Record], bool] = lambda _record: True
) -> tuple[Record, ...]:
    """Return the last records of a pin that count, since its source last began anew; one for each branch."""
    by_hash = {str(record["hash"]): record for record in records}

    def about(record: Record) -> str | None:
        is_pin = record["event"] == "pin" and record.get("source") == name and counts(record)
        return name if is_pin or (record["event"] in ANEW and record.get("source") == name) else None

    newest = last_told(by_hash, about, ends=ANEW).newest.get(name, frozenset())
    return tuple(by_hash[digest] for digest in by_hash if digest in newest)


def former_pins(records: Iterable[Record], name: SourceName, url: Url, ref: RefName | None = None) -> tuple[Pin, ...]:
    """Return the pins that :func:`former_records` tell of."""
    return tuple(pin_of(record, name, url) for record in former_records(records, name, url, ref))


def former_records(
    records: Iterable[Record], name: SourceName, url: Url, ref: RefName | None = None
) -> tuple[Record, ...]:
    """Return the last records of a pin that was of *url*, and of *ref* if one is given, since it last began anew.

    What the manifest said in between does not matter: a pin that went elsewhere and comes back is held against them.
    A pin of an entry that named its commit was not by a ref.
    """

    def counts(record: Record) -> bool:
        if ref is not None and "commit" in detail_of(record):
            return False
        pin = pin_of(record, name, url)
        return same_repository(pin.url, url) and ref in (None, pin.ref)

    return _last_that_may_be(tuple(records), name, counts)


def _last_that_may_be(
    records: Sequence[Record], name: SourceName, counts: Callable[[Record], bool]
) -> tuple[Record, ...]:
    """Return what :func:`last_records` does, as if those of :func:`bare_tags` were not there."""
    last = last_records(records, name, counts)
    # Of many branches most follow the same tag, or none: the log is read once for each.
    tags = {str(tag): record for record in last if (tag := tag_of(record))}
    bare = {digest for record in tags.values() for digest in bare_tags(records, record)}
    return last_records(records, name, lambda item: item["hash"] not in bare and counts(item)) if bare else last


def bare_tags(records: Iterable[Record], like: Record) -> Mapping[str, frozenset[str]]:
    """Return the records that moved the pin of *like* with its tag and no override, each with those they moved it from.

    ``pin`` refuses that, so another wrote them. What leads back to where the tag was is no such record: upstream may
    put it right again.
    """
    by_hash, tag = {str(record["hash"]): record for record in records}, tag_of(like)

    def about(record: Record) -> str | None:
        name, event = str(record.get("source")), record["event"]
        return name if event in ANEW or (event == "pin" and tag_of(record) == tag) else None

    def is_forced(digest: str) -> bool:
        return bool(detail_of(by_hash[digest]).get(RESTS_ON))

    found, stood = dict[str, frozenset[str]](), set[object]()
    over = last_told(by_hash, about, ends=ANEW).over if tag else {}
    for digest, before in over.items():
        came = frozenset[str]().union(*(found.get(item, {item}) for item in before))
        commit = by_hash[digest].get("after")
        # What was forced by another tag before may go on from where that was.
        is_explained = is_forced(digest) or any(is_forced(item) and not over.get(item) for item in came)
        if came and commit not in stood and not is_explained:
            found[digest] = came
        else:
            stood.add(commit)
    return found


def tag_of(record: Record) -> tuple[object, ...]:
    """Return by which tag of which source *record* pins; nothing where that follows none."""
    told = detail_of(record)
    is_by_tag = ("tag" in told or "version" in told) and str(told.get("ref")).startswith("refs/tags/")
    return (record.get("source"), repository_told(record), told["ref"]) if is_by_tag else ()


def repository_told(record: Record) -> object:
    """Return what tells the repository of *record* of a pin from others; the text that it has for a URL if it is none.

    Of a URL that is :func:`git_hybrid.core.endpoints.repository_key`.
    """
    url = str(detail_of(record).get("url"))
    try:
        return repository_key(parse_url(url))
    except InvalidText:
        return url


def roots_told(record: Record) -> tuple[Oid, ...]:
    """Return the root commits that *record* of a pin tells; none where they were not known."""
    roots = detail_of(record).get(_ROOTS)
    return tuple(Oid(str(root)) for root in roots) if isinstance(roots, list) else ()


def pin_of(record: Record, name: SourceName, url: Url) -> Pin:
    """Return the pin of a source that *record* tells of, as far as it does; where it tells no URL, it was *url*.

    One that an older version wrote does not tell the roots of its history.
    """
    told, at = detail_of(record), parse_time(str(record["at"]))
    ref = RefName(str(told.get("ref") or UNREACHABLE))
    rests_on = told.get(RESTS_ON)
    with suppress(InvalidText):
        url = parse_url(str(told.get("url", "")))
    return Pin(
        source=name,
        url=url,
        ref=ref,
        commit=Oid(str(record["after"])),
        tree=Oid(str(told.get("tree", ""))),
        reachable_from=ref,
        root_commits=roots_told(record),
        content_sha256=str(told.get("content_sha256", "")),
        commit_time=at,
        first_seen=at,
        config_digest="",
        override=None if rests_on is None else str(rests_on),
    )
