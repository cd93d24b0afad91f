"""Content of Git LFS that bundles carry, put into a repository: hashed, of the size that pointers tell, its own file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from git_hybrid.core.ids import SourceName, parse_oid
from git_hybrid.core.ports import Stage
from git_hybrid.git.lfsstore import lend_kept, place_in, stands, take
from git_hybrid.git.run import Runner
from support.cli import merged_env
from support.upstream import UpstreamFactory

CONTENT = b"content" * 100
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def runner() -> Runner:
    return Runner(merged_env(None))


def _stage(upstream_factory: UpstreamFactory, name: str, *sizes: int) -> tuple[Stage, str]:
    """Return a repository whose newest commit points to the content, with these sizes."""
    upstream = upstream_factory(name)
    head = f"version https://git-lfs.github.com/spec/v1\noid sha256:{SHA256}\n"
    commit = upstream.commit({f"{size}.bin": f"{head}size {size}\n" for size in sizes})
    return Stage(SourceName(name), str(upstream.path), apart=str(upstream.path)), commit


def _carried(file: Path | None):
    asked = []

    @contextmanager
    def opened(sha256: str) -> Iterator[str | None]:
        asked.append(sha256)
        yield None if file is None else str(file)

    return asked, opened


def test_what_two_take_is_a_file_of_each(upstream_factory: UpstreamFactory, tmp_path: Path, runner: Runner) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    for name in ("one", "two"):
        stage, commit = _stage(upstream_factory, name, len(CONTENT))
        asked, carried = _carried(tmp_path / "file")
        for _ in range(2):
            assert take(runner, stage, parse_oid(commit), carried)
        # What is there is not asked for again.
        assert asked == [SHA256]
        assert stands(stage, SHA256, [len(CONTENT)])
        place = Path(place_in(stage, SHA256))
        assert place.read_bytes() == CONTENT
        assert [*place.parent.iterdir()] == [place]
    assert (tmp_path / "file").stat().st_nlink == 2
    assert place.stat().st_nlink == 1


@pytest.mark.parametrize(
    ("found", "sizes"), [(None, (700,)), (b"other" * 140, (700,)), (CONTENT, (7,)), (CONTENT, (700, 7))]
)
def test_what_is_not_what_the_pointers_tell_is_lacking(
    upstream_factory: UpstreamFactory, tmp_path: Path, runner: Runner, found: bytes | None, sizes: tuple[int, ...]
) -> None:
    stage, commit = _stage(upstream_factory, "one", *sizes)
    if found is not None:
        (tmp_path / "file").write_bytes(found)
    assert not take(runner, stage, parse_oid(commit), _carried(None if found is None else tmp_path / "file")[1])
    assert not Path(place_in(stage, SHA256)).exists()
    # Nor where it is there already, as from a clone.
    if found == CONTENT:
        Path(place_in(stage, SHA256)).write_bytes(CONTENT)
        assert not take(runner, stage, parse_oid(commit), _carried(None)[1])


def test_what_stands_in_the_place_of_content_is_told(upstream_factory: UpstreamFactory, runner: Runner) -> None:
    (giver, commit), (taker, _) = (_stage(upstream_factory, name, len(CONTENT)) for name in ("one", "two"))
    assert lend_kept(runner, giver, taker, parse_oid(commit))
    place = Path(place_in(giver, SHA256))
    place.parent.mkdir(parents=True)
    place.write_bytes(b"rotten" * 100)
    assert not lend_kept(runner, giver, taker, parse_oid(commit))
    assert not stands(taker, SHA256, [len(CONTENT)])
    place.write_bytes(CONTENT)
    assert lend_kept(runner, giver, taker, parse_oid(commit))
    assert stands(taker, SHA256, [len(CONTENT)])
