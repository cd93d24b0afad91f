"""What the file system refuses: nothing is taken for clean, deleted or half done that could not be read or written."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.cli import Hybrid, Result, executable
from support.kit import changes, git, manifest, released, snapshot, started
from support.upstream import Gitlink, Upstream, UpstreamFactory

_POWERLESS = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"]
Powerless = Callable[..., Result]

pytestmark = pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root may read and write everything"
)


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    released(upstream)
    return upstream


@pytest.fixture
def clone(hybrid: Hybrid, workspace: Path, tool: Upstream) -> Iterator[Path]:
    started(hybrid, tool.url, "--branch", "main")
    yield workspace / "sources/tool"
    for folder, folders, _ in os.walk(workspace):
        for name in folders:
            (Path(folder) / name).chmod(0o755)


@pytest.fixture
def powerless(workspace: Path) -> Powerless:
    """Return what runs git-hybrid as somebody for whom rights count, also where the tests run as root."""
    prefix = _POWERLESS if os.geteuid() == 0 else []

    def run(*args: str, check: int = 0) -> Result:
        command = [*prefix, str(executable()), *args]
        done = subprocess.run(command, cwd=workspace, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == check, (args, done.stdout, done.stderr)
        return Result(code=done.returncode, out=done.stdout, err=done.stderr)

    return run


@pytest.mark.parametrize("mode", [0o000, 0o600])
def test_a_folder_that_cannot_be_read_is_dirty(
    hybrid: Hybrid, workspace: Path, clone: Path, powerless: Powerless, mode: int
) -> None:
    (clone / "priv").mkdir()
    (clone / "priv/notes").write_text("precious")
    git("add", "priv/notes", cwd=clone)
    (clone / "priv").chmod(mode)
    assert "priv/, priv/notes" in powerless("status", "tool").out
    git("rm", "--quiet", "--cached", "priv/notes", cwd=clone)
    for command in (["remove", "tool"], ["sync", "tool"]):
        assert "cause: priv/\n" in powerless(*command, check=3).err
    refused = powerless("reset", "tool", check=74).err
    assert f"cannot save {clone}/priv: Permission denied" in refused
    assert "tool" in manifest(workspace)
    (clone / "priv").chmod(0o755)
    assert (clone / "priv/notes").read_text() == "precious"
    hybrid("reset", "tool")
    (ref,) = git("for-each-ref", "--format=%(refname)", "refs/hybrid/saved", cwd=clone).split()
    assert git("show", f"{ref}:priv/notes", cwd=clone) == "precious"


def test_an_ignored_folder_that_cannot_be_read_does_not_count(clone: Path, powerless: Powerless) -> None:
    (clone / ".git/info/exclude").write_text("/cache/\n")
    (clone / "cache").mkdir()
    (clone / "cache").chmod(0o000)
    assert "ok" in powerless("status", "tool").out


def test_check_names_the_path_that_cannot_be_read(clone: Path, powerless: Powerless) -> None:
    (clone / "priv").mkdir()
    (clone / "priv").chmod(0o000)
    assert f"cannot use {clone}/priv: Permission denied" in powerless("check", "sources", "--content", check=74).out


@pytest.mark.parametrize("name", ["README", ".git/index", ".git/HEAD"])
def test_the_file_of_a_clone_that_cannot_be_read_is_named(clone: Path, powerless: Powerless, name: str) -> None:
    (clone / "README").touch()
    (clone / name).chmod(0o000)
    assert f"cannot read {clone}/{name}: Permission denied\n" in powerless("status", check=74).out


@pytest.mark.parametrize("name", ["packed-refs", "objects/pack/*.pack", "objects/pack/*.idx", "refs/heads/wip"])
def test_a_clone_of_which_a_part_may_not_be_read_is_not_broken(
    hybrid: Hybrid, tool: Upstream, workspace: Path, clone: Path, powerless: Powerless, name: str
) -> None:
    git("checkout", "--quiet", "-b", "wip", cwd=clone)
    if name != "refs/heads/wip":
        git("gc", "--quiet", cwd=clone)
    tool.commit({"b": "b"})
    hybrid("pin", "tool")
    closed = {file: file.stat().st_mode for file in (clone / ".git").glob(name)}
    (clone / "mine").write_text("mine")
    before = snapshot(clone)
    for file in closed:
        file.chmod(0o000)
    try:
        assert "Permission denied" in powerless("status", check=74).out
        for command in (["sync"], ["reset", "tool"]):
            assert "Permission denied" in powerless(*command, check=74).err
    finally:
        for file, mode in closed.items():
            file.chmod(mode)
    assert not (workspace / "sources/.set-aside").exists()
    assert changes(before, snapshot(clone)) == []


@pytest.mark.parametrize("name", ["packed-refs", "config", "HEAD", "objects/pack/*.pack", "objects/pack/*.idx"])
def test_a_mirror_of_which_a_part_may_not_be_read_is_not_damaged(
    hybrid: Hybrid, tool: Upstream, workspace: Path, clone: Path, powerless: Powerless, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "mirror"
    hybrid("mirror", "update", folder)
    bare = folder / "localhost" / str(tool.path).lstrip("/")
    git("pack-refs", "--all", cwd=bare)
    tool.commit({"b": "b"})
    hybrid("pin", "tool")
    closed = {file: file.stat().st_mode for file in bare.glob(name)}
    before = snapshot(bare)
    for file in closed:
        file.chmod(0o000)
    try:
        assert "Permission denied" in powerless("mirror", "update", str(folder), check=74).err
    finally:
        for file, mode in closed.items():
            file.chmod(mode)
    assert not (folder / ".set-aside").exists()
    assert changes(before, snapshot(bare)) == []


def test_clones_that_cannot_be_looked_at_are_not_taken_for_missing(
    workspace: Path, clone: Path, powerless: Powerless
) -> None:
    (clone / "README").write_text("evil")
    (workspace / "sources").chmod(0o000)
    for command in (["check", "sources", "--content"], ["check"], ["diff"], ["foreach", "--", "true"]):
        done = powerless(*command, check=74)
        assert f"cannot read {clone}: Permission denied" in done.out + done.err
    assert f"cannot use {clone.parent}: Permission denied" in powerless("status", check=74).err
    (workspace / "sources").chmod(0o755)
    assert "with other content: README" in powerless("check", "sources", "--content", check=1).out


def test_what_cannot_be_removed_holds_nothing_up(
    hybrid: Hybrid, workspace: Path, tool: Upstream, clone: Path, powerless: Powerless
) -> None:
    hybrid("add", tool.url, "--branch", "main", "--name", "other")
    (clone / ".git/info/exclude").write_text("/cache/\n")
    (clone / "cache/deep").mkdir(parents=True)
    (clone / "cache/deep/file").write_text("1")
    (clone / "cache/deep").chmod(0o555)
    removed = powerless("remove", "tool").out
    assert "its clone could not be removed: left at sources/.incoming/" in removed
    assert "/cache/deep: Permission denied" in removed
    assert list(manifest(workspace)) == ["other"]
    for command in (["sync"], ["pin", "other"], ["resume"], ["add", tool.url, "--branch", "main"], ["sync"]):
        assert "an earlier run could not remove all: left at sources/.incoming/" in powerless(*command).err
    assert (clone / "README").exists()
    (home,) = (workspace / "sources/.incoming").iterdir()
    told = powerless("diag", check=1).out
    assert "/cache/deep was left by a run, and you may not remove it" in told
    assert f"sudo rm -r sources/.incoming/{home.name}" in told
    next(home.glob("*/cache/deep")).chmod(0o755)
    assert f"removed sources/.incoming/{home.name}" in hybrid("sync").err
    assert not home.exists()


def test_submodules_of_one_name_that_cannot_be_removed_hold_nothing_up(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, powerless: Powerless
) -> None:
    lib, names = upstream_factory("lib"), ("a", "b")
    lib.commit({"lib.txt": "one\n"})
    upstreams = [upstream_factory(name) for name in names]
    for upstream in upstreams:
        modules = '[submodule "lib"]\n\tpath = lib\n\turl = ../lib.git\n'
        upstream.commit({".gitmodules": modules, "lib": Gitlink(lib.rev("main")), "file": "1\n"})
    hybrid("init")
    for upstream in upstreams:
        hybrid("add", upstream.url, "--branch", "main")
    path = workspace / "sources.toml"
    path.write_text(path.read_text().replace('branch = "main"\n', 'branch = "main"\nsubmodules = true\n'))
    hybrid("pin")
    hybrid("sync")
    inner = [workspace / f"sources/{name}/lib" for name in names]
    for folder in inner:
        (folder / ".git/cache/deep").mkdir(parents=True)
        (folder / ".git/cache/deep/file").write_text("1")
        (folder / ".git/cache/deep").chmod(0o555)
    lib.commit({"lib.txt": "two\n"})
    for upstream in upstreams:
        upstream.commit({"file": "2\n", "lib": Gitlink(lib.rev("main"))})
    hybrid("pin", "--all")
    try:
        powerless("sync")
        assert not (workspace / "state/resume.json").exists()
        for folder in inner:
            assert (folder.parent / "file").read_text() == "2\n"
            assert sorted(path.name for path in folder.iterdir()) == [".git", "lib.txt"]
        assert "an earlier run could not remove all: left at sources/.incoming/" in powerless("sync").err
    finally:
        for left in workspace.glob("sources/**/cache/deep"):
            left.chmod(0o755)


def _unreadable(clone: Path) -> None:
    (clone / "mine").write_text("1")
    (clone / "mine").chmod(0o000)


def _nested(clone: Path) -> None:
    git("init", "-q", "k", cwd=clone)
    (clone / "k/file").write_text("1")


@pytest.mark.parametrize(
    ("begin", "status", "words"),
    [
        (_unreadable, 74, "cannot run git add at sources/tool/mine: Permission denied"),
        (_nested, 3, "sources/tool holds another git repository: k/"),
    ],
)
def test_a_reset_that_cannot_save_changes_nothing_and_leaves_no_run(
    workspace: Path, clone: Path, powerless: Powerless, begin: Callable[[Path], None], status: int, words: str
) -> None:
    begin(clone)
    (clone / "README").write_text("mine")
    assert words in powerless("reset", "tool", check=status).err
    assert not (workspace / "state/resume.json").exists()
    assert (clone / "README").read_text() == "mine"
    assert "nothing to resume" in powerless("resume").err
    powerless("pin", "tool")


def test_nested_repositories_are_not_said_to_be_saved(hybrid: Hybrid, clone: Path) -> None:
    _nested(clone)
    git("add", ".", cwd=clone / "k")
    git("commit", "-q", "-m", "mine", cwd=clone / "k")
    blocked = hybrid("sync", check=3).err
    assert "saves all of it" not in blocked
    assert "hint: move away what ends with a slash, but no submodule that the pin has just so, " in blocked
    assert " or mend its rights, then: git hybrid reset tool\n" in blocked
    refused = hybrid("reset", "tool", check=3).err
    assert "hint: move it away, then: git hybrid reset tool\n" in refused
    (clone / "k").rename(clone.parent.parent / "k")
    hybrid("reset", "tool")
    assert hybrid("status", "--exit-code", "tool").code == 0


def test_a_checkout_that_may_not_write_is_the_machines_fault_and_can_be_finished_or_given_up(
    hybrid: Hybrid, workspace: Path, tool: Upstream, clone: Path, powerless: Powerless
) -> None:
    (clone / "src").mkdir(exist_ok=True)
    for number in range(2):
        tool.commit({"src/file": f"{number}\n", "other": f"{number}\n"})
        hybrid("pin", "tool")
        if not number:
            hybrid("sync")
    (clone / "src").chmod(0o555)
    assert "cannot run git checkout at sources/tool/src/file: Permission denied" in powerless("sync", check=74).err
    assert (workspace / "state/resume.json").exists()
    for command in (["resume"], ["reset", "tool"], ["sync"]):
        told = powerless(*command, check=74)
        assert "sources/tool/src/file: Permission denied" in told.err
        assert "local work saved as refs/hybrid/saved/" in told.out
    saved = git("for-each-ref", "refs/hybrid/saved", cwd=clone).splitlines()
    assert len(saved) == 1
    # What is to be written to go back is beside that folder.
    clone.chmod(0o555)
    given_up = powerless("resume", "--abort", check=74)
    assert "left as it stands, and the run given up" in given_up.out
    clone.chmod(0o755)
    assert not (workspace / "state/resume.json").exists()
    (clone / "src").chmod(0o755)
    hybrid("reset", "tool")
    assert (clone / "src/file").read_text() == "1\n"


@pytest.mark.parametrize("name", ["logs/HEAD", "logs", "refs"])
def test_a_clone_in_which_head_cannot_be_moved_is_left_as_it_is(
    hybrid: Hybrid, workspace: Path, tool: Upstream, clone: Path, powerless: Powerless, name: str
) -> None:
    for text in ("first", "second"):
        tool.commit({"README": text})
        hybrid("pin", "tool")
        if text == "first":
            hybrid("sync")
    place = clone / ".git" / name
    place.chmod(place.stat().st_mode & 0o555)
    for command in (["sync"], ["resume"]):
        assert f"cannot write {place}: Permission denied\n" in powerless(*command, check=74).err
        assert (clone / "README").read_text() == "first"
        assert git("status", "--porcelain", cwd=clone) == ""
    told = powerless("diag", check=1).out
    assert f"sources/tool/.git/{name} cannot be written by you" in told
    mend = "chmod -R u+rwX sources/tool"
    assert mend in told
    subprocess.run(["sh", "-c", mend], cwd=workspace, check=True)
    powerless("resume")
    assert (clone / "README").read_text() == "second"


def test_what_is_made_in_a_shared_workspace_its_group_may_write(
    hybrid: Hybrid, workspace: Path, tool: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The umask is that of a process of its own.
    monkeypatch.setenv("GIT_HYBRID_TESTS_START", "new")
    before = os.umask(0o022)
    try:
        workspace.chmod(0o2775)
        started(hybrid, tool.url, "--branch", "main")
        tool.commit({"new/file": "1\n"})
        hybrid("pin", "tool")
        hybrid("sync")
    finally:
        os.umask(before)
    assert (workspace / "sources/tool/.git/logs/HEAD").exists()
    found = [path for path in workspace.glob("s*/**/*") if not path.is_symlink()]
    # Objects and packs are read-only for everybody.
    closed = [path for path in found if path.stat().st_mode & 0o220 == 0o200]
    assert closed == []
