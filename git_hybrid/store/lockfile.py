"""Read and write the lock ``state/sources.lock`` (TOML, tables in order of their names)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from msgspec import UnsetType

from git_hybrid.core.errors import InvalidFile, Problem, until_many
from git_hybrid.core.files import LOCK
from git_hybrid.core.ids import (
    InvalidText,
    RefName,
    SourceName,
    parse_full_ref,
    parse_name,
    parse_oid,
    parse_url,
    shown_text,
    shown_url,
)
from git_hybrid.core.lock import UNREACHABLE, Lock, Pin, table_of
from git_hybrid.core.pattern import pattern
from git_hybrid.core.words import shorten
from git_hybrid.store.mended import from_git, mended
from git_hybrid.store.parsing import check_version, checked, convert, load_toml, or_none
from git_hybrid.store.wire import PinShape

VERSION = 1
HEADER = "# Written by git hybrid. Review it, commit it; change it with `git hybrid pin`.\n"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DIGEST = pattern(r"sha256:[0-9a-f]{64}")
_TIME = pattern(r"^(commit_time|first_seen) = (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)\+00:00$", re.MULTILINE)
T = TypeVar("T")


@mended(from_git(LOCK), "or move it away, then: git hybrid pin")
def decode_lock(data: bytes) -> Lock:
    """Return the lock in *data*.

    Raises:
        InvalidFile: with its bad entries, by line.
        NewerSchema: it was written by a newer version.
    """
    document = load_toml(data, LOCK)
    problems: list[Problem] = []
    check_version(document, known=VERSION, shown=LOCK, key="lock_version")
    problems.extend(Problem(key, "unknown table or key") for key in document if key not in ("lock_version", "source"))
    tables = document.get("source", {})
    if not isinstance(tables, dict):
        problems.append(Problem("source", "must be tables: write [source.NAME]"))
        tables = {}
    pins: dict[SourceName, Pin] = {}
    for raw, table in until_many(sorted(tables.items()), problems):
        place = f"source.{shorten(raw)}"
        name = checked(parse_name, raw, place, problems, shown=shown_text)
        pin = decode_pin(name or SourceName("_"), table, place, problems)
        if name is not None and pin is not None:
            pins[name] = pin
    if problems:
        from git_hybrid.store.locate import with_lines

        raise InvalidFile(path=LOCK, problems=with_lines(data.decode("utf-8"), tuple(problems)))
    return Lock(pins=pins)


def decode_pin(name: SourceName, table: object, place: str, problems: list[Problem]) -> Pin | None:
    """Return one entry of the lock, or None after adding what is wrong with it to *problems*."""
    shape = convert(table, PinShape, place, problems)
    if shape is None:
        return None
    before = len(problems)

    def field(parse: Callable[[str], T], key: str, text: str) -> T:
        # A wrong field makes the entry None in the end; the value that stands in for it is never seen.
        shown = shown_url if key == "url" else shown_text
        return checked(parse, text, f"{place}.{key}", problems, shown=shown)  # type: ignore[return-value]

    tag_object = None if isinstance(shape.tag_object, UnsetType) else field(parse_oid, "tag_object", shape.tag_object)
    pin = Pin(
        source=name,
        url=field(parse_url, "url", shape.url),
        ref=field(_parse_ref, "ref", shape.ref),
        commit=field(parse_oid, "commit", shape.commit),
        tree=field(parse_oid, "tree", shape.tree),
        tag_object=tag_object,
        reachable_from=field(_parse_ref, "reachable_from", shape.reachable_from),
        root_commits=tuple(field(parse_oid, "root_commits", root) for root in shape.root_commits or ()),
        content_sha256=field(_matching(_SHA256, "64 hex digits"), "content_sha256", shape.content_sha256),
        commit_time=_time(table, "commit_time", shape.commit_time, place, problems),
        first_seen=_time(table, "first_seen", shape.first_seen, place, problems),
        config_digest=field(_matching(_DIGEST, "sha256: and 64 hex digits"), "config_digest", shape.config_digest),
        override=or_none(shape.override),
    )
    return pin if len(problems) == before else None


def _parse_ref(text: str) -> RefName:
    """Return a branch, a tag, or what stands for neither; whether that is approved is for the planner to say."""
    return UNREACHABLE if text == UNREACHABLE else parse_full_ref(text)


def _matching(pattern: re.Pattern[str], what: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if pattern.fullmatch(text) is None:
            raise InvalidText(f"must be {what}")
        return text

    return parse


def _time(table: object, key: str, moment: datetime, place: str, problems: list[Problem]) -> datetime:
    """Return *moment*, which stands as *key* in *table*; TOML has times of its own, and every time here is in UTC."""
    if not isinstance(table, dict) or isinstance(table[key], str):
        problems.append(Problem(f"{place}.{key}", "is text: write the time without quotes"))
    elif moment.utcoffset() != timedelta(0):
        problems.append(Problem(f"{place}.{key}", "must be a time in UTC: end it with Z"))
    return moment.replace(tzinfo=UTC)


def encode_lock(lock: Lock) -> bytes:
    """Return *lock* as the bytes of its file: the same lock always gives the same bytes."""
    document = {
        "lock_version": VERSION,
        "source": {name: encode_pin(pin) for name, pin in sorted(lock.pins.items())},
    }
    # tomli-w puts a space between date and time; RFC 3339 with T and Z is what every other file here uses.
    import tomli_w

    text = _TIME.sub(r"\1 = \2T\3Z", tomli_w.dumps(document))
    return (HEADER + text).encode("utf-8")


def encode_pin(pin: Pin) -> dict[str, Any]:
    """Return one entry of the lock as plain values; times stay times."""
    times = {"commit_time": pin.commit_time.replace(microsecond=0), "first_seen": pin.first_seen.replace(microsecond=0)}
    entry = table_of(pin) | times | {"root_commits": list(pin.root_commits) or None}
    return {key: value for key, value in entry.items() if value is not None}
