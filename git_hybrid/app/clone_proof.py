"""``git hybrid check sources``: prove the clones against the lock. Reads only, and asks no server."""

from __future__ import annotations

from collections.abc import Sequence

from git_hybrid.app.ending import of_source
from git_hybrid.app.executor import run_to_end
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.select import select
from git_hybrid.core.checks import Violation
from git_hybrid.core.clone_proof import judge_content, judge_lfs, judge_packs, judge_standing
from git_hybrid.core.errors import LocalIo
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import is_valid
from git_hybrid.core.plan import Clone, Unreadable
from git_hybrid.core.planner import differs
from git_hybrid.core.ports_identity import Prover
from git_hybrid.core.value import replace


def prove_clones(
    rt: Runtime, prover: Prover, *, names: Sequence[str] = (), content: bool = False
) -> tuple[Violation, ...]:
    """Return what of the clones is not as the lock says; with *content* every byte of them and of their packs is read.

    A source that has no pin or no clone yet is no violation: nothing can be built from it. One that the machine refuses
    to read is one, for of its files nothing is known.

    Raises:
        UnknownSource: a name is not in the manifest.
        InvalidFile, NewerSchema: a file cannot be read.
    """
    snapshot = rt.ledger.snapshot()
    selected = [name for name in select(snapshot.manifest, names, ()) if name in snapshot.lock.pins]

    def look(name: SourceName) -> tuple[Violation, ...]:
        rt.progress("start", name, "check")
        try:
            with of_source(name):
                found = prove(name)
        except LocalIo as error:
            found = judge_standing(snapshot.lock.pins[name], Unreadable(error), None)
        rt.progress("done", name, "differs" if found else "proved")
        return found

    def prove(name: SourceName) -> tuple[Violation, ...]:
        source, pin = snapshot.manifest.sources[name], snapshot.lock.pins[name]
        seen = rt.clones.inspect(name, pin.commit)
        if isinstance(seen, Clone) and source.history == "treeless" and seen.head != pin.commit:
            # It has every commit and the files of its own alone: those of another one come with the sync.
            seen = replace(seen, has_pin=False)
        standing = prover.standing(source, pin) if isinstance(seen, Clone) else None
        recorded = snapshot.state.sources.get(name)
        # What the manifest asks is not for a sync yet where the pin is of another entry.
        unlike = differs(source, seen) if isinstance(seen, Clone) and is_valid(pin, source) else ""
        found = judge_standing(pin, seen, standing, recorded.commit if recorded else None, differs=unlike)
        if content and standing is not None and not standing.broken:
            read = prover.content(source, standing)
            found = (*found, *judge_content(pin, standing, read, submodules=source.submodules))
        if content and standing is not None:
            found = (*found, *judge_packs(pin, prover.damaged_packs(source)))
            if source.lfs == "fetch":
                found = (*found, *judge_lfs(pin, prover.damaged_lfs(source, standing)))
        return found

    results = run_to_end(rt, snapshot.manifest, "proving the clones", look, selected)
    return tuple(violation for found in results for violation in found)
