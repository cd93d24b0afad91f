"""P4: a clone that differs from the lock by one byte, mode, link or file is never called clean."""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hostile.conftest import Prove, opened
from support.cli import Hybrid
from support.kit import git, head, replace
from support.upstream import Exec, Gitlink, Link, Upstream, UpstreamFactory

MANY = 500
Change = Callable[[Path], None]


def _flip(path: Path) -> None:
    """Change one bit and leave size and times as they were."""
    status = path.lstat()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _chmod(path: Path) -> None:
    status = path.stat()
    path.chmod(status.st_mode ^ 0o111)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _link(path: Path) -> None:
    """Put a link to a copy in the file's place: who reads it sees the same bytes."""
    copy = path.with_name(path.name + ".copy")
    path.rename(copy)
    path.symlink_to(copy.name)


def _delete(path: Path) -> None:
    path.unlink()


def _add(path: Path) -> None:
    path.with_name(path.name + ".new").write_text("x")


CHANGES: dict[str, Change] = {
    "flip": _flip,
    "truncate": _truncate,
    "chmod": _chmod,
    "link": _link,
    "delete": _delete,
    "add": _add,
}


def _tree(count: int) -> dict[str, str | Exec]:
    chance = random.Random(4)
    names = ["/".join([*chance.choices("abcde", k=chance.randrange(4)), f"f{number}"]) for number in range(count)]
    return {
        name: Exec(b"#!x\n" + name.encode()) if at % 9 == 0 else f"text of {name}\n" for at, name in enumerate(names)
    }


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    upstream.commit({"README": "read me\n", "bin/run": Exec(b"#!/bin/sh\n"), "link": Link("README")})
    return upstream


@pytest.fixture
def clone(hybrid: Hybrid, workspace: Path, tool: Upstream) -> Path:
    hybrid("init")
    hybrid("add", tool.url)
    hybrid("sync")
    return workspace / "sources/tool"


def _status(hybrid: Hybrid, name: str = "tool") -> str:
    rows = {row["name"]: row for row in hybrid("status", "--json").json()["sources"]}
    return str(rows[name]["state"])


def test_a_fresh_clone_is_proved(clone: Path, prove: Prove, hybrid: Hybrid) -> None:
    assert prove(content=False) == ()
    assert prove() == ()
    assert _status(hybrid) == "ok"


