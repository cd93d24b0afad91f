"""What to do about a failure of which more is known than its code says: a fact of the error tells it."""

from __future__ import annotations

from collections.abc import Mapping

from git_hybrid.cli.remedy import Remedy
from git_hybrid.core.errors import AccessDenied, HybridError, InsecureRedirect, LfsMissing, NetworkFailure, WrongContent

_PUSH = "to have it upstream first: git -C sources/{name} push origin HEAD:refs/heads/{own}"
_TITLE = "{name}: state/sources.lock does not name what was pinned"
_WHY = "the audit log tells otherwise than the lock, which was edited by hand or by a merge"
_HINTS = (
    "git checkout HEAD -- state/sources.lock",
    "where that is what was committed, find the pin that was: git log -p -- state/sources.lock",
)

BY_FACT: Mapping[str, Remedy] = {
    # With until.
    "network": Remedy(
        4,
        "{name_or_url}: the server asks to wait until {until} ({kind})",
        "{message}\nthat is longer than [defaults] retry lets anybody wait here",
        ("after that, not before: git ls-remote {url}",),
    ),
    # With own.
    "unreachable": Remedy(
        5,
        "{name}: the commit {commit} is not in the history of {ref} upstream",
        "it stands in sources/{name}, and is in that clone alone",
        (
            _PUSH + ", then git hybrid pin {name} --branch {own}",
            "git hybrid diff {name}",
            "to leave it, saved: git hybrid reset {name}",
        ),
    ),
    # With setting.
    "git-failed": Remedy(
        74,
        "{name_prefix}{command} failed: git does not take the value of its setting {setting}",
        "{stderr_and_stdout}",
        ("git config --show-origin --get-all {setting}",),
    ),
}
"""The remedies by the code of the error."""
TOO_LATE = Remedy(
    4,
    "{name_or_url}: the network failed ({kind}) {tries}",
    "{message}\n[defaults] {kind} in sources.toml can allow more",
    ("git ls-remote {url}", "what is set: git hybrid config --show-origin"),
)
EDITED: Mapping[str, Remedy] = {
    "wrong-content": Remedy(5, _TITLE, "{what}: the lock has {expected}, found was {found}\n" + _WHY, _HINTS),
    "unreachable": Remedy(5, _TITLE, "it has {commit}, which is not in the history of {ref}\n" + _WHY, _HINTS),
    "off-branch": Remedy(
        6,
        "{name}: state/sources.lock has {locked}, and sources.toml {ref}",
        "no command pins so: the lock was edited by hand, or by a merge",
        (_HINTS[0], "where it was committed so: git hybrid pin {name}"),
    ),
}
"""Where the lock was edited: by the audit log it names another thing, or by the manifest; by the code of the error."""
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
