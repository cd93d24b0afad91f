"""``check open-issues``: a specification points to the document of its open issues, and both keep up. Pure.

Without ``[[open_issues]]`` in the manifest every ``spec.md`` below ``specs/`` or ``openspec/specs/`` is looked at.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from fnmatch import fnmatchcase

from git_hybrid.core.checks import Facts, Violation
from git_hybrid.core.manifest import OpenIssues
from git_hybrid.core.pattern import pattern
from git_hybrid.core.words import typed

HEADING = "## Open Issues"
DEFAULT_FOLDERS = ("specs", "openspec/specs")
_FENCE = pattern(r"\s{0,3}(```|~~~)")
_PATH = pattern(r"[A-Za-z0-9._~@+-]+(?:/[A-Za-z0-9._~@+-]+)*")
_WHY = "a reader of the specification must find what is not true of it yet"


def check_open_issues(facts: Facts) -> tuple[Violation, ...]:
    """Return what is wrong with the ``## Open Issues`` sections, and assessments that were changed alone."""
    rules = facts.manifest.open_issues
    if not rules:
        return tuple(item for path in sorted(facts.documents) if is_default(path) for item in _by_default(path, facts))
    return tuple(item for rule in rules for item in (*_pointed(rule, facts), *_kept_up(rule, facts)))


def is_default(path: str) -> bool:
    """Tell whether the document at *path* is a specification where the manifest names none."""
    inside = any(path.startswith(f"{folder}/") for folder in DEFAULT_FOLDERS)
    return inside and posixpath.basename(path) == "spec.md"


def section(text: str) -> str | None:
    """Return the body of the ``## Open Issues`` section of a Markdown *text*, or None if it has none."""
    body: list[str] | None = None
    fenced = False
    for line in text.splitlines():
        fenced ^= _FENCE.match(line) is not None
        if not fenced and line.startswith(("# ", "## ")):
            if body is not None:
                break
            body = [] if line.strip().casefold() == HEADING.casefold() else None
        elif body is not None:
            body.append(line)
    return None if body is None else "\n".join(body)


def _by_default(path: str, facts: Facts) -> Iterator[Violation]:
    body = section(facts.documents[path])
    if body is None:
        yield _no_section(path, "the document of its remediations")
        return
    named = _PATH.findall(body)
    near = {posixpath.normpath(posixpath.join(posixpath.dirname(path), item)) for item in named}
    if not {*named, *near} & facts.paths - {path}:
        what = f"its {HEADING} section names no remediation document that exists"
        yield Violation(file=path, entry=HEADING, what=what, why=_WHY, mend="name the path of the document there")


def _no_section(path: str, document: str) -> Violation:
    mend = f"add the section to {path}, with the path of {document}"
    return Violation(file=path, entry=HEADING, what=f"has no {HEADING} section", why=_WHY, mend=mend)


def _pointed(rule: OpenIssues, facts: Facts) -> Iterator[Violation]:
    text = facts.documents.get(rule.spec)
    if text is None:
        what, why = "is named by [[open_issues]] and is not there", "its open issues cannot be found"
        correct = "correct [[open_issues]] in sources.toml"
        yield Violation(file=rule.spec, entry="file", what=what, why=why, mend=correct)
        return
    if rule.remediations not in facts.paths:
        what = "is the remediation document of a specification, and is not there"
        mend = f"create {rule.remediations}, or correct [[open_issues]] in sources.toml"
        yield Violation(file=rule.remediations, entry="file", what=what, why=_WHY, mend=mend)
    body = section(text)
    if body is None:
        yield _no_section(rule.spec, rule.remediations)
    elif not _names(body, rule):
        what = f"its {HEADING} section does not name {rule.remediations}"
        yield Violation(file=rule.spec, entry=HEADING, what=what, why=_WHY, mend="name the path of the document there")


def _names(body: str, rule: OpenIssues) -> bool:
    relative = posixpath.relpath(rule.remediations, posixpath.dirname(rule.spec) or ".")
    return bool({rule.remediations, relative, f"./{relative}"} & set(_PATH.findall(body)))


def _kept_up(rule: OpenIssues, facts: Facts) -> Iterator[Violation]:
    """Yield the assessments that change without the documents that have to tell of them."""
    documents = (rule.remediations, rule.spec)
    assessed = [path for path in facts.changed if _is_assessment(path, rule) and path not in documents]
    left = [path for path in documents if path not in facts.changed]
    if assessed and left:
        what = f"changes without {' and '.join(left)}"
        why = "what an assessment finds must be in the remediation document, and the specification must point to it"
        mend = f"bring {' and '.join(left)} up to date, then: {typed('git', 'add', '--', *left)}"
        yield Violation(file=min(assessed), entry="assessment", what=what, why=why, mend=mend)


def _is_assessment(path: str, rule: OpenIssues) -> bool:
    return any(fnmatchcase(path, pattern) or path.startswith(pattern.rstrip("/") + "/") for pattern in rule.assessments)
