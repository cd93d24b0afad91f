"""Signatures of overrides that are closed: what nobody signed is told, and what was signed once counts for good."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.cli import Result, run_hybrid
from support.governed import ADA, OPTIONS, Site, option_words, plain_site
from support.kit import git
from support.signing import falsified, signed, with_key

REQUEST = ("--request", "CHG-1", "--reason", "hotfix", "--expires", "2099-01-01")
FORGED = "the approval of Bea <bea@example.org> is not signed with the key that policy names; 1 approver is needed"


@pytest.fixture
def site(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return a workspace whose policy names a key, and whose upstream has rewritten its branch."""
    found = plain_site(tmp_path, tmp_path_factory)
    found.replace("sources.toml", "[policy]", '[policy]\noverride_max_age = "30000d"')
    with_key(found, tmp_path)
    found.commit("policy")
    found.tool.reset("main", found.commits.second)
    found.tool.commit({"README": "another three\n"})
    return found


def by(key: Path, site: Site) -> Path:
    asked = site("override", "request", "tool", "--to", site.tool.rev("main"), *REQUEST)
    return signed(key, asked.out)


def forced(site: Site, armour: Path) -> tuple[str, ...]:
    words = option_words({**OPTIONS, "expires": "2099-01-01", "signature": str(armour)})
    return ("pin", "tool", "--to", site.tool.rev("main"), "--force", *words)


def told(site: Site, *, staged: bool = False, pushed: str = "") -> list[str]:
    return [f"{item.level} {item.what}" for item in site.checked("audit", staged=staged, pushed=pushed)]


def with_program(site: Site, folder: Path, text: str, *args: str, check: int = 0) -> Result:
    """Run the command where ssh-keygen is a script of this *text*; where that is empty, there is none."""
    folder.mkdir(exist_ok=True)
    (folder / "git").unlink(missing_ok=True)
    (folder / "git").symlink_to(str(shutil.which("git")))
    if text:
        (folder / "ssh-keygen").write_text(f"#!/bin/sh\n{text}\n")
        (folder / "ssh-keygen").chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}" if text else str(folder)
    return run_hybrid(*args, cwd=site.root, check=check, env={"GIT_HYBRID_OPERATOR": ADA, "PATH": path})


def test_a_signature_that_nobody_made_is_told_also_once_its_override_is_closed(site: Site, tmp_path: Path) -> None:
    eve = tmp_path / "eve"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", eve], check=True)
    false = falsified(by(eve, site), of=tmp_path / "bea", by=eve)
    site(*forced(site, false), check=6)
    accepts = "cat > /dev/null"
    with_program(site, tmp_path / "bin", accepts, *forced(site, false))
    site.tool.commit({"README": "another four\n"})
    # What nobody approved is no step to go on from.
    assert "rewritten-history" in site("pin", "tool", check=5).out
    with_program(site, tmp_path / "bin", accepts, "pin", "tool")
    assert site.checked("overrides") == []
    for staged in (True, False):
        git("add", "-A", cwd=site.root)
        (found,) = told(site, staged=staged)
        assert FORGED in found
    site.commit("went on")
    assert FORGED in told(site)[0]
    assert FORGED in told(site, pushed="HEAD")[0]
    assert told(site, staged=True) == [], "of what is committed the hook of the next commit verifies nothing"
    verified = site("audit", "verify", check=5).out
    assert "a signature in it is not by the key that it names" in verified


def test_one_that_was_made_counts_for_good(site: Site, tmp_path: Path) -> None:
    site(*forced(site, by(tmp_path / "bea", site)))
    site.tool.commit({"README": "another four\n"})
    site("pin", "tool")
    assert told(site) == []
    unable = "cannot be checked: ssh-keygen is not installed"
    assert unable in with_program(site, tmp_path / "none", "", "check", "audit", check=1).out
    site.commit("went on")
    assert told(site) == told(site, pushed="HEAD") == []
    # Elsewhere somebody may have no program to check it with: that is told, and fails nothing.
    found = with_program(site, tmp_path / "none", "", "check", "audit").out
    assert "warn state/sources-audit.jsonl: log: the signatures of 1 closed override could not be checked" in found
    assert (
        "could not be checked: ssh-keygen is not installed"
        in with_program(site, tmp_path / "none", "", "audit", "verify").out
    )
    # The approver has another key by now, and then is none any more.
    line = next(text for text in site.read("sources.toml").splitlines() if text.startswith("approvers"))
    site.replace("sources.toml", line, "")
    (tmp_path / "bea").unlink()
    with_key(site, tmp_path)
    site.commit("another key")
    assert told(site) == []
    site.replace("sources.toml", "bea@example.org", "cid@example.org")
    site.commit("another approver")
    assert told(site) == []
