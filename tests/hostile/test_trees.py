"""T12, T13, T24: trees that would harm whoever checks them out are refused, whichever way they come."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from git_hybrid.core.errors import FsckRefused
from git_hybrid.core.ids import Oid, SourceName, parse_oid
from git_hybrid.core.manifest import Defaults
from git_hybrid.core.ports import FetchRequest
from hostile.conftest import opened
from support.cli import Hybrid
from support.gitenv import git_env
from support.kit import changes, codes, replace, snapshot, write_manifest
from support.upstream import Gitlink, Upstream, UpstreamFactory

Tree = Callable[[Upstream], str]


def _blob(upstream: Upstream, data: bytes = b"evil\n") -> str:
    return upstream.blob(data)


def _files(*names: bytes) -> Tree:
    return lambda up: up.raw_tree([("100644", _blob(up), name) for name in names])


def _link(name: bytes, target: bytes) -> Tree:
    return lambda up: up.raw_tree([("120000", up.blob(target), name)])


def _folder(name: bytes, inner: Tree) -> Tree:
    return lambda up: up.raw_tree([("40000", inner(up), name)])


def _modules(text: str) -> Tree:
    def make(up: Upstream) -> str:
        commit = up.raw_commit(up.raw_tree([]))
        entries = [("100644", up.blob(text.encode()), b".gitmodules"), ("160000", commit, b"sub")]
        return up.raw_tree(entries)

    return make


def _module(name: str = "sub", path: str = "sub", url: str = "https://example.org/x") -> Tree:
    return _modules(f'[submodule "{name}"]\n\tpath = {path}\n\turl = {url}\n')


MALFORMED: dict[str, Tree] = {
    "dot-git": _files(b".git"),
    "dot-git-upper": _folder(b".GIT", _files(b"config")),
    "short-name": _folder(b"git~1", _files(b"config")),
    "hfs-joiner": _folder(".g\u200cit".encode(), _files(b"config")),
    "ntfs-dot": _folder(b".git.", _files(b"config")),
    "ntfs-blank": _folder(b".git ", _files(b"config")),
    "parent": _folder(b"..", _files(b"x")),
    "dot": _folder(b".", _files(b"x")),
    "slash": _files(b"a/b"),
    "duplicate": _files(b"a", b"a"),
    "unsorted": _files(b"b", b"a"),
    "modules-link": _link(b".gitmodules", b"/etc/passwd"),
    "modules-dash-url": _module(url="-u./payload"),
    "modules-up": _module(name="../x"),
    "modules-dash-path": _module(path="-x"),
}


def _case_link(up: Upstream) -> str:
    """`A` is a link to `.git/hooks`, and `a/post-checkout` is written through it where case does not count."""
    inner = _files(b"post-checkout")(up)
    return up.raw_tree([("120000", up.blob(b".git/hooks"), b"A"), ("40000", inner, b"a")])


def _bare(up: Upstream) -> str:
    empty = up.raw_tree([("100644", _blob(up), b".keep")])
    config = up.blob(b"[core]\n\tfsmonitor = touch /tmp/owned; false\n\tbare = true\n\tworktree = .\n")
    entries = [
        ("100644", up.blob(b"ref: refs/heads/main\n"), b"HEAD"),
        ("100644", config, b"config"),
        ("40000", empty, b"objects"),
        ("40000", empty, b"refs"),
    ]
    return up.raw_tree([("40000", up.raw_tree(entries), b"docs.git")])


def _chain(up: Upstream) -> str:
    """`d/up` leads to the root, `e` through it to the parent of the root: no single target escapes."""
    inner = up.raw_tree([("120000", up.blob(b".."), b"up")])
    return up.raw_tree([("40000", inner, b"d"), ("120000", up.blob(b"d/up/.."), b"e")])


WELL_FORMED: dict[str, tuple[str, Tree]] = {
    "case-twins": ("name-twins", _files(b"README", b"readme")),
    "unicode-twins": ("name-twins", _files("cafe\u0301".encode(), "caf\u00e9".encode())),
    "case-link": ("name-twins", _case_link),
    "carriage-return": ("control-bytes", _folder(b"sub\r", _files(b"x"))),
    "escape": ("control-bytes", _files(b"a\x1b]0;owned\x07")),
    "bidi": ("control-bytes", _files("a\u202etxt.exe".encode())),
    "newline": ("control-bytes", _files(b"a\nb")),
    "absolute-link": ("absolute-link", _link(b"passwd", b"/etc/passwd")),
    "escaping-link": ("escaping-link", _folder(b"a", _link(b"up", b"../../.git/config"))),
    "link-chain": ("escaping-link", _chain),
    "link-into-git": ("link-into-git", _link(b"conf", b".git/config")),
    "link-into-git-folded": ("link-into-git", _link(b"conf", b".GIT/hooks")),
    "bare-repository": ("embedded-repository", _bare),
    "backslash": ("backslash", _files(b"a\\..\\..\\x")),
    "too-deep": ("too-deep", lambda up: _deep(up, 300)),
    # Below the folder of the clone no system call would take it.
    "too-long-here": ("too-deep", lambda up: _deep(up, 20, b"d" * 199)),
}


def _deep(up: Upstream, depth: int, name: bytes = b"d") -> str:
    tree = _files(b"x")(up)
    for _ in range(depth):
        tree = up.raw_tree([("40000", tree, name)])
    return tree


def _served(upstream: Upstream, tree: Tree) -> str:
    """Put the hostile tree on top of a harmless history; return its commit."""
    first = upstream.commit({"README": "harmless\n"})
    commit = upstream.raw_commit(tree(upstream), [first])
    upstream.update_ref("refs/heads/main", commit)
    return commit


def _refused(hybrid: Hybrid, workspace: Path, url: str, codes: set[str]) -> str:
    hybrid("init")
    before = snapshot(workspace.parent)
    document = hybrid("add", url, "--json", check=5).json()
    assert document["error"]["code"] in codes if "error" in document else True
    after = snapshot(workspace.parent)
    touched = [path for path in changes(before, after) if not path.endswith(".lock")]
    assert touched == [], "nothing is written, inside or outside of the workspace"
    return str(document)


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_trees_are_refused_by_fsck(
    kind: str, hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, tmp_path: Path
) -> None:
    upstream = upstream_factory()
    _served(upstream, MALFORMED[kind])
    naive = tmp_path / "naive"
    subprocess.run(["git", "init", "-q", naive], check=True, env=git_env())
    fetched = subprocess.run(["git", "fetch", "-q", upstream.url, "main"], cwd=naive, check=False, env=git_env())
    assert fetched.returncode == 0, "the control: a naive client takes it"
    assert "fsck" in _refused(hybrid, workspace, upstream.url, {"fsck-refused", "malformed-objects"})


@pytest.mark.parametrize("kind", WELL_FORMED)
def test_harmful_trees_that_fsck_lets_pass_are_refused(
    kind: str, hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, tmp_path: Path
) -> None:
    rule, tree = WELL_FORMED[kind]
    upstream = upstream_factory()
    _served(upstream, tree)
    naive = tmp_path / "naive"
    config = ["-c", "fetch.fsckObjects=true", "-c", "core.protectNTFS=false"]
    cloned = subprocess.run(["git", *config, "clone", "-q", upstream.url, naive], check=False, env=git_env())
    assert cloned.returncode == 0, "the control: git checks it out, fsck or not"
    assert rule in _refused(hybrid, workspace, upstream.url, {"hostile-tree"})


def _bundled(upstream: Upstream, folder: Path) -> dict[str, str]:
    folder.mkdir()
    upstream.git("bundle", "create", str(folder / "tool.bundle"), "refs/heads/main")
    return {"GIT_HYBRID_BUNDLE_DIR": str(folder)}


@pytest.mark.parametrize("kind", ["dot-git", "slash", "duplicate", "escaping-link", "bare-repository", "bidi"])
def test_a_bundle_passes_the_same_gate(
    kind: str, hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, tmp_path: Path
) -> None:
    tree = MALFORMED[kind] if kind in MALFORMED else WELL_FORMED[kind][1]
    upstream = upstream_factory()
    good = upstream.commit({"README": "harmless\n"})
    hybrid("init")
    hybrid("add", upstream.url)
    bad = upstream.raw_commit(tree(upstream), [good])
    upstream.update_ref("refs/heads/main", bad)
    env = _bundled(upstream, tmp_path / "bundles")
    naive = tmp_path / "naive"
    subprocess.run(["git", "init", "-q", naive], check=True, env=git_env())
    bundle = tmp_path / "bundles/tool.bundle"
    checked = ["git", "-c", "fetch.fsckObjects=true", "fetch", "-q", bundle, "main"]
    done = subprocess.run(checked, cwd=naive, check=False, env=git_env(), stderr=subprocess.PIPE)
    # git before 2.46 runs no fsck here.
    assert done.returncode == 0 or b"fsck error" in done.stderr, "the control"
    before = (workspace / "state/sources.lock").read_bytes()
    hybrid("pin", "tool", env=env, check=5)
    assert (workspace / "state/sources.lock").read_bytes() == before
    # Somebody writes the hostile commit into the lock by hand: the next install stops it.
    replace(workspace / "state/sources.lock", good, bad)
    hybrid("sync", env=env, check=5)
    assert not (workspace / "sources/tool").exists()


def test_a_waived_object_passes_and_no_other(
    workspace: Path, hybrid: Hybrid, upstream_factory: UpstreamFactory, tmp_path: Path
) -> None:
    upstream = upstream_factory()
    first = upstream.raw_commit(_files(b"a", b"a")(upstream))
    second = upstream.raw_commit(_files(b".git")(upstream), [first])
    good = upstream.raw_commit(_files(b"good")(upstream), [second])
    upstream.update_ref("refs/heads/main", good)
    hybrid("init")
    with opened(workspace) as found:
        transport, quarantine = found.runtime.transport, found.runtime.quarantine

        def fetch(*waived: str) -> None:
            stage = quarantine.stage(SourceName("tool"), borrow=False)
            request = FetchRequest(refs=("refs/heads/main",), waived=tuple(map(parse_oid, waived)))
            transport.fetch(stage, upstream.url, request, Defaults())
            assert found.runtime.objects.has_commit(stage, parse_oid(good))

        with pytest.raises(FsckRefused) as caught:
            fetch()
        trees = {upstream.rev(f"{commit}^{{tree}}") for commit in (first, second)}
        assert set(caught.value.objects) == trees, "all objects are named at once"
        with pytest.raises(FsckRefused) as caught:
            fetch(min(trees))
        assert set(caught.value.objects) == {max(trees)}
        fetch(*trees)


def test_of_commits_alone_harmless_faults_and_waived_objects_pass_too(
    workspace: Path, hybrid: Hybrid, upstream_factory: UpstreamFactory
) -> None:
    """git's fetch asks fsck with no list of warnings, and with none of waived objects, where it leaves files out."""
    upstream = upstream_factory()
    old = upstream.raw_commit(_files(b"a")(upstream), identity="Somebody")
    upstream.update_ref("refs/heads/main", upstream.raw_commit(_files(b"b")(upstream), [old]))
    lines = upstream.git("cat-file", "commit", old).splitlines(keepends=True)
    without_author = b"".join(line for line in lines if not line.startswith(b"author"))
    bad = upstream.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin=without_author)
    waived = parse_oid(bad.decode().strip())
    upstream.update_ref("refs/heads/bad", upstream.raw_commit(_files(b"c")(upstream), [waived]))
    hybrid("init")
    hybrid("add", upstream.url, "--history", "shallow")
    with opened(workspace) as found:
        transport, quarantine = found.runtime.transport, found.runtime.quarantine

        def fetch(*waived: Oid) -> list[str]:
            stage = quarantine.stage(SourceName("tool"), borrow=False, suffix="commits")
            request = FetchRequest(refs=("refs/heads/bad",), commits_only=True, waived=waived)
            transport.fetch(stage, upstream.url, request, Defaults())
            return [path.suffix for path in Path(stage.git_dir, "objects/pack").iterdir()]

        with pytest.raises(FsckRefused) as caught:
            fetch()
        assert caught.value.objects == (waived,), "not what is a warning"
        assert "" not in fetch(waived), "half a pack of the fetch that fsck ended"


