"""What commits have added to the files of an audit log, where it nearly always grew and nothing else.

git compares both files of each change as a whole, and a log is long. That one begins with the other is told by its id:
the hash of as many bytes of what stands last. For each of many commits that is the whole log once more; so where a pack
keeps a file as the beginning of one that is known, that is taken from there, as git does when it compares them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from git_hybrid.core.errors import GitRefused
from git_hybrid.core.value import Struct
from git_hybrid.git.ahead import question
from git_hybrid.git.patches import ANY_LOG, HEADER, MERGES_TOO, Added, added, has_commit, logs_in
from git_hybrid.git.place import common_dir
from git_hybrid.git.raw import Raw, Unsure, opened
from git_hybrid.git.rawpacks import Place
from git_hybrid.git.repository import FILE, Repository, around, refused
from git_hybrid.git.run import Runner
from git_hybrid.git.trees import object_id

_SIZES = ("git", "cat-file", "--batch-check=%(objectname) %(objectsize)")
_PLAIN = ("A", "M", "D")
_ANYWHERE = ("--topo-order", "--all", "--reflog", "--ignore-missing")
_NAMED = ("CHERRY_PICK_HEAD", "REBASE_HEAD", "MERGE_HEAD", "ORIG_HEAD", "FETCH_HEAD")
_AT_ONCE = 16
"""So many logs are held at a time: each branch has nearly all of one."""
_FEW, _MANY = 16, 1000
"""So few changes git looks at alone, for to ask for more takes longer; so many too, if they are another kind."""

_LONG = 1 << 17
"""To hash so many bytes takes longer than to look into a pack."""


class _Change(Struct, frozen=True):
    """The change of one file against one parent: ids of its content before and after, empty where it is not there.

    ``is_plain`` tells that it is one of a file, and of nothing else such as a link.
    """

    commit: str
    parents: tuple[str, ...]
    file: str
    old: str
    new: str
    is_plain: bool


class _Grown(Struct, frozen=True):
    """The content of a file: the first ``size`` bytes of ``text``."""

    text: bytes
    size: int


def appended(repository: Repository, revisions: Sequence[str], files: Sequence[str]) -> Iterator[Added]:
    """Yield what :func:`git_hybrid.git.patches.added` does, of files that hardly do anything but grow.

    Raises:
        GitRefused: git does not answer.
    """
    changes = _changes(repository, revisions, files)
    known = _known(repository, changes) if len(changes) >= _FEW else {}
    left = dict.fromkeys(change.commit for change in changes if not _is_growth(change, known))
    if not known or len(left) > _MANY:
        yield from added(repository, revisions, files)
        return
    told: dict[str, list[Added]] = {}
    for item in added(repository, ("--no-walk", *left), files) if left else ():
        told.setdefault(item.commit, []).append(item)
    for change in changes:
        yield from told.pop(change.commit, ()) if change.commit in left else _lines(change, known)


def logged_anywhere(runner: Runner, root: Path) -> tuple[bytes, ...]:
    """Return the lines that the log of the workspace at *root* has, or had, on any branch, parents before children.

    Of a partial clone that lacks some of them there are none.

    Raises:
        GitRefused: git does not answer.
    """
    repository = around(runner, root)
    lines, last = dict[bytes, None](), b""
    try:
        for text in _logs(repository, logs_in(repository.prefix(root))):
            new = text.rfind(b"\n", 0, _shared(last, text)) + 1
            lines.update((line.removesuffix(b"\r"), None) for line in text[new:].split(b"\n"))
            last = text
    except GitRefused as error:
        if not error.is_unfetched:
            raise
        return ()
    return tuple(lines)


def logs_anywhere(repository: Repository) -> Iterator[bytes]:
    """Yield what any branch has, or had, of logs and their archives in whatever folder; none that another goes on from.

    Raises:
        GitRefused: git does not answer, or would have to fetch one.
    """
    yield from _logs(repository, (ANY_LOG,))


def _logs(repository: Repository, files: Sequence[str]) -> Iterator[bytes]:
    names = _longest(repository, _changes(repository, (*_ANYWHERE, *_NAMED), files))
    for at in range(0, len(names), _AT_ONCE):
        yield from filter(None, repository.blobs(names[at : at + _AT_ONCE]))


def _shared(one: bytes, other: bytes) -> int:
    """Return with how many bytes both begin."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[low:middle] == other[low:middle] else (low, middle - 1)
    return low


def _longest(repository: Repository, changes: Sequence[_Change]) -> list[str]:
    """Return what holds all lines of *changes*: no file that a commit only made longer, unless it was merged."""
    named = dict.fromkeys(name for change in changes for name in (change.old, change.new) if name)
    sizes = _sizes(repository, named)
    alone = [change for change in changes if change.old and change.new and len(change.parents) == 1]
    grown = {change.old for change in alone if sizes.get(change.old, 0) < sizes.get(change.new, 0)}
    return [name for name in named if name not in grown]


def _is_growth(change: _Change, known: Mapping[str, _Grown]) -> bool:
    """Tell whether a file came, went, or got more at its end."""
    if not change.is_plain or not change.new:
        return change.is_plain
    old, new = known.get(change.old), known.get(change.new)
    if new is None or not change.old:
        return new is not None
    return old is not None and old.text is new.text and old.size <= new.size


