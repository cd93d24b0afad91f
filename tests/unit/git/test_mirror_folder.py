"""A mirror folder belongs to the run that has its lock; what is begun in it is brought to its end."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from git_hybrid.cli.wiring import new_run
from git_hybrid.core.errors import GitFailed, Interrupted, LocalIo
from git_hybrid.core.ids import Oid, RefName, SourceName
from git_hybrid.core.ports import Stage
from git_hybrid.core.ports_mirror import Change
from git_hybrid.core.value import replace
from git_hybrid.git import mirror_aside, mirror_folder
from git_hybrid.git.kept import kept_ref
from git_hybrid.git.mirror_folder import GitMirrorFolder
from git_hybrid.git.mirror_lists import is_listed
from git_hybrid.git.quarantine import GitQuarantine
from git_hybrid.git.run import Runner
from git_hybrid.store import durable
from support.kit import changes, git, snapshot
from support.upstream import Upstream, UpstreamFactory

NAME, PATH, MAIN = SourceName("tool"), "host/tool.git", RefName("refs/heads/main")


@pytest.fixture
def upstream(upstream_factory: UpstreamFactory) -> Upstream:
    made = upstream_factory()
    made.commit({"a": "a"})
    return made


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[GitMirrorFolder]:
    run, folder = new_run(datetime.now(UTC)), tmp_path / "mirror"
    quarantine = GitQuarantine(disk=durable, folder=folder, run=run, is_mirror=True)
    runner = Runner(environ=dict(os.environ))
    yield GitMirrorFolder(runner=runner, disk=durable, folder=folder, quarantine=quarantine, run=run)
    quarantine.close()


def _staged(mirror: GitMirrorFolder, upstream: Upstream, *, borrow: bool) -> Stage:
    stage = mirror.stage(NAME, PATH, borrow=borrow, oid_length=40)
    git(
        "-c",
        "fetch.unpackLimit=1",
        "fetch",
        "-q",
        str(upstream.path),
        f"{MAIN}:{kept_ref(MAIN)}",
        cwd=Path(stage.git_dir),
    )
    return stage


def _change(upstream: Upstream) -> Change:
    return Change(head=MAIN, pin=Oid(upstream.rev("main")))


@pytest.mark.parametrize("borrow", [True, False])
def test_a_folder_that_is_another_runs_by_now_stays_as_it_is(
    mirror: GitMirrorFolder, upstream: Upstream, borrow: bool
) -> None:
    mirror.install(_staged(mirror, upstream, borrow=False), PATH, _change(upstream))
    upstream.commit({"a": "b"})
    stage = _staged(mirror, upstream, borrow=borrow)
    before = snapshot(mirror.folder / "host")
    late = replace(mirror, ended=lambda: 15)
    with pytest.raises(Interrupted):
        late.install(stage, PATH, _change(upstream))
    with pytest.raises(Interrupted), late.exclusive(PATH):
        pass
    assert changes(before, snapshot(mirror.folder / "host")) == []
    mirror.install(_staged(mirror, upstream, borrow=borrow), PATH, _change(upstream))
    assert changes(before, snapshot(mirror.folder / "host")) != []


def test_refs_are_not_left_without_their_list(mirror: GitMirrorFolder, upstream: Upstream) -> None:
    mirror.install(_staged(mirror, upstream, borrow=False), PATH, _change(upstream))
    new = upstream.commit({"a": "b"})
    stage, served, signals = _staged(mirror, upstream, borrow=True), mirror.place(PATH), list[int]()

    def ended() -> int:
        # The last moment before the repository is changed: a signal that comes now does not stop it halfway.
        signals.append(2)
        return 0

    runner = replace(mirror.runner, cancelled=lambda: sum(signals))
    replace(mirror, runner=runner, ended=ended).install(stage, PATH, _change(upstream))
    assert f"{new}\t{MAIN}\n" in (served / "info/refs").read_text()


def test_the_lists_of_one_who_was_stopped_before_them_are_written(mirror: GitMirrorFolder, upstream: Upstream) -> None:
    upstream.tag("v1", annotated=True)
    mirror.install(_staged(mirror, upstream, borrow=False), PATH, _change(upstream))
    served = mirror.place(PATH)
    git("fetch", "-q", str(upstream.path), "v1:refs/tags/v1", cwd=served)
    held = mirror.holding(PATH)
    assert held is not None
    assert not held.listed
    assert mirror.list_again(NAME, PATH)
    assert f"{held.refs[RefName('refs/tags/v1')]}\trefs/tags/v1\n" in (served / "info/refs").read_text()
    assert mirror.holding(PATH) == replace(held, listed=True)
    assert not mirror.list_again(NAME, PATH)
    for lost in ("info/refs", "objects/info/packs"):
        (served / lost).unlink()
        assert mirror.holding(PATH) == held
        assert mirror.list_again(NAME, PATH)
        assert mirror.holding(PATH) == replace(held, listed=True)
    (served / "objects/pack").rename(served / "objects/away")
    assert not is_listed(served, {(oid, ref) for ref, oid in held.refs.items()})


@pytest.mark.parametrize("borrow", [True, False])
def test_a_ref_that_is_kept_stays_where_there_is_one(mirror: GitMirrorFolder, upstream: Upstream, borrow: bool) -> None:
    mirror.install(_staged(mirror, upstream, borrow=False), PATH, _change(upstream))
    old, new = upstream.rev("main"), upstream.commit({"a": "b"})
    stage = _staged(mirror, upstream, borrow=borrow)
    mirror.install(stage, PATH, replace(_change(upstream), kept=(MAIN,)))
    held = mirror.holding(PATH)
    assert held is not None
    assert held.refs == {MAIN: old if borrow else new}


def test_a_ref_that_another_git_holds_leaves_all_as_they_were(
    mirror: GitMirrorFolder, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror.install(_staged(mirror, upstream, borrow=False), PATH, _change(upstream))
    git("branch", "old", "main", cwd=mirror.place(PATH))
    before, lock = mirror.holding(PATH), mirror.place(PATH) / "refs/heads/main.lock"
    upstream.commit({"a": "b"})
    stage = _staged(mirror, upstream, borrow=True)
    change = replace(_change(upstream), gone=("refs/heads/old",))
    lock.touch()
    monkeypatch.setattr(mirror_folder, "_PATIENT", [])
    with pytest.raises(LocalIo) as caught:
        mirror.install(stage, PATH, change)
    assert caught.value.path == str(lock)
    assert before is not None
    assert mirror.holding(PATH) == replace(before, listed=True)
    lock.unlink()
    mirror.install(stage, PATH, change)
    assert mirror.holding(PATH) == replace(
        before, refs={MAIN: upstream.rev("main")}, pins=before.pins | {Oid(upstream.rev("main"))}, listed=True
    )


@pytest.mark.parametrize(("gone", "new"), [("x", "x/y"), ("x/y", "x")])
def test_a_ref_makes_room_for_another(mirror: GitMirrorFolder, upstream: Upstream, gone: str, new: str) -> None:
    mirror.install(_staged(mirror, upstream, borrow=False), PATH, _change(upstream))
    git("branch", gone, "main", cwd=mirror.place(PATH))
    stage = _staged(mirror, upstream, borrow=True)
    git("update-ref", kept_ref(f"refs/heads/{new}"), upstream.rev("main"), cwd=Path(stage.git_dir))
    mirror.install(stage, PATH, replace(_change(upstream), gone=(f"refs/heads/{gone}",)))
    held = mirror.holding(PATH)
    assert held is not None
    assert set(held.refs) == {MAIN, f"refs/heads/{new}"}


def _with_tags(mirror: GitMirrorFolder, upstream: Upstream, stage: Stage) -> dict[str, str]:
    """Give *stage* tags, of which every second one is annotated; return what a mirror of it then has, by ref."""
    tag = upstream.rev("first") if "first" in git("tag", cwd=upstream.path) else upstream.tag("first", annotated=True)
    packing = ("-c", "fetch.unpackLimit=1")
    git(*packing, "fetch", "-q", str(upstream.path), f"{tag}:refs/hybrid/x", cwd=Path(stage.git_dir))
    oids = {f"refs/tags/v{number}": (tag, upstream.rev("main"))[number % 2] for number in range(130)}
    lines = "".join(f"create {kept_ref(ref)} {oid}\n" for ref, oid in oids.items())
    mirror.runner.git(["update-ref", "--stdin"], git_dir=Path(stage.git_dir), stdin=lines.encode())
    return oids


def _loose(mirror: GitMirrorFolder) -> list[str]:
    refs = mirror.place(PATH) / "refs"
    return [str(path.relative_to(refs)) for path in refs.rglob("*") if path.is_file()]


def _listed(mirror: GitMirrorFolder) -> bytes:
    """Return what git says itself of the refs, with what tags are of."""
    return mirror.runner.git(["for-each-ref"], git_dir=mirror.place(PATH)).stdout


def _peeled(mirror: GitMirrorFolder) -> int:
    return (mirror.place(PATH) / "packed-refs").read_bytes().count(b"\n^")


@pytest.mark.parametrize("borrow", [True, False])
def test_many_new_refs_are_one_file(mirror: GitMirrorFolder, upstream: Upstream, borrow: bool) -> None:
    if borrow:
        mirror.install(_staged(mirror, upstream, borrow=False), PATH, _change(upstream))
        upstream.commit({"a": "b"})
    stage = _staged(mirror, upstream, borrow=borrow)
    tags = _with_tags(mirror, upstream, stage)
    mirror.install(stage, PATH, _change(upstream))
    held = mirror.holding(PATH)
    assert held is not None
    assert (held.refs, held.listed) == ({MAIN: upstream.rev("main"), **tags}, True)
    assert _change(upstream).pin in held.pins
    # What was there stays as it was: main, and the pin.
    assert len(_loose(mirror)) == (2 if borrow else 0)
    assert _peeled(mirror) == 65
    assert f"{upstream.rev('main')}\trefs/tags/v0^{{}}\n" in (mirror.place(PATH) / "info/refs").read_text()
    assert mirror.is_sound(PATH, ())


@pytest.mark.parametrize("fault", ["lock", "broken", "branch", "place", "reftable"])
def test_what_is_not_for_a_list_is_left_to_git(mirror: GitMirrorFolder, upstream: Upstream, fault: str) -> None:
    mirror.install(_staged(mirror, upstream, borrow=False), PATH, _change(upstream))
    served, stage = mirror.place(PATH), _staged(mirror, upstream, borrow=True)
    tags = _with_tags(mirror, upstream, stage)
    if fault == "lock":
        (served / "packed-refs.lock").touch()
    elif fault == "broken":
        (served / "refs/tags/v5").write_bytes(b"")
    elif fault == "reftable":
        (served / "reftable").touch()
    elif fault == "place":
        git("tag", "v5/x", "main", cwd=served)
    else:
        git("update-ref", kept_ref("refs/heads/bad"), tags["refs/tags/v0"], cwd=Path(stage.git_dir))
    before = _listed(mirror)
    if fault in ("lock", "reftable"):
        mirror.install(stage, PATH, _change(upstream))
        held = mirror.holding(PATH)
        assert held is not None
        assert held.refs == {MAIN: upstream.rev("main"), **tags}
        return
    with pytest.raises((LocalIo, GitFailed)):
        mirror.install(stage, PATH, _change(upstream))
    assert _listed(mirror) == before
    assert not (served / "packed-refs.lock").exists()


def test_one_who_is_stopped_before_the_list_is_there_leaves_the_old_refs(
    mirror: GitMirrorFolder, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror.install(_staged(mirror, upstream, borrow=False), PATH, _change(upstream))
    git("pack-refs", "--all", cwd=mirror.place(PATH))
    stage, before = _staged(mirror, upstream, borrow=True), _listed(mirror)
    tags = _with_tags(mirror, upstream, stage)

    def killed(path: Path, data: bytes) -> None:
        del data
        path.with_name("packed-refs.tmp").touch()
        (mirror.place(PATH) / "packed-refs.lock").rename(path.with_name("packed-refs.kept"))
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(durable, "write_file", killed)
        with pytest.raises(KeyboardInterrupt):
            mirror.install(stage, PATH, _change(upstream))
    served = mirror.place(PATH)
    (served / "packed-refs.kept").rename(served / "packed-refs.lock")
    assert _listed(mirror) == before
    with mirror.exclusive(PATH) as told:
        assert told
    stage = _staged(mirror, upstream, borrow=True)
    _with_tags(mirror, upstream, stage)
    mirror.install(stage, PATH, _change(upstream))
    held = mirror.holding(PATH)
    assert held is not None
    assert held.refs == {MAIN: upstream.rev("main"), **tags}
    assert _loose(mirror) == []


def _unable(number: int) -> object:
    """Return a C library whose renameat2 fails by that *number*, or lacks it."""

    def rename(*_arguments: object) -> int:
        ctypes.set_errno(number)
        return -1

    return type("Library", (), {"renameat2": staticmethod(rename)} if number else {})


@pytest.mark.parametrize("number", [None, 0, errno.EINVAL, errno.ENOSYS, errno.EXDEV])
def test_what_is_made_anew_takes_the_place_and_the_old_one_is_aside(
    mirror: GitMirrorFolder, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, number: int | None
) -> None:
    assert mirror.install(_staged(mirror, upstream, borrow=False), PATH, _change(upstream)) is None
    old, new = upstream.rev("main"), upstream.commit({"a": "b"})
    stage = _staged(mirror, upstream, borrow=False)
    if number is not None:
        monkeypatch.setattr(ctypes, "CDLL", lambda *_args, **_kwargs: _unable(number))
    aside = mirror.install(stage, PATH, _change(upstream))
    assert aside is not None
    assert [str(path.relative_to(mirror.folder)) for path in (mirror.folder / ".set-aside").iterdir()] == [aside]
    assert git("rev-parse", "main", cwd=mirror.folder / aside) == old
    held = mirror.holding(PATH)
    assert held is not None
    assert held.refs == {MAIN: new}
    with mirror.exclusive(PATH) as told:
        assert told == []


@pytest.mark.parametrize("step", ["exchange", "aside", "into place"])
def test_what_was_served_still_is_where_the_last_step_is_refused(
    mirror: GitMirrorFolder, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    mirror.install(_staged(mirror, upstream, borrow=False), PATH, _change(upstream))
    before, target, rename = mirror.holding(PATH), mirror.place(PATH), os.rename
    upstream.commit({"a": "b"})
    stage, refused = _staged(mirror, upstream, borrow=False), list[Path]()

    def refusing(source: Path, to: Path) -> None:
        if not refused and (source if step == "aside" else to) == target:
            refused.append(to)
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        rename(source, to)

    number = errno.EACCES if step == "exchange" else errno.EINVAL
    monkeypatch.setattr(ctypes, "CDLL", lambda *_args, **_kwargs: _unable(number))
    monkeypatch.setattr(os, "rename", rename if step == "exchange" else refusing)
    with pytest.raises(LocalIo, match="Permission denied"):
        mirror.install(stage, PATH, _change(upstream))
    assert mirror.holding(PATH) == before
    # Whoever is refused again and again does not fill the disk.
    assert list((mirror.folder / ".set-aside").iterdir()) == []


def test_what_went_aside_and_has_nothing_in_its_place_is_told(
    mirror: GitMirrorFolder, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror.install(_staged(mirror, upstream, borrow=False), PATH, _change(upstream))
    upstream.commit({"a": "b"})
    stage, target = _staged(mirror, upstream, borrow=False), mirror.place(PATH)

    def killed(source: Path, to: Path) -> None:
        if to == target:
            raise KeyboardInterrupt
        os.rename(source, to)

    monkeypatch.setattr(mirror_aside, "exchange", lambda *_paths: False)
    monkeypatch.setattr(durable, "rename_path", killed)
    with pytest.raises(KeyboardInterrupt):
        mirror.install(stage, PATH, _change(upstream))
    with mirror.exclusive(PATH) as told:
        (note,) = told
    assert note.startswith(f"nothing stands at {PATH}: what the mirror had of it is in .set-aside/host+tool.git-")
    with mirror.exclusive("host/tool.git-other") as told:
        assert told == []


def test_what_is_aside_and_may_not_be_listed_keeps_nobody_from_what_is_new(
    mirror: GitMirrorFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (mirror.folder / ".set-aside").mkdir(parents=True)
    real = os.listdir

    def listed(path: str | Path = ".") -> list[str]:
        if Path(path).name == ".set-aside":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path)

    monkeypatch.setattr(os, "listdir", listed)
    with mirror.exclusive(PATH) as told:
        assert told == []
