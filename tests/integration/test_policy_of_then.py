"""What the committed policy forbade stays forbidden, however policy was changed to do it and changed back."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.cli import run_hybrid
from support.governed import Site, plain_site
from support.kit import git

AGE = '[policy]\nmin_release_age = "3d"'
PEOPLE = '[policy]\napprovers = ["cid@example.org"]'


@pytest.fixture
def site(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return plain_site(tmp_path, tmp_path_factory)


def told(site: Site, *, staged: bool = False, pushed: str = "") -> list[str]:
    """Return what ``check audit`` finds, each as its level and its words."""
    return [f"{item.level} {item.what}" for item in site.checked("audit", staged=staged, pushed=pushed)]


def with_policy(site: Site, policy: str) -> str:
    site.replace("sources.toml", "[policy]", policy)
    return site.commit("policy")


def forced_and_left(site: Site) -> None:
    """Force the pin to where upstream's rewritten history leads, and go on from there as upstream does."""
    site.tool.reset("main", site.commits.second)
    site.force(site.tool.commit({"README": "another three\n"}))
    site.tool.commit({"README": "another four\n"})
    site("pin", "tool")


def lowered(site: Site, policy: str) -> None:
    """Take *policy* away in a commit, pin in another what it forbids, and put it back in a third."""
    site.replace("sources.toml", policy, "[policy]")
    site.commit("one")
    if policy == AGE:
        site.tool.commit({"README": "four\n"})
        site("pin", "tool")
    else:
        forced_and_left(site)
    site.commit("two")
    site.replace("sources.toml", "[policy]", policy)
    site.commit("three")


def test_an_override_that_policy_forbids_is_told_also_once_it_is_closed(site: Site) -> None:
    with_policy(site, PEOPLE)
    site.replace("sources.toml", PEOPLE, "[policy]")
    forced_and_left(site)
    git("add", "-A", cwd=site.root)
    (loosened,) = told(site, staged=True)
    assert loosened.startswith("warn is allowed only by the change of [policy] that it comes with: ")
    site.replace("sources.toml", "[policy]", PEOPLE)
    git("add", "-A", cwd=site.root)
    assert site.checked("overrides", staged=True) == []
    for staged in (True, False):
        (forbidden,) = told(site, staged=staged)
        assert "was not allowed by policy: Bea <bea@example.org> is not among [policy] approvers" in forbidden
    site.commit()
    assert len(told(site)) == len(told(site, pushed="HEAD")) == 1
    assert "not-allowed: ovr-" in site("audit", "verify", check=5).out
    assert told(site, staged=True) == [], "what is committed the hook of the next commit does not tell again"
    back = f"go back: git hybrid pin tool --to {site.commits.third}; where that is refused, with --force"
    (violation,) = site.checked("audit")
    assert violation.mend.startswith(back)
    site.force(site.commits.third, approver="cid@example.org")
    site.commit("approved")
    assert told(site) == []


def test_an_approver_who_left_had_the_right_to_approve(site: Site) -> None:
    forced_and_left(site)
    site.commit("forced")
    with_policy(site, PEOPLE)
    assert told(site) == told(site, pushed="HEAD") == []


@pytest.mark.parametrize("policy", [AGE, PEOPLE])
def test_a_policy_that_a_branch_took_away_and_put_back_was_in_force_for_what_it_is_merged_into(
    site: Site, policy: str
) -> None:
    with_policy(site, policy)
    git("checkout", "-q", "-b", "pr", cwd=site.root)
    lowered(site, policy)
    assert told(site) == []
    git("checkout", "-q", "main", cwd=site.root)
    git("merge", "-q", "--no-ff", "-m", "merged", "pr", cwd=site.root)
    assert len(told(site)) == len(told(site, pushed="HEAD")) == 1


@pytest.mark.parametrize("policy", [AGE, PEOPLE])
def test_so_it_is_for_what_a_push_takes_along(site: Site, policy: str) -> None:
    with_policy(site, policy)
    git("update-ref", "refs/remotes/origin/main", "HEAD", cwd=site.root)
    lowered(site, policy)
    assert len(told(site)) == len(told(site, pushed="HEAD")) == 1
    git("update-ref", "refs/remotes/origin/main", "HEAD", cwd=site.root)
    assert told(site) == told(site, pushed="HEAD") == [], "a linear history has no other policy before it"


