"""What a ``git revert`` takes out of the audit log comes back by what ``check`` says, whatever was recorded since."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from git_hybrid.core.audit_archives import FROM_GIT
from git_hybrid.core.checks import Violation
from support.governed import Site, plain_site
from support.kit import git


@pytest.fixture
def site(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return a workspace of which a revert has taken out the last commit, as it says what it does."""
    site = plain_site(tmp_path, tmp_path_factory)
    site.tool.commit({"README": "four\n"}, "fourth")
    site("pin", "tool")
    return site


def revert(site: Site, *, later: int = 0) -> str:
    """Commit what is there, revert that, make commits *later*; return the one that has what was lost."""
    commit = site.commit("reverted")
    git("revert", "--no-edit", "HEAD", cwd=site.root)
    for number in range(later):
        git("commit", "-q", "--allow-empty", "-m", f"later {number}", cwd=site.root)
    return commit[:12]


def mend(site: Site, told: list[Violation]) -> None:
    (command,) = {item.mend.removeprefix(FROM_GIT) for item in told if item.level == "fail"}
    subprocess.run(["/bin/sh", "-c", command], cwd=site.root, check=True)


@pytest.mark.parametrize(("rotations", "later"), [(0, 0), (0, 2), (2, 1)])
def test_what_was_recorded_since_stays_behind_what_comes_back(site: Site, rotations: int, later: int) -> None:
    for _ in range(rotations):
        site("audit", "rotate")
    revert(site, later=later)
    site("pin", "tool")
    last = site.lines()[-1]
    told = site.checked("audit")
    assert told != []
    mend(site, told)
    assert site.lines()[-1] == last
    assert site.checked("audit") == [] == list(site.verified()) == list(site.verified(since="HEAD"))
    git("add", "-A", cwd=site.root)
    # Nobody looks back so far before a commit, until something is odd.
    assert site.checked("audit", staged=True) == []
    site.commit("mended")
    assert site.checked("audit") == [] == site.checked("audit", pushed="HEAD")


def test_archives_come_back_with_the_log_where_nothing_was_recorded_since(site: Site) -> None:
    site("audit", "rotate")
    commit = revert(site)
    (told,) = site.checked("audit")
    assert told.mend == f"{FROM_GIT}git checkout {commit} -- 'state/sources-*'"
    mend(site, [told])
    assert {breach.id for breach in site.verified()} == {"unexplained-move"}
    site("pin", "tool")
    assert site.verified() == ()


def test_an_archive_of_that_name_that_was_made_since_stays(site: Site) -> None:
    site("audit", "rotate")
    revert(site)
    site("audit", "rotate")
    (archive,) = (site.root / "state").glob("sources-audit.2*")
    kept = archive.read_bytes()
    mend(site, site.checked("audit"))
    # The other one is given a name of its own.
    mend(site, site.checked("audit"))
    assert archive.read_bytes() == kept
    site("pin", "tool")
    assert site.checked("audit") == []
    git("add", "-A", cwd=site.root)
    assert site.checked("audit", staged=True) == []


def test_the_log_is_mended_before_anything_records_in_it(site: Site) -> None:
    names = ("metadata", "overrides", "audit")
    assert [check["name"] for check in site("check", *names, "--json").json()["checks"]] == [*names]
    revert(site)
    told = site("check", *names, "--json", check=1).json()["checks"]
    assert [check["name"] for check in told] == ["audit", "metadata", "overrides"]


@pytest.mark.parametrize("recorded", [False, True])
def test_a_push_that_goes_on_from_what_it_lost_is_mended_without_a_merge(site: Site, recorded: bool) -> None:
    lost = revert(site)
    before = git("rev-parse", lost, cwd=site.root)
    if recorded:
        site("pin", "tool")
        site.commit("another pin")
    # git asks no hook when it picks a commit, and the parents of this one lack nothing.
    git("commit", "-q", "--allow-empty", "-m", "later", cwd=site.root)
    (told,) = site.checked("audit", pushed="HEAD", before=[before])
    assert (told.level, told.what.endswith("committed once are not in it")) == ("fail", True)
    assert told.mend == f"{FROM_GIT}git checkout {lost} -- 'state/sources-*'" or recorded
    mend(site, [told])
    site("pin", "tool")
    site.commit("mended")
    assert site.checked("audit") == [] == site.checked("audit", pushed="HEAD", before=[before])
