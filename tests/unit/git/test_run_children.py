"""Children that are real: how they end, and that nothing of them is left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from git_hybrid.core.errors import GitFailed, GitRefused, Interrupted, LocalIo, ToolTooOld
from git_hybrid.git.cage import Cage
from git_hybrid.git.ended import refuse_ended
from git_hybrid.git.excludes import excluding
from git_hybrid.git.limits import at_work
from git_hybrid.git.run import Runner
from git_hybrid.git.settings import git_version
from git_hybrid.git.skeleton import write_skeleton


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text() if sys.platform == "linux" else True
    except (ProcessLookupError, FileNotFoundError):
        return False


def _gone(pid: int) -> bool:
    end = time.monotonic() + 3
    while _alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not _alive(pid)


def _pids(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().split()]


def _ended_once(note: Path, number: int) -> Runner:
    """Return a runner that is asked to stop as soon as *number* processes have written theirs to *note*."""
    return Runner(environ={}, cancelled=lambda: signal.SIGTERM if note.exists() and len(_pids(note)) == number else 0)


def test_a_signal_kills_the_whole_group(tmp_path):
    note = tmp_path / "pids"
    script = f'sleep 60 & echo $! >>"{note}"; echo $$ >>"{note}"; wait'
    start = time.monotonic()
    with pytest.raises(Interrupted):
        _ended_once(note, 2).run(["sh", "-c", script], env=dict(os.environ))
    assert time.monotonic() - start < 5
    assert all(_gone(pid) for pid in _pids(note))


def test_a_child_of_the_child_that_ignores_term_is_killed_too(tmp_path):
    note = tmp_path / "pids"
    script = f'(trap "" TERM; echo "$(exec sh -c \'echo $PPID\')" >>"{note}"; sleep 20; sleep 1) & sleep 60'
    with pytest.raises(Interrupted):
        _ended_once(note, 1).run(["sh", "-c", script], env=dict(os.environ))
    assert all(_gone(pid) for pid in _pids(note))


def test_a_signal_ends_the_child():
    asked = iter([0, 0, 2])
    runner = Runner(environ={}, cancelled=lambda: next(asked))
    with pytest.raises(Interrupted) as caught:
        runner.run(["sleep", "60"], env=dict(os.environ))
    assert caught.value.signal == 2


def test_the_second_signal_waits_for_no_child_that_ignores_the_first(tmp_path):
    note = tmp_path / "pids"
    script = f'trap "" TERM; echo $$ >>"{note}"; while :; do sleep 0.05; done'
    hurried = iter([False, False, True, True])
    runner = Runner(environ={}, cancelled=lambda: 2 if note.exists() else 0, hurried=lambda: next(hurried))
    with pytest.raises(Interrupted):
        runner.run(["sh", "-c", script], env=dict(os.environ))
    assert next(hurried)
    assert all(_gone(pid) for pid in _pids(note))


def test_a_second_signal_in_the_moment_of_grace_still_ends_the_child(tmp_path):
    note = tmp_path / "pids"

    def hurried() -> bool:
        raise KeyboardInterrupt

    script = f'trap "" TERM; echo $$ >>"{note}"; while :; do sleep 0.05; done'
    runner = Runner(environ={}, cancelled=lambda: 2 if note.exists() else 0, hurried=hurried)
    with pytest.raises(KeyboardInterrupt):
        runner.run(["sh", "-c", script], env=dict(os.environ))
    assert all(_gone(pid) for pid in _pids(note))


def test_what_cannot_be_started(tmp_path):
    env = dict(os.environ)
    runner = Runner(environ=env)
    for program, needed in (("no-such-program-here", ""), ("git", "2.34")):
        with pytest.raises(ToolTooOld) as missing:
            runner.run([program], env={"PATH": str(tmp_path)})
        assert (missing.value.tool, missing.value.needed) == (program, needed)
    (tmp_path / "file").touch()
    for folder, reason in (("gone", "no such folder"), ("file", "Not a directory")):
        with pytest.raises(LocalIo) as refused:
            runner.run(["true"], env=env, cwd=tmp_path / folder)
        assert (refused.value.path, refused.value.operation) == (str(tmp_path / folder), "enter")
        assert refused.value.reason == reason


def test_a_git_that_does_not_tell_its_version_is_not_called_old(tmp_path, monkeypatch):
    (tmp_path / "git").write_text("#!/bin/sh\necho 'fatal: write failure on standard output' >&2\nexit 128\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(GitFailed) as caught:
        git_version(Runner(environ=dict(os.environ)), tmp_path)
    assert (caught.value.status, caught.value.stderr) == (128, "fatal: write failure on standard output")


@pytest.mark.parametrize("script", ["cat", "sleep 0.3; cat", "head -c 1; sleep 0.3; cat"])
def test_much_output_and_input_do_not_block(script):
    data = b"x" * 300_000
    done = Runner(environ={}).run(["sh", "-c", script], env=dict(os.environ), stdin=data)
    assert done.stdout == data


def test_a_child_need_not_take_what_it_is_given():
    for data in (b"x", b"x" * 300_000):
        assert Runner(environ={}).run(["true"], env=dict(os.environ), stdin=data).status == 0


@pytest.mark.skipif(sys.platform != "linux", reason="no other system sends a signal when a pipe's last writer is gone")
@pytest.mark.parametrize("below", ["wait", "exec sleep 60"], ids=["waits", "becomes another program"])
def test_who_is_killed_takes_its_children_and_their_children_along(tmp_path, below):
    note = tmp_path / "pids"
    # The child runs a moment before it is tied: on a busy machine its parent must not die in between.
    script = f'sleep 60 & echo $! >>"{note}"; sleep 0.5; echo $$ >>"{note}"; {below}'
    program = f"import os\nfrom git_hybrid.git.run import Runner\nRunner(environ={{}}).run({['sh', '-c', script]}, env=os.environ)"
    with subprocess.Popen([sys.executable, "-c", program]) as parent:
        end = time.monotonic() + 20
        while not (note.exists() and len(_pids(note)) == 2) and time.monotonic() < end:
            time.sleep(0.02)
        assert [_alive(pid) for pid in _pids(note)] == [True, True]
        parent.kill()
    assert all(_gone(pid) for pid in _pids(note))


def test_a_foreign_program_ends_where_the_system_cannot_leave_it_to_be_waited_for(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "waitid")
    bounds = Cage(folder=tmp_path, deadline=timedelta(seconds=60), file_bytes=1 << 20, memory_bytes=1 << 30)
    note = tmp_path / "pids"
    words = ["sh", "-c", f'sleep 60 & echo $! >"{note}"; exit 3']
    with (tmp_path / "out").open("wb") as out:
        runner = Runner(environ={})
        assert runner.confined(words, env=os.environ, cwd=tmp_path, cage=bounds, output=out, errors=out) == 3
    assert all(_gone(pid) for pid in _pids(note))


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="nothing sets a parent-death signal")
def test_a_foreign_program_that_ignores_term_is_killed_with_us(tmp_path):
    note = tmp_path / "pids"
    script = f'trap "" TERM; echo $$ >"{note}"; while :; do sleep 0.1; done'
    program = f"""if True:
    import os, sys; from datetime import timedelta; from pathlib import Path
    from git_hybrid.git.cage import Cage; from git_hybrid.git.run import Runner
    cage = Cage(folder=Path({str(tmp_path)!r}), deadline=timedelta(60), file_bytes=1 << 20, memory_bytes=1 << 30)
    runner, files = Runner(environ={{}}), dict(output=sys.stdout, errors=sys.stderr)
    runner.confined({["sh", "-c", script]}, env=os.environ, cwd=cage.folder, cage=cage, **files)
    """
    with subprocess.Popen([sys.executable, "-c", program]) as parent:
        end = time.monotonic() + 20
        while not (note.exists() and _pids(note)) and time.monotonic() < end:
            time.sleep(0.02)
        parent.kill()
    assert all(_gone(pid) for pid in _pids(note))


def test_what_a_child_leaves_running_on_purpose_goes_on(tmp_path):
    note = tmp_path / "pids"
    script = f'sleep 60 >"{note}.out" 2>&1 & echo $! >"{note}"'
    assert Runner(environ={}).run(["sh", "-c", script], env=dict(os.environ)).status == 0
    (left,) = _pids(note)
    time.sleep(0.1)
    assert _alive(left)
    os.kill(left, signal.SIGKILL)
    assert _gone(left)


@pytest.mark.parametrize("watch", [None, lambda _transfer: None], ids=["unwatched", "watched"])
def test_what_a_child_leaves_behind_with_its_pipes_open_is_not_waited_for(tmp_path, watch):
    note = tmp_path / "pids"
    script = f'sleep 60 & echo $! >>"{note}"; head -c 300000 /dev/zero; echo words >&2; exit 3'
    start = time.monotonic()
    done = Runner(environ={}).run(["sh", "-c", script], env=dict(os.environ), watch=watch)
    assert time.monotonic() - start < 20
    assert (done.status, len(done.stdout), done.stderr) == (3, 300_000, "words\n")
    (left,) = _pids(note)
    assert _alive(left), "it may be the connection that others are to use"
    os.kill(left, signal.SIGKILL)


def test_a_signal_ends_a_child_whose_output_is_read_as_it_comes(tmp_path, monkeypatch):
    note, programs = tmp_path / "pids", tmp_path / "programs"
    programs.mkdir()
    (programs / "git").write_text(f'#!/bin/sh\necho "$$" >>"{note}"\necho one\nsleep 60 & echo "$!" >>"{note}"\nwait\n')
    (programs / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    runner = Runner(environ=os.environ, cancelled=lambda: 2 if note.exists() and len(_pids(note)) == 2 else 0)
    start = time.monotonic()
    with pytest.raises(Interrupted) as caught:
        _streamed(runner, tmp_path)
    assert caught.value.signal == 2
    assert time.monotonic() - start < 10
    assert all(_gone(pid) for pid in _pids(note))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_ends_the_child_first_is_no_answer_of_it(monkeypatch, tmp_path, number):
    """As one from a terminal does that comes before the child has a process group of its own."""
    if signal.getsignal(number) == signal.SIG_IGN:
        # Who runs tests in the background may have had it ignored, and children inherit that.
        signal.signal(number, signal.SIG_DFL)
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "git").write_text(f"#!/bin/sh\necho $$ >{tmp_path}/pid\nkill -{number} $$\n")
    (programs / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")

    def cancelled() -> int:
        return number if (tmp_path / "pid").exists() and _gone(int((tmp_path / "pid").read_text())) else 0

    for ask in (lambda runner: git_version(runner, tmp_path), lambda runner: _streamed(runner, tmp_path)):
        (tmp_path / "pid").unlink(missing_ok=True)
        with pytest.raises(Interrupted) as caught:
            ask(Runner(environ=os.environ, cancelled=cancelled))
        assert caught.value.signal == number
        with pytest.raises(GitFailed, match=f"status=-{number:d}"):
            git_version(Runner(environ=os.environ), tmp_path)


@pytest.mark.parametrize(
    ("does", "ended"),
    [
        ("kill -9 $$", "was killed by signal 9"),
        ("echo 'fatal: Out of memory, malloc failed' >&2; exit 128", "fatal: Out of memory, malloc failed"),
        ("echo 'error in tag 1: badTagName: Out of memory' >&2; exit 4", None),
        ("echo 'fatal: Out of memory, or nearly so' >&2", None),
    ],
)
def test_a_child_that_was_ended_by_force_has_answered_nothing(monkeypatch, tmp_path, does, ended):
    (tmp_path / "git").write_text(f"#!/bin/sh\necho one\n{does}\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    runner = Runner(environ=os.environ)
    for ask in (lambda: runner.git(["-c", "a.b=c", "cat-file", "-e"]).stdout, lambda: _streamed(runner, tmp_path)):
        if ended is None:
            assert ask() == b"one\n"
            continue
        with pytest.raises(GitFailed) as caught:
            ask()
        assert (caught.value.command, caught.value.stderr) == ("git cat-file", ended)


@pytest.mark.parametrize(
    ("told", "path"),
    [
        ("warning: unable to access '/x/config': Too many open files", "/x/config"),
        ("error: unable to create file a: Too many open files", "here/a"),
        ("fatal: couldn't read: Too many open files", "here"),
    ],
)
def test_a_child_that_was_refused_its_files_has_answered_nothing(told, path):
    refuse_ended(["git", "config"], told, 0, folder="here")
    with pytest.raises(LocalIo) as caught:
        refuse_ended(["git", "config"], f"{told}\nfatal: so much for that", 128, folder="here")
    assert (caught.value.path, caught.value.operation) == (path, "run git config at")


@pytest.mark.skipif(sys.platform != "linux", reason="only there the system tells")
@pytest.mark.parametrize(
    ("script", "ended"), [("read line < pipe", True), ("sleep 9; :", False), ("kill -STOP $$", False)]
)
def test_who_waits_for_a_pipe_is_told_from_who_waits_for_a_child_or_was_stopped(tmp_path, monkeypatch, script, ended):
    monkeypatch.setattr("git_hybrid.git.limits.IDLE", 0.1)
    os.mkfifo(tmp_path / "pipe")
    child = subprocess.Popen(["sh", "-c", script], cwd=tmp_path, process_group=0)
    check = at_work(child.pid, str(tmp_path), lambda: None)
    try:
        for _ in range(6):
            time.sleep(0.1)
            check()
    except GitRefused:
        assert ended
    else:
        assert not ended
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def test_a_command_of_the_users_may_end_as_it_likes(tmp_path):
    argv = ["sh", "-c", "kill -9 $$"]
    assert Runner(environ={}).run(argv, env=dict(os.environ), guarded=False).status == -signal.SIGKILL


def _streamed(runner: Runner, folder: Path) -> bytes:
    with runner.stream(["cat-file"], git_dir=folder) as out:
        return out.read()


def test_a_repository_that_git_cannot_read_says_nothing_of_what_the_user_excludes(tmp_path):
    (tmp_path / ".gitconfig").write_text("[core]\n\texcludesFile = /mine\n")
    runner = Runner(environ={"PATH": os.environ["PATH"], "HOME": str(tmp_path)})
    found = []
    for config in ("[torn", ""):
        (git_dir := tmp_path / f"r{config}/x.git").parent.mkdir()
        write_skeleton(git_dir, object_format="sha1", more=config)
        found.append(excluding(runner, ["status"], git_dir))
    assert found == [(), ("core.excludesFile=/mine",)]
