"""Where hooks find workspaces, and what git says of them: folders, merges, pushes, and a git that does not answer."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from support.cli import merged_env, run_hybrid
from support.governed import LOCK, LOG, OVERRIDES, Site, plain_site, signed_line
from support.kit import git, git_env_path


@pytest.fixture
def site(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return plain_site(tmp_path, tmp_path_factory)


@pytest.fixture
def below(site: Site) -> Site:
    """Return a workspace in the folder ``ws`` of the repository, committed."""
    git("rm", "-q", "-r", "--cached", ".", cwd=site.root)
    for path in [path for path in site.root.iterdir() if path.name != ".git"]:
        (site.root / "ws").mkdir(exist_ok=True)
        path.rename(site.root / "ws" / path.name)
    shutil.rmtree(site.root / "ws/sources/tool")
    site.commit("move")
    return site


def hook(
    folder: Path, *arguments: str, name: str = "check", env: Mapping[str, str] | None = None, told: str = ""
) -> tuple[int, str]:
    """Run a hook and return its exit status and what it says; it never says anything on stderr."""
    done = run_hybrid(*arguments, program=f"git-hybrid-hook-{name}", cwd=folder, env=env, input=told, check=None)
    assert done.err == ""
    return done.code, done.out


def move_by_hand(root: Path) -> None:
    """Pin a commit that no record tells of, and stage it."""
    path = root / LOCK
    lines = path.read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("commit = "))
    lines[at] = f'commit = "{"0" * 40}"'
    path.write_text("\n".join(lines) + "\n")
    git("add", LOCK, cwd=root)


def test_a_git_that_does_not_answer_is_no_good_log(site: Site) -> None:
    (site.root / ".git/HEAD").write_text("nonsense\n")
    code, said = hook(site.root)
    assert code == 2
    assert said.startswith(f"error: git does not answer about the repository at {site.root}\n  cause: fatal: ")
    for words in (("check",), ("audit", "verify"), ("check", "--staged"), ("hooks", "install"), ("sync",)):
        assert site(*words, check=2).err.startswith("error: git does not answer")


def test_what_git_cannot_read_of_head_is_not_taken_for_nothing(site: Site) -> None:
    objects, branch = site.root / ".git/objects", site.root / ".git" / git("symbolic-ref", "HEAD", cwd=site.root)
    for name in (f"HEAD:{LOG}", "HEAD:state", "HEAD"):
        oid = git("rev-parse", name, cwd=site.root)
        (objects / oid[:2]).rename(objects / "gone")
        told = site("audit", "verify", check=2).err
        assert f"\nhint: git -C {site.root} fsck\n" in told
        (objects / "gone").rename(objects / oid[:2])
    tip = branch.read_text()
    branch.write_text("")
    assert "is broken" in site("check", "audit", check=2).err.replace("appears to be", "is")
    code, said = hook(site.root)
    assert (code, said.splitlines()[-1]) == (2, f"  mend: git -C {site.root} fsck")
    branch.unlink()
    site("audit", "verify")
    branch.write_text(tip)
    site("audit", "verify")


def test_what_is_only_to_be_added_later_is_not_staged(site: Site) -> None:
    (site.root / "EMPTY.md").touch()
    site.force("hotfix")
    git("add", "-N", ".", cwd=site.root)
    git("add", "EMPTY.md", LOCK, LOG, cwd=site.root)
    code, said = hook(site.root)
    assert (code, said.count(f"mend: git add -- {OVERRIDES}\n")) == (1, 3)
    git("rm", "-q", "-r", "--cached", ".", cwd=site.root)
    git("commit", "-q", "--no-verify", "-m", "none", cwd=site.root)
    git("add", "-N", ".", cwd=site.root)
    # A workspace that git does not have yet is checked as it stands.
    assert hook(site.root, name="overrides") == (0, "")


def test_a_repository_of_somebody_else(site: Site) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    for path in (site.root, site.root / ".git"):
        os.chown(path, 65534, 65534)
    if subprocess.run(["git", "status"], check=False, capture_output=True, cwd=site.root).returncode == 0:
        pytest.skip("this git, before 2.34.2, trusts the repositories of other users")
    code, said = hook(site.root)
    assert code == 2
    assert "dubious ownership" in said or "unsafe repository" in said
    assert said.splitlines()[-1] == f"  mend: git config --global --add safe.directory {site.root}"
    done = site("audit", "verify", check=2)
    assert f"hint: git config --global --add safe.directory {site.root}\n" in done.err
    told = site("diag", check=1).out
    assert "git does not answer" in told
    assert "git init" not in told
    # Its settings are left out by git: whom they forbid to ask is not asked.
    git("config", "--file", ".git/config", "hybrid.mirrors", "off", cwd=site.root)
    shutil.rmtree(site.root / "sources/tool")
    assert "dubious ownership" in site("sync", check=2).err
    trusting = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    assert "tool  failed  offline" in run_hybrid("sync", cwd=site.root, env=trusting, check=4).out


def test_a_shallow_clone_says_what_the_log_was_held_against(site: Site, tmp_path: Path) -> None:
    assert ", and with all that git has committed\n" in site("audit", "verify").out
    site.write("notes.txt", "x\n")
    site.commit()
    git("clone", "-q", "--depth", "1", site.root.as_uri(), "shallow", cwd=tmp_path)
    shallow = Site(tmp_path / "shallow", site.tool, site.commits)
    assert "and with the commits that this shallow clone has (git fetch --unshallow" in shallow("audit", "verify").out
    told = shallow("check", "audit", "--json").json()["checks"][0]
    assert (told["ok"], [item["level"] for item in told["violations"]]) == (True, ["note"])
    assert "that this shallow clone has" in shallow("check", "audit").out
    assert site("check", "audit").out == ""


def _use_a_git_that_fetches_what_is_missing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One before 2.39.4 does not know the variable that says not to."""
    (folder / "old").mkdir()
    (folder / "old/git").write_text(f'#!/bin/sh\nunset GIT_NO_LAZY_FETCH\nexec {shutil.which("git")} "$@"\n')
    (folder / "old/git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}/old{os.pathsep}{os.environ['PATH']}")


