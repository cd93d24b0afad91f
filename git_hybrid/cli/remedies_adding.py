"""What to type next where a source could not be added: no other command knows it, since nothing was written."""

from __future__ import annotations

from collections.abc import Mapping

_ANOTHER = "add something else of it: --branch, --tag, --version or --commit"

ADDING: Mapping[str, tuple[str, ...]] = {
    "too-young": (
        "wait until then, and add it again",
        "or, if its branch moved on by then, with --commit {commit}",
    ),
    "unreachable": ("check the id, or " + _ANOTHER,),
    "unusable-ref": (_ANOTHER,),
    "off-branch": ("name a branch that has the commit, or none: then the commit itself is followed",),
    "ref-missing": ("git ls-remote {url}", _ANOTHER),
    "hostile-tree": (_ANOTHER,),
    "fsck-refused": ("tell upstream: git fsck shows it", _ANOTHER),
    "scan-blocked": (_ANOTHER,),
    "host-not-allowed": ("add it to [policy] hosts in sources.toml after review, and add the source again",),
}
"""By the code of the error, in place of the hints of its remedy."""

_BRANCH = "name a branch that has the commit by branch = in {imported}, or none: then the commit itself is followed"
_OTHER_COMMIT = "git checkout another commit in the submodule, and git add it"

IMPORTING: Mapping[str, tuple[str, ...]] = {
    "too-young": ("wait until then, and import it again",),
    "unreachable": ("push the commit to a branch of its upstream, or " + _OTHER_COMMIT,),
    "unusable-ref": (_BRANCH,),
    "off-branch": (_BRANCH,),
    "ref-missing": ("git ls-remote {url}", _BRANCH),
    "hostile-tree": (_OTHER_COMMIT,),
    "fsck-refused": ("tell upstream: git fsck shows it", _OTHER_COMMIT),
    "scan-blocked": (_OTHER_COMMIT,),
    "host-not-allowed": ("add it to [policy] hosts in sources.toml after review",),
}
"""The same for a submodule that was to be imported: ``init`` has no options for what to take of it."""