def test_one_git_reads_what_proves_a_clone(
    clone: Path, prove: Prove, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, log = shutil.which("git"), tmp_path / "log"
    program = tmp_path / "bin/git"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {log}\nexec {real} "$@"\n')
    program.chmod(0o755)
    git("pack-refs", "--all", cwd=clone)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    assert prove() == ()
    (asked,) = [line for line in log.read_text().splitlines() if str(clone) in line]
    assert asked.endswith("cat-file --batch")


@pytest.mark.parametrize("kind", CHANGES)
def test_none_of_five_hundred_files_is_missed(
    kind: str, hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, prove: Prove
) -> None:
    files = _tree(MANY)
    upstream = upstream_factory("big")
    upstream.commit(files)
    hybrid("init")
    hybrid("add", upstream.url)
    hybrid("sync")
    for name in files:
        CHANGES[kind](workspace / "sources/big" / name)
    with opened(workspace) as found:
        source = found.runtime.clones.inspect("big", None)
    assert source.dirty_count >= MANY
    counts = [re.match(r"(\d+) ", item.what) for item in prove()]
    assert sum(int(count[1]) for count in counts if count) >= 2 * MANY


TRICKS: dict[str, list[list[str]]] = {
    "file-mode": [["config", "core.fileMode", "false"]],
    "ignore-case": [["config", "core.ignoreCase", "true"]],
    "no-ctime": [["config", "core.trustctime", "false"]],
    "minimal-stat": [["config", "core.checkStat", "minimal"], ["config", "core.trustctime", "false"]],
    "no-links": [["config", "core.symlinks", "false"]],
    "skip-worktree": [["update-index", "--skip-worktree", "README", "bin/run", "link"]],
    "assume-unchanged": [["update-index", "--assume-unchanged", "README", "bin/run", "link"]],
    "other-tree": [["config", "core.worktree", "../../../elsewhere"]],
    "include": [["config", "include.path", "more"], ["config", "--file", ".git/more", "core.fileMode", "false"]],
    "filter": [["config", "filter.x.clean", "git show HEAD:%f"]],
    "sparse": [["config", "core.sparseCheckout", "true"], ["update-index", "--skip-worktree", "README", "bin/run"]],
}


def _play(clone: Path, trick: str) -> None:
    (clone.parents[1] / "elsewhere").mkdir()
    (clone.parents[1] / "elsewhere/README").write_text("read me\n")
    for words in TRICKS[trick]:
        git(*words, cwd=clone)
    if trick == "sparse":
        (clone / ".git/info/sparse-checkout").write_text("/*\n!/README\n!/bin/\n")
    if trick == "filter":
        (clone / ".git/info/attributes").write_text("* filter=x\n")


@pytest.mark.parametrize("trick", TRICKS)
def test_settings_of_the_clone_hide_nothing(trick: str, clone: Path, prove: Prove, hybrid: Hybrid) -> None:
    _play(clone, trick)
    for kind, change in CHANGES.items():
        target = clone / ("bin/run" if kind == "chmod" else "README")
        data, mode = target.read_bytes(), target.stat().st_mode
        change(target)
        assert any("README" in item.what or "bin/run" in item.what for item in prove()), kind
        assert _status(hybrid) != "ok", kind
        assert prove(content=False) != (), kind
        for path in [*target.parent.glob(target.name + ".*"), target]:
            path.unlink(missing_ok=True)
        target.write_bytes(data)
        target.chmod(mode)


def test_a_sparse_checkout_that_was_ended_is_none(clone: Path, prove: Prove) -> None:
    git("sparse-checkout", "set", "--no-cone", "/bin", cwd=clone)
    mends = [item.mend for item in prove()]
    assert "git -C sources/tool sparse-checkout disable" in mends
    git("sparse-checkout", "disable", cwd=clone)
    assert (clone / ".git/info/sparse-checkout").exists()
    assert prove() == ()
    # What is left of it is read still.
    git("config", "--file", ".git/config.worktree", "core.fileMode", "false", cwd=clone)
    assert any(".git/config.worktree sets core.filemode" in item.what for item in prove(content=False))


@pytest.mark.parametrize("trick", ["file-mode", "no-ctime", "skip-worktree", "assume-unchanged", "filter"])
def test_git_itself_is_fooled(trick: str, clone: Path) -> None:
    """The control: without our reading, the tricks hide a change."""
    _play(clone, trick)
    target = clone / "README"
    status = target.stat()
    # Within the second of the checkout git reads every file again: its index is "racily clean" (see racy-git).
    os.utime(target, ns=(10**18, 10**18))
    git("update-index", "--refresh", cwd=clone, check=False)
    data = target.read_bytes()
    if trick == "file-mode":
        target.chmod(0o755)
    else:
        target.write_bytes(data.swapcase())
        os.utime(target, ns=(10**18, 10**18))
    assert status.st_size == target.stat().st_size
    assert git("status", "--porcelain", cwd=clone) == ""


@pytest.mark.parametrize("where", [".git/info/exclude", "elsewhere"])
def test_ignored_extra_files_are_listed(where: str, clone: Path, prove: Prove) -> None:
    (clone / where).parent.mkdir(exist_ok=True)
    (clone / where).write_text("*.o\nhidden/\nelsewhere\n")
    git("config", "core.excludesFile", str(clone / where), cwd=clone)
    (clone / "evil.o").write_text("x")
    (clone / "hidden").mkdir()
    (clone / "hidden/more").write_text("x")
    assert git("status", "--porcelain", cwd=clone) == ""
    told = " ".join(item.what for item in prove())
    assert "evil.o" in told
    assert "hidden/more" in told


def test_a_forged_index_does_not_hide_a_byte_and_reset_mends_it(clone: Path, prove: Prove, hybrid: Hybrid) -> None:
    """An index whose stat data was made to fit the changed file: only reading shows it."""
    target, index = clone / "README", clone / ".git/index"
    target.write_bytes(b"evil me\n")
    git("config", "core.trustctime", "false", cwd=clone)
    honest = git("ls-files", "--stage", cwd=clone)
    data = index.read_bytes()
    git("update-index", "README", cwd=clone)
    forged = bytearray(index.read_bytes())
    old = bytes.fromhex(next(line.split()[1] for line in honest.splitlines() if line.endswith("README")))
    new = bytes.fromhex(
        next(row.split()[1] for row in git("ls-files", "-s", cwd=clone).splitlines() if row.endswith("README"))
    )
    assert old in data
    forged[forged.index(new) : forged.index(new) + 20] = old
    forged[-20:] = hashlib.sha1(bytes(forged[:-20])).digest()
    index.write_bytes(forged)
    git("config", "--unset", "core.trustctime", cwd=clone)
    os.utime(index, (target.stat().st_mtime + 5, target.stat().st_mtime + 5))
    assert git("status", "--porcelain", cwd=clone) == ""
    (found,) = prove()
    assert "1 with other content: README" in found.what
    hybrid("reset", "tool")
    assert target.read_bytes() == b"read me\n"
    assert prove() == ()


@pytest.mark.parametrize("trick", ["skip-worktree", "assume-unchanged", "no-ctime", "file-mode", "sparse"])
def test_reset_mends_what_was_hidden(trick: str, clone: Path, hybrid: Hybrid) -> None:
    _play(clone, trick)
    _flip(clone / "README")
    _chmod(clone / "bin/run")
    hybrid("sync", check=3)
    done = hybrid("reset", "tool", check=None)
    assert (clone / "README").read_text() == "read me\n"
    assert os.access(clone / "bin/run", os.X_OK)
    assert done.code == 0, done.err


def test_a_hidden_file_moves_with_the_pin(clone: Path, tool: Upstream, hybrid: Hybrid, prove: Prove) -> None:
    git("update-index", "--skip-worktree", "README", cwd=clone)
    tool.commit({"README": "the second\n"})
    hybrid("pin", "tool")
    hybrid("sync")
    assert (clone / "README").read_text() == "the second\n"
    assert prove() == ()


ODD: dict[str, Callable[[Path], object]] = {
    "replace": lambda clone: git(
        "update-ref", f"refs/replace/{git('rev-parse', 'HEAD', cwd=clone)}", "HEAD", cwd=clone
    ),
    "grafts": lambda clone: (clone / ".git/info/grafts").write_text("0" * 40 + "\n"),
    "alternates": lambda clone: (
        (clone / ".git/objects/info").mkdir(exist_ok=True)
        or (clone / ".git/objects/info/alternates").write_text("/nowhere\n")
    ),
    "commondir": lambda clone: (clone / ".git/commondir").write_text(".\n"),
    "fsmonitor": lambda clone: git("config", "core.fsmonitor", "touch x", cwd=clone),
    "hook": lambda clone: (
        (clone / ".git/hooks").mkdir() or (clone / ".git/hooks/post-checkout").symlink_to("../../bin/run")
    ),
    "hooks": lambda clone: git("config", "core.hooksPath", "hooks", cwd=clone),
    "textconv": lambda clone: git("config", "diff.x.textconv", "touch x", cwd=clone),
    "include": lambda clone: git("config", "include.path", "x", cwd=clone),
    "attributes": lambda clone: (clone / ".git/info/attributes").write_text("* text eol=crlf\n"),
}


@pytest.mark.parametrize("kind", ODD)
def test_what_bends_git_is_found_without_reading_files(kind: str, clone: Path, prove: Prove) -> None:
    ODD[kind](clone)
    assert prove(content=False) != ()
    assert not (clone / "x").exists()


def test_what_git_would_not_run_is_no_hook(clone: Path, prove: Prove) -> None:
    hooks = clone / ".git/hooks"
    hooks.mkdir()
    (hooks / "update.sample").write_text("#!/bin/sh\n")
    (hooks / "update.sample").chmod(0o755)
    (hooks / "notes").write_text("no hook\n")
    (hooks / "folder").mkdir()
    assert prove() == ()
    (hooks / "notes").chmod(0o755)
    (found,) = prove()
    assert ".git/hooks/notes is run by git" in found.what
    assert found.mend == "take it out of sources/tool/.git, then: git hybrid check sources"


def test_a_lock_that_was_tampered_with_is_found(clone: Path, workspace: Path, prove: Prove, hybrid: Hybrid) -> None:
    lock = workspace / "state/sources.lock"
    honest = lock.read_text()
    tree = git("rev-parse", "HEAD^{tree}", cwd=clone)
    replace(lock, tree, "0" * 39 + "1")
    (found,) = prove(content=False)
    assert "tree" in found.what
    assert found.mend == "git checkout HEAD -- state/sources.lock"
    lock.write_text(honest)
    digest = re.search(r'content_sha256 = "(\w+)"', honest)
    assert digest is not None
    replace(lock, digest[1], "0" * 64)
    (found,) = prove()
    assert "content_sha256" in found.what
    # The next install finds it too.
    (workspace / "sources/tool").rename(workspace / "aside")
    before = lock.read_bytes()
    assert "content_sha256" in hybrid("sync", check=5).err
    assert lock.read_bytes() == before
    assert not (workspace / "sources/tool").exists()


def test_a_tampered_object_is_found(clone: Path, prove: Prove) -> None:
    """A tree object that holds something else than its id says, in a clone whose files were changed to fit."""
    (clone / "README").write_text("evil me\n")
    git("add", "README", cwd=clone)
    evil = git("write-tree", cwd=clone)
    tree = git("rev-parse", "HEAD^{tree}", cwd=clone)
    objects = clone / ".git/objects"
    for pack in sorted(objects.glob("pack/*.pack")):
        moved = clone.parent / pack.name
        pack.rename(moved)
        for index in objects.glob("pack/*"):
            index.unlink()
        with moved.open("rb") as data:
            subprocess.run(["git", "unpack-objects", "-q"], cwd=clone, stdin=data, check=True)
    forged, honest = (objects / oid[:2] / oid[2:] for oid in (evil, tree))
    honest.chmod(0o644)
    honest.write_bytes(forged.read_bytes())
    assert prove() != ()


def test_submodules_are_read_too(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, prove: Prove
) -> None:
    lib, app = upstream_factory("lib"), upstream_factory("app")
    lib.commit({"lib.txt": "one two\n", "sub/x": "x\n"})
    modules = '[submodule "lib"]\n\tpath = vendor/lib\n\turl = ../lib.git\n'
    app.commit({".gitmodules": modules, "vendor/lib": Gitlink(lib.rev("main"))})
    hybrid("init")
    hybrid("add", app.url)
    replace(workspace / "sources.toml", 'branch = "main"', 'branch = "main"\nsubmodules = true')
    hybrid("pin")
    hybrid("sync")
    assert prove() == ()
    inner = workspace / "sources/app/vendor/lib"
    for change in (_flip, _delete):
        change(inner / "lib.txt")
        assert any("vendor/lib/lib.txt" in item.what for item in prove())
        git("checkout", "-q", "-f", "HEAD", "--", ".", cwd=inner)
    (inner / "extra.log").write_text("x")
    (inner / ".git/info/exclude").write_text("*.log\n")
    assert any("vendor/lib/extra.log" in item.what for item in prove())
    (inner / "extra.log").unlink()
    git("-c", "user.name=x", "-c", "user.email=x", "commit", "-q", "--allow-empty", "-m", "mine", cwd=inner)
    assert any("vendor/lib" in item.what for item in prove())


def test_lfs_content_is_compared_with_its_pointer(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, prove: Prove
) -> None:
    data = b"large\0content\n" * 50
    digest = hashlib.sha256(data).hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(data)}\n"
    upstream = upstream_factory("media")
    upstream.commit({".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "a.bin": pointer})
    store = upstream.path / "lfs/objects" / digest[:2] / digest[2:4]
    store.mkdir(parents=True)
    (store / digest).write_bytes(data)
    hybrid("init")
    hybrid("add", upstream.url)
    replace(workspace / "sources.toml", 'branch = "main"', 'branch = "main"\nlfs = "fetch"')
    hybrid("pin")
    hybrid("sync")
    target = workspace / "sources/media/a.bin"
    assert target.read_bytes() == data
    assert prove() == ()
    _flip(target)
    assert any("a.bin" in item.what for item in prove())


def test_the_head_of_the_clone_is_compared(
    clone: Path, workspace: Path, tool: Upstream, prove: Prove, hybrid: Hybrid
) -> None:
    old = head(workspace)
    tool.commit({"README": "two\n"})
    hybrid("pin", "tool")
    (found,) = [item for item in prove(content=False) if "HEAD" in item.what]
    assert old in found.what
    assert found.mend == "git hybrid sync tool"
