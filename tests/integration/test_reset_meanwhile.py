"""What changes while `git hybrid reset` runs, and what only its outcome shows to be work, is saved or left alone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from support.beginning import Begun
from support.cli import Hybrid
from support.kit import git, head, lock, released
from support.upstream import Gitlink, Upstream, UpstreamFactory


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    released(upstream)
    return upstream


@pytest.fixture
def clone(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> Path:
    begun(tool.url, "--branch", "main", sync=False)
    hybrid("sync")
    return workspace / "sources/tool"


def _saved(clone: Path) -> list[str]:
    return git("for-each-ref", "--format=%(refname)", "refs/hybrid/saved", cwd=clone).split()


def _is_at_the_pin(clone: Path) -> bool:
    workspace = clone.parents[1]
    clean = git("status", "--porcelain", cwd=clone) == ""
    return clean and head(workspace) == lock(workspace)["tool"]["commit"]


def _with_edits(folder: Path, clone: Path, edit: str, *, once: bool) -> dict[str, str]:
    """Return the environment with a git that runs *edit* in the clone just before it checks out."""
    real = shutil.which("git")
    folder.mkdir()
    guard = f'[ -e "{folder}/done" ] || ' if once else ""
    script = folder / "git"
    script.write_text(
        f'#!/bin/sh\nfor word; do case "$word" in checkout|reset) {guard}'
        f'{{ touch "{folder}/done"; (cd "{clone}" && {edit}); }};; esac; done\nexec {real} "$@"\n'
    )
    script.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


LATE = {"changed": "README", "new": "late", "in-the-way": "new/file", "ignored": "x.log", "same": "b"}


@pytest.mark.parametrize("place", LATE.values(), ids=LATE)
def test_an_edit_between_saving_and_going_is_saved_too(
    hybrid: Hybrid, tool: Upstream, clone: Path, tmp_path: Path, place: str
) -> None:
    tool.commit({"new/file": "theirs", "x.log": "theirs"})
    hybrid("pin", "tool")
    (clone / "README").write_text("early")
    edit = f"mkdir -p new && printf late >{place}"
    told = hybrid("reset", "tool", env=_with_edits(tmp_path / "git", clone, edit, once=True)).out
    assert _is_at_the_pin(clone)
    first, second = sorted(_saved(clone))
    assert second == f"{first}-2"
    assert f"local work saved as {first}\n" in told
    assert f"local work saved as {second}\n" in told
    assert git("show", f"{first}:README", cwd=clone) == "early"
    assert git("show", f"{second}:{place}", cwd=clone) == "late"


def test_what_goes_on_changing_is_left_alone(hybrid: Hybrid, clone: Path, tmp_path: Path) -> None:
    git("switch", "-q", "-c", "mine", cwd=clone)
    (clone / "README").write_text("early")
    edit = "date +%N >README"
    told = hybrid("reset", "tool", env=_with_edits(tmp_path / "git", clone, edit, once=False), check=3)
    assert "error: sources/tool has local changes in 1 file; tool was left alone\ncause: README\n" in told.err
    assert "hint: git hybrid reset tool\n" in told.err
    assert f"local work saved as {min(_saved(clone))}\n" in told.out
    last = (clone / "README").read_text()
    assert last != "three\n"
    assert git("symbolic-ref", "HEAD", cwd=clone) == "refs/heads/mine"
    hybrid("pin", "tool")
    hybrid("reset", "tool")
    assert _is_at_the_pin(clone)
    assert last.strip() in {git("show", f"{ref}:README", cwd=clone) for ref in _saved(clone)}


@pytest.mark.parametrize("rules", ["the pin has none any more", "the user's own"])
def test_what_is_not_ignored_at_the_pin_is_saved(hybrid: Hybrid, tool: Upstream, clone: Path, rules: str) -> None:
    if rules == "the user's own":
        (clone / ".gitignore").write_text("*.log\nsecret\n")
    else:
        tool.commit({".gitignore": None})
        hybrid("pin", "tool")
    for place in ("x.log", "secret"):
        (clone / place).write_text("precious")
    hybrid("reset", "tool")
    assert _is_at_the_pin(clone)
    refs = _saved(clone)
    for place in ("x.log", "secret"):
        found = [ref for ref in refs if git("ls-tree", ref, place, cwd=clone)]
        assert found or (clone / place).read_text() == "precious"
        assert all(git("show", f"{ref}:{place}", cwd=clone) == "precious" for ref in found)


def test_a_mode_that_git_is_told_not_to_look_at_is_saved(hybrid: Hybrid, clone: Path) -> None:
    git("config", "core.fileMode", "false", cwd=clone)
    (clone / "README").chmod(0o755)
    hybrid("sync", check=3)
    hybrid("reset", "tool")
    assert not (clone / "README").stat().st_mode & 0o111
    (ref,) = _saved(clone)
    assert git("ls-tree", ref, "README", cwd=clone).startswith("100755 ")


def test_a_name_that_differs_in_case_alone_is_saved_where_case_counts(hybrid: Hybrid, clone: Path) -> None:
    git("config", "core.ignoreCase", "true", cwd=clone)
    (clone / "ReadMe").write_text("mine")
    if (clone / "README").read_text() == "mine":
        pytest.skip("case does not count here")
    hybrid("reset", "tool")
    (ref,) = _saved(clone)
    assert git("show", f"{ref}:ReadMe", cwd=clone) == "mine"
    assert git("show", f"{ref}:README", cwd=clone) == "three"
    assert not (clone / "ReadMe").exists()


def test_the_bytes_that_stand_there_are_saved_and_no_filter_runs(hybrid: Hybrid, clone: Path, tmp_path: Path) -> None:
    (clone / ".git/info/attributes").write_text("* text=auto filter=x\n")
    git("config", "filter.x.clean", f"touch {tmp_path}/ran; cat", cwd=clone)
    (clone / "a\nname").write_bytes(b"one\r\ntwo\n")
    git("update-index", "--refresh", cwd=clone, check=False)
    shutil.rmtree(tmp_path / "ran", ignore_errors=True)
    (tmp_path / "ran").unlink(missing_ok=True)
    hybrid("reset", "tool")
    assert not (tmp_path / "ran").exists()
    (ref,) = _saved(clone)
    assert git("cat-file", "-s", f"{ref}:a\nname", cwd=clone) == "9"


def test_a_submodule_that_git_itself_checked_out_does_not_give_way(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, tool: Upstream, begun: Begun
) -> None:
    app = upstream_factory("app")
    modules = f'[submodule "lib"]\n\tpath = lib\n\turl = {tool.url}\n'
    app.commit({".gitmodules": modules, "lib": Gitlink(tool.rev("main"))})
    begun(app.url, "--branch", "main", sync=False)
    hybrid("sync")
    clone = workspace / "sources/app"
    git("-c", "protocol.file.allow=always", "submodule", "update", "--init", "-q", cwd=clone)
    assert (clone / "lib/.git").is_file()
    (clone / "lib/README").write_text("mine")
    app.commit({".gitmodules": None, "lib": "a file"})
    hybrid("pin", "app")
    told = hybrid("reset", "app", check=3).err
    assert "holds another git repository: lib; app was left alone" in told
    assert (clone / "lib/README").read_text() == "mine"


def test_a_git_that_fails_for_a_moment_loses_nothing(hybrid: Hybrid, clone: Path, tmp_path: Path) -> None:
    git("switch", "-q", "-c", "mine", cwd=clone)
    git("commit", "-q", "--allow-empty", "-m", "mine", cwd=clone)
    git("checkout", "-q", "--detach", cwd=clone)
    git("branch", "-q", "-D", "mine", cwd=clone)
    mine = git("rev-parse", "HEAD", cwd=clone)
    refused = 'echo "fatal: unable to write new index file: Input/output error" >&2; exit 128'
    env = _with_edits(tmp_path / "refused", clone, refused, once=False)
    script = tmp_path / "refused/git"
    script.write_text(script.read_text().replace(f'(cd "{clone}" && {refused})', refused))
    told = hybrid("reset", "tool", env=env, check=74).err
    assert f"error: cannot run git checkout at {clone}: Input/output error\n" in told
    assert git("rev-parse", "HEAD", cwd=clone) == mine
    git("update-ref", "-d", *_saved(clone), cwd=clone)
    # Which git does not tell from a HEAD that names no commit.
    script.write_text(
        script.read_text()
        .replace("checkout|reset) ", f'"HEAD^{{commit}}") [ -e "{tmp_path}/once" ] || ')
        .replace(refused, f'touch "{tmp_path}/once"; exit 1')
    )
    hybrid("reset", "tool", env=env)
    assert _is_at_the_pin(clone)
    assert mine in git("rev-list", "--glob=refs/hybrid/saved/*", cwd=clone).split()
