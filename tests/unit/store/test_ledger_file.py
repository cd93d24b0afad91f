"""The files of a workspace as one: leftovers, journal, what a killed run had decided."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from git_hybrid.cli.telling import tell
from git_hybrid.core.audit import Event, detail_of
from git_hybrid.core.errors import (
    DecidedOnly,
    InvalidFile,
    LocalIo,
    LockBusy,
    LockUnsupported,
    Overtaken,
    SweptAway,
    SymlinkRefused,
    WorkspaceGone,
)
from git_hybrid.core.lock import Lock
from git_hybrid.core.plan import Task
from git_hybrid.core.reducer import Decision
from git_hybrid.core.value import replace
from git_hybrid.core.words import again_line, kept_line
from git_hybrid.store import ledger as ledger_module
from git_hybrid.store import lockfile, rotating, runs, writing
from git_hybrid.store.chain import read_log
from git_hybrid.store.decisions import decision_line
from git_hybrid.store.filelock import writer_lock
from git_hybrid.store.layout import Layout
from git_hybrid.store.ledger import FileLedger
from git_hybrid.store.overtaking import finished
from support.samples import MANIFEST, NOW, OID, TREE, Workspace, pin_of, run_info, source, state_of

FIRST, SECOND = run_info(), run_info(random=b"9876543210")
ENTRY, OTHER = source(), source("other")
TASKS = (Task(source=ENTRY, pin=pin_of(ENTRY), action="clone", before=None),)
TASKS += (Task(source=OTHER, pin=pin_of(OTHER, TREE), action="update", before=OID),)
DECISION = Decision(
    events=[Event(event="clone", source="tool", after=OID, detail={"ref": "refs/heads/main"})],
    entries={ENTRY.name: state_of(ENTRY)},
    pins={ENTRY.name: pin_of(ENTRY)},
)


@pytest.fixture
def files(tmp_path):
    made = Workspace(tmp_path)
    made.write("sources.toml", MANIFEST)
    return made


def _ledger(files: Workspace) -> FileLedger:
    return FileLedger(
        layout=Layout(files.root),
        now=run_info().now,
        lock_timeout=timedelta(0),
        cancelled=lambda: 0,
        clean_quarantine=lambda: (),
        close_quarantine=lambda: None,
    )


@contextmanager
def _killed(ledger: FileLedger, method: str, monkeypatch):
    """Let the process die, so to speak, when it comes to *method*."""

    class Died(BaseException):
        pass

    def die(*_arguments):
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(FileLedger if hasattr(FileLedger, method) else writing, method, die)
        try:
            yield
        except Died:
            return
    pytest.fail(f"{method} was never called")


def _check_recorded(files: Workspace) -> None:
    snapshot = _ledger(files).snapshot()
    intent, record = read_log(Layout(files.root).audit).records
    assert intent["event"] == "intent"
    assert snapshot.lock.pins == {"tool": pin_of(ENTRY)}
    assert snapshot.state.sources["tool"].audit_hash == record["hash"]
    assert record["command_id"] == FIRST.run


def test_begin_is_seen_by_readers(files):
    ledger = _ledger(files)
    with ledger.writer(FIRST):
        ledger.begin(FIRST, TASKS)
        ledger.installing(FIRST, ENTRY.name, "https://mirror.example/x")
        ledger.attempt(FIRST, "tool", "dns: no")
    found = _ledger(files).snapshot().unfinished
    assert found is not None
    assert (found.run, found.command, found.started_at) == (FIRST.run, FIRST.command, FIRST.now)
    assert found.tasks == TASKS
    assert found.phases == {"tool": "installing"}
    assert found.served_by == {"tool": "https://mirror.example/x"}


def test_no_source_is_changed_without_what_announces_it(files, monkeypatch):
    ledger, append, left = _ledger(files), writing.append_records, [OSError(errno.EIO, "broken")]

    def failing_once(*arguments):
        if left:
            raise left.pop()
        append(*arguments)

    monkeypatch.setattr(writing, "append_records", failing_once)
    with ledger.writer(FIRST):
        ledger.begin(FIRST, TASKS, Event(event="intent"))
        with pytest.raises(OSError, match="broken"):
            ledger.installing(FIRST, ENTRY.name, None)
        for name in (OTHER.name, ENTRY.name):
            ledger.installing(FIRST, name, None)
    assert [record["event"] for record in read_log(Layout(files.root).audit).records] == ["intent"]


def test_recording_a_part_leaves_the_rest_pending(files):
    ledger = _ledger(files)
    with ledger.writer(FIRST):
        ledger.begin(FIRST, TASKS)
        ledger.record(FIRST, DECISION, TASKS[1:])
    _check_recorded(files)
    assert _ledger(files).snapshot().unfinished.tasks == TASKS[1:]


def test_a_run_that_goes_on_journals_what_is_left_with_what_comes_next(files):
    ledger = _ledger(files)
    with ledger.writer(FIRST):
        ledger.begin(FIRST, TASKS[1:])
        ledger.record(FIRST, Decision(), TASKS[1:])
        ledger.begin(FIRST, TASKS)
    assert _ledger(files).snapshot().unfinished.tasks == TASKS
    with ledger.writer(FIRST):
        ledger.record(FIRST, DECISION, TASKS[1:])
    _check_recorded(files)
    assert _ledger(files).snapshot().unfinished.tasks == TASKS[1:]


@pytest.mark.parametrize("step", ["_write_out", "write_records", "forget"])
def test_a_decision_is_written_out_by_the_next_writer(files, monkeypatch, step):
    ledger = _ledger(files)
    with _killed(ledger, step, monkeypatch), ledger.writer(FIRST):
        ledger.begin(FIRST, TASKS[:1])
        ledger.record(FIRST, DECISION, ())
    with _ledger(files).writer(SECOND) as notes:
        assert any(FIRST.run in note for note in notes)
    _check_recorded(files)
    assert _ledger(files).snapshot().unfinished is None
    assert not Layout(files.root).marker.exists()
    before = files.files()
    with _ledger(files).writer(SECOND) as notes:
        assert list(notes) == []
    assert files.files() == before


def test_what_is_at_its_end_with_a_decision_is_not_left_by_a_killed_run(files, monkeypatch):
    ledger = _ledger(files)
    with _killed(ledger, "_close", monkeypatch), ledger.writer(FIRST):
        ledger.begin(FIRST, TASKS)
        ledger.record(FIRST, Decision(events=[Event(event="failed", source="tool")]), TASKS[1:])
    with _ledger(files).writer(SECOND):
        assert _ledger(files).snapshot().unfinished.tasks == TASKS[1:]


def test_a_journal_without_marker_changed_nothing(files):
    layout = Layout(files.root)
    runs.begin_journal(layout.journal(FIRST.run), FIRST, TASKS)
    assert _ledger(files).snapshot().unfinished is None
    with _ledger(files).writer(SECOND) as notes:
        assert any("journal" in note for note in notes)
    assert not layout.journal(FIRST.run).exists()


def test_a_marker_without_journal_is_told(files):
    (files.root / "state").mkdir()
    runs.write_marker(Layout(files.root).marker, FIRST, TASKS)
    with pytest.raises(InvalidFile), _ledger(files).writer(SECOND):
        pass


def _unreadable(files: Workspace, name: str) -> None:
    _ledger(files).begin(FIRST, TASKS)
    layout = Layout(files.root)
    match name:
        case "no journal":
            layout.journal(FIRST.run).unlink()
        case "empty marker":
            layout.marker.write_bytes(b"")
        case "marker of nothing":
            layout.marker.write_text('{"schema_version": 1, "run": "x"}')
        case "garbled journal":
            layout.journal(FIRST.run).write_text("nonsense\n{}\n")
        case "journal of another run":
            runs.begin_journal(layout.journal(FIRST.run), SECOND, TASKS)


UNREADABLE = ["no journal", "empty marker", "marker of nothing", "garbled journal", "journal of another run"]


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_run_that_nobody_can_read_is_given_up_and_nothing_else(files, name):
    _unreadable(files, name)
    with pytest.raises(InvalidFile) as caught, _ledger(files).writer(SECOND):
        pass
    assert caught.value.mend == "git hybrid resume --abort"
    with _ledger(files).writer(SECOND, gives_up=True) as notes:
        assert any("no run can go on" in note for note in notes)
        assert _ledger(files).snapshot().unfinished is None
    assert not (files.root / "state/resume.json").exists()
    assert not (files.root / "state/journal").exists()


def test_a_run_that_git_has_is_nobodys_to_go_on_from(files):
    asked = []
    ledger = replace(_ledger(files), tracked=lambda: asked.append(1) or ["state/resume.json"])
    with ledger.writer(SECOND):
        assert asked == []
    ledger.begin(FIRST, TASKS)
    ledger.record(FIRST, DECISION, TASKS[1:])
    before = files.files()
    with pytest.raises(InvalidFile) as caught, ledger.writer(SECOND):
        pass
    assert (caught.value.path, caught.value.mend) == ("state/resume.json", "git hybrid resume --abort")
    assert files.files() == before
    with ledger.writer(SECOND, gives_up=True) as notes:
        assert any("no run can go on" in note for note in notes)
    assert not Layout(files.root).marker.exists()


def test_what_was_changed_since_it_was_read_is_left_and_told(files, monkeypatch):
    ledger = _ledger(files)
    theirs = pin_of(ENTRY, TREE)
    pulled = lockfile.encode_lock(Lock(pins={ENTRY.name: theirs})).decode()

    def pulled_first(decision):
        files.write("state/sources.lock", pulled)
        return decision_line(decision)

    with ledger.writer(FIRST), monkeypatch.context() as patch:
        ledger.snapshot()
        files.write("state/sources.lock", pulled)
        with pytest.raises(Overtaken) as caught:
            ledger.record(FIRST, DECISION, ())
        assert (caught.value.names, caught.value.is_partly) == (("tool",), False)
        assert not Layout(files.root).audit.exists()
        (files.root / "state/sources.lock").unlink()
        ledger.snapshot()
        # The pull comes when the decision is in the journal already.
        patch.setattr(ledger_module, "decision_line", pulled_first)
        with pytest.raises(Overtaken) as caught:
            ledger.record(FIRST, DECISION, ())
    assert (caught.value.names, caught.value.is_partly) == (("tool",), True)
    assert _ledger(files).snapshot().lock.pins == {"tool": theirs}
    assert [record["event"] for record in read_log(Layout(files.root).audit).records] == ["intent", "failed"]
    assert not Layout(files.root).marker.exists()


def test_of_a_command_that_is_kept_in_part_no_hint_is_made():
    whole, cut = FIRST, replace(FIRST, command=kept_line(f"git hybrid pin --reason {'why ' * 200}"))
    assert finished(whole, ["tool"], ())[-1].endswith(f"; to decide anew: {whole.command}")
    assert finished(cut, ["tool"], ())[-1].endswith("; to decide anew, call it again")
    told = [tell(Overtaken(names=("tool",), again=again_line(run.command))).hints for run in (whole, cut)]
    assert told == [("git hybrid status", f"where it is still wanted: {whole.command}"), ("git hybrid status",)]


def test_giving_up_drops_no_other_file_that_is_invalid(files, monkeypatch):
    ledger = _ledger(files)
    with _killed(ledger, "write_records", monkeypatch), ledger.writer(FIRST):
        ledger.record(FIRST, DECISION, ())
    files.write("state/sources.json", "{half")
    with pytest.raises(InvalidFile) as caught, _ledger(files).writer(SECOND, gives_up=True):
        pass
    assert caught.value.path == "state/sources.json"
    assert (files.root / "state/resume.json").exists()


@pytest.mark.parametrize("cut", [1, 5])
def test_a_torn_line_of_the_journal_swallows_no_later_one(files, cut):
    ledger = _ledger(files)
    ledger.begin(FIRST, TASKS)
    ledger.installing(FIRST, ENTRY.name, None)
    journal = Layout(files.root).journal(FIRST.run)
    journal.write_bytes(journal.read_bytes()[:-cut])
    ledger.record(FIRST, DECISION, TASKS[1:])
    unfinished = _ledger(files).snapshot().unfinished
    assert unfinished is not None
    assert [task.name for task in unfinished.tasks] == ["other"]


def test_a_decision_stays_decided_when_only_the_end_of_the_run_fails(files, monkeypatch):
    ledger = _ledger(files)

    def refuse(path):
        raise LocalIo(path=str(path), operation="remove", reason="refused")

    monkeypatch.setattr("git_hybrid.store.leftovers.remove_tree", refuse)
    with pytest.raises(DecidedOnly) as caught:
        ledger.record(FIRST, DECISION, ())
    assert caught.value.is_written
    assert not Layout(files.root).journal(FIRST.run).exists()
    assert ledger.is_decided(FIRST)
    assert not _ledger(files).is_decided(FIRST)


@pytest.mark.parametrize("error", [LocalIo(path="x", operation="write", reason="full"), OSError(errno.EIO, "broken")])
def test_what_fails_after_the_decision_is_left_to_the_next_writer(files, monkeypatch, error):
    def refuse(*_arguments):
        raise error

    ledger = _ledger(files)
    with monkeypatch.context() as patch, ledger.writer(FIRST):
        ledger.begin(FIRST, TASKS[:1])
        patch.setattr(writing, "write_records", refuse)
        with pytest.raises(DecidedOnly) as caught:
            ledger.record(FIRST, DECISION, ())
    assert not caught.value.is_written
    assert caught.value.reason == ("full" if isinstance(error, LocalIo) else "broken")
    with pytest.raises(SymlinkRefused) as after, _ledger(files).writer(SECOND):
        raise SymlinkRefused(path="x")
    assert [note.split(" (")[0] for note in after.value.mended] == [f"finished writing what run {FIRST.run}"]
    _check_recorded(files)


def test_what_fails_before_the_decision_is_to_be_done_again(files, monkeypatch):
    def refuse(path, *_arguments):
        raise LocalIo(path=str(path), operation="append to", reason="full")

    ledger = _ledger(files)
    with ledger.writer(FIRST):
        ledger.begin(FIRST, TASKS)
        monkeypatch.setattr(runs, "append_lines", refuse)
        with pytest.raises(LocalIo) as caught:
            ledger.record(FIRST, DECISION, ())
        assert not isinstance(caught.value, DecidedOnly)
        Layout(files.root).journal(FIRST.run).write_text("nonsense\n{}\n")
        with pytest.raises(LocalIo) as caught:
            ledger.record(FIRST, DECISION, ())
        assert not isinstance(caught.value, DecidedOnly)


STEPS = {
    "begin": lambda ledger: ledger.begin(FIRST, TASKS[1:]),
    "install": lambda ledger: ledger.installing(FIRST, ENTRY.name, None),
    "attempt": lambda ledger: ledger.attempt(FIRST, "tool", "dns: no"),
    "record": lambda ledger: ledger.record(FIRST, DECISION, ()),
    "forget": lambda ledger: ledger.forget(),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fate", ["moved", "deleted", "replaced"])
def test_nothing_is_written_to_where_the_workspace_was(tmp_path, fate, step):
    files, away = Workspace(tmp_path / "ws"), tmp_path / "away"
    files.write("sources.toml", MANIFEST)
    ledger = _ledger(files)
    with ledger.writer(FIRST):
        ledger.begin(FIRST, TASKS)
        files.root.rename(away)
        if fate == "deleted":
            shutil.rmtree(away)
        if fate == "replaced":
            Workspace(files.root).write("sources.toml", MANIFEST)
            with _ledger(files).writer(SECOND):
                _ledger(files).begin(SECOND, TASKS)
                before = files.files()
                for _ in range(2):
                    with pytest.raises(WorkspaceGone):
                        STEPS[step](ledger)
                assert files.files() == before
        else:
            with pytest.raises(WorkspaceGone) as caught:
                STEPS[step](ledger)
            assert caught.value.path == str(files.root)
            assert not files.root.exists()
    if fate != "deleted":
        moved = Workspace(away)
        assert _ledger(moved).snapshot().unfinished.tasks == TASKS
        with _ledger(moved).writer(SECOND):
            pass


def test_a_lock_that_was_removed_is_told_as_that(tmp_path):
    files = Workspace(tmp_path / "ws")
    files.write("sources.toml", MANIFEST)
    ledger = _ledger(files)
    with ledger.writer(FIRST):
        ledger.snapshot()
        (files.root / "sources/.lock").unlink()
        with pytest.raises(SweptAway) as caught:
            ledger.begin(FIRST, TASKS)
    assert caught.value.path == str(files.root / "sources/.lock")
    assert not (files.root / "state/journal").exists()


def test_what_is_decided_is_not_promised_where_the_lock_was_removed(files, monkeypatch):
    def swept(*_arguments: object) -> list[str]:
        (files.root / "sources/.lock").unlink()
        raise LocalIo(path="x", operation="write", reason="no such file")

    monkeypatch.setattr(writing, "write_records", swept)
    ledger = _ledger(files)
    with ledger.writer(FIRST):
        ledger.snapshot()
        with pytest.raises(SweptAway):
            ledger.record(FIRST, DECISION, ())


def test_whoever_lost_the_lock_does_not_wipe_out_who_holds_it_now(tmp_path):
    path = tmp_path / ".lock"
    with writer_lock(path, timeout=timedelta(0), command="x", now=NOW, cancelled=lambda: 0):
        path.unlink()
        path.write_text("mine")
    assert path.read_text() == "mine"


def test_a_run_that_takes_over_leaves_one_journal(files):
    _ledger(files).begin(FIRST, TASKS)
    with _ledger(files).writer(SECOND):
        _ledger(files).begin(SECOND, TASKS)
    assert [path.stem for path in Layout(files.root).journals.iterdir()] == [SECOND.run]


def test_what_no_run_made_outlives_runs_and_hides_none(files):
    files.write("state/journal/notes.md", "mine")
    asked: list[int] = []
    with replace(_ledger(files), tracked=lambda: asked.append(1) or []).writer(FIRST):
        _ledger(files).begin(FIRST, TASKS)
    assert asked == []
    ledger = _ledger(files)
    with ledger.writer(SECOND, settles=False):
        ledger.forget()
    assert [path.name for path in Layout(files.root).journals.iterdir()] == ["notes.md"]


def test_leftovers_are_removed_and_told(files):
    files.write("state/sources.json.tmp", "{half")
    files.write("sources.toml.tmp", "half")
    files.write("sources/.durations.tmp", "half")
    for folder in ("sources", "."):
        files.write(f"{folder}/.probe-1mjym_gi.tmp", "")
    for name in ("mine.tmp", "scans/mine.tmp", "journal/notes.md"):
        files.write(f"state/{name}", "mine")
    with _ledger(files).writer(FIRST) as notes:
        assert len([note for note in notes if ".tmp" in note]) == 5
    assert "sources/.durations.tmp" not in files.files()
    assert {"state/mine.tmp", "state/scans/mine.tmp", "state/journal/notes.md"} <= {*files.files()}
    assert "state/sources.json.tmp" not in files.files()


@pytest.mark.parametrize("event", ["pin", "seen"])
def test_the_first_record_of_a_run_tells_what_was_removed(files, event):
    path = "state/sources.lock.tmp"
    files.write(path, "half")
    ledger = _ledger(files)
    with ledger.writer(FIRST):
        for source in ("one", "two"):
            ledger.record(FIRST, Decision(events=[Event(event=event, source=source)]), ())
    records = read_log(Layout(files.root).audit).records
    told = [record for record in records if "leftovers" in detail_of(record)]
    assert told == [*records[:1]]
    assert (told[0]["event"], detail_of(told[0])["leftovers"]) == ("intent" if event == "pin" else event, [path])


@pytest.mark.parametrize("name", ["state/sources.json.tmp", "sources.toml.tmp", "state/scans/tool.sarif.tmp"])
def test_a_folder_where_a_file_is_written_first_stops_a_run_before_it_begins(files, name):
    files.write(f"{name}/x", "x")
    with pytest.raises(InvalidFile) as caught, _ledger(files).writer(FIRST):
        pytest.fail("the run began")
    assert caught.value.path == name
    assert caught.value.mend == f"rm -r -- {files.root / name}"
    assert f"{name}/x" in files.files()


@pytest.mark.parametrize("name", ["sources-mirrors.json.tmp", "sources-overrides.json.tmp", "resume.json.tmp"])
def test_leftovers_of_every_file_are_removed(files, name):
    files.write(f"state/{name}", "half")
    with _ledger(files).writer(FIRST):
        pass
    assert f"state/{name}" not in files.files()


@pytest.mark.parametrize(
    "name",
    [
        "state",
        "sources",
        "state/sources.lock",
        "state/sources.json",
        "state/.gitignore",
        "sources/tool",
        "sources/.gitignore",
    ],
)
def test_links_are_refused(files, tmp_path_factory, name):
    target = tmp_path_factory.mktemp("elsewhere")
    path = files.root / name
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(target)
    with pytest.raises(SymlinkRefused) as caught:
        _ledger(files).snapshot()
    assert caught.value.path == name
    assert os.listdir(target) == []


def test_first_seen_is_when_the_log_first_says_so(files):
    ledger = _ledger(files)
    with ledger.writer(FIRST):
        ledger.record(FIRST, DECISION, ())
    assert _ledger(files).first_seen(ENTRY.name, OID) == NOW
    assert _ledger(files).first_seen(ENTRY.name, TREE) is None
    assert _ledger(files).first_seen(OTHER.name, OID) is None


def test_a_second_writer_is_told_who_holds_the_lock(files):
    ledger = _ledger(files)
    with ledger.writer(run_info("sync tool")):
        with pytest.raises(LockBusy) as caught, _ledger(files).writer(SECOND):
            pass
        assert f"pid {os.getpid()} on " in caught.value.holder
        assert caught.value.holder.endswith("since 2026-07-16T11:03:04Z: sync tool")
        assert caught.value.longer == "60s"
    with _ledger(files).writer(SECOND):
        pass


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.ENOLCK, LockUnsupported),
        (errno.EOPNOTSUPP, LockUnsupported),
        (errno.ENOSYS, LockUnsupported),
        (errno.EIO, LocalIo),
        (errno.ENOSPC, LocalIo),
        (errno.EMFILE, LocalIo),
    ],
)
def test_a_lock_that_cannot_be_had_says_why(tmp_path, monkeypatch, number, error):
    def refuse(_descriptor, _operation):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    lock = writer_lock(tmp_path / ".lock", timeout=timedelta(0), command="x", now=NOW, cancelled=lambda: 0)
    with pytest.raises(error) as caught, lock:
        pass
    assert caught.value.reason == os.strerror(number)


def test_the_lock_file_stays_and_names_nobody(tmp_path):
    path = tmp_path / ".lock"
    with writer_lock(path, timeout=timedelta(0), command="x", now=NOW, cancelled=lambda: 0):
        assert b'"command":"x"' in path.read_bytes()
    assert path.read_bytes() == b""


def test_a_lock_that_says_nonsense_still_holds(tmp_path):
    path = tmp_path / ".lock"
    with writer_lock(path, timeout=timedelta(0), command="x", now=NOW, cancelled=lambda: 0):
        for text in ("", "nonsense", "[]", '{"pid": 1}', "\0"):
            path.write_text(text)
            second = writer_lock(path, timeout=timedelta(0), command="y", now=NOW, cancelled=lambda: 0)
            with pytest.raises(LockBusy) as caught, second:
                pass
            assert caught.value.holder


@pytest.mark.parametrize("when", ["before", "archived", "replaced"])
def test_a_rotation_that_was_killed_between_its_writes_is_finished(files, monkeypatch, when):
    ledger = _ledger(files)
    with ledger.writer(FIRST):
        ledger.record(FIRST, DECISION, ())
    layout = Layout(files.root)
    before = read_log(layout.audit).records
    rotation = Decision(
        events=[Event(event="rotate", detail={"archive": "sources-audit.2026.jsonl"})],
        archive="state/sources-audit.2026.jsonl",
    )
    real = rotating.write_file

    class Died(BaseException):
        pass

    def die(path, data, **watch):
        first = path.name.startswith("sources-audit.2026")
        if when == "before" or (when == "archived" and not first):
            raise Died
        real(path, data, **watch)
        if when == "replaced" and not first:
            raise Died

    with monkeypatch.context() as patch:
        patch.setattr(rotating, "write_file", die)
        with pytest.raises(Died), ledger.writer(SECOND):
            ledger.record(SECOND, rotation, ())
    with _ledger(files).writer(run_info(random=b"abcdefghij")) as notes:
        assert any("had decided" in note for note in notes)
    archive = files.root / "state/sources-audit.2026.jsonl"
    archived, (first,) = read_log(archive).records, read_log(layout.audit).records
    assert archived[: len(before)] == before
    assert [record["event"] for record in archived].count("rotate") == 1
    assert (first["event"], first["prev"]) == ("rotated", [archived[-1]["hash"]])
    assert not archive.stat().st_mode & 0o222
    assert not layout.marker.exists()


def test_a_rotation_writes_over_no_other_file(files):
    ledger, archive = _ledger(files), "state/sources-audit.2026.jsonl"
    rotation = Decision(events=[Event(event="rotate", detail={"archive": Path(archive).name})], archive=archive)
    files.write(archive, "mine\n")
    with pytest.raises(InvalidFile) as caught, ledger.writer(FIRST):
        ledger.record(FIRST, rotation, ())
    assert (caught.value.path, files.files()[archive]) == (archive, b"mine\n")
    (files.root / archive).unlink()
    with _ledger(files).writer(SECOND) as notes:
        assert any("had decided" in note for note in notes)
    assert len(read_log(Layout(files.root).audit).records) == 1


def test_a_ledger_writes_to_the_workspace_in_which_it_began_alone(tmp_path):
    files = Workspace(tmp_path / "ws")
    files.write("sources.toml", MANIFEST)
    ledger = _ledger(files)
    with ledger.writer(FIRST):
        ledger.begin(FIRST, TASKS)
        ledger.record(FIRST, DECISION, ())
    files.root.rename(tmp_path / "away")
    Workspace(files.root).write("sources.toml", MANIFEST)
    with pytest.raises(WorkspaceGone), ledger.writer(SECOND):
        pass
    assert sorted(path.name for path in files.root.iterdir()) == ["sources.toml"]
