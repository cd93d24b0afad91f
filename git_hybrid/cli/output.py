"""One command's conversation with its user: data on stdout, talk on stderr."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from git_hybrid.cli.common import HERE, Common, common_of, is_colored_pager, shows_progress, wants_color
from git_hybrid.cli.policies import names_keys
from git_hybrid.cli.settings import require_advice, require_color
from git_hybrid.cli.signals import Cancel, handled
from git_hybrid.cli.streams import reporting
from git_hybrid.cli.telling import Told, exit_of, explain, tell
from git_hybrid.cli.wiring import Choices, Session, session
from git_hybrid.core.errors import HybridError
from git_hybrid.core.ports import Progress
from git_hybrid.core.report import Report
from git_hybrid.core.value import replace
from git_hybrid.core.values import is_false
from git_hybrid.core.words import kept_line, lasting, some
from git_hybrid.view.lines import Lines, quiet
from git_hybrid.view.term import paint, safe
from git_hybrid.view.text import Look, report_lines, summary_line

if TYPE_CHECKING:
    import click

    from git_hybrid.app.runtime import Runtime

_DELAY = 0.3
_UNQUOTED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@%+=:,./-_")  # as of shlex


class Output:
    """Prints what one command has to say."""

    def __init__(self, common: Common, clear: Callable[[], None] = lambda: None) -> None:
        self.common = common
        # Takes the line of progress away before anything is said.
        self._clear = clear
        self._started = time.monotonic()
        self.color = wants_color(common, tty=sys.stdout.isatty() or is_colored_pager(common.config))
        self._talk_color = wants_color(common, tty=sys.stderr.isatty())

    @property
    def look(self) -> Look:
        """How rows are drawn."""
        return Look(color=self.color, columns=self.common.limit, verbose=bool(self.common.verbose))

    @property
    def taken(self) -> str:
        """How long the command has taken until now."""
        return lasting(time.monotonic() - self._started)

    def data(self, *lines: str) -> None:
        """Print *lines* to stdout."""
        self._clear()
        with reporting(self.common):
            for line in lines:
                print(line)

    def done(self, *lines: str) -> None:
        """Print to stdout what a command that writes has done, unless the user wants quiet."""
        if not self.common.quiet:
            self.data(*lines)

    def content(self, text: str) -> None:
        """Print the content of a file to stdout: the same bytes that the file would have, whatever a terminal takes."""
        self._clear()
        with reporting(self.common):
            sys.stdout.flush()
            sys.stdout.buffer.write(text.encode("utf-8"))
            sys.stdout.buffer.flush()

    def document(self, document: Mapping[str, Any]) -> None:
        """Print one JSON document to stdout; one that does not say otherwise has the exit status 0 and no source."""
        from git_hybrid.view.jsonout import dump

        self._clear()
        with reporting(self.common):
            print(dump({"exit_code": 0, "sources": [], **document}), flush=True)

    def talk(self, line: str) -> None:
        """Print *line* to stderr unless the user wants quiet."""
        if not self.common.quiet and line:
            self._clear()
            print(safe(line), file=sys.stderr)

    def failure(self, line: str) -> None:
        """Print one error line to stderr."""
        self._clear()
        print(f"{paint('error:', 'bad', color=self._talk_color)} {safe(line)}", file=sys.stderr)

    def error(self, error: HybridError) -> None:
        """Print *error* as error, cause and hint lines."""
        self._told(tell(error, self.common.has_keys, self.common.placed), error.code)

    def _told(self, told: Told, code: str) -> None:
        self._clear()
        print_told(told, color=self._talk_color, hints=self._gives_hints(code))

    def explain(self, error: HybridError) -> Mapping[str, Any]:
        """Return *error* as plain values, for a document."""
        return explain(error, self.common.has_keys, self.common.placed)

    def _gives_hints(self, code: str) -> bool:
        return advice(self.common.config, code) and not self.common.quiet

    def hint(self, name: str, text: str) -> None:
        """Print one hint that the user may switch off by ``advice.hybrid<Name>``."""
        if text and self._gives_hints(name):
            self._clear()
            print(f"{paint('hint:', 'warn', color=self._talk_color)} {safe(self.common.placed(text))}", file=sys.stderr)

    def no_sources(self) -> None:
        """Say that the manifest has no source yet, and how to add one; JSON says it by an empty list."""
        if not self.common.json:
            self.talk("no sources yet")
            self.hint("empty", "git hybrid add https://host/path/repository")

    def report(
        self,
        report: Report,
        more: Mapping[str, Any] | None = None,
        said: str = "",
        *,
        wrote: bool = False,
        differs: bool = False,
        again: str = "",
    ) -> int:
        """Print *report* and return the exit status that it stands for.

        *more* goes into the JSON document alone, *said* stands before the last line for people. *wrote* says of a
        report without a run that something was written all the same; *differs* makes 1 of a status of 0. *again* is
        the command that has what is still to do at hand, where ``resume`` would ask upstream for it.
        """
        report, code = self._placed(report), exit_of(report) or int(differs)
        self.common.is_dry = report.dry_run
        if self.common.json:
            from git_hybrid.view.jsonout import report_document

            self.document({**report_document(report, self.explain, exit_code=code), **(more or {})})
            if self.common.lost:
                self._errors(report)
            return code
        names_all = not (self.common.quiet and (report.run or wrote))
        if names_all:
            self.data(*report_lines(report, self.look, self.common.placed))
        for note in report.notes:
            self.talk(f"note: {note}")
        self._errors(report, in_short=names_all and not self.common.verbose)
        if report.pending:
            self.talk(f"note: still to do: {some(report.pending)}")
            self.hint("resume", again or "git hybrid resume")
            if not again and not report.interrupted:
                self.hint("resume", "or give it up: git hybrid resume --abort")
        self.talk(said)
        self.talk(summary_line(report, seconds=time.monotonic() - self._started))
        return code

    def _placed(self, report: Report) -> Report:
        placed = self.common.placed_note
        rows = (replace(row, notes=tuple(map(placed, row.notes))) if row.notes else row for row in report.rows)
        return replace(report, rows=tuple(rows), notes=tuple(map(placed, report.notes)))

    def name(self, runtime: Runtime) -> None:
        """Tell whoever wants more by which id the audit log and state know the command, if it has recorded anything."""
        if self.common.verbose and not self.common.json and runtime.ledger.has_recorded:
            self.talk(f"command id {runtime.info.run}")

    def _errors(self, report: Report, *, in_short: bool = False) -> None:
        rows = [row.error for row in report.rows if row.error is not None and row.error.code != "interrupted"]
        told, crowds = set[Told](), list[tuple[str, str, str]]()
        if in_short and rows:
            from git_hybrid.cli.alike import without_crowds

            rows, crowds = without_crowds(rows)
        for error in rows if report.error is None else (*rows, report.error):
            # Where the machine refuses the same file to many sources, it is one error in the same words.
            if (words := tell(error, self.common.has_keys, self.common.placed)) not in told:
                told.add(words)
                self._told(words, error.code)
        for line, code, hint in crowds:
            self.failure(line)
            self.hint(code, hint)


def advice(config: Mapping[str, str], code: str) -> bool:
    """Tell whether hints for *code* are wanted: ``GIT_ADVICE``, ``advice.hybrid``, ``advice.hybrid<Code>``."""
    if is_false(os.environ.get("GIT_ADVICE", "1")):
        return False
    keys = ("advice.hybrid", f"advice.hybrid{code.replace('-', '')}")
    return not any(is_false(config.get(key, "true")) for key in keys)


def print_told(told: Told, *, color: bool, hints: bool) -> None:
    """Print an error to stderr: one ``error:`` line, then what caused it, then what to type next."""
    print(f"{paint('error:', 'bad', color=color)} {safe(told.title)}", file=sys.stderr)
    for line in told.cause:
        print(f"{paint('cause:', 'dim', color=color)} {safe(line)}", file=sys.stderr)
    for line in told.hints if hints else ():
        print(f"{paint('hint:', 'warn', color=color)} {safe(line)}", file=sys.stderr)


@contextmanager
def opened_with(context: click.Context, executor: str, *, jobs: int | None = None) -> Iterator[tuple[Session, Output]]:
    """Wire a run as :func:`opened` does, whose work on sources is done where *executor* says."""
    if executor == HERE:
        with opened(context, jobs=jobs) as found:
            yield found
        return
    from git_hybrid.cli.cluster import spread

    with opened(context, jobs=jobs) as (wired, output), spread(executor, wired) as pool:
        yield replace(wired, runtime=replace(wired.runtime, spread=pool)), output


def opened(
    context: click.Context, *, jobs: int | None = None, offline: bool = False, reads: bool = False
) -> AbstractContextManager[tuple[Session, Output]]:
    """Wire a run for the command of *context*, as :func:`opened_for` does."""
    return opened_for(common_of(context), jobs=jobs, offline=offline, reads=reads)


@contextmanager
def opened_for(
    common: Common, *, jobs: int | None = None, offline: bool = False, reads: bool = False, cancel: Cancel | None = None
) -> Iterator[tuple[Session, Output]]:
    """Wire a run for the command that *common* belongs to and yield it with its output; signals are taken meanwhile.

    They go to *cancel* if there is one: who runs several, one after the other, must see a signal that comes between.
    A command that only *reads* is ended by one that nobody asks for.
    """
    cancel = Cancel(reads=reads) if cancel is None else cancel
    lines = Lines(verbose=bool(common.verbose) and not common.quiet)
    progress: Progress = lines if not common.quiet else quiet
    # What was asked for is shown at once; on a terminal a command that is over in a moment shows none.
    delay = 0.0 if common.progress else _DELAY
    line = None
    if shows_progress(common):
        from git_hybrid.view.progress import OneLine

        line = OneLine(lines=lines, columns=common.columns, delay=delay, ticks=True)
    watch = None if line is None else line.moved
    choices = Choices(
        folder=common.folder,
        command=_shown(common.argv),
        jobs=jobs,
        offline=offline,
        ahead=common.ahead,
        judges=common.judges,
        ask=common.settings_for,
    )
    with handled(cancel), ExitStack() as stack:
        try:
            wired = stack.enter_context(session(choices, progress=line or progress, cancel=cancel, watch=watch))
        except HybridError:
            from git_hybrid.store.layout import find_root

            # What is told of a workspace that cannot be opened is typed where it is read all the same.
            common.root = choices.folder
            with suppress(HybridError):
                common.root = find_root(choices.folder).root
            raise
        common.root = wired.layout.root
        if common.color is None and not os.environ.get("NO_COLOR"):
            require_color(wired.config)
        require_advice(wired.config)
        common.config, common.has_keys = wired.config, cache(partial(names_keys, wired.layout))
        common.wired = wired
        try:
            output = Output(common) if line is None else Output(common, line.clear)
            yield wired, output
            output.name(wired.runtime)
        finally:
            if line is not None:
                line.close()


def _shown(argv: Sequence[str]) -> str:
    """Return the command line as it is kept in the audit log: as it would be typed, what a shell would split quoted."""
    words = ["git", "hybrid", *argv]
    if all(word and _UNQUOTED.issuperset(word) for word in words):
        return kept_line(" ".join(words))
    from shlex import join

    return kept_line(safe(join(words)))
