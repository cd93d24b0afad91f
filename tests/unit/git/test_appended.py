"""What commits added to a log is told as git's own comparison tells it, whatever was done to the log."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from git_hybrid.core.errors import GitRefused
from git_hybrid.git import appended as module
from git_hybrid.git.appended import appended
from git_hybrid.git.patches import Added, added, logs_in
from git_hybrid.git.repository import Repository
from git_hybrid.git.run import Runner
from git_hybrid.git.trees import object_id
from support.kit import git

LOG = "state/sources-audit.jsonl"
FILES = logs_in("")
Tree = dict[str, tuple[str, bytes]]
Commit = tuple[list[int], Tree]
COMMITS = 60
EDITS: dict[str, Callable[[bytes, bytes], bytes]] = {
    "grown": lambda log, new: log + new,
    "cut": lambda log, _: log[: len(log) // 2],
    "edited": lambda log, new: log.replace(b"1", b"7", 1) + new,
    "torn": lambda log, new: log + new[:-5],
    "converted": lambda log, _: log.replace(b"\n", b"\r\n"),
    "repeated": lambda log, _: log + log[-30:],
    "begun": lambda _, new: new,
    "emptied": lambda *_: b"",
}
MODES = {"executable": "100755", "link": "120000"}
OTHERS = ("rotated", "gone", "back", *MODES)


def lines(number: int, count: int) -> bytes:
    return b"".join(b'{"n":%d,"c":"\xc3\xa9 %d"}\n' % (number, item) for item in range(count))


def changed(chance: random.Random, trees: Sequence[Tree], tree: Tree) -> Tree:
    """Return *tree*, of one of many commits, with its log as the next one may have it: mostly it grows."""
    number = len(trees)
    mode, log = tree.get(LOG, ("100644", b""))
    new = lines(number, chance.randint(1, 3))
    kind = chance.choice(["grown"] * 10 + [*EDITS, *OTHERS])
    if kind == "gone":
        return {path: content for path, content in tree.items() if path != LOG}
    if kind == "rotated":
        return {**tree, f"state/sources-audit.{number}.jsonl": (mode, log), LOG: (mode, new)}
    if kind == "back":
        return {**tree, LOG: (mode, chance.choice(trees).get(LOG, ("", b""))[1])}
    return {**tree, LOG: (MODES.get(kind, mode), EDITS.get(kind, EDITS["grown"])(log, new))}


def merged(chance: random.Random, number: int, ours: Tree, theirs: Tree) -> Tree:
    """Return *ours* with its log as a merge with *theirs* may have it."""
    log, other = (tree.get(LOG, ("", b""))[1] for tree in (ours, theirs))
    union = log + b"".join(line for line in other.splitlines(keepends=True) if line not in log)
    return {**ours, LOG: ("100644", chance.choice([log, other, union, union, union + lines(number, 1)]))}


def any_history(seed: int) -> list[Commit]:
    """Return commits, as the numbers of those before each and its files: logs that grow, and what should not be."""
    chance = random.Random(seed)
    commits: list[Commit] = [([], {})]
    while len(commits) < COMMITS:
        trees = [tree for _, tree in commits]
        # Mostly the newest goes on; now and then a branch does, or comes back.
        at = len(trees) - 1 if chance.random() < 0.8 else chance.randrange(len(trees))
        if chance.random() < 0.15:
            other = chance.randrange(len(trees))
            commits.append(([at, other], merged(chance, len(trees), trees[at], trees[other])))
        else:
            commits.append(([at], changed(chance, trees, trees[at])))
    return commits


def made(folder: Path, commits: Sequence[Commit], object_format: str = "sha1") -> None:
    git("init", "-q", "-b", "main", f"--object-format={object_format}", folder, cwd=folder.parent)
    words: list[bytes] = []
    for number, (parents, tree) in enumerate(commits):
        words.append(b"commit refs/heads/main\nmark :%d\ncommitter a <a@x> %d +0000\ndata 0\n" % (number + 1, number))
        words += [b"%s :%d\n" % (b"merge" if at else b"from", one + 1) for at, one in enumerate(parents)]
        words.append(b"deleteall\n")
        for path, (mode, data) in tree.items():
            words.append(b"M %s inline %s\ndata %d\n%s\n" % (mode.encode(), path.encode(), len(data), data))
    git("config", "fastimport.unpackLimit", "10000", cwd=folder)
    subprocess.run(["git", "fast-import", "--quiet"], cwd=folder, input=b"".join(words), check=True)


def told(found: Iterator[Added]) -> list[tuple[str, tuple[str, ...], str, bool, list[str]]]:
    """Return what was added, by commit and file: which of several lines that are alike is new is not told apart."""
    groups: dict[tuple[str, tuple[str, ...], str, bool], list[str]] = {}
    for item in found:
        groups.setdefault((item.commit, item.parents, item.file, item.is_new), []).append(item.line)
    return [(*key, sorted(lines)) for key, lines in groups.items()]


def opened(folder: Path) -> Repository:
    return Repository(Runner(environ=dict(os.environ)), folder)


def packed(folder: Path) -> None:
    # Each thread begins anew, with one that is whole.
    git("-c", "pack.threads=1", "repack", "-a", "-d", "-f", "-q", cwd=folder)


@pytest.mark.parametrize(("many", "is_packed"), [(0, False), (1000, False), (1000, True)])
@pytest.mark.parametrize(("seed", "object_format"), [(1, "sha1"), (2, "sha1"), (3, "sha256"), (4, "sha1")])
def test_what_was_added_is_what_git_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, object_format: str, many: int, is_packed: bool
) -> None:
    monkeypatch.setattr(module, "_MANY", many)
    made(tmp_path / "repo", any_history(seed), object_format)
    if is_packed:
        monkeypatch.setattr(module, "_LONG", 0)
        packed(tmp_path / "repo")
    repository = opened(tmp_path / "repo")
    for span in (["main"], ["main", "^main~5"], ["main~1"], ["main", "^main"]):
        assert told(appended(repository, span, FILES)) == told(added(repository, span, FILES))


def test_of_a_log_that_grew_nothing_is_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs = [b"".join(lines(item, 2) for item in range(number)) for number in range(1, 24)]
    trees: list[Tree] = [{LOG: ("100644", log)} for log in logs]
    rotated: Tree = {"state/sources-audit.1.jsonl": ("100644", logs[-1] + lines(99, 1)), LOG: ("100644", lines(0, 1))}
    later: Tree = {**rotated, LOG: ("100644", lines(0, 2))}
    commits: list[Commit] = [([number - 1] if number else [], tree) for number, tree in enumerate([*trees, rotated])]
    # A branch that was merged without a change on the other side.
    commits += [([len(trees)], later), ([len(trees), len(trees) + 1], later)]
    made(tmp_path / "repo", commits)
    repository = opened(tmp_path / "repo")
    whole = told(added(repository, ["main"], FILES))
    asked: list[str] = []

    def watched(_repository: Repository, revisions: Sequence[str], files: Sequence[str]) -> Iterator[Added]:
        asked.extend(revisions)
        return added(_repository, revisions, files)

    monkeypatch.setattr(module, "added", watched)
    assert told(appended(repository, ["main"], FILES)) == whole
    assert asked == ["--no-walk", git("rev-parse", "main^1", cwd=tmp_path / "repo").strip()]


def test_of_a_log_that_a_pack_keeps_as_beginnings_little_is_hashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = b"".join(b'{"n":%d,"hash":"%d"}\n' % (number, number**9) for number in range(400))
    made(tmp_path / "repo", [([n - 1] if n else [], {LOG: ("100644", text[: 300 * (n + 1)])}) for n in range(40)])
    packed(tmp_path / "repo")
    repository = opened(tmp_path / "repo")
    whole = told(added(repository, ["main"], FILES))
    hashed: list[int] = []

    def watched(kind: str, data: bytes | memoryview, digits: int) -> str:
        hashed.append(len(data))
        return object_id(kind, data, digits)

    monkeypatch.setattr(module, "object_id", watched)
    monkeypatch.setattr(module, "_LONG", 0)
    assert told(appended(repository, ["main"], FILES)) == whole
    assert hashed[0] == 300 * 40
    assert len(hashed) < 5


def test_what_git_has_lost_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "repo"
    made(folder, any_history(1))
    blob = git("rev-parse", f"main~9:{LOG}", cwd=folder).strip()
    (folder / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(GitRefused):
        list(appended(opened(folder), ["main"], FILES))


def test_without_a_repository_nothing_was_added(tmp_path: Path) -> None:
    assert list(appended(Repository(Runner(environ={}), None), ["HEAD"], FILES)) == []
    git("init", "-q", tmp_path, cwd=tmp_path)
    assert list(appended(opened(tmp_path), ["HEAD"], FILES)) == []
