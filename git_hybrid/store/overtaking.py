"""Decisions that a pull overtook: what it brought stands, and nothing is written over it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from git_hybrid.core.audit import Record
from git_hybrid.core.errors import LogWithoutRun, Overtaken
from git_hybrid.core.overtaken import based, overtaken
from git_hybrid.core.reducer import Decision, Files, RunInfo, intent_of
from git_hybrid.core.words import again_line
from git_hybrid.store.layout import Layout
from git_hybrid.store.logreader import LogReader
from git_hybrid.store.snapshots import read_files


def with_base(layout: Layout, decision: Decision, seen: Files, info: RunInfo) -> Decision:
    """Return *decision*, of the run *info*, with what it was made from: *seen* is what the run has read.

    Raises:
        Overtaken: the files have something else by now.
        InvalidFile, NewerSchema: one of them is not in its format.
    """
    decision = based(decision, seen)
    if names := overtaken(decision, read_files(layout)):
        raise Overtaken(names=tuple(sorted(names)), again=again_line(info.command))
    return decision


def given_up(log: LogReader, decision: Decision, info: RunInfo, *, gives_up: bool) -> list[str]:
    """Return what is said if the *decision* of the run *info* is given up; nothing if it is to be written out.

    It can be if the audit log that stands here has nothing of the run, which announced it there: neither have others.

    Raises:
        LogWithoutRun: it can be, and nobody *gives up*.
    """
    if not _is_announced_first(decision, info) or log.is_announced(info):
        return []
    if not gives_up:
        raise LogWithoutRun(run=info.run, command=info.command)
    return [f"dropped what run {info.run} ({info.command}) had decided, of which the audit log here has nothing"]


def require_announced(decision: Decision, info: RunInfo, written: Sequence[Record]) -> None:
    """Raise where the audit log lacks what the run *info* announced there; *written* are the records that it has of it.

    Raises:
        LogWithoutRun: it does: somebody has taken away the log since.
    """
    if _is_announced_first(decision, info) and all(record["event"] == "init" for record in written):
        raise LogWithoutRun(run=info.run, command=info.command)


def _is_announced_first(decision: Decision, info: RunInfo) -> bool:
    return decision.is_shared and intent_of(info, decision) is not None


def finished(info: RunInfo, left: Collection[str], told: Collection[str]) -> list[str]:
    """Return what is said where the decision of the run *info* was written out, but for what is *left* or *told* of."""
    but = ", but for what is told before" if told else ""
    notes = [f"finished writing what run {info.run} ({info.command}) had decided{but}"]
    if left:
        names = ", ".join(sorted(left))
        anew = f"to decide anew: {again}" if (again := again_line(info.command)) else "to decide anew, call it again"
        notes.append(f"{names}: changed after that was decided, and left as it is; {anew}")
    return notes
