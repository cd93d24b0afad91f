"""URLs from the address line of a browser, which show a page of a repository."""

from __future__ import annotations

import re
from collections.abc import Sequence

from git_hybrid.core.ids import InvalidText, is_oid, parse_url, shown_url
from git_hybrid.core.value import replace
from git_hybrid.core.words import as_typed, typed

_FILES = frozenset({"tree", "blob", "raw", "blame", "commits", "src"})
_PAGES = _FILES | {"commit", "releases", "tags", "branches", "issues", "pull", "pulls", "merge_requests", "wiki"}


def instead_of(text: str) -> str:
    """Return the command that adds the repository of which *text* is the URL of a page; nothing where it is no page."""
    whole = re.split(r"[?#]", text, maxsplit=1)[0]
    try:
        url = parse_url(whole)
    except InvalidText:
        return ""
    parts = url.path.strip("/").split("/")
    if url.scheme != "https" or shown_url(whole) != whole:
        return ""
    if "-" in parts[2:]:
        # GitLab has groups in groups, and sets its pages apart by this.
        end = parts.index("-", 2)
        parts, page = parts[:end], parts[end + 1 :]
    elif len(parts) > 2 and parts[2] in _PAGES:
        parts, page = parts[:2], parts[2:]
    elif whole == text:
        return ""
    else:
        page = []
    repository = replace(url, path=f"/{'/'.join(parts)}")
    return f"git hybrid add {typed(str(repository))}{_track(page)}{as_typed()}"


def _track(page: Sequence[str]) -> str:
    """Return the option for what *page* shows; a branch may be a tag, which is told when it is not found."""
    match page:
        case ["commit", name, *_] | ["src", "commit", name, *_]:
            return f" --commit {name}" if is_oid(name) else ""
        case ["releases", "tag", name, *_] | ["src", "tag", name, *_] | ["tags", name, *_]:
            return f" --tag {typed(name)}"
        case ["src", "branch", name, *_]:
            return f" --branch {typed(name)}"
        case [kind, name, *_] if kind in _FILES:
            return f" --commit {name}" if is_oid(name) else f" --branch {typed(name)}"
        case _:
            return ""
