"""Strict reading of TOML and JSON: every way in which a file can be wrong becomes one InvalidFile."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import tomli
from msgspec import UnsetType

from git_hybrid.core.canonical import canonical_json
from git_hybrid.core.errors import InvalidFile, LocalIo, NewerSchema, Problem
from git_hybrid.core.ids import InvalidText, shown_url
from git_hybrid.core.pattern import pattern
from git_hybrid.core.value import sorted_json
from git_hybrid.core.words import quoted, shorten
from git_hybrid.store.content import content, limit_of

if TYPE_CHECKING:
    from json import JSONDecoder

T = TypeVar("T")
Document = dict[str, Any]
_TOML_PLACE = pattern(r"^(?P<reason>.*) \((?P<place>at line \d+, column \d+|at end of document)\)$", re.DOTALL)


def read_bytes(path: Path, shown: str) -> bytes | None:
    """Return the content of the file at *path*, or None if there is none.

    Raises:
        InvalidFile: it is larger than any file of its kind can be, or no regular file.
        LocalIo: it cannot be read.
    """
    try:
        if path.exists() and not path.is_file():
            raise InvalidFile.at(shown, "file", "is not a regular file")
        data = content(path, limit := limit_of(shown))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LocalIo.of(error, shown, "read") from error
    if len(data) > limit:
        raise InvalidFile.at(shown, "file", f"is larger than {limit // 2**20:,} MiB")
    return data


def decode_text(data: bytes, shown: str) -> str:
    """Return *data* as text.

    Raises:
        InvalidFile: it is not UTF-8, or starts with a byte order mark.
    """
    if data.startswith(b"\xef\xbb\xbf"):
        raise InvalidFile.at(shown, "line 1", "starts with a byte order mark: save it as UTF-8 without one")
    if data.startswith(b"<<<<<<< ") or b"\n<<<<<<< " in data:
        from git_hybrid.core.markers import in_conflict

        raise in_conflict(data, shown)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidFile.at(shown, f"line {line}", f"is not UTF-8 (byte 0x{data[error.start]:02x})") from error


def load_toml(data: bytes, shown: str) -> Document:
    """Return the TOML document in *data*.

    Raises:
        InvalidFile: it is no TOML (https://toml.io/en/v1.0.0), with line and column.
    """
    text = decode_text(data, shown)
    try:
        return tomli.loads(text)
    except RecursionError as error:
        raise InvalidFile.at(shown, "file", "is nested too deeply") from error
    except ValueError as error:
        match = _TOML_PLACE.match(str(error))
        from git_hybrid.store.locate import declared_twice, left_open, mend_of_joined, misnamed, unquoted

        place = match["place"].removeprefix("at ") if match else "file"
        place = f"line {left_open(text)}" if place == "end of document" else place
        reason = match["reason"] if match else _plainly(error)
        twice = "" if (misplaced := misnamed(text, place)) else declared_twice(reason, text)
        what = f"is not valid TOML: {misplaced or twice or unquoted(text, place) or reason}"
        raise InvalidFile.at(shown, place, what, mend=mend_of_joined(shown) if twice else "") from error


def load_json(data: bytes, shown: str, *, fractions: bool = True) -> Document:
    """Return the JSON object in *data*; without *fractions* its numbers are whole.

    Raises:
        InvalidFile: as :func:`load_json_value`, or it is something else than an object.
    """
    document = load_json_value(data, shown, fractions=fractions)
    if not isinstance(document, dict):
        raise InvalidFile.at(shown, "file", "must be a JSON object")
    return document


def load_json_value(data: bytes, shown: str, *, fractions: bool = True) -> object:
    """Return the JSON value in *data*; without *fractions* its numbers are whole.

    Raises:
        InvalidFile: it is no JSON, has a key twice, a number JSON does not have, or half a character.
    """
    if fractions and (written := as_written(data)) is not None:
        return written
    import json

    text = decode_text(data, shown)
    if not text.strip():
        raise InvalidFile.at(shown, "line 1", "is empty")
    try:
        document: object = _decoder(fractions=fractions).decode(text)
        if "\\u" in text:
            # Only an escape can stand for half a character: the bytes were UTF-8.
            json.dumps(document, ensure_ascii=False).encode("utf-8")
    except RecursionError as error:
        raise InvalidFile.at(shown, "file", "is nested too deeply") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise InvalidFile.at(shown, place, f"is not valid JSON: {error.msg}") from error
    except ValueError as error:
        reason = "holds half a surrogate pair" if isinstance(error, UnicodeError) else _plainly(error)
        raise InvalidFile.at(shown, "file", reason) from error
    return document


def _plainly(error: ValueError) -> str:
    """Return *error* in words; Python's are of a setting of its own where a number has thousands of digits."""
    return "has a number with too many digits" if "set_int_max_str_digits" in str(error) else str(error)


def _unique(pairs: Sequence[tuple[str, Any]]) -> Document:
    result = dict(pairs)
    if len(result) != len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"has the key {shorten(twice)!r} twice in one object")
    return result


def _no_constant(name: str) -> object:
    raise ValueError(f"holds {name}, which is not JSON")


