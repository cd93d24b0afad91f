"""The audit log ``state/sources-audit.jsonl``: read its records, append to it, never rewrite it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING

from git_hybrid.core.audit import (
    ROTATED,
    VERSION,
    Line,
    Record,
    Segment,
    Tail,
    as_told,
    detail_of,
    is_hashed,
    previous,
    strange_key,
    tail_of,
    torn_of,
)
from git_hybrid.core.canonical import Json, canonical_json
from git_hybrid.core.digest import sha256_hex
from git_hybrid.core.errors import InvalidFile, NewerSchema, Problem
from git_hybrid.core.files import LOG
from git_hybrid.core.ids import InvalidText, Oid, SourceName, parse_oid
from git_hybrid.core.value import Struct
from git_hybrid.core.values import parse_time
from git_hybrid.store.durable import append_file, is_torn
from git_hybrid.store.layout import Layout, archives
from git_hybrid.store.parsing import checked, convert, load_canonical, load_json, read_bytes
from git_hybrid.store.wire import RecordShape

if TYPE_CHECKING:
    from git_hybrid.core.bundles import LogEnd
    from git_hybrid.core.reducer import RunInfo
    from git_hybrid.store.meanwhile import Watch

_last: tuple[bytes, list[Record | None]] = (b"", [])
"""The whole lines that were read last, and the record in each: a run reads the log again after its own records."""


class Log(Struct, frozen=True):
    """The records of the log in the order in which they stand, and where the chain ends."""

    records: tuple[Record, ...]
    tail: Tail


def read_log(path: Path) -> Log:
    """Return the whole records of the log at *path*; a torn last line becomes part of the tail.

    Raises:
        InvalidFile: a line in the middle is no record, and no later record declares it torn.
        LocalIo: the log cannot be read.
    """
    return parse_log(read_bytes(path, LOG) or b"")


def lines_backwards(layout: Layout) -> Iterator[tuple[str, bytes]]:
    """Return the lines of the audit log and its archives, the last one first, each with its file; read as far as asked.

    Raises:
        LocalIo: a file cannot be read.
    """
    texts = ((name, read_bytes(layout.root / name, name) or b"") for name in (LOG, *reversed(archives(layout))))
    return chain.from_iterable(zip(repeat(name), reversed(text.split(b"\n"))) for name, text in texts)


def parse_log(data: bytes) -> Log:
    """Return the whole records of the log in *data*; a torn last line becomes part of the tail.

    Raises:
        InvalidFile: a line in the middle is no record, and no later record declares it torn.
    """
    records: list[Record] = []
    torn: dict[int, bytes] = {}
    last_record = 0
    for number, (line, record) in enumerate(_parsed(as_written(data)), 1):
        if record is not None:
            records.append(record)
            last_record = number
        elif line:
            torn[number] = line
    declared = {str(item["sha256"]) for record in records for item in torn_of(record)}
    undeclared = {number: line for number, line in torn.items() if sha256_hex(line) not in declared}
    problems = tuple(
        Problem(f"line {number}", "is no whole audit record, and no later record declares it torn")
        for number, line in undeclared.items()
        # What was torn is no JSON: a record at the end that is not as it was written is none that may be declared so.
        if number < last_record or _read(line)[0] is not None
    )
    if problems:
        from git_hybrid.core.markers import in_conflict, marker_lines

        if marker_lines(data):
            raise in_conflict(data, LOG)
        raise InvalidFile(path=LOG, problems=problems, mend="what mends it is told by: git hybrid audit verify")
    pending: list[dict[str, Json]] = [{"len": len(line), "sha256": sha256_hex(line)} for line in undeclared.values()]
    return Log(records=tuple(records), tail=tail_of(records, pending))


def _parsed(written: bytes) -> Iterator[tuple[bytes, Record | None]]:
    """Return each line of *written* with the record in it, None where there is none; what was read before is kept."""
    global _last  # noqa: PLW0603
    lines = written.split(b"\n")
    before, known = _last
    if not written.startswith(before):
        known = []
    found = [*known, *map(_parse, lines[len(known) :])]
    # Behind the last line feed a line may still grow.
    _last = written[: written.rfind(b"\n") + 1], found[:-1]
    return zip(lines, found, strict=True)


def as_written(data: bytes) -> bytes:
    """Return the log *data* without what a conversion of line endings put into it: JSON has no CR of its own."""
    return data.replace(b"\r\n", b"\n")


def segment_of(file: str, data: bytes, *, alone: bool = False) -> Segment:
    """Return the log file *file* with the content *data*, line by line, as its verification needs it.

    What is *alone* no other file names by its SHA-256, which is left out.
    """
    written = as_written(data)
    parts = written.split(b"\n")
    lines = tuple(_line(number, line) for number, line in enumerate(parts, 1) if line)
    return Segment(
        file=file,
        lines=lines,
        sha256="" if alone else sha256_hex(written),
        ended=not parts[-1],
        converted=len(written) < len(data),
    )


def _line(number: int, line: bytes) -> Line:
    record, whole = _read(line)
    marker = record is None and _is_marker(line)
    return Line(number=number, size=len(line), sha256=sha256_hex(line), record=record, whole=whole, marker=marker)


def _is_marker(line: bytes) -> bool:
    from git_hybrid.core.markers import is_marker

    return is_marker(line)


def _parse(line: bytes) -> Record | None:
    # Behind the last newline nothing stands, as a rule: the library json need not be imported to find no record there.
    record, whole = _read(line) if line else (None, False)
    return record if whole else None


def _read(line: bytes) -> tuple[Record | None, bool]:
    """Return the record in *line*, if it is one, as it counts (:func:`as_told`), and whether it is as it was written.

    That is so of one spelling alone. So no two lines are records with the same hash, and whoever looks for records by
    the bytes of their keys finds all of them.

    Raises:
        NewerSchema: a newer version wrote it.
    """
    record = load_canonical(line)
    is_canonical = record is not None
    if record is None:
        try:
            # Canonical JSON has whole numbers alone.
            record = load_json(line, LOG, fractions=False)
        except InvalidFile:
            return None, False
    if not _is_shaped(record):
        return None, False
    version = record["v"]
    if isinstance(version, int) and version > VERSION:
        if is_hashed(record):
            raise NewerSchema(path=LOG, found=version, known=VERSION)
        return as_told(record), False
    return as_told(record), is_canonical and not strange_key(record) and _is_as_written(line, record)


def _is_as_written(line: bytes, record: Record) -> bool:
    """Tell whether *line*, canonical JSON, has the hash of the rest of it: so nothing is written again to be hashed.

    The last ``hash`` of a line is the record's own: no key after it, by name, holds an object that could have one.
    """
    at = line.rfind(b'"hash":"')
    rest = line[:at] + line[at + 74 :]
    return line[at + 72 : at + 74] == b'",' and sha256_hex(rest) == record["hash"]


def _is_shaped(record: Record) -> bool:
    """Tell whether *record* has the shape of one, whether its hash is right or not."""
    problems: list[Problem] = []
    shape = convert(record, RecordShape, "", problems)
    checked(parse_time, "" if shape is None else shape.at, "at", problems)
    return not problems


def is_record(line: bytes) -> bool:
    """Tell whether *line* is a record as it was written, be it by a newer version."""
    try:
        return _read(line)[1]
    except NewerSchema:
        return True


def respelled(line: bytes) -> bytes:
    """Return the JSON in *line* as a record is written; nothing if it cannot be."""
    with suppress(InvalidFile, RecursionError):
        return canonical_json(load_json(line, LOG, fractions=False))
    return b""


def append_records(path: Path, records: Sequence[Record], watch: Watch | None = None) -> None:
    """Append *records* to the log at *path* in one write, durably; a torn tail is closed by a newline first.

    *watch* is of when the log was read that they go on from.

    Raises:
        LocalIo: the file system refused; earlier records are intact.
        Changed: it is another log by now, or was when *watch* looked last.
    """
    if not records:
        return
    lines = b"".join(canonical_json(record) + b"\n" for record in records)
    append_file(path, (b"\n" if is_torn(path) else b"") + lines, watch=watch)


def last_seen(records: Sequence[Record]) -> dict[SourceName, Oid]:
    """Return the newest commit that *records* say upstream of each source had, as far as they tell of one."""
    found: dict[SourceName, Oid] = {}
    for record in records:
        if record["event"] in ("pin", "seen") and "after" in record:
            # What is no commit is of no use to anybody who asks a mirror for it.
            with suppress(InvalidText):
                found[SourceName(str(record.get("source")))] = parse_oid(str(record["after"]))
    return found


def log_end(log: Log) -> LogEnd:
    """Return where *log* ends, with the random id that its first record has."""
    from git_hybrid.core.bundles import LogEnd

    return LogEnd(log_id=log_id(log.records), seq=log.tail.seq, heads=log.tail.heads)


def log_id(records: Iterable[Record]) -> str:
    """Return the random id that the first of *records*, those of a whole log, has; nothing if they have none."""
    return next((str(record["log_id"]) for record in records if "log_id" in record), "")


def last_applied(records: Sequence[Record], end: LogEnd) -> LogEnd | None:
    """Return where the log that ends at *end* in a bundle ended in the newest bundle of it that *records* tell of.

    None in none. Where *records* have all of that log themselves, as those of a colleague's workspace, it is *end*.
    """
    from git_hybrid.core.bundles import LogEnd

    told = [detail_of(record) for record in records if record["event"] == "bundle-apply"]
    found = [item for item in told if end.log_id and item.get("log_id") == end.log_id]
    newest: LogEnd | None = None
    for item in found:
        seq, heads = item.get("log_seq"), item.get("log_heads")
        if isinstance(seq, int) and (newest is None or seq >= newest.seq):
            newest = LogEnd(log_id=end.log_id, seq=seq, heads=tuple(map(str, heads)) if isinstance(heads, list) else ())
    if newest is not None and newest.seq > end.seq:
        return newest
    hashes = {record["hash"] for record in records}
    return end if end.heads and hashes.issuperset(end.heads) else newest


def lost_links(log: Log) -> tuple[str, ...]:
    """Return the hashes that records of *log* name as the ones before them and that are not there."""
    hashes = {str(record["hash"]) for record in log.records}
    # What the first record after a rotation names stands in the archive, which may be lost.
    named = [digest for record in log.records if record["event"] != ROTATED for digest in previous(record)]
    return tuple(dict.fromkeys(digest for digest in named if digest not in hashes))


def is_rotated(records: Sequence[Record], info: RunInfo) -> bool:
    """Tell whether the log with *records* is the new one that the run *info* has begun."""
    first = records[0] if records else {}
    return first.get("event") == ROTATED and first.get("command_id") == info.run
