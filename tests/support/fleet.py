"""A workspace with many sources that are one repository, each at a URL of its own: pinned, and not cloned yet."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from git_hybrid.core.ids import SourceName
from git_hybrid.core.manifest import config_digest
from git_hybrid.store.manifest import decode_manifest
from support.cli import run_hybrid
from support.kit import git
from support.upstream import Upstream

FIRST = "first"


def pinned_fleet(workspace: Path, upstream: Upstream, urls: Mapping[str, str], *, head: str) -> str:
    """Write a workspace whose source `name` is pinned to the tip of `upstream` at `urls[name]`; return the commit.

    `head` is the manifest above the sources. Only one source is resolved; the pins of the others are copies.
    """
    manifest = workspace / "sources.toml"
    manifest.write_text(f"schema_version = 1\n{head}")
    run_hybrid("add", upstream.url, "--name", FIRST, "--branch", "main", cwd=workspace)
    lock = workspace / "state/sources.lock"
    pin = tomllib.loads(lock.read_text())["source"][FIRST]
    before, _, table = lock.read_text().partition(f"[source.{FIRST}]")
    entries = "".join(f'\n[source.{name}]\nurl = "{url}"\nbranch = "main"\n' for name, url in urls.items())
    manifest.write_text(f"schema_version = 1\n{head}{entries}")
    sources = decode_manifest(manifest.read_bytes()).sources
    tables = []
    for name, url in sorted(urls.items()):
        copy = table.replace(pin["url"], url).replace(pin["config_digest"], config_digest(sources[SourceName(name)]))
        tables.append(f"[source.{name}]{copy.rstrip()}\n")
    lock.write_text(before + "\n".join(tables))
    for path in (workspace / "state/sources-audit.jsonl", workspace / "state/sources.json"):
        path.unlink(missing_ok=True)
    return str(pin["commit"])


def wrong_clones(workspace: Path, names: list[str], commit: str) -> list[str]:
    """Return the sources of `names` that are not a whole and clean clone at `commit`, each with what is wrong."""
    wrong = []
    for name in names:
        clone = workspace / "sources" / name
        if not clone.is_dir():
            wrong.append(f"{name}: no clone")
            continue
        found = git("rev-parse", "HEAD", cwd=clone, check=False)
        dirty = git("status", "--porcelain", "--ignored", cwd=clone, check=False)
        broken = git("fsck", "--strict", "--no-dangling", cwd=clone, check=False)
        if (found, dirty, broken) != (commit, "", ""):
            wrong.append(f"{name}: at {found}, dirty {dirty!r}, fsck {broken!r}")
    return wrong


def half_done(workspace: Path, failed: list[str]) -> list[str]:
    """Return what stands below sources/ and should not: folders of failed sources, and what is in quarantine."""
    sources = workspace / "sources"
    left = [str(path) for name in failed if (path := sources / name).exists()]
    return left + [str(path) for path in (sources / ".incoming").glob("*")]
