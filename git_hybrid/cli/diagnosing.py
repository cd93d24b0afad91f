"""Gather what ``diag`` is about. What cannot be read becomes a finding: the worse things are, the more it must say."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from git_hybrid.app.clone_proof import prove_clones
from git_hybrid.app.status import status
from git_hybrid.cli.checking import gather, run_checks, with_seen_clones, with_settings
from git_hybrid.cli.head import root_of
from git_hybrid.cli.hookfiles import hook_findings
from git_hybrid.cli.machine import lfs_finding, machine_findings, settings_findings, versions
from git_hybrid.cli.settings import Settings
from git_hybrid.cli.signals import Cancel
from git_hybrid.cli.telling import tell
from git_hybrid.cli.wiring import Choices, session
from git_hybrid.core.check_table import CHECKS
from git_hybrid.core.checks import Violation
from git_hybrid.core.diagnosis import (
    Area,
    Cadence,
    Finding,
    cadence_finding,
    cadence_of,
    check_findings,
    clone_findings,
    holder_finding,
    locks_finding,
    mirror_findings,
    misplaced,
    sorted_findings,
)
from git_hybrid.core.diagnosis_git import repository_findings
from git_hybrid.core.errors import HybridError, Interrupted, LocalIo, NotCheckedOut, UnfinishedRun
from git_hybrid.core.manifest import Manifest
from git_hybrid.core.plan import Unfinished
from git_hybrid.core.report import run_words
from git_hybrid.core.value import Struct, field, replace
from git_hybrid.core.words import path_of, some, typed
from git_hybrid.git.alive import is_alive
from git_hybrid.git.rights import closed
from git_hybrid.git.run import Runner
from git_hybrid.git.surroundings import setup_around
from git_hybrid.store import lockfile, manifest, mirrorfile, overridefile, statefile
from git_hybrid.store.filelock import holder, probe_locks, stopped
from git_hybrid.store.layout import Layout, refuse_links
from git_hybrid.store.leftovers import in_the_way, leftovers, not_of_runs, why_in_the_way
from git_hybrid.store.obstacles import find_obstacle
from git_hybrid.store.parsing import read_bytes
from git_hybrid.store.runs import JOURNALS_SHOWN, read_unfinished
from git_hybrid.store.steady import steady
from git_hybrid.view.jsonout import status_document
from git_hybrid.view.lines import quiet

_RIGHTS = "rights"
_OPENS = 'find {clone} -user "$(id -u)" -perm -u=w ! -type l -exec chmod g+rwX {{}} +'
"""What opens to the group all that whoever types it has made in a clone; git's objects are read-only, and stay so."""
_AGAIN = "git hybrid diag"


class Diagnosis(Struct):
    """All findings, worst first, and what a support archive is made from.

    ``root`` None: there is no workspace. ``unproved`` is what of clones in order does not agree with the lock,
    ``is_placed`` says that status shows none elsewhere than at its pin.
    """

    findings: tuple[Finding, ...] = ()
    cadence: Cadence | None = None
    root: Path | None = None
    unproved: tuple[Violation, ...] = ()
    is_placed: bool = True
    settings: Settings | None = None
    status: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


def diagnose(folder: Path, cancel: Cancel) -> Diagnosis:
    """Return how the workspace that *folder* is in stands, and the machine around it. Nothing is changed.

    Raises:
        Interrupted: a signal came.
    """
    runner = Runner(environ=dict(os.environ), cancelled=cancel)
    diagnosis = Diagnosis(versions=versions(runner, folder))
    found: list[Finding] = []
    place = folder
    with _told(found, "files", "workspace"):
        layout = root_of(folder, runner)
        refuse_links(layout)
        diagnosis.root = place = layout.root
        found += _workspace(diagnosis, layout, runner, cancel)
    found += machine_findings(runner, place)
    diagnosis.findings = sorted_findings(found)
    return diagnosis


@contextmanager
def _told(found: list[Finding], area: Area, name: str) -> Iterator[None]:
    """Make an error in the block a finding."""
    try:
        yield
    except Interrupted:
        raise
    except OSError as error:
        path, reason = path_of(error) or name, error.strerror or str(error)
        found.append(_failed(area, name, LocalIo(path=path, operation="read", reason=reason)))
    except HybridError as error:
        found.append(_failed(area, name, error))


def _failed(area: Area, name: str, error: HybridError) -> Finding:
    told = tell(error)
    # What hints at this very command helps nobody who is in it.
    hints = [hint for hint in told.hints if hint != _AGAIN]
    remedy = hints[0] if hints else f"mend what is said here, then: {_AGAIN}"
    return Finding(area=area, name=name, level="fail", what="; ".join((told.title, *told.cause)), remedy=remedy)


