"""Sources that were removed on the other side of an air gap and stand here still: no bundle takes one away. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from git_hybrid.core.audit import detail_of
from git_hybrid.core.canonical import Json
from git_hybrid.core.endpoints import same_repository
from git_hybrid.core.ids import InvalidText, SourceName, Url, parse_url
from git_hybrid.core.manifest import Manifest
from git_hybrid.core.value import Struct

_BEGINS, _ENDS = frozenset({"add", "pin"}), frozenset({"remove", "prune"})


class Removal(Struct, frozen=True, kw_only=True):
    """What a log says of a source that was removed: its URL, when that was (as the log has it), and by whom."""

    source: SourceName
    url: str
    at: str
    by: str

    @property
    def words(self) -> str:
        """What is told of it."""
        return f"was removed on the other side ({self.at}, {self.by})"

    def plain(self) -> dict[str, Json]:
        """Return it as the details of a record have it."""
        return {"source": self.source, "url": self.url, "at": self.at, "operator": self.by}


def removals_of(records: Iterable[Mapping[str, Json]]) -> dict[str, Removal]:
    """Return by name the sources that *records*, all of a log in its order, have removed and not begun again."""
    urls, found = dict[str, str](), dict[str, Removal]()
    for record in records:
        name, event = str(record.get("source")), record["event"]
        if event in _BEGINS:
            found.pop(name, None)
            urls[name] = str(detail_of(record).get("url", urls.get(name, "")))
        elif event in _ENDS and name in urls:
            by = str(record.get("operator"))
            found[name] = Removal(source=SourceName(name), url=urls[name], at=str(record.get("at")), by=by)
    return found


def begun_here(records: Iterable[Mapping[str, Json]]) -> dict[str, str]:
    """Return when *records* say that each source was added here, and not brought by a bundle: its last beginning."""
    added = (record for record in records if record["event"] == "add")
    last = {str(record.get("source")): record for record in added}
    return {name: str(record.get("at")) for name, record in last.items() if "bundle" not in detail_of(record)}


def removed_there(
    removed: Mapping[str, Removal], theirs: Manifest, ours: Manifest, begun: Mapping[str, str]
) -> tuple[Removal, ...]:
    """Return which sources of *ours* were *removed* there and are not in *theirs*.

    Who added one here since then (*begun*), or in the same second, has decided that it stays.
    """
    return tuple(
        removed[name]
        for name, source in ours.sources.items()
        if name in removed
        and name not in theirs.sources
        and _is_of(removed[name].url, source.url)
        and begun.get(name, "") < removed[name].at
    )


def unsettled(records: Iterable[Mapping[str, Json]], manifest: Manifest) -> tuple[Removal, ...]:
    """Return the sources of *manifest* of which a bundle that was applied said, by *records*, that they were removed.

    Whoever removes one, or adds it anew, has settled that; so has a newer bundle of the same log that does not say so.
    """
    found: dict[str, tuple[Json, Removal]] = {}
    for record in records:
        if record["event"] == "bundle-apply":
            log, told = detail_of(record).get("log_id"), detail_of(record).get("removed", [])
            found = {name: item for name, item in found.items() if item[0] != log}
            for entry in told if isinstance(told, list) else ():
                if isinstance(entry, Mapping):
                    name, url, at, by = (str(entry.get(key)) for key in ("source", "url", "at", "operator"))
                    found[name] = (log, Removal(source=SourceName(name), url=url, at=at, by=by))
        elif record["event"] in _ENDS or record["event"] == "add":
            found.pop(str(record.get("source")), None)
    sources = manifest.sources
    return tuple(
        item for _, item in found.values() if item.source in sources and _is_of(item.url, sources[item.source].url)
    )


def _is_of(text: str, url: Url) -> bool:
    try:
        return same_repository(parse_url(text), url)
    except InvalidText:
        return False
