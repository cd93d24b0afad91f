"""History full, shallow and treeless, over file, https and ssh."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree

import pytest

from support.cli import Hybrid
from support.kit import git, head, lock, outcomes, released, replace
from support.scanners import a_scanner, use
from support.upstream import Upstream, UpstreamFactory


@dataclass(frozen=True)
class Served:
    upstream: Upstream
    url: str
    env: Mapping[str, str]


@pytest.fixture(params=["file", "https", "ssh"])
def served(request: pytest.FixtureRequest, upstream_factory: UpstreamFactory) -> Iterator[Served]:
    upstream = upstream_factory(any_sha=False)
    released(upstream)
    if request.param == "file":
        yield Served(upstream, upstream.url, {})
        return
    server = request.getfixturevalue(f"{request.param}_server")
    yield Served(upstream, server.url("tool.git"), server.env())


@pytest.mark.parametrize(
    ("served", "history"),
    [
        ("file", "shallow"),
        ("file", "treeless"),
        ("https", "full"),
        ("https", "shallow"),
        ("https", "treeless"),
        ("ssh", "shallow"),
        ("ssh", "treeless"),
    ],
    indirect=["served"],
)
def test_clone_update_and_update_again(hybrid: Hybrid, workspace: Path, served: Served, history: str) -> None:
    env, upstream = served.env, served.upstream
    hybrid("init")
    hybrid("add", served.url, "--branch", "main", "--history", history, env=env)
    hybrid("sync", env=env)
    clone = workspace / "sources/tool"
    count = int(git("rev-list", "--count", "HEAD", cwd=clone))
    assert count == (1 if history == "shallow" else 3)
    for number in range(2):
        upstream.commit({f"skipped{number}": "x\n"})
        new = upstream.commit({"README": f"new {number}\n", f"dir/{number}": "x\n"})
        pinned = hybrid("pin", "tool", env=env).out
        # Nobody counts files that are not there.
        assert ("changed\n" in pinned) == (history == "full")
        assert f"    {new[:10]} A change\n" in pinned
        assert lock(workspace)["tool"]["commit"] == new
        hybrid("sync", env=env)
        assert head(workspace) == new
        assert git("status", "--porcelain", cwd=clone) == ""
        upstream.commit({f"later{number}": "x\n"})
    # Six commits have come, the last one after the pin: it is the next.
    assert int(git("rev-list", "--count", "HEAD", cwd=clone)) == (1 if history == "shallow" else count + 5)
    hybrid("pin", "tool", env=env)
    hybrid("sync", env=env)
    assert int(git("rev-list", "--count", "HEAD", cwd=clone)) == (1 if history == "shallow" else count + 6)
    git("fsck", "--strict", cwd=clone)
    hybrid("sync")
    assert list(clone.rglob("*.tmp")) == []


@pytest.fixture
def upstream(hybrid: Hybrid, upstream_factory: UpstreamFactory, history: str) -> Upstream:
    """Return what the source ``tool`` was cloned from, with this history."""
    made = upstream_factory()
    made.commit({"a": "0\n"})
    hybrid("init")
    hybrid("add", made.url, "--branch", "main", "--history", history)
    hybrid("sync")
    return made


@pytest.mark.parametrize("history", ["shallow", "treeless"])
def test_what_only_earlier_pins_needed_goes(hybrid: Hybrid, workspace: Path, upstream: Upstream) -> None:
    clone = workspace / "sources/tool"

    def kept() -> tuple[int, int]:
        refs = git("for-each-ref", cwd=clone).splitlines()
        return len(list((clone / ".git/objects/pack").iterdir())), len(refs)

    (clone / "build.log").write_text("x\n")
    (clone / ".git/info/exclude").write_text("*.log\n")
    made = kept()
    for number in range(2):
        new = upstream.commit({"a": f"{number}\n"})
        hybrid("pin", "tool")
        hybrid("sync")
        assert head(workspace) == new
        assert kept() == made
    assert git("reflog", cwd=clone) == ""
    assert (clone / "build.log").read_text() == "x\n"
    assert git("fsck", cwd=clone) == ""


@pytest.mark.parametrize("history", ["treeless"])
def test_a_pin_that_went_back_has_its_files_after_the_sync(
    hybrid: Hybrid, workspace: Path, upstream: Upstream, tmp_path: Path
) -> None:
    old = head(workspace)
    upstream.commit({"a": "1\n"})
    hybrid("pin", "tool")
    hybrid("sync")
    use(workspace, a_scanner(tmp_path / "fake", "write()\n"))
    back = ("--force", "--request", "C-1", "--approver", "bea@example.org", "--reason", "broken", "--expires", "5d")
    hybrid("pin", "tool", "--to", old, *back)
    assert "not installed: fetched for the scan" in hybrid("scan", "--diff").out
    assert "1 commit ahead" in hybrid("diff").out
    assert hybrid("check", "sources", "--content", check=1).out.count("fail ") == 1
    hybrid("sync")
    hybrid("check", "sources", "--content")


@pytest.mark.parametrize(("history", "work"), [("shallow", "branch"), ("shallow", "saved"), ("treeless", "reflog")])
def test_what_somebody_did_in_a_clone_keeps_all_that_it_rests_on(
    hybrid: Hybrid, workspace: Path, upstream: Upstream, history: str, work: str
) -> None:
    clone, old = workspace / "sources/tool", head(workspace)
    (clone / "mine").write_text("x\n")
    git("add", "mine", cwd=clone)
    git("-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-qm", "mine", cwd=clone)
    mine = git("rev-parse", "HEAD", cwd=clone)
    if work == "saved":
        hybrid("reset", "tool")
    else:
        if work == "branch":
            git("branch", "mine", cwd=clone)
        git("checkout", "-q", "--detach", old, cwd=clone)
    lines = git("reflog", "--format=%H", cwd=clone).splitlines()
    new = upstream.commit({"a": "1\n"})
    hybrid("pin", "tool")
    hybrid("sync")
    assert head(workspace) == new
    assert git("rev-list", "--count", "HEAD", cwd=clone) == ("1" if history == "shallow" else "2")
    assert git("log", "--format=%H", mine, cwd=clone).splitlines() == [mine, old]
    assert git("ls-tree", "--name-only", mine, cwd=clone).splitlines() == ["a", "mine"]
    assert git("reflog", "--format=%H", cwd=clone).splitlines()[1:] == lines
    git("fsck", cwd=clone)


@pytest.mark.parametrize("history", ["shallow", "treeless", "full"])
def test_a_server_that_leaves_nothing_out_is_told_once(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, history: str
) -> None:
    note = "the server leaves nothing out: all files of the history were fetched to prove the pin"

    def told(*words: str) -> bool:
        return note in hybrid(*words).out

    hybrid("init")
    for filters in (True, False):
        upstream = upstream_factory(f"u{filters}", filters=filters)
        upstream.commit({"a": "0\n"})
        wanted = history != "full" and not filters
        assert told("add", upstream.url, "--name", "tool", "--branch", "main", "--history", history) == wanted
        assert told("sync") == wanted
        assert not told("sync", "-v")
        upstream.commit({"a": "1\n"})
        assert told("pin", "tool") == wanted
        (row,) = hybrid("sync", "--json").json()["sources"]
        assert (note in row["notes"]) == wanted
        hybrid("remove", "tool")


@pytest.mark.parametrize("served", ["https"], indirect=True)
def test_switching_modes(hybrid: Hybrid, workspace: Path, served: Served) -> None:
    env = served.env
    hybrid("init")
    hybrid("add", served.url, "--branch", "main", "--history", "full", env=env)
    hybrid("sync", env=env)
    path = workspace / "sources.toml"
    for old, new in (("full", "shallow"), ("shallow", "treeless"), ("treeless", "full")):
        text = path.read_text()
        if f'history = "{old}"\n' not in text.split("[source")[1]:
            path.write_text(text + f'history = "{new}"\n')
        else:
            replace(path, f'\nhistory = "{old}"\n', f'\nhistory = "{new}"\n')
        served.upstream.commit({"README": new})
        hybrid("pin", "tool", env=env)
        hybrid("sync", env=env)
        assert head(workspace) == served.upstream.rev("main")
    clone = workspace / "sources/tool"
    assert git("rev-list", "--count", "HEAD", cwd=clone) == "6"
    assert not (clone / ".git/shallow").exists()
    git("log", "-p", cwd=clone)


def test_an_untouched_treeless_clone_is_partial(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory
) -> None:
    upstream = upstream_factory()
    old = upstream.commit({"a": "1\n"})
    hybrid("init")
    hybrid("add", upstream.url, "--branch", "main", "--history", "treeless")
    copytree(workspace / "state", workspace / "earlier")
    upstream.commit({"a": "2\n"})
    hybrid("pin", "tool")
    hybrid("sync")
    copytree(workspace / "earlier", workspace / "state", dirs_exist_ok=True)
    assert outcomes(hybrid("sync", "--json")) == {"tool": "updated"}
    assert head(workspace) == old
    clone = workspace / "sources/tool"
    assert git("rev-list", "--count", "HEAD", cwd=clone) == "1"
    replace(workspace / "sources.toml", '"treeless"', '"full"')
    hybrid("pin", "tool", "--to", old)
    assert outcomes(hybrid("sync", "--json")) == {"tool": "updated"}
    assert "?" not in git("rev-list", "--objects", "--all", "--missing=print", cwd=clone)
    assert "promisor" not in git("config", "--list", cwd=clone)


def test_a_partial_clone_asks_whom_the_manifest_says(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, tmp_path: Path
) -> None:
    upstream, clone = upstream_factory(), workspace / "sources/tool"
    released(upstream)
    copytree(upstream.path, tmp_path / "mirror/tool.git")

    def asked() -> set[str]:
        return {*git("config", "--local", "--get-regexp", r"^remote\.", cwd=clone).splitlines()}

    def of_origin(url: str) -> set[str]:
        fetch = "fetch +refs/heads/*:refs/remotes/origin/*"
        return {f"remote.origin.{it}" for it in (f"url {url}", fetch, "promisor true", "partialclonefilter tree:0")}

    hybrid("init")
    hybrid("add", upstream.url, "--branch", "main", "--history", "treeless")
    hybrid("sync", env={"GIT_HYBRID_MIRRORS": f"file://{tmp_path}/mirror/{{name}}.git"})
    assert asked() == of_origin(upstream.url)
    git("config", f"remote.{upstream.url}.promisor", "true", cwd=clone)
    git("config", "remote.mine.url", "file:///mine", cwd=clone)
    git("config", "remote.mine.promisor", "true", cwd=clone)
    upstream.path.rename(tmp_path / "moved.git")
    replace(workspace / "sources.toml", upstream.url, f"file://{tmp_path}/moved.git")
    hybrid("pin")
    assert outcomes(hybrid("sync", "--json")) == {"tool": "recorded"}
    mine = {"remote.mine.url file:///mine", "remote.mine.promisor true"}
    assert asked() == of_origin(f"file://{tmp_path}/moved.git") | mine
    git("log", "-p", cwd=clone)


@pytest.mark.parametrize("served", ["ssh", "https"], indirect=True)
def test_tag_that_upstream_left_behind_shallow(hybrid: Hybrid, workspace: Path, served: Served) -> None:
    hybrid("init")
    hybrid("add", served.url, "--tag", "v1.0.0", "--history", "shallow", env=served.env)
    hybrid("sync", env=served.env)
    assert head(workspace) == served.upstream.rev("v1.0.0^{commit}")


@pytest.mark.parametrize("served", ["file", "ssh"], indirect=True)
def test_old_pin_of_a_branch_that_moved_on(hybrid: Hybrid, workspace: Path, served: Served) -> None:
    for history in ("shallow", "treeless", "full"):
        hybrid("init", history, env=served.env)
        ws = workspace / history
        hybrid("add", served.url, "--branch", "main", "--history", history, env=served.env, cwd=ws)
        old = lock(ws)["tool"]["commit"]
        for number in range(2):
            served.upstream.commit({"n": f"{history}{number}"})
        hybrid("sync", env=served.env, cwd=ws)
        assert head(ws) == old