def _old_modes(up: Upstream) -> str:
    """Modes that git has not written for long, and reads as others."""
    modes = ("100664", "100777", "104755", "100000", "120777")
    inner = up.raw_tree([(mode, _blob(up), mode.encode()) for mode in sorted(modes)])
    return up.raw_tree([("40000", inner, b"d"), ("100664", _blob(up), b"x")])


HARMLESS = {
    "old-modes": lambda up: up.raw_commit(_old_modes(up)),
    "zero-padded-mode": lambda up: up.raw_commit(up.raw_tree([("040000", _files(b"x")(up), b"d")])),
    "no-email": lambda up: up.raw_commit(_files(b"x")(up), identity="Somebody"),
    "no-blank": lambda up: up.raw_commit(_files(b"x")(up), identity="Somebody<a@b>"),
    "far-date": lambda up: up.raw_commit(_files(b"x")(up), when=10**14),
    "overflow": lambda up: up.raw_commit(_files(b"x")(up), when=10**20),
    "bad-email": lambda up: up.raw_commit(_files(b"x")(up), identity="A <a <b> c>"),
}


@pytest.mark.parametrize("kind", HARMLESS)
@pytest.mark.parametrize("pinned", [True, False])
def test_harmless_faults_of_old_repositories_pass(
    kind: str, hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, pinned: bool
) -> None:
    """Somewhere in history, and in the pinned commit itself, which libgit2 may not be able to open."""
    upstream = upstream_factory()
    old = HARMLESS[kind](upstream)
    upstream.update_ref("refs/heads/main", old)
    if not pinned:
        upstream.commit({"new": "x\n"})
    hybrid("init")
    hybrid("add", upstream.url)
    hybrid("sync")
    hybrid("check", "sources", "--content")
    upstream.commit({"newer": "x\n"})
    hybrid("pin", "tool")
    hybrid("sync")
    assert (workspace / "sources/tool/newer").is_file()


