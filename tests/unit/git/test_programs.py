"""No program runs that the settings of a clone name, or those of a repository nested in it."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from git_hybrid.core.errors import LocalIo
from git_hybrid.git.listed import listed
from git_hybrid.git.programs import LFS_FILTER, without_programs
from git_hybrid.git.run import Completed, Runner
from git_hybrid.git.watched import Into
from support.kit import git

FILTER = "a=b.c"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a submodule; the files of both are to be looked at again."""
    top = tmp_path_factory.mktemp("made") / "clone"
    for path in (top / "sub", top):
        git("init", "-q", str(path), cwd=top.parent)
        (path / "file").write_text("text\n")
        git("-c", "advice.addEmbeddedRepo=false", "add", "-A", cwd=path)
        git("-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "one", cwd=path)
    return top


@pytest.fixture
def clone(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "clone"))


def _trap(git_dir: Path) -> None:
    """Have a git that looks at files of the repository leave something behind."""
    (git_dir / "info").mkdir(exist_ok=True)
    (git_dir / "info/attributes").write_text(f"* filter={FILTER}\n")
    with (git_dir / "config").open("a") as config:
        config.write(f'[filter "{FILTER}"]\n\tclean = touch {git_dir}/ran; cat\n\trequired\n')


def _included(git_dir: Path) -> None:
    _trap(git_dir)
    (git_dir / "config").rename(git_dir / "more")
    (git_dir / "config").write_text("[include]\n\tpath = more\n")


def _of_worktree(git_dir: Path) -> None:
    (git_dir / "commondir").write_text("common\n")
    shutil.copytree(git_dir, git_dir / "common")
    (git_dir / "common/commondir").unlink()
    _trap(git_dir / "common")


def _apart(git_dir: Path) -> None:
    git_dir.rename(git_dir.parents[1] / ".git/modules")
    git_dir.write_text("gitdir: ../.git/modules\n")
    _trap(git_dir.parents[1] / ".git/modules")


def _cut_short(git_dir: Path) -> None:
    _apart(git_dir)
    git_dir.write_bytes(b"gitdir: ../.git/modules\0more\n")


def _moved(git_dir: Path) -> None:
    """Give the submodule a submodule, and a working tree of its own."""
    other = git_dir.parents[1] / "other"
    shutil.copytree(git_dir.parents[1], other)
    shutil.rmtree(git_dir)
    (other / ".git").rename(git_dir)
    git("config", "core.worktree", "../../other", cwd=git_dir)
    _trap(other / "sub/.git")


def _odd(git_dir: Path) -> None:
    """Have other bits in the mode of the submodule, and more behind its name."""
    index = git_dir.parents[1] / ".git/index"
    data = index.read_bytes()[:-20].replace(b"\0\0\xe0\0", b"\0\1\xe1\xed").replace(b"\3sub\0\0", b"\5sub\0s")
    index.write_bytes(data + hashlib.sha1(data).digest())
    _trap(git_dir)


def _threaded(git_dir: Path) -> None:
    git("config", "index.threads", "4", cwd=git_dir.parents[1])
    git("update-index", "--force-write-index", cwd=git_dir.parents[1])
    _trap(git_dir)


def _split(git_dir: Path) -> None:
    git("update-index", "--split-index", cwd=git_dir.parents[1])
    _trap(git_dir)


PLACES = {
    "the clone": (".git", _trap),
    "an included file": (".git", _included),
    "where the clone is a worktree of": (".git", _of_worktree),
    "a submodule": ("sub/.git", _trap),
    "a submodule by git": ("sub/.git", _apart),
    "a submodule by git, behind a NUL": ("sub/.git", _cut_short),
    "a submodule of one that has its files elsewhere": ("sub/.git", _moved),
    "a submodule of an odd mode": ("sub/.git", _odd),
    "a submodule of an index for threads": ("sub/.git", _threaded),
    "a submodule of a split index": ("sub/.git", _split),
}


@pytest.mark.parametrize("kind", PLACES)
def test_no_filter_runs(clone: Path, kind: str) -> None:
    place, setting = PLACES[kind]
    setting(clone / place)
    git("--no-optional-locks", "status", cwd=clone)
    ran = list(clone.rglob("ran"))
    assert ran, "the control"
    ran[0].unlink()
    runner = Runner(environ=os.environ)
    for command in (["status"], ["add", "--all"]):
        assert runner.git(command, git_dir=clone / ".git", work_tree=clone).status == 0
        assert not ran[0].exists()


def test_no_hook_runs_that_stands_in_the_settings_and_git_lfs_is_told_what_it_is(clone: Path) -> None:
    def options() -> list[str]:
        found = {"git_dir": clone / ".git", "work_tree": clone, "environment": {}}
        return without_programs(Runner(environ={}), ["status"], **found)  # no process: there is no PATH

    assert options() == []
    config = clone / "sub/.git/config"
    with config.open("a") as file:
        file.write('[hook "x"]\n\tcommand = y\n[filter "lfs"]\n\tclean = evil\n')
    ours = [*(f"filter.lfs.{key}={value}" for key, value in LFS_FILTER.items()), "lfs.storage=lfs"]
    assert options() == [
        *(word for setting in ours for word in ("-c", setting)),
        "--config-env=hook.x.enabled=LANGUAGE",
    ]
    config.write_text('[filter "lfs"]\n\tclean = git-lfs\n[lfs "extension.x"]\n\tclean = y\n[alias]\n\tlfs = z\n')
    emptied = ["alias.lfs", "lfs.extension.x.clean", *(f"filter.lfs.{key}" for key in LFS_FILTER)]
    assert options() == [f"--config-env={key}=LANGUAGE" for key in emptied]


def test_settings_that_could_not_be_read_are_not_none() -> None:
    def refused(into: Into) -> Completed:
        into.err(b"warning: unable to access '/x/config': Too many open files\n")
        return Completed(128, b"", "")

    with pytest.raises(LocalIo, match="/x/config"):
        listed(refused)
