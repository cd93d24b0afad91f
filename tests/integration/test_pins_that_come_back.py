"""A pin that leaves by an edit of the manifest and comes back by another goes on from where it was."""

from __future__ import annotations

import json
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
from support.cli import Hybrid, run_hybrid
from support.governed import LOG
from support.kit import git, lock, replace, started
from support.upstream import Upstream, UpstreamFactory

FORCE = ("--force", "--request", "CHG-1", "--approver", "bea@example.org", "--reason", "hotfix", "--expires", "3d")


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    for subject in ("one", "two", "three"):
        upstream.commit({"README": subject}, subject)
    upstream.tag("v1", "main~1")
    return upstream


def test_no_rollback_by_way_of_another_url(
    hybrid: Hybrid, workspace: Path, tool: Upstream, upstream_factory: UpstreamFactory, begun: Begun
) -> None:
    begun(tool.url, "--branch", "main")
    other = upstream_factory("other")
    git("push", "-q", other.path, "main", cwd=tool.path)
    manifest, old, new = workspace / "sources.toml", tool.rev("main~1"), tool.rev("main")
    replace(manifest, tool.url, other.url)
    hybrid("pin", "tool", "--to", old)
    replace(manifest, other.url, tool.url)
    told = hybrid("pin", "tool", "--to", old, check=6).err
    assert f"{old} is older than {new}, where it stood last by this URL" in told
    hybrid("pin", "tool", "--to", old, *FORCE)
    (record,) = hybrid("override", "list", "--json").json()["overrides"]
    assert (record["from_commit"], record["lifts"]) == (new, ["rollback"])
    hybrid("override", "revoke", record["id"], "--reason", "over")
    hybrid("pin", "tool", "--to", old, check=6)
    hybrid("pin", "tool")
    assert lock(workspace)["tool"]["commit"] == new
    hybrid("audit", "verify")


def test_who_comes_back_to_a_url_may_go_on_there(
    hybrid: Hybrid, workspace: Path, tool: Upstream, upstream_factory: UpstreamFactory, begun: Begun
) -> None:
    begun(tool.url, "--branch", "main")
    other = upstream_factory("other")
    other.commit({"else": "1"}, "another history")
    manifest = workspace / "sources.toml"
    replace(manifest, tool.url, other.url)
    for words in (("pin", "tool", "-n"), ("pin", "tool")):
        assert f"    from {other.url}; it was from {tool.url}\n" in hybrid(*words).out
    assert "it was from" not in hybrid("pin", "tool").out
    replace(manifest, other.url, tool.url)
    new = tool.commit({"README": "four"}, "four")
    hybrid("pin", "tool")
    hybrid("sync")
    assert lock(workspace)["tool"]["commit"] == new


def moved(tool: Upstream, option: str) -> str:
    """Move the tag of upstream, or rewrite its branch, and return the commit that is there now."""
    if option == "tag":
        tool.tag("v1", "main", force=True)
    else:
        tool.reset("main", "main~1")
        tool.commit({"README": "rewritten"}, "rewritten")
    return tool.rev("main")


def hints(told: str) -> list[str]:
    return [line.removeprefix("hint: ") for line in told.splitlines() if line.startswith("hint: ")]


WAYS = pytest.mark.parametrize(("option", "value"), [("tag", "v1"), ("branch", "main")])


@WAYS
def test_what_moved_upstream_is_not_taken_by_naming_its_commit_for_a_moment(
    hybrid: Hybrid, workspace: Path, tool: Upstream, option: str, value: str, begun: Begun
) -> None:
    begun(tool.url, f"--{option}", value)
    new = moved(tool, option)
    hybrid("pin", "tool", check=5)
    manifest = workspace / "sources.toml"
    before = manifest.read_text()
    replace(manifest, f'{option} = "{value}"', f'commit = "{new}"')
    hybrid("pin", "tool")
    manifest.write_text(before)
    for words in (("pin", "tool"), ("pin",), ("pin", "--all", "-n")):
        told = hybrid(*words, check=5).err
        assert f"{value}" in told
    hybrid("pin", "tool", "--to", new, *FORCE)
    hybrid("sync")
    hybrid("audit", "verify")