def _bomb(upstream: Upstream, *, width: int, depth: int) -> str:
    """A few kilobytes that unpack to width ** depth files."""
    tree = upstream.raw_tree([("100644", _blob(upstream), b"f%03d" % number) for number in range(width)])
    for _ in range(depth - 1):
        tree = upstream.raw_tree([("40000", tree, b"d%03d" % number) for number in range(width)])
    return tree


def test_a_tree_bomb_is_refused_before_it_is_listed_whole(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory
) -> None:
    upstream = upstream_factory()
    upstream.update_ref("refs/heads/main", upstream.raw_commit(_bomb(upstream, width=40, depth=6)))
    hybrid("init")
    (workspace / "sources.toml").write_text("schema_version = 1\n[policy]\nmax_entries = 2000\n")
    told = hybrid("add", upstream.url, check=5)
    assert "more than 2,000 entries" in told.err
    assert sum(len(files) for _, _, files in os.walk(workspace)) < 50


def _chain(upstream: Upstream) -> str:
    """Folders in folders, deeper than any file can be written."""
    tree = upstream.raw_tree([("100644", _blob(upstream), b"f")])
    for _ in range(300):
        tree = upstream.raw_tree([("40000", tree, b"d")])
    return tree


@pytest.mark.parametrize("kind", ["bomb", "chain"])
def test_no_files_are_counted_of_a_tree_that_is_not_taken(
    kind: str, hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory
) -> None:
    upstream = upstream_factory()
    upstream.commit({"README": "first\n"})
    hybrid("init")
    (workspace / "sources.toml").write_text("schema_version = 1\n[policy]\nmax_entries = 2000\n")
    hybrid("add", upstream.url)
    hybrid("sync")
    tree = _bomb(upstream, width=20, depth=3) if kind == "bomb" else _chain(upstream)
    upstream.update_ref("refs/heads/main", upstream.raw_commit(tree, [upstream.rev("main")]))
    assert codes(hybrid("diff", "--upstream", "--json", check=5)) == {"tool": 5}


