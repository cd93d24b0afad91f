"""URLs as a browser shows them, of a page of a repository, and as other tools write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote

from git_hybrid.core.ids import InvalidText, Url, is_oid, parse_url, shown_url
from git_hybrid.core.value import replace
from git_hybrid.core.words import as_typed, typed

_FILES = frozenset({"tree", "blob", "raw", "blame", "commits", "src"})
_HOSTS = frozenset({"github.com", "gitlab.com", "bitbucket.org", "codeberg.org"})
_TWO_DEEP = _HOSTS - {"gitlab.com"}
"""Where no repository is deeper than its owner."""
_RELEASE, _PLAIN = re.compile(r"[vV]?[0-9]+([.]|$)"), re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]*")
_SCP = re.compile(r"git@(?P<host>[A-Za-z0-9.-]+):/?(?P<path>[^/:][^:]*)")
_PAGES = _FILES | {
    *("actions", "archive", "branches", "commit", "compare", "issues", "merge_requests", "pull", "pulls", "releases"),
    *("tags", "wiki"),
}


def instead_of(text: str) -> str:
    """Return the command that adds the repository that *text* is meant for; nothing where nobody can tell.

    *text* is the URL of a page, or has what other tools write around a URL: ``git::``, ``git+``, ``?ref=``, ``#name``,
    ``//folder``, no scheme, ``http``, or git@host:path.
    """
    bare = text.removeprefix("git::").removeprefix("git+")
    whole, revision = _parted(_secured(bare))
    try:
        url = parse_url(whole)
    except InvalidText:
        return ""
    if shown_url(whole) != whole:
        return ""
    parts, page = url.path.strip("/").split("/"), list[str]()
    if url.scheme == "https" and "-" in parts[2:]:
        # GitLab has groups in groups, and sets its pages apart by this.
        end = parts.index("-", 2)
        parts, page = parts[:end], parts[end + 1 :]
    elif url.scheme == "https" and len(parts) > 2 and parts[2] in _PAGES:
        parts, page = parts[:2], parts[2:]
    elif whole == text:
        return ""
    repository = replace(url, path=f"/{'/'.join(parts)}")
    return f"git hybrid add {typed(str(repository))}{_track(page) or _of(revision)}{as_typed()}"


def page_instead(text: str, url: Url) -> str:
    """Return the command for *text*, the *url* of a page of a repository on a host that surely has none there.

    Elsewhere a repository may be called ``tree``; there its server is asked, and tells.
    """
    is_page = url.host in _TWO_DEEP or (url.host in _HOSTS and "/-/" in url.path)
    return instead_of(text) if url.scheme == "https" and is_page else ""


def _secured(text: str) -> str:
    """Return *text* with the scheme that it is asked by; of git@host:path that is ssh."""
    if scp := _SCP.fullmatch(text):
        return f"ssh://git@{scp['host']}/{scp['path']}"
    if text.startswith("http://"):
        return f"https://{text.removeprefix('http://')}"
    return f"https://{text}" if text.split("/", 1)[0] in _HOSTS else text


def _parted(text: str) -> tuple[str, str]:
    """Return the URL in *text*, and the revision that it names: as ``ref`` in a query, after ``#`` or ``@``.

    A word after ``#`` is the place on a page, unless it looks like a commit or a version.
    """
    before, _, place = text.partition("#")
    whole, _, query = before.partition("?")
    named = re.search(r"(?:^|&)ref=([^&]+)", query)
    revision = named[1] if named else place if is_oid(place) or _RELEASE.match(place) else ""
    scheme, mark, rest = whole.partition("://")
    repository, _, folder = rest.partition("//")
    host, slash, path = repository.partition("/")
    path, _, last = path.rpartition("@") if "@" in path.rpartition("/")[2] else (path, "", "")
    whole = f"{scheme}{mark}{host}{slash}{path}" if mark and (folder or last) else whole
    return whole, unquote(revision or last)


def _of(revision: str) -> str:
    """Return the option for a *revision* of which nobody says what it is; one that begins like a version is a tag."""
    if not revision or not _PLAIN.fullmatch(revision):
        return ""
    kind = "commit" if is_oid(revision) else "tag" if _RELEASE.match(revision) else "branch"
    return f" --{kind} {typed(revision)}"


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