@pytest.mark.parametrize(("kept", "is_old"), [("blob:none", False), ("tree:0", False), ("blob:none", True)])
def test_a_partial_clone_fetches_nothing_and_says_what_the_log_was_held_against(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: str, is_old: bool
) -> None:
    if is_old:
        _use_a_git_that_fetches_what_is_missing(tmp_path, monkeypatch)
    site("audit", "rotate")
    site.commit("rotated")
    git("config", "uploadpack.allowFilter", "true", cwd=site.root)
    git("clone", "-q", f"--filter={kept}", site.root.as_uri(), "partial", cwd=tmp_path)
    partial = Site(tmp_path / "partial", site.tool, site.commits)
    if not is_old:
        # Nobody could be asked.
        site.root.rename(tmp_path / "away")
    assert "and with the committed files that this partial clone has" in partial("audit", "verify").out
    assert "and with the committed files that" in partial("audit", "verify", "--since", "HEAD~1").out
    told = partial("check", "audit", "--json").json()["checks"][0]
    assert (told["ok"], [item["level"] for item in told["violations"]]) == (True, ["note"])
    assert "git does not answer" not in partial("diag", check=None).out
    partial("check")
    partial.write("notes.txt", "x\n")
    partial("pin", "tool")
    git("add", "-A", cwd=partial.root)
    assert hook(partial.root)[0] == 0
    partial.commit("ours")
    # What is there is held against the log all the same.
    log = partial.read(LOG)
    partial.put_lines(["{}"])
    assert partial("check", "audit", check=1).out.startswith("fail ")
    git("add", "-A", cwd=partial.root)
    assert hook(partial.root)[0] != 0
    partial.write(LOG, log)
    if not is_old:
        (tmp_path / "away").rename(site.root)
    (mend,) = re.findall("mend: (git .*)", partial("check", "audit").out)
    subprocess.run(mend, shell=True, cwd=partial.root, check=True, stderr=subprocess.DEVNULL)
    assert partial("check", "audit").out == ""
    assert ", and with all that git has committed\n" in partial("audit", "verify").out


