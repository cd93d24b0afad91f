"""``check sources``: nothing of the clones is committed, and each stands at its pin. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from git_hybrid.core.checks import Facts, Violation

_OURS = frozenset({"sources/.gitignore"})
_SHOWN = 5


def check_sources(facts: Facts) -> tuple[Violation, ...]:
    """Return what is committed of the clones, and which of them do not stand where the lock says."""
    return (*_committed(facts), *_misplaced(facts))


def _committed(facts: Facts) -> Iterator[Violation]:
    strays = [path for path in facts.tracked if path not in _OURS]
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


def _misplaced(facts: Facts) -> Iterator[Violation]:
    for name, pin in facts.lock.pins.items():
        head = facts.heads.get(name, pin.commit)
        if head == pin.commit:
            continue
        what = f"stands at {head[:12] or 'no commit that can be read'}, and its pin is {pin.commit[:12]}"
        why = "what was built and tested here is not what is committed"
        yield Violation(file=f"sources/{name}", entry="HEAD", what=what, why=why, mend=f"git hybrid sync {name}")
