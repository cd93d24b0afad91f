"""What git is asked ahead is what would have been asked, and where it is not answered nothing is lost."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from git_hybrid.core.check_table import CHECKS
from git_hybrid.core.errors import GitRefused, Interrupted
from git_hybrid.core.files import LOCK, LOG, MANIFEST, MIRRORS, OVERRIDES, STATE
from git_hybrid.git import ahead as asking
from git_hybrid.git.ahead import CONFIG, STAGED, VERSION, Ahead
from git_hybrid.git.committed import head_witness
from git_hybrid.git.repository import around, is_listed
from git_hybrid.git.run import Runner
from git_hybrid.git.settings import git_version, read_config
from git_hybrid.git.staged import Staged
from support.kit import git


@pytest.fixture
def root(tmp_path: Path) -> Path:
    git("init", "-q", cwd=tmp_path)
    git("config", "hybrid.jobs", "3", cwd=tmp_path)
    (tmp_path / "state").mkdir()
    (tmp_path / MANIFEST).write_text("staged")
    git("add", ".", cwd=tmp_path)
    (tmp_path / MANIFEST).write_text("on disk")
    return tmp_path


def children() -> list[str]:
    return [name for name in os.listdir("/proc") if name.isdigit() and _parent(name) == os.getpid()]


def _parent(pid: str) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def test_a_command_takes_the_answers(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ahead = Ahead()
    asking.ask_for_command(ahead, str(root))
    runner = Runner(environ=os.environ, ahead=ahead)
    monkeypatch.setattr(Runner, "run", lambda *_, **__: pytest.fail("asked again"))
    assert read_config(runner, root)["hybrid.jobs"] == "3"
    assert git_version(runner, root) >= (2, 34)
    ahead.close()


def test_settings_that_git_cannot_read_are_not_taken_for_none(root: Path) -> None:
    config = root / ".git/config"
    good = config.read_text()
    config.write_text(good + "[x\n")
    runner = Runner(environ=os.environ)
    with pytest.raises(GitRefused, match="bad config line") as caught:
        read_config(runner, root)
    assert caught.value.mend == f"mend git's configuration there, then: git -C {root} status"
    # A repository that is none for git is passed over in silence.
    config.write_text(good.replace("repositoryformatversion = 0", "repositoryformatversion = 9"))
    with pytest.raises(GitRefused, match="repo version"):
        read_config(runner, root)
    config.write_text(good.replace("repositoryformatversion = 0", ""))
    assert read_config(runner, root)["hybrid.jobs"] == "3"


def test_a_hook_takes_the_answers(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ahead = Ahead()
    asking.ask_for_hook(ahead, str(root), ("metadata", "mirrors"))
    runner = Runner(environ=os.environ, ahead=ahead)
    with monkeypatch.context() as patched:
        patched.setattr(Runner, "run", lambda *_, **__: pytest.fail("asked again"))
        index = Staged(around(runner, root), root)
        index.prefetch(asking.files_for(("metadata", "mirrors")))
        assert index.read(MANIFEST) == b"staged"
        assert index.read(LOCK) is None
        assert read_config(runner, root)["hybrid.jobs"] == "3"
    assert index.read(LOG) is None
    ahead.close()


def test_all_checks_take_the_answers(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = root / LOG
    log.write_text("{}\n")
    git("add", LOG, cwd=root)
    git("commit", "-q", "-m", "a log", "--", LOG, cwd=root)
    ahead = Ahead()
    asking.ask_for_hook(ahead, str(root), ())
    runner = Runner(environ=os.environ, ahead=ahead)
    with monkeypatch.context() as patched:
        patched.setattr(Runner, "run", lambda *_, **__: pytest.fail("asked again"))
        repository = around(runner, root)
        index = Staged(repository, root)
        index.prefetch(asking.files_for(()))
        assert index.read(MANIFEST) == b"staged"
        assert (index.tracked(), index.documents(), index.archives()) == ((), (), ())
        # Where HEAD has a log there is no more to ask.
        assert len(head_witness(repository, root).head) == 1
    # Each answer is good for one question.
    assert tuple(around(runner, root).entries()) == ("sources.toml", LOG)
    assert len(head_witness(repository, root).head) == 1
    ahead.close()


def test_what_git_has_of_runs_is_found_in_any_folder_and_case(root: Path) -> None:
    runs = ("state/resume.json", "state/journal/a/b.jsonl")
    others = ("State/Journal/c", "state/mine/journal", "state/sources.json.tmp", "sources.toml.tmp", "Sources/x")
    content = git("hash-object", "-w", MANIFEST, cwd=root)
    info = [f"100644,{content},{folder}{name}" for folder in ("", "a/ws/") for name in (*runs, *others)]
    git("update-index", "--add", *(word for item in info for word in ("--cacheinfo", item)), cwd=root)
    repository = around(Runner(environ=os.environ), root)
    for folder in (root, root / "a/ws"):
        folder.mkdir(parents=True, exist_ok=True)
        index = Staged(repository, folder)
        assert set(index.runs()) == {*runs, others[0]}
        assert set(index.tracked()) == {*runs, others[0], *others[2:]}
    listed = {*runs, *others, "state", "a/state"}
    assert {name for name in (*listed, "statement", "a/x") if is_listed(name)} == listed
    git("commit", "-q", "-m", "runs", cwd=root)
    assert set(Staged(around(Runner(environ=os.environ), root, "HEAD"), root / "a/ws").tracked()) == {
        *runs,
        others[0],
        *others[2:],
    }
    assert Staged(around(Runner(environ=os.environ), root.parent), root.parent).runs() == ()


def test_the_files_are_those_of_a_workspace() -> None:
    shown = (MANIFEST, LOCK, STATE, OVERRIDES, MIRRORS)
    assert asking.files_for(("metadata", "mirrors", "sources", "open-issues")) == shown
    for checks in ((), CHECKS, ("audit",), ("overrides",), ("scans",)):
        assert asking.files_for(checks) == (*shown, LOG)


def test_an_answer_is_taken_once(root: Path) -> None:
    ahead = Ahead()
    ahead.ask(VERSION, str(root), env=os.environ)
    assert ahead.answer(VERSION, str(root / "other")) is None
    assert (ahead.answer(VERSION, str(root)) or b"").startswith(b"git version")
    assert ahead.answer(VERSION, str(root)) is None


def test_nothing_is_left_of_what_nobody_wanted(root: Path) -> None:
    before, open_before = children(), len(os.listdir("/proc/self/fd"))
    ahead = Ahead()
    asking.ask_for_hook(ahead, str(root), ())
    assert len(children()) > len(before)
    ahead.close()
    assert children() == before
    assert len(os.listdir("/proc/self/fd")) == open_before


def test_a_git_that_hangs_is_not_waited_for_when_a_signal_came(root: Path, tmp_path: Path) -> None:
    before = children()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "bin/git").chmod(0o755)
    ahead = Ahead()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
        ahead.ask(VERSION, str(root), env=os.environ)
    signals = iter([0, 0, 15])
    with pytest.raises(Interrupted):
        Runner(environ=os.environ, ahead=ahead, cancelled=lambda: next(signals)).asked(VERSION, root)
    ahead.close()
    assert children() == before


def test_what_was_asked_ahead_has_a_group_of_its_own_and_ends_as_a_whole(root: Path, tmp_path: Path) -> None:
    before, told = children(), tmp_path / "told"
    os.mkfifo(told)
    (tmp_path / "bin").mkdir()
    # It heeds no wish to end, nor does what it starts.
    (tmp_path / "bin/git").write_text(f"#!/bin/sh\ntrap '' TERM\nsleep 60 &\necho $! >'{told}'\nwait\n")
    (tmp_path / "bin/git").chmod(0o755)
    ahead = Ahead()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
        ahead.ask(VERSION, str(root), env=os.environ)
    inner = int(told.read_text())
    (pid,) = set(children()) - set(before)
    assert os.getpgid(int(pid)) == os.getpgid(inner) == int(pid)
    ahead.close()
    assert children() == before
    # It is nobody's child any more: whoever takes it over buries it in a moment.
    while _lives(inner):
        pass


def test_who_waits_for_a_dead_disk_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[int] = []
    monkeypatch.setattr(asking, "_PATIENCE", 0.01)
    monkeypatch.setattr(os, "waitpid", lambda pid, _flags: (waited.append(pid) or 0, 0))
    asking._bury(9)
    assert set(waited) == {9}


def test_a_git_that_fails_is_asked_again(tmp_path: Path) -> None:
    """Outside of a repository there is nothing staged, and git says so with an exit status."""
    ahead = Ahead()
    question = asking.staged_question(("a",))
    ahead.ask(
        STAGED, str(tmp_path), env={**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}, stdin=question
    )
    assert ahead.answer(STAGED, str(tmp_path), question) is None


def test_no_setting_at_all_is_an_answer(tmp_path: Path) -> None:
    ahead = Ahead()
    env = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    ahead.ask(CONFIG, str(tmp_path), env=env)
    assert ahead.answer(CONFIG, str(tmp_path)) == b""


def test_without_git_nothing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setenv("PATH", str(tmp_path))
    ahead = Ahead()
    asking.ask_for_command(ahead, str(tmp_path))
    assert ahead.answer(VERSION, str(tmp_path)) is None
    assert len(os.listdir("/proc/self/fd")) == open_before


def test_a_server_that_is_to_be_trusted_blindly_is_not_asked(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_SSL_NO_VERIFY", "1")
    ahead = Ahead()
    asking.ask_for_command(ahead, str(root))
    asking.ask_for_hook(ahead, str(root), ())
    assert ahead.answer(VERSION, str(root)) is None


@pytest.mark.parametrize("closed", ["0", "1", "2", "0 1 2"])
def test_standard_streams_that_are_closed(root: Path, closed: str) -> None:
    """What is opened then gets their numbers: it must not be taken for them."""
    code = (
        "import os, sys; from git_hybrid.git.ahead import *; from git_hybrid.git.ahead import ask_for_command\n"
        f"for number in ({', '.join(closed.split())},): os.close(number)\n"
        f"ahead = Ahead(); ask_for_command(ahead, {str(root)!r})\n"
        f"told = ahead.answer(VERSION, {str(root)!r})\n"
        "os._exit(0 if told is None or told.startswith(b'git version') else 9)"
    )
    assert os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-c", code]) == 0
