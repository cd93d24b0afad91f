"""The inventory of mirrors: recorded, verified against the lock, shown in status, and fresh or refused."""

from __future__ import annotations

import json
import shutil
import socket
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.beginning import Beginning
from support.cli import Hybrid, Result
from support.governed import shifted
from support.injection import audit
from support.kit import git, head, leave_unfinished, lock, logging_git, replace, state
from support.upstream import Upstream, UpstreamFactory

HASTY = '[defaults]\nstall = "1s"\nretry = { attempts = 1, initial = "10ms", maximum = "10ms" }\n'
WHO = "Infra <infra@example.org>"


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    upstream.commit({"a.txt": "one\n"})
    upstream.commit({"a.txt": "two\n"})
    return upstream


@pytest.fixture
def ws(tool: Upstream, workspace: Path, hybrid: Hybrid, beginning: Beginning) -> Path:
    def make() -> None:
        hybrid("init")
        hybrid("add", tool.url)

    beginning(workspace, make)
    return workspace


@pytest.fixture
def base(tmp_path: Path, tool: Upstream) -> Path:
    """A mirror as `git clone --mirror` makes one."""
    folder = tmp_path / "mirror"
    copy(tool, folder)
    return folder


def copy(upstream: Upstream, folder: Path) -> Path:
    target = repository(upstream, folder)
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    git("clone", "-q", "--mirror", "--no-hardlinks", upstream.path, target, cwd=upstream.path)
    return target


def repository(upstream: Upstream, folder: Path) -> Path:
    return folder / "localhost" / str(upstream.path).lstrip("/")


@pytest.mark.parametrize(
    ("end", "folder"),
    [("{name}", "tool"), ("{name}", "tool.git"), ("{name}.git", "tool.git"), ("{name}/git", "tool/git")],
)
def test_a_base_with_a_name_in_it_is_taken_as_it_is_written(
    ws: Path, tool: Upstream, hybrid: Hybrid, tmp_path: Path, end: str, folder: str
) -> None:
    target = tmp_path / "flat" / folder
    target.parent.mkdir(parents=True)
    git("clone", "-q", "--mirror", "--no-hardlinks", tool.path, target, cwd=tool.path)
    hybrid("sync", env={"GIT_HYBRID_MIRRORS": f"{(tmp_path / 'flat').as_uri()}/{end}"})
    assert head(ws) == tool.rev("main")
    assert state(ws)["tool"]["served_by"].endswith(f"/flat/{end.replace('{name}', 'tool')}")


def record(hybrid: Hybrid, folder: Path, name: str = "corp") -> None:
    hybrid("mirror", "add", name, folder.as_uri(), "--owner", WHO)


def inventory(ws: Path) -> dict[str, Any]:
    document = json.loads((ws / "state/sources-mirrors.json").read_text())
    assert document["schema_version"] == 1
    return {entry["name"]: entry for entry in document["mirrors"]}


def rows(done: Result) -> dict[str, Any]:
    return {row["name"]: row for row in done.json()["sources"]}


