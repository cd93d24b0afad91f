"""What was proved of a clone is believed as long as nothing was touched, and not a moment longer."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.plan import Clone
from git_hybrid.core.value import replace
from git_hybrid.git import glances, scout, seen, stale, stamps
from git_hybrid.git.glance import glance
from git_hybrid.git.looking import FullLook
from git_hybrid.git.recorded import Doubt, Stale
from git_hybrid.git.run import Runner
from git_hybrid.git.scout import Scout
from git_hybrid.git.settling import refresh, settle
from git_hybrid.store import durable
from git_hybrid.store.lockfile import decode_lock
from integration.test_glance import FILES, TOUCHES, flipped, keep_times, relinked, swapped
from support.beginning import Begun
from support.cli import Hybrid, executable
from support.kit import git
from support.upstream import Exec, Link, UpstreamFactory

TOOL = SourceName("tool")
INDEX = {b".git", b".git/index"}


@pytest.fixture
def clone(workspace: Path, hybrid: Hybrid, upstream_factory: UpstreamFactory, begun: Begun) -> Path:
    upstream = upstream_factory()
    upstream.commit({**FILES, "run.sh": Exec(b"#!/bin/sh\n"), "link": Link("run.sh")})
    begun(upstream.url, "--name", "tool", sync=False)
    hybrid("sync")
    return workspace / "sources/tool"


def pin_of(clone: Path) -> Pin:
    return decode_lock((clone.parent.parent / "state/sources.lock").read_bytes()).pins[TOOL]


def looked(clone: Path, pin: Pin) -> Clone | None:
    return glance(str(clone), pin.commit, pin.tree, url=str(pin.url))


def aged(path: Path) -> None:
    """Give *path* other times, and let git see them: it compares whole seconds."""
    earlier = path.stat().st_mtime_ns - 10**11
    os.utime(path, ns=(earlier, earlier))
    git("update-index", "-q", "--refresh", cwd=path.parent)


def is_settled(clone: Path, pin: Pin) -> bool:
    found = looked(clone, pin)
    return found is not None and found.settled


def settled_later(clone: Path, pin: Pin, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(seen, "_SETTLED", -(10**12))
        settle(Runner(environ=os.environ), str(clone), pin)


def test_a_new_clone_is_settled_at_once(clone: Path) -> None:
    assert seen.touched(str(clone), pin_of(clone).commit, pin_of(clone).tree) == frozenset()
    assert is_settled(clone, pin_of(clone))


def test_a_url_that_came_by_a_pull_becomes_the_origin(clone: Path, workspace: Path, hybrid: Hybrid) -> None:
    there, old = workspace.parent / "colleague", str(pin_of(clone).url)
    shutil.copytree(workspace, there, ignore=lambda _, names: {"tool"} & {*names})
    new = shutil.copytree(Path(old.removeprefix("file://")), workspace.parent / "moved.git").as_uri()
    (there / "sources.toml").write_text((there / "sources.toml").read_text().replace(old, new))
    hybrid("pin", cwd=there)
    hybrid("sync", cwd=there)
    for name in ("sources.toml", "state"):
        subprocess.run(["cp", "-r", there / name, workspace], check=True)
    assert "its origin is another URL" in hybrid("status", "--exit-code", check=1).out
    state = {path: path.read_bytes() for path in (workspace / "state").iterdir() if path.is_file()}
    told = hybrid("sync")
    assert "1 recorded" in told.err
    assert f"its origin is {new} now; it was {old}" in told.out + told.err
    assert git("remote", "get-url", "origin", cwd=clone).strip() == new
    assert {path: path.read_bytes() for path in (workspace / "state").iterdir() if path.is_file()} == state
    assert "1 unchanged" in hybrid("sync").err
    found = glances.glance_at(str(clone.parent), {TOOL: pin_of(clone)})
    assert found[TOOL].sure


@pytest.mark.parametrize("touch", sorted(set(TOUCHES) - {"no mark"}))
def test_whatever_is_touched_is_looked_at(touch: str, clone: Path) -> None:
    pin = pin_of(clone)
    assert is_settled(clone, pin)
    TOUCHES[touch](clone)
    found = looked(clone, pin)
    assert found is None or found.dirty_count


def test_packed_refs_that_are_damaged_later_are_seen(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pin, packed = pin_of(clone), clone / ".git/packed-refs"
    packed.write_text(f"{pin.commit} refs/remotes/origin/main\n")
    settled_later(clone, pin, monkeypatch)
    assert is_settled(clone, pin)
    packed.write_text("junk\n")
    assert looked(clone, pin) is None


EDITS: dict[str, Callable[[Path], object]] = {
    "in place": lambda clone: (clone / "run.sh").write_text("mine"),
    "by another file": lambda clone: swapped(clone / "folder1/file1.txt"),
    "at the top by another file": lambda clone: swapped(clone / "run.sh"),
    "size and time kept": lambda clone: keep_times(clone / "folder1/file1.txt", flipped),
    "executable": lambda clone: (clone / "folder1/file1.txt").chmod(0o755),
    "no longer executable": lambda clone: (clone / "run.sh").chmod(0o644),
    "another link": lambda clone: relinked(clone / "link"),
    "all": lambda clone: [(clone / name).write_text("mine") for name in FILES],
    "written, but the same": lambda clone: (clone / "run.sh").write_bytes((clone / "run.sh").read_bytes()),
    "came and went": lambda clone: ((clone / "folder1/new").touch(), (clone / "folder1/new").unlink()),
    "private": lambda clone: (clone / "folder1/file1.txt").chmod(0o600),
    "git looked": lambda clone: ((clone / "run.sh").write_text("mine"), git("status", cwd=clone)),
    "what is ignored": lambda clone: (clone / "folder1/file1.txt").write_text("*\n"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_seen_at_a_glance(edit: str, clone: Path) -> None:
    pin = pin_of(clone)
    EDITS[edit](clone)
    found = looked(clone, pin)
    assert found is not None
    assert not found.settled
    assert replace(found, sure=False) == in_full(clone, pin)


@pytest.mark.parametrize("touch", TOUCHES)
def test_a_glance_says_what_a_full_look_does(touch: str, clone: Path) -> None:
    pin = pin_of(clone)
    TOUCHES[touch](clone)
    found = looked(clone, pin)
    assert found is None or replace(found, sure=False) == in_full(clone, pin)


MORE: dict[str, Callable[[Path], object]] = {
    "new beside": lambda clone: ((clone / "run.sh").write_text("mine"), (clone / "new").touch()),
    "new below": lambda clone: ((clone / "run.sh").write_text("mine"), (clone / "folder1/new").touch()),
    "an empty folder": lambda clone: (clone / "folder1/new").mkdir(),
    "one gone": lambda clone: ((clone / "link").unlink(), (clone / "run.sh").write_text("mine")),
    "a folder that is a link": lambda clone: ((clone / "folder1").rename(clone.parent / "x"), _linked(clone)),
    "a fifo": lambda clone: ((clone / "run.sh").unlink(), os.mkfifo(clone / "run.sh")),
    "staged": lambda clone: ((clone / "run.sh").write_text("mine"), git("add", ".", cwd=clone)),
    "a branch": lambda clone: ((clone / "run.sh").write_text("mine"), git("branch", "mine", cwd=clone)),
    "a mark of git's": lambda clone: ((clone / "run.sh").write_text("mine"), (clone / ".git/MERGE_HEAD").touch()),
}


def _linked(clone: Path) -> None:
    (clone / "folder1").symlink_to(clone.parent / "x")


@pytest.mark.parametrize("more", MORE)
def test_more_than_edits_is_for_a_full_look(more: str, clone: Path) -> None:
    pin = pin_of(clone)
    MORE[more](clone)
    assert looked(clone, pin) is None


def in_full(clone: Path, pin: Pin) -> object:
    return FullLook(Runner(environ=os.environ)).at(clone, pin.commit)


def test_every_file_and_every_folder_counts(clone: Path) -> None:
    pin = pin_of(clone)
    for name in FILES:
        keep_times(clone / name, lambda path: path.write_bytes(path.read_bytes()[::-1]))
        touched = seen.touched(str(clone), pin.commit, pin.tree)
        assert touched is not None
        assert name.encode() in touched
    (clone / ".git/refs/hybrid/upstream/heads/main.lock").touch()
    assert b".git/refs/hybrid/upstream/heads" in (seen.touched(str(clone), pin.commit, pin.tree) or ())
    (clone / "folder1/new").touch()
    assert b"folder1" in (seen.touched(str(clone), pin.commit, pin.tree) or ())


def test_another_commit_was_not_proved(clone: Path) -> None:
    pin = pin_of(clone)
    assert seen.touched(str(clone), Oid("0" * 40), pin.tree) is None
    assert seen.touched(str(clone), pin.commit, Oid("0" * 40)) is None


def test_an_index_that_git_wrote_anew_is_read(clone: Path) -> None:
    pin = pin_of(clone)
    aged(clone / "run.sh")
    git("update-index", "--assume-unchanged", "run.sh", cwd=clone)
    assert looked(clone, pin) is None


def test_a_split_index_is_written_whole_and_read(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pin = pin_of(clone)
    git("update-index", "--split-index", cwd=clone)
    assert looked(clone, pin) is None
    with pytest.raises(Stale):
        settled_later(clone, pin, monkeypatch)
    assert looked(clone, pin) is not None


def test_git_status_leaves_no_doubt(clone: Path) -> None:
    pin = pin_of(clone)
    copy = (clone / ".git/index").read_bytes()
    (clone / ".git/index").rename(clone / ".git/old")
    (clone / ".git/index").write_bytes(copy)
    (clone / ".git/old").unlink()
    assert seen.touched(str(clone), pin.commit, pin.tree) == INDEX
    found = looked(clone, pin)
    assert found is not None
    assert not found.settled
    git("rm", "--cached", "-q", "run.sh", cwd=clone)
    assert looked(clone, pin) is None


def test_what_is_young_is_not_kept(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pin = pin_of(clone)
    aged(clone / "run.sh")
    with monkeypatch.context() as patched:
        patched.setattr(seen, "_SETTLED", 10**12)
        with pytest.raises(ValueError, match="tool"):
            settle(Runner(environ=os.environ), str(clone), pin)
    assert not is_settled(clone, pin)
    settled_later(clone, pin, monkeypatch)
    assert is_settled(clone, pin)


def test_files_that_are_young_are_not_kept(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files younger than all of .git: the index was refreshed before, by whoever had a clock that is behind."""
    pin = pin_of(clone)
    base, tree = seen.prepare, seen.Collector()
    monkeypatch.setattr(seen, "_SETTLED", -(10**12))
    taken = base(str(clone))
    monkeypatch.setattr(seen, "_SETTLED", 10**12)
    tree.add(b"run.sh", (clone / "run.sh").lstat())
    before = (clone / seen.TREE).read_bytes()
    seen.keep(str(clone), taken, tree.stamps(pin.commit, pin.tree), str(pin.url))
    assert (clone / seen.TREE).read_bytes() == before


