"""Scans of the same commit that branches made beside each other, looked for in the text of the log.

Whatever is pinned asks at every sync, so nothing is taken apart: what is found here is only a reason to do that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from git_hybrid.core.audit import Record
from git_hybrid.core.ids import SourceName
from git_hybrid.core.scan_trail import is_incomplete, scanned_at
from git_hybrid.store.reading import SCAN

_SEQ, _AFTER = b'"seq":', b'{"after":"'
_TIMES = (b'"scanned_at":"', b'"at":"')
_DIGITS = 16
"""No record counts further (2**53), and int() takes 4,300 at most."""


def is_branched(texts: Mapping[str, bytes]) -> bool:
    """Tell whether the log has more lines than its last record counts: some were made side by side, or are torn."""
    lines = [line for text in texts.values() for line in (text.rstrip(b"\n").rpartition(b"\n")[2],) if line]
    number = lines[-1].rpartition(_SEQ)[2].partition(b",")[0] if lines else b""
    count = sum(text.count(b"\n") for text in texts.values())
    return not number.isdigit() or len(number) > _DIGITS or count > int(number)


def has_rivals(texts: Mapping[str, bytes], newest: Mapping[tuple[SourceName, str], Record]) -> bool:
    """Tell whether the log has more scans of a commit than *newest* that may count and not those."""
    told = Counter(commit for _, commit in newest)
    times: dict[bytes, str] = {}
    for (_, commit), record in newest.items():
        key = commit.encode("ascii")
        # One that failed says nothing of what an earlier one found.
        since = "" if is_incomplete(record) else scanned_at(record)
        times[key] = min(times.get(key, since), since)
    found = Counter(commit for commit, time in _scans(texts) if time >= times.get(commit, "~"))
    return any(count > told[commit.decode("ascii")] for commit, count in found.items())


def _scans(texts: Mapping[str, bytes]) -> Iterable[tuple[bytes, str]]:
    """Yield the commit of each record of a scan, and when that was made."""
    for text in texts.values():
        end = len(text)
        while (at := text.rfind(SCAN, 0, end)) >= 0:
            end = text.rfind(b"\n", 0, at) + 1
            if text.startswith(_AFTER, end):
                start = end + len(_AFTER)
                places = ((text.find(key, end, at), len(key)) for key in _TIMES)
                begin = next((place + size for place, size in places if place >= 0), end)
                yield text[start : text.find(b'"', start)], text[begin : begin + 20].decode("ascii", "replace")
