"""`git hybrid diff --since`: what became of the sources between two commits of the repository of the workspace."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from support.beginning import Beginning
from support.cli import Hybrid
from support.kit import git, lock, released, replace
from support.upstream import Upstream, UpstreamFactory


@pytest.fixture
def upstreams(upstream_factory: UpstreamFactory) -> dict[str, Upstream]:
    made = {name: upstream_factory(name) for name in ("gone", "kept", "new", "tool")}
    for upstream in made.values():
        released(upstream)
    return made


@pytest.fixture
def releases(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], beginning: Beginning
) -> Callable[[], None]:
    """Make a workspace with two releases of its own; since the second one a source has another ref."""

    def commit(tag: str) -> None:
        git("add", "-A", cwd=workspace)
        git("commit", "-q", "-m", tag, cwd=workspace)
        git("tag", tag, cwd=workspace)

    def make() -> None:
        git("init", "-q", "-b", "main", cwd=workspace)
        git("commit", "-q", "--allow-empty", "-m", "before", cwd=workspace)
        git("tag", "before", cwd=workspace)
        hybrid("init")
        for name in ("gone", "kept"):
            hybrid("add", upstreams[name].url, "--branch", "main")
        hybrid("add", upstreams["tool"].url, "--tag", "v1.0.0", "-g", "tools")
        hybrid("sync")
        commit("v1")
        hybrid("remove", "gone")
        hybrid("add", upstreams["new"].url, "--branch", "main")
        replace(workspace / "sources.toml", 'tag = "v1.0.0"', 'tag = "v1.1.0"')
        hybrid("pin", "tool")
        hybrid("sync")
        commit("v2")
        replace(workspace / "sources.toml", 'tag = "v1.1.0"', 'branch = "main"')
        hybrid("pin", "tool")

    return lambda: beginning(workspace, make)


def test_what_changed_between_two_releases(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], releases: Callable[[], None]
) -> None:
    releases()
    old, new = (upstreams["tool"].rev(f"{tag}^0") for tag in ("v1.0.0", "v1.1.0"))
    told = hybrid("diff", "--since", "v1", "--until", "v2", "--exit-code", check=1)
    words = [line.split()[:2] for line in told.out.splitlines() if not line.startswith(" ")]
    assert words == [["gone", "removed"], ["new", "added"], ["tool", "moved"]]
    assert f"{old[:10]} → {new[:10]} (v1.1.0)\n    ref: v1.0.0 → v1.1.0\n" in told.out
    assert f" ahead\n    {new[:10]} " in told.out
    assert f"\n    {upstreams['new'].url}\n" in told.out
    document = hybrid("diff", "--since", "v1", "--until", "v2", "tool", "--json").json()
    (row,) = document["sources"]
    assert (row["outcome"], row["from_commit"], row["to_commit"]) == ("moved", old, new)
    assert (row["detail"]["from_ref"], row["ref"]) == ("refs/tags/v1.0.0", "refs/tags/v1.1.0")
    assert row["range"]["commits"][0]["commit"] == new
    assert document["since"] == {"revision": "v1", "commit": git("rev-parse", "v1", cwd=workspace)}
    assert document["until"]["revision"] == "v2"
    assert hybrid("diff", "--since", "v2", "--until", "v2", "--exit-code", "-q").out == ""
    (back,) = hybrid("diff", "--since", "v2", "--until", "v1", "-g", "tools", "--json").json()["sources"]
    assert back["range"]["behind"] == row["range"]["ahead"]


def test_against_the_lock_as_it_is(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], releases: Callable[[], None]
) -> None:
    releases()
    told = hybrid("diff", "--since", "HEAD")
    assert "\n    ref: v1.1.0 → main\n" in told.out
    assert lock(workspace)["tool"]["commit"][:10] in told.out
    hybrid("sync")
    names = hybrid("diff", "--since", "HEAD", "--name-only")
    assert names.out.startswith("sources/tool/")
    assert "tool  moved  " in names.err
    assert "+++ b/sources/tool/" in hybrid("diff", "--since", "v1", "-p").out
    shutil.rmtree(workspace / "sources/tool")
    gone = hybrid("diff", "--since", "HEAD", "--stat")
    assert "its commits are not told: no clone here has both" in gone.err
    assert "note: tool: no patch: the files of one of the two commits are not here" in gone.err
    before = hybrid("diff", "--since", "before")
    assert {line.split()[1] for line in before.out.splitlines() if not line.startswith(" ")} == {"added"}
    assert "note: before has no workspace in this folder" in before.err


def test_a_workspace_that_was_moved_is_found_where_it_stood(
    hybrid: Hybrid, workspace: Path, releases: Callable[[], None]
) -> None:
    releases()
    words = ("--since", "v1", "--until", "v2")
    outcomes = [line.split()[:2] for line in hybrid("diff", *words).out.splitlines() if line[0] != " "]
    hybrid("audit", "rotate")
    moved = workspace / "sub"
    moved.mkdir()
    git("add", "-A", cwd=workspace)
    git("mv", "sources.toml", "state", moved, cwd=workspace)
    shutil.rmtree(workspace / "sources")
    for is_committed in (False, True):
        if is_committed:
            git("commit", "-q", "-m", "moved", cwd=workspace)
        told = hybrid("diff", *words, cwd=moved)
        assert [line.split()[:2] for line in told.out.splitlines() if line[0] != " "] == outcomes
        assert "note: v1 has the workspace at the top of the repository\n" in told.err


def test_a_history_that_is_cut_off_tells_no_counts(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream]
) -> None:
    git("init", "-q", "-b", "main", cwd=workspace)
    hybrid("init")
    hybrid("add", upstreams["tool"].url, "--tag", "v1.0.0", "--history", "shallow")
    hybrid("sync")
    git("add", "-A", cwd=workspace)
    git("commit", "-q", "-m", "v1", cwd=workspace)
    for name in ("one", "two"):
        upstreams["tool"].commit({name: name}, name)
    upstreams["tool"].tag("v1.2.0")
    replace(workspace / "sources.toml", 'tag = "v1.0.0"', 'tag = "v1.2.0"')
    hybrid("pin", "tool")
    # Somebody's tag: else the move would take out what it leaves.
    git("tag", "mine", cwd=workspace / "sources/tool")
    hybrid("sync")
    clone, old, new = workspace / "sources/tool", *(upstreams["tool"].rev(f"{tag}^0") for tag in ("v1.0.0", "v1.2.0"))
    cut = "\n    the commits between are not told: the history is cut off here\n"
    told = hybrid("diff", "--since", "HEAD", "--stat")
    # Neither has parents there, so that each would seem to be a commit that the other lacks.
    assert cut in told.err
    assert " changed, " in told.out
    git("checkout", "-q", old, cwd=clone)
    told = hybrid("diff")
    assert (cut in told.out, " behind" in told.out) == (True, False)
    git("checkout", "-q", new, cwd=clone)
    git("commit", "-q", "--allow-empty", "-m", "mine", cwd=clone)
    assert "\n    1 commit ahead" in hybrid("diff").out
    shutil.rmtree(clone)
    hybrid("sync")
    told = hybrid("diff", "--since", "HEAD", "--stat").err
    assert "\n    its commits are not told: no clone here has both\n" in told
    assert "note: tool: no patch: the files of one of the two commits are not here\n" in told


def test_of_a_history_that_is_cut_off_a_move_is_looked_at_before(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream]
) -> None:
    git("init", "-q", "-b", "main", cwd=workspace)
    hybrid("init")
    hybrid("add", upstreams["tool"].url, "--history", "shallow")
    hybrid("sync")
    git("add", "-A", cwd=workspace)
    git("commit", "-q", "-m", "before", cwd=workspace)
    upstreams["tool"].commit({"one": "one"}, "one")
    assert " changed, " in hybrid("diff", "--upstream", "--stat").out
    hybrid("pin", "tool")
    hybrid("sync")
    told = hybrid("diff", "--since", "HEAD", "--stat")
    assert told.out == ""
    assert "note: tool: no patch: the files of one of the two commits are not here\n" in told.err


def test_a_pin_that_stayed_and_is_asked_for_otherwise(
    hybrid: Hybrid, workspace: Path, upstreams: dict[str, Upstream], releases: Callable[[], None]
) -> None:
    releases()
    git("commit", "-q", "-a", "-m", "now", cwd=workspace)
    replace(workspace / "sources.toml", 'branch = "main"', 'branch = "main"\nsubmodules = true')
    hybrid("pin", "--all")
    told = hybrid("diff", "--since", "HEAD", "--exit-code", check=1).out
    assert " changed  " in told
    assert "\n    its entry in sources.toml\n" in told


def test_commits_in_the_place_of_names_are_told_how_to_be_written(hybrid: Hybrid, releases: Callable[[], None]) -> None:
    releases()
    both = "hint: git hybrid diff --since v1 --until v2\n"
    for words in (("v1", "v2"), ("v1..v2",), ("v1...v2",)):
        assert both in hybrid("diff", *words, check=2).err
    assert "hint: git hybrid diff --since 'HEAD~1'\n" in hybrid("diff", "HEAD~1", check=2).err
    for words in (("v1", "v3"), ("v1", "v2", "v1"), ("v1..v3",), ("tool", "v1")):
        assert "--since" not in hybrid("diff", *words, check=2).err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--since", "nope"), "names no commit of the repository"),
        (("--since", "-n"), "names no commit of the repository"),
        (("--since", "v1..v2"), "names two commits\nhint: git hybrid diff --since v1 --until v2\n"),
        (("--since", "v1..v3"), "names no commit of the repository"),
        (("--until", "v1"), "goes with --since"),
        (("--since", "v1", "--upstream"), "--upstream compares with the lock as it is"),
        (("--since", "v1", "nobody"), "no such source: nobody"),
        (("--since", "v1", "-g", "nobody"), "no such group: nobody"),
    ],
)
def test_what_cannot_be_compared(
    hybrid: Hybrid, releases: Callable[[], None], words: tuple[str, ...], said: str
) -> None:
    releases()
    assert said in hybrid("diff", *words, check=2).err


def test_a_lock_that_cannot_be_read_is_one_error(hybrid: Hybrid, workspace: Path, releases: Callable[[], None]) -> None:
    releases()
    path = workspace / "state/sources.lock"
    text = path.read_text()
    newer, bad = text.replace("lock_version = 1", "lock_version = 99"), text.replace("commit = ", "commat = ")
    for number, made in enumerate((newer, bad, "x" * (65 << 20))):
        path.write_text(made)
        git("commit", "-q", "-n", "-m", "broken", "state/sources.lock", cwd=workspace)
        git("tag", f"b{number}", cwd=workspace)
    path.write_text(text)
    for number, said in enumerate(("newer version: 99, known is 1", "cannot be read: ", "is larger than ")):
        told = hybrid("diff", "--since", f"b{number}", check=2).err
        assert told.startswith(f"error: --since: 'b{number}': its state/sources.lock ")
        assert said in told
        assert told.count("error:") == 1


def test_outside_of_git_there_are_no_commits(hybrid: Hybrid, workspace: Path) -> None:
    hybrid("init")
    assert "the workspace is in no git repository" in hybrid("diff", "--since", "HEAD", check=2).err
    assert "--since" not in hybrid("diff", "HEAD", check=2).err


@pytest.mark.parametrize("words", [("diff",), ("audit", "verify")])
def test_what_a_shallow_clone_lacks_is_no_wrong_name(
    hybrid: Hybrid, workspace: Path, releases: Callable[[], None], tmp_path: Path, words: tuple[str, ...]
) -> None:
    releases()
    git("clone", "-q", "--depth", "1", workspace.as_uri(), tmp_path / "shallow", cwd=tmp_path)
    for revision in ("v1", "HEAD~1"):
        told = hybrid("-C", tmp_path / "shallow", *words, "--since", revision, check=2).err.splitlines()
        why = f"error: --since: '{revision}': names no commit that this shallow clone has"
        assert (told[0], told[1].endswith(" fetch --unshallow --tags"), len(told)) == (why, True, 2)
    git("fetch", "-q", "--unshallow", "--tags", cwd=tmp_path / "shallow")
    hybrid("-C", tmp_path / "shallow", *words, "--since", "v1")
