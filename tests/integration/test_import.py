"""`git hybrid init --import`: which commits it pins, what it refuses, and what it leaves."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from git_hybrid.cli.commands.init import command
from git_hybrid.cli.common import Common
from git_hybrid.cli.tree import group
from support.cli import Hybrid
from support.kit import changes, git, lock, released, replace, snapshot
from support.points import stopped_at
from support.upstream import Gitlink, Upstream, UpstreamFactory


@pytest.fixture
def upstream(upstream_factory: UpstreamFactory) -> Upstream:
    made = upstream_factory()
    released(made)
    return made


def _superproject(folder: Path, url: str, modules: Mapping[str, str], index: str, *, more: str = "") -> None:
    """Make a repository in *folder* whose submodules have the names and paths *modules*, and whose index is *index*."""
    folder.mkdir()
    git("init", "-q", "-b", "main", cwd=folder)
    entries = [f'[submodule "{name}"]\n\tpath = {path}\n\turl = {url}\n{more}' for name, path in modules.items()]
    (folder / ".gitmodules").write_text("".join(entries))
    subprocess.run(["git", "update-index", "--index-info"], cwd=folder, input=index, text=True, check=True)


def _gitlink(commit: str, path: str, stage: int = 0) -> str:
    return f"160000 {commit} {stage}\t{path}\n"


def test_a_path_with_a_slash_at_its_end_has_its_commit(hybrid: Hybrid, workspace: Path, upstream: Upstream) -> None:
    first = upstream.rev("main~2")
    _superproject(workspace / "old", upstream.url, {"a": "vendor/tool/"}, _gitlink(first, "vendor/tool"))
    hybrid("init", "--import", "old/.gitmodules")
    assert {name: pin["commit"] for name, pin in lock(workspace).items()} == {"tool": first}


def test_what_is_to_be_done_next_is_told_in_the_order_in_which_it_works(
    hybrid: Hybrid, workspace: Path, upstream: Upstream
) -> None:
    first, outer = upstream.rev("main~2"), upstream.commit({"in": Gitlink(upstream.rev("main"))})
    paths, old, wanted = ["sources/a", "vendor/b", *(f"v{i}" for i in range(5))], workspace / "old", "submodules = true"
    index = _gitlink(outer, paths[0]) + "".join(_gitlink(first, path) for path in (*paths[1:], "lost"))
    _superproject(old, upstream.url, dict(zip("abcdefg", paths, strict=True)), index)
    hint = "hint: git hybrid -C old init --import .gitmodules"
    assert hint in hybrid("-C", "old", "init", "--import", ".", check=2).err
    told = hybrid("-C", "old", "init", "--import", ".gitmodules").err.splitlines()
    assert told[0] == "note: not taken over, as .gitmodules does not list what the index has: lost"
    assert [line.partition("hint: ")[2] for line in told[2:]] == [
        "the clones go where these submodules are, so take them out first: git -C old rm -- sources/a",
        f"to take lost over: git hybrid -C old add URL --commit {first}",
        f"for the submodules of a put {wanted} below [source.NAME] in old/sources.toml, then: git hybrid -C old pin",
        "git hybrid -C old sync",
        "the submodules stay as they are; when the clones are there: git -C old rm -- vendor/b v0 v1 v2 v3",
        "1 more is listed by: git -C old config --file .gitmodules --get-regexp path",
    ]


@pytest.mark.parametrize("where", ["not in the index", "in conflict", "outside"])
def test_an_import_that_knows_no_commit_is_refused(
    hybrid: Hybrid, workspace: Path, upstream: Upstream, where: str
) -> None:
    first, second = upstream.rev("main~2"), upstream.rev("main~1")
    sides = [_gitlink(commit, "b", stage) for stage, commit in enumerate((first, second, first), 1)]
    index = {"not in the index": "", "in conflict": "".join(sides), "outside": _gitlink(first, "b")}[where]
    old = workspace / "old"
    _superproject(old, upstream.url, {"a": "a", "b": "b"}, _gitlink(first, "a") + index)
    if where == "outside":
        (old / ".gitmodules").rename(workspace / "old-modules")
    before = snapshot(workspace)
    file = "old-modules" if where == "outside" else "old/.gitmodules"
    told = hybrid("init", "--import", file, check=2).err
    assert {
        "not in the index": "cause: submodule b: the index of its repository names no commit for b",
        "in conflict": "cause: submodule b: b is in conflict in the index of its repository",
        "outside": "cause: file: is in no git repository, whose index would name the commits",
    }[where] in told
    assert "submodule a" not in told
    assert changes(before, snapshot(workspace)) == []


def test_a_submodule_has_a_name_by_which_it_is_known_again(hybrid: Hybrid, workspace: Path, upstream: Upstream) -> None:
    first = upstream.rev("main~2")
    paths = {
        "a": "x/module-3",
        "b": "my lib",
        "\u00e9": "\u00f6",
        "its name": "\u00fc",
        "e": "y/module-3",
        "f": "z/lib.git",
    }
    index = "".join(_gitlink(first, path) for path in paths.values())
    _superproject(workspace / "old", upstream.url, paths, index)
    rows = hybrid("init", "--import", "old/.gitmodules", "--json").json()["sources"]
    assert {row["name"]: row["detail"]["path"] for row in rows} == {
        "module-3": "x/module-3",
        "my-lib": "my lib",
        "module-4": "\u00f6",
        "its-name": "\u00fc",
        "y-module-3": "y/module-3",
        "lib": "z/lib.git",
    }


@pytest.mark.parametrize(("here", "branch"), [("rel", "rel"), ("gone", "main")])
def test_what_git_was_told_of_a_submodule_is_taken_over_or_told(
    hybrid: Hybrid, workspace: Path, upstream: Upstream, here: str, branch: str
) -> None:
    old, more = workspace / "old", "\tshallow = true\n\tupdate = none\n\tbranch = .\n"
    upstream.update_ref("refs/heads/rel", upstream.rev("main"))
    _superproject(old, upstream.url, {"a": "a"}, _gitlink(upstream.rev("main~2"), "a"), more=more)
    git("symbolic-ref", "HEAD", f"refs/heads/{here}", cwd=old)
    told = hybrid("init", "--import", "old/.gitmodules").out
    assert [line.partition(" (")[2] for line in told.splitlines()] == [
        f"{branch})",
        "update = none), and sync makes its clone",
        "branch = .), and sources.toml names one branch",
    ] + [""] * (here == "gone")
    assert ("it followed gone, on which upstream does not have this commit" in told) == (here == "gone")
    assert lock(workspace)["a"]["ref"] == f"refs/heads/{branch}"
    assert 'history = "shallow"' in (workspace / "sources.toml").read_text()


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_whatever_ends_an_import_takes_the_new_files_along(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("git_hybrid.cli.importing.read_gitmodules", fail)
    monkeypatch.chdir(workspace)
    # click keeps the option for help that a command has first, for every test that follows.
    settings = {"obj": Common(), **group.context_settings}
    with command.make_context("init", ["--import", ".gitmodules"], **settings) as context, pytest.raises(error):
        command.invoke(context)
    assert changes({}, snapshot(workspace)) == []


def _last_command(told: str) -> list[str]:
    """Return the words of the last hint that is a command of ours, without ``git hybrid``."""
    hint = [line for line in told.splitlines() if line.startswith("hint: ")][-1]
    return shlex.split(hint.partition("git hybrid ")[2])


@pytest.mark.parametrize(("branch", "code"), [("rel", 6), ("gone", 5)])
@pytest.mark.parametrize("common", [[], ["-C", "my work"]])
def test_a_branch_that_is_wrong_can_be_corrected_and_the_command_typed_again(
    hybrid: Hybrid, workspace: Path, upstream: Upstream, branch: str, code: int, common: list[str]
) -> None:
    upstream.commit({"x": "x"}, branch="rel", parents=[])
    third, base = upstream.rev("main"), workspace / "my work" if common else workspace
    base.mkdir(exist_ok=True)
    _superproject(base / "old", upstream.url, {"a": "a"}, _gitlink(third, "a"), more=f"\tbranch = {branch}\n")
    told = hybrid(*common, "init", "new", "--import", "old/.gitmodules", check=code).err
    assert f"by branch = in {shlex.quote(f'{base}/old/.gitmodules')}, or none" in told
    assert _last_command(told) == [*common, "init", "new", "--import", "old/.gitmodules"]
    replace(base / "old/.gitmodules", f"branch = {branch}", "")
    hybrid(*_last_command(told))
    assert lock(base / "new")["a"]["commit"] == third


def test_an_entry_that_is_wrong_can_be_mended_and_the_command_typed_again(
    hybrid: Hybrid, workspace: Path, upstream: Upstream
) -> None:
    _superproject(workspace / "old", "http://host.example/x", {"a": "a"}, _gitlink(upstream.rev("main"), "a"))
    told = hybrid("init", "--import", "old/../old/.gitmodules", check=2).err
    assert f"hint: mend {workspace}/old/.gitmodules, then: git hybrid init --import old/../old/.gitmodules" in told
    replace(workspace / "old/.gitmodules", "http://host.example/x", upstream.url)
    hybrid(*_last_command(told))


def test_the_log_begins_with_who_made_the_workspace(hybrid: Hybrid, workspace: Path, upstream: Upstream) -> None:
    _superproject(workspace / "old", upstream.url, {"a": "a"}, _gitlink(upstream.rev("main"), "a"))
    hybrid("init", "new", "--import", "old/.gitmodules")
    records = [json.loads(line) for line in (workspace / "new/state/sources-audit.jsonl").read_text().splitlines()]
    assert [record["event"] for record in records] == ["init", "intent", "add", "pin"]
    hybrid("audit", "verify", cwd=workspace / "new")


@pytest.mark.parametrize("url", ["", "file:///else"])
def test_an_import_that_was_decided_is_there_when_it_is_typed_again(
    hybrid: Hybrid, workspace: Path, upstream: Upstream, url: str
) -> None:
    _superproject(workspace / "old", upstream.url, {"a": "a"}, _gitlink(upstream.rev("main"), "a"))
    (workspace / "sources.toml").write_text("schema_version = 1\n")
    stopped_at("sources.toml", ["init", "--import", "old/.gitmodules"], cwd=workspace)
    replace(workspace / "old/.gitmodules", upstream.url, url or upstream.url)
    again = hybrid("init", "--import", "old/.gitmodules", check=2 if url else 0)
    assert "note: finished writing what run " in again.err
    assert again.out == ("" if url else f"a  added  {upstream.rev('main')[:10]} (main)\n")
    assert "--name" not in again.err
    assert list(lock(workspace)) == ["a"]


def test_a_file_of_another_tool_is_told_as_none_of_ours(hybrid: Hybrid, workspace: Path) -> None:
    (workspace / "cargo").write_text("[workspace]\nmembers = [\n")
    told = hybrid("init", "--import", "cargo", check=2).err
    assert "cargo': is none of what can be imported: .gitmodules, a .repos file of vcstool or vcs2l, west.yml, " in told
    assert "mend" not in told
    assert _last_command(told) == ["add", "URL"]


@pytest.mark.parametrize("content", ["", "[core]\n\tbare = false\n", None])
def test_a_file_without_submodules_is_refused_and_no_folder_stays(
    hybrid: Hybrid, workspace: Path, content: str | None
) -> None:
    (workspace / "old").mkdir()
    if content is not None:
        (workspace / "old/modules").write_text(content)
    before = snapshot(workspace)
    told = hybrid("init", "new/dir", "--import", "old/modules", check=2).err
    assert ("no such file" if content is None else "is none of what can be imported") in told
    told = hybrid("init", "new/dir", "--import", "old", check=2).err
    assert "old': is a folder without git clones: name a file" in told
    assert changes(before, snapshot(workspace)) == []
