"""What is asked of the repository that a workspace is committed to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from git_hybrid.cli.telling import tell
from git_hybrid.core.errors import GitFailed, GitRefused, LocalIo
from git_hybrid.core.files import MANIFEST
from git_hybrid.core.ids import parse_name, parse_oid
from git_hybrid.core.ports import Stage
from git_hybrid.core.tree import TreeLimits
from git_hybrid.git import limits
from git_hybrid.git.ahead import CONFIG, LISTED, STAGED, Ahead
from git_hybrid.git.bothsides import both_sides
from git_hybrid.git.objects import GitObjects
from git_hybrid.git.partial import partly
from git_hybrid.git.repository import Repository, around, refused
from git_hybrid.git.run import Runner
from git_hybrid.git.settings import read_config
from git_hybrid.git.staged import roots_in
from support.kit import git
from support.upstream import Upstream


def test_a_git_that_fails_has_not_answered_nothing(tmp_path: Path) -> None:
    git("init", "-q", cwd=tmp_path)
    repository = Repository(Runner(environ=dict(os.environ)), tmp_path)
    assert repository.ask(["git", "ls-files"]) == b""
    (tmp_path / ".git/HEAD").write_text("nonsense\n")
    with pytest.raises(GitRefused):
        repository.ask(["git", "ls-files"])


def test_what_makes_git_trust_a_folder_of_another_user_works_without_a_home(tmp_path: Path) -> None:
    for environ, mend in (
        ({"HOME": "/root"}, "git config --global --add safe.directory '/srv/a b'"),
        ({"GIT_CONFIG_GLOBAL": "/etc/x"}, "git config --global --add safe.directory '/srv/a b'"),
        ({}, "git -c 'safe.directory=/srv/a b' hybrid status"),
    ):
        words = "fatal: detected dubious ownership in repository at '/srv/a b' To add an exception: safe.directory"
        error = refused(Repository(Runner(environ=environ), Path("/srv/a b")), words)
        assert error.mend == mend


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (f"fatal: unable to read {'a' * 40}", "fsck"),
        (f"error: inflate: data stream error\nerror: unable to unpack {'a' * 40} header", "fsck"),
        ("state/sources-audit.jsonl is committed, and its object cannot be read", "fsck"),
        ("fatal: your current branch appears to be broken", "fsck"),
        ("error: file .git/objects/pack/pack-1.pack is not a GIT packfile", "fsck"),
        ("fatal: index file smaller than expected", "status"),
    ],
)
def test_an_object_that_is_lost_is_looked_for_where_it_is_named(tmp_path: Path, words: str, command: str) -> None:
    error = refused(Repository(Runner(environ={}), tmp_path / "my ws"), words)
    assert error.mend == f"git -C '{tmp_path}/my ws' {command}"


def test_a_git_dir_that_names_no_repository_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GitRefused, match=r"GIT_DIR is \.: fatal: not a git repository: .*") as caught:
        around(Runner(environ={**os.environ, "GIT_DIR": "."}), tmp_path).ask(["git", "ls-files"])
    assert caught.value.mend == "unset GIT_DIR"


def test_a_git_that_waits_for_a_pipe_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git("init", "-q", cwd=tmp_path)
    os.mkfifo(tmp_path / ".git/index")
    monkeypatch.setattr(limits, "IDLE", 0.2)
    repository, ahead = Repository(Runner(environ=dict(os.environ)), tmp_path), Ahead()
    ahead.ask(LISTED, str(tmp_path), env=dict(os.environ))
    for ask in (lambda: repository.ask(LISTED), lambda: ahead.answer(LISTED, str(tmp_path))):
        with pytest.raises(GitRefused) as caught:
            ask()
        assert caught.value.mend == f"find {tmp_path} -type p"
    ahead.close()


def test_settings_that_do_not_come_are_told_as_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "config").write_text(f"[include]\npath = {tmp_path}/pipe\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    monkeypatch.setattr(limits, "IDLE", 0.2)
    runner, ahead = Runner(environ=dict(os.environ)), Ahead()
    ahead.ask(CONFIG, str(tmp_path), env=dict(os.environ))
    for ask in (lambda: read_config(runner, tmp_path), lambda: ahead.answer(CONFIG, str(tmp_path))):
        with pytest.raises(GitRefused) as caught:
            ask()
        assert caught.value.mend == "find ~ /etc/gitconfig -maxdepth 3 -type p"
        told = tell(caught.value)
        assert told.title == f"git does not answer about its settings, asked in {tmp_path}"
    ahead.close()


def test_a_git_that_works_is_given_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "IDLE", 0.0)
    seen: list[None] = []
    check = limits.at_work(os.getpid(), ".", lambda: seen.append(None))
    for _ in range(3):
        check()
    assert len(seen) == 3


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_what_will_be_in_no_commit_is_told_without_a_look_at_files(tmp_path: Path, algorithm: str) -> None:
    git("init", "-q", f"--object-format={algorithm}", cwd=tmp_path)
    state, index = tmp_path / "state", tmp_path / ".git/index"
    state.mkdir()
    for name in ("empty", "later", "gone"):
        (state / name).touch()
    (tmp_path / ".gitattributes").write_text("* filter=evil\n")
    git("add", "state/empty", cwd=tmp_path)
    git("add", "-N", "state/later", "state/gone", cwd=tmp_path)
    (state / "gone").unlink()
    git("config", "filter.evil.clean", f"touch {tmp_path}/ran", cwd=tmp_path)
    # As old as the index: git cannot tell by its times that the file has not changed since.
    os.utime(index, ns=2 * ((state / "empty").stat().st_mtime_ns,))
    assert [*Repository(Runner(environ=dict(os.environ)), tmp_path).entries()] == ["state/empty"]
    assert not (tmp_path / "ran").exists()
    git("status", "--porcelain", cwd=tmp_path)
    assert (tmp_path / "ran").exists(), "the control"


def test_what_is_missing_in_a_partial_clone_was_not_fetched_whatever_git_says_of_it(tmp_path: Path) -> None:
    top, tree = tmp_path / ("1" * 40), tmp_path / "tree"
    git("init", "-q", top, cwd=tmp_path)
    (top / "f").write_text("x\n")
    git("add", "f", cwd=top)
    git("commit", "-q", "-m", "one", cwd=top)
    git("worktree", "add", "-q", tree, cwd=top)

    def lose(what: str) -> None:
        oid = git("rev-parse", what, cwd=top)
        (top / f".git/objects/{oid[:2]}/{oid[2:]}").unlink()

    repository = Repository(Runner(environ=dict(os.environ)), tree)
    lose("HEAD:f")
    assert isinstance(repository.lost("f"), LocalIo)
    with open(top / ".git/config", "a", encoding="ascii") as config:
        # Of a remote it would let git try, which older ones tell; newer ones may not, and say what is said here.
        config.write("[none]\n\tpromisor = true\n")
    assert getattr(repository.lost("f"), "is_unfetched", False)
    assert repository.ask(STAGED, stdin=b"HEAD^1:./f\nHEAD:g\n:g\n").count(b" missing\n") == 3
    for name in (b"HEAD:./f", b":f", git("rev-parse", "HEAD:f", cwd=top).encode(), b"HEAD:f"):
        with pytest.raises(GitRefused) as caught:
            repository.ask(STAGED, stdin=b"HEAD^1:./f\n%b\n" % name)
        assert caught.value.is_unfetched, name
        if len(name) == 40:
            lose("HEAD^{tree}")
    assert partly(repository).ask(STAGED, stdin=b"HEAD:f\n") == b"HEAD:f missing\n"
    (top / ".git/config").write_text("[none]\n\tpromisor = true\n[\n")
    with pytest.raises(GitRefused) as caught:
        repository.ask(["git", "ls-files"])
    assert top.name in caught.value.words
    assert not caught.value.is_unfetched


def test_what_git_tells_of_a_history_does_not_depend_on_settings(tmp_path: Path) -> None:
    git("init", "-q", cwd=tmp_path)
    git("commit", "-q", "--allow-empty", "-m", "one", cwd=tmp_path)
    git("commit", "-q", "--allow-empty", "-m", "zwölf", cwd=tmp_path)
    head, _, rest = git("cat-file", "commit", "HEAD", cwd=tmp_path).partition("\n\n")
    (tmp_path / "signed").write_text(f"{head}\ngpgsig -----BEGIN SSH SIGNATURE-----\n x\n\n{rest}\n")
    tip = git("hash-object", "-t", "commit", "-w", "signed", cwd=tmp_path)
    git("config", "log.showSignature", "true", cwd=tmp_path)
    git("config", "i18n.logOutputEncoding", "UTF-16", cwd=tmp_path)
    runner = Runner(environ=dict(os.environ))
    assert Repository(runner, tmp_path).ask(["git", "log", "-1", "--format=%H", tip]) == f"{tip}\n".encode()
    old = parse_oid(git("rev-parse", "HEAD~1", cwd=tmp_path))
    stage = Stage(name=parse_name("x"), path=str(tmp_path))
    (line,) = GitObjects(runner).between(stage, old, parse_oid(tip), limit=2).commits
    assert (line.commit, line.subject) == (tip, "zwölf")


def test_the_sides_of_a_merge_below_a_folder_whose_name_is_not_utf_8(tmp_path: Path) -> None:
    root = tmp_path / "caf\udce9"
    root.mkdir()
    git("init", "-q", "-b", "main", cwd=tmp_path)
    for branch, text in (("main", "base"), ("their", "theirs")):
        (root / "file").write_text(text)
        git("checkout", "-q", "-B", branch, cwd=tmp_path)
        git("add", "-A", cwd=tmp_path)
        git("commit", "-q", "-m", branch, cwd=tmp_path)
    git("checkout", "-q", "main", cwd=tmp_path)
    git("merge", "-q", "--no-ff", "their", cwd=tmp_path)
    files = both_sides(Runner(environ=dict(os.environ)), root, ["file"]).files
    assert files == {"file": {0: b"theirs", 1: b"base", 2: b"base", 3: b"theirs"}}


def test_the_submodules_of_one_that_git_checked_out_are_found(tmp_path: Path) -> None:
    tree, apart = tmp_path / "tree", tmp_path / "modules/sub"
    apart.parent.mkdir()
    git("init", "-q", f"--separate-git-dir={apart}", tree, cwd=tmp_path)
    (tree / ".gitmodules").write_text('[submodule "x"]\n\tpath = deep\n\turl = https://e.example/deep\n')
    git("add", ".gitmodules", cwd=tree)
    git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},deep", cwd=tree)
    git("commit", "-q", "-m", "x", cwd=tree)
    stage = Stage(name=parse_name("x"), path=str(tree), apart=str(apart))
    found = GitObjects(Runner(environ=dict(os.environ))).submodules(
        stage, parse_oid(git("rev-parse", "HEAD", cwd=tree))
    )
    assert found == (("deep", "1" * 40, "https://e.example/deep"),)


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_half_a_listing_is_no_tree(tmp_path: Path, object_format: str) -> None:
    upstream = Upstream.create(tmp_path / "up", object_format=object_format)
    commit, folder = upstream.commit({"a": "1", "d/f": "1"}), upstream.rev("main:d")
    (upstream.path / f"objects/{folder[:2]}/{folder[2:]}").unlink()
    stage = Stage(name=parse_name("x"), path=str(tmp_path), apart=str(upstream.path))
    limits = TreeLimits(max_entries=10, max_bytes=10)
    with pytest.raises(GitFailed, match=folder):
        GitObjects(Runner(environ=dict(os.environ))).scan(stage, parse_oid(commit), limits)


@pytest.mark.timeout(10)
def test_neither_many_workspaces_nor_deep_ones_make_it_slow() -> None:
    found = [f"w{number:05}/{'d/' * (number % 9)}" for number in range(20_000)]
    entries = [f"{one}{MANIFEST}" for one in found] + [f"{one}sources/tool/{MANIFEST}" for one in found]
    assert roots_in(entries) == (*found,)
