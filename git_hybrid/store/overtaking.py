"""Decisions that a pull overtook: what it brought stands, and nothing is written over it."""

from __future__ import annotations

from collections.abc import Collection

from git_hybrid.core.errors import Overtaken
from git_hybrid.core.overtaken import based, overtaken
from git_hybrid.core.reducer import Decision, Files, RunInfo
from git_hybrid.store.layout import Layout
from git_hybrid.store.snapshots import read_files


def with_base(layout: Layout, decision: Decision, seen: Files, info: RunInfo) -> Decision:
    """Return *decision*, of the run *info*, with what it was made from: *seen* is what the run has read.

    Raises:
        Overtaken: the files have something else by now.
        InvalidFile, NewerSchema: one of them is not in its format.
    """
    decision = based(decision, seen)
    if names := overtaken(decision, read_files(layout)):
        raise Overtaken(names=tuple(sorted(names)), again=info.command)
    return decision


def finished(info: RunInfo, left: Collection[str], told: Collection[str]) -> list[str]:
    """Return what is said where the decision of the run *info* was written out, but for what is *left* or *told* of."""
    but = ", but for what is told before" if told else ""
    notes = [f"finished writing what run {info.run} ({info.command}) had decided{but}"]
    if left:
        names = ", ".join(sorted(left))
        notes.append(f"{names}: changed after that was decided, and left as it is; to decide anew: {info.command}")
    return notes
