"""A git child that was killed has said nothing: neither that something is damaged nor that it is not there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from support.cli import Hybrid
from support.kit import snapshot, started
from support.upstream import UpstreamFactory

_SHIM = """#!/bin/sh
for word; do [ "$word" = {victim} ] && ! [ -e {folder}/done ] && touch {folder}/done && kill -9 $$; done
exec {git} "$@"
"""


def test_what_a_killed_git_has_not_said_is_no_damage(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = upstream_factory()
    tool.commit({"a": "one\n"})
    shim, folder, cache = tmp_path / "bin/git", tmp_path / "mirror", tmp_path / "cache"
    shim.parent.mkdir()
    env = {"PATH": f"{shim.parent}:{os.environ['PATH']}"}
    monkeypatch.setenv("GIT_HYBRID_CACHE_DIR", str(cache))
    started(hybrid, tool.url)
    hybrid("mirror", "update", folder)
    kept = snapshot(folder), snapshot(next(cache.glob("*.git")))
    tool.commit({"a": "two\n"})
    for victim, *words in (
        ("fsck", "cache", "verify"),
        ("cat-file", "check", "sources", "--content"),
        ("for-each-ref", "mirror", "update", folder),
        ("fsck", "mirror", "update", folder),
    ):
        shim.write_text(_SHIM.format(victim=victim, folder=shim.parent, git=shutil.which("git")))
        shim.chmod(0o755)
        (shim.parent / "done").unlink(missing_ok=True)
        done = hybrid(*words, env=env, check=74)
        assert f"git {victim} failed" in done.err
        assert "was killed by signal 9" in done.err
        assert (snapshot(folder), snapshot(next(cache.glob("*.git")))) == kept