def test_a_mirror_is_recorded_and_removed(ws: Path, base: Path, hybrid: Hybrid) -> None:
    record(hybrid, base)
    entry = inventory(ws)["corp"]
    assert entry["base_url"] == base.as_uri()
    assert (entry["kind"], entry["owner"], entry["verified_at"], entry["sources"]) == ("mirror", WHO, None, {})
    last = (ws / "state/sources-audit.jsonl").read_text().splitlines()[-1]
    assert json.loads(last)["event"] == "mirror-add"
    assert json.loads(last)["hash"] == entry["audit_hash"]
    before = (ws / "state/sources-mirrors.json").read_bytes()
    record(hybrid, base)
    assert (ws / "state/sources-mirrors.json").read_bytes() == before
    (ws / "state/sources-mirrors.json").unlink()
    assert "mirror.corp: is in the audit log and not here" in hybrid("check", "mirrors", check=1).out
    (ws / "state/sources-mirrors.json").write_bytes(before)
    assert hybrid("mirror", "list", "--json").json()["mirrors"][0]["owner"] == WHO
    assert "corp" in hybrid("mirror", "list").out
    hybrid("mirror", "add", "corp", "file:///elsewhere", "--owner", WHO, check=2)
    too_long = hybrid("mirror", "add", "long", "file:///elsewhere", "--owner", "x" * 5000, check=2).err
    assert "error: --owner: '" in too_long
    assert "is longer than 4096 characters" in too_long
    secret = hybrid("mirror", "add", "told", "file:///elsewhere", "--owner", "ghp_c4n4ryc4n4ry", check=2).err
    assert "error: --owner: '***': holds a secret, and would stay" in secret
    hybrid("sync", env={"GIT_HYBRID_MIRRORS": base.as_uri()})
    hybrid("mirror", "remove", "nobody", check=2)
    assert "removed mirror corp from" in hybrid("mirror", "remove", "corp", "corp").err
    # It is gone for good: what it had served is told by the log alone, and no check asks for its return.
    last = (ws / "state/sources-audit.jsonl").read_text().splitlines()[-1]
    assert json.loads(last)["detail"] == {"mirror": "corp", "served": ["tool"]}
    assert "served_by" not in state(ws)["tool"]
    hybrid("check")
    hybrid("audit", "verify")
    assert "nothing to verify: no mirror is recorded" in hybrid("mirror", "verify").err
    assert inventory(ws) == {}
    hybrid("remove", "tool")
    for words in (["mirror", "update", ws.parent / "none"], ["bundle", "create", "-o", ws.parent / "none.bundle"]):
        assert "no sources yet\nhint: git hybrid add " in hybrid(*words).err
    hybrid("mirror", "remove", "corp", check=2)


@pytest.mark.parametrize(
    "arguments",
    [
        ["corp", "http://example.org", "--owner", WHO],
        ["../corp", "https://example.org", "--owner", WHO],
        ["corp", "https://user:secret@example.org", "--owner", WHO],
        ["corp", "https://example.org/{branch}", "--owner", WHO],
        ["corp", "https://example.org/a,https://example.org/b", "--owner", WHO],
        ["corp", "https://example.org", "--owner", " "],
        ["corp", "https://example.org"],
        ["corp", "https://example.org", "--owner", WHO, "--kind", "bundle"],
    ],
)
def test_what_is_no_mirror_is_refused(ws: Path, hybrid: Hybrid, arguments: list[str]) -> None:
    done = hybrid("mirror", "add", *arguments, check=2)
    assert "secret" not in done.err
    assert not (ws / "state/sources-mirrors.json").exists()


def test_a_good_mirror_is_verified(ws: Path, base: Path, tool: Upstream, hybrid: Hybrid) -> None:
    record(hybrid, base)
    done = hybrid("mirror", "verify", "--json")
    assert rows(done)["tool"]["outcome"] == "verified"
    held = inventory(ws)["corp"]["sources"]
    assert held["tool"]["commit"] == tool.rev("main")
    assert held["tool"]["ok"] is True
    assert inventory(ws)["corp"]["verified_at"] == held["tool"]["checked_at"]
    hybrid("mirror", "verify", "nobody", check=2)
    for name, word in (("GIT_HYBRID_MIRRORS", "off"), ("GIT_HYBRID_OFFLINE", "1")):
        told = hybrid("mirror", "verify", env={name: word}, check=4).err
        assert told.startswith(f"error: corp has to be asked at {base.as_uri()}, and the network is forbidden ({name}")
        assert "corp.bundle" not in told
    hybrid("remove", "tool")
    hybrid("mirror", "verify")
    assert inventory(ws)["corp"]["sources"] == {}


def test_a_mirror_can_be_verified_while_a_run_is_unfinished(ws: Path, hybrid: Hybrid, base: Path) -> None:
    record(hybrid, base)
    leave_unfinished(hybrid, ws)
    before = inventory(ws)
    told = hybrid("mirror", "verify").err
    assert "nothing was recorded" in told
    assert "git hybrid resume" in told
    assert inventory(ws) == before
    assert (ws / "state/resume.json").is_file()
    hybrid("resume")
    assert "nothing was recorded" not in hybrid("mirror", "verify").err
    assert inventory(ws) != before