@WAYS
@pytest.mark.parametrize("by_url", [False, True])
def test_what_was_forced_is_not_taken_for_good_by_edits_that_cancel_out(
    hybrid: Hybrid,
    workspace: Path,
    tool: Upstream,
    upstream_factory: UpstreamFactory,
    option: str,
    value: str,
    by_url: bool,
    begun: Begun,
) -> None:
    begun(tool.url, f"--{option}", value)
    old, new = lock(workspace)["tool"]["commit"], moved(tool, option)
    hybrid("pin", "tool", "--to", new, *FORCE)
    hybrid("override", "revoke", hybrid("override", "list", "--json").json()["overrides"][0]["id"], "--reason", "over")
    manifest = workspace / "sources.toml"
    before = manifest.read_text()
    if by_url:
        other = upstream_factory("other")
        git("push", "-q", other.path, "main", "v1", cwd=tool.path)
        replace(manifest, tool.url, other.url)
    else:
        replace(manifest, f'{option} = "{value}"', f'commit = "{new}"')
    hybrid("pin", "tool")
    assert "override" not in lock(workspace)["tool"]
    manifest.write_text(before)
    for words in (("pin", "tool"), ("pin",), ("pin", "tool", "--to", new), ("pin", "--all", "-n")):
        told = hybrid(*words, check=6).err
        assert "was revoked" in told
    # What allowed it may be approved anew, and is the same exception then.
    hybrid("pin", "tool", "--to", new, *FORCE)
    first, second = sorted(hybrid("override", "list", "--json").json()["overrides"], key=lambda item: item["id"])
    assert (second["from_commit"], second["lifts"]) == (old, first["lifts"])
    hybrid("pin", "tool")
    assert lock(workspace)["tool"]["override"] == second["id"]
    hybrid("audit", "verify")
    hybrid("check", "overrides")
    hybrid("override", "revoke", second["id"], "--reason", "over")
    hybrid("pin", "tool", check=6)
    # Upstream is what it was: that needs no approval.
    if option == "tag":
        tool.tag("v1", old, force=True)
    else:
        tool.reset("main", old)
    hybrid("pin", "tool")
    assert lock(workspace)["tool"] | {"override": ""} == lock(workspace)["tool"] | {"override": "", "commit": old}
    hybrid("audit", "verify")


@WAYS
def test_what_follows_on_a_forced_pin_is_free(
    hybrid: Hybrid, workspace: Path, tool: Upstream, option: str, value: str, begun: Begun
) -> None:
    begun(tool.url, f"--{option}", value)
    new = moved(tool, option)
    hybrid("pin", "tool", "--to", new, *FORCE)
    manifest = workspace / "sources.toml"
    before = manifest.read_text()
    replace(manifest, f'{option} = "{value}"', f'commit = "{new}"')
    hybrid("pin", "tool")
    newer = tool.commit({"README": "newer"}, "newer")
    if option == "tag":
        tool.tag("v2")
        manifest.write_text(before.replace('"v1"', '"v2"'))
    else:
        manifest.write_text(before)
    hybrid("pin", "tool")
    assert lock(workspace)["tool"]["commit"] == newer
    hybrid("audit", "verify")


@WAYS
def test_the_hints_at_what_ended_lead_on(
    hybrid: Hybrid, workspace: Path, tool: Upstream, option: str, value: str, begun: Begun
) -> None:
    begun(tool.url, f"--{option}", value)
    new = moved(tool, option)
    hybrid("pin", "tool", "--to", new, *FORCE)
    (forced,) = hybrid("override", "list", "--json").json()["overrides"]
    stay = f"git hybrid pin tool --commit {new}"
    assert hints(hybrid("override", "revoke", forced["id"], "--reason", "over").err) == [stay]
    for command in ("pin", "sync"):
        assert hints(hybrid(command, "tool", check=6).err)[0] == stay
    # Without a name it moves nothing, and is no word on this one either.
    told = hybrid("pin", check=6).err
    assert (hints(told)[0], "every source has a valid pin" in told) == (stay, False)
    assert f"mend: {stay}" in hybrid("check", "overrides", check=1).out
    hybrid(*stay.split()[2:])
    hybrid("sync")
    hybrid("check")