def test_of_a_long_message_of_a_commit_only_the_beginning_is_told(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory
) -> None:
    upstream = upstream_factory()
    upstream.commit({"README": "first\n"})
    hybrid("init")
    hybrid("add", upstream.url)
    hybrid("sync")
    upstream.commit({"README": "second\n"}, "x" * 3_000_000)
    upstream.commit({"README": "third\n"}, "third")
    for command in (("pin", "tool", "-n"), ("diff", "--upstream")):
        (row,) = hybrid(*command, "--json").json()["sources"]
        third, second = row["range"]["commits"]
        assert third["subject"] == "third"
        assert second["subject"] == "x" * len(second["subject"])
        assert 100 < len(second["subject"]) < 1000


def test_too_many_bytes_are_refused(hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory) -> None:
    upstream = upstream_factory()
    upstream.commit({f"zeros{number}": bytes(300_000) for number in range(4)})
    hybrid("init")
    (workspace / "sources.toml").write_text("schema_version = 1\n[policy]\nmax_bytes = 1000000\n")
    refused = hybrid("add", upstream.url, check=5).err
    assert "is larger than policy allows\n" in refused
    assert "larger than 1,000,000 bytes together ([policy] max_bytes)\n" in refused
    assert "must not be checked out" not in refused


def _holds(upstream: Upstream, commit: str, number: int) -> str:
    """Commit a tree in which *commit* stands as so many submodules, each of the repository itself."""
    urls = "".join(f'[submodule "{at}"]\n\tpath = {at}\n\turl = {upstream.url}\n' for at in range(number))
    links = {str(at): Gitlink(commit) for at in range(number)}
    return upstream.commit({".gitmodules": urls, **links}, parents=[upstream.rev("main")])


