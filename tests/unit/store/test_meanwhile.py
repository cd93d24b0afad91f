"""What git or an editor does to the files of a workspace while a run writes its decision, at each fsync of that."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta

import pytest

from git_hybrid.core.audit import Event
from git_hybrid.core.errors import DecidedOnly, LogWithoutRun
from git_hybrid.core.override import Override, Overrides
from git_hybrid.core.reducer import Decision, ManifestEdit
from git_hybrid.core.stages import BASE, OURS, THEIRS
from git_hybrid.store import durable, restoring
from git_hybrid.store.chain import append_records, read_log
from git_hybrid.store.layout import Layout
from git_hybrid.store.ledger import FileLedger
from git_hybrid.store.meanwhile import Changed, Watch
from git_hybrid.store.merging import merge_files
from git_hybrid.store.overridefile import encode_overrides
from git_hybrid.store.restoring import restore_overrides
from support.samples import MANIFEST, OID, TREE, Workspace, pin_of, run_info, source, state_of

FIRST, SECOND, THIRD = run_info(), run_info(random=b"9876543210"), run_info(random=b"abcdefghij")
ENTRY, OTHER = source(), source("other")
ADDED = f'{MANIFEST}\n[source.other]\nurl = "{OTHER.url}"\nbranch = "main"\n'
BEFORE = Decision(
    events=[Event(event="clone", source="tool", after=OID, detail={"ref": "refs/heads/main"})],
    entries={ENTRY.name: state_of(ENTRY)},
    pins={ENTRY.name: pin_of(ENTRY)},
)
SHARED = Decision(
    events=[Event(event="clone", source="other", after=OID, detail={"ref": "refs/heads/main"})],
    entries={OTHER.name: state_of(OTHER)},
    pins={OTHER.name: pin_of(OTHER, TREE)},
    manifest=ManifestEdit(before=MANIFEST, text=ADDED),
)
OWN = Decision(events=[Event(event="update", source="other", after=OID)], entries={OTHER.name: state_of(OTHER)})
TRACKED = ("sources.toml", "state/sources-audit.jsonl", "state/sources.json", "state/sources.lock")


@pytest.fixture
def files(tmp_path):
    made = Workspace(tmp_path)
    made.write("sources.toml", MANIFEST)
    ledger = _ledger(made)
    with ledger.writer(FIRST):
        ledger.record(FIRST, BEFORE, ())
    return made


def _ledger(files: Workspace) -> FileLedger:
    return FileLedger(
        layout=Layout(files.root),
        now=FIRST.now,
        lock_timeout=timedelta(0),
        cancelled=lambda: 0,
        clean_quarantine=lambda: (),
        close_quarantine=lambda: None,
    )


def _put(files: Workspace, texts: dict[str, bytes]) -> dict[str, bytes]:
    """Put *texts* in their places as git does, as new files where they differ; return what stood there."""
    now = {name: text for name, text in files.files().items() if name in TRACKED}
    for name, text in texts.items():
        if now[name] != text:
            (files.root / name).unlink()
            files.write(name, text)
    return now


def _at_each(monkeypatch, work: Callable[[], None], fault: Callable[[], None], after: Callable[[bool], None]) -> int:
    """Do *work* once for each fsync in it, with *fault* at just that, then what comes *after* it; return how often.

    What comes after is told whether the work ended with LogWithoutRun.
    """
    real, number = os.fsync, 0
    while True:
        number += 1
        calls = 0

        def fsync(descriptor: int, wanted: int = number) -> None:
            nonlocal calls
            calls += 1
            if calls == wanted:
                fault()
            real(descriptor)

        with monkeypatch.context() as patch:
            patch.setattr(durable.os, "fsync", fsync)
            try:
                work()
                is_lost = False
            except LogWithoutRun:
                is_lost = True
        if calls < number:
            return number - 1
        after(is_lost)


def _events(files: Workspace) -> list[object]:
    return [record["event"] for record in read_log(Layout(files.root).audit).records]


def _start(files: Workspace, head: dict[str, bytes]) -> None:
    for path in [path for path in files.root.rglob("*") if path.is_file()]:
        path.unlink()
    for name, text in head.items():
        files.write(name, text)


def test_what_is_stashed_while_a_pin_is_written_comes_back_whole(files, monkeypatch):
    head = files.files()
    taken: list[dict[str, bytes]] = []
    lost: list[bool] = []

    def run() -> None:
        _start(files, head)
        taken.clear()
        ledger = _ledger(files)
        with ledger.writer(SECOND):
            ledger.record(SECOND, SHARED, ())

    def check(is_lost: bool) -> None:
        lost.append(is_lost)
        now = files.files()
        if is_lost:
            # Nothing is in the way of a git stash pop.
            assert {name: now[name] for name in TRACKED} == {name: head[name] for name in TRACKED}
            assert Layout(files.root).marker.exists()
            kept = files.files()
            with _ledger(files).writer(THIRD, gives_up=True) as notes:
                assert any("of which the audit log here has nothing" in note for note in notes)
            assert {name: files.files()[name] for name in TRACKED} == {name: head[name] for name in TRACKED}
            _start(files, kept)
        else:
            has = [_ledger(files).snapshot().lock.pins.keys() == {"tool", "other"}, _events(files).count("clone") == 2]
            assert has in ([True] * 2, [False] * 2)
        if taken and is_lost:
            _put(files, taken[0])
        with _ledger(files).writer(THIRD):
            pass
        if is_lost:
            assert _events(files) == ["intent", "clone", "intent", "clone"]
            assert _ledger(files).snapshot().lock.pins.keys() == {"tool", "other"}
            assert (files.root / "sources.toml").read_text() == ADDED

    head_files = {name: head[name] for name in TRACKED}
    assert _at_each(monkeypatch, run, lambda: taken.append(_put(files, head_files)), check) > 10
    assert lost.count(True) > 6


def test_what_a_sync_did_is_recorded_in_the_log_that_a_stash_left(files, monkeypatch):
    head = files.files()
    head_files = {name: head[name] for name in TRACKED}

    def run() -> None:
        _start(files, head)
        ledger = _ledger(files)
        with ledger.writer(SECOND):
            ledger.record(SECOND, OWN, ())

    def check(is_lost: bool) -> None:
        assert not is_lost
        has = ["other" in _ledger(files).snapshot().state.sources, "update" in _events(files)]
        assert has in ([True] * 2, [False] * 2)

    assert _at_each(monkeypatch, run, lambda: _put(files, head_files) and None, check) > 8


def test_what_an_editor_saves_while_the_manifest_is_written_stays(files, monkeypatch):
    head = files.files()
    was_open: list[bool] = []

    def run() -> None:
        _start(files, head)
        ledger = _ledger(files)
        with ledger.writer(SECOND):
            ledger.record(SECOND, SHARED, ())

    def save() -> None:
        was_open.append((files.root / "state/resume.json").exists())
        saved = files.root / "sources.toml~"
        saved.write_text(f"# mine\n{MANIFEST}")
        saved.rename(files.root / "sources.toml")

    def check(is_lost: bool) -> None:
        assert not is_lost
        text = (files.root / "sources.toml").read_text()
        # What is saved after the end of the run is saved over what that has written.
        assert text == f"# mine\n{ADDED}" or not was_open[-1]
        assert text.startswith("# mine\n")

    assert _at_each(monkeypatch, run, save, check) > 10
    assert was_open.count(True) > 6


def test_what_is_written_all_the_time_leaves_the_decision_to_the_next_writer(files, monkeypatch):
    real = Watch.require

    def touched(self: Watch) -> None:
        path = files.root / "state/sources.lock"
        os.utime(path, ns=(0, path.lstat().st_mtime_ns + 1))
        real(self)

    ledger = _ledger(files)
    with monkeypatch.context() as patch, ledger.writer(SECOND):
        patch.setattr(Watch, "require", touched)
        with pytest.raises(DecidedOnly) as caught:
            ledger.record(SECOND, SHARED, ())
    assert caught.value.reason == "another program writes it all the time"
    with _ledger(files).writer(THIRD) as notes:
        assert any("finished writing what run " in note for note in notes)
    assert _events(files) == ["intent", "clone", "intent", "clone"]


def test_nothing_is_appended_to_another_log_than_was_read(tmp_path):
    log = tmp_path / "log"
    watch = Watch(log)
    append_records(log, [{"seq": 1}], watch)
    append_records(log, [{"seq": 2}], watch)
    text = log.read_bytes()
    log.unlink()
    log.write_bytes(text[:-1])
    with pytest.raises(Changed):
        append_records(log, [{"seq": 3}], watch)
    assert log.read_bytes() == text[:-1]
    new = tmp_path / "new"
    watch = Watch(new)
    new.write_bytes(text)
    with pytest.raises(Changed) as caught:
        append_records(new, [{"seq": 1}], watch)
    assert caught.value.path == new


def test_what_was_written_meanwhile_is_not_replaced(tmp_path):
    path, other = tmp_path / "file", tmp_path / "other"
    path.write_bytes(b"old")
    watch = Watch(path, other)
    durable.write_file(path, b"new", watch=watch)
    durable.write_file(path, b"newer", watch=watch)
    other.write_bytes(b"")
    with pytest.raises(Changed):
        durable.write_file(path, b"newest", watch=watch)
    assert sorted(found.name for found in tmp_path.iterdir()) == ["file", "other"]
    assert path.read_bytes() == b"newer"


def test_the_time_that_a_file_gets_as_it_is_closed_is_no_change_by_others(tmp_path, monkeypatch):
    """As of a folder that a server of Windows shares."""
    path, log, close = tmp_path / "file", tmp_path / "log", os.close

    def closed(descriptor: int) -> None:
        os.utime(descriptor, ns=(0, 10**18))
        close(descriptor)

    watch = Watch(path, log)
    monkeypatch.setattr(durable.os, "close", closed)
    for number in range(2):
        durable.write_file(path, b"%d" % number, watch=watch)
        append_records(log, [{"seq": number}], watch)
    watch.require()
    assert (path.read_bytes(), log.read_bytes().count(b"\n")) == (b"1", 2)


def test_what_an_editor_saves_while_a_merge_is_written_stays(tmp_path, monkeypatch):
    path, real, saved = tmp_path / "sources.toml", os.fsync, []
    versions = {stage: f"{MANIFEST}# {stage}\n".encode() for stage in (BASE, OURS, THEIRS)}
    versions[OURS] = ADDED.encode()

    def fsync(descriptor: int) -> None:
        if not saved:
            # The conflict is mended by hand.
            path.unlink()
            saved.append(path.write_text(f"# mine\n{MANIFEST}"))
        real(descriptor)

    (tmp_path / "state").mkdir()
    path.write_text(f"<<<<<<< ours\n{ADDED}=======\n{MANIFEST}>>>>>>> theirs\n")
    monkeypatch.setattr(durable.os, "fsync", fsync)
    merge_files(Layout(tmp_path), {"sources.toml": versions}, {}, is_made=False)
    assert saved
    assert path.read_text() == f"# mine\n{MANIFEST}"


def test_what_comes_while_overrides_are_restored_stays(files, monkeypatch):
    calls: list[bytes] = []

    def restored(kept: Overrides, lost: dict[str, Override]) -> Overrides:
        if not calls:
            files.write("state/sources-overrides.json", encode_overrides(Overrides()) + b"\n")
        calls.append(encode_overrides(kept))
        return kept

    monkeypatch.setattr(restoring, "_lost", lambda kept, names, trail: {"ovr-1": None})
    monkeypatch.setattr(restoring, "with_overrides", restored)
    restore_overrides(Layout(files.root), ())
    assert len(calls) == 2
