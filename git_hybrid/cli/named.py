"""Sources that are named by the paths of their folders, as git takes paths and shells complete them."""

from __future__ import annotations

import os
from collections.abc import Sequence

from git_hybrid.cli.common import Common
from git_hybrid.core.errors import BadArgument, NoWorkspace
from git_hybrid.store.layout import find_root

_DOTS = (".", "..")


def by_path(common: Common, words: Sequence[str]) -> tuple[str, ...]:
    """Return *words*, the path of a source's folder replaced by its name; a name has no slash.

    A path counts from the folder to work in. What is deeper in a clone is no source: it is returned as it is called
    from the root of the workspace, and whoever looks for it tells which source that is in.

    Raises:
        BadArgument: a ``-C`` names no folder.
        FolderGone: as for all that needs the current folder.
    """
    if not any(_is_path(word) for word in words):
        return tuple(words)
    folder = common.folder
    try:
        sources = str(find_root(folder).sources_folder)
    except NoWorkspace:
        # Told by whoever opens it.
        return tuple(words)
    return tuple(_named(word, os.path.join(folder, word), sources) if _is_path(word) else word for word in words)


def one_of(common: Common, word: str | None, named: str | None) -> str | None:
    """Return the name of a source that *word* or the option ``--source``, *named*, may tell, or both alike.

    Raises:
        BadArgument: they are two sources, or a ``-C`` names no folder.
    """
    told = by_path(common, [given for given in (word, named) if given is not None])
    if len(told) > 1 and told[0] != told[1]:
        raise BadArgument(what="--source", value=told[1], reason=f"is another one than {told[0]}")
    return told[0] if told else None


def _is_path(word: str) -> bool:
    return "\0" not in word and ("/" in word or word in _DOTS)


def _named(word: str, path: str, sources: str) -> str:
    inner = os.path.relpath(os.path.realpath(path), sources)
    if inner.startswith(_DOTS):
        return word
    return f"{os.path.basename(sources)}/{inner}" if "/" in inner else inner
