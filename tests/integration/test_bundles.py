"""Bundle files: made, verified to the last byte, applied in another workspace, and refused when they are not right."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import pytest

from git_hybrid.core.errors import BadBundle, HybridError
from git_hybrid.core.ids import parse_name
from git_hybrid.core.lock import pin_digest
from git_hybrid.core.manifest import config_digest
from git_hybrid.store.bundlefile import read_bundle
from git_hybrid.store.lockfile import decode_lock
from git_hybrid.store.manifest import decode_manifest
from git_hybrid.store.parsing import encode_json
from support.beginning import Beginning
from support.bundles import offline, rebuilt
from support.cli import Hybrid, executable
from support.governed import signed_line
from support.kit import NOBODY, errors, git, head, leave_unfinished, lock, logging_git, replace, snapshot, state
from support.scanners import a_scanner, use
from support.upstream import Upstream, UpstreamFactory

RECORDS = ("state/sources.lock", "state/sources.json", "state/sources-audit.jsonl")


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    for number in range(6):
        upstream.commit({"a.txt": f"{number}\n" * 200, f"f{number}": f"{number}" * 3000})
    upstream.tag("v1.0.0")
    return upstream


@pytest.fixture
def lib(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory("lib")
    upstream.commit({"lib.txt": "lib\n"})
    upstream.tag("v1.0.0")
    upstream.commit({"lib.txt": "later\n"})
    return upstream


@pytest.fixture
def ws(tool: Upstream, lib: Upstream, workspace: Path, hybrid: Hybrid, beginning: Beginning) -> Path:
    def make() -> None:
        hybrid("init")
        hybrid("add", tool.url)
        hybrid("add", lib.url, "--tag", "v1.0.0", "--group", "libs")
        hybrid("sync")

    beginning(workspace, make)
    return workspace


@pytest.fixture
def bundle(ws: Path, hybrid: Hybrid, site_folder: Path, beginning: Beginning) -> Path:
    folder = site_folder / "out"
    folder.mkdir()
    beginning(folder, lambda: hybrid("bundle", "create", "-o", folder / "out.bundle"))
    return folder / "out.bundle"


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """A folder in the other network."""
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


def test_the_same_input_is_the_same_bytes(ws: Path, bundle: Path, hybrid: Hybrid, tmp_path: Path) -> None:
    before = snapshot(ws)
    again = tmp_path / "again.bundle"
    done = hybrid("bundle", "create", "-o", again, "--json")
    assert again.read_bytes() == bundle.read_bytes()
    assert done.json()["sha256"] == hashlib.sha256(bundle.read_bytes()).hexdigest()
    assert snapshot(ws) == before
    # Other packs, a commit graph, configuration: none of it counts.
    clone = ws / "sources/tool"
    git("config", "pack.depth", "1", cwd=clone)
    git("config", "pack.window", "1", cwd=clone)
    git("config", "core.compression", "0", cwd=clone)
    git("-c", "pack.depth=1", "repack", "-adfq", cwd=clone)
    git("commit-graph", "write", "--reachable", cwd=clone)
    pack = next((clone / ".git/objects/pack").glob("*.pack"))
    moved = tmp_path / "moved.pack"
    pack.rename(moved)
    for path in (clone / ".git/objects/pack").iterdir():
        path.unlink()
    with open(moved, "rb") as file:
        subprocess.run(["git", "unpack-objects", "-q"], cwd=clone, stdin=file, check=True)
    hybrid("bundle", "create", "-o", again)
    assert again.read_bytes() == bundle.read_bytes()
    shutil.rmtree(clone)
    hybrid("bundle", "create", "-o", again)
    assert again.read_bytes() == bundle.read_bytes()
    # Nor does what somebody writes while it is packed.
    shim = tmp_path / "bin/git"
    shim.parent.mkdir()
    beside = f"case $* in *' pack-objects '*) echo 'lock_version = 1' >{ws}/state/sources.lock;; esac"
    shim.write_text(f'#!/bin/sh\n{beside}\nexec {shutil.which("git")} "$@"\n')
    shim.chmod(0o755)
    hybrid("bundle", "create", "-o", again, env={"PATH": f"{shim.parent}:{os.environ['PATH']}"})
    assert lock(ws) == {}
    assert again.read_bytes() == bundle.read_bytes()


def test_tar_can_look_into_it(bundle: Path) -> None:
    with tarfile.open(bundle) as tar:
        assert tar.getnames() == [
            "inventory.json",
            "SHA256SUMS",
            "sources.toml",
            "sources/lib/history.bundle",
            "sources/tool/history.bundle",
            "state/sources-audit.jsonl",
            "state/sources.json",
            "state/sources.lock",
        ]
        file = tar.extractfile("inventory.json")
        assert file is not None
        members = {item["path"]: item for item in json.load(file)["members"]}
        data = tar.extractfile("state/sources.lock")
        assert data is not None
        assert hashlib.sha256(data.read()).hexdigest() == members["state/sources.lock"]["sha256"]


def test_an_empty_folder_becomes_the_workspace(
    ws: Path, bundle: Path, tool: Upstream, lib: Upstream, there: Path, hybrid: Hybrid
) -> None:
    for upstream in (tool, lib):
        shutil.rmtree(upstream.path)
    assert offline("bundle", "verify", bundle, cwd=there).returncode == 0
    assert list(there.iterdir()) == []
    done = offline("bundle", "apply", bundle, cwd=there)
    assert done.returncode == 0, done.stderr
    assert (there / "sources.toml").read_bytes() == (ws / "sources.toml").read_bytes()
    assert lock(there) == lock(ws)
    assert head(there) == head(ws)
    assert (there / "sources/lib/lib.txt").read_text() == "lib\n"
    records = [json.loads(line) for line in (there / "state/sources-audit.jsonl").read_text().splitlines()]
    applied = next(record for record in records if record["event"] == "bundle-apply")
    assert applied["detail"]["sha256"] == hashlib.sha256(bundle.read_bytes()).hexdigest()
    assert state(there)["tool"]["served_by"].startswith("bundle:")
    for arguments in (("sync", "--offline"), ("status", "--exit-code"), ("bundle", "apply", bundle)):
        before = snapshot(there)
        again = offline(*arguments, cwd=there)
        assert again.returncode == 0, again.stderr
        assert snapshot(there) == before
    assert "served by the bundle" in hybrid("status", cwd=there).out


def test_a_receipt_makes_the_next_bundle_small(
    ws: Path, bundle: Path, tool: Upstream, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    hybrid("bundle", "apply", bundle, cwd=there)
    receipt = bundle.with_name("out.bundle.receipt.json")
    assert {item["name"] for item in json.loads(receipt.read_text())["sources"]} == {"tool", "lib"}
    tool.commit({"a.txt": "new\n"})
    hybrid("pin", "tool")
    hybrid("sync")
    full, small = tmp_path / "full", tmp_path / "small"
    hybrid("bundle", "create", "-o", full)
    done = hybrid("bundle", "create", "--since", receipt, "-o", small, "--json")
    kinds = {row["name"]: row["detail"]["kind"] for row in done.json()["sources"]}
    assert kinds == {"tool": "thin", "lib": "present"}
    with tarfile.open(full) as first, tarfile.open(small) as second:
        name = "sources/tool/history.bundle"
        assert second.getmember(name).size < first.getmember(name).size / 3
    hybrid("bundle", "create", "--since", receipt, "-o", tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == small.read_bytes()
    empty = tmp_path / "empty"
    empty.mkdir()
    for command in ("verify", "apply"):
        done = hybrid("bundle", command, small, "--json", cwd=empty, check=5)
        assert errors(done) == {"tool": "bundle-prerequisites", "lib": "bundle-prerequisites"}
        assert done.json()["sources"][0]["error"]["hints"] == [
            "on the other side, make it without --since: git hybrid bundle create -o FILE",
            "or, on this side, have one made by a colleague who has them: git hybrid bundle create -o FILE",
        ]
        assert list(empty.iterdir()) == []
    hybrid("bundle", "verify", small, cwd=there)
    hybrid("bundle", "apply", small, "--receipt", tmp_path / "r2", cwd=there)
    assert head(there) == tool.rev("main")
    assert json.loads((tmp_path / "r2").read_text())["bundle"] == hashlib.sha256(small.read_bytes()).hexdigest()


def test_every_flipped_byte_is_found(bundle: Path, there: Path) -> None:
    """The reader itself is asked: a process for each of the offsets would take too long."""
    data = bundle.read_bytes()
    offsets = [*range(0, len(data), 97), *range(1200), *range(len(data) - 1100, len(data))]
    broken = there / "broken"
    for number, offset in enumerate(offsets):
        broken.write_bytes(data[:offset] + bytes([data[offset] ^ 1]) + data[offset + 1 :])
        with pytest.raises(HybridError) as caught:
            read_bundle(broken, there / f"m{number}")
        assert isinstance(caught.value, BadBundle) or caught.value.code == "newer-schema", offset
        shutil.rmtree(there / f"m{number}")
    for size in (0, 1, 511, 512, 1024, len(data) // 2, len(data) - 1024, len(data) - 512, len(data) - 1):
        broken.write_bytes(data[:size])
        with pytest.raises(BadBundle):
            read_bundle(broken, there / f"c{size}")
    broken.write_bytes(data + b"\0")
    with pytest.raises(BadBundle):
        read_bundle(broken, there / "longer")


@pytest.mark.parametrize("at", [0.0, 0.02, 0.3, 0.6, 0.999])
def test_a_damaged_file_changes_nothing(bundle: Path, there: Path, hybrid: Hybrid, at: float) -> None:
    data = bytearray(bundle.read_bytes())
    data[int(len(data) * at)] ^= 0x40
    bundle.write_bytes(data)
    for command in ("verify", "apply"):
        done = hybrid("bundle", command, bundle, "--json", cwd=there, check=5)
        assert done.json()["error"]["code"] == "bad-bundle"
        assert list(there.iterdir()) == []
    hybrid("bundle", "verify", there / "nothing", cwd=there, check=2)


def test_another_file_is_told_as_that(there: Path, hybrid: Hybrid) -> None:
    (there / "other").write_text("short")
    told = hybrid("bundle", "verify", "other", cwd=there, check=5).err
    assert "are not those of a bundle: it is another file, or damaged" in told
    for path, reason in ((there, "is a folder"), ("/dev/null", "is no regular file"), ("none", "no such file")):
        told = hybrid("bundle", "verify", path, cwd=there, check=2).err
        assert told.splitlines()[0].endswith(reason)
        assert "hint: git hybrid bundle verify -h\n" in told


def retold(files: dict[str, bytes], name: str) -> None:
    """Let the log in *files* tell of the last pin of *name* what the lock says, as if a command had written it."""
    pin = decode_lock(files["state/sources.lock"]).pins[parse_name(name)]
    lines, renamed = [], dict[str, str]()
    records = [json.loads(line) for line in files["state/sources-audit.jsonl"].splitlines()]
    last = [record for record in records if record["event"] == "pin" and record["source"] == name][-1]
    last |= {"after": pin.commit}
    last["detail"] |= {"tree": pin.tree, "content_sha256": pin.content_sha256, "pin_sha256": pin_digest(pin)}
    for record in records:
        record["prev"] = [renamed[item] for item in record["prev"]]
        line = signed_line(record)
        renamed[record["hash"]] = json.loads(line)["hash"]
        lines.append(f"{line}\n")
    files["state/sources-audit.jsonl"] = "".join(lines).encode()
    for old, new in renamed.items():
        files["state/sources.json"] = files["state/sources.json"].replace(old.encode(), new.encode())


def test_a_rebuilt_file_is_as_good_as_the_first(bundle: Path, there: Path, hybrid: Hybrid) -> None:
    before = bundle.read_bytes()
    rebuilt(bundle, lambda _inventory, _members: None)
    assert bundle.read_bytes() == before


@pytest.mark.parametrize(
    "name", ["../evil", "/evil", "sources/../x/history.bundle", "state/resume.json", "sources/a/b/history.bundle", "x"]
)
def test_a_hostile_member_is_refused(bundle: Path, there: Path, hybrid: Hybrid, name: str) -> None:
    def change(inventory: Any, members: dict[str, bytes]) -> None:
        members[name] = b"evil"
        inventory["members"].append({"path": name, "size": 0, "sha256": ""})
        inventory["members"].sort(key=lambda item: item["path"])

    rebuilt(bundle, change)
    hybrid("bundle", "apply", bundle, cwd=there, check=5)
    assert not list(there.parent.rglob("evil"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_members_that_are_no_files_are_refused(bundle: Path, there: Path, hybrid: Hybrid, kind: bytes) -> None:
    with tarfile.open(bundle) as tar:
        members = [(info, tar.extractfile(info).read()) for info in tar]
    with tarfile.open(bundle, "w", format=tarfile.USTAR_FORMAT) as tar:
        for info, data in members:
            if info.name == "state/sources.lock":
                info.type, info.linkname = kind, "/etc/passwd"
                info.size = 0
            tar.addfile(info, io.BytesIO(data if info.size else b""))
    hybrid("bundle", "verify", bundle, cwd=there, check=5)


def test_members_in_another_order_are_refused(bundle: Path, there: Path, hybrid: Hybrid) -> None:
    with tarfile.open(bundle) as tar:
        members = [(info, tar.extractfile(info).read()) for info in tar]
    members[-1], members[-2] = members[-2], members[-1]
    with tarfile.open(bundle, "w", format=tarfile.USTAR_FORMAT) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    hybrid("bundle", "verify", bundle, cwd=there, check=5)


def _other_commit(inventory: Any, members: dict[str, bytes]) -> None:
    text = members["state/sources.lock"].decode()
    commit = text.split('commit = "')[1][:40]
    members["state/sources.lock"] = text.replace(commit, "1" * 40).encode()


def _other_content(inventory: Any, members: dict[str, bytes]) -> None:
    text = members["state/sources.lock"].decode()
    digest = text.split('content_sha256 = "')[1][:64]
    members["state/sources.lock"] = text.replace(digest, "1" * 64).encode()


def _corrupt_pack(inventory: Any, members: dict[str, bytes]) -> None:
    data = bytearray(members["sources/tool/history.bundle"])
    data[len(data) // 2] ^= 0xFF
    members["sources/tool/history.bundle"] = bytes(data)


def _lacks_files(inventory: Any, members: dict[str, bytes]) -> None:
    """As a partial clone would have it: commits and trees alone."""
    name = "sources/tool/history.bundle"
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "whole").write_bytes(members[name])
        git("init", "-q", "--bare", "repo", cwd=folder)
        git("fetch", "-q", folder / "whole", "main:main", cwd=folder / "repo")
        packing = ["git", "pack-objects", "--revs", "--filter=blob:none", "--stdout", "-q"]
        pack = subprocess.run(packing, cwd=folder / "repo", input=b"main\n", capture_output=True, check=True).stdout
        commit = git("rev-parse", "main", cwd=folder / "repo")
    members[name] = f"# v2 git bundle\n{commit} refs/heads/main\n\n".encode() + pack


def _other_ref(inventory: Any, members: dict[str, bytes]) -> None:
    data = members["sources/tool/history.bundle"]
    members["sources/tool/history.bundle"] = data.replace(b"refs/heads/main", b"refs/heads/evil", 1)


def _swapped(inventory: Any, members: dict[str, bytes]) -> None:
    one, two = "sources/tool/history.bundle", "sources/lib/history.bundle"
    members[one], members[two] = members[two], members[one]


def _prerequisite(inventory: Any, members: dict[str, bytes]) -> None:
    head, _, rest = members["sources/tool/history.bundle"].partition(b"\n")
    members["sources/tool/history.bundle"] = head + b"\n-" + b"1" * 40 + b" x\n" + rest


def _made_up_time(inventory: Any, members: dict[str, bytes]) -> None:
    text = members["state/sources.lock"].decode()
    members["state/sources.lock"] = re.sub(r"first_seen = \d{4}", "first_seen = 2001", text, count=1).encode()


def _bad_lock(inventory: Any, members: dict[str, bytes]) -> None:
    members["state/sources.lock"] += b"junk"


def _cut_log(inventory: Any, members: dict[str, bytes]) -> None:
    lines = members["state/sources-audit.jsonl"].splitlines(keepends=True)
    members["state/sources-audit.jsonl"] = b"".join(lines[1:])


def _edited_log(inventory: Any, members: dict[str, bytes]) -> None:
    members["state/sources-audit.jsonl"] = members["state/sources-audit.jsonl"].replace(
        b'"operator":"', b'"operator":"X'
    )


def _more_log(inventory: Any, members: dict[str, bytes]) -> None:
    members["state/sources-audit.jsonl"] += b"no record\nnor this\n"


def _no_log(inventory: Any, members: dict[str, bytes]) -> None:
    del members["state/sources-audit.jsonl"]
    inventory["members"] = [item for item in inventory["members"] if item["path"] != "state/sources-audit.jsonl"]


def _no_git_bundle(inventory: Any, members: dict[str, bytes]) -> None:
    members["sources/tool/history.bundle"] = b"x" * 100


def _no_manifest_entry(inventory: Any, members: dict[str, bytes]) -> None:
    members["sources.toml"] = members["sources.toml"].split(b"[source.tool]")[0]


def _claimed_present(inventory: Any, members: dict[str, bytes]) -> None:
    inventory["members"] = [item for item in inventory["members"] if item["path"] != "sources/tool/history.bundle"]
    del members["sources/tool/history.bundle"]
    next(item for item in inventory["sources"] if item["name"] == "tool")["kind"] = "present"


@pytest.mark.parametrize(
    "change",
    [
        _other_commit,
        _other_content,
        _corrupt_pack,
        _lacks_files,
        _other_ref,
        _swapped,
        _prerequisite,
        _made_up_time,
        _bad_lock,
        _cut_log,
        _edited_log,
        _more_log,
        _no_log,
        _no_git_bundle,
        _no_manifest_entry,
        _claimed_present,
    ],
)
def test_a_forged_inside_is_refused(bundle: Path, there: Path, hybrid: Hybrid, change: Any) -> None:
    rebuilt(bundle, change)
    told = hybrid("bundle", "verify", bundle, cwd=there, check=5).err
    assert ".incoming" not in told
    assert "upstream" not in told
    # Its sums hold: a copy would be the same.
    assert "copy it again" not in told
    hybrid("bundle", "apply", bundle, cwd=there, check=5)
    assert list(there.iterdir()) == []


def _edited(lines: list[str]) -> None:
    lines[1] = lines[1].replace('"operator":"', '"operator":"X')


def _lost(lines: list[str]) -> None:
    del lines[1]


def _cut(lines: list[str]) -> None:
    del lines[-1]


@pytest.mark.parametrize("change", [_edited, _lost, _cut])
def test_no_bundle_is_made_of_a_log_that_nobody_could_take_over(
    ws: Path, hybrid: Hybrid, tmp_path: Path, change: Any
) -> None:
    log = ws / "state/sources-audit.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    change(lines)
    log.write_text("".join(lines))
    told = hybrid("bundle", "create", "-o", tmp_path / "bundle", check=2).err
    assert "hint: what mends it is told by: git hybrid audit verify" in told
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize("how", ["lock", "log"])
def test_no_bundle_is_made_of_a_pin_that_a_hand_put_into_the_lock(
    ws: Path, tool: Upstream, hybrid: Hybrid, tmp_path: Path, how: str
) -> None:
    """A branch that nobody has merged, which somebody has looked at in the clone; what is committed to it is there."""
    tool.branch("pr")
    commit = tool.commit({"a.txt": "not reviewed\n"}, branch="pr")
    git("fetch", "-q", tool.url, "pr", cwd=ws / "sources/tool")
    files = {name: (ws / name).read_bytes() for name in RECORDS}
    other = tmp_path / "other"
    other.mkdir()
    hybrid("init", cwd=other)
    hybrid("add", tool.url, "--name", "tool", "--branch", "pr", cwd=other)
    theirs = lock(other)["tool"]
    ours = tomllib.loads(files["state/sources.lock"].decode())["source"]["tool"]
    text = files["state/sources.lock"].decode()
    for key in ("commit", "tree", "content_sha256"):
        text = text.replace(ours[key], theirs[key])
    files["state/sources.lock"] = text.encode()
    if how == "log":
        retold(files, "tool")
    for name, data in files.items():
        (ws / name).write_bytes(data)
    assert lock(ws)["tool"]["commit"] == commit
    told = hybrid("bundle", "create", "-o", tmp_path / "bundle", check=2 if how == "lock" else 5).err
    wanted = {"lock": f"no record tells that tool was pinned to {commit[:12]}", "log": "is not in the history of"}
    assert wanted[how] in told
    hybrid("sync", check=5)
    assert not (tmp_path / "bundle").exists()


def test_no_bundle_is_made_of_a_pin_that_no_entry_has(ws: Path, hybrid: Hybrid, tmp_path: Path) -> None:
    text = (ws / "sources.toml").read_text()
    (ws / "sources.toml").write_text(text.split("[source.tool]")[0])
    told = hybrid("bundle", "create", "-o", tmp_path / "bundle", check=2).err
    assert "source.lib: has no entry in sources.toml" in told
    hybrid("sync", "--prune")
    hybrid("bundle", "create", "-o", tmp_path / "bundle")


def test_a_log_that_a_crash_left_half_a_record_in_crosses(
    ws: Path, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    with (ws / "state/sources-audit.jsonl").open("ab") as log:
        log.write(b'{"at":"2026')
    hybrid("bundle", "create", "-o", tmp_path / "torn")
    hybrid("bundle", "verify", tmp_path / "torn", cwd=there)
    hybrid("bundle", "apply", tmp_path / "torn", cwd=there)


def test_a_replayed_bundle_takes_nothing_back(
    ws: Path, bundle: Path, tool: Upstream, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    hybrid("bundle", "apply", bundle, cwd=there)
    tool.commit({"a.txt": "new\n"})
    hybrid("pin", "tool")
    newer = tmp_path / "newer"
    hybrid("bundle", "create", "-o", newer)
    hybrid("bundle", "apply", newer, cwd=there)
    before = snapshot(there)
    done = hybrid("bundle", "apply", bundle, "--json", cwd=there, check=6)
    assert done.json()["error"]["code"] == "old-bundle"
    # A clone that lacks what the older one brought gets it from somebody here.
    assert done.json()["error"]["hints"][-1].endswith("who has them: git hybrid bundle create -o FILE")
    assert snapshot(there) == before
    # Without a log that tells, the history of the sources does.
    for name in ("sources-audit.jsonl", "sources.json"):
        (there / "state" / name).unlink()
    done = hybrid("bundle", "apply", bundle, "--json", cwd=there, check=6)
    assert errors(done) == {"tool": "rollback"}
    assert lock(there)["tool"]["commit"] == tool.rev("main")


def test_what_was_removed_on_the_other_side_is_told(
    ws: Path, bundle: Path, tool: Upstream, lib: Upstream, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    hybrid("bundle", "apply", bundle, cwd=there)
    hybrid("remove", "lib")
    hybrid("bundle", "create", "-o", tmp_path / "newer")
    for _ in range(2):
        told = hybrid("bundle", "apply", tmp_path / "newer", cwd=there)
        assert "note: lib was removed on the other side (" in told.err
        assert "), and stays here until: git hybrid remove lib\n" in told.err
    assert set(lock(there)) == {"tool", "lib"}
    warned = hybrid("check", cwd=there)
    assert "warn sources.toml: source.lib: was removed on the other side (" in warned.out + warned.err
    assert "mend: git hybrid remove lib\n" in warned.out + warned.err
    hybrid("remove", "lib", cwd=there)
    again = hybrid("check", cwd=there)
    assert "other side" not in again.out + again.err
    # Who wants it here all the same has decided that.
    hybrid("add", lib.url, "--tag", "v1.0.0", cwd=there)
    assert "other side" not in hybrid("bundle", "apply", tmp_path / "newer", cwd=there).err


def test_a_workspace_of_its_own_keeps_its_policy(
    ws: Path, bundle: Path, there: Path, hybrid: Hybrid, upstream_factory: UpstreamFactory
) -> None:
    own = upstream_factory("own")
    own.commit({"x": "x\n"})
    hybrid("init", cwd=there)
    replace(there / "sources.toml", "[policy]", '[policy]\nmin_release_age = "0d" # ours')
    hybrid("add", own.url, cwd=there)
    hybrid("bundle", "apply", bundle, cwd=there)
    assert "# ours" in (there / "sources.toml").read_text()
    assert set(lock(there)) == {"own", "tool", "lib"}
    assert lock(there)["tool"] == lock(ws)["tool"]
    assert 'groups = ["libs"]' in (there / "sources.toml").read_text()
    replace(there / "sources.toml", "[policy]", "[policy]\nmax_bytes = 10")
    shutil.rmtree(there / "sources/tool")
    assert errors(hybrid("bundle", "apply", bundle, "--json", cwd=there, check=5))["tool"] == "hostile-tree"


def test_another_repository_under_the_name_is_refused(
    bundle: Path, there: Path, hybrid: Hybrid, upstream_factory: UpstreamFactory
) -> None:
    own = upstream_factory("own")
    own.commit({"x": "x\n"})
    hybrid("init", cwd=there)
    hybrid("add", own.url, "--name", "tool", cwd=there)
    before = snapshot(there)
    assert errors(hybrid("bundle", "apply", bundle, "--json", cwd=there, check=6)) == {"tool": "bundle-conflict"}
    assert snapshot(there) == before


def test_an_unfinished_run_comes_first(bundle: Path, ws: Path, tool: Upstream, hybrid: Hybrid) -> None:
    tool.commit({"a.txt": "new\n"})
    hybrid("pin", "tool")
    shutil.rmtree(ws / "sources/tool")
    leave_unfinished(hybrid, ws)
    hybrid("bundle", "apply", bundle, check=7)
    hybrid("bundle", "verify", bundle)


def test_a_run_that_waits_for_what_the_bundle_brings_comes_first_too(bundle: Path, ws: Path, hybrid: Hybrid) -> None:
    shutil.rmtree(ws / "sources/tool")
    leave_unfinished(hybrid, ws)
    kept = snapshot(ws)
    hybrid("bundle", "apply", bundle, check=7)
    assert snapshot(ws) == kept
    # Its bundle in a folder of bundles is what the run takes the history from.
    env = {"GIT_HYBRID_BUNDLE_DIR": str(bundle.parent)}
    hybrid("resume", env=NOBODY | env)
    assert not (ws / "state/resume.json").exists()
    hybrid("bundle", "apply", bundle)


def test_a_clone_of_the_workspace_takes_from_a_folder_what_it_lacks(
    ws: Path, bundle: Path, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    hybrid("bundle", "apply", bundle, cwd=there)
    alone = {"GIT_HYBRID_CACHE_DIR": str(tmp_path / "cache")}
    other, made = tmp_path / "other", tmp_path / "made"
    shutil.copytree(there, other, ignore=shutil.ignore_patterns("sources"))
    told = hybrid("sync", "--offline", cwd=other, env=alone, check=4).err
    digest = hashlib.sha256(bundle.read_bytes()).hexdigest()[:10]
    assert (
        f"hint: with the folder of the bundle with SHA-256 {digest}… in GIT_HYBRID_BUNDLE_DIR: git hybrid sync --offline\n"
        in told
    )
    # A colleague who has what it waits for can make one too.
    assert "hint: or of one that a colleague makes who has the commit: git hybrid bundle create -o FILE\n" in told
    hybrid("bundle", "create", "-o", made, cwd=there)
    hybrid("bundle", "apply", made, cwd=other, env=alone, check=7)
    folder = {"GIT_HYBRID_BUNDLE_DIR": str(made.parent)}
    told = hybrid("sync", "--offline", cwd=other, env=alone | folder).err
    assert "finishing run" in told
    assert head(other) == head(there)
    hybrid("status", "--exit-code", cwd=other)
    hybrid("audit", "verify", cwd=other)


def test_what_is_newer_has_to_be_carried(ws: Path, bundle: Path, there: Path, hybrid: Hybrid) -> None:
    hybrid("bundle", "apply", bundle, cwd=there)
    for arguments in (("pin", "tool"), ("outdated", "tool"), ("diff", "--upstream", "tool")):
        told = hybrid(*arguments, cwd=there, env={"GIT_HYBRID_OFFLINE": "1"}, check=4).err
        hints = [line for line in told.splitlines() if line.startswith("hint:")]
        assert hints == [
            "hint: on the side with the network: git hybrid pin tool",
            "hint: then there, and carry what it writes: git hybrid bundle create -o FILE",
        ]


def test_local_work_is_left_alone(bundle: Path, ws: Path, tool: Upstream, hybrid: Hybrid, tmp_path: Path) -> None:
    tool.commit({"a.txt": "new\n"})
    other = tmp_path / "other"
    shutil.copytree(ws, other)
    hybrid("pin", "tool")
    hybrid("bundle", "create", "-o", tmp_path / "b")
    (other / "sources/tool/mine").write_text("x")
    hybrid("bundle", "apply", tmp_path / "b", cwd=other, check=3)
    assert (other / "sources/tool/mine").exists()
    # What is hinted at needs nobody: what the bundle brought is in the clone.
    tool_head = tool.rev("main")
    shutil.rmtree(tool.path)
    hybrid("reset", "tool", cwd=other)
    assert head(other) == tool_head
    assert state(other)["tool"]["served_by"].startswith("bundle:")
    hybrid("sync", "--offline", cwd=other)
    # A folder has no place for that: only the bundle has it.
    shutil.rmtree(other / "sources/tool/.git")
    done = hybrid("bundle", "apply", tmp_path / "b", cwd=other, check=3)
    assert f"hint: move it away, then: git hybrid bundle apply {tmp_path / 'b'}\n" in done.err


def test_what_is_left_of_a_bundle_is_done_by_the_bundle(
    ws: Path, tool: Upstream, hybrid: Hybrid, tmp_path: Path
) -> None:
    tool.commit({"a.txt": "new\n"})
    there, bundle = tmp_path / "there", tmp_path / "b"
    shutil.copytree(ws, there)
    hybrid("pin", "tool")
    hybrid("bundle", "create", "-o", bundle)
    environ, _ = logging_git(tmp_path / "bin", fail="checkout")
    done = hybrid("bundle", "apply", bundle, "--receipt", "r", cwd=there, env=environ, check=74)
    hints = [line for line in done.err.splitlines() if line.startswith("hint:")]
    assert hints[-1] == f"hint: git hybrid bundle apply {bundle} --receipt r"
    moved_to = tool.rev("main")
    shutil.rmtree(tool.path)
    hybrid("bundle", "apply", bundle, cwd=there)
    assert head(there) == moved_to
    hybrid("sync", "--offline", cwd=there)


def test_what_is_not_pinned_makes_no_bundle(ws: Path, tool: Upstream, hybrid: Hybrid, tmp_path: Path) -> None:
    replace(ws / "sources.toml", 'branch = "main"', 'tag = "v1.0.0"')
    done = hybrid("bundle", "create", "-o", tmp_path / "b", check=1)
    assert not (tmp_path / "b").exists()
    assert "bundled none of 2 sources" in done.err
    assert "note: no bundle was written" in done.err


@pytest.mark.parametrize("history", ["shallow", "treeless"])
def test_every_history_mode_crosses(
    tool: Upstream, workspace: Path, there: Path, hybrid: Hybrid, tmp_path: Path, history: str
) -> None:
    hybrid("init")
    replace(workspace / "sources.toml", "[defaults]", f'[defaults]\nhistory = "{history}"')
    hybrid("add", tool.url)
    hybrid("sync")
    hybrid("bundle", "create", "-o", tmp_path / "b")
    shutil.rmtree(tool.path)
    done = offline("bundle", "apply", tmp_path / "b", cwd=there)
    assert done.returncode == 0, done.stderr
    assert head(there) == head(workspace)


@pytest.mark.parametrize("track", ["--commit", "--version", "--tag"])
def test_every_way_to_follow_crosses(
    tool: Upstream, workspace: Path, there: Path, hybrid: Hybrid, tmp_path: Path, track: str
) -> None:
    tool.commit({"later": "x\n"})
    value = {"--commit": tool.rev("main~2"), "--version": ">=1", "--tag": "v1.0.0"}[track]
    hybrid("init")
    hybrid("add", tool.url, track, value)
    hybrid("bundle", "create", "-o", tmp_path / "b")
    shutil.rmtree(tool.path)
    assert offline("bundle", "apply", tmp_path / "b", cwd=there).returncode == 0
    assert lock(there) == lock(workspace)
    assert offline("sync", "--offline", cwd=there).returncode == 0


def test_a_tag_that_no_clone_has_is_fetched(
    tool: Upstream, ws: Path, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    tool.tag("v2.0.0")
    replace(ws / "sources.toml", 'branch = "main"', 'tag = "v2.0.0"')
    # The pin is made where another clone is.
    (clone := ws / "sources/tool").rename(here := tmp_path / "here")
    hybrid("pin", "tool")
    here.rename(clone)
    hybrid("sync")
    assert "v2.0.0" not in git("for-each-ref", cwd=ws / "sources/tool")
    hybrid("bundle", "create", "-o", tmp_path / "b")
    shutil.rmtree(tool.path)
    assert offline("bundle", "apply", tmp_path / "b", cwd=there).returncode == 0
    assert lock(there) == lock(ws)


def test_a_tag_that_another_source_has_elsewhere_does_not_cross(
    tool: Upstream, workspace: Path, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    for folder, name, at in ((there, "here", "main"), (workspace, "tool", "main~1")):
        tool.tag("v1.0.0", at, force=True)
        hybrid("init", cwd=folder)
        hybrid("add", tool.url, "--tag", "v1.0.0", "--name", name, cwd=folder)
    hybrid("bundle", "create", "-o", tmp_path / "b")
    told = hybrid("bundle", "apply", tmp_path / "b", cwd=there, check=5).err
    assert "here, of the same repository, was pinned by it before" in told


def test_sha256_crosses(
    upstream_factory: UpstreamFactory, workspace: Path, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    upstream = upstream_factory("wide", object_format="sha256")
    upstream.commit({"a": "a\n"})
    hybrid("init")
    hybrid("add", upstream.url, "--name", "tool")
    hybrid("bundle", "create", "-o", tmp_path / "b")
    assert offline("bundle", "apply", tmp_path / "b", cwd=there).returncode == 0
    assert head(there) == upstream.rev("main")


@pytest.fixture
def signed(ws: Path, hybrid: Hybrid, tmp_path: Path) -> tuple[Path, Path]:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    allowed = tmp_path / "allowed"
    allowed.write_text(f"release@example.org {key.with_suffix('.pub').read_text()}")
    hybrid("bundle", "create", "-o", tmp_path / "s", "--sign", key)
    return tmp_path / "s", allowed


def test_a_signature_is_checked(
    signed: tuple[Path, Path], bundle: Path, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    path, allowed = signed
    first = path.read_bytes()
    hybrid("bundle", "create", "-o", path, "--sign", tmp_path / "key")
    assert path.read_bytes() == first
    done = hybrid("bundle", "verify", path, "--allowed-signers", allowed, "--json", cwd=there)
    assert (done.json()["signed"], done.json()["signed_by"]) == (True, "release@example.org")
    hybrid("bundle", "verify", path, cwd=there)
    refused = hybrid("bundle", "verify", bundle, "--allowed-signers", allowed, cwd=there, check=5).err
    assert refused.endswith("with such a key: git hybrid bundle create -o FILE --sign KEY\n")
    assert "copy it again" not in refused
    allowed.write_text(
        "x@example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtB4c3K0pQXlD4o8Qv0j4q3gJ0Q6U9Xl1B0q2pZxYcF\n"
    )
    hybrid("bundle", "verify", path, "--allowed-signers", allowed, cwd=there, check=5)
    hybrid("bundle", "apply", path, "--allowed-signers", allowed, cwd=there, check=5)
    assert list(there.iterdir()) == []
    hybrid("bundle", "create", "-o", path, "--sign", tmp_path / "none", check=2)
    assert path.read_bytes() == first


def a_claim(path: Path, size: int) -> None:
    """Write a bundle file whose members are *size* bytes in all, and hardly take a block."""
    none = hashlib.sha256(b"").hexdigest()
    sizes = {f"sources/s{number:04}/history.bundle": 8**11 - 1 for number in range(size // (8**11 - 1) + 1)}
    sizes |= {"sources.toml": 0, "state/sources.lock": 0}
    members = [{"path": name, "sha256": none, "size": sizes[name]} for name in sorted(sizes)]
    sources = [{"name": name[8:13], "kind": "full", "prerequisites": []} for name in sorted(sizes) if "/s0" in name]
    head = {"format": "git-hybrid-bundle", "schema_version": 1, "since": None}
    inventory = encode_json({**head, "members": members, "sources": sources})
    sums = f"{hashlib.sha256(inventory).hexdigest()}  inventory.json\n".encode()
    with open(path, "wb") as file:
        for name, data in (("inventory.json", inventory), ("SHA256SUMS", sums)):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o644
            file.write(info.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % 512))
        file.truncate(file.tell() + size + 8**12)


def test_a_file_that_claims_to_be_large_fills_no_disk(
    signed: tuple[Path, Path], there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    path = tmp_path / "claim"
    a_claim(path, shutil.disk_usage(there).free)
    before = hybrid("bundle", "apply", path, cwd=there, check=74).err
    assert "No space left on device" in before
    refused = hybrid("bundle", "apply", path, "--allowed-signers", signed[1], cwd=there, check=5).err
    assert "signature: it is not signed" in refused
    assert list(there.iterdir()) == []


@pytest.mark.parametrize("name", ["state/scans/tool.sarif", "state/sources-audit.2025.jsonl"])
def test_a_link_among_the_records_is_not_followed(ws: Path, hybrid: Hybrid, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("secret\n")
    (ws / "state/scans").mkdir()
    (ws / name).symlink_to(tmp_path / "secret")
    for words in (("bundle", "create", "-o", tmp_path / "b"), ("check", "scans", "audit")):
        assert f"error: {name} is a symbolic link\n" in hybrid(*words, check=2).err
    assert not (tmp_path / "b").exists()


def test_only_the_report_that_state_names_is_packed(ws: Path, hybrid: Hybrid, tmp_path: Path) -> None:
    (ws / "state/scans").mkdir()
    (ws / "state/scans/tool.sarif").write_text("{}")
    hybrid("bundle", "create", "-o", tmp_path / "b")
    with tarfile.open(tmp_path / "b") as tar:
        assert "scans/tool/report.sarif" not in tar.getnames()


def test_scans_travel(ws: Path, there: Path, hybrid: Hybrid, tmp_path: Path) -> None:
    use(ws, a_scanner(tmp_path / "toy", "write()"))
    hybrid("scan", "tool")
    hybrid("bundle", "create", "-o", tmp_path / "b")
    hybrid("bundle", "apply", tmp_path / "b", cwd=there)
    assert state(there)["tool"]["scan_status"] == state(ws)["tool"]["scan_status"]
    assert state(there)["lib"]["scan_status"]["state"] == "missing"
    report = "state/scans/tool.sarif"
    assert (there / report).read_bytes() == (ws / report).read_bytes()
    before = snapshot(there)
    hybrid("bundle", "apply", tmp_path / "b", cwd=there)
    assert snapshot(there) == before


def test_a_scan_that_no_record_tells_of_is_not_taken_over(bundle: Path, there: Path, hybrid: Hybrid) -> None:
    def change(_inventory: Any, members: dict[str, bytes]) -> None:
        document = json.loads(members["state/sources.json"])
        for entry in document["sources"]:
            more = {"commit_sha": entry["commit_sha"], "scanned_at": "2026-07-16T11:03:04Z"}
            more |= {"counts": dict.fromkeys(("high", "medium", "low"), 0)}
            entry["scan_status"] = {"state": "clean", "scanner": "x", "scanner_version": "1", **more}
        members["state/sources.json"] = json.dumps(document).encode()

    rebuilt(bundle, change)
    hybrid("bundle", "apply", bundle, cwd=there)
    assert {entry["scan_status"]["state"] for entry in state(there).values()} == {"missing"}


def _called_clean(members: dict[str, bytes]) -> None:
    document = json.loads(members["state/sources.json"])
    for entry in document["sources"]:
        if (scan := entry["scan_status"])["state"] != "missing":
            scan |= {"state": "clean", "counts": {"high": 0, "medium": 0, "low": 0}, "findings": []}
            scan["scanners"][0]["state"] = "clean"
    members["state/sources.json"] = json.dumps(document).encode()


def _unscanned(members: dict[str, bytes]) -> None:
    document = json.loads(members["state/sources.json"])
    for entry in document["sources"]:
        entry["scan_status"] = {"state": "missing"}
    members["state/sources.json"] = json.dumps(document).encode()


def test_what_the_log_tells_of_a_scan_no_edit_of_state_takes_back(
    ws: Path, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    use(ws, a_scanner(tmp_path / "toy", "write(result('a.txt'))"))
    replace(ws / "sources.toml", "[policy]", '[policy]\nscan_block_on = "none"')
    hybrid("scan", "tool", check=1)
    hybrid("bundle", "create", "-o", tmp_path / "b")
    hybrid("init", cwd=there)
    assert errors(hybrid("bundle", "apply", tmp_path / "b", "--json", cwd=there, check=6)) == {"tool": "scan-blocked"}
    shutil.copy(tmp_path / "b", tmp_path / "cut")
    rebuilt(tmp_path / "b", lambda _inventory, members: _called_clean(members))
    told = hybrid("bundle", "verify", tmp_path / "b", cwd=there, check=5).err
    assert "does not tell what its state does" in told
    assert "hint: on the other side, then make it anew: git hybrid audit verify" in told
    hybrid("bundle", "apply", tmp_path / "b", cwd=there, check=5)
    rebuilt(tmp_path / "cut", lambda _inventory, members: _unscanned(members))
    assert errors(hybrid("bundle", "apply", tmp_path / "cut", "--json", cwd=there, check=6)) == {"tool": "scan-blocked"}
    edited = {"state/sources.json": (ws / "state/sources.json").read_bytes()}
    _called_clean(edited)
    (ws / "state/sources.json").write_bytes(edited["state/sources.json"])
    told = hybrid("bundle", "create", "-o", tmp_path / "no", check=2).err
    assert "hint: what mends it is told by: git hybrid audit verify" in told
    hybrid("audit", "verify", check=5)
    assert not (tmp_path / "no").exists()


def test_a_receipt_is_read_strictly(ws: Path, hybrid: Hybrid, tmp_path: Path) -> None:
    (tmp_path / "r").write_text('{"schema_version": 1}')
    hybrid("bundle", "create", "-o", tmp_path / "b", "--since", tmp_path / "r", check=2)
    hybrid("bundle", "create", "-o", tmp_path / "b", "--since", tmp_path / "none", check=2)
    assert not (tmp_path / "b").exists()


def test_no_socket_is_opened_to_apply(bundle: Path, there: Path, tmp_path: Path) -> None:
    log = tmp_path / "strace"
    argv = ["strace", "-f", "-qq", "-o", str(log), "-e", "trace=connect", str(executable())]
    for arguments in (["bundle", "verify", str(bundle)], ["bundle", "apply", str(bundle)], ["sync", "--offline"]):
        done = subprocess.run([*argv, *arguments], cwd=there, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "AF_INET" not in log.read_text()


@pytest.fixture
def forced(ws: Path, tool: Upstream, hybrid: Hybrid, tmp_path: Path) -> Path:
    """A bundle whose pin of tool is a rollback that an override allows on the side that made it."""
    approval = ("--request", "CHG-1", "--approver", "Eve <eve@example.org>", "--reason", "broken", "--expires", "5d")
    hybrid("pin", "tool", "--to", tool.rev("main~1"), "--force", *approval)
    path = tmp_path / "forced"
    hybrid("bundle", "create", "-o", path)
    return path


def test_an_override_is_judged_on_this_side_too(
    bundle: Path, forced: Path, tool: Upstream, there: Path, hybrid: Hybrid
) -> None:
    hybrid("bundle", "apply", bundle, cwd=there)
    replace(there / "sources.toml", "[policy]", "[policy]\noverride_min_approvers = 2")
    before = snapshot(there)
    done = hybrid("bundle", "apply", forced, "--json", cwd=there, check=6)
    assert errors(done) == {"tool": "policy-not-met"}
    assert snapshot(there) == before
    replace(there / "sources.toml", "override_min_approvers = 2", "")
    hybrid("bundle", "apply", forced, cwd=there)
    assert head(there) == tool.rev("main~1")
    records = json.loads((there / "state/sources-overrides.json").read_text())["overrides"]
    assert [item["request_id"] for item in records] == ["CHG-1"]
    log = (there / "state/sources-audit.jsonl").read_text()
    assert records[0]["audit_hash"] in log
    hybrid("check", cwd=there)
    hybrid("audit", "verify", cwd=there)
    hybrid("sync", "--offline", cwd=there)
    # A renewal crosses too, though no pin moves.
    approval = ("--expires", "9d", "--approver", "Eve <eve@example.org>", "--reason", "longer")
    hybrid("override", "renew", records[0]["id"], *approval)
    hybrid("bundle", "create", "-o", forced)
    hybrid("bundle", "apply", forced, cwd=there)
    renewed = json.loads((there / "state/sources-overrides.json").read_text())["overrides"]
    assert renewed[-1]["expires_at"] > records[0]["expires_at"]
    hybrid("check", cwd=there)


def test_an_override_that_the_bundle_does_not_bring(forced: Path, there: Path, hybrid: Hybrid) -> None:
    def change(inventory: Any, members: dict[str, bytes]) -> None:
        members["state/sources-overrides.json"] = b'{\n  "overrides": [],\n  "schema_version": 1\n}\n'

    rebuilt(forced, change)
    hybrid("bundle", "apply", forced, cwd=there, check=5)
    assert list(there.iterdir()) == []


def test_findings_of_the_other_side_block_here(ws: Path, there: Path, hybrid: Hybrid, tmp_path: Path) -> None:
    path = ws / "state/sources.json"
    document = json.loads(path.read_text())
    entry = next(item for item in document["sources"] if item["name"] == "tool")
    entry["scan_status"] = {
        "state": "findings",
        "scanner": "secrets",
        "scanner_version": "1",
        "commit_sha": entry["commit_sha"],
        "scanned_at": "2026-07-16T11:03:04Z",
        "counts": {"high": 0, "medium": 1, "low": 0},
    }
    path.write_text(json.dumps(document))
    hybrid("bundle", "create", "-o", tmp_path / "b")
    hybrid("init", cwd=there)
    replace(there / "sources.toml", "[policy]", '[policy]\nscan_block_on = "medium"')
    before = snapshot(there)
    done = hybrid("bundle", "apply", tmp_path / "b", "--json", cwd=there, check=6)
    assert errors(done) == {"tool": "scan-blocked"}
    assert snapshot(there) == before


@pytest.mark.parametrize("history", ["shallow", "treeless"])
def test_what_is_cloned_without_its_history_travels_whole_or_is_present(
    tool: Upstream, lib: Upstream, workspace: Path, there: Path, hybrid: Hybrid, tmp_path: Path, history: str
) -> None:
    hybrid("init")
    replace(workspace / "sources.toml", "[defaults]", f'[defaults]\nhistory = "{history}"')
    for upstream in (tool, lib):
        hybrid("add", upstream.url)
    first, second = tmp_path / "first", tmp_path / "second"
    hybrid("bundle", "create", "-o", first)
    hybrid("bundle", "apply", first, cwd=there)
    # What a bundle brings has all of its history, what comes from a server has not.
    shutil.rmtree(there / "sources/lib")
    hybrid("sync", "lib", cwd=there)
    tool.commit({"a.txt": "new\n"})
    hybrid("pin", "tool")
    hybrid("bundle", "create", "-o", second, "--since", f"{first}.receipt.json")
    assert offline("bundle", "verify", second, cwd=there).returncode == 0
    done = offline("bundle", "apply", second, cwd=there)
    assert done.returncode == 0, done.stderr
    assert "1 updated, 1 unchanged" in done.stderr
    assert head(there) == tool.rev("main")


def test_a_thin_bundle_for_a_shallow_clone_is_refused_before_a_pin_moves(
    ws: Path, bundle: Path, tool: Upstream, there: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    hybrid("bundle", "apply", bundle, cwd=there)
    tool.commit({"a.txt": "new\n"})
    hybrid("pin", "tool")
    thin = tmp_path / "thin"
    hybrid("bundle", "create", "-o", thin, "--since", f"{bundle}.receipt.json")

    def change(_inventory: Any, members: dict[str, bytes]) -> None:
        text = members["sources.toml"]
        members["sources.toml"] = text.replace(b'branch = "main"', b'branch = "main"\nhistory = "shallow"')
        pins = tomllib.loads(members["state/sources.lock"].decode())["source"]
        entry = decode_manifest(members["sources.toml"]).sources[parse_name("tool")]
        old, new = pins["tool"]["config_digest"], config_digest(entry)
        members["state/sources.lock"] = members["state/sources.lock"].replace(old.encode(), new.encode())
        retold(members, "tool")

    rebuilt(thin, change)
    before = snapshot(there)
    hybrid("bundle", "verify", thin, cwd=there, check=5)
    done = hybrid("bundle", "apply", thin, "--json", cwd=there, check=5)
    assert errors(done) == {"tool": "bundle-prerequisites"}
    assert snapshot(there) == before


@pytest.mark.parametrize("command", ["fetch", "fsck"])
def test_a_git_that_was_killed_says_nothing_of_the_bundle(
    bundle: Path, there: Path, hybrid: Hybrid, tmp_path: Path, command: str
) -> None:
    shim = tmp_path / "bin/git"
    shim.parent.mkdir()
    lines = (
        "#!/bin/sh",
        f'for word; do [ "$word" = {command} ] && kill -9 $$; done',
        f'exec {shutil.which("git")} "$@"',
    )
    shim.write_text("\n".join(lines) + "\n")
    shim.chmod(0o755)
    env = {"PATH": f"{shim.parent}:{os.environ['PATH']}"}
    for words in (("bundle", "verify"), ("bundle", "apply")):
        done = hybrid(*words, bundle, "--json", cwd=there, env=env, check=None)
        assert done.code not in (0, 5)
        assert set(errors(done).values()) == {"git-failed"}
    hybrid("bundle", "apply", bundle, cwd=there)


def test_a_bundle_of_a_newer_version_is_named(bundle: Path, there: Path, hybrid: Hybrid) -> None:
    def change(_inventory: Any, members: dict[str, bytes]) -> None:
        text = members["state/sources.lock"]
        members["state/sources.lock"] = text.replace(b"lock_version = 1", b"lock_version = 2")

    rebuilt(bundle, change)
    for words in (("bundle", "verify"), ("bundle", "apply")):
        assert f"{bundle} (state/sources.lock) was written by a newer" in hybrid(*words, bundle, cwd=there, check=2).err


def test_a_refused_bundle_counts_nothing_as_applied(
    ws: Path, bundle: Path, there: Path, hybrid: Hybrid, upstream_factory: UpstreamFactory
) -> None:
    own = upstream_factory("own")
    own.commit({"x": "x\n"})
    hybrid("init", cwd=there)
    hybrid("add", own.url, "--name", "tool", cwd=there)
    done = hybrid("bundle", "apply", bundle, cwd=there, check=6)
    assert "applied none of 2 sources" in done.err
    assert "1 not-applied" in done.err


def test_a_line_feed_in_the_path_of_the_workspace(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path
) -> None:
    odd = workspace / 'two\nlines "\\'
    odd.mkdir()
    hybrid("init", cwd=odd)
    hybrid("add", tool.url, cwd=odd)
    hybrid("sync", cwd=odd)
    hybrid("bundle", "create", "-o", tmp_path / "odd.bundle", cwd=odd)
    hybrid("bundle", "verify", tmp_path / "odd.bundle", cwd=odd)