def test_what_pin_fetched_was_served_by_whom_it_asked(ws: Path, base: Path, tool: Upstream, hybrid: Hybrid) -> None:
    hybrid("sync")
    assert state(ws)["tool"]["served_by"] == tool.url
    tool.commit({"a.txt": "three\n"})
    copy(tool, base)
    env = {"GIT_HYBRID_MIRRORS": base.as_uri()}
    hybrid("pin", "tool", env=env)
    hybrid("sync", "--offline")
    assert state(ws)["tool"]["served_by"] == repository(tool, base).as_uri()
    assert "is in use and not recorded" in hybrid("check", "mirrors", check=1).out


def test_a_mirror_without_the_repository_lacks_it(ws: Path, tmp_path: Path, hybrid: Hybrid) -> None:
    (tmp_path / "empty").mkdir()
    record(hybrid, tmp_path / "empty")
    done = hybrid("mirror", "verify", "--json", check=1)
    assert rows(done)["tool"]["error"]["code"] == "mirror-lacks"
    assert inventory(ws)["corp"]["sources"]["tool"]["ok"] is False


def test_a_mirror_without_the_branch_or_the_pin_lacks_it(ws: Path, base: Path, tool: Upstream, hybrid: Hybrid) -> None:
    record(hybrid, base)
    hybrid("sync")
    pinned = tool.commit({"a.txt": "three\n"})
    hybrid("pin", "tool")
    done = hybrid("mirror", "verify", "--json", check=1)
    assert rows(done)["tool"]["error"]["code"] == "mirror-lacks"
    # A clone whose history is cut off knows no better, whatever the manifest asks for by now.
    hybrid("sync")
    (ws / "sources/tool/.git/shallow").write_text(f"{pinned}\n")
    done = hybrid("mirror", "verify", "--json", check=1)
    assert rows(done)["tool"]["error"]["code"] == "mirror-lacks"
    git("update-ref", "-d", "refs/heads/main", cwd=repository(tool, base))
    done = hybrid("mirror", "verify", "--json", check=1)
    assert rows(done)["tool"]["error"]["code"] == "mirror-lacks"


def test_a_mirror_that_lags_is_told(ws: Path, base: Path, tool: Upstream, hybrid: Hybrid) -> None:
    record(hybrid, base)
    hybrid("sync")
    tool.commit({"a.txt": "three\n"})
    done = hybrid("mirror", "verify", "--json", check=1)
    assert rows(done)["tool"]["error"]["code"] == "mirror-behind"
    # Without leave to ask the origin, the newest commit that is known counts: the pin, which the mirror has.
    env = {"GIT_HYBRID_MIRRORS": base.as_uri()}
    hybrid("mirror", "verify", env=env)
    # A newer commit that was seen once stays known, also once the log was rotated.
    replace(ws / "sources.toml", "[policy]", '[policy]\nmin_release_age = "9d"')
    hybrid("pin", "tool", check=6)
    hybrid("audit", "rotate")
    done = hybrid("mirror", "verify", "--json", env=env, check=1)
    assert rows(done)["tool"]["error"]["code"] == "mirror-behind"


def test_how_far_a_mirror_lags_is_told_without_a_look_at_files(
    ws: Path, base: Path, tool: Upstream, hybrid: Hybrid, tmp_path: Path
) -> None:
    record(hybrid, base)
    tool.commit({"a.txt": "three\n"})
    hybrid("pin", "tool")
    hybrid("sync")
    approval = ("--request", "CHG-1", "--approver", WHO, "--reason", "broken", "--expires", "5d")
    hybrid("pin", "tool", "--to", tool.rev("main~1"), "--force", *approval)
    env, log = logging_git(tmp_path / "logging")
    assert "1 commit, the newest known is" in hybrid("mirror", "verify", env=env, check=1).err
    assert "diff-tree" not in log.read_text()


def test_another_history_is_a_lie(ws: Path, base: Path, tool: Upstream, hybrid: Hybrid) -> None:
    record(hybrid, base)
    hybrid("sync")
    evil = Upstream(path=repository(tool, base))
    evil.commit({"a.txt": "evil\n"}, parents=["main~1"])
    done = hybrid("mirror", "verify", "--json", check=5)
    assert rows(done)["tool"]["error"]["code"] == "mirror-lies"


