"""What git says of its own progress, as numbers: nothing of a server's words gets any further."""

from __future__ import annotations

from typing import Literal

from git_hybrid.core.pattern import pattern
from git_hybrid.core.value import Struct

Phase = Literal[
    "server counts", "server compresses", "receiving", "resolving", "checking objects", "checking history", "packing"
]
LONGEST = 160
"""More characters than the longest line of progress that git writes."""
_TITLES: dict[str, Phase] = {
    "remote: Enumerating objects": "server counts",
    "remote: Counting objects": "server counts",
    "remote: Compressing objects": "server compresses",
    "Receiving objects": "receiving",
    "Unpacking objects": "receiving",
    "Indexing objects": "receiving",
    "Resolving deltas": "resolving",
    "Checking connectivity": "checking history",
    "Checking object directories": "checking objects",
    "Checking objects": "checking objects",
}
_UNITS = {"byte": 1, "bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_SIZE = r"(?P<{0}>[0-9]{{1,8}}(?:\.[0-9]{{1,2}})?) (?P<{0}_unit>bytes?|[KMGT]iB)"
_LINE = pattern(
    rf"(?P<title>{'|'.join(_TITLES)}): +"
    r"(?:[0-9]{1,3}% \((?P<done>[0-9]{1,12})/(?P<total>[0-9]{1,12})\)|(?P<count>[0-9]{1,12}))"
    rf"(?:, {_SIZE.format('size')} \| {_SIZE.format('rate')}/s)?(?P<end>, done\.)? *"
)


class Transfer(Struct, frozen=True, kw_only=True):
    """How far git is in one phase: objects done and in all, bytes, bytes a second; None where git does not say."""

    phase: Phase
    done: int
    total: int | None = None
    size: int | None = None
    rate: int | None = None


def parse_transfer(line: str) -> Transfer | None:
    """Return what one line of git's progress says (progress.c), or None if it is not exactly such a line."""
    found = _LINE.fullmatch(line) if len(line) <= LONGEST else None
    if found is None:
        return None
    total = found["total"]
    return Transfer(
        phase=_TITLES[found["title"]],
        done=int(found["done"] or found["count"]),
        total=None if total is None else int(total),
        size=_bytes(found["size"], found["size_unit"]),
        rate=_bytes(found["rate"], found["rate_unit"]),
    )


def _bytes(number: str | None, unit: str) -> int | None:
    return None if number is None else int(float(number) * _UNITS[unit])
