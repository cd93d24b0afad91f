"""Submodules that somebody checks out with git alone: their repositories are in the clone's .git, and no work is lost."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest

from support.beginning import Begun
from support.cli import Hybrid
from support.hints import followed, gone_by_hints
from support.kit import git, head, write_manifest
from support.upstream import Gitlink, Upstream, UpstreamFactory

UPDATE = ("-c", "protocol.file.allow=always", "submodule", "update", "-q", "--init", "--recursive")
# Upstream may have git pass over what a submodule is at.
MODULE = '[submodule "deep/lib"]\n\tpath = vendor/lib\n\turl = ../lib.git\n\tignore = all\n'


@pytest.fixture
def lib(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory("lib")
    upstream.commit({"lib.txt": "one\n"})
    return upstream


@pytest.fixture
def app(upstream_factory: UpstreamFactory, lib: Upstream) -> Upstream:
    upstream = upstream_factory("app")
    upstream.commit({".gitmodules": MODULE, "vendor/lib": Gitlink(lib.rev("main")), "a": "1"})
    return upstream


@pytest.fixture
def clone(workspace: Path, app: Upstream, hybrid: Hybrid, begun: Begun) -> Path:
    begun(app.url, "--branch", "main", sync=False)
    hybrid("sync")
    clone = workspace / "sources/app"
    git(*UPDATE, cwd=clone)
    return clone


def _work(inner: Path) -> None:
    git("tag", "-a", "-m", "mine", "mine", cwd=inner)
    git("checkout", "-q", "-b", "topic", cwd=inner)
    git("commit", "-q", "--allow-empty", "-m", "mine", cwd=inner)
    git("checkout", "-q", "--detach", "topic~1", cwd=inner)
    (inner / "lib.txt").write_text("mine\n")
    git("stash", "-q", cwd=inner)


@pytest.mark.parametrize("state", ["there", "deinitialised", "gone"])
def test_work_in_a_submodule_keeps_the_clone(hybrid: Hybrid, workspace: Path, clone: Path, state: str) -> None:
    inner, where = clone / "vendor/lib", "vendor/lib"
    _work(inner)
    if state != "there":
        where = ".git/modules/deep/lib"
        git("checkout", "-q", "topic", cwd=inner)
        shutil.rmtree(inner)
        inner.mkdir()
    if state == "deinitialised":
        git("config", "--unset", "core.worktree", cwd=clone / where)
    done = hybrid("remove", "app", check=3)
    for what in ("refs/heads/topic", "refs/tags/mine", "refs/stash"):
        assert f"in {where}: {what}" in done.err
    text = (workspace / "sources.toml").read_text()
    write_manifest(workspace, "")
    assert f"in {where}: refs/heads/topic" in hybrid("sync", "--prune", check=3).err
    (workspace / "sources.toml").write_text(text)
    gone_by_hints(hybrid, workspace, "remove", "app")


def test_what_a_submodule_fetched_is_no_work(hybrid: Hybrid, clone: Path, lib: Upstream) -> None:
    # By its id: no branch of upstream has it any more.
    lib.reset("main", lib.commit({"lib.txt": "other\n"}))
    hybrid("remove", "app")
    assert not clone.exists()


def test_work_deep_in_submodules_is_found(
    hybrid: Hybrid, workspace: Path, app: Upstream, lib: Upstream, upstream_factory: UpstreamFactory, begun: Begun
) -> None:
    outer = upstream_factory("outer")
    modules = f'[submodule "app"]\n\tpath = app\n\turl = {app.url}\n\tignore = all\n'
    outer.commit({".gitmodules": modules, "app": Gitlink(app.rev("main"))})
    begun(outer.url, "--branch", "main", sync=False)
    hybrid("sync")
    clone = workspace / "sources/outer"
    for upstream in (app, lib):
        git("tag", "-a", "-m", "x", "release", "main", cwd=upstream.path)
    git(*UPDATE, cwd=clone)
    _work(clone / "app/vendor/lib")
    (clone / "app/a").write_text("mine\n")
    # Upstream's .gitmodules has git not look there.
    told = hybrid("remove", "outer", check=3).err
    assert "in app: changed files" in told
    assert "in app/vendor/lib: refs/heads/topic" in told
    assert "in app: refs/tags/release" in told
    (hint,) = [line.partition(": ")[2] for line in told.splitlines() if " foreach " in line]
    git("-c", "protocol.file.allow=always", *shlex.split(hint.partition(": git ")[2]), cwd=workspace)
    told = hybrid("remove", "outer", check=3).err
    assert "refs/tags/mine" in told
    assert "refs/tags/release" not in told


@pytest.mark.parametrize("change", ["file", "commit"])
def test_a_changed_submodule_is_taken_out_as_the_hints_say(
    hybrid: Hybrid, workspace: Path, clone: Path, change: str
) -> None:
    inner = clone / "vendor/lib"
    if change == "file":
        (inner / "new").write_text("mine\n")
    else:
        git("commit", "-q", "--allow-empty", "-m", "mine", cwd=inner)
    assert "hint: git hybrid reset app\n" in hybrid("remove", "app", check=3).err
    refused = hybrid("reset", "app", check=3).err
    assert "holds another git repository: vendor/lib; app was left alone" in refused
    assert followed(refused, workspace)
    assert list(inner.iterdir()) == []
    told = hybrid("remove", "app", check=3).err
    assert f"in .git/modules/deep/lib: {'refs/stash' if change == 'file' else 'commit '}" in told
    gone_by_hints(hybrid, workspace, "remove", "app")


@pytest.mark.parametrize("how", ["sync", "reset"])
@pytest.mark.parametrize("then", ["moved", "dropped", "kept"])
def test_a_submodule_stays_as_far_as_the_pin_has_it(
    hybrid: Hybrid, workspace: Path, clone: Path, app: Upstream, lib: Upstream, how: str, then: str
) -> None:
    before = head(workspace, "app")
    files = {
        "moved": {"vendor/lib": Gitlink(lib.commit({"lib.txt": "two\n"}))},
        "dropped": {"vendor/lib": None, ".gitmodules": None},
        "kept": {"a": "2"},
    }
    app.commit(files[then])
    hybrid("pin", "app")
    if how == "reset":
        (clone / "mine").write_text("mine\n")
    if then == "kept":
        hybrid(how, "app")
        assert (clone / "vendor/lib/lib.txt").read_text() == "one\n"
    else:
        refused = hybrid(how, "app", check=3).err
        assert "holds another git repository: vendor/lib; app was left alone" in refused
        assert head(workspace, "app") == before
        assert followed(refused, workspace)
    assert head(workspace, "app") == app.rev("main")
    assert hybrid("status", "--exit-code").code == 0


def test_one_that_is_asked_for_later_stays(hybrid: Hybrid, workspace: Path, clone: Path, app: Upstream) -> None:
    text = (workspace / "sources.toml").read_text()
    (workspace / "sources.toml").write_text(text + "submodules = true\n")
    app.commit({"a": "2"})
    hybrid("pin", "app")
    hybrid("sync")
    (clone / "a").write_text("mine\n")
    hybrid("reset", "app")
    assert (clone / "vendor/lib/.git").is_file()
    assert hybrid("status", "--exit-code").code == 0
    told = hybrid("check", "sources", "--content", check=1).out
    assert "submodule.deep/lib.url" in told, "what git wrote into the clone's settings"
    assert "not at their commit" not in told
    shutil.rmtree(clone / ".git/modules")
    assert "1 submodules not at their commit: vendor/lib\n" in hybrid("check", "sources", "--content", check=1).out


def test_a_broken_clone_is_set_aside_with_its_submodules(hybrid: Hybrid, workspace: Path, clone: Path) -> None:
    _work(clone / "vendor/lib")
    (clone / ".git/HEAD").write_text("")
    hybrid("sync")
    (kept,) = (workspace / "sources/.set-aside").iterdir()
    assert git("log", "-1", "--format=%s", "topic", cwd=kept / "vendor/lib") == "mine"