def _no_fraction(text: str) -> float:
    raise ValueError(f"holds {text[:20]}, which is no whole number")


@cache
def _decoder(*, fractions: bool) -> JSONDecoder:
    """Return what is made once: json.loads makes one for each text, which takes as long as to read an audit record."""
    from json import JSONDecoder

    number = float if fractions else _no_fraction
    return JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=number)


def encode_json(document: Mapping[str, Any]) -> bytes:
    """Return *document* as every JSON file of a workspace is written: sorted keys, two spaces, a newline at the end."""
    return msgspec.json.format(sorted_json(document), indent=2) + b"\n"


def as_written(data: bytes) -> Document | None:
    """Return the JSON object in *data* if that is as :func:`encode_json` writes it, which is strict enough; else None.

    The library json, which tells what is wrong with a file, takes longer to be imported than all of it to be read.
    """
    with suppress(msgspec.MsgspecError, ValueError, RecursionError):
        document = msgspec.json.decode(data)
        return document if isinstance(document, dict) and encode_json(document) == data else None
    return None


_CANONICAL = msgspec.json.Decoder(float_hook=_no_fraction)
_DELETE = b"\x7f"
_KNOWN_KINDS: set[type[object]] = set()
_FINDING_OUT = Lock()


def load_canonical(data: bytes) -> Document | None:
    """Return the JSON object in *data* if that is as this program writes one line (``canonical_json``); else None.

    Written again it is the same, so it has no key twice and no number that is written in another way.
    """
    try:
        document = _CANONICAL.decode(data)
        if not isinstance(document, dict) or not data.isascii():
            return None
        # What one writer escapes and the other does not is rare.
        same = sorted_json(document) == data if _DELETE not in data else False
        return document if same or (b"\\u" in data and canonical_json(document) == data) else None
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def check_version(document: Mapping[str, Any], *, known: int, shown: str, key: str = "schema_version") -> None:
    """Raise unless *document* says which version it has, and that is not newer than *known*.

    Raises:
        InvalidFile: it says none, or one that never was.
        NewerSchema: it is newer than the program.
    """
    found = document.get(key)
    if found is None:
        raise InvalidFile.at(shown, key, f"is missing: the file must say {key} = {known}")
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        raise InvalidFile.at(shown, key, f"must be the number {known}")
    if found > known:
        raise NewerSchema(path=shown, found=found, known=known)


def readable(text: bytes | None, decode: Callable[[bytes], T]) -> T | None:
    """Return what *decode* makes of the file *text*; None where there is none, or it cannot be read."""
    with suppress(InvalidFile, NewerSchema):
        return None if text is None else decode(text)
    return None


def or_none(value: T | UnsetType) -> T | None:
    """Return *value*, None where the file does not have it."""
    return None if isinstance(value, UnsetType) else value


def shaped(value: object, kind: type[T]) -> T:
    """Return *value* as *kind*.

    The first time msgspec finds out what *kind* is made of; another thread that does the same meanwhile would meet what
    is half known, and take the process down with it (msgspec 0.22, a null pointer).

    Raises:
        msgspec.ValidationError: *value* has another shape.
    """
    if kind in _KNOWN_KINDS:
        return msgspec.convert(value, kind, strict=True)
    with _FINDING_OUT:
        try:
            found = msgspec.convert(value, kind, strict=True)
        except msgspec.ValidationError:
            _KNOWN_KINDS.add(kind)
            raise
        _KNOWN_KINDS.add(kind)
        return found


def convert(value: object, kind: type[T], place: str, problems: list[Problem], *, partly: bool = False) -> T | None:
    """Return *value* as *kind* (a msgspec Struct), or None after adding the reasons to *problems*.

    *partly*: return it without its wrong keys, where it needs none of these, so that the others can be looked at too.
    """
    try:
        return shaped(value, kind)
    except msgspec.ValidationError as error:
        from git_hybrid.store.wrong import everything_wrong, right_part

        problems.extend(everything_wrong(value, kind, place, str(error)))
        if partly and isinstance(value, dict):
            with suppress(msgspec.ValidationError):
                return shaped(right_part(value, kind), kind)
    except RecursionError:
        problems.append(Problem(place, "is nested too deeply"))
    return None


def nearest(word: str, known: Sequence[str]) -> str:
    """Return which of the *known* words was meant by *word*, as a clause in brackets; nothing where none is near."""
    from difflib import get_close_matches

    near = get_close_matches(word, known, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def checked(
    parse: Callable[[str], T],
    text: str,
    place: str,
    problems: list[Problem],
    *,
    shown: Callable[[str], str] = shown_url,
) -> T | None:
    """Return ``parse(text)``, or None after adding the reason to *problems*, with the text as *shown* lets it be."""
    try:
        return parse(text)
    except InvalidText as error:
        problems.append(Problem(place, f"{quoted(shown(shorten(text)))}: {error}"))
        return None


def place_in(table: str, entry: object, index: int) -> str:
    """Return which place *entry* has in a list of a file, for a message: its number, and its name if it has one."""
    name = entry.get("name") if isinstance(entry, dict) else None
    return f"{table}[{index}]" + (f" ({name[:80]})" if isinstance(name, str) else "")
