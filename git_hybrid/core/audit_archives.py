"""The files of a log that was rotated: which goes on from which, and what does not fit. Pure.

The first record after a rotation names the file before it by its SHA-256. Git may put records of a branch before it,
and two branches that both rotated give their archives one name: so an archive is found by its content first.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from itertools import count
from typing import Literal

from git_hybrid.core.audit import ROTATED, Line, Segment, detail_of, seq_of
from git_hybrid.core.canonical import Json
from git_hybrid.core.files import LOG
from git_hybrid.core.value import Struct, replace
from git_hybrid.core.words import counted, typed

FROM_GIT = "restore the records from git: "
_ITS_LOG = f"{FROM_GIT}git log -p -- "


def restore(file: str) -> str:
    """Return what mends most of what is wrong with *file*: git has what was committed."""
    return f"{_ITS_LOG}{typed(file)}"


def put_back(archive: str, commit: str) -> str:
    """Return what mends that *archive* is another than it was closed as; *commit* has it, if one does."""
    return f"{FROM_GIT}git checkout {commit} -- {typed(archive)}" if commit else NO_GIT


def _taken_away(archive: str) -> str:
    """Return what mends that *archive* is there, where no commit has it; it may be staged.

    It is kept: a stash may have taken the rotation that made it, and its records may be nowhere else.
    """
    return f'git rm -q --cached --ignore-unmatch -- {archive}; mv -- {archive} "$(git rev-parse --absolute-git-dir)"'


RESTORE = _ITS_LOG + LOG
UNDO = "git checkout --no-overlay HEAD -- sources.toml state && git clean -f -- 'state/sources*'"
"""What leaves nothing but what HEAD has: a file that a command has made since is none of git's, or is staged."""
AGAIN = f"do again what was recorded since the last commit, after: {UNDO}"
"""What mends it where records that git does not have would be lost, or are: what HEAD has agrees with itself."""
GROWING = "'state/sources-*'"
"""The log, its archives, overrides and mirrors: what takes records out of the log, as a revert, takes from all."""
NO_GIT = "take the records from a copy of the workspace, then: git hybrid audit verify"
"""The same where no repository has the log."""


def _in_no_commit(line: str, committed: Container[str] | None) -> str:
    """Return what mends that an archive is not there, and in no commit; *line* has the record of the rotation.

    One that was not committed either is taken back with all else that is new: HEAD has the log from before it.
    """
    return NO_GIT if committed is None or line in committed else f"take the archive from a copy, or {AGAIN}"


def free_archive(year: str, taken: Container[str]) -> str:
    """Return the first path of an archive of *year* that is not *taken*."""
    names = (f"state/sources-audit.{year}{'' if number == 1 else f'-{number}'}.jsonl" for number in count(1))
    return next(name for name in names if name not in taken)


def restore_from(revision: str, files: str = LOG) -> str:
    """Return what mends what is wrong where the commit *revision* has the records that are missing."""
    return f"{FROM_GIT}git checkout {revision} -- {files}"


def joined_with(revisions: Sequence[str], archives: Sequence[str] = ()) -> str:
    """Return the same where the log has records that none of *revisions* has, and that stay.

    The last one has *archives* that are not there. Each is a commit, or one and a colon and the folder of the log then.
    """
    # Nothing may stand before what is committed, so what was recorded since the last commit comes after all of it.
    shown = "; ".join(f"git show {_in_commit(revision, LOG)}" for revision in revisions)
    first, last = "", revisions[-1]
    if archives and ":" in last:
        first = "".join(f"git show {_in_commit(last, archive)} > {typed(archive)} && " for archive in archives)
    elif archives:
        first = f"git checkout {last} -- {typed(*archives)} && "
    joined = f"{{ {shown}; cat {LOG}; }} | awk '!seen[$0]++' > {LOG}.new && mv {LOG}.new {LOG}"
    return f"{FROM_GIT}{first}{joined}"


def _in_commit(revision: str, file: str) -> str:
    return typed(f"{revision}{file}") if ":" in revision else f"{revision}:./{file}"


class Breach(Struct, frozen=True, kw_only=True):
    """One thing that a log does not satisfy: where, what, and what that proves. ``id`` is stable.

    A ``warn`` is told by the check alone, and fails nothing; nor does a ``note``, which ``audit verify`` tells too.
    """

    id: str
    file: str
    line: int
    what: str
    proves: str
    seq: int | None = None
    mend: str = RESTORE
    level: Literal["fail", "warn", "note"] = "fail"


def breach_at(identity: str, file: str, line: Line, what: str, proves: str) -> Breach:
    """Return the breach at *line* of *file*."""
    seq = None if line.record is None else seq_of(line.record)
    return Breach(id=identity, file=file, line=line.number, what=what, proves=proves, seq=seq, mend=restore(file))


def unheld(forks: Sequence[Breach]) -> Breach:
    """Return *forks* of a log of which no commit here has anything as one: a merge may have made them, or a hand."""
    count = counted(len(forks), "fork")
    what = f"is of {count}, not held against git: no commit here has the log"
    proves = "a merge of branches makes one, and so does a record that was put in: git tells the two apart"
    mend = "where it was merged: git hybrid audit verify"
    return replace(forks[0], id="fork", what=what, proves=proves, mend=mend, level="note")


def picked(breach: Breach) -> Breach:
    """Return *breach* with what mends it where git took a commit without the records before it, which it has."""
    if breach.id != "missing" or breach.file != LOG:
        return breach
    return replace(breach, mend=f"if git brought it from another branch: git hybrid merge; else {breach.mend}")