def test_what_the_branch_began_with_counts_though_it_was_made_stricter_meanwhile(site: Site) -> None:
    git("checkout", "-q", "-b", "pr", cwd=site.root)
    site.tool.commit({"README": "four\n"})
    site("pin", "tool")
    site.commit("pinned")
    git("checkout", "-q", "main", cwd=site.root)
    with_policy(site, AGE)
    git("merge", "-q", "-m", "merged", "pr", cwd=site.root)
    assert told(site) == []


@pytest.mark.parametrize("policy", [AGE, PEOPLE])
def test_so_it_does_where_the_branch_was_brought_up_to_that_before_it_was_merged(
    site: Site, policy: str, tmp_path: Path
) -> None:
    git("checkout", "-q", "-b", "pr", cwd=site.root)
    if policy == AGE:
        site.tool.commit({"README": "four\n"})
        site("pin", "tool")
    else:
        forced_and_left(site)
    site.commit("pinned")
    git("checkout", "-q", "main", cwd=site.root)
    with_policy(site, policy)
    git("checkout", "-q", "pr", cwd=site.root)
    git("merge", "-q", "-m", "up to date", "main", cwd=site.root)
    git("checkout", "-q", "main", cwd=site.root)
    git("merge", "-q", "--no-ff", "-m", "merged", "pr", cwd=site.root)
    assert told(site) == told(site, pushed="HEAD") == []
    for depth in range(1, 5):
        clone = tmp_path / str(depth)
        git("clone", "-q", f"--depth={depth}", site.root.as_uri(), str(clone), cwd=tmp_path)
        # It may not know where the branch began.
        assert "fail" not in run_hybrid("check", "audit", cwd=clone).out


@pytest.mark.parametrize("is_pushed", [True, False])
@pytest.mark.parametrize("begins", ["before the policy", "where a branch that was merged had none"])
def test_a_branch_has_the_policy_that_it_was_brought_up_to_before_it_used_another(
    site: Site, begins: str, is_pushed: bool
) -> None:
    before = git("rev-parse", "HEAD", cwd=site.root)
    with_policy(site, PEOPLE)
    if begins != "before the policy":
        git("checkout", "-q", "-b", "first", cwd=site.root)
        site.replace("sources.toml", PEOPLE, "[policy]")
        before = site.commit("away")
        git("revert", "--no-edit", "HEAD", cwd=site.root)
        git("checkout", "-q", "main", cwd=site.root)
        git("merge", "-q", "--no-ff", "-m", "nothing in all", "first", cwd=site.root)
    git("update-ref", "refs/remotes/origin/main", "HEAD", cwd=site.root)
    git("checkout", "-q", "-b", "evil", before, cwd=site.root)
    git("commit", "-q", "--allow-empty", "-m", "own", cwd=site.root)
    git("merge", "-q", "-m", "up to date", "main", cwd=site.root)
    site.replace("sources.toml", PEOPLE, "[policy]")
    forced_and_left(site)
    site.replace("sources.toml", "[policy]", PEOPLE)
    site.commit("moved")
    if is_pushed:
        git("update-ref", "refs/remotes/origin/evil", "HEAD", cwd=site.root)
        git("checkout", "-q", "main", cwd=site.root)
        git("merge", "-q", "--no-ff", "-m", "merged", "evil", cwd=site.root)
    assert len(told(site)) == 1
    # What a branch of the remote has is not told of each push.
    assert len(told(site, pushed="HEAD")) == (0 if is_pushed else 1)


def test_a_branch_that_is_brought_up_to_date_takes_what_the_main_one_allowed(site: Site) -> None:
    begun = with_policy(site, AGE)
    lowered(site, AGE)
    git("checkout", "-q", "-b", "topic", begun, cwd=site.root)
    git("commit", "-q", "--allow-empty", "-m", "own", cwd=site.root)
    git("merge", "-q", "-m", "up to date", "main", cwd=site.root)
    assert len(told(site)) == 1, "by its own first parents it is a branch that was merged"
    git("update-ref", "refs/remotes/origin/main", "main", cwd=site.root)
    git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main", cwd=site.root)
    assert told(site) == []


