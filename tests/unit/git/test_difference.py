"""A difference between a commit and files: content of Git LFS that is what its pointer names is none."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from git_hybrid.core.difference import Difference, Side
from git_hybrid.core.errors import GitFailed
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.git import difference
from git_hybrid.git.difference import write_difference
from git_hybrid.git.run import Runner
from support.kit import git

CONTENT = b"content\n"
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{hashlib.sha256(CONTENT).hexdigest()}\nsize {len(CONTENT)}\n"


def _short(paths: list[str]) -> list[str]:
    return [path.removeprefix("sources/tool/") for path in paths]


def test_content_in_the_place_of_its_pointer_is_no_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / 'w"\\\ns'
    clone = root / "sources/tool"
    clone.mkdir(parents=True)
    git("init", "-q", cwd=clone)
    for name, text in (("kept", POINTER), ("edited", POINTER), ("gone", "gone\n"), ("small", "small\n")):
        (clone / name).write_text(text)
    git("add", "-A", cwd=clone)
    (clone / "kept").write_bytes(CONTENT)
    (clone / "edited").write_bytes(b"other\n")
    (clone / "small").write_text("changed\n")
    (clone / "gone").unlink()
    side = Side(Oid(git("write-tree", cwd=clone)), str(clone / ".git"))
    (clone / "added").write_text("new\n")
    git("add", "added", cwd=clone)
    found, runner, out = Difference(SourceName("tool"), side, None, lfs=True), Runner(environ=os.environ), bytearray()
    write_difference(runner, root, found, ["--name-only"], out.extend)
    assert out.decode().split() == [f"sources/tool/{file}" for file in ("added", "edited", "gone", "small")]
    # By lines git takes a hundred times as much memory for a file of many, so a large one is compared as a whole.
    monkeypatch.setattr(difference, "LARGEST", 5)
    assert _short(write_difference(runner, root, found, ["--stat"], lambda _: None)) == ["edited", "small"]
    git("add", "-A", cwd=clone)
    there = Difference(found.name, side, Side(Oid(git("write-tree", cwd=clone)), side.git_dir))
    assert _short(write_difference(runner, root, there, ["--patch"], lambda _: None)) == ["edited", "kept", "small"]
    monkeypatch.undo()
    assert write_difference(runner, root, there, ["--patch"], out.extend) == []
    assert b"\n-small\n+changed\n" in out
    absent = Difference(found.name, side, Side(Oid("1" * 40), side.git_dir))
    with pytest.raises(GitFailed):
        write_difference(runner, root, absent, ["--patch"], out.extend)
