"""Content of Git LFS that a server does not send as it should: what is done, in place of the remedy of the code."""

from __future__ import annotations

from git_hybrid.cli.remedy import Remedy
from git_hybrid.core.errors import AccessDenied, HybridError, InsecureRedirect, LfsMissing, NetworkFailure, WrongContent

SENT = Remedy(
    5,
    "{name}: {url} sent wrong {what}",
    "expected {expected}, found {found}\nnothing of that was used: tell whoever runs the server\n"
    'with lfs = "pointer" in sources.toml files of Git LFS stay pointers',
    ("once it sends what is pinned: git hybrid sync {name}",),
)
KEPT_ELSEWHERE = Remedy(
    4,
    "{name_or_url}: LFS content is kept at {elsewhere}, which wants a login",
    "a login is shown to no host that only a server has named\n"
    "after review its host can be named in [policy] hosts of sources.toml, beside those of all sources",
    ("git hybrid config --show-origin",),
)
UNREACHED_ELSEWHERE = Remedy(
    4,
    "{name_or_url}: the network failed ({kind}) {tries} at {elsewhere}, where LFS content is kept",
    "{message}\nthe server at {url} answered",
    ("once it is there again: git hybrid sync {name}",),
)
LEADS_ELSEWHERE = Remedy(
    4,
    "{name_or_url}: for LFS content {url} leads to {target}, from where nothing is used",
    "only https counts: what comes another way can be changed on the way\ntell whoever runs the server",
    ("once it leads to https: git hybrid sync {name}",),
)
REFUSED = Remedy(
    4,
    "{name_or_url}: {url} refuses to send Git LFS content (HTTP {status})",
    "{message}\nwhoever runs the server can tell what it wants: a quota may be used up\n"
    'with lfs = "pointer" in sources.toml files of Git LFS stay pointers',
    ("once it sends them: git hybrid sync {name}",),
)


def of_content(error: HybridError) -> Remedy | None:
    """Return the remedy where *error* is of such content, and of no mirror but where it is kept elsewhere."""
    if isinstance(error, AccessDenied) and error.elsewhere:
        return KEPT_ELSEWHERE
    if isinstance(error, NetworkFailure) and error.elsewhere and not error.until:
        return UNREACHED_ELSEWHERE
    if isinstance(error, InsecureRedirect) and error.by_lfs:
        return LEADS_ELSEWHERE
    if isinstance(error, LfsMissing) and error.status and not error.mirror:
        return REFUSED
    if isinstance(error, WrongContent) and error.url and not error.mirror:
        return SENT
    return None
