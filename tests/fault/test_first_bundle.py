"""The first apply of a bundle makes a folder a workspace: killed or out of space, it loses nothing of the bundle's."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from git_hybrid.cli.commands import bundle as bundle_command
from git_hybrid.cli.main import main
from support.cli import Hybrid, Result
from support.injection import audit, restored, tidy
from support.kit import head, lock, replace
from support.points import Point, clear_error, injected, named, recorded
from support.upstream import Gitlink, Upstream, UpstreamFactory

CONTENT = b"content" * 1000
POLICY = "[policy]\nrequest_pattern = '^CHG-[0-9]+$'"


def _keep(upstream: Upstream, content: bytes) -> str:
    """Give the upstream the content of Git LFS, and return its pointer."""
    sha256 = hashlib.sha256(content).hexdigest()
    path = upstream.path / "lfs/objects" / sha256[:2] / sha256[2:4] / sha256
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(content)}\n"


@pytest.fixture
def bundle(upstream_factory: UpstreamFactory, workspace: Path, hybrid: Hybrid, tmp_path: Path) -> Path:
    upstream, lib = upstream_factory("tool"), upstream_factory("lib")
    lib.commit({"lib.txt": "one\n"})
    modules = '[submodule "lib"]\n\tpath = in/lib\n\turl = ../lib.git\n'
    files = {"a.txt": "one\n", ".gitmodules": modules, "in/lib": Gitlink(lib.rev("main"))}
    upstream.commit({**files, ".gitattributes": "*.bin filter=lfs\n", "a.bin": _keep(upstream, CONTENT)})
    hybrid("init")
    replace(workspace / "sources.toml", "[policy]", POLICY)
    hybrid("add", upstream.url)
    replace(workspace / "sources.toml", 'branch = "main"\n', 'branch = "main"\nlfs = "fetch"\nsubmodules = true\n')
    hybrid("pin")
    hybrid("sync")
    path = tmp_path / "b.ghb"
    hybrid("bundle", "create", "-o", path)
    return path


@pytest.fixture
def there(bundle: Path, tmp_path: Path) -> tuple[Path, tuple[Point, ...]]:
    """A folder in the other network, and where an apply of the bundle touches it."""
    folder = tmp_path / "there"
    folder.mkdir()
    done, points = recorded(["bundle", "apply", str(bundle)], cwd=folder, log=tmp_path / "calls")
    assert done.code == 0, done.err
    (tmp_path / "empty").mkdir()
    return restored(tmp_path / "empty", folder), points


def _whole(folder: Path, workspace: Path, again: Result) -> None:
    assert again.code == 0, again.err
    assert (folder / "sources.toml").read_bytes() == (workspace / "sources.toml").read_bytes()
    assert lock(folder) == lock(workspace)
    assert head(folder) == head(workspace)
    assert (folder / "sources/tool/a.bin").read_bytes() == CONTENT
    assert (folder / "sources/tool/in/lib/lib.txt").read_text() == "one\n"
    audit(folder)
    tidy(folder)


KILLED = [
    ("rename", "sources.toml", 0),
    ("openat", "sources-audit.jsonl", 0),
    ("rename", "resume.json", 0),
    ("rename", "sources.lock", -1),
    ("rename", "sources.toml", -1),
    ("rename", "sources.json", -1),
    ("mkdir", "lfs/objects", -1),
    ("rename", "tool+submodule.0", -1),
]
FULL = [
    ("openat", "sources-audit.jsonl", -1),
    ("rename", "sources.lock", -1),
    ("rename", "sources.toml", -1),
    ("rename", "sources.json", -1),
    ("mkdir", "lfs/objects", -1),
]


def _each(places: list[tuple[str, str, int]], there: tuple[Path, tuple[Point, ...]], empty: Path) -> Iterator[Point]:
    """Yield where to hit an apply, the folder being empty again each time."""
    folder, points = there
    for place in places:
        print(place)
        yield named(points, *place)
        restored(empty, folder)


def test_whoever_killed_it_applies_it_again(
    bundle: Path, there: tuple[Path, tuple[Point, ...]], workspace: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    folder, words = there[0], ["bundle", "apply", str(bundle)]
    for point in _each(KILLED, there, tmp_path / "empty"):
        _, reached = injected(point, "signal=KILL", words, cwd=folder, log=tmp_path / "calls")
        assert reached
        again = hybrid(*words, cwd=folder, check=None)
        if again.code == 7:
            hybrid("resume", cwd=folder)
            again = hybrid(*words, cwd=folder, check=None)
        _whole(folder, workspace, again)


def test_a_full_disk_leaves_what_can_go_on(
    bundle: Path, there: tuple[Path, tuple[Point, ...]], workspace: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    folder, words = there[0], ["bundle", "apply", str(bundle)]
    for place, point in zip(FULL, _each(FULL, there, tmp_path / "empty"), strict=True):
        done, reached = injected(point, "error=ENOSPC", words, cwd=folder, log=tmp_path / "calls")
        assert reached
        assert done.code == 74
        clear_error(done)
        assert place[1] in done.err
        assert (folder / "sources.toml").exists()
        hybrid("resume", cwd=folder)
        _whole(folder, workspace, hybrid(*words, cwd=folder, check=None))


def test_a_workspace_of_its_own_is_none_that_waits(bundle: Path, hybrid: Hybrid, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    hybrid("init", cwd=own)
    hybrid("bundle", "apply", bundle, cwd=own)
    assert "request_pattern" not in (own / "sources.toml").read_text()


@pytest.mark.parametrize("ended", [KeyboardInterrupt(), OSError(errno.EIO, "broken"), RuntimeError("a bug")])
def test_what_ends_before_a_run_began_leaves_no_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], ended: BaseException
) -> None:
    def apply(*_: object) -> None:
        raise ended

    monkeypatch.setattr(bundle_command, "_apply", apply)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = tmp_path / "there"
    folder.mkdir()
    assert main(["-C", str(folder), "bundle", "apply", str(tmp_path / "b.ghb")]) != 0
    assert capfd.readouterr().err
    assert [*folder.iterdir()] == []