@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/tags/v9.0.0"])
def test_what_upstream_does_not_have_is_a_lie(ws: Path, base: Path, tool: Upstream, hybrid: Hybrid, ref: str) -> None:
    if "tags" in ref:
        tool.tag("v1.0.0")
        copy(tool, base)
        replace(ws / "sources.toml", 'branch = "main"', 'version = ">=1"')
        hybrid("pin")
    record(hybrid, base)
    bare = repository(tool, base)
    made = git("commit-tree", "-p", "main", "-m", "made up", "main^{tree}", cwd=bare)
    git("update-ref", ref, made, cwd=bare)
    assert f"{ref} stands at {made}, which upstream does not have" in hybrid("mirror", "verify", check=5).err
    # Where upstream may not be asked nothing tells.
    hybrid("mirror", "verify", env={"GIT_HYBRID_MIRRORS": base.as_uri()})


def test_a_shallow_mirror_lacks_history_and_the_next_server_is_asked(
    ws: Path, tool: Upstream, hybrid: Hybrid, tmp_path: Path
) -> None:
    target = repository(tool, tmp_path / "shallow")
    target.parent.mkdir(parents=True)
    git("clone", "-q", "--bare", "--depth", "1", tool.path.as_uri(), target, cwd=ws)
    base = (tmp_path / "shallow").as_uri()
    assert "upstream itself was not" in hybrid("sync", env={"GIT_HYBRID_MIRRORS": base}, check=5).err
    hybrid("sync", env={"GIT_HYBRID_MIRRORS": f"{base},direct"})
    hybrid("mirror", "add", "corp", base, "--owner", WHO)
    assert "the mirror corp lacks what came before refs/heads/main" in hybrid("mirror", "verify", check=1).err


def test_another_repository_is_a_lie(ws: Path, base: Path, tool: Upstream, hybrid: Hybrid) -> None:
    record(hybrid, base)
    Upstream(path=repository(tool, base)).commit({"x": "other\n"}, parents=())
    done = hybrid("mirror", "verify", "--json", check=5)
    assert "another repository" in str(rows(done)["tool"]["error"])


def test_a_moved_tag_is_a_lie(tool: Upstream, workspace: Path, hybrid: Hybrid, tmp_path: Path) -> None:
    tool.tag("v1.0.0")
    hybrid("init")
    hybrid("add", tool.url, "--tag", "v1.0.0")
    folder = tmp_path / "mirror"
    evil = Upstream(path=copy(tool, folder))
    evil.tag("v1.0.0", "main~1", force=True)
    record(hybrid, folder)
    assert "the mirror corp serves what upstream does not have" in hybrid("mirror", "verify", check=5).err
    alone = hybrid("mirror", "verify", env={"GIT_HYBRID_MIRRORS": folder.as_uri()}, check=5)
    assert "the mirror corp serves another tag than the pinned one" in alone.err
    assert not inventory(workspace)["corp"]["sources"]["tool"]["ok"]


