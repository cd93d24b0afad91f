"""``check sources``: nothing of clones and of single runs is committed, and each clone stands at its pin. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from git_hybrid.core.checks import Facts, Violation

_OURS = frozenset({"sources/.gitignore"})
_SHOWN = 5
_JOURNALS, _LEFT = "state/journal", ".tmp"


def check_sources(facts: Facts) -> tuple[Violation, ...]:
    """Return what is committed of clones and of runs, and which clones do not stand where the lock says."""
    return (*_committed(facts), *_of_runs(facts), *_misplaced(facts))


def is_of_sources(path: str) -> bool:
    """Tell whether *path* is ``sources/`` or below it, in any case."""
    return path.lower().partition("/")[0] == "sources"


def _committed(facts: Facts) -> Iterator[Violation]:
    strays = [path for path in facts.tracked if path not in _OURS and is_of_sources(path)]
    names = sorted({"/".join(path.split("/")[:2]) for path in strays})
    for name in names[:_SHOWN]:
        what = "is being committed, and belongs to another repository"
        why = "state/sources.lock says what is at this path; a copy would be built from without any proof"
        mend = f"git rm -r --cached --ignore-unmatch -- {name}"
        yield Violation(file=name, entry="index", what=what, why=why, mend=mend)
    if len(names) > _SHOWN:
        what, why = f"{len(names) - _SHOWN} more sources are being committed", "the same holds of them"
        mend = "git rm -r --cached --ignore-unmatch -- sources"
        yield Violation(file="sources", entry="index", what=what, why=why, mend=mend)


def _of_runs(facts: Facts) -> Iterator[Violation]:
    """Yield what is committed of the files that a run keeps for itself."""
    others = [path for path in facts.tracked if not is_of_sources(path)]
    for name in sorted({_one_of(path) for path in others}):
        what = "is being committed, and is of one run on one machine"
        why = "others would go on from it; if it is not yours, type -f for --cached, which takes it from the disk too"
        mend = f"git rm -r --cached --ignore-unmatch -- '{name}'"
        yield Violation(file=name, entry="index", what=what, why=why, mend=mend)


def _one_of(path: str) -> str:
    """Return the name under which *path* is told: all journals, and all that killed writers left, are one each."""
    if path.lower().startswith(_JOURNALS):
        return path[: len(_JOURNALS)]
    return f"{path.partition('/')[0]}/*{_LEFT}" if path.lower().endswith(_LEFT) and "/" in path else path


def _misplaced(facts: Facts) -> Iterator[Violation]:
    for name, pin in facts.lock.pins.items():
        head = facts.heads.get(name, pin.commit)
        if head == pin.commit:
            continue
        what = f"stands at {head[:12] or 'no commit that can be read'}, and its pin is {pin.commit[:12]}"
        why = "what was built and tested here is not what is committed"
        yield Violation(file=f"sources/{name}", entry="HEAD", what=what, why=why, mend=f"git hybrid sync {name}")
