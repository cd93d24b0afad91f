"""Another repository at the URL of a source is taken by no plain pin, whatever the pin came from, or was lost."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from support.governed import LOCK, OPTIONS, Site, forced_site, option_words, plain_site, signed_line
from support.kit import lock
from support.upstream import Upstream

EMPTY = "lock_version = 1\n"
WAYS = [("--tag", "v1.3.0"), ("--branch", "dev"), ("--version", ">=1")]


@pytest.fixture
def site(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return plain_site(tmp_path, tmp_path_factory)


@pytest.fixture
def forced(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return forced_site(tmp_path, tmp_path_factory)


def replaced(site: Site) -> Upstream:
    """Put another repository in the place of upstream, with a newer version and another branch."""
    shutil.rmtree(site.tool.path)
    other = Upstream.create(site.tool.path)
    other.commit({"evil": "1"})
    other.commit({"evil": "2"})
    other.tag("v1.3.0")
    other.branch("dev", "main")
    return other


def by_version(site: Site) -> None:
    """Let the source follow versions."""
    site.tool.tag("v1.2.0", site.commits.third)
    site("pin", "tool", "--version", ">=1")


def without_roots(site: Site) -> None:
    """Write the log as an older version did, whose records of pins tell no root commits."""
    digests, lines = dict[str, str](), list[str]()
    for record in site.log():
        was = record["hash"]
        record["prev"] = [digests[item] for item in record["prev"]]
        record.get("detail", {}).pop("root_commits", None)
        lines.append(signed_line(record))
        digests[was] = json.loads(lines[-1])["hash"]
    site.put_lines(lines)


def test_none_while_an_override_is_in_force(forced: Site) -> None:
    replaced(forced)
    before = forced.keep()
    for words in WAYS:
        assert "error: tool: another repository is served at " in forced("pin", "tool", *words, check=5).err
    shutil.rmtree(forced.root / "sources" / "tool")
    assert "another repository" in forced("pin", "tool", *WAYS[0], check=5).err
    assert forced.keep() == before


def test_none_where_an_override_lifted_nothing_but_the_age(site: Site) -> None:
    by_version(site)
    site.replace("sources.toml", "[policy]", '[policy]\nmin_release_age = "3d"')
    site.tool.tag("v1.2.1", site.tool.commit({"README": "four\n"}))
    site.force("v1.2.1")
    replaced(site)
    assert "another repository" in site("pin", "tool", check=5, shift="+4d").err


def test_what_was_approved_once_lets_in_no_third_one(site: Site) -> None:
    by_version(site)
    site.force(replaced(site).rev("main"))
    other = replaced(site)
    other.commit({"third": "1"}, parents=[])
    other.tag("v1.4.0")
    shutil.rmtree(site.root / "sources" / "tool")
    assert "another repository" in site("pin", "tool", check=5).err
    # The second one goes on.
    other.tag("v1.5.0", other.commit({"evil": "3"}, branch="dev"))
    site("pin", "tool")
    assert lock(site.root)["tool"]["ref"] == "refs/tags/v1.5.0"


@pytest.mark.parametrize("branch", [False, True])
def test_what_was_forced_on_top_of_an_approved_one_leads_back_there(site: Site, branch: bool) -> None:
    if not branch:
        by_version(site)
    other = replaced(site)
    older, newest = other.rev("main~1"), other.rev("main")
    site.force(newest)
    site("sync")
    other.branch("fix", "main")
    site.force(other.commit({"fix": "1"}, branch="fix"))
    # But to nothing older than what was let in.
    site("pin", "tool", "--to", older, check=6)
    other.tag("v1.2.5", older)
    assert f"{older} is older than {newest}, " in site("pin", "tool", "--tag", "v1.2.5", check=6).err
    site("pin", "tool")
    assert lock(site.root)["tool"]["commit"] == newest
    site("sync")
    site("check", "audit", "overrides", "sources")


def test_none_once_the_lock_has_lost_its_table(site: Site) -> None:
    site.write(LOCK, EMPTY)
    replaced(site)
    shutil.rmtree(site.root / "sources" / "tool")
    for words in WAYS:
        assert "another repository" in site("pin", "tool", *words, check=5).err
    assert site.read(LOCK) == EMPTY


def test_none_once_the_lock_was_put_back(site: Site) -> None:
    by_version(site)
    older = site.read(LOCK)
    site.tool.tag("v1.2.1", site.tool.commit({"README": "four\n"}))
    site("pin", "tool")
    site.write(LOCK, older)
    replaced(site)
    assert "another repository" in site("pin", "tool", check=5).err


def test_what_an_older_version_recorded_is_known_by_head_or_by_a_clone(site: Site) -> None:
    without_roots(site)
    site.write(LOCK, EMPTY)
    replaced(site)
    words = ("pin", "tool", "--version", ">=1")
    known = "error: tool: another repository is served at "
    assert known in site(*words, check=5).err
    shutil.rmtree(site.root / "sources" / "tool")
    assert known in site(*words, check=5).err
    # Neither tells it: the same repository is not the first thing to think of.
    shutil.rmtree(site.root / ".git")
    told = site(*words, check=5).err
    assert "error: tool: nothing tells whether the same repository is served at " in told
    assert f"no record tells the root commits of {site.commits.third}" in told
    site(*words, "--to", "v1.3.0", "--force", *option_words(OPTIONS))
