"""`git hybrid init`: the files of a workspace, and how a workspace is found."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from support.cli import Hybrid
from support.kit import changes, git, head, lock, manifest, outcomes, released, replace, snapshot
from support.upstream import Gitlink, UpstreamFactory


def test_init_makes_the_files(hybrid: Hybrid, workspace: Path) -> None:
    (workspace / ".gitmodules").touch()
    assert "--import" not in hybrid("init").err
    assert "schema_version = 1" in (workspace / "sources.toml").read_text()
    assert (workspace / "state").is_dir()
    assert (workspace / "sources/.gitignore").is_file()
    assert "merge=union" in (workspace / ".gitattributes").read_text()
    assert not list(workspace.rglob("*.tmp"))


def test_init_json_is_one_document(hybrid: Hybrid, workspace: Path) -> None:
    document = hybrid("--json", "init").json()
    assert document["schema_version"] == 1
    (record,) = (workspace / "state/sources-audit.jsonl").read_text().splitlines()
    assert json.loads(record)["command_id"] == document["command_id"]


def test_second_init_is_refused_and_changes_nothing(hybrid: Hybrid, workspace: Path) -> None:
    hybrid("init")
    before = snapshot(workspace)
    again = hybrid("init", check=2)
    assert again.err.startswith("error: ")
    assert again.out == ""
    assert changes(before, snapshot(workspace)) == []


def test_init_keeps_an_existing_gitattributes(hybrid: Hybrid, workspace: Path) -> None:
    (workspace / ".gitattributes").write_text("*.bin binary")
    made = hybrid("init").out
    assert made.endswith("added lines to .gitattributes\n")
    assert "created .gitattributes" not in made
    lines = (workspace / ".gitattributes").read_text().splitlines()
    assert lines[0] == "*.bin binary"
    assert any("merge=union" in line for line in lines[1:])


def test_what_git_ignores_of_state_is_told(hybrid: Hybrid, workspace: Path) -> None:
    git("init", "-q", cwd=workspace)
    (workspace / ".gitignore").write_text("state/\n")
    assert hybrid("init").err.endswith("; by its rule: git check-ignore -v state/sources.lock\n")
    told = hybrid("check", "metadata").out
    assert told.startswith("warn state/sources-audit.jsonl: ")
    assert told.endswith("  mend: git add -f -- state/sources-audit.jsonl\n")


def test_a_second_init_says_what_an_older_workspace_lacks_and_its_mend_works(hybrid: Hybrid, workspace: Path) -> None:
    hybrid("init")
    attributes = (workspace / ".gitattributes").read_text()
    (workspace / ".gitattributes").write_text("*.bin binary\n")
    # Typed where it is read, which is not the workspace.
    told = hybrid("init", workspace.name, cwd=workspace.parent, check=2).err
    assert "cause: .gitattributes lacks 2 lines" in told
    assert f"hint: git hybrid -C {workspace.name} status\n" in told
    mend = next(line for line in told.splitlines() if ".gitattributes" in line and line.startswith("hint: "))
    subprocess.run(["/bin/sh", "-c", mend.removeprefix("hint: ")], cwd=workspace.parent, check=True)
    assert (workspace / ".gitattributes").read_text() == f"*.bin binary\n{attributes}"
    assert ".gitattributes" not in hybrid("init", check=2).err


@pytest.mark.parametrize("before", [True, False])
def test_init_in_another_folder(hybrid: Hybrid, workspace: Path, before: bool) -> None:
    (workspace / "w").mkdir()
    hybrid(*(["-C", "w", "init"] if before else ["init", "-C", "w"]))
    assert (workspace / "w/sources.toml").is_file()
    assert not (workspace / "sources.toml").exists()


def test_clones_and_marker_are_ignored_by_git(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory
) -> None:
    git("init", "-q", cwd=workspace)
    upstream = upstream_factory()
    released(upstream)
    hybrid("init")
    hybrid("add", upstream.url)
    hybrid("sync")
    (workspace / "state/resume.json").touch()
    shown = git("status", "--porcelain", "-uall", cwd=workspace)
    assert "sources/tool" not in shown
    assert "resume.json" not in shown
    assert "state/sources.lock" in shown
    assert "state/sources-audit.jsonl" in shown


def test_workspace_is_found_from_a_subfolder(hybrid: Hybrid, workspace: Path) -> None:
    hybrid("init")
    (workspace / "a/b").mkdir(parents=True)
    hybrid("status", cwd=workspace / "a/b")


def test_what_is_said_of_a_workspace_elsewhere_is_typed_here(hybrid: Hybrid, workspace: Path) -> None:
    hybrid("init")
    made = hybrid("init", "sub/dir")
    assert "created sub/dir/sources.toml\n" in made.out
    assert "created sub/dir/state/sources-audit.jsonl\n" in made.out
    assert made.err.splitlines() == [
        f"note: {workspace} is a workspace too: a command is for the nearest one",
        "hint: git hybrid -C sub/dir add https://host/path/repository",
    ]


def test_no_workspace_is_2_with_a_hint(hybrid: Hybrid) -> None:
    nothing = hybrid("status", check=2)
    assert nothing.err.splitlines()[1:] == ["hint: git hybrid init", "hint: git hybrid demo"]


def test_workspaces_that_git_has_below_are_named(hybrid: Hybrid, workspace: Path) -> None:
    git("init", "-q", cwd=workspace)
    for number in range(13):
        (workspace / f"in {number:02}/sources/x").mkdir(parents=True)
        for place in ("", "sources/x/"):
            (workspace / f"in {number:02}/{place}sources.toml").touch()
    git("add", ".", cwd=workspace)
    # What is there no more is of no use to anybody who is sent there.
    shutil.rmtree(workspace / "in 00")
    (workspace / "in 01/sources.toml").unlink()
    told = hybrid("check", check=2).err.splitlines()
    assert told[1:3] == [
        f"cause: workspaces below it: {', '.join(f'in {n:02}' for n in range(2, 12))} and 1 more",
        "hint: git hybrid -C 'in 02' check",
    ]
    for here, folder in ((workspace, "in 03/.."), (workspace.parent, workspace.name)):
        hint = hybrid("-C", folder, "hooks", "install", "--pre-push", cwd=here, check=2).err.splitlines()[2]
        there = os.path.relpath(workspace / "in 02", here)
        assert hint == f"hint: git hybrid -C '{there}' hooks install --pre-push"
        hybrid(*shlex.split(hint)[3:], cwd=here)


@pytest.mark.parametrize("words", [("status",), ("init",), ("check", "audit")])
def test_above_the_working_trees_of_a_bare_repository_they_are_named(
    hybrid: Hybrid, workspace: Path, words: tuple[str, ...]
) -> None:
    """As by ``git clone --bare URL .bare`` and a file .git that leads there."""
    git("init", "-q", "--bare", ".bare", cwd=workspace)
    (workspace / ".git").write_text("gitdir: ./.bare\n")
    told = hybrid(*words, check=2).err.splitlines()
    bare = f"cause: {workspace} is a bare repository, without a working tree of its own"
    assert told[1:3] == [bare, "hint: git worktree list"]
    empty = git("hash-object", "-t", "tree", "-w", "/dev/null", cwd=workspace)
    git("update-ref", "refs/heads/main", git("commit-tree", "-m", "empty", empty, cwd=workspace), cwd=workspace)
    git("worktree", "add", "-q", "main", "main", cwd=workspace)
    hybrid("-C", "main", "init")
    git("add", "-A", cwd=workspace / "main")
    git("commit", "-q", "-m", "begin", cwd=workspace / "main")
    git("worktree", "add", "-q", "-b", "feat", "feat", "main", cwd=workspace)
    (workspace / "feat/sources.toml").unlink()
    told = hybrid(*words, check=2).err.splitlines()
    assert told[1:3] == [f"{bare}; it has main, feat", f"hint: git hybrid -C main {' '.join(words)}"]


def test_manifest_inside_a_clone_is_no_workspace(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory
) -> None:
    upstream = upstream_factory()
    upstream.commit({"sources.toml": "schema_version = 1\n", "deep/x": "x\n"})
    hybrid("init")
    hybrid("add", upstream.url)
    hybrid("sync")
    rows = hybrid("--json", "status", cwd=workspace / "sources/tool/deep").json()["sources"]
    assert [row["name"] for row in rows] == ["tool"]


def _superproject(folder: Path, url: str, commit: str, *, branch: str | None = None) -> None:
    git("init", "-q", "-b", "main", cwd=folder)
    lines = ['[submodule "third party"]', "\tpath = vendor/tool", f"\turl = {url}"]
    if branch is not None:
        lines.append(f"\tbranch = {branch}")
    (folder / ".gitmodules").write_text("\n".join(lines) + "\n")
    git("add", ".gitmodules", cwd=folder)
    git("update-index", "--add", "--cacheinfo", f"160000,{commit},vendor/tool", cwd=folder)
    git("commit", "-q", "-m", "super", cwd=folder)


def test_import_keeps_the_exact_commit(hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory) -> None:
    upstream = upstream_factory()
    first, _, _ = released(upstream)
    _superproject(workspace, upstream.url, first)
    hybrid("init", "--import", ".gitmodules")
    (name,) = manifest(workspace)
    assert lock(workspace)[name]["commit"] == first
    hybrid("sync")
    assert head(workspace, name) == first


def test_import_keeps_a_commit_off_the_default_branch(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory
) -> None:
    upstream = upstream_factory()
    released(upstream)
    side = upstream.commit({"side": "x\n"}, branch="side", parents=["main~1"])
    upstream.commit({"side": "y\n"}, branch="side")
    _superproject(workspace, upstream.url, side)
    hybrid("init", "--import", ".gitmodules")
    (name,) = manifest(workspace)
    assert lock(workspace)[name]["commit"] == side
    hybrid("sync")
    assert head(workspace, name) == side


def test_import_of_a_relative_url(hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory) -> None:
    upstream = upstream_factory()
    first, _, _ = released(upstream)
    _superproject(workspace, "../tool.git", first)
    git("remote", "add", "origin", upstream.path.parent.joinpath("super.git").as_uri(), cwd=workspace)
    hybrid("init", "--import", ".gitmodules")
    (entry,) = manifest(workspace).values()
    assert entry["url"] == upstream.url


@pytest.mark.parametrize("place", ["ws", "."])
def test_an_import_that_cannot_be_read_is_given_again_once_it_is_mended(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, place: str
) -> None:
    tool = upstream_factory()
    commit = tool.commit({"README": "one\n"})
    git("init", "-q", cwd=workspace)
    git("update-index", "--add", "--cacheinfo", f"160000,{commit},x", cwd=workspace)
    file = workspace / "the modules"
    file.write_text('[submodule "x"]\n\tpath = x\n\turl = http://127.0.0.1/x\n')
    told = hybrid("init", *([] if place == "." else [place]), "--import", "the modules", check=2).err
    hint = next(line for line in told.splitlines() if line.startswith("hint: "))
    mend, _, command = hint.removeprefix("hint: ").partition(", then: git hybrid ")
    assert mend == f"mend {file}"
    replace(file, "http://127.0.0.1/x", tool.url)
    hybrid(*shlex.split(command))
    assert set(lock(workspace / place)) == {"x"}


@pytest.mark.parametrize("inner", ["sources", "sources/zz", "sources/tool/deep", "state/zz", "sources/tool/.git"])
@pytest.mark.parametrize("named", [True, False])
def test_init_where_nobody_looks_for_a_workspace_is_refused(
    hybrid: Hybrid, workspace: Path, inner: str, named: bool
) -> None:
    hybrid("init")
    if not named:
        (workspace / inner).mkdir(parents=True, exist_ok=True)
    before = snapshot(workspace)
    told = hybrid("init", inner, check=2) if named else hybrid("init", cwd=workspace / inner, check=2)
    assert "is in the .git of" in told.err or f"is in {inner.partition('/')[0]}/ of" in told.err
    hybrid("demo", "new", cwd=workspace / "sources", check=2)
    assert changes(before, snapshot(workspace)) == []
    hybrid("init", "beside/sources")
    assert (workspace / "beside/sources/state").is_dir()


@pytest.mark.parametrize(
    ("file", "words", "said"),
    [
        ("notes", ["notes"], "/notes is a file: a workspace is a folder\n"),
        ("notes", ["notes/x"], "/notes is a file: a workspace is a folder\n"),
        (".gitmodules", [".gitmodules"], "hint: git hybrid init --import .gitmodules\n"),
        ("state", [], "cause: state: is a file, and a folder belongs there\n"),
        ("sources", [], "cause: sources: is a file, and a folder belongs there\n"),
        ("notes", ["https://u:hunter2@h/x"], "error: DIR: '(hidden)': is a URL, not a folder; "),
        ("notes", ["git@h:team/x"], "makes it here): git hybrid add git@h:team/x\n"),
    ],
)
def test_init_where_a_file_stands_for_a_folder_leaves_nothing(
    hybrid: Hybrid, workspace: Path, file: str, words: list[str], said: str
) -> None:
    (workspace / file).write_text("[submodule")
    assert said in hybrid("init", *words, check=2).err
    assert [path.name for path in workspace.iterdir()] == [file]


@pytest.mark.parametrize("name", ["sources", "Sources"])
def test_a_folder_with_code_below_its_sources_is_not_made_a_workspace(
    hybrid: Hybrid, workspace: Path, name: str
) -> None:
    git("init", "-q", cwd=workspace)
    (workspace / f"ws/{name}/lib").mkdir(parents=True)
    (workspace / f"ws/{name}/lib/l.c").write_text("1")
    git("add", ".", cwd=workspace)
    before = snapshot(workspace)
    for words in (["init", "ws"], ["-C", "ws", "init"], ["init", "ws", "--import", "x.repos"]):
        told = hybrid(*words, check=2).err.splitlines()
        assert told[1] == f"cause: {name}/lib/l.c"
    assert changes(before, snapshot(workspace)) == []
    assert "hint: to make another folder the workspace: git hybrid init FOLDER --import x.repos" in told
    git(*shlex.split(told[-1].rpartition(": git ")[2]), cwd=workspace)
    hybrid("init", "ws")
    assert git("ls-files", cwd=workspace) == "ws/NEW/lib/l.c"


def test_a_file_that_keeps_the_folder_in_git_is_in_nobodys_way(hybrid: Hybrid, workspace: Path) -> None:
    git("init", "-q", cwd=workspace)
    for name in ("sources", "state"):
        (workspace / name).mkdir()
        (workspace / name / ".gitkeep").touch()
    git("add", ".", cwd=workspace)
    hybrid("init")
    git("add", ".", cwd=workspace)
    assert "sources/.gitkeep" in git("ls-files", cwd=workspace)
    hybrid("check", "sources")


def test_what_nobody_committed_below_sources_is_told(hybrid: Hybrid, workspace: Path) -> None:
    git("init", "-q", "sources/clone", cwd=workspace)
    assert "note: " not in hybrid("init", "beside").err
    (workspace / "sources/lib").mkdir()
    (workspace / "sources/main.c").touch()
    assert hybrid("init").err.endswith("git shows nothing else there from now on: lib, main.c\n")


@pytest.mark.parametrize("words", [["init"], ["init", "--import", "x.repos"], ["bundle", "apply", "x"]])
def test_a_users_own_marker_and_journal_keep_a_workspace_away(
    hybrid: Hybrid, workspace: Path, words: list[str]
) -> None:
    (workspace / "state/journal").mkdir(parents=True)
    for name in ("resume.json", "journal/my.txt"):
        (workspace / "state" / name).write_text("mine")
    before = snapshot(workspace)
    told = hybrid(*words, check=2).err.splitlines()
    assert told[1:3] == ["cause: state/resume.json", "cause: state/journal"]
    assert changes(before, snapshot(workspace)) == []
    if words == ["init"]:
        subprocess.run(["/bin/sh", "-c", told[-1].rpartition(": ")[2]], cwd=workspace, check=True)
        hybrid("init")
        assert (workspace / "NEW/resume.json").read_text() == "mine"


def test_submodules_below_sources_are_taken_over(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory
) -> None:
    upstream = upstream_factory()
    first, _, _ = released(upstream)
    git("init", "-q", "-b", "main", cwd=workspace)
    git("-c", "protocol.file.allow=always", "submodule", "add", "-q", upstream.url, "sources/tool", cwd=workspace)
    git("checkout", "-q", first, cwd=workspace / "sources/tool")
    git("commit", "-q", "-a", "-m", "x", cwd=workspace)
    hybrid("init")
    assert "hint: to keep it elsewhere: git mv sources/tool NEW\n" in hybrid("status").err
    told = hybrid("init", "--import", ".gitmodules").err
    (hint,) = (line for line in told.splitlines() if "take them out first: " in line)
    git(*shlex.split(hint.rpartition(": git ")[2]), cwd=workspace)
    hybrid("sync")
    assert (head(workspace), lock(workspace)["tool"]["commit"]) == (first, first)
    git("add", ".", cwd=workspace)
    hybrid("check", "sources")


def test_init_in_a_bare_repository_is_refused_and_in_a_worktree_of_it_is_not(hybrid: Hybrid, workspace: Path) -> None:
    git("init", "-q", "--bare", cwd=workspace)
    before = snapshot(workspace)
    for words in (["init", "refs"], ["init"]):
        assert f"is in the bare repository {workspace}, " in hybrid(*words, check=2).err
    assert changes(before, snapshot(workspace)) == []
    commit = git(
        "commit-tree", "-m", "x", git("hash-object", "-w", "-t", "tree", "/dev/null", cwd=workspace), cwd=workspace
    )
    git("worktree", "add", "-q", "tree", commit, cwd=workspace)
    hybrid("init", "tree/deep")


def test_demo_tells_its_story_in_a_folder_of_any_name(hybrid: Hybrid, workspace: Path) -> None:
    cache = workspace / "cache"
    told = hybrid("demo", "Müller $x", env={"GIT_HYBRID_CACHE_DIR": str(cache)})
    assert not cache.exists()
    assert f"$ git hybrid add file://{workspace}/M%C3%BCller%20%24x/upstreams/images.git\n" in told.out
    assert "Now it is yours" in told.out
    assert f"-C '{workspace}" not in told.err


def test_what_a_demo_has_made_can_be_worked_with_though_it_stands_in_another_workspace(
    hybrid: Hybrid, workspace: Path
) -> None:
    git("init", "-q", cwd=workspace)
    (workspace / ".gitignore").write_text("git-hybrid-demo/\n")
    hybrid("init")
    told = hybrid("demo")
    assert told.out.startswith("\n# Three upstreams were made.")
    assert "is a workspace too" not in told.err
    assert "git ignores" not in told.err
    assert "take it back" not in told.err
    made = workspace / "git-hybrid-demo/workspace"
    assert git("rev-parse", "--show-toplevel", cwd=made) == str(made)
    assert git("log", "--format=%s", cwd=made).splitlines() == [
        "Images with Arch",
        "Network 1.2.0",
        "Vendor three sources",
    ]
    assert "\n$ git add . && git commit -qm 'Network 1.2.0'\n" in told.out
    hybrid("check", cwd=made)
    hybrid("audit", "verify", cwd=made)
    git("add", ".", cwd=made)
    assert "network  moved  " in hybrid("diff", "--since", "HEAD~2", cwd=made).out


def test_import_of_a_missing_file_writes_nothing(hybrid: Hybrid, workspace: Path) -> None:
    hybrid("init", "--import", ".gitmodules", check=2)
    assert changes({}, snapshot(workspace)) == []


def test_import_when_upstream_lost_the_commit_is_5(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory
) -> None:
    upstream = upstream_factory()
    upstream.commit({"x": "x", "sub": Gitlink("1" * 40)})
    _superproject(workspace, upstream.url, "2" * 40)
    failed = hybrid("init", "--import", ".gitmodules", check=5)
    assert "2" * 10 in failed.err
    assert "hint: push the commit to a branch of its upstream, or " in failed.err
    assert "branch = " not in failed.err


def test_import_into_a_workspace_that_has_no_sources(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory
) -> None:
    upstream = upstream_factory()
    first, _, _ = released(upstream)
    _superproject(workspace, upstream.url, first)
    assert "git hybrid init --import .gitmodules" in hybrid("init").err
    replace(workspace / "sources.toml", "# Every key", "# mine\n# Every key")
    hybrid("init", "--import", ".gitmodules")
    (name,) = manifest(workspace)
    assert lock(workspace)[name]["commit"] == first
    assert "# mine" in (workspace / "sources.toml").read_text()
    hybrid("audit", "verify")
    before = snapshot(workspace)
    hybrid("init", "--import", ".gitmodules", check=2)
    assert changes(before, snapshot(workspace)) == []


def test_an_import_that_fails_leaves_a_workspace_as_it_was_and_says_that_nothing_was_added(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory
) -> None:
    upstream = upstream_factory()
    first, _, _ = released(upstream)
    _superproject(workspace, upstream.url, first)
    dead = upstream.path.with_name("dead.git").as_uri()
    with open(workspace / ".gitmodules", "a") as file:
        file.write(f'[submodule "dead"]\n\tpath = dead\n\turl = {dead}\n')
    git("add", ".gitmodules", cwd=workspace)
    git("update-index", "--add", "--cacheinfo", f"160000,{first},dead", cwd=workspace)
    git("commit", "-q", "-m", "one more", cwd=workspace)
    told = hybrid("init", "--import", ".gitmodules", check=4)
    assert not (workspace / "sources.toml").exists()
    assert "added none of 2 sources" in told.err
    assert "sources.toml" not in told.err
    assert sorted(outcomes(hybrid("init", "--import", ".gitmodules", "--json", check=4)).values()) == [
        "failed",
        "not-added",
    ]
    hybrid("init")
    before = snapshot(workspace)
    hybrid("init", "--import", ".gitmodules", check=4)
    assert changes(before, snapshot(workspace)) == []
