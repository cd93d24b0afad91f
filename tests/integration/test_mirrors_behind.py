"""A mirror that merely is behind: the next one is asked, and nobody is told that upstream did anything."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.beginning import Beginning
from support.cli import Hybrid, Result
from support.kit import errors, git, head, lock, outcomes, released, state
from support.upstream import Upstream, UpstreamFactory


@pytest.fixture
def branch(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory("branch")
    released(upstream)
    return upstream


@pytest.fixture
def tagged(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory("tagged")
    released(upstream)
    return upstream


@pytest.fixture
def old(
    workspace: Path, site_folder: Path, branch: Upstream, tagged: Upstream, hybrid: Hybrid, beginning: Beginning
) -> str:
    """A mirror of before both pins moved; the clones are at their pins."""

    def fill() -> None:
        hybrid("init")
        hybrid("add", branch.url)
        hybrid("add", tagged.url, "--version", ">=1,<3")
        hybrid("mirror", "update", site_folder / "old")

    def move() -> None:
        hybrid("pin", "--all")
        hybrid("sync")

    beginning(site_folder, fill)
    for upstream in (branch, tagged):
        upstream.commit({"README": "four\n"})
        upstream.tag("v2.0.0")
    beginning(site_folder, move)
    return (site_folder / "old").as_uri()


@pytest.fixture
def new(old: str, site_folder: Path, hybrid: Hybrid, beginning: Beginning) -> str:
    beginning(site_folder, lambda: hybrid("mirror", "update", site_folder / "new"))
    return (site_folder / "new").as_uri()


def _says_what_is_true(done: Result, mirror: str) -> None:
    assert mirror in done.err
    assert "may be behind: upstream itself was not asked" in done.err
    assert f"hint: where the mirror is filled: git hybrid mirror update {mirror.removeprefix('file://')}" in done.err
    assert "--force" not in done.err
    assert "rewritten upstream" not in done.err


def test_the_next_mirror_is_asked(old: str, new: str, workspace: Path, hybrid: Hybrid) -> None:
    env = {"GIT_HYBRID_MIRRORS": f"{old},{new}"}
    assert outcomes(hybrid("outdated", "--json", "--exit-code", env=env)) == {"branch": "current", "tagged": "current"}
    assert outcomes(hybrid("diff", "--upstream", "--json", env=env)) == {"branch": "same", "tagged": "same"}
    assert outcomes(hybrid("pin", "--all", "--json", env=env)) == {"branch": "kept", "tagged": "kept"}


def test_what_is_newer_comes_from_the_mirror_that_has_it(
    old: str, tmp_path: Path, branch: Upstream, workspace: Path, hybrid: Hybrid
) -> None:
    newest = branch.commit({"README": "five\n"})
    env = {"GIT_HYBRID_MIRRORS": f"{old},direct"}
    assert newest[:7] in hybrid("diff", "--upstream", "branch", env=env).out
    hybrid("pin", "branch", env=env)
    hybrid("sync", env=env)
    assert head(workspace, "branch") == newest


def test_outdated_and_diff_say_that_the_last_mirror_is_behind(old: str, workspace: Path, hybrid: Hybrid) -> None:
    env = {"GIT_HYBRID_MIRRORS": old}
    done = hybrid("outdated", env=env, check=5)
    _says_what_is_true(done, old)
    assert f"the mirror {old} is behind" in done.out
    assert f"cause: asked at {old}/localhost/" in done.err
    assert "git hybrid pin branch" not in done.err
    rows = {row["name"]: row for row in hybrid("outdated", "--json", env=env, check=5).json()["sources"]}
    assert rows["branch"]["detail"]["refused"] == "mirror-behind"
    assert f"the mirror {old} is behind" in hybrid("diff", "--upstream", "branch", env=env).out
    # A clone whose history is cut off does not tell, whatever the manifest asks for by now.
    (workspace / "sources/branch/.git/shallow").write_text(f"{head(workspace, 'branch')}\n")
    assert f"the mirror {old} may be behind" in hybrid("outdated", "branch", env=env).out


@pytest.mark.parametrize("clone", [True, False])
def test_sync_and_pin_say_which_mirror_was_asked(
    old: str, branch: Upstream, workspace: Path, hybrid: Hybrid, *, clone: bool
) -> None:
    env = {"GIT_HYBRID_MIRRORS": old}
    if not clone:
        shutil.rmtree(workspace / "sources/branch")
        _says_what_is_true(hybrid("sync", env=env, check=5), old)
    done = hybrid("pin", "branch", env=env, check=6 if clone else 5)
    _says_what_is_true(done, old)
    code = "rollback" if clone else "rewritten-history"
    assert errors(hybrid("pin", "branch", "--json", env=env, check=None)) == {"branch": code}
    third = branch.commit({"README": "five\n"})
    for revision in ("v2.0.0", third[:9], third):
        done = hybrid("pin", "branch", "--to", revision, env=env, check=5)
        _says_what_is_true(done, old)
        assert revision in done.err
    # An older commit that is asked for by its name is a rollback, whoever has it.
    if clone:
        first = hybrid("pin", "branch", "--to", branch.rev("main~2"), env=env, check=6)
        assert "--force" in first.err


def test_add_says_which_mirror_was_asked(old: str, branch: Upstream, tmp_path: Path, hybrid: Hybrid) -> None:
    there = tmp_path / "there"
    there.mkdir()
    hybrid("init", cwd=there)
    words = ("add", branch.url, "--commit", branch.rev("main"))
    _says_what_is_true(hybrid(*words, cwd=there, env={"GIT_HYBRID_MIRRORS": old}, check=5), old)
    _says_what_is_true(
        hybrid("add", branch.url, "--tag", "v2.0.0", cwd=there, env={"GIT_HYBRID_MIRRORS": old}, check=5), old
    )
    hybrid(*words, cwd=there, env={"GIT_HYBRID_MIRRORS": f"{old},direct"})


def _forget(branch: Upstream, mirror: str) -> None:
    """Take the newest commit from what the mirror lists; its objects stay."""
    (repo,) = Path(mirror.removeprefix("file://")).rglob("branch.git")
    git("update-ref", "refs/heads/main", branch.rev("main~1"), cwd=repo)
    for tag in git("tag", cwd=repo).split():
        git("tag", "-d", tag, cwd=repo)


@pytest.mark.parametrize("clone", [None, "shallow"])
@pytest.mark.parametrize("has_objects", [True, False])
def test_without_a_clone_that_tells_upstream_is_asked(
    new: str, old: str, branch: Upstream, workspace: Path, hybrid: Hybrid, *, clone: str | None, has_objects: bool
) -> None:
    mirror = new if has_objects else old
    if has_objects:
        _forget(branch, new)
    shutil.rmtree(workspace / "sources/branch")
    if clone is not None:
        text = (workspace / "sources.toml").read_text()
        (workspace / "sources.toml").write_text(
            text.replace('branch = "main"', f'branch = "main"\nhistory = "{clone}"')
        )
        hybrid("pin")
        hybrid("sync")
    env = {"GIT_HYBRID_MIRRORS": f"{mirror},direct"}
    assert outcomes(hybrid("outdated", "branch", "--json", "--exit-code", env=env)) == {"branch": "current"}
    assert outcomes(hybrid("diff", "--upstream", "branch", "--json", env=env)) == {"branch": "same"}
    done = hybrid("pin", "branch", env=env)
    assert f"the mirror {mirror} does not lead to the pin, asking the next" in done.err
    assert lock(workspace)["branch"]["commit"] == branch.rev("main")


def test_without_a_clone_a_mirror_that_is_ahead_is_not_hidden_by_one_that_is_not(
    new: str, tmp_path: Path, branch: Upstream, workspace: Path, hybrid: Hybrid
) -> None:
    newest = branch.commit({"README": "five\n"})
    hybrid("mirror", "update", tmp_path / "ahead")
    ahead = (tmp_path / "ahead").as_uri()
    shutil.rmtree(workspace / "sources/branch")
    env = {"GIT_HYBRID_MIRRORS": f"{ahead},{new}"}
    done = hybrid("outdated", "branch", env=env)
    assert newest[:10] in done.out
    assert f"the mirror {ahead} may be behind: no clone here tells which of the two is newer" in done.out
    # Upstream is gone: what the mirror has is told all the same.
    branch.path.rename(tmp_path / "gone")
    assert newest[:10] in hybrid("outdated", "branch", env={"GIT_HYBRID_MIRRORS": f"{ahead},direct"}).out
    hybrid("pin", "branch", env=env)
    assert lock(workspace)["branch"]["commit"] == newest


def test_the_hint_at_upstream_goes_on_from_the_list_that_is_set(
    old: str, new: str, branch: Upstream, tagged: Upstream, workspace: Path, hybrid: Hybrid
) -> None:
    _forget(branch, new)
    shutil.rmtree(workspace / "sources/branch")
    for listed in (f"{new},{old}", f"{old},{new}"):
        done = hybrid("pin", "branch", env={"GIT_HYBRID_MIRRORS": listed}, check=None)
        assert f"or let upstream be asked too: export GIT_HYBRID_MIRRORS={listed},direct\n" in done.err
    (repo,) = Path(new.removeprefix("file://")).rglob("tagged.git")
    git("tag", "-f", "-a", "-m", "again", "v2.0.0", "v2.0.0^{}", cwd=repo)
    shutil.rmtree(workspace / "sources/tagged")
    # A tag that is another object is never a mirror that is behind, whoever could be asked next.
    for command in ("pin", "outdated", "sync"):
        env = {"GIT_HYBRID_MIRRORS": f"{new},direct"}
        done = hybrid(command, "tagged", env=env, check=5)
        assert f"the mirror {new} has another refs/tags/v2.0.0" in done.err
        assert "GIT_HYBRID_MIRRORS=" not in done.err


def test_a_commit_is_looked_for_on_all_refs_of_every_server(
    upstream_factory: UpstreamFactory, tmp_path: Path, workspace: Path, hybrid: Hybrid
) -> None:
    """What a mirror that is behind calls a branch leaves room for upstream's, and is no word of upstream's."""
    upstream = upstream_factory()
    upstream.branch("feat", upstream.commit({"a": "1"}))
    mirror = tmp_path / "mirror/localhost" / str(upstream.path).lstrip("/")
    git("clone", "--quiet", "--mirror", upstream.path, mirror, cwd=tmp_path)
    env = {"GIT_HYBRID_MIRRORS": f"{(tmp_path / 'mirror').as_uri()},direct"}
    upstream.delete_ref("refs/heads/feat")
    wanted = upstream.commit({"a": "2"}, branch="feat/x", parents=["main"])
    upstream.commit({"a": "3"}, branch="feat/x")
    hybrid("init")
    hybrid("add", upstream.url, "--commit", wanted, env=env)
    assert lock(workspace)["tool"]["ref"] == "refs/heads/feat/x"
    # Merged, and the branch is used anew.
    upstream.reset("main", "feat/x")
    upstream.reset("feat/x", "main~2")
    hybrid("sync", env=env)
    assert state(workspace)["tool"]["served_by"] == upstream.url


def test_of_a_shallow_source_too_upstream_is_asked_by_ref(
    upstream_factory: UpstreamFactory, tmp_path: Path, workspace: Path, hybrid: Hybrid
) -> None:
    upstream = upstream_factory(any_sha=False, filters=False)
    upstream.commit({"a": "1"})
    # Neither gives out single commits (git before version 2 of the protocol).
    git("config", "--global", "protocol.version", "0", cwd=workspace)
    hybrid("init")
    hybrid("add", upstream.url, "--history", "shallow")
    hybrid("mirror", "update", tmp_path / "old")
    pinned = upstream.commit({"a": "2"})
    hybrid("pin", "tool")
    upstream.commit({"a": "3"})
    hybrid("sync", env={"GIT_HYBRID_MIRRORS": f"{(tmp_path / 'old').as_uri()},direct"})
    assert head(workspace) == pinned


@pytest.mark.parametrize("history", ["shallow", "treeless"])
def test_whoever_served_the_files_is_recorded(
    upstream_factory: UpstreamFactory, tmp_path: Path, workspace: Path, hybrid: Hybrid, history: str
) -> None:
    upstream = upstream_factory()
    upstream.commit({"a": "1"})
    mirror = tmp_path / "mirror/localhost" / str(upstream.path).lstrip("/")
    shutil.copytree(upstream.path, mirror)
    lost = upstream.rev("main:a")
    (mirror / "objects" / lost[:2] / lost[2:]).unlink()
    hybrid("init")
    hybrid("add", upstream.url, "--history", history)
    hybrid("sync", env={"GIT_HYBRID_MIRRORS": f"{(tmp_path / 'mirror').as_uri()},direct"})
    assert state(workspace)["tool"]["served_by"] == upstream.url


def test_a_commit_that_is_only_upstream_off_the_branch_is_not_called_unreachable(
    old: str, branch: Upstream, hybrid: Hybrid
) -> None:
    wanted = branch.commit({"README": "side\n"}, branch="side", parents=["main"])
    branch.commit({"README": "more\n"}, branch="side")
    done = hybrid("pin", "branch", "--to", wanted, "--json", env={"GIT_HYBRID_MIRRORS": f"{old},direct"}, check=6)
    assert errors(done) == {"branch": "off-branch"}


@pytest.mark.parametrize("clone", [True, False])
def test_a_mirror_is_filled_from_the_next_one_where_the_first_is_behind(
    old: str, branch: Upstream, tagged: Upstream, tmp_path: Path, workspace: Path, hybrid: Hybrid, *, clone: bool
) -> None:
    if not clone:
        shutil.rmtree(workspace / "sources/branch")
    hybrid("mirror", "update", tmp_path / "next", env={"GIT_HYBRID_MIRRORS": f"{old},direct"})
    (repo,) = (tmp_path / "next").rglob("branch.git")
    assert git("rev-parse", "main", cwd=repo) == branch.rev("main")
    done = hybrid("mirror", "update", tmp_path / "none", env={"GIT_HYBRID_MIRRORS": old}, check=5)
    _says_what_is_true(done, old)
