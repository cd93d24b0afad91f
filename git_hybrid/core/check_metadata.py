"""``check metadata``: manifest, lock and state agree with each other and with policy. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from git_hybrid.core.checks import Facts, Violation
from git_hybrid.core.endpoints import repository_key, same_repository
from git_hybrid.core.files import LOCK, MANIFEST, STATE
from git_hybrid.core.ids import SourceName, short_ref
from git_hybrid.core.lock import LOCK_BACK, Pin, is_valid, otherwise, pinning, put_right, still_allowed, tells_tag
from git_hybrid.core.manifest import Source, allows_host, track_field
from git_hybrid.core.state import SourceState, is_older
from git_hybrid.core.words import COMMITTED, approval_words

_STATE_BACK = f"git checkout HEAD -- {STATE}"


def check_metadata(facts: Facts) -> tuple[Violation, ...]:
    """Return what of manifest, lock and state does not agree.

    A source that never had a pin is a step on the way that is told: sync refuses it, until it has one. A pin that is
    not installed yet is none.
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
        elif not same_repository(pin.url, wanted.url) or not (pin.override or still_allowed(pin, wanted)):
            locked, declared = otherwise(pin, wanted)
            what, why = f"has {locked}, and the manifest {declared}", "no command pins so: it was edited, or merged"
            found.append(Violation(file=LOCK, entry=entry, what=what, why=why, mend=put_right(name)))
    found += _contradictions(facts)
    for name in state.sources:
        if name not in manifest.sources:
            what, why = "has no entry in sources.toml", "state tells of a source that nobody declares"
            mend = "git hybrid sync --prune"
            found.append(Violation(file=STATE, entry=name, what=what, why=why, mend=mend))
    found += (_lacking(entry) for entry in state.sources.values() if entry.lacking)
    found += (_edited(manifest.sources[name], state.sources[name]) for name in sorted(facts.edited))
    found += _unsaid(facts)
    for path in facts.left_out or sorted(facts.ignored):
        what, why = "is on the disk, and will not be in the commit", "what it records is known to this machine alone"
        mend = f"git add -- {path}"
        if path in facts.ignored:
            what, mend = f"{what}: git ignores it", f"git add -f -- {path}"
        found.append(Violation(file=path, entry="index", what=what, why=why, mend=mend, level="warn"))
    return tuple(found)


def at_odds(facts: Facts) -> tuple[SourceName, ...]:
    """Return the sources that state has at their pinned commit, with another URL or ref than their valid pin is of.

    Each may have been pinned anew since it was installed: what was installed then the audit log tells.
    """
    sources, pins = facts.manifest.sources, facts.lock.pins
    return tuple(
        name
        for name, entry in facts.state.sources.items()
        if name in sources
        and name in pins
        and pins[name].commit == entry.commit
        and (entry.url, entry.track) != (sources[name].url, sources[name].track)
        and is_valid(pins[name], sources[name])
    )


def _edited(source: Source, entry: SourceState) -> Violation:
    has, wanted = f"url {entry.url}", f"url {source.url}"
    if entry.url == source.url:
        has, wanted = (" ".join(track_field(track)) for track in (entry.track, source.track))
    what = f"has {has}, and {MANIFEST} and {LOCK} have {wanted} at that commit"
    why = "the record that it names tells of something else: it was edited by hand, or merged"
    mend = f"{_STATE_BACK}{COMMITTED}git hybrid sync {entry.name}"
    return Violation(file=STATE, entry=entry.name, what=what, why=why, mend=mend)


def _lacking(entry: SourceState) -> Violation:
    """Return that *entry* lacks keys; one of version 0 has no others, until a sync has recorded it."""
    what, sync = f"lacks {', '.join(entry.lacking)}", f"git hybrid sync {entry.name}"
    if is_older(entry) and "scan_status" not in entry.lacking:
        why = "an older version wrote it, and no record tells of it yet"
        return Violation(file=STATE, entry=entry.name, what=what, why=why, mend=sync, level="warn")
    why = "a run writes all of its keys, so it was edited by hand, or merged"
    return Violation(file=STATE, entry=entry.name, what=what, why=why, mend=f"{_STATE_BACK}{COMMITTED}{sync}")