def test_submodules_that_multiply_are_refused(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory
) -> None:
    """A few small commits name more clones than any disk has room for; a mirror takes each commit once."""
    upstream = upstream_factory()
    oid = upstream.commit({"README": "leaf\n"})
    for _ in range(3):
        oid = _holds(upstream, oid, 400)
    write_manifest(workspace, f'[source.tool]\nurl = "{upstream.url}"\nbranch = "main"\nsubmodules = true\n')
    hybrid("pin")
    hybrid("mirror", "update", workspace / "mirror")
    told = hybrid("sync", check=5).err
    assert "submodules: more than 1,000 submodules, nested ones included\n" in told
    assert not (workspace / "sources/tool").exists()


def test_submodules_count_together(hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory) -> None:
    upstream = upstream_factory()
    leaf = upstream.commit({f"f{number}": "x\n" for number in range(60)})
    upstream.commit({f"f{number}": None for number in range(60)})
    _holds(upstream, leaf, 2)
    source = f'[source.tool]\nurl = "{upstream.url}"\nbranch = "main"\nsubmodules = true\n'
    write_manifest(workspace, f"[policy]\nmax_entries = 100\n{source}")
    hybrid("pin")
    assert "the submodules have more than 100 entries together ([policy] max_entries)\n" in hybrid("sync", check=5).err


UNWRITABLE: dict[str, tuple[str, Tree]] = {
    "empty-target": ("bad-link", _link(b"link", b"")),
    "nul-in-target": ("bad-link", _link(b"link", b"target\0rest")),
    "long-target": ("bad-link", _link(b"link", b"d/" * 2048)),
    "long-name": ("long-name", _folder(b"d", _files(b"n" * 256))),
    "long-folder": ("long-name", _folder(b"n" * 256, _files(b"x"))),
    "socket": ("odd-mode", lambda up: up.raw_tree([("140000", _blob(up), b"socket")])),
    "device": ("odd-mode", lambda up: up.raw_tree([("60000", _blob(up), b"device")])),
}


@pytest.mark.parametrize("kind", UNWRITABLE)
def test_trees_that_cannot_be_written_are_refused(
    kind: str, hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory
) -> None:
    rule, tree = UNWRITABLE[kind]
    upstream = upstream_factory()
    _served(upstream, tree)
    assert rule in _refused(hybrid, workspace, upstream.url, {"hostile-tree"})


@pytest.mark.parametrize("kind", ["nul-in-target", "long-name", "socket"])
def test_a_pin_does_not_move_to_a_tree_that_cannot_be_written(
    kind: str, hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory
) -> None:
    odd, good = upstream_factory("odd"), upstream_factory("good")
    for upstream in (odd, good):
        upstream.commit({"README": "first\n"})
    hybrid("init")
    for upstream in (odd, good):
        hybrid("add", upstream.url, "--branch", "main")
    _served(odd, UNWRITABLE[kind][1])
    good.commit({"README": "good\n"})
    assert codes(hybrid("pin", "--all", "--json", check=5)) == {"odd": 5, "good": 0}
    hybrid("sync")
    assert (workspace / "sources/good/README").read_text() == "good\n"
    assert (workspace / "sources/odd/README").read_text() == "first\n"
