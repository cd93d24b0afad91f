"""Read the ``[[scanner]]`` tables of the manifest."""

from __future__ import annotations

from datetime import timedelta

from msgspec import UnsetType

from git_hybrid.core.errors import Problem, until_many
from git_hybrid.core.ids import NAME_LIMIT
from git_hybrid.core.manifest import Scanner
from git_hybrid.core.pattern import pattern
from git_hybrid.core.scanners import FORMATS, PRESETS
from git_hybrid.core.values import parse_duration
from git_hybrid.core.words import shorten
from git_hybrid.store.parsing import checked, convert, nearest
from git_hybrid.store.wire import ScannerShape

_NAME = pattern(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_VARIABLE = pattern(r"[A-Za-z_][A-Za-z0-9_]*")
_LONGEST = timedelta(days=1)


def decode_scanners(tables: object, problems: list[Problem]) -> tuple[Scanner, ...]:
    """Return the scanners, in the order of the file, after adding what is wrong with them to *problems*."""
    if not isinstance(tables, list):
        problems.append(Problem("scanner", "must be an array of tables: write [[scanner]]"))
        return ()
    scanners: list[Scanner] = []
    names = set[str]()
    for index, table in until_many(enumerate(tables), problems):
        place, before = f"scanner[{index}]", len(problems)
        shape = convert(table, ScannerShape, place, problems, partly=True)
        if shape is None:
            continue
        # Of a table with wrong keys nobody knows what it lacks.
        apart = ("", ".args") if len(problems) > before else ()
        problems.extend(Problem(place + key, reason) for key, reason in _wrong(shape) if key not in apart)
        if shape.name.casefold() in names:
            problems.append(Problem(place, f"the name {shorten(shape.name)!r} is taken by another scanner"))
        names.add(shape.name.casefold())
        timeout = checked(parse_duration, shape.timeout, f"{place}.timeout", problems)
        if timeout is not None and not timedelta(0) < timeout <= _LONGEST:
            problems.append(Problem(f"{place}.timeout", "must be more than 0s and at most 1d"))
        scanners.append(
            Scanner(
                name=shape.name,
                preset=shape.preset or "",
                command=tuple(shape.command or ()),
                args=tuple(shape.args or ()),
                format=shape.format or "",
                ok_codes=None if isinstance(shape.ok_codes, UnsetType) else tuple(shape.ok_codes),
                finding_codes=None if isinstance(shape.finding_codes, UnsetType) else tuple(shape.finding_codes),
                timeout=timeout or timedelta(0),
                env=tuple(shape.env),
            )
        )
    return tuple(scanners)


def _wrong(shape: ScannerShape) -> list[tuple[str, str]]:
    """Return what is wrong with one table: the key, and why."""
    found: list[tuple[str, str]] = []
    if _NAME.fullmatch(shape.name) is None or len(shape.name) > NAME_LIMIT:
        found.append((".name", "must start with a letter or digit and hold only letters, digits, '.', '_' and '-'"))
    if isinstance(shape.preset, UnsetType) == isinstance(shape.command, UnsetType):
        found.append(("", "needs exactly one of preset and command"))
    if not isinstance(shape.preset, UnsetType) and shape.preset not in PRESETS:
        hint = nearest(shape.preset, list(PRESETS)) or f" (known are {', '.join(sorted(PRESETS))})"
        found.append((".preset", f"no such preset: {shorten(shape.preset)!r}{hint}"))
    if not isinstance(shape.format, UnsetType) and shape.format not in FORMATS:
        found.append((".format", f"must be one of {', '.join(FORMATS)}, and is {shorten(shape.format)!r}"))
    if not isinstance(shape.args, UnsetType) and isinstance(shape.preset, UnsetType):
        found.append((".args", "goes with a preset; a command has its arguments in it"))
    texts = [*(shape.command or ()), *(shape.args or ())]
    if any("\0" in text for text in texts):
        found.append(("", "has a NUL byte in an argument"))
    wrong = [name for name in shape.env if _VARIABLE.fullmatch(name) is None]
    found.extend((".env", f"{shorten(name)!r} is not the name of a variable") for name in wrong)
    return found
