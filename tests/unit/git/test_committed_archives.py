"""In which commit an archive of the audit log is, for a workspace that has lost it."""

from __future__ import annotations

import os
from pathlib import Path

from git_hybrid.core.digest import sha256_hex
from git_hybrid.git.committed_archives import archived_at
from git_hybrid.git.repository import Repository
from git_hybrid.git.run import Runner
from support.kit import git

ARCHIVE = "state/sources-audit.2026.jsonl"


def test_of_a_partial_clone_it_is_the_commit_that_wrote_the_archive(tmp_path: Path) -> None:
    git("init", "-q", cwd=tmp_path)
    archive = tmp_path / ARCHIVE
    archive.parent.mkdir()
    archive.write_text("{}\n")
    git("add", ".", cwd=tmp_path)
    git("commit", "-q", "-m", "rotated", cwd=tmp_path)
    git("rm", "-q", ARCHIVE, cwd=tmp_path)
    git("commit", "-q", "-m", "lost", cwd=tmp_path)
    wrote, blob = (
        git("rev-parse", "--short", "HEAD~1", cwd=tmp_path),
        git("rev-parse", f"HEAD~1:{ARCHIVE}", cwd=tmp_path),
    )
    repository = Repository(Runner(environ=dict(os.environ)), tmp_path)
    assert archived_at(repository, "", ARCHIVE, sha256_hex(b"{}\n")) == wrote
    assert archived_at(repository, "", ARCHIVE, sha256_hex(b"other")) == ""
    (tmp_path / f".git/objects/{blob[:2]}/{blob[2:]}").unlink()
    with open(tmp_path / ".git/config", "a", encoding="ascii") as config:
        config.write("[none]\n\tpromisor = true\n")
    assert archived_at(repository, "", ARCHIVE, sha256_hex(b"{}\n")) == wrote
    assert archived_at(repository, "", "state/sources-audit.2025.jsonl", "") == ""