def test_a_clone_that_was_touched_before_it_was_proved_is_not_settled(clone: Path) -> None:
    """What has the ctime of the root, or a later one, may have been written after the clone was put there."""
    (clone / seen.BASE).unlink()
    (clone / "run.sh").chmod(0o755)
    os.utime(clone / ".git/config")
    with pytest.raises(ValueError, match="tool"):
        seen.completed(str(clone))


def test_a_file_beside_those_of_the_tree_is_not_settled(clone: Path) -> None:
    (clone / seen.BASE).unlink()
    (clone / "more").touch()
    with pytest.raises(ValueError, match="tool"):
        seen.completed(str(clone))


@pytest.mark.parametrize("name", [seen.TREE, seen.BASE])
@pytest.mark.parametrize("data", [b"", b"x", b"git-hybrid-seen-2 a b 1 2\n", b"\xff\n", b"git-hybrid-seen-1 a b 1 0\n"])
def test_a_hint_that_is_damaged_says_nothing(name: str, data: bytes, clone: Path) -> None:
    pin = pin_of(clone)
    (clone / name).write_bytes(data)
    found = looked(clone, pin)
    assert found is not None
    assert not found.settled


def test_a_pack_that_others_link_is_the_same(clone: Path, tmp_path: Path) -> None:
    pin = pin_of(clone)
    pack = next((clone / ".git/objects/pack").glob("*.pack"))
    os.link(pack, tmp_path / "linked")
    settled = is_settled(clone, pin)
    os.link(pack, tmp_path / "again")
    assert is_settled(clone, pin) or not settled
    pack.chmod(0o644)
    pack.write_bytes(pack.read_bytes()[::-1])
    found = seen.touched(str(clone), pin.commit, pin.tree)
    assert found is None or found & {b".git/objects/pack/" + os.fsencode(pack.name)}


