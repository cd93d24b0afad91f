"""What the hooks and `audit verify` make of the ways in which branches and logs come together."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.test_hooks import hook
from support.beginning import Beginning
from support.cli import Hybrid, executable, merged_env
from support.kit import git, lock
from support.upstream import Upstream, UpstreamFactory

LOCK_AND_STATE = ("state/sources.lock", "state/sources.json")
MANUAL = Path(__file__).parents[2] / "man/git-hybrid-files.7"
Push = Callable[..., tuple[int, str]]
FORCE = ("--force", "--request", "CHG-1", "--approver", "bob@example.org", "--reason", "hotfix", "--expires", "20d")


class Team:
    """A repository with two sources, and its upstreams, which grow when somebody pins."""

    def __init__(self, root: Path, hybrid: Hybrid, upstreams: dict[str, Upstream]) -> None:
        self.root, self.hybrid, self.upstreams = root, hybrid, upstreams

    def commit(self, message: str) -> None:
        git("add", "-A", cwd=self.root)
        git("commit", "-q", "--allow-empty", "-m", message, cwd=self.root)

    def moved(self, name: str) -> None:
        self.upstreams[name].commit({"a.txt": f"{len(list(self.root.rglob('*')))} {name}\n"})
        self.hybrid("pin", name)
        self.hybrid("sync")
        self.commit(f"move {name}")

    def switch(self, *arguments: str) -> None:
        git("switch", "-q", *arguments, cwd=self.root)
        self.hybrid("sync")

    def merge(self, *arguments: str) -> None:
        git("merge", "-q", *arguments, cwd=self.root)
        self.hybrid("sync")

    def is_whole(self) -> bool:
        verified = self.hybrid("audit", "verify", check=None)
        checked = hook("check", self.root)
        assert (verified.code == 0) == (checked.returncode == 0), verified.out + checked.stdout
        return verified.code == 0


@pytest.fixture
def team(workspace: Path, hybrid: Hybrid, upstream_factory: UpstreamFactory, beginning: Beginning) -> Team:
    upstream = upstream_factory()
    for name in ("a", "b"):
        upstream.commit({"a.txt": f"{name}\n"})
    made = Team(workspace, hybrid, {"a": upstream, "b": upstream})

    def make() -> None:
        git("init", "-q", "-b", "main", cwd=workspace)
        hybrid("init")
        for name in made.upstreams:
            hybrid("add", upstream.url, "--name", name)
        hybrid("sync")
        made.commit("vendor")

    beginning(workspace, make)
    return made


def test_a_log_with_merged_branches_stays_whole_when_it_is_rotated(team: Team) -> None:
    team.switch("-c", "side")
    team.moved("b")
    team.switch("main")
    team.moved("a")
    team.merge("side", "-m", "merge")
    team.hybrid("audit", "rotate")
    for number in range(3):
        assert team.is_whole()
        team.commit(str(number))
    team.moved("a")
    assert team.is_whole()


@pytest.mark.parametrize("into", ["main", "side"])
def test_a_branch_from_before_a_rotation_can_be_merged(into: str, team: Team) -> None:
    team.switch("-c", "side")
    team.moved("b")
    team.switch("main")
    team.hybrid("audit", "rotate")
    team.commit("rotate")
    team.switch(into)
    team.merge("side" if into == "main" else "main", "-m", "merge")
    assert team.is_whole()
    team.moved("a")
    assert team.is_whole()


@pytest.mark.parametrize("later", [False, True])
def test_records_that_the_revert_of_a_merge_took_come_back_as_the_check_says(team: Team, later: bool) -> None:
    team.switch("-c", "side")
    team.moved("b")
    team.switch("main")
    team.moved("a")
    team.merge("side", "-m", "merge")
    git("revert", "-m1", "--no-edit", "HEAD", cwd=team.root)
    if later:
        team.upstreams["a"].commit({"a.txt": "later\n"})
        team.hybrid("pin", "a")
    git("add", "-A", cwd=team.root)
    for told in (hook("check", team.root).stdout, team.hybrid("check", "audit", check=1).out):
        (mend, *_) = re.findall(r"were committed once.*\n.*\n  mend: .*git: ((?:{ )?git .*)$", told, re.MULTILINE)
        assert mend.startswith("{ git show " if later else "git checkout ")
    subprocess.run(["sh", "-ec", mend], cwd=team.root, check=True)
    (back,) = re.findall(r"^  mend: git hybrid (pin b --to \w+);", team.hybrid("check", check=1).out, re.MULTILINE)
    team.hybrid(*back.split())
    team.hybrid("sync")
    team.commit("mended")
    assert team.is_whole()


def test_a_pick_from_behind_a_rotation_is_mended_as_the_check_says(team: Team) -> None:
    git("branch", "release", cwd=team.root)
    team.hybrid("audit", "rotate")
    team.commit("rotate")
    team.moved("a")
    team.switch("release")
    git("cherry-pick", "main", cwd=team.root)
    team.hybrid("sync")
    assert "is not there" in team.hybrid("audit", "rotate", check=2).err
    (mend,) = re.findall(r"^  mend: .*: (git .*)$", team.hybrid("check", "audit", check=1).out, re.MULTILINE)
    subprocess.run(["sh", "-ec", mend], cwd=team.root, check=True)
    team.commit("the archive")
    assert team.is_whole()


def test_where_both_sides_rotated_both_archives_are_kept(team: Team) -> None:
    team.switch("-c", "side")
    team.moved("b")
    team.hybrid("audit", "rotate")
    team.commit("rotate")
    team.switch("main")
    team.moved("a")
    team.hybrid("audit", "rotate")
    team.commit("rotate too")
    git("merge", "-q", "side", cwd=team.root, check=False)
    (archive,) = (path.relative_to(team.root).as_posix() for path in team.root.glob("state/sources-audit.*.jsonl"))
    theirs = git("show", f"MERGE_HEAD:{archive}", cwd=team.root)
    git("checkout", "-q", "--ours", archive, cwd=team.root)
    (team.root / archive.replace(".jsonl", "-2.jsonl")).write_text(theirs + "\n")
    team.hybrid("sync")
    git("add", "-A", cwd=team.root)
    assert team.is_whole()
    team.commit("merge")
    assert team.is_whole()


def test_a_squashed_branch_that_kept_up_is_no_forgery(team: Team) -> None:
    team.switch("-c", "side")
    team.moved("b")
    team.switch("main")
    team.moved("a")
    team.switch("side")
    team.merge("main", "-m", "keep up")
    team.commit("keep up")
    team.switch("main")
    team.merge("--squash", "side")
    git("add", "-A", cwd=team.root)
    assert hook("check", team.root).stdout == ""
    team.commit("squashed")
    assert team.is_whole()


def test_what_two_branches_picked_from_each_other_may_stand_twice(team: Team) -> None:
    git("branch", "right", cwd=team.root)
    team.switch("-c", "left")
    team.moved("b")
    team.switch("right")
    team.moved("a")
    git("cherry-pick", "left", cwd=team.root)
    team.switch("left")
    git("cherry-pick", "right~1", cwd=team.root)
    team.merge("right", "-m", "merge")
    assert team.is_whole()


def test_a_copied_line_is_told(team: Team) -> None:
    log = team.root / "state/sources-audit.jsonl"
    log.write_bytes(log.read_bytes() + log.read_bytes().splitlines(keepends=True)[1])
    git("add", "-A", cwd=team.root)
    assert not team.is_whole()


def test_an_old_lock_is_not_put_back_by_hand(team: Team) -> None:
    team.moved("a")
    git("checkout", "-q", "HEAD~1", "--", "state/sources.lock", cwd=team.root)
    done = hook("audit", team.root)
    assert done.returncode == 1
    assert "a was put back to" in done.stdout
    # What was pinned before may be pinned again, by the command that says why.
    first = team.upstreams["a"].rev("main~1")
    git("checkout", "-q", "HEAD", "--", "state/sources.lock", cwd=team.root)
    team.hybrid("pin", "a", "--to", first, *FORCE)
    team.hybrid("sync")
    team.commit("rollback")
    assert team.is_whole()


def mended(team: Team, told: str) -> None:
    """Type what *told* gives as the mend of a pin that was put back."""
    match = re.search("mend: git hybrid (pin [ab] --to [0-9a-f]{40});", told)
    assert match, told
    team.hybrid(*match[1].split())
    team.hybrid("sync")
    git("add", "-A", cwd=team.root)


def test_a_lock_that_was_put_back_in_a_commit_is_seen_afterwards(team: Team) -> None:
    first = lock(team.root)["a"]["commit"]
    team.moved("a")
    git("checkout", "-q", "HEAD~1", "--", *LOCK_AND_STATE, cwd=team.root)
    mended(team, hook("audit", team.root).stdout)
    git("checkout", "-q", "HEAD~1", "--", *LOCK_AND_STATE, cwd=team.root)
    team.commit("tidy")
    team.moved("b")
    told = team.hybrid("check", "audit", check=1).out
    tidy = git("rev-parse", "HEAD~1", cwd=team.root)
    assert f"a was put back to {first[:12]} in commit {tidy[:12]}" in told
    assert "unexplained-move" in team.hybrid("audit", "verify", check=5).out
    mended(team, told)
    team.commit("mended")
    assert team.is_whole()


def recipe() -> str:
    """Return what the manual prints for the end of a merge; of a pin that both moved ours stays."""
    block = MANUAL.read_text().partition(".SH AFTER A MERGE")[2].partition(".EX\n")[2].partition(".EE")[0]
    lines = [line[2:] for line in block.replace("\\-", "-").splitlines() if line[:2] in ("$ ", "> ")]
    assert lines[:2] == ["git merge their-branch", "git hybrid merge"]
    return "\n".join(["git hybrid merge || test $? = 1", *lines[2:]])


def test_a_merge_keeps_what_the_other_side_pinned(team: Team) -> None:
    team.switch("-c", "side")
    team.moved("a")
    team.moved("b")
    theirs = lock(team.root)
    team.switch("main")
    team.moved("a")
    ours = lock(team.root)
    git("merge", "-q", "side", cwd=team.root, check=False)
    git("checkout", "-q", "--ours", *LOCK_AND_STATE, cwd=team.root)
    git("add", "-A", cwd=team.root)
    told = hook("audit", team.root).stdout
    assert "b was put back to" in told
    assert "a was put back to" not in told
    # Committed all the same, it is seen afterwards; and what the other side had comes back.
    git("commit", "-q", "--no-verify", "--no-edit", cwd=team.root)
    assert "b was put back to" in team.hybrid("check", "audit", check=1).out
    git("reset", "-q", "--hard", "HEAD~1", cwd=team.root)
    git("merge", "-q", "side", cwd=team.root, check=False)
    path = os.pathsep.join((str(executable("git-hybrid").parent), os.environ["PATH"]))
    env = merged_env({"PATH": path, "GIT_EDITOR": "true"})
    done = subprocess.run(
        ["bash", "-ec", recipe()], cwd=team.root, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    merged = lock(team.root)
    assert (merged["a"], merged["b"]) == (ours["a"], theirs["b"])
    assert git("status", "--porcelain", cwd=team.root) == ""
    assert team.is_whole()


def test_a_release_branch_picks_one_pin(team: Team) -> None:
    """The merge of the log brings the records of the other source along, whose pin stays as it is."""
    git("branch", "release", cwd=team.root)
    team.moved("b")
    team.moved("a")
    team.switch("release")
    git("cherry-pick", "main", cwd=team.root)
    team.hybrid("sync")
    assert team.is_whole()
    team.commit("next")
    assert team.is_whole()


def test_mirrors_are_committed_with_their_record(team: Team) -> None:
    team.hybrid("mirror", "add", "m", "https://m.example.org", "--owner", "ops")
    git("add", "state/sources-mirrors.json", cwd=team.root)
    assert "git add -- state/sources-audit.jsonl" in hook("audit", team.root).stdout
    git("add", "-A", cwd=team.root)
    assert hook("audit", team.root).returncode == 0


def test_a_mirror_that_a_merge_lost_is_added_again(team: Team) -> None:
    for branch in ("theirs", "ours"):
        team.switch("-c", branch, "main")
        team.hybrid("mirror", "add", branch, f"https://{branch}.example.org", "--owner", "Bea O'Neill <bea@x>")
        team.commit(branch)
    git("merge", "-q", "theirs", cwd=team.root, check=False)
    git("checkout", "-q", "--ours", "state/sources-mirrors.json", cwd=team.root)
    git("add", "-A", cwd=team.root)
    said = hook("audit", team.root).stdout
    (mend,) = (line.partition("mend: git hybrid ")[2] for line in said.splitlines() if "mend: git hybrid" in line)
    assert "theirs is in the log and not in state/sources-mirrors.json" in said
    assert not team.is_whole()
    team.hybrid(*shlex.split(mend))
    git("add", "-A", cwd=team.root)
    assert team.is_whole()
    team.commit("merge")
    team.hybrid("mirror", "remove", "theirs")
    team.commit("remove")
    assert team.is_whole()


@pytest.mark.parametrize("into", ["removed", "moved"])
@pytest.mark.parametrize("taken", ["removed", "moved"])
def test_of_branches_that_both_changed_a_mirror_either_may_stand(team: Team, into: str, taken: str) -> None:
    team.hybrid("mirror", "add", "m", "https://m.example.org", "--owner", "ops")
    team.commit("mirror")
    for branch in ("removed", "moved"):
        team.switch("-c", branch, "main")
        team.hybrid("mirror", "remove", "m")
        if branch == "moved":
            team.hybrid("mirror", "add", "m", "https://other.example.org", "--owner", "ops")
        team.commit(branch)
    team.switch(into)
    (other,) = {"removed", "moved"} - {into}
    git("merge", "-q", other, cwd=team.root, check=False)
    git("checkout", "-q", taken, "--", "state/sources-mirrors.json", cwd=team.root)
    git("add", "-A", cwd=team.root)
    assert hook("audit", team.root).returncode == 0
    team.commit("merge")
    assert team.is_whole()


@pytest.fixture
def push(team: Team, tmp_path: Path) -> Push:
    """Return what pushes by way of the hook, and returns the exit code and what was told."""

    def pushed(*words: str) -> tuple[int, str]:
        done = subprocess.run(["git", "push", *words], cwd=team.root, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    git("init", "-q", "--bare", tmp_path / "far.git", cwd=tmp_path)
    git("remote", "add", "origin", tmp_path / "far.git", cwd=team.root)
    team.hybrid("hooks", "install", "--pre-push")
    return pushed


def test_a_move_that_a_forced_push_drops_without_its_record_is_missed(team: Team, push: Push) -> None:
    before = lock(team.root)["a"]["commit"]
    team.moved("a")
    team.moved("b")
    assert push("origin", "main")[0] == 0
    was, moved = git("rev-parse", "HEAD", cwd=team.root), lock(team.root)["a"]["commit"]
    git("rebase", "-q", "--onto", "HEAD~2", "HEAD~1", cwd=team.root)
    team.hybrid("sync")
    git("checkout", "-q", "--", "state", cwd=team.root)
    assert lock(team.root)["a"]["commit"] == before != moved
    code, told = push("-f", "origin", "main")
    assert (code, f"a was put back to {before[:12]} from where {was[:12]} had it" in told) == (1, True), told
    assert "unexplained-move: a was" in team.hybrid("audit", "verify", "--since", was, check=5).out
    # It is mended either way, also where the push is done.
    assert push("-f", "--no-verify", "origin", "main")[0] == 0
    for words in (("--to", moved), ("--to", before, *FORCE)):
        team.hybrid("pin", "a", *words)
        team.hybrid("sync")
        team.commit("mended")
        team.hybrid("audit", "verify", "--since", was)
        git("reset", "-q", "--hard", "HEAD~1", cwd=team.root)


@pytest.mark.parametrize("began", ["pushed", "not pushed", "pushed nowhere"])
def test_a_lock_that_was_put_back_in_a_commit_before_the_last_is_not_pushed(began: str, team: Team, push: Push) -> None:
    if began != "pushed nowhere":
        assert push("origin", "main")[0] == 0
    before, start = lock(team.root)["a"]["commit"], git("rev-parse", "HEAD", cwd=team.root)
    team.moved("a")
    if began == "pushed":
        assert push("origin", "main")[0] == 0
    after = git("rev-parse", "HEAD", cwd=team.root)
    git("checkout", "-q", start, "--", *LOCK_AND_STATE, cwd=team.root)
    team.hybrid("sync")
    team.commit("back")
    back = git("rev-parse", "HEAD", cwd=team.root)
    team.moved("b")
    code, told = push("origin", "main")
    assert (code, f"a was put back to {before[:12]} in commit {back[:12]}" in told) == (1, True), told
    mended(team, told)
    team.commit("mended")
    assert push("origin", "main")[0] == 0
    assert team.is_whole()
    # What a remote has is nobody's push.
    git("reset", "-q", "--hard", after, cwd=team.root)
    git("checkout", "-q", start, "--", *LOCK_AND_STATE, cwd=team.root)
    team.commit("back")
    assert push("-f", "--no-verify", "origin", "main")[0] == 0
    team.hybrid("sync")
    team.moved("b")
    assert push("origin", "main")[0] == 0


@pytest.mark.parametrize("again", ["amended", "rebased"])
def test_a_branch_that_was_rewritten_and_put_nothing_back_is_pushed(team: Team, push: Push, again: str) -> None:
    team.switch("-c", "topic")
    team.moved("b")
    assert push("origin", "topic")[0] == 0
    was = git("rev-parse", "HEAD", cwd=team.root)
    if again == "amended":
        team.upstreams["b"].commit({"a.txt": "amended\n"})
        team.hybrid("pin", "b")
        team.hybrid("sync")
        git("commit", "-q", "-a", "--amend", "--no-edit", cwd=team.root)
    else:
        team.switch("main")
        team.moved("a")
        team.switch("topic")
        git("checkout", "-q", "--", "state", cwd=team.root)
        git("rebase", "-q", "main", cwd=team.root)
        team.hybrid("sync")
    code, told = push("-f", "origin", "topic")
    assert (code, told.count("fail ")) == (0, 0), told
    team.hybrid("audit", "verify", "--since", was)


def test_a_push_in_the_place_of_another_keeps_the_overrides_that_were_published(team: Team, push: Push) -> None:
    assert push("origin", "main")[0] == 0
    # A move that nobody needed to approve is told, and no more.
    team.moved("a")
    assert push("origin", "main")[0] == 0
    git("reset", "-q", "--hard", "HEAD~1", cwd=team.root)
    team.hybrid("sync")
    team.commit("other")
    code, told = push("-f", "origin", "main")
    assert (code, "warn state/sources-audit.jsonl: log: " in told) == (0, True)
    team.hybrid("pin", "b", "--to", git("rev-parse", "main~2", cwd=team.upstreams["b"].path), *FORCE)
    team.hybrid("sync")
    team.commit("forced")
    assert push("origin", "main")[0] == 0
    forced = git("rev-parse", "HEAD", cwd=team.root)
    git("reset", "-q", "--hard", "HEAD~1", cwd=team.root)
    team.hybrid("sync")
    team.commit("not any more")
    code, told = push("-f", "origin", "main")
    assert (code, "among them those of ovr-" in told) == (1, True)
    assert f"mend: git merge {forced[:12]}, then git hybrid merge\n" in told
    git("merge", "-q", forced[:12], cwd=team.root)
    team.hybrid("merge")
    team.hybrid("sync")
    assert push("origin", "main")[0] == 0
    assert team.is_whole()


def test_what_a_merge_under_way_has_lost_is_brought_back_from_what_is_merged(team: Team) -> None:
    git("switch", "-q", "-c", "side", cwd=team.root)
    team.moved("a")
    git("switch", "-q", "main", cwd=team.root)
    git("commit", "-q", "--allow-empty", "-m", "on", cwd=team.root)
    git("merge", "-q", "-s", "ours", "--no-commit", "side", cwd=team.root)
    told = team.hybrid("check", "--staged", "audit", check=1)
    assert "mend: restore the records from git: git checkout MERGE_HEAD -- 'state/sources-*'\n" in told.out + told.err
