"""``check open-issues``: a specification points to the document of its open issues, and both keep up. Pure.

Without ``[[open_issues]]`` in the manifest every ``spec.md`` below ``specs/`` or ``openspec/specs/`` is looked at.
"""

from __future__ import annotations

import posixpath
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from itertools import islice

from git_hybrid.core.checks import Facts, Violation
from git_hybrid.core.manifest import OpenIssues
from git_hybrid.core.named import Names, from_root
from git_hybrid.core.pattern import pattern
from git_hybrid.core.words import typed

HEADING = "## Open Issues"
DEFAULT_FOLDERS = ("specs", "openspec/specs")
_FENCE = pattern(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})(.*)")
_HEADING = pattern(r" {0,3}(#{1,2})(?=[ \t]|$)(.*)")
_PATH = pattern(r"[A-Za-z0-9._~@+-]+(?:/[A-Za-z0-9._~@+-]+)*")
_GLOB = pattern(r"[*?[]")
_WHY = "a reader of the specification must find what is not true of it yet"


def check_open_issues(facts: Facts) -> tuple[Violation, ...]:
    """Return what is wrong with the ``## Open Issues`` sections, and assessments that were changed alone."""
    rules = facts.manifest.open_issues
    if not rules:
        names = cache(lambda: Names(facts.paths))
        specs = filter(is_default, sorted(facts.documents))
        return tuple(item for path in specs for item in _by_default(path, facts, names))
    pointed, changed = _pointed_to(rules, facts), sorted(facts.changed)
    return tuple(item for rule in rules for item in (*_pointed(rule, facts, pointed), *_kept_up(rule, facts, changed)))


def is_default(path: str) -> bool:
    """Tell whether the document at *path* is a specification where the manifest names none."""
    inside = any(path.startswith(f"{folder}/") for folder in DEFAULT_FOLDERS)
    return inside and posixpath.basename(path) == "spec.md"


def section(text: str) -> str | None:
    """Return the body of the ``## Open Issues`` section of a Markdown *text*, or None if it has none.

    Headings and fences of code are those of CommonMark (https://spec.commonmark.org/0.31.2/).
    """
    body: list[str] | None = None
    fence = ""
    for line in text.splitlines():
        heading = None if fence else _heading(line)
        if heading is not None:
            if body is not None:
                break
            body = [] if heading == HEADING.casefold() else None
            continue
        fence = _fence(line, fence)
        if body is not None:
            body.append(line)
    return None if body is None else "\n".join(body)


def _fence(line: str, fence: str) -> str:
    """Return what the block of code that *line* stands in began with, nothing outside of one; before it *fence* did."""
    match = _FENCE.match(line)
    if match is None:
        return fence
    mark, behind = match.groups()
    if not fence:
        return mark
    return "" if mark.startswith(fence) and not behind.strip(" \t") else fence


def _heading(line: str) -> str | None:
    """Return *line* as a heading of the first or second level is compared; None if it is none."""
    match = _HEADING.match(line)
    if match is None:
        return None
    title = match[2].strip(" \t")
    bare = title.rstrip("#")
    if bare[-1:] in ("", " ", "\t"):
        title = bare
    return " ".join([match[1], *title.split()]).casefold()


def _by_default(path: str, facts: Facts, names: Callable[[], Names]) -> Iterator[Violation]:
    body = section(facts.documents[path])
    if body is None:
        yield _no_section(path, "the document of its remediations")
        return
    folder, words = posixpath.dirname(path), {item.rstrip(".") for item in _PATH.findall(body)}
    found = {name for word in words for name in (word, from_root(word, folder)) if name in facts.paths}
    # A name may have more in it than nearly all have; looking for these takes longer.
    if found <= {path} and _names(names(), body, path) <= {path}:
        what = f"its {HEADING} section names no remediation document that exists"
        yield Violation(file=path, entry=HEADING, what=what, why=_WHY, mend="name the path of the document there")


def _no_section(path: str, document: str) -> Violation:
    mend = f"add the section to {path}, with the path of {document}"
    return Violation(file=path, entry=HEADING, what=f"has no {HEADING} section", why=_WHY, mend=mend)


def _pointed_to(rules: Sequence[OpenIssues], facts: Facts) -> dict[str, set[str] | None]:
    """Return which documents of *rules* each specification that is there names; None where it has no section."""
    wanted: dict[str, set[str]] = {}
    for rule in rules:
        wanted.setdefault(rule.spec, set()).add(rule.remediations)
    bodies = {spec: section(facts.documents[spec]) for spec in wanted if spec in facts.documents}
    return {spec: body if body is None else _names(Names(wanted[spec]), body, spec) for spec, body in bodies.items()}


def _pointed(rule: OpenIssues, facts: Facts, pointed: Mapping[str, set[str] | None]) -> Iterator[Violation]:
    if rule.spec not in pointed:
        what, why = "is named by [[open_issues]] and is not there", "its open issues cannot be found"
        correct = "correct [[open_issues]] in sources.toml"
        yield Violation(file=rule.spec, entry="file", what=what, why=why, mend=correct)
        return
    if rule.remediations not in facts.paths:
        what = "is the remediation document of a specification, and is not there"
        mend = f"create {rule.remediations}, or correct [[open_issues]] in sources.toml"
        yield Violation(file=rule.remediations, entry="file", what=what, why=_WHY, mend=mend)
    named = pointed[rule.spec]
    if named is None:
        yield _no_section(rule.spec, rule.remediations)
    elif rule.remediations not in named:
        what = f"its {HEADING} section does not name {rule.remediations}"
        yield Violation(file=rule.spec, entry=HEADING, what=what, why=_WHY, mend="name the path of the document there")


def _names(names: Names, body: str, spec: str) -> set[str]:
    """Return which of *names* stand in *body*, of the document *spec*, as they are or percent-encoded as in a link."""
    found = names.named_in(body, spec)
    if "%" in body:
        from urllib.parse import unquote  # noqa: PLC0415

        found |= names.named_in(unquote(body), spec)
    return found


def _kept_up(rule: OpenIssues, facts: Facts, changed: Sequence[str]) -> Iterator[Violation]:
    """Yield the assessments that change without the documents that have to tell of them."""
    documents = (rule.remediations, rule.spec)
    left = [path for path in documents if path not in facts.changed]
    found = (_first_of(pattern, changed, documents) for pattern in rule.assessments if left)
    if assessed := [path for path in found if path is not None]:
        what = f"changes without {' and '.join(left)}"
        why = "what an assessment finds must be in the remediation document, and the specification must point to it"
        mend = f"bring {' and '.join(left)} up to date, then: {typed('git', 'add', '--', *left)}"
        yield Violation(file=min(assessed), entry="assessment", what=what, why=why, mend=mend)


def _first_of(wanted: str, changed: Sequence[str], documents: Collection[str]) -> str | None:
    """Return the first of the paths *changed*, in their order, that *wanted* stands for and that is no document."""
    plain = _GLOB.split(wanted, 1)[0]
    for path in islice(changed, bisect_left(changed, plain), None):
        if not path.startswith(plain):
            break
        if path not in documents and (fnmatchcase(path, wanted) or path.startswith(f"{wanted}/")):
            return path
    return None