def test_what_comes_after_the_tree_was_kept_is_later(tmp_path: Path) -> None:
    for _ in range(5):
        seen.keep_tree(str(tmp_path), seen.Collector().stamps(Oid("a" * 40), Oid("b" * 40)))
        seen.wait_for_later(str(tmp_path))
        (tmp_path / "new").write_text("x")
        assert (tmp_path / "new").lstat().st_ctime_ns > (tmp_path / seen.TREE).lstat().st_ctime_ns


def test_an_update_and_the_next_look(hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory) -> None:
    upstream = upstream_factory()
    upstream.commit({"a": "1"})
    hybrid("init")
    hybrid("add", upstream.url, "--name", "tool")
    hybrid("sync")
    clone = workspace / "sources/tool"
    old = pin_of(clone)
    upstream.commit({"a": "2"})
    commit, tree = git("rev-parse", "main", "main^{tree}", cwd=upstream.path).split()
    new = replace(old, commit=Oid(commit), tree=Oid(tree))
    found = glances.glance_at(str(clone.parent), {TOOL: new})[TOOL]
    assert (found.head, found.installed, found.sure, found.settled) == (old.commit, old.commit, True, False)
    (clone / "a").write_text("mine")
    assert glances.glance_at(str(clone.parent), {TOOL: new}) == {}
    git("checkout", "-q", ".", cwd=clone)
    hybrid("pin", "tool")
    hybrid("sync")
    assert (clone / "a").read_text() == "2"
    assert looked(clone, new) is not None