def _lines(change: _Change, known: Mapping[str, _Grown]) -> Iterator[Added]:
    if not change.new:
        return
    new = known[change.new]
    # A line that was torn when the other half came is a new line.
    start = new.text.rfind(b"\n", 0, known[change.old].size) + 1 if change.old else 0
    *whole, rest = new.text[start : new.size].split(b"\n")
    for line in (*whole, rest) if rest else whole:
        yield Added(
            commit=change.commit,
            parents=change.parents,
            file=change.file,
            line=line.decode("utf-8", "surrogateescape"),
            is_new=not change.old,
        )


def _changes(repository: Repository, revisions: Sequence[str], files: Sequence[str]) -> list[_Change]:
    """Return the changes of *files* in *revisions*, the oldest first, those of a merge against each of its parents."""
    if repository.top is None:
        return []
    options = ("--reverse", "--raw", "-z", "--no-abbrev", "--format=commit %H %P", *MERGES_TOO)
    done = repository.run(["git", "log", *options, *revisions, "--", *files])
    if done.status != 0:
        if has_commit(repository, "HEAD"):
            raise refused(repository, done.stderr)
        return []
    found: list[_Change] = []
    commit, parents = "", tuple[str, ...]()
    words = iter(done.stdout.decode("utf-8", "surrogateescape").split("\0"))
    for word in words:
        line = word.rpartition("\n")[2]
        if line.startswith(":"):
            modes, names, how = line[1:].split(" ")[:2], line.split(" ")[2:4], line.split(" ")[4]
            old, new = (name if name.strip("0") else "" for name in names)
            # The mode of what is not there is zeros.
            is_plain = how in _PLAIN and all(mode.startswith(FILE) or not mode.strip("0") for mode in modes)
            found.append(_Change(commit, parents, next(words), old, new, is_plain))
        elif match := HEADER.fullmatch(line):
            commit, parents = match[1], tuple(match[2].split())
    return found


def _known(repository: Repository, changes: Sequence[_Change]) -> dict[str, _Grown]:
    """Return the content, by id, of all that is the beginning of something that nothing came after."""
    plain = [change for change in changes if change.is_plain]
    sizes = _sizes(repository, dict.fromkeys(item for change in plain for item in (change.old, change.new) if item))
    before = {change.old for change in plain}
    # What was taken back has something after it that came before it.
    last = dict.fromkeys(
        change.new for change in plain if (change.new and change.new not in before) or change is plain[-1]
    )
    texts = [text for text in repository.blobs(name for name in last if name in sizes) if text is not None]
    found: dict[str, _Grown] = {}
    with ExitStack() as stack:
        packed = _Packed(None)
        with suppress(Unsure):
            packed = _Packed(stack.enter_context(opened(_git_dir(repository))))
        # From the newest on: the text that one was found in is the first for the one before it.
        for name, size in reversed(sizes.items()):
            grown = packed.grown(name, size) if size > _LONG else None
            if grown is None:
                grown = _hashed(texts, name, size)
            if grown is not None:
                found[name] = grown
                packed.keep(name, grown)
    return found


def _git_dir(repository: Repository) -> Path:
    return Path(common_dir(str(repository.top), repository.runner.environ))


def _hashed(texts: list[bytes], name: str, size: int) -> _Grown | None:
    """Return what the file *name* is the beginning of, by its hash; that comes to stand first among *texts*."""
    for at, text in enumerate(texts):
        if size <= len(text) and _begins(text, size, name):
            texts.insert(0, texts.pop(at))
            return _Grown(text, size)
    return None


class _Packed:
    """Tells of files that packs keep as the beginning of others; without *raw* of none."""

    def __init__(self, raw: Raw | None) -> None:
        self._raw = raw
        self._known: dict[Place, _Grown] = {}

    def keep(self, name: str, grown: _Grown) -> None:
        """Keep that the file *name* is *grown*."""
        with suppress(Unsure):
            if self._raw is not None and (place := self._raw.place(name)) is not None:
                self._known[place] = grown

    def grown(self, name: str, size: int) -> _Grown | None:
        """Return what the file *name* of *size* bytes is the beginning of; None if no pack says so."""
        with suppress(Unsure):
            if self._raw is not None and (place := self._raw.place(name)) is not None:
                found = self._raw.beginning_of(place)
                if found is not None and (whole := self._known.get(found[0])) is not None:
                    return _Grown(whole.text, size) if found[1:] == (whole.size, size) else None
        return None


def _sizes(repository: Repository, names: Iterable[str]) -> dict[str, int]:
    told = (line.split(" ") for line in repository.ask(_SIZES, stdin=question(names)).decode("ascii").splitlines())
    # One that is missing is asked for again by whoever compares, and git tells what is wrong.
    return {name: int(size) for name, size in told if size.isdigit()}


def _begins(text: bytes, size: int, name: str) -> bool:
    """Tell whether the first *size* bytes of *text* are what git calls *name*."""
    return object_id("blob", memoryview(text)[:size], len(name)) == name
