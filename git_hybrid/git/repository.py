"""The repository that a workspace is committed to: the one way to ask git about it, and what is staged in it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from git_hybrid.core.errors import GitRefused, LocalIo
from git_hybrid.core.pattern import pattern
from git_hybrid.core.value import Struct
from git_hybrid.core.words import typed
from git_hybrid.git.ahead import LISTED, STAGED, question
from git_hybrid.git.environment import asking_environment, to_read
from git_hybrid.git.place import common_dir, of_commit, top_of
from git_hybrid.git.run import Completed, Runner, items

FILE, LINK, CLONE = "10", "120000", "160000"
"""What git keeps, by the first digits of its mode."""
EMPTY_BLOBS = (
    "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
)
"""The ids of an empty file, by SHA-1 and by SHA-256."""
_EMPTY_TREES = {
    40: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    64: "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
"""The ids of a tree with nothing in it, which git has everywhere, by their length."""
_TRUSTED = "safe.directory"
_NONE = "not a git repository"
_MISSET = ("bad config", "config value", "configuration files")
# The last is said of the protocol by a git that does not know GIT_NO_LAZY_FETCH.
_UNFETCHED = ("promisor remote", "lazy fetching disabled", "' not allowed")
# Since 2.45 a git that may not fetch says of what is not here what it says of what is lost, in many words. An id in a
# path is of no object: folders are named by commits too.
_OBJECT = pattern(r"(?<![\w/.-])[0-9a-f]{40,64}(?![\w/-])|not a tree object")
_DAMAGED = ("corrupt", "mismatch", "inflate")
_BROKEN = ("packfile", "object file", "bad object", "cannot be read", "broken")
WHOLE = "bundle create - --all > /dev/null"
"""What git is told to fetch all that a partial clone lacks: it asks for what it packs (--refetch is new in 2.36)."""
Entry = tuple[str, str]
"""The mode and the id of the object; the id is empty while a merge is not resolved."""


class Repository(Struct):
    """The repository whose working tree is at ``top``; None: there is none.

    What counts is its index or, where ``revision`` names one, that commit; ``before`` are those that it takes the place
    of where it is pushed to.
    """

    runner: Runner
    top: Path | None
    revision: str = ""
    before: tuple[str, ...] = ()
    _entries: Mapping[str, Entry] | None = None

    def ask(self, argv: Sequence[str], *, stdin: bytes | None = None, cwd: Path | None = None) -> bytes:
        """Return what the git command *argv* writes, in *cwd* or else at the top.

        Raises:
            GitRefused: git does not answer, above all since the repository belongs to somebody else.
        """
        if self.top is None:
            return b""
        told = self.runner.asked(argv, self.top, stdin or b"") if cwd is None else None
        if told is None:
            done = self.run(argv, stdin=stdin, cwd=cwd)
            # Of an object that it could not fetch a git before 2.39 says no more than that it is missing.
            if done.status != 0 or _says_unfetched(done.stderr):
                raise refused(self, done.stderr)
            told = done.stdout
        if tuple(argv) == STAGED and b" missing\n" in told and self.is_partial():
            self._require_fetched(stdin or b"", told)
        return told

    def blobs(self, names: Iterable[str]) -> list[bytes | None]:
        """Return the files that *names* are git's names of, None for each that is missing or no file.

        Raises:
            GitRefused: git does not answer, or would have to fetch one.
        """
        return blobs(self.ask(STAGED, stdin=question(names)))

    def _require_fetched(self, question: bytes, told: bytes) -> None:
        from git_hybrid.git.partial import require_fetched

        require_fetched(self, question, told)

    def run(self, argv: Sequence[str], *, stdin: bytes | None = None, cwd: Path | None = None) -> Completed:
        """Run the git command *argv*, which may fail, in *cwd* or else at the top; there must be one."""
        assert self.top is not None
        env = asking_environment(self.runner.environ) | of_commit(self.runner.environ, str(self.top))
        return self.runner.run(to_read(argv), env=env, cwd=cwd or self.top, stdin=stdin, reads=True)

    def entries(self) -> Mapping[str, Entry]:
        """Return what git has, by path from the top: the files of workspaces, what is below ``sources/``, documents.

        Raises:
            GitRefused: git does not answer.
        """
        if self._entries is None:
            if self.revision:
                told = self.ask(["git", "ls-tree", "-r", "-z", "--full-tree", self.revision])
                self._entries = {path: entry for path, entry in of_tree(told) if is_listed(path)}
            else:
                self._entries = self.staged_in(self.ask(LISTED))
        return self._entries

    def staged_in(self, told: bytes, cwd: Path | None = None) -> dict[str, Entry]:
        """Return the entries in what ``git ls-files --stage -z`` *told*, by path, without those of ``git add -N``.

        These will be in no commit, and git lists them like empty files that are staged. No file is looked at: git would
        start the filter that it is told of.

        Raises:
            GitRefused: git does not answer.
        """
        found = of_index(told)
        empty = {path: oid for path, (_, oid) in found.items() if oid in EMPTY_BLOBS}
        if not empty:
            return found
        nothing = _EMPTY_TREES[len(next(iter(empty.values())))]
        options = ("--ita-invisible-in-index", "--name-only", "--relative", "-z", nothing)
        argv = ["git", "diff-index", "--cached", *options, "--", *(f":(literal){path}" for path in empty)]
        staged = frozenset(items(self.ask(argv, cwd=cwd)))
        return {path: entry for path, entry in found.items() if path not in empty or path in staged}

    def prefix(self, root: Path) -> str:
        """Return what stands before the paths of the workspace at *root*; nothing where it is at the top."""
        if self.top is None or self.top == root:
            return ""
        return os.path.relpath(root, self.top) + "/"

    def is_partial(self) -> bool:
        """Tell whether git was told that others have what is not here; nothing is asked for that."""
        if self.top is None:
            return False
        from git_hybrid.git.plainfiles import expects_more

        return expects_more(Path(common_dir(str(self.top), self.runner.environ)))

    def lost(self, name: str) -> GitRefused | LocalIo:
        """Return the error for content at the path *name* that git knows of and does not have."""
        if self.is_partial():
            return unfetched(self, f"{name} was not fetched")
        return LocalIo(path=name, operation="read", reason="git has lost what is staged of it")

    def is_shallow(self) -> bool:
        """Tell whether only the end of the history is here."""
        return self.ask(["git", "rev-parse", "--is-shallow-repository"]).strip() == b"true"


def around(runner: Runner, root: Path, revision: str = "", before: tuple[str, ...] = ()) -> Repository:
    """Return the repository that the folder *root* is in."""
    top = top_of(str(root), runner.environ)
    return Repository(runner, None if top is None else Path(top), revision, before)


def refused(repository: Repository, stderr: str) -> GitRefused:
    """Return the error for a git that answers nothing about the *repository*."""
    lines = (line.strip() for line in stderr.splitlines())
    words = " ".join(dict.fromkeys(filter(None, lines)))
    if _says_unfetched(words) or (_says_missing(words) and repository.is_partial()):
        return unfetched(repository, words)
    top = str(repository.top)
    mend = f"git -C {typed(top)} status"
    if _TRUSTED in words:
        mend = trusting(repository.runner.environ, top)
    elif any(known in words for known in _MISSET):
        mend = f"mend git's configuration there, then: {mend}"
    elif _NONE in words and "GIT_DIR" in of_commit(repository.runner.environ, top):
        words, mend = f"GIT_DIR is {repository.runner.environ['GIT_DIR']}: {words}", "unset GIT_DIR"
    elif _OBJECT.search(words) or any(known in words for known in _BROKEN):
        # The status of a working tree looks at no history: it is well where that is damaged.
        mend = f"git -C {typed(top)} fsck"
    return GitRefused(path=top, words=words.partition(" To add an exception")[0], mend=mend)


def trusting(environ: Mapping[str, str], folder: str) -> str:
    """Return what makes git trust *folder*, of another user; without a home there is no file to write that into."""
    if environ.get("HOME") or environ.get("XDG_CONFIG_HOME") or environ.get("GIT_CONFIG_GLOBAL"):
        return f"git config --global --add {_TRUSTED} {typed(folder)}"
    return f"git -c {typed(f'{_TRUSTED}={folder}')} hybrid status"


def unfetched(repository: Repository, words: str) -> GitRefused:
    """Return the error for what the *repository*, a partial clone, lacks; *words* say what that is."""
    top = str(repository.top)
    return GitRefused(path=top, words=words, mend=f"git -C {typed(top)} {WHOLE}", is_unfetched=True)


def _says_unfetched(words: str) -> bool:
    return any(known in words for known in _UNFETCHED)


def _says_missing(words: str) -> bool:
    return _OBJECT.search(words) is not None and not any(known in words for known in _DAMAGED)


def blobs(output: bytes, kind: bytes = b"blob") -> list[bytes | None]:
    """Return the objects in the output of ``git cat-file --batch``, None for each missing or of another kind."""
    found: list[bytes | None] = []
    at = 0
    while at < len(output):
        end = output.index(b"\n", at)
        words = output[at:end].rsplit(b" ", 2)
        if len(words) == 3 and words[2].isdigit():
            size = int(words[2])
            found.append(output[end + 1 : end + 1 + size] if words[1] == kind else None)
            at = end + size + 2
        else:
            found.append(None)
            at = end + 1
    return found


def of_index(told: bytes) -> dict[str, Entry]:
    """Return the entries in what ``git ls-files --stage -z`` wrote, by path."""
    found: dict[str, Entry] = {}
    for item in items(told):
        words, _, path = item.partition("\t")
        mode, oid, stage = words.split(" ")
        found[path] = (mode, oid if stage == "0" else "")
    return found


def of_tree(told: bytes) -> list[tuple[str, Entry]]:
    """Return the path and the entry of each line in what ``git ls-tree -r -z`` wrote."""
    found: list[tuple[str, Entry]] = []
    for item in items(told):
        words, _, path = item.partition("\t")
        mode, _, oid = words.split(" ")
        found.append((path, (mode, oid)))
    return found


def is_listed(path: str) -> bool:
    """Tell whether a file at *path* would be among the entries."""
    lowered = path.lower()
    is_state = lowered == "state" or lowered.startswith("state/") or "/state" in lowered
    return is_state or "sources" in lowered or path.endswith(".md")


def is_below(path: str, folders: Collection[str]) -> bool:
    """Tell whether *path* is in one of *folders*, each with a slash behind it, or is one; there may be many of both."""
    return any(path[: at + 1] in folders for at, char in enumerate(path) if char == "/")