NAMES = [f"t{number:02}" for number in range(5)]


def cloned(workspace: Path, hybrid: Hybrid, upstream_factory: UpstreamFactory, names: Iterable[str]) -> Path:
    upstream = upstream_factory()
    upstream.commit({"a": "1"})
    hybrid("init")
    with (workspace / "sources.toml").open("a") as manifest:
        manifest.writelines(f'[source.{name}]\nurl = "{upstream.url}"\nbranch = "main"\n' for name in names)
    hybrid("pin")
    hybrid("sync")
    return workspace / "sources"


@pytest.fixture
def many(workspace: Path, hybrid: Hybrid, upstream_factory: UpstreamFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sources of a workspace with as many clones as a scout is sent to."""
    monkeypatch.setattr(scout, "WORTH_IT", len(NAMES))
    return cloned(workspace, hybrid, upstream_factory, NAMES)


def pins_of(sources: Path) -> Mapping[SourceName, Pin]:
    return decode_lock((sources.parent / "state/sources.lock").read_bytes()).pins


@pytest.fixture
def sent(many: Path) -> Iterator[Scout]:
    found = scout.send(str(many.parent))
    assert found is not None
    with closing(found):
        yield found


def test_a_scout_sees_what_one_process_does(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pins = pins_of(many)
    for name in ("t01", "t04"):
        (many / name / "new").touch()
    os.utime(many / "t02/.git")
    (many / "t03/a").write_text("mine")
    with monkeypatch.context() as patched:
        patched.delattr(os, "fork")
        patched.setattr(scout, "WORTH_IT", 99)
        alone = glances.glance_at(str(many), pins)
    assert glances.glance_at(str(many), pins) == alone
    assert set(alone) == {*NAMES} - {"t01", "t04"}
    assert not alone[SourceName("t02")].settled
    assert alone[SourceName("t03")].dirty == ("a",)
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    monkeypatch.delattr(os, "fork")
    try:
        assert glances.glance_at(str(many), pins) == alone
    finally:
        done.set()
        other.join()


def test_a_scout_that_was_sent_before_is_asked(many: Path, sent: Scout, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        sent.look(name)
    monkeypatch.setattr(stamps, "look", lambda *_: pytest.fail("looked again"))
    assert len(glances.glance_at(str(many), pins_of(many), sent)) == len(NAMES)
    assert sent.look("unknown") is None
    assert not sent.knows("unknown")


@pytest.mark.parametrize("trace", ["state/resume.json", "sources/new"])
def test_a_scout_does_not_count_once_somebody_wrote(
    many: Path, sent: Scout, trace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sent.holds()
    (many.parent / trace).touch()
    assert not sent.holds()
    (many / "t03/new").touch()
    assert set(glances.glance_at(str(many), pins_of(many), sent)) == {*NAMES} - {"t03"}


def test_a_scout_that_dies_is_done_without(many: Path, sent: Scout) -> None:
    os.kill(sent._child, signal.SIGKILL)
    (many / "t03/a").write_text("mine")
    found = glances.glance_at(str(many), pins_of(many), sent)
    assert {*NAMES} - {"t03"} <= set(found)


def test_only_what_was_touched_is_searched_for_leftovers(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locks = [many / "t02/.git/refs/hybrid/upstream/heads/main.lock", many / "t04/.git/objects/pack/tmp_pack_x"]
    for lock in locks:
        lock.touch()
    sent = scout.send(str(many.parent))
    assert sent is not None
    searched = []
    search = stale.leftovers
    monkeypatch.setattr(stale, "leftovers", lambda git_dir: searched.append(git_dir.parent.name) or search(git_dir))
    with closing(sent):
        sent.look(NAMES[-1])
        notes = stale.remove_stale(durable, many, sent)
    assert len(notes) == 2
    assert not any(lock.exists() for lock in locks)
    assert searched == ["t02", "t04"]


def test_what_a_killed_git_left_is_never_taken_for_settled(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pin = pin_of(clone)
    (clone / ".git/refs/heads/x.lock").touch()
    with pytest.raises(Doubt):
        settled_later(clone, pin, monkeypatch)
    assert not is_settled(clone, pin)


def test_a_plain_command_sends_a_scout(
    workspace: Path, hybrid: Hybrid, upstream_factory: UpstreamFactory, tmp_path: Path
) -> None:
    """What is in the clones is seen, whoever looks first."""
    names = [f"t{number:02}" for number in range(scout.WORTH_IT)]
    sources = cloned(workspace, hybrid, upstream_factory, names)
    (sources / "t03/a").write_text("mine")
    told = tmp_path / "told"
    done = subprocess.run(
        ["strace", "-f", "-e", "trace=fork,vfork,clone,clone3,chdir", "-o", told, executable(), "status"],
        cwd=workspace,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.count(" ok ") == len(names) - 1
    assert "dirty" in done.stdout
    assert told.read_text().count(f'chdir("{sources}/') > len(names) // 2


def test_git_takes_files_as_they_are_only_where_no_attributes_let_it_run_something(clone: Path) -> None:
    os.utime(clone / "run.sh", ns=(10**18, 10**18))
    index, attributes = clone / ".git/index", clone / ".git/info/attributes"
    before, ours = index.read_bytes(), attributes.read_bytes()
    attributes.write_text("* filter=any\n")
    refresh(Runner(environ=os.environ), str(clone))
    assert index.read_bytes() == before
    attributes.write_bytes(ours)
    refresh(Runner(environ=os.environ), str(clone))
    assert index.read_bytes() != before