@pytest.mark.parametrize("is_pushed", [True, False])
@pytest.mark.parametrize(("since", "count"), [("2020-01-01T00:00:00Z", 1), ("2037-01-01T00:00:00Z", 0)])
@pytest.mark.parametrize("policy", [AGE, PEOPLE])
def test_a_branch_from_before_the_policy_has_what_it_did_before(
    site: Site, policy: str, since: str, count: int, is_pushed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    git("branch", "ancient", cwd=site.root)
    git("checkout", "-q", "-b", "policy", cwd=site.root)
    with_policy(site, policy)
    git("checkout", "-q", "main", cwd=site.root)
    with monkeypatch.context() as clock:
        clock.setenv("GIT_COMMITTER_DATE", since)
        git("merge", "-q", "--no-ff", "-m", "stricter", "policy", cwd=site.root)
    git("update-ref", "refs/remotes/origin/main", "HEAD", cwd=site.root)
    git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main", cwd=site.root)
    git("checkout", "-q", "-b", "topic", "ancient", cwd=site.root)
    if policy == AGE:
        site.tool.commit({"README": "four\n"})
        site("pin", "tool")
    else:
        forced_and_left(site)
    site.commit("moved")
    assert told(site) == told(site, pushed="HEAD") == [], "its own policy allows it"
    if is_pushed:
        git("update-ref", "refs/remotes/origin/topic", "HEAD", cwd=site.root)
    git("checkout", "-q", "main", cwd=site.root)
    git("merge", "-q", "--no-ff", "-m", "merged", "topic", cwd=site.root)
    assert len(told(site)) == count
    if not is_pushed:
        assert len(told(site, pushed="HEAD")) == count


@pytest.mark.parametrize("pushed", [True, False])
@pytest.mark.parametrize("policy", [AGE, PEOPLE])
def test_a_workspace_that_is_taken_out_for_a_commit_keeps_its_policy(site: Site, policy: str, pushed: bool) -> None:
    before = with_policy(site, policy)
    git("rm", "-q", "-r", "--cached", "sources.toml", "state", cwd=site.root)
    git("commit", "-q", "-m", "out", cwd=site.root)
    if pushed:
        git("update-ref", "refs/remotes/origin/main", "HEAD", cwd=site.root)
    site.replace("sources.toml", policy, "[policy]")
    if policy == AGE:
        site.tool.commit({"README": "four\n"})
        site("pin", "tool")
    else:
        forced_and_left(site)
    site.replace("sources.toml", "[policy]", policy)
    git("add", "-A", cwd=site.root)
    assert len(told(site, staged=True)) == 1
    site.commit("in")
    assert len(told(site)) == len(told(site, pushed="HEAD")) == 1
    # What comes back as it was is right.
    git("reset", "-q", "--hard", before, cwd=site.root)
    git("rm", "-q", "-r", "--cached", "sources.toml", "state", cwd=site.root)
    git("commit", "-q", "-m", "out", cwd=site.root)
    git("add", "-A", cwd=site.root)
    assert told(site, staged=True) == []
    site.commit("in")
    assert told(site) == told(site, pushed="HEAD") == []


def test_a_file_of_that_name_that_was_none_of_the_workspace_asks_nothing(site: Site) -> None:
    (site.root / "sources.toml").rename(site.root / "aside")
    git("update-ref", "-d", "HEAD", cwd=site.root)
    git("rm", "-q", "-r", "--cached", "--ignore-unmatch", ".", cwd=site.root)
    (site.root / "sources.toml").write_text("another = 'tool'\n")
    git("add", "sources.toml", cwd=site.root)
    git("commit", "-q", "-m", "another tool", cwd=site.root)
    git("rm", "-q", "sources.toml", cwd=site.root)
    git("commit", "-q", "-m", "gone", cwd=site.root)
    (site.root / "aside").rename(site.root / "sources.toml")
    site.tool.commit({"README": "four\n"})
    site("pin", "tool")
    site.replace("sources.toml", "[policy]", AGE)
    git("add", "-A", cwd=site.root)
    assert told(site, staged=True) == []
    site.commit("workspace")
    assert told(site) == told(site, pushed="HEAD") == []