def _workspace(diagnosis: Diagnosis, layout: Layout, runner: Runner, cancel: Cancel) -> list[Finding]:
    found, manifested = _files(layout)
    with _told(found, "lock", "writer"):
        found.append(_holder(layout))
    with _told(found, "clones", "quarantine"):
        found += _stuck(layout)
    writable = not any(item.name == _RIGHTS for item in found)
    if writable and manifested is not None:
        found += _closed_clones(layout, manifested)
    if manifested is not None and any(source.lfs == "fetch" for source in manifested.sources.values()):
        found.append(lfs_finding(runner, layout.root))
    if writable:
        found.append(locks_finding(probe_locks(_existing(layout))))
    with _told(found, "git", "repository"):
        found += repository_findings(setup_around(runner, layout.root))
    with _told(found, "git", "hook"):
        found += hook_findings(runner, layout.root)
    with _told(found, "environment", "settings"):
        found += settings_findings(runner, layout.root)
    if manifested is None or any(
        item.level == "fail" and item.area == "files" and item.name != _RIGHTS for item in found
    ):
        what = "checks and clones were not looked at, since a file cannot be read"
        found.append(Finding(area="clones", name="status", level="warn", what=what, remedy="mend the file first"))
        return found
    with _told(found, "clones", "status"):
        try:
            found += _status(diagnosis, layout, manifested, cancel)
        except NotCheckedOut as error:
            # What was left out is not lost, and a check would say that it is.
            return [*found, _failed("clones", "status", error)]
    with _told(found, "files", "checks"):
        try:
            found += _checks(diagnosis, layout, manifested, runner)
        except UnfinishedRun:
            # The run itself is told by what status says.
            what = "nothing was checked, since a run has files left to write"
            found.append(Finding(area="files", name="checks", level="warn", what=what, remedy="git hybrid resume"))
    return found


def _checks(diagnosis: Diagnosis, layout: Layout, manifested: Manifest, runner: Runner) -> list[Finding]:
    # Without scanners the finding about their cadence says all that there is to say.
    names = [name for name in CHECKS if name != "scans" or manifested.scanners]
    now = datetime.now(UTC)
    patience = timedelta() if diagnosis.settings is None else diagnosis.settings.lock_timeout
    facts = steady(layout, lambda: gather(runner, layout, names, now=now), patience=patience)
    if diagnosis.settings is not None:
        facts = with_settings(facts, diagnosis.settings)
    # What git ignores is a finding of its repository.
    facts = replace(facts, ignored=frozenset())
    results = with_seen_clones(run_checks(facts, names), diagnosis.unproved)
    if not (diagnosis.is_placed or results["sources"]):
        # What status says of a clone is not said again, still less denied.
        del results["sources"]
    return [*mirror_findings(facts.inventory, manifested.policy, now), *check_findings(results)]


def _existing(layout: Layout) -> Path:
    return layout.sources_folder if layout.sources_folder.is_dir() else layout.root


def _holder(layout: Layout) -> Finding:
    named, alive = holder(layout.writer_lock)
    run = read_unfinished(layout)
    is_unwritten = run is not None and run.is_unwritten
    return holder_finding(named, alive=alive, is_unwritten=is_unwritten, stopped=stopped(layout.writer_lock))


def _stuck(layout: Layout) -> Iterator[Finding]:
    """Yield what is left of runs that have ended, and that nobody may remove who may not write in it."""
    homes = sorted(layout.incoming.iterdir()) if layout.incoming.is_dir() else []
    for home in homes:
        obstacle = None if is_alive(home) else find_obstacle(home)
        if obstacle is not None:
            what = f"{layout.relative(obstacle)} was left by a run, and you may not remove it"
            remedy = f"sudo rm -r {layout.relative(home)}"
            yield Finding(area="clones", name="quarantine", level="fail", what=what, remedy=remedy)


def _run(run: Unfinished) -> Finding:
    """Return how the run stands that did not end."""
    if run.held_by:
        return Finding(area="files", name="run", level="warn", what=run_words(run), remedy="wait for it to end")
    return Finding(area="files", name="run", level="fail", what=run_words(run), remedy="git hybrid resume")


