"""A table that is gone from the lock, by a merge or by hand, opens no way that was closed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from git_hybrid.core.audit import Record, detail_of
from support.beginning import Begun
from support.cli import Hybrid
from support.governed import LOCK, LOG, Site, forced_site, plain_site
from support.kit import git, lock, released, replace
from support.upstream import Upstream, UpstreamFactory

EMPTY = "lock_version = 1\n"
MANIFEST = "sources.toml"


def log_of(folder: Path) -> list[Record]:
    return [json.loads(line) for line in (folder / LOG).read_text().splitlines()]


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    released(upstream)
    return upstream


@pytest.fixture
def site(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return plain_site(tmp_path, tmp_path_factory)


@pytest.mark.parametrize("annotated", [True, False])
def test_a_moved_tag_is_refused_without_its_table(
    hybrid: Hybrid, workspace: Path, tool: Upstream, annotated: bool, begun: Begun
) -> None:
    tool.tag("rel", "main~1", annotated=annotated)
    begun(tool.url, "--tag", "rel")
    good = lock(workspace)["tool"]["commit"]
    whole = (workspace / LOCK).read_text()
    (workspace / LOCK).write_text(EMPTY)
    # Where nothing moved, it comes back.
    hybrid("pin")
    assert (workspace / LOCK).read_text() == whole
    (workspace / LOCK).write_text(EMPTY)
    tool.tag("rel", "main", annotated=annotated, force=True)
    for words in (["pin"], ["pin", "tool"], ["pin", "-n", "tool"], ["pin", "tool", "--to", "rel"]):
        assert good in hybrid(*words, check=5).err
        assert lock(workspace) == {}
    # What is removed and added again begins anew, and the log tells both.
    hybrid("remove", "tool")
    hybrid("add", tool.url, "--name", "tool", "--tag", "rel")
    hybrid("check", "audit")
    before = [(path, path.read_text()) for path in (workspace / MANIFEST, workspace / LOCK)]
    # Put back by hand it begins anew too, with a record of its own.
    hybrid("remove", "tool")
    for path, text in before:
        path.write_text(text)
    mend = f"git hybrid pin tool --to {lock(workspace)['tool']['commit']}"
    assert f"mend: {mend}\n" in hybrid("check", "audit", check=1).out
    hybrid(*mend.split()[2:])
    assert [item["event"] for item in log_of(workspace)[-2:]] == ["intent", "pin"]
    hybrid("check", "audit")


def test_a_rollback_is_refused_without_its_table(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, "--branch", "main")
    newest, older = tool.rev("main"), tool.rev("main~1")
    (workspace / LOCK).write_text(EMPTY)
    told = hybrid("pin", "tool", "--to", older, check=6).err
    assert f"{older} is older than {newest}, where the audit log has its pin last" in told
    newer = tool.commit({"n": "n"})
    looked = hybrid("status")
    assert f"was pinned to {newest[:12]}, and state/sources.lock has no pin" in looked.out
    assert "1 source: 1 pin gone from state/sources.lock, which the audit log has" in looked.err
    assert "tool was pinned to" in hybrid("check", "audit", check=1).out
    assert "deleted-pin" in hybrid("audit", "verify", check=5).out
    # By the way no pin moves.
    hybrid("pin")
    assert lock(workspace)["tool"]["commit"] == newest
    hybrid("check", "audit")
    hybrid("pin", "tool")
    assert lock(workspace)["tool"]["commit"] == newer


def test_a_lock_that_head_has_is_brought_back(site: Site) -> None:
    before = site.read(LOCK)
    (site.root / LOCK).unlink()
    mend = f"git checkout HEAD -- {LOCK}"
    for command, code in (("status", 0), ("sync", 1), ("diff --upstream", 1)):
        told = site(*command.split(), check=code).err
        assert f"hint: {mend}\n" in told
        assert "git hybrid pin" not in told
    assert {item.mend for item in (*site.checked("metadata"), *site.checked("audit"))} == {mend}
    git(*mend.split()[1:], cwd=site.root)
    assert site.read(LOCK) == before


def test_a_forced_pin_is_held_against_what_the_log_has(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    site = plain_site(tmp_path, tmp_path_factory)
    site.write(LOCK, EMPTY)
    site("pin", "tool", "--to", site.commits.first, check=6)
    site.force(site.commits.first)
    (record,) = site.overrides()
    assert (record["from_commit"], record["lifts"]) == (site.commits.third, ["rollback"])
    (pinned,) = [item for item in site.log() if item["event"] == "pin" and item["after"] == site.commits.first]
    assert (pinned["before"], detail_of(pinned)["rests_on"]) == (site.commits.third, record["id"])


def test_no_override_is_shed_with_the_table(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    site = forced_site(tmp_path, tmp_path_factory)
    site.write(LOCK, EMPTY)
    site("pin", "tool", "--to", site.commits.hotfix, check=6)
    site("pin", "tool")
    assert lock(site.root)["tool"]["commit"] == site.commits.third


def test_a_moved_tag_that_was_forced_keeps_its_override(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    site = plain_site(tmp_path, tmp_path_factory)
    site.replace("sources.toml", 'branch = "main"', 'tag = "rel"')
    site.tool.tag("rel", "main")
    site("pin", "tool")
    site.tool.tag("rel", "hotfix", force=True)
    site.force("rel", expires="2d")
    named = lock(site.root)["tool"]["override"]
    site.write(LOCK, EMPTY)
    assert "expired" in site("pin", "tool", check=6, shift="+3d").err
    site("pin", "tool")
    assert lock(site.root)["tool"]["override"] == named
    assert site.overrides()[0]["status"] == "active"
    assert [found.level for what in ("overrides", "audit") for found in site.checked(what)] == ["warn"]


def test_what_was_pruned_begins_anew_as_what_was_removed(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    hybrid("init")
    empty = (workspace / MANIFEST).read_text()
    hybrid("add", tool.url, "--name", "tool", "--tag", "v1.1.0")
    hybrid("sync")
    older = (workspace / MANIFEST).read_text().replace("v1.1.0", "v1.0.0")
    for words in (["remove", "tool"], ["sync", "--prune"]):
        if words[0] == "sync":
            (workspace / MANIFEST).write_text(empty)
        hybrid(*words)
        (workspace / MANIFEST).write_text(older)
        hybrid("pin", "tool")
        assert lock(workspace)["tool"]["commit"] == tool.rev("v1.0.0^{commit}")
        hybrid("check", "audit")
        (workspace / MANIFEST).write_text(older.replace("v1.0.0", "v1.1.0"))
        hybrid("pin", "tool")
        hybrid("sync")


@pytest.mark.parametrize("pruned", [True, False])
def test_a_bundle_that_brings_a_source_back_accuses_nobody(
    hybrid: Hybrid, workspace: Path, tmp_path: Path, tool: Upstream, pruned: bool, begun: Begun
) -> None:
    first, second, there = tmp_path / "first", tmp_path / "second", tmp_path / "there"
    there.mkdir()
    begun(tool.url, "--tag", "v1.0.0", "--name", "tool")
    hybrid("bundle", "create", "-o", first)
    replace(workspace / MANIFEST, "v1.0.0", "v1.1.0")
    hybrid("pin", "tool")
    hybrid("sync")
    hybrid("bundle", "create", "-o", second)
    hybrid("bundle", "apply", first, cwd=there)
    text = (there / MANIFEST).read_text()
    (there / MANIFEST).write_text(text[: text.index("[source.tool]")])
    if pruned:
        hybrid("sync", "--prune", cwd=there)
    else:
        # As visible as what add writes where both tables are gone.
        (there / LOCK).write_text(EMPTY)
    hybrid("bundle", "apply", second, cwd=there)
    hybrid("check", "audit", cwd=there)
    hybrid("audit", "verify", cwd=there)
    added = [detail_of(item) for item in log_of(there) if item["event"] == "add"]
    assert [item["tag"] for item in added] == ["v1.0.0", "v1.1.0"]
    assert added[1]["bundle"] == hashlib.sha256(second.read_bytes()).hexdigest()
    # A table that is lost after that is judged as ever.
    (there / LOCK).write_text(EMPTY)
    replace(there / MANIFEST, "v1.1.0", "v1.0.0")
    hybrid("pin", "tool", cwd=there, check=6)
    hybrid("bundle", "apply", second, cwd=there)
    pin = [item for item in log_of(there) if item["event"] == "pin"][-1]
    assert pin["before"] == pin["after"] == tool.rev("v1.1.0^{commit}")


def test_nothing_is_decided_without_an_archive_that_the_log_goes_on_from(site: Site, tmp_path: Path) -> None:
    site.tool.tag("rel", "main")
    site.replace("sources.toml", 'branch = "main"', 'tag = "rel"')
    site("pin", "tool")
    bundle = tmp_path / "all.ghb"
    site("bundle", "create", "-o", bundle)
    archive = site("audit", "rotate").out.strip().removeprefix("archived as ")
    site.commit("rotated")
    site.tool.tag("rel", "hotfix", force=True)
    site.replace("sources.toml", 'tag = "rel"', f'commit = "{site.commits.hotfix}"')
    site("pin", "tool")
    site.replace("sources.toml", f'commit = "{site.commits.hotfix}"', 'tag = "rel"')
    site("pin", "tool", check=5)
    kept = site.root / archive
    data, before = kept.read_bytes(), site.keep(LOCK, LOG, MANIFEST)
    for text in (None, b"", data[:-1]):
        kept.chmod(0o644)
        kept.unlink() if text is None else kept.write_bytes(text)
        added = ("add", site.tool.url, "--name", "other")
        for words in (("pin", "tool"), ("pin", "-n"), ("bundle", "apply", str(bundle)), added):
            refused = site(*words, check=2).err
            assert archive in refused
            assert "git hybrid audit verify" in refused
        assert site.keep(LOCK, LOG, MANIFEST) == before
        kept.write_bytes(data)
    # It is found by what it is, also under another name.
    kept.rename(kept.with_name("sources-audit.1999.jsonl"))
    site("pin", "tool", check=5)