class Files:
    """The files of a log, each after those that it goes on from."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        """Begin with *segments*; what a record of one tells of another is looked for once."""
        self._given = tuple(segments)
        self._told = {segment.file: list(_told(segment)) for segment in segments}
        self._closed = {detail.get("sha256") for told in self._told.values() for _, detail in told}
        self.ordered = tuple(self._ordered())
        named = {item.file for told in self._told.values() for _, detail in told if (item := self._find(detail))}
        self.ours = tuple(item for item in self.ordered if item.file == LOG or item.file in named)
        """Those that belong to the log: itself, and the archives that a record goes on from."""

    def missing(self) -> tuple[str, ...]:
        """Return the names of the archived files that the log goes on from and that are not there."""
        details = [detail for told in self._told.values() for _, detail in told]
        return tuple(f"state/{detail['archive']}" for detail in details if self._find(detail) is None)

    def changed(self) -> Mapping[str, str]:
        """Return the archives that are others than they were closed as, each with the SHA-256 that it had then."""
        found = ((self._find(detail), str(detail.get("sha256"))) for told in self._told.values() for _, detail in told)
        return {item.file: sha256 for item, sha256 in found if item is not None and item.sha256 != sha256}

    def breaches(self, committed: Container[str] | None, archived: Callable[[str, str], str]) -> Iterator[Breach]:
        """Yield what does not fit where one file goes on from another; *committed* has the lines that git has.

        *archived* returns a commit that has an archive with a SHA-256, or nothing.
        """
        for file, told in self._told.items():
            for line, detail in told:
                name, sha256, archive = f"state/{detail['archive']}", str(detail.get("sha256")), self._find(detail)
                if archive is None:
                    what, proves = f"goes on from {name}, which is not there", "it was deleted, or never committed"
                    commit = archived(name, sha256)
                    mend = self._bring_back(name, commit) if commit else _in_no_commit(line.sha256, committed)
                    yield replace(breach_at("archive-missing", file, line, what, proves), mend=mend)
                elif archive.sha256 != sha256:
                    what = f"says that {name} has the SHA-256 {sha256[:12]}…, and it has {archive.sha256[:12]}…"
                    proves, mend = "the archive was changed after it was closed", put_back(name, archived(name, sha256))
                    yield replace(breach_at("archive-changed", file, line, what, proves), mend=mend)
        known = {line.sha256 for item in self.ours for line in item.lines}
        for item in self.ordered:
            more = next((line for line in item.lines if line.sha256 not in known), None)
            if more is not None:
                # It harms nobody as long as all that it holds is in the others.
                what, proves = "is in an archive that no record goes on from", "it was put there, or a rotation undone"
                breach = breach_at("archive-foreign", item.file, more, what, proves)
                is_new = committed is not None and more.sha256 not in committed
                yield replace(breach, mend=_taken_away(item.file)) if is_new else breach

    def vouched(self, committed: frozenset[str]) -> frozenset[str]:
        """Return *committed* with the lines of every archive whose content a committed record names by its SHA-256."""
        known = set(committed)
        for segment in reversed(self.ordered):
            for line, detail in self._told[segment.file]:
                archive = self._find(detail) if line.sha256 in known else None
                if archive is not None and archive.sha256 == detail.get("sha256"):
                    known.update(item.sha256 for item in archive.lines)
        return frozenset(known)

    def _ordered(self) -> Iterator[Segment]:
        begun: set[str] = set()

        def placed(segment: Segment) -> Iterator[Segment]:
            if segment.file not in begun:
                begun.add(segment.file)
                for _, detail in self._told[segment.file]:
                    if (archive := self._find(detail)) is not None:
                        yield from placed(archive)
                yield segment

        for segment in self._given:
            yield from placed(segment)

    def _find(self, detail: Mapping[str, Json]) -> Segment | None:
        """Return the archive that a record tells of: the one with its SHA-256, else the one with its name."""
        alike = [item for item in self._given if item.sha256 == detail.get("sha256")]
        named = [item for item in self._given if item.file == f"state/{detail['archive']}"]
        # Of two branches that both rotated one may have lost its archive to the other's, which is right.
        return next(iter([*alike, *(item for item in named if item.sha256 not in self._closed)]), None)

    def _bring_back(self, archive: str, commit: str) -> str:
        """Return what mends that *archive* is not there; *commit* has it, which may be of the branch that closed it."""
        names = {item.file for item in self._given}
        if archive not in names:
            return put_back(archive, commit)
        year = archive.removeprefix("state/sources-audit.")[:4]
        return f"{FROM_GIT}git show {typed(f'{commit}:./{archive}')} > {typed(free_archive(year, names))}"


def absent_from(segments: Sequence[Segment]) -> str:
    """Return which archive of the log in *segments* is not there as it was closed, as a clause; nothing if all are."""
    files = Files(segments)
    lost = [f"{name}, which is not there" for name in files.missing()]
    return next(iter([*lost, *(f"{name}, which was changed after it was closed" for name in files.changed())]), "")


def _told(segment: Segment) -> Iterator[tuple[Line, Mapping[str, Json]]]:
    """Yield the records of *segment* that go on from an archive, each with what it tells of that.

    One that was edited does too: the archive before it is not to be blamed for that.
    """
    for line in segment.lines:
        if line.record is not None and line.record["event"] == ROTATED:
            detail = detail_of(line.record)
            if "archive" in detail:
                yield line, detail


def of_log(identity: str, what: str, proves: str, *, mend: str = RESTORE) -> Breach:
    """Return what the log as a whole lacks, or has otherwise than the files."""
    return Breach(id=identity, file=LOG, line=0, what=what, proves=proves, mend=mend)


def gone(where: str, audit_hash: str) -> Breach:
    """Return that the record which *where* names is not in the log."""
    what = f"{where} names record {audit_hash[:12]}, which is not in the log"
    return of_log("cut", what, "the end of the log was cut off, or an older copy or another log was put in its place")