HIDING = (
    "log.diffMerges=first-parent",
    "log.showRoot=false",
    "log.follow=true",
    "diff.orderFile=/nowhere",
    "diff.noprefix=true",
    "diff.dstPrefix=x/",
)


def test_records_that_came_in_a_merge_are_held_against_the_log(site: Site) -> None:
    git("checkout", "-q", "-b", "side", cwd=site.root)
    git("commit", "-q", "--allow-empty", "-m", "x", cwd=site.root)
    git("checkout", "-q", "main", cwd=site.root)
    git("commit", "-q", "--allow-empty", "-m", "y", cwd=site.root)
    git("merge", "-q", "--no-ff", "--no-commit", "side", cwd=site.root)
    before = site.read(LOG)
    site("mirror", "add", "m", "https://m.example", "--owner", "o@example.org")
    site.commit("merge")
    site.write(LOG, before)
    git("rm", "-q", "-f", "state/sources-mirrors.json", cwd=site.root)
    site.commit("cut")
    git("commit", "-q", "--allow-empty", "-m", "next", cwd=site.root)
    for setting in HIDING:
        git("config", *setting.split("="), cwd=site.root)
    assert {breach.id for breach in site.verified()} == {"lost-by-commit", "cut"}


def test_grafts_hide_no_history(site: Site) -> None:
    before = site.keep(LOG)
    site("mirror", "add", "m", "https://m.example", "--owner", "o@example.org")
    site.commit("mirror")
    site.put_back(before)
    git("rm", "-q", "-f", "state/sources-mirrors.json", cwd=site.root)
    site.commit("lost")
    git("commit", "-q", "--allow-empty", "-m", "next", cwd=site.root)
    tip = git("rev-parse", "HEAD", cwd=site.root)
    (site.root / ".git/info/grafts").write_text(f"{tip}\n")
    told = site("audit", "verify", check=5)
    assert "lost-by-commit" in told.out + told.err
    assert "graft" not in told.err


def test_records_of_an_archive_are_held_against_the_log(site: Site) -> None:
    site("mirror", "add", "m", "https://m.example", "--owner", "o@example.org")
    site("audit", "rotate")
    site.commit("rotate")
    (archive,) = site.root.glob("state/sources-audit.*.jsonl")
    archive.chmod(0o644)
    lines = site.lines()
    first = {**site.log()[0], "event": "init", "prev": [], "seq": 1}
    site.put_lines([signed_line({key: item for key, item in first.items() if key != "detail"})])
    archive.unlink()
    site.commit("another log")
    lost = [breach for breach in site.verified() if breach.id == "lost-by-commit"]
    assert lost
    site.put_lines(lines)
    site.commit("the end of the log again")
    assert "archive-missing" in {breach.id for breach in site.verified()}


def test_a_log_that_a_commit_took_out_is_missed_in_the_next(site: Site) -> None:
    lines = site.log()
    git("rm", "-q", LOG, cwd=site.root)
    git("commit", "-q", "-m", "no log", cwd=site.root)
    site.put_lines([signed_line({**item, "operator": "Mallory"}) for item in lines[:1]])
    git("add", LOG, cwd=site.root)
    code, said = hook(site.root, name="audit")
    assert code == 1
    assert "that were committed once are not in it" in said


