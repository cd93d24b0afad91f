"""Repositories that a file of another tool lists, with what is followed of each and the commit that it pins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from git_hybrid.core.errors import BadArgument, HybridError, InvalidFile, Problem, RefMissing
from git_hybrid.core.ids import InvalidText, Url, is_oid, is_oid_prefix, parse_ref_part, short_ref
from git_hybrid.core.manifest import Branch, Tag, Track
from git_hybrid.core.pattern import pattern
from git_hybrid.core.relative_url import resolve_url
from git_hybrid.core.value import Struct
from git_hybrid.core.words import shorten

KNOWN = (
    ".gitmodules, a .repos file of vcstool or vcs2l, west.yml, an XML manifest of repo, "
    "vendir.yml with its vendir.lock.yml"
)
"""What can be imported, for people."""
_SHORTENED = ", and to be a commit it has to be the whole id"
_EACH = "init without --import, then for each of its repositories: git hybrid add URL"
_OTHER = pattern(r"[^A-Za-z0-9._-]+")
_NAMED = (("refs/heads/", Branch), ("refs/tags/", Tag), ("heads/", Branch), ("tags/", Tag))


class Followed(Struct, frozen=True):
    """What is pinned of a repository: with a ``commit`` that, on the first of ``hoped`` that has it.

    Without one, what the first of ``hoped`` that there is, or else ``track``, is upstream now. ``track`` None:
    upstream's default branch.
    """

    hoped: tuple[Track, ...] = ()
    track: Track | None = None
    commit: str | None = None


class Taken(Struct, frozen=True, kw_only=True):
    """One repository: where it was, where it comes from, and what is pinned of it.

    ``title`` is what the tool calls it, where that is not by its ``path``.
    """

    path: str
    title: str = ""
    url: Url
    at: Followed
    groups: tuple[str, ...] = ()
    shallow: bool = False
    submodules: bool = False
    notes: tuple[str, ...] = ()


class Listed(Struct, frozen=True, kw_only=True):
    """What is taken over of a file, and what is not; ``exact`` is the command that writes such a file with commits."""

    taken: tuple[Taken, ...]
    left: tuple[str, ...]
    exact: str


def unknown(file: str) -> BadArgument:
    """Return the error for *file*, which is nothing that can be imported."""
    return BadArgument(what="--import", value=file, reason=f"is none of what can be imported: {KNOWN}", hint=_EACH)


def slug(text: str) -> str:
    """Return *text* with a hyphen for what neither the name of a source nor that of a group may have."""
    return _OTHER.sub("-", text).strip("-.")


def whole_url(text: str) -> Url:
    """Return *text*, which may be an absolute path, as a URL.

    Raises:
        InvalidText: as :func:`~git_hybrid.core.relative_url.resolve_url`, or it is relative.
    """
    if text.startswith(("./", "../")):
        raise InvalidText("its URL is relative: write the whole one")
    return resolve_url(text, None)


def plain_path(text: str) -> str:
    """Return *text*, a path below the folder of the other tool, without what leads nowhere.

    Raises:
        InvalidText: it leads out of that folder or is that, or does not print.
    """
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if text.startswith("/") or ".." in parts or not parts:
        raise InvalidText(f"its path {shorten(text)} is not below the folder of the others" if text else "has no path")
    if not text.isprintable():
        raise InvalidText("its path has characters that do not print")
    return "/".join(parts)


def followed(revision: str, ref: str = "") -> Followed:
    """Return what is pinned by *revision*, a commit, tag or branch; *ref* is the tag or branch of which a commit was.

    Raises:
        InvalidText: git would refuse the name of the tag or branch, or it is a ref of another kind.
    """
    if is_oid(commit := revision.lower()):
        return Followed(hoped=() if is_oid(ref) or _is_other(ref) else _meant(ref), commit=commit)
    if _is_other(revision):
        raise InvalidText(f"{shorten(revision)} is neither a branch nor a tag, and no other ref can be followed")
    *hoped, track = _meant(revision) or (None,)
    return Followed(hoped=tuple(filter(None, hoped)), track=track)


def told_missing(error: HybridError) -> HybridError:
    """Return *error*, of a revision that a file names; a branch that may be a shortened commit is told as both."""
    if isinstance(error, RefMissing) and is_oid_prefix(short_ref(error.ref).lower()):
        error.ref, error.default = f"branch or tag {short_ref(error.ref)}{_SHORTENED}", ""
    return error


def is_shortened(error: HybridError | None) -> bool:
    """Tell whether *error* is of what may be the beginning of a commit's id, as :func:`told_missing` returned it."""
    return isinstance(error, RefMissing) and error.ref.endswith(_SHORTENED)


def _is_other(ref: str) -> bool:
    """Tell whether *ref* is one of a server's own, as ``refs/changes/1/2/3`` or ``refs/pull/1/head``."""
    return ref.startswith("refs/") and not ref.startswith(("refs/heads/", "refs/tags/"))


def _meant(ref: str) -> tuple[Track, ...]:
    """Return what *ref* may name, in git's own order: of a tag and a branch of one name the tag."""
    for prefix, kind in _NAMED:
        if ref.startswith(prefix):
            return (kind(parse_ref_part(ref.removeprefix(prefix))),)
    return (Tag(parse_ref_part(ref)), Branch(ref)) if ref not in ("", "HEAD") else ()


def groups_of(texts: Iterable[str]) -> tuple[str, ...]:
    """Return *texts* as names of groups, with a hyphen for what these may not have."""
    return tuple(sorted({slug(text).lstrip("_") for text in texts} - {""}))


class Taking:
    """Collects what *file* lists, and all that is wrong with it."""

    def __init__(self, file: str) -> None:
        """Begin with nothing."""
        self.problems: list[Problem] = []
        self.left: list[str] = []
        self._file, self._taken, self._lines = file, list[Taken](), dict[str, int]()

    @contextmanager
    def at(self, line: int, name: str = "") -> Iterator[None]:
        """Note what is wrong with the entry *name* at *line*, which the block reads."""
        try:
            yield
        except InvalidText as error:
            self.problems.append(Problem(f"line {line}" + (f" ({shorten(name)})" if name else ""), str(error)))

    def take(self, line: int, taken: Taken) -> None:
        """Take the repository at *line*.

        Raises:
            InvalidText: another one has its path.
        """
        if taken.path in self._lines:
            raise InvalidText(f"its path {shorten(taken.path)} is that of line {self._lines[taken.path]} too")
        self._lines[taken.path] = line
        self._taken.append(taken)

    def leave(self, line: int, what: str, more: str = "") -> None:
        """Tell that *what*, at *line*, is not taken over; *more* is what that means, or how it would be."""
        self.left.append(f"not taken over: {shorten(what)} (line {line})" + (f"; {more}" if more else ""))

    def settle(self) -> None:
        """Go on where nothing was wrong.

        Raises:
            InvalidFile: something is wrong with the file; every such entry is named.
        """
        if self.problems:
            raise InvalidFile(path=self._file, problems=tuple(self.problems))

    def done(self, exact: str) -> Listed:
        """Return what was taken; *exact* is the command that writes such a file with commits.

        Raises:
            InvalidFile: something is wrong with it; every such entry is named.
            BadArgument: it lists no git repository.
        """
        self.settle()
        if not self._taken:
            raise BadArgument(what="--import", value=self._file, reason="lists no git repository")
        return Listed(taken=tuple(self._taken), left=tuple(self.left), exact=exact)
