"""``check metadata``: manifest, lock and state agree with each other and with policy. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from git_hybrid.core.checks import Facts, Violation
from git_hybrid.core.files import LOCK, MANIFEST, STATE
from git_hybrid.core.lock import is_valid, pinning
from git_hybrid.core.manifest import allows_host


def check_metadata(facts: Facts) -> tuple[Violation, ...]:
    """Return what of manifest, lock and state does not agree.

    A source without a pin is a step on the way that is told: sync refuses it, until it has one. A pin that is not
    installed yet is none.
    """
    manifest, lock, state = facts.manifest, facts.lock, facts.state
    found = [*_declared(facts)]
    for name, pin in lock.pins.items():
        wanted = manifest.sources.get(name)
        entry = f"source.{name}"
        if wanted is None:
            what, why = "has no entry in sources.toml", "nobody says where this pin comes from"
            mend = f"put [source.{name}] back into sources.toml, or git hybrid sync --prune"
            found.append(Violation(file=LOCK, entry=entry, what=what, why=why, mend=mend))
        elif not is_valid(pin, wanted):
            what, why = "was pinned from another manifest entry", "the lock no longer says what the manifest asks for"
            mend = pinning(wanted, pin)
            found.append(Violation(file=LOCK, entry=entry, what=what, why=why, mend=mend))
    for name in state.sources:
        if name not in manifest.sources:
            what, why = "has no entry in sources.toml", "state tells of a source that nobody declares"
            mend = "git hybrid sync --prune"
            found.append(Violation(file=STATE, entry=name, what=what, why=why, mend=mend))
    for path in facts.left_out:
        what, why = "is on the disk, and will not be in the commit", "what it records is known to this machine alone"
        mend = f"git add -- {path}"
        if path in facts.ignored:
            what, mend = f"{what}: git ignores it", f"git add -f -- {path}"
        found.append(Violation(file=path, entry="index", what=what, why=why, mend=mend, level="warn"))
    return tuple(found)


def _declared(facts: Facts) -> Iterator[Violation]:
    """Yield what is wrong with the entries of the manifest; where the lock is left out, that is told, and no pin."""
    for name, source in facts.manifest.sources.items():
        entry = f"source.{name}"
        if not allows_host(facts.manifest.policy, source.url):
            what, why = f"the host {source.url.host} is not in [policy] hosts", "only reviewed hosts may be built from"
            yield Violation(file=MANIFEST, entry=entry, what=what, why=why, mend=f"git hybrid remove {name}")
        elif name not in facts.lock.pins and LOCK not in facts.left_out:
            what, why = f"has no pin in {LOCK}", "sync refuses it, so whoever gets the commit cannot build from it"
            mend = "git hybrid pin"
            yield Violation(file=MANIFEST, entry=entry, what=what, why=why, mend=mend, level="warn")
