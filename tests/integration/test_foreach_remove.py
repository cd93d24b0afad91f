"""`git hybrid foreach` and `git hybrid remove`."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.beginning import Beginning, Begun
from support.cli import Hybrid, executable, merged_env
from support.hints import gone_by_hints
from support.kit import changes, git, lock, manifest, released, snapshot, state
from support.upstream import Upstream, UpstreamFactory


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    released(upstream)
    return upstream


@pytest.fixture
def three(hybrid: Hybrid, workspace: Path, tool: Upstream, beginning: Beginning) -> Path:
    def make() -> None:
        hybrid("init")
        for name in ("c", "a", "b"):
            hybrid("add", tool.url, "--branch", "main", "--name", name, "--group", f"g{name}")
        hybrid("sync")

    beginning(workspace, make)
    return workspace


def test_a_byte_that_is_no_utf8_is_told_as_everywhere_else(hybrid: Hybrid, three: Path) -> None:
    said = ("--source", "a", "--", "sh", "-c", r"printf 'caf\351'; printf 'caf\350' >&2")
    (result,) = hybrid("foreach", "--json", *said).json()["sources"]
    assert (result["stdout"], result["stderr"]) == (r"caf\xe9", r"caf\xe8")
    assert r"caf\xe8" in hybrid("foreach", *said).err


def test_foreach_keeps_arguments_apart(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, sync=False)
    hybrid("sync")
    words = ["a b", "$HOME", "*", "it's", 'q"q', "", ";id", "-x", "--json"]
    result = hybrid("foreach", "--", "printf", "<%s>\n", *words)
    assert result.out == "".join(f"<{word}>\n" for word in words)
    assert hybrid("foreach", "--", "echo $((1 + 1)) | cat").out == "2\n"


def test_sources_that_stand_before_the_command_are_told_as_options(hybrid: Hybrid, three: Path) -> None:
    names = sorted(path.name for path in (three / "sources").iterdir() if not path.name.startswith("."))
    told = hybrid("foreach", *names[:2], "--", "ls", "a b", check=2).err
    assert f"hint: git hybrid foreach -s {names[0]} -s {names[1]} -- ls 'a b'\n" in told
    assert "hint: git hybrid foreach -h\n" in hybrid("foreach", "no-such-program", "x", check=2).err
    # A source and nothing to do there.
    assert "not found" in hybrid("foreach", "-s", names[0], names[0], check=1).err


def test_foreach_order_env_and_folder(hybrid: Hybrid, three: Path) -> None:
    script = 'pwd; echo "$GIT_HYBRID_NAME $GIT_HYBRID_COMMIT"; git rev-parse HEAD'
    for jobs in ("1", "3"):
        lines = hybrid("foreach", "-j", jobs, "--", script).out.splitlines()
        commit = lock(three)["a"]["commit"]
        expected = []
        for name in "abc":
            expected += [str(three / "sources" / name), f"{name} {commit}", commit]
        assert lines == expected
    assert "hint: git hybrid status -v\n" in hybrid("status", "--group", "zz", check=2).err
    assert hybrid("foreach", "--group", "gb", "--", "echo", "x").out == "x\n"


def test_foreach_exit_codes(hybrid: Hybrid, three: Path) -> None:
    failed = hybrid("foreach", "--", 'echo "$GIT_HYBRID_NAME"; test "$GIT_HYBRID_NAME" != b', check=1)
    assert failed.out.split() == ["a", "b", "c"]
    assert "b" in failed.err
    for words, why in {
        "no-such-command": "not installed",
        three / "sources.toml": "cannot be run",
        "": "empty",
    }.items():
        assert why in hybrid("foreach", "--", words, "x", check=2).err
    for name, mode in (("a", 0o755), ("b", 0o644)):
        (three / "sources" / name / ".git/own").write_text("#!/bin/sh\necho own\n")
        (three / "sources" / name / ".git/own").chmod(mode)
    own = hybrid("foreach", "-q", "--", ".git/own", "x", check=1)
    assert own.out == "own\n"
    failed = [line for line in own.err.splitlines() if line.startswith("error: ")]
    assert failed == [
        f"error: the command failed in {name} with status {code}" for name, code in (("b", 126), ("c", 127))
    ]
    hybrid("foreach", check=2)
    shutil.rmtree(three / "sources/b")
    missing = hybrid("foreach", "--", "echo", "x", check=None)
    assert missing.out == "x\nx\n"
    assert "b" in missing.err


def test_foreach_fails_where_something_else_than_a_clone_stands(hybrid: Hybrid, three: Path) -> None:
    shutil.rmtree(three / "sources/a")
    (three / "sources/b/.git/HEAD").unlink()
    shutil.rmtree(three / "sources/c")
    (three / "sources/c").mkdir()
    (three / "sources/c/notes").write_text("mine\n")
    ran = hybrid("foreach", "--", "true", check=1)
    assert ran.err.startswith("a: no clone, skipped\n")
    for name, what in (("b", "a broken clone"), ("c", "a foreign folder")):
        assert f"error: the command was not run in {name}: what stands there is {what}: " in ran.err
        assert f"hint: git hybrid status {name}\n" in ran.err
    sources = hybrid("foreach", "--json", "--", "true", check=1).json()["sources"]
    assert [item["status"] for item in sources] == [None, 126, 126]
    assert sources[2]["stderr"].startswith("not run: what stands there is a foreign folder: ")


def test_foreach_ends_its_commands_when_nobody_reads_any_more(three: Path) -> None:
    for jobs in ("1", "3"):
        argv = [executable(), "foreach", "-j", jobs, "--", "echo begun > begun; exec sleep 50"]
        with subprocess.Popen(argv, cwd=three, env=merged_env({}), stdout=subprocess.PIPE) as child:
            while not (three / "sources/a/begun").exists():
                time.sleep(0.05)
            assert child.stdout is not None
            child.stdout.close()
            assert child.wait(20) == 141
        (three / "sources/a/begun").unlink()


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_foreach_ends_what_never_ends_when_nobody_reads_any_more(three: Path, jobs: str) -> None:
    argv = [executable(), "foreach", "-j", jobs, "--", "yes"]
    with subprocess.Popen(argv, cwd=three, env=merged_env({}), stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"y\n"
        child.stdout.close()
        assert child.wait(20) == 141


@pytest.mark.parametrize(("jobs", "number"), [("1", signal.SIGINT), ("3", signal.SIGHUP)])
def test_foreach_can_be_interrupted_while_nobody_takes_what_is_written(
    three: Path, jobs: str, number: signal.Signals
) -> None:
    if signal.getsignal(number) == signal.SIG_IGN:
        pytest.skip("it is ignored here")
    argv = [executable(), "foreach", "-j", jobs, "--", "yes"]
    with subprocess.Popen(argv, cwd=three, env=merged_env({}), stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.read(2) == b"y\n"
        time.sleep(0.5)
        child.send_signal(number)
        assert child.wait(20) == 128 + number


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_foreach_shows_the_first_that_runs_while_it_does(three: Path, jobs: str) -> None:
    """Each command ends when what it wrote was read; with three at a time `a` ends last of all."""
    others = "while [ ! -e ../b/done ] || [ ! -e ../c/done ]; do sleep 0.05; done"
    wait = f'if [ {jobs} = 3 ] && [ "$GIT_HYBRID_NAME" = a ]; then {others}; fi'
    script = f"echo begun; {wait}; while [ ! -e seen ]; do sleep 0.05; done; echo $GIT_HYBRID_NAME; echo e >&2; : >done"
    if jobs == "3":
        for name in "bc":
            (three / "sources" / name / "seen").touch()
    argv = [executable(), "foreach", "-j", jobs, "--", script]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, cwd=three, env=merged_env({}), stdout=pipe, stderr=pipe, text=True) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        for name in "abc":
            assert child.stderr.readline() == f"==> {name}\n"
            assert child.stdout.readline() == "begun\n"
            (three / "sources" / name / "seen").touch()
            assert child.stdout.readline() == f"{name}\n"
            assert child.stderr.readline() == "e\n"
        assert child.wait(20) == 0


def test_foreach_runs_no_program_of_a_clone_that_is_not_named_by_its_path(hybrid: Hybrid, three: Path) -> None:
    for name in ("sh", "own-tool"):
        program = three / "sources" / "a" / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text("#!/bin/sh\necho of the clone\n")
        program.chmod(0o755)
    env = {"PATH": f"bin{os.pathsep}{os.environ['PATH']}"}
    assert hybrid("foreach", "-s", "a", "--", "echo mine", env=env).out == "mine\n"
    hybrid("foreach", "-s", "a", "--", "own-tool", "x", env=env, check=2)
    assert hybrid("foreach", "-s", "a", "--", "bin/own-tool", env=env).out == "of the clone\n"


@pytest.mark.skipif(sys.platform != "linux", reason="ulimit -v")
def test_foreach_takes_no_memory_for_what_commands_write(three: Path) -> None:
    many = 400_000_000
    line = f'ulimit -v 450000; "{executable()}" foreach -s a -- head -c {many} /dev/zero | wc -c'
    done = subprocess.run(
        ["sh", "-c", line], cwd=three, env=merged_env({}), capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == (str(many), "==> a\n")


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full")
def test_foreach_tells_what_failed_where_there_is_no_room_for_the_rest(three: Path) -> None:
    line = f'"{executable()}" foreach -- "echo x; test \\$GIT_HYBRID_NAME != b" > /dev/full'
    done = subprocess.run(
        ["sh", "-c", line], cwd=three, env=merged_env({}), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "the command failed in b with status 1" in done.stderr
    assert "what the command says could not be written" in done.stderr


def test_foreach_is_not_confused_by_the_callers_git(hybrid: Hybrid, three: Path, tmp_path: Path) -> None:
    env = {"GIT_DIR": str(tmp_path / "elsewhere"), "GIT_INDEX_FILE": str(tmp_path / "index")}
    commit = lock(three)["a"]["commit"]
    assert hybrid("foreach", "--", "git", "rev-parse", "HEAD", env=env).out.split() == [commit] * 3


def test_remove_drops_all_of_it(hybrid: Hybrid, three: Path) -> None:
    hybrid("remove", "a", "c")
    assert list(manifest(three)) == ["b"]
    assert list(lock(three)) == ["b"]
    assert list(state(three)) == ["b"]
    assert [path.name for path in (three / "sources").iterdir() if not path.name.startswith(".")] == ["b"]
    assert '"remove"' in (three / "state/sources-audit.jsonl").read_text()
    hybrid("sync")
    before = snapshot(three)
    hybrid("remove", "zed", check=2)
    hybrid("remove", check=2)
    assert changes(before, snapshot(three)) == []


@pytest.mark.parametrize("folder", [False, True])
def test_remove_without_a_clone(hybrid: Hybrid, workspace: Path, tool: Upstream, folder: bool, begun: Begun) -> None:
    begun(tool.url, sync=False)
    if folder:
        (workspace / "sources/tool").mkdir()
        (workspace / "sources/stray").mkdir()
    hybrid("remove", "tool")
    assert manifest(workspace) == {}
    assert lock(workspace) == {}
    hybrid("sync", "--prune")
    assert not list((workspace / "sources").glob("[!.]*"))


def test_the_hint_of_a_folder_in_the_way_removes(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, sync=False)
    (workspace / "sources/tool").mkdir()
    (workspace / "sources/tool/x").touch()
    assert "hint: move it away, then: git hybrid remove tool\n" in hybrid("remove", "tool", check=3).err
    assert "hint: move it away, then: git hybrid sync tool\n" in hybrid("sync", check=3).err


def _untracked(clone: Path) -> None:
    (clone / "new").write_text("x")


def _commit(clone: Path) -> None:
    (clone / "README").write_text("x")
    git("commit", "-q", "-a", "-m", "mine", cwd=clone)


def _branch(clone: Path) -> None:
    _commit(clone)
    git("branch", "work", cwd=clone)
    git("checkout", "-q", "--detach", "refs/hybrid/pin", cwd=clone)


def _stash(clone: Path) -> None:
    (clone / "README").write_text("x")
    git("stash", cwd=clone)


def _tag(clone: Path) -> None:
    _commit(clone)
    git("tag", "work", cwd=clone)
    git("checkout", "-q", "--detach", "refs/hybrid/pin", cwd=clone)


def _worktree(clone: Path) -> None:
    git("worktree", "add", "-q", "-b", "w", str(clone.parent.parent / "tree"), cwd=clone)
    _commit(clone.parent.parent / "tree")


def _detached_worktree(clone: Path) -> None:
    git("worktree", "add", "-q", "--detach", str(clone.parent.parent / "tree"), cwd=clone)
    _commit(clone.parent.parent / "tree")


def _annotated(clone: Path) -> None:
    git("tag", "-a", "-m", "words of mine", "note", cwd=clone)


def _note(clone: Path) -> None:
    git("notes", "add", "-m", "words of mine", cwd=clone)


def _left(clone: Path) -> None:
    _commit(clone)
    git("checkout", "-q", "--detach", "refs/hybrid/pin", cwd=clone)


def _damaged(clone: Path) -> None:
    _branch(clone)
    git("checkout", "-q", "-b", "broken", cwd=clone)
    git("commit", "-q", "--allow-empty", "-m", "mine", cwd=clone)
    oid = git("rev-parse", "HEAD", cwd=clone)
    git("checkout", "-q", "--detach", "refs/hybrid/pin", cwd=clone)
    # What a power cut may leave.
    (clone / f".git/objects/{oid[:2]}/{oid[2:]}").unlink()
    (clone / f".git/objects/{oid[:2]}/{oid[2:]}").touch()


def _repository(clone: Path) -> None:
    git("init", "-q", "new/tool", cwd=clone)
    git("commit", "-q", "--allow-empty", "-m", "mine", cwd=clone / "new/tool")


WORK = {
    "repository": _repository,
    "untracked": _untracked,
    "commit": _commit,
    "branch": _branch,
    "stash": _stash,
    "tag": _tag,
    "worktree": _worktree,
    "detached-worktree": _detached_worktree,
    "annotated": _annotated,
    "note": _note,
    "left": _left,
    "damaged": _damaged,
}
LET_GO = {
    "branch": ["branch", "-D", "work"],
    "stash": ["stash", "clear"],
    "tag": ["tag", "-d", "work"],
    "annotated": ["tag", "-d", "note"],
    "note": ["update-ref", "-d", "refs/notes/commits"],
    "left": ["reflog", "expire", "--expire=now", "HEAD"],
}


@pytest.mark.parametrize("kind", WORK)
def test_remove_refuses_to_drop_work(hybrid: Hybrid, workspace: Path, tool: Upstream, kind: str, begun: Begun) -> None:
    begun(tool.url, "--branch", "main", sync=False)
    hybrid("sync")
    WORK[kind](workspace / "sources/tool")
    before = snapshot(workspace)
    refused = hybrid("remove", "tool", check=3)
    assert "sources/tool" in refused.err
    assert "hint: " in refused.err
    assert changes(before, snapshot(workspace)) == []


def test_a_repository_without_files_counts_like_any_other(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    begun(tool.url, "--branch", "main", sync=False)
    hybrid("sync")
    clone = workspace / "sources/tool"
    _repository(clone)
    assert "tool    dirty" in hybrid("status", "--exit-code", check=1).out
    assert "new/tool" in hybrid("check", "sources", check=1).out
    refused = hybrid("reset", "tool", check=3).err
    assert "new/tool" in refused
    (clone / ".git/info/exclude").write_text("new/\n")
    assert hybrid("status", "--exit-code").code == 0


@pytest.mark.parametrize("kind", LET_GO)
def test_the_hints_of_remove_let_work_go(
    hybrid: Hybrid, workspace: Path, tool: Upstream, kind: str, begun: Begun
) -> None:
    begun(tool.url, "--branch", "main", sync=False)
    hybrid("sync")
    WORK[kind](workspace / "sources/tool")
    words = LET_GO[kind]
    assert f"git -C sources/tool {' '.join(words)}\n" in hybrid("remove", "tool", check=3).err
    git(*words, cwd=workspace / "sources/tool")
    if kind not in ("annotated", "note", "left", "stash"):
        git("reflog", "expire", "--expire=now", "--all", cwd=workspace / "sources/tool")
    hybrid("remove", "tool")


def _branch_here(clone: Path) -> None:
    git("checkout", "-q", "-b", "here", cwd=clone)
    _commit(clone)


def _amended(clone: Path) -> None:
    _branch_here(clone)
    git("commit", "-q", "--amend", "--allow-empty", "-m", "again", cwd=clone)


@pytest.mark.parametrize("command", [("remove", "tool"), ("sync", "--prune")], ids="-".join)
@pytest.mark.parametrize("work", [_branch_here, _amended, _worktree], ids=lambda work: work.__name__)
def test_hints_come_in_the_order_in_which_they_work(
    hybrid: Hybrid,
    workspace: Path,
    tool: Upstream,
    work: Callable[[Path], None],
    command: tuple[str, ...],
    begun: Begun,
) -> None:
    begun(tool.url, "--branch", "main", sync=False)
    hybrid("sync")
    work(workspace / "sources/tool")
    if command[0] == "sync":
        (workspace / "sources.toml").write_text("schema_version = 1\n")
    gone_by_hints(hybrid, workspace, *command)


def test_what_lets_a_commit_go_keeps_the_stashes(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, "--branch", "main", sync=False)
    hybrid("sync")
    clone = workspace / "sources/tool"
    for text in "xy":
        (clone / "README").write_text(text)
        git("stash", cwd=clone)
    _left(clone)
    (hint,) = [line for line in hybrid("remove", "tool", check=3).err.splitlines() if "reflog expire" in line]
    git(*hint.partition("git -C sources/tool ")[2].split(), cwd=clone)
    assert len(git("stash", "list", cwd=clone).splitlines()) == 2
    assert "cause: refs/stash\n" in hybrid("remove", "tool", check=3).err


def test_tags_of_upstream_are_told_from_ones_made_here_by_one_command(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    begun(tool.url, "--branch", "main", sync=False)
    hybrid("sync")
    clone = workspace / "sources/tool"
    for number in range(20):
        git("tag", "-a", "-m", "x", f"t{number:02}", "main", cwd=tool.path)
    git("fetch", "-q", "--tags", cwd=clone)
    assert git("describe", cwd=clone).startswith("t")
    for command in ("status", "sync", "reset"):
        hybrid(command, *(["tool"] if command == "reset" else []))
    _annotated(clone)
    told = hybrid("remove", "tool", check=3).err
    assert "refs/tags/t18, … and 3 more\n" in told
    (hint,) = [line for line in told.splitlines() if " fetch " in line]
    git(*shlex.split(hint.partition("git -C sources/tool ")[2]), cwd=clone)
    assert "cause: refs/tags/note\n" in hybrid("remove", "tool", check=3).err
    gone_by_hints(hybrid, workspace, "remove", "tool")


def test_a_commit_that_was_left_can_be_pushed(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, "--branch", "main", sync=False)
    hybrid("sync")
    _left(workspace / "sources/tool")
    refused = hybrid("remove", "tool", check=3).err
    (hint,) = [line for line in refused.splitlines() if line.startswith("hint: push it: ")]
    words = hint.removeprefix("hint: push it: git -C sources/tool ").replace("BRANCH", "mine").split()
    git(*words, cwd=workspace / "sources/tool")
    hybrid("remove", "tool")


def test_prune_and_remove_name_each_worktree(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, begun: Begun
) -> None:
    begun(tool.url, "--branch", "main", sync=False)
    hybrid("sync")
    clone = workspace / "sources/tool"
    git("worktree", "add", "-q", "--detach", tmp_path / "one", cwd=clone)
    git("worktree", "add", "-q", "--detach", tmp_path / "two", cwd=clone)
    refused = hybrid("remove", "tool", check=3).err
    assert f"cause: worktree {tmp_path}/one, worktree {tmp_path}/two\n" in refused
    assert f"git -C sources/tool worktree remove {tmp_path}/one\n" in refused
    (workspace / "sources.toml").write_text("schema_version = 1\n")
    assert "worktree" in hybrid("sync", "--prune", check=3).err
    for name in ("one", "two"):
        git("worktree", "remove", tmp_path / name, cwd=clone)
    hybrid("sync", "--prune")
    assert not clone.exists()


def test_branches_and_tags_at_fetched_commits_are_no_work(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    begun(tool.url, "--branch", "main", sync=False)
    hybrid("sync")
    clone = workspace / "sources/tool"
    git("branch", "here", cwd=clone)
    git("tag", "there", cwd=clone)
    git("fetch", "-q", "--no-tags", "origin", cwd=clone)
    # More refs than the names of which a command line takes.
    packed, head = clone / ".git/packed-refs", git("rev-parse", "HEAD", cwd=clone)
    known = [line for line in packed.read_text().splitlines() if line[0] not in "#^"] if packed.exists() else []
    many = (f"{head} refs/hybrid/upstream/heads/{'x' * 200}{number}" for number in range(10_000))
    packed.write_text("".join(f"{line}\n" for line in (*known, *many)))
    hybrid("remove", "tool")


def test_what_this_tool_checked_out_is_no_work(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, "--branch", "main", sync=False)
    hybrid("sync")
    for number in range(2):
        tool.reset("main", "v1.0.0")
        tool.commit({"README": f"other {number}\n"}, f"other {number}")
        force = ("--request", "R-1", "--approver", "x@example.org", "--reason", "moved", "--expires", "1d")
        hybrid("pin", "tool", "--to", "main", "--force", *force)
        hybrid("sync")
    hybrid("remove", "tool")


def test_a_worktree_follows_a_broken_clone(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path, begun: Begun
) -> None:
    begun(tool.url, "--branch", "main", sync=False)
    hybrid("sync")
    clone = workspace / "sources/tool"
    git("worktree", "add", "-q", "--detach", tmp_path / "tree", cwd=clone)
    _commit(tmp_path / "tree")
    mine = git("rev-parse", "HEAD", cwd=tmp_path / "tree")
    (clone / ".git/index").unlink()
    assert "the broken clone is kept at sources/.set-aside/tool-" in hybrid("sync").out
    assert git("rev-parse", "HEAD", cwd=tmp_path / "tree") == mine


def test_remove_keeps_what_a_reset_saved(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, "--branch", "main", sync=False)
    hybrid("sync")
    _untracked(workspace / "sources/tool")
    hybrid("reset", "tool")
    assert "saved work is kept at sources/.set-aside/tool-" in hybrid("remove", "tool").out
    assert not (workspace / "sources/tool").exists()
    (kept,) = (workspace / "sources/.set-aside").iterdir()
    assert git("for-each-ref", "refs/hybrid/saved", cwd=kept)


def _meanwhile(folder: Path, edit: str) -> dict[str, str]:
    """Return the environment with a git that does *edit* when all clones were looked at, and none is moved yet."""
    real = shutil.which("git")
    folder.mkdir()
    script = folder / "git"
    script.write_text(f'#!/bin/sh\ncase "$*" in *--count=1*) {edit};; esac\nexec {real} "$@"\n')
    script.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.parametrize("command", ["remove", "prune"])
def test_work_that_is_written_meanwhile_stays(hybrid: Hybrid, three: Path, tmp_path: Path, command: str) -> None:
    words = ["remove", "a", "b"]
    if command == "prune":
        words, path = ["sync", "--prune"], three / "sources.toml"
        path.write_text(path.read_text().partition("[source.a]")[0])
    env = _meanwhile(tmp_path / "git", f'echo mine > "{three}/sources/b/late"')
    refused = hybrid(*words, env=env, check=3)
    assert "error: sources/b has local changes in 1 file" in refused.err
    assert "cause: late\n" in refused.err
    assert (three / "sources/b/late").read_text() == "mine\n"
    assert not (three / "sources/a").exists()
    assert [*lock(three)] == ["b", "c"]
    assert list((three / "sources").glob(".incoming/*")) == []


def test_work_in_a_clone_that_a_killed_run_withdrew_comes_back(hybrid: Hybrid, three: Path) -> None:
    """Whoever stands in the folder writes there, wherever it is moved to."""
    path, sources = three / "sources.toml", three / "sources"
    path.write_text(path.read_text().partition("[source.a]")[0])
    home = sources / ".incoming/01JZZZZZZZZZZZZZZZZZZZZZZZ"
    home.mkdir(parents=True)
    for name in "abc":
        (sources / name).rename(home / f".withdrawn-{name}")
    (home / ".withdrawn-b/late").write_text("mine")
    (sources / "c").mkdir()
    (sources / "c/new").touch()
    # Another thing of c that the run had set aside.
    aside = f".set-aside/c-{home.name}"
    (sources / aside / "older").mkdir(parents=True)
    told = hybrid("sync", check=3).err
    assert "put sources/b back, which an interrupted run had withdrawn" in told
    assert f"moved the clone of c to sources/{aside}-2, which an interrupted run had withdrawn" in told
    assert (sources / "b/late").read_text() == "mine"
    assert git("status", "--porcelain", cwd=sources / f"{aside}-2") == ""
    assert not (sources / "a").exists()
    assert not home.exists()