def test_a_branch_from_before_the_workspace_takes_it_in_by_a_merge(site: Site) -> None:
    site("hooks", "install", "--pre-commit", "--pre-merge-commit")
    git("checkout", "-q", "--orphan", "old", cwd=site.root)
    git("rm", "-q", "-r", "-f", ".", cwd=site.root)
    (site.root / "notes.txt").write_text("x\n")
    git("add", "notes.txt", cwd=site.root)
    git("commit", "-q", "-m", "without a workspace", cwd=site.root)
    git("merge", "-q", "--no-commit", "--allow-unrelated-histories", "main", cwd=site.root)
    assert hook(site.root) == (0, "")
    git("merge", "--abort", cwd=site.root)
    git("merge", "-q", "--allow-unrelated-histories", "-m", "merge", "main", cwd=site.root)
    assert site("audit", "verify").code == 0


def test_before_a_merge_commit_git_names_the_other_side_in_variables(site: Site) -> None:
    site("hooks", "install", "--pre-merge-commit")
    for branch, who in (("one", "One <one@example.org>"), ("two", "Two <two@example.org>")):
        git("checkout", "-q", "-b", branch, "main", cwd=site.root)
        site("mirror", "add", branch, f"https://{branch}.example", "--owner", "o@example.org", who=who)
        site("mirror", "remove", branch, who=who)
        site.commit(branch)
    # Two records after the same one, which only the commits of the other side explain.
    git("merge", "-q", "--no-verify", "-X", "ours", "-m", "merge", "one", cwd=site.root)
    git("checkout", "-q", "-b", "three", "main", cwd=site.root)
    git("commit", "-q", "--allow-empty", "-m", "three", cwd=site.root)
    git("merge", "-q", "-m", "merge", "two", cwd=site.root)
    assert len(git("log", "-1", "--format=%P", cwd=site.root).split()) == 2


def test_a_repository_that_is_named_by_options(site: Site, tmp_path: Path) -> None:
    site("hooks", "install")
    (site.root / ".git").rename(tmp_path / "elsewhere.git")
    env = {"GIT_DIR": str(tmp_path / "elsewhere.git"), "GIT_WORK_TREE": "."}
    assert "no git repository" not in run_hybrid("diag", cwd=site.root, env=env).out
    site.put_lines([signed_line({**item, "operator": "Mallory"}) for item in site.log()[:1]])
    git("--git-dir=../../elsewhere.git", "--work-tree=.", "add", "state", cwd=site.root)
    named = {"GIT_DIR": os.path.relpath(tmp_path / "elsewhere.git", site.root), "GIT_WORK_TREE": "."}
    for variables in (env, named):
        code, said = hook(site.root, name="audit", env=variables)
        assert code == 1
        assert "of the log in HEAD is not in it" in said


@pytest.mark.parametrize("named", [{}, {"GIT_DIR": ".git"}, {"GIT_DIR": ".git", "GIT_INDEX_FILE": ".git/index"}])
def test_a_workspace_in_a_folder_is_checked_as_it_is_staged(below: Site, named: Mapping[str, str]) -> None:
    assert hook(below.root, env=named) == (0, "")
    right = (below.root / "ws" / LOCK).read_text()
    move_by_hand(below.root / "ws")
    (below.root / "ws" / LOCK).write_text(right)
    code, said = hook(below.root, env=named)
    assert code == 1
    assert said.startswith(f"fail ws/{LOG}: log: no record tells that tool was pinned to 000000000000")
    assert f"  mend: git -C ws add -- {LOCK}\n" in said


def test_commands_are_told_as_they_are_typed_at_the_top(below: Site) -> None:
    move_by_hand(below.root / "ws")
    code, said = hook(below.root)
    assert code == 1
    assert "  mend: git -C ws checkout HEAD -- state/sources.lock\n" in said
    path = below.root / "ws/sources.toml"
    path.write_text(path.read_text().replace('branch = "main"', 'branch = "other"'))
    git("add", "-A", cwd=below.root)
    said = hook(below.root, name="metadata")[1]
    assert "  mend: git hybrid -C ws pin tool\n" in said
    assert said.endswith("then: git -C ws add -- sources.toml state\n")


