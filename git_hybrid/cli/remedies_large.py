"""The remedy of a tree in which nothing is wrong but that it is larger than policy allows."""

from __future__ import annotations

from git_hybrid.cli.remedy import Remedy
from git_hybrid.core.words import as_typed

TOO_LARGE = Remedy(
    5,
    "{name}: the tree of {commit} is larger than policy allows",
    "{findings}\nmore can be allowed in sources.toml after review",
    (
        "what is set: git hybrid config --show-origin",
        "or pin another commit: git hybrid pin {name} --to REV" + as_typed("scan"),
    ),
)
