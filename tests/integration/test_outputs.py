"""Where a command writes what it was asked to put out: files, links, devices, pipes, and never the workspace's own."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from support.beginning import Begun
from support.cli import Hybrid, executable, merged_env
from support.kit import changes, git, released, snapshot
from support.upstream import Upstream, UpstreamFactory

COMMANDS = {
    "bundle": ("bundle", "create", "-o"),
    "audit": ("audit", "export", "-o"),
    "override": ("override", "export", "-o"),
    "dashboard": ("dashboard", "-o"),
    "diag": ("diag", "--bundle"),
    "sbom": ("sbom", "-o"),
}


@pytest.fixture
def tool(hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, begun: Begun) -> Upstream:
    upstream = upstream_factory()
    released(upstream)
    begun(upstream.url, "--name", "tool")
    return upstream


@pytest.mark.parametrize("command", COMMANDS)
def test_the_workspaces_own_files_are_refused(hybrid: Hybrid, workspace: Path, tool: Upstream, command: str) -> None:
    git("init", "-q", cwd=workspace)
    (workspace / "link").symlink_to("sources.toml")
    before = snapshot(workspace)
    state, sources = ("state/sources.lock", "state/new", "state"), ("sources/tool/README", "sources/.gitignore")
    for target in ("sources.toml", ".gitattributes", *state, *sources, ".git/HEAD", ".git", "link"):
        refused = hybrid(*COMMANDS[command], target, check=2)
        assert f"{target!r}" in refused.err, refused
        assert "belongs to the workspace" in refused.err, refused
    for target, why in ((".", "is a folder"), ("none/x", "there is no folder")):
        assert why in hybrid(*COMMANDS[command], target, check=2).err
    assert changes(before, snapshot(workspace)) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_of_the_repository_around_it_is_replaced(
    hybrid: Hybrid, workspace: Path, tmp_path: Path, tool: Upstream, command: str
) -> None:
    top, linked = tmp_path / "top", tmp_path / "linked"
    git("init", "-q", top, cwd=tmp_path)
    shutil.copytree(workspace, top / "sub/ws", symlinks=True)
    for folder in (top, top / "sub"):
        (folder / ".gitattributes").write_text("* text\n")
    git("add", "-A", cwd=top)
    git("commit", "-qm", "workspace", cwd=top)
    git("worktree", "add", "-q", linked, cwd=top)
    before = snapshot(tmp_path)
    attributes = ("../.gitattributes", "../../.gitattributes")
    own = {top: (".git/config", ".git/index", ".git/hooks/pre-commit"), linked: (".git", "../top/.git/config")}
    gitdir = Path(git("rev-parse", "--absolute-git-dir", cwd=linked))
    for folder, targets in own.items():
        for target in (*(f"../../{name}" for name in targets), gitdir / "index", *attributes):
            refused = hybrid(*COMMANDS[command], target, cwd=folder / "sub/ws", check=2)
            assert "belongs to the workspace" in refused.err, refused
    assert changes(before, snapshot(tmp_path)) == []
    hybrid(*COMMANDS[command], "../../out", cwd=linked / "sub/ws", check=None)
    assert (linked / "out").is_file()


def test_a_receipt_replaces_none_of_the_workspaces_files(
    hybrid: Hybrid, workspace: Path, tmp_path: Path, tool: Upstream
) -> None:
    bundle = tmp_path / "all.ghb"
    hybrid("bundle", "create", "-o", bundle)
    before = snapshot(workspace)
    for target in ("sources.toml", ".gitattributes", "state/sources.lock"):
        refused = hybrid("bundle", "apply", bundle, "--receipt", target, check=2)
        assert f"--receipt: '{target}'" in refused.err, refused
        assert "belongs to the workspace" in refused.err, refused
    assert changes(before, snapshot(workspace)) == []
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    hybrid("bundle", "apply", bundle, "--receipt", "sources.toml", cwd=fresh, check=2)
    assert list(fresh.iterdir()) == []


def test_what_a_command_reads_is_not_written_over(hybrid: Hybrid, tmp_path: Path, tool: Upstream) -> None:
    (tmp_path / "key").write_text("private")
    os.link(tmp_path / "key", tmp_path / "linked")
    hybrid("bundle", "create", "-o", tmp_path / "all.ghb")
    hybrid("bundle", "apply", tmp_path / "all.ghb", "--receipt", tmp_path / "receipt")
    (tmp_path / "to-bundle").symlink_to("all.ghb")
    before = snapshot(tmp_path)
    bundle, receipt, key = (tmp_path / name for name in ("all.ghb", "receipt", "key"))
    for words, target in (
        (("create", "--since", receipt, "-o"), receipt),
        (("create", "--sign", key, "-o"), tmp_path / "linked"),
        (("apply", bundle, "--receipt"), bundle),
        (("apply", bundle, "--receipt"), tmp_path / "to-bundle"),
        (("apply", bundle, "--allowed-signers", key, "--receipt"), key),
    ):
        refused = hybrid("bundle", *words, target, check=2)
        assert "is the same file as " in refused.err, refused
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    hybrid("bundle", "apply", bundle, "--receipt", bundle, cwd=fresh, check=2)
    assert list(fresh.iterdir()) == []
    fresh.rmdir()
    assert changes(before, snapshot(tmp_path)) == []


def test_a_hyphen_is_no_file(hybrid: Hybrid, workspace: Path, tmp_path: Path, tool: Upstream) -> None:
    for command in ("audit", "override", "dashboard", "sbom"):
        assert len(hybrid(*COMMANDS[command], "-").out) > 3
    for words in (COMMANDS["bundle"], COMMANDS["diag"], ("bundle", "apply", tmp_path / "absent", "--receipt")):
        assert "'-': is no file here: name one" in hybrid(*words, "-", check=2).err
    assert not (workspace / "-").exists()


@pytest.mark.parametrize("what", ["link", "dangling", "fifo", "folder", "text", "own"])
def test_a_receipt_that_nobody_named_replaces_receipts_alone(
    hybrid: Hybrid, workspace: Path, tmp_path: Path, tool: Upstream, what: str
) -> None:
    medium, log = tmp_path / "medium", workspace / "state/sources-audit.jsonl"
    medium.mkdir()
    bundle = (workspace / "state" if what == "own" else medium) / "all.ghb"
    hybrid("bundle", "create", "-o", medium / "all.ghb")
    receipt = bundle.with_name("all.ghb.receipt.json")
    made = {
        "link": lambda: receipt.symlink_to(log),
        "dangling": lambda: receipt.symlink_to(tmp_path / "new"),
        "fifo": lambda: os.mkfifo(receipt),
        "folder": receipt.mkdir,
        "text": lambda: receipt.write_text("mine"),
        "own": lambda: (medium / "all.ghb").rename(bundle),
    }
    made[what]()

    def stands() -> list[tuple[str, int]]:
        return sorted((path.name, path.lstat().st_mode) for path in (*tmp_path.iterdir(), *medium.iterdir()))

    before = log.read_bytes(), stands()
    done = hybrid("bundle", "apply", bundle)
    why = "belongs to the workspace" if what == "own" else "is no receipt, and stays"
    assert f"note: no receipt was written, {receipt} {why}: use --receipt FILE" in done.err
    assert log.read_bytes().startswith(before[0])
    assert stands() == before[1]
    assert what != "text" or receipt.read_text() == "mine"


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_beside_the_file_is_touched(hybrid: Hybrid, tmp_path: Path, tool: Upstream, command: str) -> None:
    words = COMMANDS[command]
    out = tmp_path / "out"
    out.mkdir()
    (out / "new.tmp").write_text("mine")
    (out / "old.tmp").symlink_to("/absent/file")
    (out / "old").write_text("old")
    (out / "old").chmod(0o620)
    beside = {name: data for name, data in snapshot(out).items() if name.endswith(".tmp")}
    for name in ("new", "old"):
        hybrid(*words, out / name, check=None)
        assert len((out / name).read_bytes()) > 3
    assert {name: data for name, data in snapshot(out).items() if name not in ("new", "old")} == beside
    assert stat.S_IMODE((out / "old").stat().st_mode) == 0o620


@pytest.mark.parametrize("command", COMMANDS)
def test_a_link_is_followed_and_a_pipe_is_written_to(
    hybrid: Hybrid, workspace: Path, tmp_path: Path, tool: Upstream, command: str
) -> None:
    words = COMMANDS[command]
    out = tmp_path / "out"
    out.mkdir()
    for name in ("there", "absent"):
        (out / f"to-{name}").symlink_to(name)
    (out / "there").write_text("old")
    for name in ("there", "absent"):
        hybrid(*words, out / f"to-{name}", check=None)
        assert (out / f"to-{name}").is_symlink()
        assert len((out / name).read_bytes()) > 3
    fifo = out / "fifo"
    os.mkfifo(fifo)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_bytes()))
    reader.start()
    hybrid(*words, fifo, check=None)
    reader.join(60)
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert len(read[0]) > 3
    assert sorted(os.listdir(out)) == ["absent", "fifo", "there", "to-absent", "to-there"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_device_stays_one(hybrid: Hybrid, tmp_path: Path, tool: Upstream, command: str) -> None:
    null = tmp_path / "null"
    try:
        os.mknod(null, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        null.write_bytes(b"x")
    except OSError:
        pytest.skip("devices cannot be made or used here")
    hybrid(*COMMANDS[command], null, check=None)
    assert stat.S_ISCHR(null.lstat().st_mode)


def test_a_bundle_goes_through_a_pipe_alone(hybrid: Hybrid, workspace: Path, tmp_path: Path, tool: Upstream) -> None:
    # A link of our own: what is wrong here must not harm the system's.
    stdout = tmp_path / "stdout"
    stdout.symlink_to("/proc/self/fd/1")
    for words in (("bundle", "create", "-o"), ("bundle", "create", "--json", "-o")):
        done = subprocess.run(
            [executable(), *words, str(stdout)],
            cwd=workspace,
            env=merged_env(None),
            capture_output=True,
            check=True,
        )
        (tmp_path / "got.ghb").write_bytes(done.stdout)
        hybrid("bundle", "verify", tmp_path / "got.ghb")
        assert b"tool" in done.stderr
    with open(tmp_path / "log", "wb") as log:
        log.write(b"before\n")
        log.flush()
        subprocess.run(
            [executable(), "audit", "export", "-o", str(stdout)],
            cwd=workspace,
            env=merged_env(None),
            stdout=log,
            check=True,
        )
    assert (tmp_path / "log").read_bytes().startswith(b"before\n")
    assert b"pin" in (tmp_path / "log").read_bytes()
    assert stdout.is_symlink()
