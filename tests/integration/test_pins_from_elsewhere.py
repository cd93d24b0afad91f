"""What `pin` refuses of another repository, or of another name's tag, no record of the log lets in either."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from git_hybrid.core.audit import Event, extend
from git_hybrid.core.ids import SourceName
from git_hybrid.core.last_pins import pinned_as
from git_hybrid.core.lock import Lock
from git_hybrid.core.value import replace as replaced
from git_hybrid.store import reading
from git_hybrid.store.chain import append_records, read_log
from git_hybrid.store.layout import Layout
from git_hybrid.store.lockfile import encode_lock
from git_hybrid.store.manifest import decode_manifest
from support.beginning import Begun
from support.cli import Hybrid
from support.governed import LOG
from support.kit import git, lock, replace
from support.upstream import Upstream, UpstreamFactory

FORCE = ("--force", "--request", "CHG-1", "--approver", "bea@example.org", "--reason", "hotfix", "--expires", "3d")


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    for subject in ("one", "two"):
        upstream.commit({"README": subject}, subject)
    upstream.tag("v1", "main~1")
    return upstream


def wrote(workspace: Path, before: bytes, name: str, was: str | None) -> str:
    """Let the log have, after *before*, a record without an override of the pin of *name* as the lock has it."""
    layout, source = Layout(workspace), decode_manifest((workspace / "sources.toml").read_bytes())
    pin = replaced(reading.lock(layout).pins[SourceName(name)], first_seen=datetime.now(UTC).replace(microsecond=0))
    layout.lock.write_bytes(encode_lock(Lock(pins={pin.source: pin})))
    detail = pinned_as(pin, source.sources[pin.source])
    event = Event(event="pin", source=name, before=was, after=pin.commit, detail=detail)
    who = {"operator": "Ada <ada@example.org>", "command_id": "01M8KG3RAWPPARBR1EBC4MY8PZ", "log_id": "x"}
    (workspace / LOG).write_bytes(before)
    append_records(workspace / LOG, extend(read_log(workspace / LOG).tail, [event], at=pin.first_seen, **who))
    return pin.commit


def test_no_record_lets_another_repository_in(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> None:
    begun(tool.url, "--branch", "main", "--name", "tool", sync=False)
    before, good = (workspace / LOG).read_bytes(), tool.rev("main")
    tool.reset("main", tool.raw_commit(tool.rev("main^{tree}"), message="another"))
    hybrid("pin", "tool", check=5)
    hybrid("remove", "tool")
    hybrid("add", tool.url, "--branch", "main", "--name", "tool")
    bad = wrote(workspace, before, "tool", good)
    told = f"tool was moved to another repository from {good[:12]} to {bad[:12]} by a record without an override"
    assert told in hybrid("check", "audit", check=1).out
    assert "unexplained-move" in hybrid("audit", "verify", check=5).out
    assert "was moved without an override" in hybrid("sync", check=5).err
    tool.reset("main", good)
    hybrid("pin", "tool", "--to", good, *FORCE)
    hybrid("check", "audit")
    hybrid("sync")


def test_no_record_lets_another_name_take_a_moved_tag(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    begun(tool.url, "--tag", "v1", "--name", "tool", sync=False)
    before, good = (workspace / LOG).read_bytes(), tool.rev("v1^{commit}")
    tool.tag("v1", "main", force=True)
    hybrid("remove", "tool")
    hybrid("add", tool.url, "--tag", "v1", "--name", "two")
    bad = wrote(workspace, before, "two", None)
    told = f"two was moved with its tag, by another name, from {good[:12]} to {bad[:12]} by a record"
    assert told in hybrid("check", "audit", check=1).out
    assert "unexplained-move" in hybrid("audit", "verify", check=5).out
    assert "was moved without an override" in hybrid("sync", check=5).err
    hybrid("remove", "two")
    hybrid("add", tool.url, "--tag", "v1", "--name", "two")
    hybrid("check", "audit")
    hybrid("sync")


def test_whoever_renames_a_source_by_hand_is_asked_nothing(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun
) -> None:
    begun(tool.url, "--tag", "v1", "--name", "tool")
    git("init", "-q", cwd=workspace)
    git("add", "-A", cwd=workspace)
    git("commit", "-q", "-m", "one", cwd=workspace)
    replace(workspace / "sources.toml", "source.tool", "source.two")
    # However the URL is written by then.
    replace(workspace / "sources.toml", tool.url, tool.url.replace("file:///", "file:////", 1))
    hybrid("pin")
    hybrid("sync", "--prune")
    assert lock(workspace)["two"]["commit"] == tool.rev("v1^{commit}")
    hybrid("check", "metadata", "audit", "sources")
    hybrid("audit", "verify")
    # What has moved since is taken by an approval, and the next name goes on from there.
    tool.tag("v1", "main", force=True)
    hybrid("pin", "two", "--to", "v1", *FORCE)
    replace(workspace / "sources.toml", "source.two", "source.three")
    hybrid("pin", "three", "--to", "v1", *FORCE)
    hybrid("sync", "--prune")
    hybrid("check", "metadata", "overrides", "audit", "sources")
    hybrid("audit", "verify")
