"""Where a workspace begins, and what the journal of a run folds to."""

from __future__ import annotations

import errno
import json
import os
from contextlib import nullcontext

import pytest

from git_hybrid.core.audit import Event
from git_hybrid.core.errors import (
    FolderTaken,
    InvalidFile,
    LocalIo,
    NewerSchema,
    NoWorkspace,
    SymlinkRefused,
    WorkspaceExists,
)
from git_hybrid.core.plan import Task
from git_hybrid.core.reducer import Decision, ManifestEdit
from git_hybrid.core.value import replace
from git_hybrid.store import decisions, runs, scaffold
from git_hybrid.store.durable import write_file
from git_hybrid.store.layout import Layout, find_root, refuse_links
from git_hybrid.store.leftovers import IGNORES, not_of_runs, remove_stray_journals
from git_hybrid.store.reading import manifest_text
from git_hybrid.store.scaffold import create, undo
from support.samples import OID, pin_of, run_info, source, state_of

INFO, ENTRY = run_info(), source()
TASK = Task(source=ENTRY, pin=pin_of(ENTRY), action="clone", before=None)


def _tree(root, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("schema_version = 1\n")


def test_the_nearest_manifest_upwards_is_the_root(tmp_path):
    _tree(tmp_path, "sources.toml", "a/b/x", "inner/sources.toml")
    assert find_root(tmp_path).root == tmp_path
    assert find_root(tmp_path / "a" / "b").root == tmp_path
    assert find_root(tmp_path / "inner").root == tmp_path / "inner"


def test_what_is_no_file_is_told_and_not_passed_over(tmp_path):
    (tmp_path / "sources.toml").mkdir()
    with pytest.raises(InvalidFile) as caught:
        manifest_text(find_root(tmp_path))
    assert caught.value.problems[0].reason == "is not a regular file"
    (tmp_path / "sources.toml").rmdir()
    os.mkfifo(tmp_path / "sources.toml")
    with pytest.raises(InvalidFile):
        manifest_text(find_root(tmp_path))


@pytest.mark.parametrize(
    ("name", "make", "told"),
    [
        ("state", os.mkfifo, "is no folder, and a folder belongs there"),
        ("sources", os.mkfifo, "is no folder, and a folder belongs there"),
        ("sources", lambda path: path.touch(), "is a file, and a folder belongs there"),
        ("sources/.lock", lambda path: path.mkdir(parents=True), "is a folder, and a file belongs there"),
    ],
)
def test_what_stands_in_the_place_of_a_folder_or_of_the_lock_is_refused(tmp_path, name, make, told):
    layout = Layout(tmp_path)
    refuse_links(layout)
    make(tmp_path / name)
    with pytest.raises(InvalidFile) as caught:
        refuse_links(layout)
    assert (caught.value.path, caught.value.problems[0].reason) == (name, told)
    assert caught.value.mend == f"mv {tmp_path / name} {tmp_path / name}.old"


@pytest.mark.parametrize("times", [1, 9])
def test_a_folder_that_the_disk_does_not_tell_of_is_not_taken_for_a_file(tmp_path, monkeypatch, times):
    """It was told to be no folder, with the hint to move it away."""
    look, left = os.stat, [errno.EIO] * times
    (tmp_path / "state").mkdir()

    def failing(path, **named):
        if str(path) == str(tmp_path / "state") and left:
            raise OSError(left.pop(), "Input/output error")
        return look(path, **named)

    monkeypatch.setattr(os, "stat", failing)
    with nullcontext() if times == 1 else pytest.raises(LocalIo, match="read"):
        refuse_links(Layout(tmp_path))


def test_a_manifest_of_a_clone_is_no_root(tmp_path):
    _tree(tmp_path, "sources.toml", "sources/tool/sources.toml", "sources/tool/deep/sources.toml")
    for start in ("sources/tool", "sources/tool/deep", "sources"):
        assert find_root(tmp_path / start).root == tmp_path


def test_a_folder_called_sources_of_nobody_is_fine(tmp_path):
    _tree(tmp_path, "sources/mine/sources.toml")
    assert find_root(tmp_path / "sources/mine").root == tmp_path / "sources/mine"


def test_no_manifest_is_no_workspace(tmp_path):
    with pytest.raises(NoWorkspace):
        find_root(tmp_path)


def test_the_manifest_is_made_last(tmp_path, monkeypatch):
    """A killed init leaves no workspace, and the next one makes all of it."""
    made = []

    def note(path, data):
        made.append(path.name)
        write_file(path, data)

    monkeypatch.setattr(scaffold, "write_file", note)
    create(tmp_path)
    assert sorted(made) == [".gitattributes", ".gitignore", ".gitignore", "sources.toml"]
    assert made[-1] == "sources.toml"


def test_create_and_undo(tmp_path):
    made = create(tmp_path)
    assert set(made.created) == {".gitattributes", "sources.toml", "sources/.gitignore", "state/.gitignore"}
    lines = ["/state/** -text", "/state/sources-audit.jsonl merge=union"]
    assert (tmp_path / ".gitattributes").read_text().splitlines() == lines
    with pytest.raises(WorkspaceExists) as caught:
        create(tmp_path)
    assert (caught.value.lacks, caught.value.mend) == ("", "")
    undo(tmp_path, made)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_undo_leaves_what_was_there(tmp_path):
    (tmp_path / ".gitattributes").write_text("*.bin binary")
    made = create(tmp_path)
    assert made.extended == (".gitattributes",)
    assert ".gitattributes" not in made.created
    assert (tmp_path / ".gitattributes").read_text().splitlines()[0] == "*.bin binary"
    undo(tmp_path, made)
    assert (tmp_path / ".gitattributes").read_text() == "*.bin binary"


def test_undo_leaves_what_somebody_wrote_meanwhile(tmp_path):
    path = tmp_path / ".gitattributes"
    path.write_text("*.bin binary\n")
    made = create(tmp_path)
    path.write_text(now := f"{path.read_text()}*.png binary\n")
    undo(tmp_path, made)
    assert path.read_text() == now
    path.unlink()
    made = create(tmp_path)
    path.unlink()
    undo(tmp_path, made)
    assert not path.exists()


def test_attributes_come_last_and_what_was_there_stays_byte_for_byte(tmp_path):
    path = tmp_path / ".gitattributes"
    before = b"* text=auto eol=crlf\r\n/state/sources-audit.jsonl merge=union\r\n/caf\xe9 binary"
    path.write_bytes(before)
    create(tmp_path)
    assert path.read_bytes() == before + b"\n/state/** -text\n"


@pytest.mark.parametrize(
    ("before", "added"),
    [
        ("*.class", f"\n{IGNORES['sources/.gitignore']}"),
        ("!.gitignore\n*\n", ""),
        ("*\n", IGNORES["sources/.gitignore"]),
    ],
)
def test_clones_are_ignored_where_the_folder_has_rules_already(tmp_path, before, added):
    path = tmp_path / "sources/.gitignore"
    path.parent.mkdir()
    path.write_text(before)
    made = create(tmp_path)
    assert path.read_text() == before + added
    undo(tmp_path, made)
    assert path.read_text() == before


def test_no_attributes_are_read_through_a_link_or_from_a_pipe(tmp_path):
    path = tmp_path / ".gitattributes"
    path.symlink_to("/dev/zero")
    with pytest.raises(SymlinkRefused):
        create(tmp_path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(OSError, match="is no regular file"):
        create(tmp_path)


def test_a_workspace_of_before_is_told_what_its_attributes_lack(tmp_path):
    create(tmp_path)
    path = tmp_path / ".gitattributes"
    path.write_text("/state/sources-audit.jsonl merge=union\n")
    with pytest.raises(WorkspaceExists) as caught:
        create(tmp_path)
    assert caught.value.lacks == ".gitattributes lacks 1 line that a new workspace gets"
    assert caught.value.mend == "printf '%s\\n' '/state/** -text' >> .gitattributes"
    path.unlink()
    with pytest.raises(WorkspaceExists) as caught:
        create(tmp_path)
    assert "lacks 2 lines" in caught.value.lacks


def _fold(tmp_path, *lines, torn: bytes = b""):
    path = tmp_path / "journal" / "run.jsonl"
    path.parent.mkdir()
    path.touch()
    runs.append_lines(path, list(lines))
    with open(path, "ab") as file:
        file.write(torn)
    return runs.read_journal(path, "shown")


def test_a_journal_folds(tmp_path):
    decision = Decision(
        events=[Event(event="clone", source="tool", after=OID, detail={"n": 1})],
        entries={ENTRY.name: state_of(ENTRY)},
        pins={ENTRY.name: pin_of(ENTRY)},
        dropped=frozenset({source("gone").name}),
        manifest=ManifestEdit(before="", text="schema_version = 1\n"),
        base={"pin tool": "0" * 64, "pin gone": None},
        done=frozenset({ENTRY.name, source("gone").name}),
    )
    begin = runs.begin_line(INFO, (TASK,))
    found = _fold(tmp_path, begin, runs.installing_line(ENTRY.name, "u"), decisions.decision_line(decision))
    assert found.info == INFO
    assert found.tasks == (TASK,)
    assert found.phases == {"tool": "installing"}
    assert found.served_by == {"tool": "u"}
    assert (found.decision.entries, found.decision.pins) == (decision.entries, decision.pins)
    assert (found.decision.dropped, found.decision.manifest) == (decision.dropped, decision.manifest)
    assert list(found.decision.events) == list(decision.events)
    assert found.decision.base == decision.base
    assert found.decision.done == {"gone"}
    assert decisions.decision_line(replace(decision, done=frozenset(decision.entries)))["done"] == []
    assert decisions.decode_decision(decisions.decision_line(replace(decision, base=None))).base is None


def test_no_line_begins_a_journal_but_the_first(tmp_path):
    path = tmp_path / "journal" / "run.jsonl"
    for _ in range(2):
        with pytest.raises(LocalIo):
            runs.append_lines(path, [runs.recorded_line(())])
        assert not path.exists()
        path.parent.mkdir(exist_ok=True)


def test_what_is_recorded_is_done(tmp_path):
    begin, decided = runs.begin_line(INFO, (TASK,)), decisions.decision_line(Decision())
    found = _fold(tmp_path, begin, decided, runs.recorded_line((ENTRY.name,)))
    assert (found.tasks, found.decision) == ((), None)


def test_a_torn_last_line_does_not_count(tmp_path):
    found = _fold(tmp_path, runs.begin_line(INFO, (TASK,)), torn=b'{"t": "decision", "eve')
    assert found.decision is None


def test_a_journal_of_which_nothing_was_written(tmp_path):
    path = tmp_path / "run.jsonl"
    assert runs.read_journal(path, "shown") is None
    path.write_bytes(b'{"t": "begin"')
    assert runs.read_journal(path, "shown") is None


@pytest.mark.parametrize("line", [{}, {"t": "begin"}, {"t": "begin", "run": 1}])
def test_a_journal_of_somebody_else(tmp_path, line):
    with pytest.raises(InvalidFile) as caught:
        _fold(tmp_path, line)
    assert "git hybrid resume --abort" in caught.value.mend


ARCHIVE = "state/sources-audit.2026.jsonl"
DECIDED = decisions.decision_line(Decision(archive=ARCHIVE, reports={ENTRY.name: "0" * 64}))
PHASE = runs.installing_line(ENTRY.name, None)
TRIED = runs.attempt_line(ENTRY.name, "dns: no")


@pytest.mark.parametrize(("lines", "kept"), [((TRIED,), True), ((TRIED, PHASE), False), ((PHASE, TRIED), True)])
def test_what_was_got_past_kept_no_source(tmp_path, lines, kept):
    found = _fold(tmp_path, runs.begin_line(INFO, (TASK,)), *lines)
    assert found.failures == ({ENTRY.name: "dns: no"} if kept else {})


def test_an_archive_is_where_a_rotation_makes_one(tmp_path):
    assert _fold(tmp_path, runs.begin_line(INFO, ()), DECIDED, PHASE).decision.archive == ARCHIVE


@pytest.mark.parametrize(
    "line",
    [
        *(
            DECIDED | {"archive": path}
            for path in (
                *("/home/me/.bashrc", "../.profile", "state/sources.lock", f"{ARCHIVE}\n", f"x/{ARCHIVE}", 1),
                *("state/sources-audit.2026-0.jsonl", "state/../state/sources-audit.2026.jsonl"),
            )
        ),
        DECIDED | {"reports": {"../x": "0" * 64}},
        DECIDED | {"reports": {"x": "0"}},
        DECIDED | {"dropped": ["../x"]},
        DECIDED | {"dropped_mirrors": [1]},
        DECIDED | {"events": [{"event": 1}]},
        DECIDED | {"events": [{"event": "x", "detail": {"n": 0.5}}]},
        DECIDED | {"manifest": {"before": "", "text": 1}},
        DECIDED | {"pins": {"../x": {}}},
        DECIDED | {"more": 1},
        PHASE | {"source": "../x"},
        PHASE | {"phase": "x"},
        PHASE | {"served_by": 1},
        runs.recorded_line(()) | {"sources": 1},
    ],
)
def test_a_line_with_a_path_or_a_name_that_no_run_writes_is_refused(tmp_path, line):
    with pytest.raises(InvalidFile):
        _fold(tmp_path, runs.begin_line(INFO, ()), line)


@pytest.mark.parametrize("wrong", [{"name": "../x"}, {"action": "x"}, {"before": "x"}, {"pin": {}}])
def test_a_task_that_no_run_has_is_refused(tmp_path, wrong):
    (task,) = runs.begin_line(INFO, (TASK,))["tasks"]
    with pytest.raises(InvalidFile):
        _fold(tmp_path, runs.begin_line(INFO, ()) | {"tasks": [task | wrong]})


def test_a_journal_of_a_newer_version_is_refused(tmp_path):
    with pytest.raises((NewerSchema, InvalidFile)):
        _fold(tmp_path, runs.begin_line(INFO, (TASK,)) | {"v": 2})


def test_the_marker_names_what_is_pending(tmp_path):
    path = tmp_path / "resume.json"
    assert runs.read_marker(path) is None
    runs.write_marker(path, INFO, (TASK,))
    document = json.loads(path.read_text())
    assert document["schema_version"] == 1
    assert document["run"] == INFO.run == runs.read_marker(path)
    entry = {"name": "tool", "action": "clone", "from_commit": None, "to_commit": OID, "phase": "pending"}
    assert document["sources"] == [entry]
    runs.write_marker(path, INFO, (TASK,), {TASK.name})
    assert json.loads(path.read_text())["sources"] == [entry | {"phase": "installing"}]
    path.write_text(json.dumps(document | {"schema_version": 2}))
    with pytest.raises(NewerSchema):
        runs.read_marker(path)


@pytest.mark.parametrize("left", [None, b"", b'{"t": "begin"'], ids=["gone", "empty", "cut"])
def test_a_marker_whose_journal_is_lost_is_an_error_unless_the_run_has_just_ended(tmp_path, monkeypatch, left):
    layout = Layout(tmp_path)
    runs.begin_journal(layout.journal(INFO.run), INFO, (TASK,))
    runs.write_marker(layout.marker, INFO, (TASK,))
    assert runs.read_unfinished(layout).run == INFO.run
    layout.journal(INFO.run).unlink()
    if left is not None:
        layout.journal(INFO.run).write_bytes(left)
    with pytest.raises(InvalidFile) as caught:
        runs.read_unfinished(layout)
    assert (caught.value.path, caught.value.mend) == ("state/resume.json", "git hybrid resume --abort")
    told = iter([INFO.run, None])
    monkeypatch.setattr(runs, "read_marker", lambda _path: next(told))
    assert runs.read_unfinished(layout) is None


def test_a_journal_without_a_marker_tells_whether_its_run_was_done(tmp_path):
    for last, told in (((), "had recorded nothing"), ((decisions.decision_line(Decision()),), "had written all that")):
        layout = Layout(tmp_path)
        runs.begin_journal(layout.journal(INFO.run), INFO, (TASK,))
        runs.append_lines(layout.journal(INFO.run), list(last))
        (note,) = remove_stray_journals(layout, keep=None)
        assert told in note
        assert not layout.journals.exists()


def test_what_no_run_made_stays_beside_the_journals(tmp_path):
    layout = Layout(tmp_path)
    runs.begin_journal(layout.journal(INFO.run), INFO, (TASK,))
    left = [layout.journals / name for name in (f"{INFO.run}.jsonl.tmp", f"{INFO.run}/tool.sarif")]
    mine = [layout.journals / name for name in ("2026-11.jsonl", "2026/x.md", "notes.md")]
    for path in (*left, *mine):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert not_of_runs(layout) == ["2026", "2026-11.jsonl", "notes.md"]
    (note,) = remove_stray_journals(layout, keep=None)
    assert INFO.run in note
    assert {path for path in layout.journals.rglob("*") if path.is_file()} == {*mine}
    assert not left[1].parent.exists()
    assert remove_stray_journals(layout, keep=None) == []


@pytest.mark.parametrize("name", ["resume.json", "journal/my.txt", "journal", "sources.lock.tmp", "sources.json"])
def test_no_workspace_is_made_of_files_by_names_of_ours(tmp_path, name):
    path = tmp_path / "state" / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with pytest.raises(FolderTaken) as caught:
        create(tmp_path)
    assert caught.value.files == (f"state/{name.removesuffix('/my.txt')}",)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [path]
    # With a log beside them they are of a workspace that lost its manifest.
    (tmp_path / "state/sources-audit.jsonl").write_text("{}")
    create(tmp_path)
    assert path.read_text() == "mine"


def test_what_is_nobodys_is_in_nobodys_way(tmp_path):
    (tmp_path / "state/journal").mkdir(parents=True)
    (tmp_path / "state/notes.tmp").touch()
    create(tmp_path)


def test_no_journal_is_read_through_a_link(tmp_path):
    layout = Layout(tmp_path)
    layout.journals.mkdir(parents=True)
    layout.journal(INFO.run).symlink_to("/dev/zero")
    with pytest.raises(SymlinkRefused):
        remove_stray_journals(layout, keep=None)
