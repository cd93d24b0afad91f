"""What state says of who installed what, when and in which run is what the audit log tells of it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from integration.test_hooks import hook
from support.cli import Hybrid
from support.governed import LOCK, LOG, STATE, Site, plain_site
from support.kit import git, lock, started, state
from support.scanners import a_scanner, use
from support.upstream import Upstream, UpstreamFactory

SCANS_CLEAN = "write()\n"
EDITS = {
    "updated_at": "2025-01-01T00:00:00Z",
    "updated_by": "Mallory <mallory@example.org>",
    "command_id": "01J2ZK5Y8Q0000000000000099",
}


@pytest.fixture
def site(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return plain_site(tmp_path, tmp_path_factory)


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    upstream.commit({"a": "1\n"})
    return upstream


def edit(site: Site, **changed: str) -> None:
    """Change fields of the only state entry by hand."""
    text = site.read(STATE)
    for key, value in changed.items():
        text, count = re.subn(rf'"{key}": "[^"]*"', f'"{key}": "{value}"', text)
        assert count == 1
    site.write(STATE, text)


@pytest.mark.parametrize("field", EDITS)
@pytest.mark.parametrize("scanned", [False, True])
def test_a_hand_edit_of_it_is_told_and_mended(site: Site, tmp_path: Path, field: str, scanned: bool) -> None:
    if scanned:
        use(site.root, a_scanner(tmp_path / "fake", SCANS_CLEAN))
        site("scan")
        site.commit("scanned")
    site("audit", "verify")
    honest = site.read(STATE)
    edit(site, **{field: EDITS[field]})
    git("add", "-A", cwd=site.root)
    assert "foreign-record" in site("audit", "verify", check=5).out
    told = site("check", "audit", check=1).out
    assert "no record tells that tool was brought to" in told
    assert hook("audit", site.root).returncode == 1
    # Both halves of the mend, as they are told.
    mend = next(line for line in told.splitlines() if line.startswith("  mend: "))
    found = re.fullmatch(r"  mend: git (.+?); where .+ then git hybrid (sync tool), which .+", mend)
    assert found, mend
    git(*found[1].split(), cwd=site.root)
    assert site.read(STATE) == honest
    site("check", "audit")
    edit(site, **{field: EDITS[field]})
    site.commit("forged")
    document = json.loads(site.read(STATE))
    document["sources"] = []
    site.write(STATE, json.dumps(document))
    site(*found[2].split())
    site.commit("mended")
    site("audit", "verify")
    assert site.checked("audit") == []


def test_an_entry_that_is_staged_in_part_is_told(site: Site) -> None:
    old = state(site.root)["tool"]
    site.tool.commit({"n": "n"})
    site("pin", "tool")
    site("sync")
    new = site.read(STATE)
    part = new.replace(state(site.root)["tool"]["command_id"], old["command_id"])
    git("add", "-A", cwd=site.root)
    blob = subprocess.run(
        ["git", "hash-object", "-w", "--stdin"], cwd=site.root, input=part.encode(), capture_output=True, check=True
    )
    git("update-index", "--cacheinfo", f"100644,{blob.stdout.decode().strip()},{STATE}", cwd=site.root)
    done = hook("audit", site.root)
    assert done.returncode == 1
    assert "on the disk it is right" in done.stdout
    git("add", "-A", cwd=site.root)
    assert hook("audit", site.root).returncode == 0


def test_what_is_honest_is_not_accused(hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path) -> None:
    def whole() -> None:
        hybrid("check", "audit")
        hybrid("audit", "verify")

    started(hybrid, tool.url)
    use(workspace, a_scanner(tmp_path / "fake", SCANS_CLEAN))
    hybrid("scan")
    whole()
    # A scan of the pin that is not installed yet leaves the entry as it was installed.
    tool.commit({"a": "2\n"})
    hybrid("pin", "tool", "--scan")
    assert state(workspace)["tool"]["commit_sha"] != lock(workspace)["tool"]["commit"]
    whole()
    hybrid("sync")
    whole()
    hybrid("audit", "rotate")
    whole()
    hybrid("scan")
    hybrid("reset", "tool")
    whole()
    there = tmp_path / "there"
    there.mkdir()
    hybrid("bundle", "create", "-o", tmp_path / "bundle")
    hybrid("bundle", "apply", tmp_path / "bundle", cwd=there)
    assert '"event":"bundle-scan"' in (there / LOG).read_text()
    hybrid("check", "audit", cwd=there)
    hybrid("audit", "verify", cwd=there)


def test_what_an_older_version_installed_is_not_accused(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path
) -> None:
    started(hybrid, tool.url)
    old = state(workspace)["tool"]
    kept: dict[str, Any] = {key: old[key] for key in ("name", "repo_url", "branch", "commit_sha", "updated_by")}
    (workspace / STATE).write_text(json.dumps([{**kept, "updated_at": "2019-01-01T00:00:00Z"}]))
    lines = (workspace / LOG).read_text().splitlines(keepends=True)
    # It wrote no record of what it installed, which is the last one here.
    assert '"event":"clone"' in lines[-1]
    (workspace / LOG).write_text("".join(lines[:-1]))
    use(workspace, a_scanner(tmp_path / "fake", SCANS_CLEAN))
    for words in (["sync"], ["scan"], ["reset", "tool"], ["scan"]):
        hybrid(*words)
        hybrid("check", "audit")
    # The first sync recorded it anew, and so bound it to the log.
    assert state(workspace)["tool"]["audit_hash"] in (workspace / LOG).read_text()


def without_the_entry(text: str) -> str:
    return json.dumps({"schema_version": 1, "sources": []}, indent=2) + "\n"


@pytest.mark.parametrize("change", [without_the_entry, None], ids=["entry", "file"])
def test_an_installed_source_that_it_has_lost_is_told_and_mended(site: Site, change: Any) -> None:
    honest, path = site.read(STATE), site.root / STATE

    def lose() -> None:
        path.unlink() if change is None else path.write_text(change(honest))
        git("add", "-A", cwd=site.root)

    lose()
    (found,) = site.checked("metadata")
    assert (found.file, found.entry, found.level) == (STATE, "tool", "fail")
    for name in ("metadata", "check"):
        told = hook(name, site.root)
        assert (told.returncode, f"  mend: {found.mend}\n" in told.stdout) == (1, True)
    back, _, anew = found.mend.partition("; where it was committed so: ")
    git(*back.split()[1:], cwd=site.root)
    assert site.read(STATE) == honest
    site("check")
    lose()
    git("commit", "-q", "--no-verify", "-m", "lost", cwd=site.root)
    assert [item.mend for item in site.checked("metadata")] == [found.mend]
    site(*anew.split()[2:])
    site("check")
    # Taken out as it should be, and put in again, it is not installed.
    site("remove", "tool")
    site("add", site.tool.url, "--name", "tool", "--branch", "main")
    git("add", "-A", cwd=site.root)
    assert site.checked("metadata") == []
    assert hook("check", site.root).returncode == 0


def test_a_lock_that_has_lost_what_was_installed_is_told(site: Site) -> None:
    git("rm", "-q", LOCK, cwd=site.root)
    (found,) = site.checked("metadata", staged=True)
    assert (found.file, found.entry, found.level) == (LOCK, "source.tool", "fail")
    told = hook("metadata", site.root)
    assert (told.returncode, f"  mend: {found.mend}\n" in told.stdout) == (1, True)
    git("commit", "-q", "--no-verify", "-m", "lost", cwd=site.root)
    site(*found.mend.rpartition(": ")[2].split()[2:])
    assert site.checked("metadata") == []


@pytest.mark.parametrize("field", ["repo_url", "branch"])
def test_an_edited_url_or_ref_of_the_pinned_commit_is_told(site: Site, field: str) -> None:
    honest = site.read(STATE)
    edit(site, **{field: "https://example.org/evil/tool" if field == "repo_url" else "dev"})
    git("add", "-A", cwd=site.root)
    told = hook("metadata", site.root)
    assert told.returncode == 1
    assert f"fail {STATE}: tool: has {'url https' if field == 'repo_url' else 'branch dev, '}" in told.stdout
    assert "mirror" not in told.stdout
    (found,) = site.checked("metadata")
    back, _, anew = found.mend.partition("; where it was committed so: ")
    git("commit", "-q", "--no-verify", "-m", "edited", cwd=site.root)
    site(*anew.split()[2:])
    site("check", "metadata", "audit")
    git("reset", "-q", "--hard", cwd=site.root)
    git("reset", "-q", "HEAD~1", cwd=site.root)
    git(*back.split()[1:], cwd=site.root)
    assert site.read(STATE) == honest


def test_a_ref_that_a_pin_has_changed_and_no_sync_has_seen_is_no_contradiction(site: Site) -> None:
    site.tool.tag("same")
    site("pin", "tool", "--tag", "same")
    git("add", "-A", cwd=site.root)
    assert site.checked("metadata") == []
    assert hook("check", site.root).returncode == 0
    site("sync")
    assert site.checked("metadata") == []


def test_another_form_of_it_is_a_warning_that_is_mended(site: Site) -> None:
    honest = site.read(STATE)
    site.write(STATE, json.dumps(json.loads(honest)))
    site.commit("compact")
    (found,) = site.checked("metadata")
    assert (found.file, found.level) == (STATE, "warn")
    assert hook("metadata", site.root).returncode == 0
    subprocess.run(found.mend.rpartition("so: ")[2], shell=True, cwd=site.root, check=True)
    assert site.read(STATE) == honest


def test_a_merge_that_took_the_state_of_one_side_is_a_warning(site: Site, upstream_factory: UpstreamFactory) -> None:
    more = upstream_factory("more")
    more.commit({"a": "1\n"})
    git("switch", "-q", "-c", "theirs", cwd=site.root)
    site("add", more.url, "--name", "more", "--branch", "main")
    site("sync")
    site.commit("theirs")
    git("switch", "-q", "-", cwd=site.root)
    site.tool.commit({"n": "n"})
    site("pin", "tool")
    site("sync")
    kept = site.read(STATE)
    site.commit("ours")
    git("merge", "-q", "--no-commit", "theirs", cwd=site.root, check=False)
    site("merge")
    site.write(STATE, kept)
    git("add", "-A", cwd=site.root)
    (found,) = site.checked("metadata")
    assert (found.entry, found.level, found.mend) == ("more", "warn", "git hybrid sync more")
    site("sync", "more")
    assert site.checked("metadata") == []
    site("check")