def test_a_tag_that_upstream_moved_is_no_lie_of_its_mirror(
    tool: Upstream, workspace: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    tool.tag("v1.0.0")
    hybrid("init")
    hybrid("add", tool.url, "--tag", "v1.0.0")
    tool.tag("v1.0.0", "main~1", force=True)
    copy(tool, tmp_path / "mirror")
    record(hybrid, tmp_path / "mirror")
    done = hybrid("mirror", "verify", check=5)
    assert "upstream moved refs/tags/v1.0.0" in done.err
    assert not inventory(workspace)["corp"]["sources"]


def test_replaced_content_is_not_served(ws: Path, base: Path, tool: Upstream, hybrid: Hybrid) -> None:
    """A replace ref shows other content under the same id to whoever honours it."""
    bare = repository(tool, base)
    evil = Upstream(path=bare)
    other = evil.commit({"a.txt": "evil\n"}, branch="evil", parents=["main~1"])
    evil.git("replace", tool.rev("main"), other)
    record(hybrid, base)
    hybrid("mirror", "verify", env={"GIT_HYBRID_MIRRORS": base.as_uri()})
    hybrid("sync", env={"GIT_HYBRID_MIRRORS": base.as_uri()})
    assert (ws / "sources/tool/a.txt").read_text() == "two\n"


def test_a_damaged_repository_is_not_ok(ws: Path, base: Path, tool: Upstream, hybrid: Hybrid) -> None:
    record(hybrid, base)
    git("repack", "-adq", cwd=repository(tool, base))
    pack = next((repository(tool, base) / "objects/pack").glob("*.pack"))
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 0xFF
    pack.chmod(0o644)
    pack.write_bytes(data)
    done = hybrid("mirror", "verify", check=None)
    assert done.code in (4, 5)
    assert not inventory(ws)["corp"]["sources"].get("tool", {}).get("ok", False)


def test_a_server_that_is_not_there(ws: Path, hybrid: Hybrid) -> None:
    replace(ws / "sources.toml", "[defaults]", "[defaults]\nretry = { attempts = 1 }")
    hybrid("mirror", "add", "corp", "https://localhost:1", "--owner", WHO)
    hybrid("mirror", "verify", check=4)
    assert inventory(ws)["corp"]["verified_at"] is None
    hybrid("mirror", "verify", env={"GIT_HYBRID_OFFLINE": "1"}, check=4)


def test_what_is_hinted_at_for_a_mirror_that_lacks_something_can_be_typed(
    ws: Path, tool: Upstream, hybrid: Hybrid, tmp_path: Path
) -> None:
    (tmp_path / "bd").mkdir()
    bundles, empty = tmp_path / "bd", tmp_path / "empty"
    for name, base, kind in (
        ("bundles", bundles.as_uri(), "bundle"),
        ("fields", f"{empty.as_uri()}/{{name}}", "mirror"),
        ("plain", empty.as_uri(), "mirror"),
    ):
        hybrid("mirror", "add", name, base, "--owner", WHO, "--kind", kind)
    found = hybrid("mirror", "verify", "--json", check=1).json()["sources"]
    made = f"git bundle create {bundles}/tool.bundle HEAD --all"
    assert {row["detail"]["mirror"]: row["error"]["hints"] for row in found} == {
        "bundles": [f"in a clone of upstream: {made}"],
        "fields": ["where the mirror is filled: git hybrid mirror update DIR"],
        "plain": ["git hybrid mirror update plain"],
    }
    git(*made.split()[1:], cwd=tool.path)
    hybrid("mirror", "verify", "bundles")
    assert "is a folder of bundles" in hybrid("mirror", "update", "bundles", check=2).err
    assert "its base URL has fields" in hybrid("mirror", "update", "fields", check=2).err
    hybrid("mirror", "add", "web", "https://example.org", "--owner", WHO)
    assert "its base URL is no folder" in hybrid("mirror", "update", "web", check=2).err
    told = hybrid("diag", check=None).out
    assert "git hybrid mirror update DIR, then git hybrid mirror verify web" in told


def test_a_folder_of_bundles_is_a_mirror_too(ws: Path, tool: Upstream, hybrid: Hybrid, tmp_path: Path) -> None:
    folder = tmp_path / "git bundles"
    folder.mkdir()
    hybrid("mirror", "add", "disk", folder.as_uri(), "--owner", WHO, "--kind", "bundle")
    assert f"git bundle create '{folder}/tool.bundle'" in hybrid("mirror", "verify", check=1).err
    git("bundle", "create", "-q", folder / "tool.bundle", "--all", cwd=tool.path)
    hybrid("mirror", "verify")
    hybrid("sync", "--offline", env={"GIT_HYBRID_BUNDLE_DIR": str(folder)})
    assert "tool: served by mirror disk, " in hybrid("status").out


def test_status_says_who_served(ws: Path, base: Path, hybrid: Hybrid) -> None:
    env = {"GIT_HYBRID_MIRRORS": base.as_uri()}
    hybrid("sync", env=env)
    assert "not in the inventory of mirrors" in hybrid("status").out
    record(hybrid, base)
    hybrid("mirror", "verify", env=env)
    path = ws / "state/sources-mirrors.json"
    document = json.loads(path.read_text())
    document["mirrors"][0]["sources"]["tool"]["checked_at"] = "2020-01-01T00:00:00Z"
    path.write_text(json.dumps(document))
    out = hybrid("status").out
    assert "tool: served by mirror corp, " in out
    assert " d old, too old to pin from" in out
    served = hybrid("status", "--json").json()["sources"][0]["mirror"]
    assert (served["name"], served["stale"]) == ("corp", True)
    assert served["age_seconds"] > 86400


def test_a_stale_mirror_is_refused_for_pin_and_not_for_sync(
    ws: Path, base: Path, tool: Upstream, hybrid: Hybrid, tmp_path: Path
) -> None:
    env = {"GIT_HYBRID_MIRRORS": base.as_uri()}
    record(hybrid, base)
    hybrid("mirror", "verify")
    replace(ws / "sources.toml", "[policy]", '[policy]\nmirror_max_staleness = "0s"')
    before = (ws / "state/sources.lock").read_bytes()
    done = hybrid("pin", "tool", env=env, check=6)
    assert "git hybrid mirror verify corp" in done.err
    hybrid("add", tool.url, "--name", "again", env=env, check=6)
    assert "corp" in hybrid("outdated", env=env, check=6).err
    hybrid("diff", "--upstream", env=env, check=6)
    assert "stale: tool" in hybrid("mirror", "list").out
    # What is newer comes from the next one in the list, which may be asked.
    tool.commit({"a.txt": "three\n"})
    both = {"GIT_HYBRID_MIRRORS": f"{base.as_uri()},direct"}
    assert hybrid("outdated", "--exit-code", env=both, check=1).out.startswith("tool  outdated")
    assert tool.rev("main")[:10] in hybrid("pin", "-n", "tool", env=both).out
    assert (ws / "state/sources.lock").read_bytes() == before
    hybrid("sync", env=env)
    assert head(ws) == lock(ws)["tool"]["commit"]
    replace(ws / "sources.toml", '"0s"', '"1h"')
    hybrid("pin", "tool", env=env)


def test_where_upstream_is_not_asked_a_folder_is_as_old_as_its_list_says(
    ws: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    folder = tmp_path / "filled"
    hybrid("mirror", "update", folder)
    record(hybrid, folder)
    replace(ws / "sources.toml", "[policy]", '[policy]\nmirror_max_staleness = "7d"')
    path = folder / "mirror.json"
    document = json.loads(path.read_text())
    document["repositories"][0]["checked_at"] = "2020-01-01T00:00:00Z"
    path.write_text(json.dumps(document))
    env = {"GIT_HYBRID_MIRRORS": folder.as_uri()}
    assert "last compared with upstream" in hybrid("mirror", "verify", env=env).out
    assert inventory(ws)["corp"]["sources"]["tool"]["checked_at"] == "2020-01-01T00:00:00Z"
    refused = hybrid("pin", "tool", env=env, check=6).err
    hints = [line.removeprefix("hint: ") for line in refused.splitlines() if line.startswith("hint: ")]
    wider = f"{folder.as_uri()},direct"
    assert hints == [
        "where the mirror is filled: git hybrid mirror update corp",
        f"or let upstream be asked too: export GIT_HYBRID_MIRRORS={wider}",
        "then: git hybrid mirror verify corp",
    ]
    env = {"GIT_HYBRID_MIRRORS": wider}
    hybrid("mirror", "update", "corp", env=env)
    hybrid("mirror", "verify", "corp", env=env)
    hybrid("pin", "tool", env={"GIT_HYBRID_MIRRORS": folder.as_uri()})
    # Of a list that tells no time the check tells all.
    path.write_text(path.read_text().replace('"checked_at": "2', '"checked_at": "x2'))
    assert "compared" not in hybrid("mirror", "verify", env={"GIT_HYBRID_MIRRORS": folder.as_uri()}).out


def test_a_folder_that_another_one_filled_is_as_old_as_what_it_came_from(
    ws: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    hybrid("mirror", "update", first)
    path, other, old = first / "mirror.json", second / "mirror.json", "2020-01-01T00:00:00Z"
    document = json.loads(path.read_text())
    document["repositories"][0]["checked_at"] = old
    path.write_text(json.dumps(document))
    env = {"GIT_HYBRID_MIRRORS": first.as_uri()}
    hybrid("mirror", "update", second, env=env)
    assert json.loads(other.read_text())["repositories"][0]["checked_at"] == old
    # Since upstream itself was asked the older word takes nothing back.
    hybrid("mirror", "update", second)
    newer = json.loads(other.read_text())["repositories"][0]["checked_at"]
    hybrid("mirror", "update", second, env=env)
    assert json.loads(other.read_text())["repositories"][0]["checked_at"] == newer > old


def test_a_freshness_that_was_edited_is_not_believed_and_told(
    ws: Path, base: Path, tool: Upstream, hybrid: Hybrid
) -> None:
    env = {"GIT_HYBRID_MIRRORS": base.as_uri()}
    git("init", "-q", "-b", "main", cwd=ws)
    record(hybrid, base)
    hybrid("mirror", "verify")
    git("add", "-A", cwd=ws)
    git("commit", "-qm", "verified", cwd=ws)
    path = ws / "state/sources-mirrors.json"
    right, commit = path.read_text(), lock(ws)["tool"]["commit"]
    replace(ws / "sources.toml", "[policy]", '[policy]\nmirror_max_staleness = "2m"')
    tool.commit({"a.txt": "three\n"})
    hybrid("check", "audit")
    later = datetime.now(UTC) + timedelta(hours=1)
    document = json.loads(right)
    entry = document["mirrors"][0]
    entry["verified_at"] = entry["sources"]["tool"]["checked_at"] = f"{later:%Y-%m-%dT%H:%M:%SZ}"
    path.write_text(json.dumps(document))
    ahead = env | shifted("+1h")
    hybrid("pin", "tool", env=ahead, check=6)
    told = hybrid("check", "audit", check=1).out
    assert "no record tells of the mirror corp what state/sources-mirrors.json says" in told
    assert "mirror-edited" in hybrid("audit", "verify", check=5).out
    assert "is not what the audit log tells" in hybrid("check", "mirrors", check=1).out
    listed = hybrid("mirror", "list")
    assert ("never verified" in listed.out, "hint: git hybrid mirror verify corp\n" in listed.err) == (True, True)
    # Asking it again proves nothing of the time before: it is behind, and stays too old.
    hybrid("mirror", "verify", env=shifted("+1h"), check=1)
    hybrid("audit", "verify", env=shifted("+1h"))
    hybrid("pin", "tool", env=ahead, check=6)
    assert lock(ws)["tool"]["commit"] == commit
    git("checkout", "-q", "--", "state", cwd=ws)
    assert path.read_text() == right
    hybrid("audit", "verify")


def test_without_direct_the_origin_is_never_asked(
    ws: Path, base: Path, tool: Upstream, hybrid: Hybrid, tmp_path: Path
) -> None:
    env = {"GIT_HYBRID_MIRRORS": base.as_uri()}
    record(hybrid, base)
    tool.path.rename(tool.path.with_name("gone.git"))
    hybrid("sync", env=env)
    hybrid("pin", "tool", env=env)
    hybrid("mirror", "verify", env=env)


def test_what_the_mirrors_before_said_is_told_where_the_last_is_down(
    ws: Path, base: Path, tool: Upstream, hybrid: Hybrid, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_HYBRID_CACHE_DIR", "")
    tool.commit({"a.txt": "three\n"})
    hybrid("pin", "tool")
    done = hybrid("sync", env={"GIT_HYBRID_MIRRORS": f"{base.as_uri()},file:///nowhere"}, check=4)
    assert f"cause: not served by {base.as_uri()}/localhost{tool.path} (it does not have the commit)\n" in done.err
    assert "not served by file:///nowhere" not in done.err


@pytest.mark.parametrize("history", ["full", "shallow"])
def test_nobody_else_is_asked_after_a_mirror_that_serves_another_repository(
    ws: Path, base: Path, tool: Upstream, hybrid: Hybrid, history: str
) -> None:
    replace(ws / "sources.toml", 'branch = "main"\n', f'branch = "main"\nhistory = "{history}"\n')
    hybrid("pin", "tool")
    mirror = repository(tool, base)
    who = "-c", "user.name=A", "-c", "user.email=a@example.org"
    other = git(*who, "commit-tree", "main^{tree}", "-m", "other", cwd=mirror)
    git("update-ref", "refs/heads/main", other, cwd=mirror)
    done = hybrid("sync", env={"GIT_HYBRID_MIRRORS": f"{base.as_uri()},direct"}, check=5)
    assert f"error: tool: another repository is served at {base.as_uri()}" in done.err
    assert not (ws / "sources/tool").exists()


def test_an_entry_that_lacks_a_field_stays_until_it_is_recorded_again(ws: Path, base: Path, hybrid: Hybrid) -> None:
    record(hybrid, base)
    path = ws / "state/sources-mirrors.json"
    document = json.loads(path.read_text())
    del document["mirrors"][0]["owner"]
    path.write_text(json.dumps(document))
    hybrid("status")
    assert "lacks owner" in hybrid("mirror", "list").out
    hybrid("mirror", "add", "other", "https://example.org", "--owner", WHO)
    assert "owner" not in inventory(ws)["corp"]
    record(hybrid, base)
    assert inventory(ws)["corp"]["owner"] == WHO
    assert len({line.index(WHO) for line in hybrid("mirror", "list").out.splitlines()}) == 1


def test_check_demands_a_record_of_what_is_in_use(ws: Path, base: Path, hybrid: Hybrid) -> None:
    hybrid("check", "mirrors")
    env = {"GIT_HYBRID_MIRRORS": base.as_uri()}
    assert f"git hybrid mirror add NAME {base.as_uri()} --owner WHO" in hybrid("check", "mirrors", env=env, check=1).out
    hybrid("sync", env=env)
    hybrid("check", "mirrors", check=1)
    record(hybrid, base)
    hybrid("check", "mirrors", env=env)
    hybrid("check", "mirrors")
    path = ws / "state/sources-mirrors.json"
    document = json.loads(path.read_text())
    del document["mirrors"][0]["owner"]
    path.write_text(json.dumps(document))
    assert "lacks owner" in hybrid("check", "mirrors", check=1).out


def test_the_id_of_the_command_is_in_its_output(ws: Path, base: Path, hybrid: Hybrid) -> None:
    for words in (["add", "corp", base.as_uri(), "--owner", WHO], ["remove", "corp"]):
        document = hybrid("mirror", *words, "--json").json()
        last = (ws / "state/sources-audit.jsonl").read_text().splitlines()[-1]
        assert json.loads(last)["command_id"] == document["command_id"]


def test_a_leftover_is_told_by_every_writer(ws: Path, base: Path, hybrid: Hybrid) -> None:
    path, remove = ws / "state/sources.json.tmp", ["mirror", "remove", "corp"]
    for words in (["mirror", "add", "corp", base.as_uri(), "--owner", WHO], remove, remove, ["pin"]):
        path.write_text("{")
        told = hybrid(*words, check=None).err
        assert told.count("removed state/sources.json.tmp, which an interrupted run left") == 1
        assert not path.exists()
    # What records nothing, since there is no such mirror any more, or nothing to pin, leaves no record of that either.
    told = [record["event"] for record in audit(ws) if "leftovers" in record.get("detail", {})]
    assert told == ["intent", "intent"]


def test_a_changed_url_is_no_mirror(ws: Path, tool: Upstream, hybrid: Hybrid) -> None:
    hybrid("sync")
    moved = tool.path.with_name("moved.git")
    tool.path.rename(moved)
    replace(ws / "sources.toml", tool.url, moved.as_uri())
    hybrid("pin")
    hybrid("sync")
    hybrid("check", "mirrors")


@pytest.mark.parametrize(
    "base", ["https://u:{}@h.example", "https://h.example/{{path}}?private_token={}", "https://h/#{}"]
)
def test_a_base_url_that_is_refused_shows_no_secret(workspace: Path, hybrid: Hybrid, base: str) -> None:
    hybrid("init")
    told = hybrid("mirror", "add", "m", base.format("CANARY"), "--owner", "me", check=2).err
    assert "'(hidden)'" in told
    assert "CANARY" not in told


def test_a_mirror_that_takes_connections_and_says_nothing_is_passed_as_a_slow_one(ws: Path, hybrid: Hybrid) -> None:
    replace(ws / "sources.toml", "[defaults]\n", HASTY)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mirror, begun = f"https://127.0.0.1:{silent.getsockname()[1]}", time.monotonic()
        done = hybrid("sync", env={"GIT_HYBRID_MIRRORS": f"{mirror},direct"})
    assert "tool: try 1 of 1 failed (timeout)" in done.err
    assert time.monotonic() - begun < 30