@pytest.mark.parametrize("how", ["a manifest at the top", "one above", "none on the disk", "no folder on the disk"])
def test_a_workspace_is_not_hidden(how: str, below: Site) -> None:
    move_by_hand(below.root / "ws")
    if how == "a manifest at the top":
        shutil.copy(below.root / "ws/sources.toml", below.root)
        git("add", "sources.toml", cwd=below.root)
    elif how == "one above":
        (below.root.parent / "sources.toml").write_text("schema_version = 1\n")
    elif how == "none on the disk":
        (below.root / "ws/sources.toml").unlink()
    else:
        shutil.rmtree(below.root / "ws")
    code, said = hook(below.root)
    assert code == 1
    assert f"ws/{LOG}: log: no record tells" in said


def test_two_workspaces_are_told_apart(below: Site) -> None:
    shutil.copytree(below.root / "ws", below.root / "other")
    git("add", "-A", cwd=below.root)
    for name in ("ws", "other"):
        move_by_hand(below.root / name)
    said = hook(below.root, name="audit")[1]
    assert [line.split(":")[0] for line in said.splitlines() if line.startswith("fail")] == [
        f"fail other/{LOG}",
        f"fail ws/{LOG}",
    ]


def test_a_manifest_that_is_taken_out_alone(below: Site) -> None:
    git("rm", "-q", "--cached", "ws/sources.toml", cwd=below.root)
    give_up = "give the workspace up as a whole: git -C ws rm -r --cached -- state"
    for rules, add in (("", "add"), ("sources*\n", "add -f")):
        (below.root / ".gitignore").write_text(rules)
        code, said = hook(below.root)
        assert code == 2
        assert said.splitlines() == [
            "error: ws/sources.toml: file: is missing",
            f"  mend: git -C ws {add} -- sources.toml, or {give_up}",
        ]
    git("rm", "-q", "-r", "--cached", "ws", cwd=below.root)
    assert hook(below.root) == (0, "")


@pytest.mark.parametrize("how", ["given up", "nested", "clone", "branch from before"])
def test_where_there_is_no_workspace_a_hook_says_nothing(how: str, site: Site) -> None:
    folder = site.root
    if how == "given up":
        git("rm", "-q", "-r", "--cached", ".", cwd=folder)
    elif how == "nested":
        folder = folder / "nested"
        git("init", "-q", folder, cwd=site.root)
    elif how == "clone":
        folder = folder / "sources/tool"
    else:
        git("checkout", "-q", "--orphan", "old", cwd=folder)
        git("rm", "-q", "-r", "-f", ".", cwd=folder)
    assert hook(folder) == (0, "")


def test_a_workspace_that_git_does_not_know_yet_is_read_from_the_disk(site: Site) -> None:
    shutil.rmtree(site.root / ".git")
    git("init", "-q", cwd=site.root)
    assert hook(site.root) == (0, "")
    move_by_hand(site.root)
    git("rm", "-q", "--cached", LOCK, cwd=site.root)
    assert hook(site.root)[0] == 1


def test_archives_are_those_that_git_has(site: Site) -> None:
    site("audit", "rotate")
    site.commit("rotate")
    (archive,) = site.root.glob("state/sources-audit.*.jsonl")
    text = archive.read_text()
    archive.unlink()
    assert hook(site.root, name="audit") == (0, "")
    archive.write_text(text)
    git("rm", "-q", "--cached", archive, cwd=site.root)
    code, said = hook(site.root, name="audit")
    assert code == 1
    assert "which is not there" in said
    assert f"  mend: git add -- {archive.relative_to(site.root)}\n" in said


@pytest.mark.parametrize("name", [LOCK, LOG, "sources.toml", "sources/.gitignore", "state", "state/scans/tool.sarif"])
def test_a_link_in_the_index_is_refused(site: Site, name: str) -> None:
    blob = git("rev-parse", f"HEAD:{LOCK}", cwd=site.root)
    if name == "state":
        git("rm", "-q", "-r", "--cached", "state", cwd=site.root)
    git("update-index", "--add", "--cacheinfo", f"120000,{blob},{name}", cwd=site.root)
    code, said = hook(site.root)
    assert code == 2
    assert said.startswith(f"error: {name} is a symbolic link\n")