def test_a_record_of_a_tag_that_the_lock_denies_is_told_and_pin_goes_on_from_the_lock(
    hybrid: Hybrid, workspace: Path, tool: Upstream
) -> None:
    git("init", "-q", "-b", "main", cwd=workspace)
    started(hybrid, tool.url, "--tag", "v1", "--name", "tool")
    git("add", "-A", cwd=workspace)
    log, good = workspace / LOG, tool.rev("main~1")
    (first,) = (line for line in map(json.loads, log.read_text().splitlines()) if line["event"] == "pin")
    event = Event(event="pin", source="tool", before=good, after="a" * 40, detail=first["detail"])
    who = {"operator": first["operator"], "command_id": first["command_id"], "log_id": "x"}
    append_records(log, extend(read_log(log).tail, [event], at=datetime.now(UTC), **who))
    git("add", "-A", cwd=workspace)
    told = f"moves tool with its tag to {'a' * 12} without an override, and state/sources.lock has it at {good[:12]}"
    mend = f"mend: git hybrid pin tool --to {good}"
    shown = hybrid("check", "audit", check=1).out
    assert (told in shown, mend in shown) == (True, True)
    assert told in run_hybrid(program="git-hybrid-hook-audit", cwd=workspace, check=1).out
    assert told in hybrid("audit", "verify", check=5).out
    hybrid("sync")
    # Where upstream has the tag is what counts: here as the lock has it, elsewhere where it moved.
    before = log.read_bytes()
    hybrid("pin", "tool")
    hybrid("check")
    log.write_bytes(before)
    tool.tag("v1", "main", force=True)
    told = hybrid("pin", "tool", check=5).err
    assert f"upstream moved refs/tags/v1: it was {good}, it is {tool.rev('main')}" in told


WAYS = {
    "bare": ("", {}),
    "by a name alone": ("ovr-01M8Q4AWKQSG1DJT3ER1YXT2F0", {}),
    "as of another tag": ("", {"ref": "refs/tags/v0"}),
    "as of a commit": ("", {"tag": None, "commit": "1" * 40}),
}


@pytest.mark.parametrize(("named", "lie"), WAYS.values(), ids=list(WAYS))
def test_a_record_without_an_override_lets_no_tag_move(
    hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun, named: str, lie: dict[str, str | None]
) -> None:
    begun(tool.url, "--tag", "v1", "--name", "tool")
    log, good = workspace / LOG, tool.rev("main~1")
    before, text = log.read_bytes(), (workspace / "sources.toml").read_bytes()
    tool.tag("v1", "main", force=True)
    hybrid("pin", "tool", check=5)
    # The table is as pin would write it, and so is the record but for the override.
    hybrid("remove", "tool")
    hybrid("add", tool.url, "--tag", "v1", "--name", "tool")
    log.write_bytes(before)
    (workspace / "sources.toml").write_bytes(text)
    layout, name = Layout(workspace), SourceName("tool")
    pin = reading.lock(layout).pins[name]
    source = decode_manifest(text).sources[name]
    pin = replaced(pin, first_seen=datetime.now(UTC).replace(microsecond=0))
    layout.lock.write_bytes(encode_lock(Lock(pins={name: pin})))
    told_of = pinned_as(pin, source)
    detail = {key: value for key, value in (told_of | lie).items() if value is not None}
    event = Event(event="pin", source="tool", before=good, after=pin.commit, detail=detail)
    # Nobody made the override that is named, and the last record names none, as the lock.
    first = [replaced(event, detail={**told_of, "rests_on": named})] if named else []
    who = {"operator": "Ada <ada@example.org>", "command_id": "01M8KG3RAWPPARBR1EBC4MY8PZ", "log_id": "x"}
    append_records(log, extend(read_log(log).tail, [*first, event], at=pin.first_seen, **who))
    told = hybrid("check", "audit", check=1).out
    assert f"tool was moved with its tag from {good[:12]} to {pin.commit[:12]} by a record without an override" in told
    assert "unexplained-move" in hybrid("audit", "verify", check=5).out
    assert ("which no record made for that commit" in told) == bool(named)
    assert ("has the digest of the pin that state/sources.lock has for tool" in told) == bool(lie)
    assert "was moved without an override" in hybrid("sync", check=5).err
    # Back by an approval, since upstream has its tag elsewhere; or a beginning that the log shows.
    hybrid("pin", "tool", "--to", good, *FORCE)
    hybrid("check", "audit", check=1 if named else 0)
    hybrid("sync")
    hybrid("remove", "tool")
    hybrid("add", tool.url, "--tag", "v1", "--name", "tool")
    hybrid("check", "audit")
    hybrid("sync")
