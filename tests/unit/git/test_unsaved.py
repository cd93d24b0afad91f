"""Where git cannot say whether a repository holds work of its own, it does."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from git_hybrid.cli.policies import must_not_be_lost
from git_hybrid.core.errors import GitFailed, LocalIo
from git_hybrid.git.clones import SAVED, GitClones
from git_hybrid.git.excludes import excluding
from git_hybrid.git.modules import work_in_modules
from git_hybrid.git.run import Completed, Runner
from git_hybrid.git.unsaved import UNREAD, find_unsaved, holds_saved, holds_work
from support.kit import git

RUNNER = Runner(environ=dict(os.environ))


def _answering(**answers: Completed) -> Runner:
    """Return what runs git, but for the commands that have *answers*."""

    def run(arguments: list[str], **more: object) -> Completed:
        return answers.get(arguments[0].replace("-", "_")) or RUNNER.git(arguments, **more)

    return SimpleNamespace(git=run)


NOTHING, FAILED = Completed(0, b"", ""), Completed(128, b"", "error: x\nfatal: so much for that\n")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a repository in which nothing is but what was fetched."""
    git("init", "-q", "-b", "main", cwd=tmp_path)
    git("commit", "-q", "--allow-empty", "-m", "one", cwd=tmp_path)
    git("update-ref", "refs/hybrid/pin", "HEAD", cwd=tmp_path)
    return tmp_path


def _damage(clone: Path, name: str) -> None:
    oid = git("rev-parse", name, cwd=clone)
    file = clone / f".git/objects/{oid[:2]}/{oid[2:]}"
    file.chmod(0o644)
    file.write_bytes(b"")


def test_a_damaged_branch_hides_no_other(clone: Path) -> None:
    assert find_unsaved(RUNNER, clone / ".git") == ()
    for name in ("broken", "good"):
        git("checkout", "-q", "-b", name, "refs/hybrid/pin", cwd=clone)
        git("commit", "-q", "--allow-empty", "-m", name, cwd=clone)
    git("checkout", "-q", "main", cwd=clone)
    _damage(clone, "broken")
    told = find_unsaved(RUNNER, clone / ".git")
    assert told[:2] == ("refs/heads/broken", "refs/heads/good")
    assert told[2].startswith(f"{UNREAD}: fatal: ")


def test_no_process_is_started_for_each_ref(clone: Path) -> None:
    tree, asked = git("write-tree", cwd=clone), list[list[str]]()
    names = [f"refs/heads/b{number}" for number in range(9)]
    commit = git("commit-tree", "-m", "two", tree, cwd=clone)
    for name in names:
        (clone / ".git" / name).write_text(f"{commit}\n")
    git("update-ref", "refs/notes/tree", tree, cwd=clone)
    git("branch", "fetched", "refs/hybrid/pin", cwd=clone)
    counting = SimpleNamespace(git=lambda arguments, **more: asked.append(arguments) or RUNNER.git(arguments, **more))
    assert find_unsaved(counting, clone / ".git") == (*names, "refs/notes/tree")
    assert len(asked) < 9


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({"for_each_ref": FAILED}, "fatal: so much for that"),
        ({"cat_file": FAILED}, "fatal: so much for that"),
        ({"log": FAILED}, "fatal: so much for that"),
        # As where it cannot list a folder.
        ({"for_each_ref": NOTHING}, "refs/heads/main"),
        ({"log": NOTHING}, "the reflog of HEAD"),
    ],
)
def test_no_answer_says_that_there_is_no_work(clone: Path, answers: dict[str, Completed], told: str) -> None:
    assert find_unsaved(_answering(**answers), clone / ".git")[-1] == f"{UNREAD}: {told}"


def test_only_what_git_takes_for_a_ref_counts(clone: Path) -> None:
    heads = clone / ".git/refs/heads"
    (heads / ".hidden").mkdir()
    for name in ("main.lock", ".hidden/a", ".x"):
        (heads / name).touch()
    git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/gone", cwd=clone)
    (clone / ".git/logs/HEAD").write_bytes(b"")
    assert find_unsaved(RUNNER, clone / ".git") == ()
    (heads / "empty").touch()
    assert find_unsaved(RUNNER, clone / ".git") == (f"{UNREAD}: refs/heads/empty",)


def test_a_folder_that_cannot_be_listed_is_not_empty(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def scandir(path: str) -> object:
        if path.endswith("refs/heads"):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), path)
        return real(path)

    real = os.scandir
    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(LocalIo, match="refs/heads"):
        find_unsaved(RUNNER, clone / ".git")


def _damaged(clone: Path) -> None:
    _damage(clone, f"{SAVED}run")


def _emptied(clone: Path) -> None:
    (clone / f".git/{SAVED}run").write_bytes(b"")


@pytest.mark.parametrize("damage", [_damaged, _emptied], ids=lambda damage: damage.__name__)
def test_saved_work_that_is_damaged_is_saved_work(clone: Path, damage: Callable[[Path], None]) -> None:
    assert not holds_saved(RUNNER, clone / ".git")
    assert holds_saved(_answering(for_each_ref=FAILED), clone / ".git")
    oid = git("commit-tree", "-m", "saved", "HEAD^{tree}", cwd=clone)
    git("update-ref", f"{SAVED}run", oid, cwd=clone)
    damage(clone)
    assert holds_saved(RUNNER, clone / ".git")


def test_a_repository_of_another_ref_format_may_hold_work(tmp_path: Path) -> None:
    (tmp_path / ".git/refs").mkdir(parents=True)
    assert not holds_work(tmp_path)
    (tmp_path / ".git/refs/heads").touch()
    assert holds_work(tmp_path)
    (tmp_path / ".git/reftable").mkdir()
    assert holds_work(tmp_path)


def test_what_git_does_not_tell_of_a_clone_is_not_nothing(clone: Path) -> None:
    clones = GitClones(_answering(ls_files=FAILED), clone.parent)
    with pytest.raises(GitFailed, match="so much for that"):
        clones.gitlinks(clone)
    ledger = SimpleNamespace(snapshot=lambda: SimpleNamespace(manifest=SimpleNamespace(sources={})))
    assert must_not_be_lost(ledger, clones, "x", clone)


def test_a_submodule_whose_changes_git_cannot_tell_may_hold_some(clone: Path) -> None:
    module = clone / ".git/modules/sub"
    (clone / "sub").mkdir()
    module.parent.mkdir()
    git("init", "-q", "--separate-git-dir", str(module), cwd=clone / "sub")
    git("config", "core.worktree", "../../../sub", cwd=clone / "sub")
    # Where the first question of what the user ignores is one about a submodule.
    assert excluding(Runner(environ=dict(os.environ)), ["status"], clone / "sub/.git") == ()
    (module / "index").write_bytes(b"damaged")
    told = list(work_in_modules(GitClones(RUNNER, clone.parent), clone))
    assert told[0].startswith(f"in sub: {UNREAD}: ")
