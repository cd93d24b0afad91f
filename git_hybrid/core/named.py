"""Which files a document names, found in one pass over it: neither many files nor a long text make it slow. Pure."""

from __future__ import annotations

import posixpath
from bisect import bisect_left, bisect_right
from collections.abc import Collection
from functools import cache

from git_hybrid.core.pattern import pattern

_LONGEST = 4096
"""The longest path that a file can have (PATH_MAX)."""
_RUN = pattern(r"[\w~@+/.-]+")
_PART = pattern(r"[\w~@+/.-]+|[^\w~@+/.-](?![\w~@+/.-])")
_PIECE = pattern(r"([\w~@+/.-]*)\0\.*|[^\w~@+/.-](?:\0(?!\.))?")


class Names:
    """Paths, by which :meth:`named_in` finds those that a document names."""

    def __init__(self, paths: Collection[str]) -> None:
        """Take *paths* from the root of the workspace."""
        self._plain = {path for path in paths if _RUN.fullmatch(path) and not path.endswith(".")}
        coded = sorted((_coded(path), path) for path in {*paths} - self._plain if len(path) <= _LONGEST)
        self._others, self._codes = [path for _, path in coded], [code for code, _ in coded]
        self._firsts = {code.partition("\0")[0] for code in self._codes}
        self._longest = max(map(len, self._codes), default=0)
        # Of each code the places of those that it begins with, itself the last: no more than it has characters.
        self._within: list[tuple[int, ...]] = []
        within: tuple[int, ...] = ()
        for at, code in enumerate(self._codes):
            while within and not code.startswith(self._codes[within[-1]]):
                within = within[:-1]
            within += (at,)
            self._within.append(within)

    def named_in(self, text: str, document: str) -> set[str]:
        """Return which paths stand in *text*, as they are or relative to *document*, and are no part of a longer name.

        A full stop behind a name ends the sentence, unless the name goes on.
        """
        folder = posixpath.dirname(document)
        runs = {run.rstrip(".") for run in _RUN.findall(text)}
        found = {
            name for run in runs for name in (run.removeprefix("/"), from_root(run, folder)) if name in self._plain
        }
        if self._codes:
            self._find_others(_coded(text.replace("\0", " ")), folder, found)
        return found

    def _find_others(self, code: str, folder: str, found: set[str]) -> None:
        """Add to *found* the names that have more in them than nearly all have, such as a space."""

        @cache
        def heads(run: str) -> set[str]:
            # What follows a slash belongs to the name of a file.
            ending = "" if run and not run.endswith("/") else "_"
            near = from_root(f"{run}{ending}", folder).removesuffix(ending)
            coded = {_coded(head) for head in (run.removeprefix("/"), near)}
            return {head for head in coded if not head or head.partition("\0")[0] in self._firsts}

        before = False
        for piece in _PIECE.finditer(code):
            run = piece[1] or ""
            if run or not before:
                after = piece.end(1) + 1 if run else piece.start()
                for head in heads(run):
                    self._add_all(head + code[after : after + self._longest], found)
            before = piece[1] is not None

    def _add_all(self, code: str, found: set[str]) -> None:
        """Add to *found* the names with which *code* begins."""
        # What it begins with, the one before it in order begins with too.
        within = self._within[at] if (at := bisect_right(self._codes, code) - 1) >= 0 else ()
        for count in range(bisect_left(within, x=True, key=lambda at: not code.startswith(self._codes[at])), 0, -1):
            name = self._others[within[count - 1]]
            if name in found:
                break
            found.add(name)


def _coded(text: str) -> str:
    """Return *text* with a mark where a word, or what is between two, ends, by which one that goes on is another.

    Full stops may follow it.
    """
    return _PART.sub(lambda part: f"{(word := part[0].rstrip('.'))}\0{part[0][len(word) :]}", text)


def from_root(path: str, folder: str) -> str:
    """Return from the root what *path* is from *folder*, however deep that is; what is above the root stays."""
    inner = posixpath.normpath(path)
    up, depth = inner.split("/").count(".."), folder.count("/") + bool(folder)
    if up > depth:
        return inner
    return posixpath.join(folder.rsplit("/", up)[0] if up < depth else "", inner[3 * up :])
