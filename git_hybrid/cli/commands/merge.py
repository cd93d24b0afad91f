"""``git hybrid merge``."""

from __future__ import annotations

import click

from git_hybrid.cli.options import common_options
from git_hybrid.cli.output import opened
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.merging import Change
from git_hybrid.core.report import Report, Row
from git_hybrid.git.conflicts import conflicts_in
from git_hybrid.store.merging import Pins, merge_files

_WHERE = ("sources.toml", "state")


@click.command("merge")
@common_options
@click.pass_context
def command(context: click.Context) -> int:
    """Put together what a merge of branches left in conflict in state/, source by source. Moves no pin by itself.

    What one side alone changed counts. Where both moved a pin ours stands, and exit 1 says that it is to be decided.
    """
    with opened(context) as (session, output):
        runtime, layout = session.runtime, session.layout
        conflicts = conflicts_in(session.runner, layout.root, _WHERE)
        with runtime.ledger.writer(runtime.info):
            pins, files = merge_files(layout, conflicts)
        rows = tuple(_row(pins, change) for change in pins.changes)
        left = sorted(conflicts.keys() - set(files))
        notes = (*(f"merged {name}" for name in files), *(f"left to you: {name}" for name in left))
        run = runtime.info.run if files else None
        output.report(Report(command="merge", rows=rows, run=run, notes=notes))
        if not conflicts:
            output.talk("nothing is in conflict")
        for change in pins.changes:
            their = pins.theirs.get(SourceName(change.name))
            if change.both and their is not None:
                output.hint("merge", f"if theirs is right: git hybrid pin {change.name} --to {their.commit}")
        if files:
            output.hint("merge", "look at it: git hybrid status")
            output.hint("merge", f"then: git add -- {' '.join((*files, *left))}")
        return int(bool(left) or any(change.both for change in pins.changes))


def _row(pins: Pins, change: Change) -> Row:
    name = SourceName(change.name)
    our, their, found = (side.get(name) for side in (pins.ours, pins.theirs, pins.found))
    word = "both" if change.both else "theirs" if found == their else "ours"
    notes = (f"theirs: {_told(their)}",) if change.both else ()
    ref = None if found is None else found.ref
    before, after = (None if pin is None else pin.commit for pin in (our, found))
    return Row(name=name, outcome=word, before=before, after=after, ref=ref, notes=notes)


def _told(pin: Pin | None) -> str:
    return "taken out" if pin is None else pin.commit