def _files(layout: Layout) -> tuple[list[Finding], Manifest | None]:
    """Return a finding for each file that can be read or not, and the manifest if it can."""
    found: list[Finding] = []
    manifested: Manifest | None = None
    decoders: Mapping[Path, Callable[[bytes], object]] = {
        layout.manifest: manifest.decode_manifest,
        layout.lock: lockfile.decode_lock,
        layout.state: statefile.decode_state,
        layout.overrides: overridefile.decode_overrides,
        layout.mirrors: mirrorfile.decode_mirrors,
    }
    for path, decode in decoders.items():
        shown = layout.relative(path)
        with _told(found, "files", shown):
            data = read_bytes(path, shown)
            decoded = None if data is None else decode(data)
            manifested = decoded if isinstance(decoded, Manifest) else manifested
            what = f"{shown} can be read" if data is not None else f"{shown} is not there yet"
            found.append(Finding(area="files", name=shown, level="ok", what=what))
    with _told(found, "files", "leftover"):
        for path in in_the_way(layout):
            with _told(found, "files", layout.relative(path)):
                raise why_in_the_way(layout, path)
        for path in leftovers(layout.state_folder):
            what = f"{layout.relative(path)} was left by a writer that was stopped; the next one puts it in order"
            found.append(Finding(area="files", name="leftover", level="warn", what=what, remedy="git hybrid sync"))
        if others := not_of_runs(layout):
            what = f"{JOURNALS_SHOWN} is for runs, and git shows nothing there; no run made {some(others)}"
            remedy = f"move it out: mv {typed(JOURNALS_SHOWN + others[0])} NEW"
            found.append(Finding(area="files", name="journal", level="warn", what=what, remedy=remedy))
    found += _rights(layout)
    return found, manifested


def _rights(layout: Layout) -> Iterator[Finding]:
    """Yield what a writer may not write to: folders in which files are replaced, and files that it goes on with."""
    state = layout.state_folder if layout.state_folder.is_dir() else layout.root
    places = (state, layout.sources_folder, layout.journals, layout.audit, layout.writer_lock)
    closed = [path for path in places if path.exists() and not os.access(path, os.W_OK)]
    if not closed:
        return
    what = f"{', '.join(layout.relative(path) for path in closed)} cannot be written by you"
    remedy, found = "give yourself the right to write there", [path.stat() for path in closed]
    names = " ".join(layout.relative(path) for path in closed)
    if os.statvfs(state).f_flag & os.ST_RDONLY:
        what, remedy = "state/ is on a file system that is read-only", "mount it for writing, or work in a copy"
    elif all(item.st_uid == os.geteuid() for item in found):
        remedy = f"chmod u+w {names}"
    elif all(map(_is_ours, found)):
        remedy = f"whoever they belong to types: chmod g+w {names}"
    yield Finding(area="files", name=_RIGHTS, level="fail", what=what, remedy=remedy)


def _is_ours(found: os.stat_result) -> bool:
    """Tell whether what was *found* is of a group that we are in."""
    return found.st_gid in (os.getegid(), *os.getgroups())


def _closed_clones(layout: Layout, manifested: Manifest) -> Iterator[Finding]:
    """Yield a finding for each clone in which a sync could not work: most come of one that was run as root."""
    for name in manifested.sources:
        clone = layout.sources_folder / name
        if not clone.is_symlink() and (path := closed(clone / ".git")) is not None:
            what, shown = f"{layout.relative(path)} cannot be written by you", typed(layout.relative(clone))
            found, remedy = path.stat(), f'sudo chown -R "$(id -u)" {shown}'
            if found.st_uid == os.geteuid():
                remedy = f"chmod -R u+rwX {shown}"
            elif _is_ours(found):
                remedy = f"whoever it belongs to types: {_OPENS.format(clone=shown)}"
            yield Finding(area="clones", name=name, level="fail", what=what, remedy=remedy)


def _status(diagnosis: Diagnosis, layout: Layout, manifested: Manifest, cancel: Cancel) -> list[Finding]:
    choices = Choices(folder=layout.root, command="git hybrid diag")
    with session(choices, progress=quiet, cancel=cancel) as wired:
        seen, diagnosis.settings = status(wired.runtime), wired.settings
        # What status says of a clone is not said again.
        calm = [row.name for row in seen.rows if row.word == "ok"]
        diagnosis.is_placed = not misplaced(seen.rows)
        diagnosis.unproved = prove_clones(wired.runtime, wired.prover, names=calm) if calm else ()
    diagnosis.status = status_document(seen, exit_code=0)
    names = [scanner.name for scanner in manifested.scanners]
    cadence = cadence_of(seen.rows, scanners=names, max_age=manifested.policy.scan_max_age)
    diagnosis.cadence = cadence
    found = [*clone_findings(seen.rows), cadence_finding(cadence)]
    if seen.unfinished is not None:
        found.append(_run(seen.unfinished))
    return found
