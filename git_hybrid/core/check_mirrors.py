"""What the inventory of mirrors must satisfy: every mirror in use stands in it, whole, and was found well. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from git_hybrid.core.audit import records_of
from git_hybrid.core.bundles import SERVED
from git_hybrid.core.checks import Facts, Violation, awaiting
from git_hybrid.core.endpoints import DIRECT, folder_url, repository_path
from git_hybrid.core.files import MIRRORS
from git_hybrid.core.mirrors import Incomplete, Inventory, plain_url, serving
from git_hybrid.core.state import SourceState
from git_hybrid.core.words import BRING_BACK, typed

_WHY = "nobody is named who answers for what it serves"


def check_mirrors(facts: Facts) -> tuple[Violation, ...]:
    """Return what of the inventory does not hold: it must be what the audit log tells, and have all that is in use.

    In use is what ``GIT_HYBRID_MIRRORS`` names now, the folder of bundles that is set now (an absolute path), and what
    state says that a source was served by.
    """
    inventory = facts.inventory
    found = [*_against_log(facts), *(_incomplete(entry) for entry in inventory.incomplete)]
    known = {plain_url(entry.base_url) for entry in inventory.mirrors.values()}
    found += _unwell(facts)
    told: set[str] = set()
    for base, kind in _in_use(inventory, facts):
        if base in known or base in told:
            continue
        told.add(base)
        mend = f"git hybrid mirror add NAME {typed(base)} --owner WHO{kind}"
        found.append(Violation(file=MIRRORS, entry=base, what="is in use and not recorded", why=_WHY, mend=mend))
    return awaiting(facts, found)


def _against_log(facts: Facts) -> Iterator[Violation]:
    lines = (line.record for segment in facts.log for line in segment.lines)
    known = facts.log and facts.inventory.mirrors
    if not known and not any(record is not None and record["event"] == "mirror-add" for record in lines):
        return
    # Few workspaces have a mirror, and the hooks run on every commit.
    from git_hybrid.core.mirror_told import is_told, lost_mirrors  # noqa: PLC0415

    records = {str(record["hash"]): record for record in records_of(facts.log)}
    for name, mirror in facts.inventory.mirrors.items():
        if not is_told(mirror, records):
            what, why = "is not what the audit log tells", "nothing tells how fresh it is"
            mend = f"git hybrid mirror verify {name}"
            yield Violation(file=MIRRORS, entry=f"mirror.{name}", what=what, why=why, mend=mend)
    for name, mend in lost_mirrors(records, facts.inventory).items():
        what, why = "is in the audit log and not here", "the file lost its entry: in a merge, a revert or by an edit"
        mended = BRING_BACK if facts.trail.absent() else mend
        yield Violation(file=MIRRORS, entry=f"mirror.{name}", what=what, why=why, mend=mended)


def _unwell(facts: Facts) -> Iterator[Violation]:
    """Yield a warning for each mirror that is to be asked and was not well when it was last verified."""
    asked = {plain_url(base) for base in facts.mirrors.entries}
    for name, mirror in facts.inventory.mirrors.items():
        bad = [source for source, held in mirror.sources.items() if not held.ok and source in facts.manifest.sources]
        if bad and plain_url(mirror.base_url) in asked:
            what = f"was not well when it was last verified: {', '.join(bad)}"
            why = "it is asked all the same"
            mend = f"git hybrid mirror verify {name}"
            yield Violation(file=MIRRORS, entry=f"mirror.{name}", what=what, why=why, mend=mend, level="warn")


def _incomplete(entry: Incomplete) -> Violation:
    base = entry.plain.get("base_url") or "BASE_URL"
    name = "NAME" if "name" in entry.lacking else entry.name
    mend = f"git hybrid mirror add {name} {typed(str(base))} --owner WHO"
    return Violation(file=MIRRORS, entry=entry.place, what=f"lacks {', '.join(entry.lacking)}", why=_WHY, mend=mend)


def _in_use(inventory: Inventory, facts: Facts) -> Iterator[tuple[str, str]]:
    """Yield each base URL in use, with the option that its kind needs."""
    yield from ((plain_url(base), "") for base in facts.mirrors.entries if base != DIRECT)
    if facts.bundle_folder is not None:
        yield plain_url(folder_url(facts.bundle_folder)), " --kind bundle"
    for entry in facts.state.sources.values():
        if entry.served_by is None or entry.served_by.startswith(SERVED) or entry.served_by == str(entry.url):
            continue
        url, pin = plain_url(entry.served_by), facts.lock.pins.get(entry.name)
        # Where its URL was edited, the one that is pinned served it.
        is_upstream = pin is not None and entry.served_by == str(pin.url)
        if not is_upstream and serving(inventory, url, entry.url, entry.name) is None:
            yield _base(url, entry)


def _base(served_by: str, entry: SourceState) -> tuple[str, str]:
    mirror = f"/{repository_path(entry.url)}"
    if served_by.startswith("file://") and not served_by.endswith(mirror):
        return served_by.rpartition("/")[0], " --kind bundle"
    return served_by.removesuffix(mirror), ""