def _unsaid(facts: Facts) -> Iterator[Violation]:
    """Yield what state does not say, or not as it would be written."""
    why = "whoever reads it takes the source for one that nobody has built from yet"
    for name, is_sure in facts.unsaid.items():
        what, mend = f"lacks what the audit log tells: {name} was installed", f"git hybrid sync {name}"
        if not is_sure:
            what = f"{what}, maybe on a branch that was merged"
        yield Violation(
            file=STATE,
            entry=name,
            what=what,
            why=why,
            mend=f"{_STATE_BACK}{COMMITTED}{mend}" if is_sure else mend,
            level="fail" if is_sure else "warn",
        )
    if not facts.is_in_form:
        what, why = "is in another form than it is written in", "a change of one source shows as one of all"
        mend = f"{_STATE_BACK}{COMMITTED}python3 -m json.tool --sort-keys --indent 2 --no-ensure-ascii {STATE} {STATE}"
        yield Violation(file=STATE, entry="file", what=what, why=why, mend=mend, level="warn")


def _contradictions(facts: Facts) -> Iterator[Violation]:
    """Yield the pins by a tag that others of the same repository have at another object, where no override says why.

    Whether that is in force the check of overrides tells.
    """
    tags: dict[tuple[tuple[str, str], str], list[Pin]] = {}
    for name, pin in facts.lock.pins.items():
        if tells_tag(pin, facts.manifest.sources.get(name)):
            tags.setdefault((repository_key(pin.url), pin.ref), []).append(pin)
    for pins in tags.values():
        if len({_object(pin) for pin in pins}) == 1:
            continue
        forced = {_object(pin) for pin in pins if pin.override}
        plain = [pin for pin in pins if _object(pin) not in forced]
        plain.sort(key=lambda pin: (pin.first_seen, pin.source))
        for pin in (item for item in plain if _object(item) != _object(plain[0])):
            there = f"{plain[0].source}, of the same repository, at {_object(plain[0])}"
            what = f"has {short_ref(pin.ref)} at {_object(pin)}, and {there}"
            why = "a tag that moves is no release any more: one of the two took it unseen"
            approved = f"git hybrid pin {pin.source} --to {pin.commit} {approval_words(signed=facts.has_keys)}"
            mend = f"git hybrid pin {pin.source} --commit {pin.commit}; or, if it is approved: {approved}"
            yield Violation(file=LOCK, entry=f"source.{pin.source}", what=what, why=why, mend=mend)


def _object(pin: Pin) -> str:
    return f"{pin.commit} (tag {pin.tag_object})" if pin.tag_object else pin.commit


def _declared(facts: Facts) -> Iterator[Violation]:
    """Yield what is wrong with the entries of the manifest; where the lock is left out, that is told, and no pin."""
    for name, source in facts.manifest.sources.items():
        entry = f"source.{name}"
        if not allows_host(facts.manifest.policy, source.url):
            what, why = f"the host {source.url.host} is not in [policy] hosts", "only reviewed hosts may be built from"
            yield Violation(file=MANIFEST, entry=entry, what=what, why=why, mend=f"git hybrid remove {name}")
        elif name not in facts.lock.pins and LOCK not in facts.left_out:
            what, why = f"has no pin in {LOCK}", "sync refuses it, so whoever gets the commit cannot build from it"
            mend = LOCK_BACK if name in facts.lost else "git hybrid pin"
            installed = facts.state.sources.get(name)
            if installed is None or is_older(installed):
                yield Violation(file=MANIFEST, entry=entry, what=what, why=why, mend=mend, level="warn")
                continue
            what = f"is not there, and {STATE} tells that {name} was installed"
            mend = mend if name in facts.lost else f"{LOCK_BACK}{COMMITTED}{mend}"
            yield Violation(file=LOCK, entry=entry, what=what, why=why, mend=mend)