def test_a_submodule_in_place_of_a_file_is_refused(site: Site) -> None:
    head = git("rev-parse", "HEAD", cwd=site.root)
    git("update-index", "--add", "--cacheinfo", f"160000,{head},sources/.gitignore", cwd=site.root)
    code, said = hook(site.root, name="sources")
    assert code == 2
    assert said.startswith("error: sources/.gitignore: index: is a submodule")


def test_clones_are_found_in_any_case(site: Site) -> None:
    blob = git("rev-parse", f"HEAD:{LOCK}", cwd=site.root)
    git("update-index", "--add", "--cacheinfo", f"100644,{blob},Sources/x/file", cwd=site.root)
    code, said = hook(site.root, name="sources")
    assert code == 1
    assert said.startswith("fail Sources/x: index: is tracked by git")


def test_a_lost_gitignore_is_told_and_comes_back(site: Site) -> None:
    ignores = [site.root / folder / ".gitignore" for folder in ("sources", "state")]
    texts = [path.read_bytes() for path in ignores]
    for path in ignores:
        path.unlink()
    code, said = hook(site.root, name="sources")
    assert (code, said.splitlines()[2]) == (0, "  mend: git hybrid sync")
    assert said.startswith("warn sources/.gitignore: file: is missing, and git does not ignore sources/tool")
    exposed = [item for item in site("diag", "--json").json()["findings"] if item["name"] == "ignored"]
    assert [(item["level"], item["remedy"]) for item in exposed] == [("warn", "git hybrid sync")] * 2
    site("sync")
    assert [path.read_bytes() for path in ignores] == texts
    ignores[0].write_text("/other/\n")
    site("sync")
    assert "lets git take up sources/tool" in site("check", "sources").out
    site.write(".gitignore", "/sources/*/\n")
    assert hook(site.root, name="sources") == (0, "")
    ignores[0].unlink()
    assert "git does not ignore sources/.lock" in site.checked("sources")[0].what


def test_names_that_are_no_text(site: Site) -> None:
    folder = os.fsencode(site.root)
    os.makedirs(folder + b"/specs/\xff")
    for name in (b"state/sources-audit.\xff.jsonl", b"specs/\xff/spec.md", "state/sources-audit.2026-²".encode()):
        with open(folder + b"/" + name + (b"" if b"." in name[-6:] else b".jsonl"), "wb"):
            pass
    code, said = hook(site.root, name="audit")
    assert (code, said) == (0, "")
    git("add", "-A", cwd=site.root)
    code, said = hook(site.root)
    assert code == 1
    assert said.startswith("fail specs/\\xff/spec.md: ## Open Issues: has no ## Open Issues section")
    assert site("check", "audit").code == 0


def test_a_file_that_is_none(site: Site) -> None:
    shutil.rmtree(site.root / ".git")
    (site.root / LOCK).unlink()
    os.mkfifo(site.root / LOCK)
    for place in ("outside", "in a repository"):
        if place != "outside":
            git("init", "-q", cwd=site.root)
        assert hook(site.root, name="metadata")[:1] == (2,)
        assert "is not a regular file" in hook(site.root, name="metadata")[1]


def test_what_pre_commit_puts_aside_is_not_called_lost(site: Site) -> None:
    site.force(site.commits.hotfix)
    git("add", LOCK, OVERRIDES, cwd=site.root)
    kept = site.read(LOG)
    git("checkout", "-q", "--", LOG, cwd=site.root)
    aside = "  mend: git add -- state, if not all of it was staged (pre-commit puts that aside meanwhile); else "
    for name, mend in (("audit", "restore the records"), ("overrides", "git hybrid pin tool")):
        code, said = hook(site.root, name=name, env={"PRE_COMMIT": "1"})
        assert (code, f"{aside}{mend}" in said) == (1, True)
    site.write(LOG, kept)
    said = hook(site.root, name="metadata", env={"PRE_COMMIT": "1"})[1]
    assert "put" not in said
    # What was committed so is not mended by staging.
    git("commit", "-q", "--no-verify", "-m", "half", cwd=site.root)
    git("checkout", "-q", "--", ".", cwd=site.root)
    code, said = hook(site.root, name="overrides", env={"PRE_COMMIT": "1"})
    assert (code, aside in said) == (1, False)


