"""Clones with content of Git LFS: nothing in them leads git-lfs astray, and damage is told, mended and never installed."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from git_hybrid.git.environment import configured
from support.beginning import Beginning
from support.cli import Hybrid
from support.kit import errors, git, head
from support.upstream import Upstream, UpstreamFactory

FIRST, SECOND = b"first" * 1000, b"other" * 1000
VERSION = "https://git-lfs.github.com/spec/v1"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _place(git_dir: Path, content: bytes) -> Path:
    sha256 = _sha256(content)
    return git_dir / "lfs/objects" / sha256[:2] / sha256[2:4] / sha256


def _keep(upstream: Upstream, content: bytes, version: str = VERSION) -> str:
    """Give the upstream the content, and return its pointer."""
    path = _place(upstream.path, content)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return f"version {version}\noid sha256:{_sha256(content)}\nsize {len(content)}\n"


def _replace(path: Path, content: bytes) -> None:
    # git-lfs gives the file of an upstream that is a folder a second name.
    path.unlink()
    path.write_bytes(content)


@pytest.fixture
def large(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory("large")
    upstream.commit({".gitattributes": "*.bin filter=lfs\n", "a.bin": _keep(upstream, FIRST)})
    return upstream


@pytest.fixture
def ws(workspace: Path, large: Upstream, hybrid: Hybrid, beginning: Beginning) -> Path:
    def make() -> None:
        hybrid("init")
        hybrid("add", large.url)
        manifest = workspace / "sources.toml"
        manifest.write_text(manifest.read_text().replace('branch = "main"\n', 'branch = "main"\nlfs = "fetch"\n'))
        hybrid("pin")
        hybrid("sync")

    beginning(workspace, make)
    return workspace


@pytest.fixture
def moved(ws: Path, large: Upstream, hybrid: Hybrid) -> Path:
    """Return the clone, whose pin moved to another content."""
    large.commit({"a.bin": _keep(large, SECOND)})
    hybrid("pin", "large")
    return ws / "sources/large"


def test_no_setting_of_a_clone_counts_where_content_is_fetched(moved: Path, hybrid: Hybrid, tmp_path: Path) -> None:
    program, ran, outside = tmp_path / "evil", tmp_path / "ran", tmp_path / "outside"
    program.write_text(f"#!/bin/sh\ntouch {ran}\n")
    program.chmod(0o755)
    outside.mkdir()
    for key, value in {
        "lfs.standalonetransferagent": "evil",
        "lfs.customtransfer.evil.path": str(program),
        "credential.helper": f"!{program}",
        "core.sshCommand": str(program),
        f"url.ssh://git@localhost/{tmp_path}.insteadOf": "file://",
        "lfs.storage": str(outside),
    }.items():
        git("config", key, value, cwd=moved)
    hybrid("sync", check=None)
    assert _place(moved / ".git", SECOND).read_bytes() == SECOND
    git("config", "--unset", "lfs.standalonetransferagent", cwd=moved)
    git("config", "--unset", "lfs.customtransfer.evil.path", cwd=moved)
    hybrid("reset", "large")
    assert (moved / "a.bin").read_bytes() == SECOND
    # Not even where content is missing that a checkout needs.
    _place(moved / ".git", SECOND).unlink()
    (moved / "a.bin").unlink()
    hybrid("reset", "large")
    assert (moved / "a.bin").read_bytes() == SECOND
    assert not ran.exists()
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("name", ["lfs", "lfs/objects", "lfs/tmp"])
def test_a_link_where_content_is_kept_is_written_through_by_nobody(
    moved: Path, hybrid: Hybrid, tmp_path: Path, name: str
) -> None:
    outside, link = tmp_path / "outside", moved / ".git" / name
    outside.mkdir()
    shutil.rmtree(link, ignore_errors=True)
    link.symlink_to(outside)
    assert "symbolic link" in hybrid("check", "sources", check=1).out
    assert errors(hybrid("sync", "--json", check=3)) == {"large": "foreign-folder"}
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("kind", ["forged", "link"])
def test_content_that_is_there_already_counts_by_its_hash(
    moved: Path, hybrid: Hybrid, tmp_path: Path, kind: str
) -> None:
    secret, place = tmp_path / "secret", _place(moved / ".git", SECOND)
    secret.write_bytes(b"x" * len(SECOND))
    place.parent.mkdir(parents=True)
    if kind == "link":
        place.symlink_to(secret)
    else:
        place.write_bytes(secret.read_bytes())
    hybrid("sync")
    assert (moved / "a.bin").read_bytes() == SECOND
    assert secret.read_bytes() == b"x" * len(SECOND)
    # Nothing was deleted.
    assert [path.name for path in (moved / ".git/lfs/bad").iterdir()] == [_sha256(SECOND)]


def test_damaged_content_is_told_and_mended_by_a_reset(ws: Path, hybrid: Hybrid) -> None:
    clone = ws / "sources/large"
    place = _place(clone / ".git", FIRST)
    _replace(place, b"y" + FIRST[1:])
    hybrid("check", "sources")
    told = hybrid("check", "sources", "--content", check=1).out
    assert f"its Git LFS objects are damaged: {_sha256(FIRST)}" in told
    assert "mend: git hybrid reset large" in told
    hybrid("reset", "large")
    hybrid("check", "sources", "--content")
    assert "1 unchanged" in hybrid("reset", "large").err
    _replace(place, b"y" + FIRST[1:])
    # Without a server nothing is made of it.
    (clone / "a.bin").unlink()
    assert errors(hybrid("reset", "large", "--json", env={"GIT_HYBRID_OFFLINE": "1"}, check=4)) == {
        "large": "not-carried"
    }
    hybrid("resume", "--abort", check=None)
    hybrid("reset", "large")
    assert (clone / "a.bin").read_bytes() == place.read_bytes() == FIRST
    hybrid("check", "sources", "--content")


def test_a_file_that_rots_without_a_trace_is_mended_by_a_reset(ws: Path, hybrid: Hybrid) -> None:
    file = ws / "sources/large/a.bin"
    hybrid("reset", "large")
    before = file.stat()
    with file.open("r+b") as opened:
        opened.write(b"y")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "1 with other content: a.bin" in hybrid("check", "sources", "--content", check=1).out
    hybrid("reset", "large")
    assert file.read_bytes() == FIRST
    hybrid("check", "sources", "--content")


def test_content_that_is_unchanged_is_not_asked_for_again(ws: Path, large: Upstream, hybrid: Hybrid) -> None:
    _place(large.path, FIRST).unlink()
    large.commit({"b.bin": _keep(large, SECOND)})
    hybrid("pin", "large")
    hybrid("sync")
    clone = ws / "sources/large"
    assert ((clone / "a.bin").read_bytes(), (clone / "b.bin").read_bytes()) == (FIRST, SECOND)


def test_content_of_other_commits_is_not_asked_for(moved: Path, large: Upstream, hybrid: Hybrid) -> None:
    _place(large.path, FIRST).unlink()
    shutil.rmtree(moved)
    hybrid("sync", env=configured({"lfs.fetchRecentAlways": "true", "lfs.fetchRecentCommitsDays": "30"}))
    assert (moved / "a.bin").read_bytes() == SECOND


def test_a_clone_that_is_cut_off_gets_its_content(workspace: Path, large: Upstream, hybrid: Hybrid) -> None:
    hybrid("init")
    hybrid("add", large.url)
    manifest, settings = workspace / "sources.toml", 'branch = "main"\nlfs = "fetch"\nhistory = "treeless"\n'
    manifest.write_text(manifest.read_text().replace('branch = "main"\n', settings))
    hybrid("pin")
    hybrid("sync")
    large.commit({"a.bin": _keep(large, SECOND)})
    hybrid("pin", "large")
    hybrid("sync")
    assert (workspace / "sources/large/a.bin").read_bytes() == SECOND


def test_a_pointer_that_names_an_extension_blocks_nobody_else(
    ws: Path, large: Upstream, hybrid: Hybrid, upstream_factory: UpstreamFactory
) -> None:
    pointer = _keep(large, SECOND)
    large.commit({"a.bin": pointer.replace("oid", f"ext-0-a sha256:{_sha256(FIRST)}\noid", 1)})
    told = hybrid("pin", "large", check=5).err
    assert "a.bin: is a Git LFS pointer that names an extension" in told
    other = upstream_factory("other")
    other.commit({"a": "1"})
    hybrid("add", other.url)
    hybrid("sync")


def test_after_a_mirror_whose_content_has_rotted_the_next_is_asked(
    moved: Path, large: Upstream, hybrid: Hybrid, tmp_path: Path
) -> None:
    mirror = tmp_path / "localhost" / str(large.path).lstrip("/")
    shutil.copytree(large.path, mirror)
    _replace(_place(mirror, SECOND), b"x" * len(SECOND))
    base = f"file://{tmp_path}"
    assert "sent wrong LFS content" in hybrid("sync", check=5, env={"GIT_HYBRID_MIRRORS": base}).err
    told = hybrid("sync", env={"GIT_HYBRID_MIRRORS": f"{base},direct"}).err
    assert "(wrong-content), asking the next" in told
    assert (moved / "a.bin").read_bytes() == SECOND


@pytest.fixture
def half(ws: Path, large: Upstream, hybrid: Hybrid) -> Path:
    """Fail to make a clone for want of the second of two objects, and return what is kept of the first."""
    large.commit({"b.bin": _keep(large, SECOND)})
    hybrid("pin", "large")
    shutil.rmtree(ws / "sources/large")
    _place(large.path, SECOND).unlink()
    assert errors(hybrid("sync", "--json", check=4)) == {"large": "lfs-missing"}
    return _place(ws / "sources/.incoming/.lfs/large/.git", FIRST)


@pytest.mark.parametrize("kind", ["whole", "forged"])
def test_what_came_for_a_clone_that_did_not_come_about_is_kept(
    ws: Path, large: Upstream, hybrid: Hybrid, half: Path, kind: str
) -> None:
    clone = ws / "sources/large"
    if kind == "forged":
        _replace(half, b"x" * len(FIRST))
    else:
        _place(large.path, FIRST).unlink()
    hybrid("resume", check=4)
    _keep(large, SECOND)
    hybrid("resume")
    assert ((clone / "a.bin").read_bytes(), (clone / "b.bin").read_bytes()) == (FIRST, SECOND)
    assert not (ws / "sources/.incoming").exists()


def test_nothing_is_kept_of_what_is_given_up(ws: Path, hybrid: Hybrid, half: Path) -> None:
    hybrid("diag", check=None)
    hybrid("resume", "--abort")
    hybrid("pin", "large")
    assert not (ws / "sources/.incoming").exists()


@pytest.mark.parametrize("name", [".lfs", ".lfs/large"])
def test_a_link_where_it_is_kept_is_followed_by_nobody(
    ws: Path, hybrid: Hybrid, half: Path, tmp_path: Path, name: str
) -> None:
    link, outside = ws / "sources/.incoming" / name, tmp_path / "outside"
    link.rename(outside)
    link.symlink_to(outside)
    before = sorted(outside.rglob("*"))
    assert errors(hybrid("resume", "--json", check=2)) == {"large": "symlink-refused"}
    hybrid("resume", "--abort", check=None)
    hybrid("pin", "large")
    assert sorted(outside.rglob("*")) == before


def _odd(upstream: Upstream, content: bytes) -> dict[str, str]:
    """Return files that git-lfs would commit otherwise."""
    pointer = _keep(upstream, content)
    return {
        "plain.bin": f"not a pointer, {len(content)}\n",
        "old.bin": _keep(upstream, content, "https://hawser.github.com/spec/v1"),
        "crlf.bin": pointer.replace("\n", "\r\n"),
        "end.bin": pointer.rstrip("\n"),
    }


def test_files_that_git_lfs_would_commit_otherwise_are_those_of_the_commit(
    ws: Path, large: Upstream, hybrid: Hybrid
) -> None:
    clone = ws / "sources/large"

    def stands(content: bytes) -> bool:
        files = {name: (clone / name).read_bytes() for name in ("old.bin", "crlf.bin", "end.bin")}
        return {*files.values()} == {content} and "1 unchanged" in hybrid("sync").err

    large.commit(_odd(large, FIRST))
    hybrid("pin", "large")
    hybrid("sync")
    assert stands(FIRST)
    hybrid("check", "sources", "--content")
    # git believes the times of the files, and so do people who ask it.
    assert git("status", "--porcelain", cwd=clone) == ""
    # In a copy all times are others: git takes them for changed, and a checkout would be refused.
    shutil.copytree(clone, clone.with_name("copy"), symlinks=True)
    shutil.rmtree(clone)
    clone.with_name("copy").rename(clone)
    large.commit({**_odd(large, SECOND), "plain.bin": _keep(large, SECOND)})
    hybrid("pin", "large")
    hybrid("sync")
    assert stands(SECOND)
    assert (clone / "plain.bin").read_bytes() == SECOND
    (clone / "old.bin").write_bytes(b"mine")
    assert "1 file changed: old.bin" in hybrid("status").out
    assert "old.bin" in hybrid("sync", check=3).err
    hybrid("reset", "large")
    assert stands(SECOND)
    (saved,) = git("for-each-ref", "--format=%(refname)", "refs/hybrid/saved", cwd=clone).split()
    assert git("diff", "--name-only", "HEAD", saved, cwd=clone) == "old.bin"


def test_an_edit_keeps_a_checkout_from_files_that_git_takes_for_changed(
    ws: Path, large: Upstream, hybrid: Hybrid
) -> None:
    clone = ws / "sources/large"
    large.commit(_odd(large, FIRST))
    hybrid("pin", "large")
    hybrid("sync")
    shutil.copytree(clone, clone.with_name("copy"), symlinks=True)
    shutil.rmtree(clone)
    clone.with_name("copy").rename(clone)
    before = head(ws, "large")
    # An ignored file stands in the way of the checkout: what was moved out of its way comes back.
    (clone / ".git/info/exclude").write_text("new\n")
    (clone / "new").write_text("mine")
    large.commit({**_odd(large, SECOND), "new": "theirs"})
    hybrid("pin", "large")
    assert errors(hybrid("sync", "--json", check=3)) == {"large": "in-the-way"}
    assert head(ws, "large") == before
    assert ((clone / "old.bin").read_bytes(), (clone / "new").read_text()) == (FIRST, "mine")
    assert list((clone / ".git").glob("hybrid-aside-*")) == []
