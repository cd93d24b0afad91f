"""The remedies where a mirror, or a proxy, was asked and upstream itself was not: most often the mirror is behind.

What is told of upstream elsewhere would not be true here, and an override for a mirror that is behind would be wrong.
"""

from __future__ import annotations

from collections.abc import Mapping

from git_hybrid.cli.remedy import Remedy

_MAY_BE_BEHIND = "the mirror may be behind: upstream itself was not asked"
_HINTS = (
    "where the mirror is filled: git hybrid mirror update {mirror_folder}",
    "what the mirrors of the inventory hold: git hybrid mirror verify",
    "{ask_upstream_too}",
)

BEHIND: Mapping[str, Remedy] = {
    "unreachable": Remedy(
        5,
        "{name}: the commit {commit} is not in the history of {ref} at the mirror {mirror}",
        f"{_MAY_BE_BEHIND}\nelse {{why}}",
        _HINTS,
    ),
    "submodule-unreachable": Remedy(
        5,
        "{name}: the commit {commit} of its submodule {path} is on no branch and no tag at the mirror {mirror}",
        f"asked at {{url}}\n{_MAY_BE_BEHIND}",
        _HINTS,
    ),
    "unusable-ref": Remedy(
        5,
        "{name}: {ref} of the mirror {mirror} cannot be used",
        "{why}\nupstream itself was not the one that said so",
        _HINTS,
    ),
    "moved-tag": Remedy(
        5,
        "{name}: the mirror {mirror} has another {tag}: it was {old}, it is {new}",
        "its commit was {old_commit} and is {new_commit}\n{held}: a tag that moves is no release any more\n"
        "upstream itself was not asked",
        _HINTS[1:],
    ),
    "ref-missing": Remedy(
        5,
        "{name}: the mirror {mirror} has no {ref}",
        "asked at {url}\n{nearest}\n" + _MAY_BE_BEHIND,
        ("git ls-remote {url}", *_HINTS),
    ),
    "repository-damaged": Remedy(
        4,
        "{name}: what the mirror {mirror} has of it is damaged, or half copied",
        "asked at {url}\n{message}\nupstream itself was not asked",
        _HINTS,
    ),
    "malformed-objects": Remedy(
        5,
        "{name}: the mirror {mirror} sent objects that are not sound",
        "{message}\nupstream itself was not asked",
        _HINTS,
    ),
    "fsck-refused": Remedy(
        5,
        "{name}: git's fsck refuses objects that the mirror {mirror} sent",
        "{findings}\nupstream itself was not asked",
        _HINTS,
    ),
    "wrong-content": Remedy(
        5,
        "{name}: the mirror {mirror} sent wrong {what}",
        "expected {expected}, found {found}\nasked at {url}\nupstream itself was not asked",
        (_HINTS[0], _HINTS[2]),
    ),
    "lfs-missing": Remedy(
        4,
        "{name}: the mirror {mirror} does not send Git LFS content of the pinned commit",
        "asked at {url}\n{message}\nit may be older than lfs = 'fetch': upstream itself was not asked",
        (_HINTS[0], _HINTS[2]),
    ),
    "rewritten-history": Remedy(
        5,
        "{name}: the mirror {mirror} does not have {old} in the history of {ref}, whose tip there is {new}",
        f"the pin stays as it was\n{_MAY_BE_BEHIND}, and may have rewritten it",
        _HINTS,
    ),
    "identity-changed": Remedy(
        5,
        "{name}: another repository is served at {url}",
        "root commits were {old} and are {new}\nthe mirror {mirror} was asked, upstream itself was not",
        ("git ls-remote {url}", *_HINTS[1:]),
    ),
    "rollback": Remedy(
        6,
        "{name}: the newest that the mirror {mirror} has is {new}, which is older than the pinned {old}",
        f"the pin stays as it was\n{_MAY_BE_BEHIND}",
        _HINTS,
    ),
}
"""By the code of the error, in place of its remedy."""

OF_ANOTHER = Remedy(
    4,
    "{name_or_url}: git uses no repository of another user",
    "{message}",
    ("where you trust who owns it: {trust}",),
)
BY_PROXY = Remedy(
    4,
    "{name_or_url}: the proxy on the way to {url} wants a login, or lets nobody through to it",
    "{message}\nthe server itself was not asked; a proxy of the environment goes before that of git's settings",
    ("git config --get-urlmatch http.proxy {url}", "which proxy is used: git hybrid diag"),
)