def test_a_commit_that_is_not_made_forgets_what_it_staged(site: Site) -> None:
    site("hooks", "install")
    site.force(site.commits.hotfix)
    site("sync")
    done = subprocess.run(["git", "commit", "-qam", "x"], cwd=site.root, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "  mend: git add -- sources.toml state\n" in done.stderr
    done = subprocess.run(
        ["git", "commit", "-qm", "x", LOCK], cwd=site.root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "  mend: git add -- sources.toml state, then git commit without a path\n" in done.stderr
    git("add", "--", "sources.toml", "state", cwd=site.root)
    git("commit", "-q", "-m", "x", cwd=site.root)


def test_what_is_to_be_committed_is_staged_where_git_ignores_its_name(site: Site) -> None:
    site.write(".gitignore", "*.lock\n")
    git("rm", "-q", "--cached", LOCK, cwd=site.root)
    git("add", "-A", cwd=site.root)
    assert hook(site.root, name="audit") == (0, "")
    # As older versions wrote it.
    site.write("state/.gitignore", "resume.json\n")
    git("rm", "-q", "--cached", LOCK, cwd=site.root)
    git("add", "-A", cwd=site.root)
    mend = f"  mend: git add -f -- {LOCK}\n"
    code, said = hook(site.root, name="audit")
    assert (code, said.count(mend)) == (1, 1)
    said = hook(site.root, name="metadata")[1]
    assert "git ignores it" in said
    assert mend in said
    git("add", "-f", "--", LOCK, cwd=site.root)
    assert hook(site.root, name="audit") == (0, "")


def test_failures_that_the_same_mends_are_counted(site: Site) -> None:
    for number in range(5):
        site("mirror", "add", f"m{number}", f"https://m{number}.example", "--owner", "o@example.org")
    site.commit()
    site("audit", "rotate")
    git("add", LOG, cwd=site.root)
    said = hook(site.root, name="metadata")[1] + hook(site.root, name="audit")[1]
    assert said.count("fail ") <= 3
    site.put_lines([line.replace('"event"', '"even"') for line in site.lines()] * 6)
    git("add", LOG, cwd=site.root)
    said = hook(site.root, name="audit")[1]
    assert "more that the same mends\n" in said


def test_an_untracked_specification_is_checked_from_the_disk(site: Site) -> None:
    (site.root / "specs/x").mkdir(parents=True)
    site.write("specs/x/spec.md", "# x\n")
    assert "specs/x/spec.md: ## Open Issues: has no" in site("check", "open-issues", check=1).out
    assert site("check", "open-issues", "--staged").code == 0
    site.write(".gitignore", "specs/\n")
    assert site("check", "open-issues").code == 0
    shutil.rmtree(site.root / ".git")
    assert "specs/x/spec.md: ## Open Issues: has no" in site("check", "open-issues", check=1).out


def test_a_push_is_checked_as_it_is_pushed(site: Site) -> None:
    good = git("rev-parse", "HEAD", cwd=site.root)
    right = site.read(LOCK)
    move_by_hand(site.root)
    git("commit", "-q", "-m", "by hand", cwd=site.root)
    bad = git("rev-parse", "HEAD", cwd=site.root)
    site.write(LOCK, right)
    git("add", LOCK, cwd=site.root)
    assert hook(site.root) == (0, "")
    zero, blob, gone = "0" * 40, git("rev-parse", f"HEAD:{LOCK}", cwd=site.root), "1" * 40
    lines = {one: f"refs/heads/main {one} refs/heads/main {zero}\n" for one in (good, bad, zero, blob, gone)}
    code, said = hook(site.root, "--pre-push", told=lines[bad] * 2)
    assert code == 1
    assert said.count(f"in the commit {bad[:12]}:\n") == 1
    assert hook(site.root, "--pre-push", told=lines[good] + lines[zero] + lines[blob]) == (0, "")
    assert hook(site.root, "--pre-push") == (0, "")
    for told in (lines[good] + lines[gone], "nonsense\n"):
        code, said = hook(site.root, "--pre-push", told=told)
        assert (code, said.partition(":")[0]) == (2, "error")
    # The mends lead to a commit that can be pushed, typed as they are told.
    code, said = hook(site.root, "--pre-push", told=lines[bad])
    assert mended(site.root, said) == [f"git checkout {bad[:12]}~1 -- {LOCK}", *COMMITTED]
    tip = git("rev-parse", "HEAD", cwd=site.root)
    assert hook(site.root, "--pre-push", told=lines[good].replace(good, tip)) == (0, "")
    # Of the first push of a history pre-commit names the branch alone.
    git("branch", "bad", bad, cwd=site.root)
    pushing = {"PRE_COMMIT_REMOTE_NAME": "origin", "PRE_COMMIT_LOCAL_BRANCH": "refs/heads/bad"}
    code, said = hook(site.root, env=pushing)
    assert (code, said.splitlines()[:2]) == (1, [f"in the commit {bad[:12]}:", "first: git checkout bad"])
    assert hook(site.root, env=pushing | {"PRE_COMMIT_TO_REF": good}) == (0, "")


COMMITTED = ("git add -- sources.toml state", "git commit")


def mended(root: Path, said: str) -> list[str]:
    """Type what a hook tells to do, and return it."""
    words = ("first: ", "  mend: ", "then: ")
    told = [line.partition(": ")[2] for line in said.splitlines() if line.startswith(words)]
    env = git_env_path() | {"GIT_EDITOR": "echo mended >"}
    for line in told:
        subprocess.run(["sh", "-ec", line], cwd=root, env=merged_env(env), capture_output=True, check=True)
    return told


def test_what_fails_elsewhere_is_mended_there(site: Site) -> None:
    git("tag", "good", cwd=site.root)
    move_by_hand(site.root)
    git("commit", "-q", "-m", "by hand", cwd=site.root)
    git("tag", "-a", "-m", "r", "r1", cwd=site.root)
    git("branch", "-q", "bad", cwd=site.root)
    git("reset", "-q", "--hard", "good", cwd=site.root)
    bad = git("rev-parse", "bad", cwd=site.root)
    restore = f"git checkout {bad[:12]}~1 -- {LOCK}"
    for ref, first, last in (
        ("refs/heads/bad", "git checkout bad", []),
        ("refs/tags/r1", f"git checkout {bad[:12]}", ["git tag -f -a r1"]),
    ):
        code, said = hook(site.root, "--pre-push", told=f"{ref} {bad} {ref} {'0' * 40}\n")
        assert (code, mended(site.root, said)) == (1, [first, restore, "git commit", *last])
        tip = git("rev-parse", ref, cwd=site.root)
        assert hook(site.root, "--pre-push", told=f"{ref} {tip} {ref} {'0' * 40}\n") == (0, "")


def test_hooks_are_written_once(below: Site) -> None:
    path = below.root / ".git/hooks/pre-merge-commit"
    words = ("-C", "ws", "hooks", "install", "--pre-merge-commit")
    assert below(*words).out == f"installed {path}\n"
    assert below(*words).out == f"unchanged {path}\n"
    assert below(*words, "--pre-push").out == f"installed {path.with_name('pre-push')}\nunchanged {path}\n"
    assert path.with_name("pre-push").read_text().endswith('exec "$hook" --pre-push\n')
    assert below("-C", "ws", "hooks", "uninstall").out.count("removed ") == 2
