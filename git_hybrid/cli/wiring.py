"""Where adapters meet: the only module that knows both the ports and what stands behind them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

from git_hybrid.app.hosts import HostGate
from git_hybrid.app.runtime import Runtime, no_bundles
from git_hybrid.cli.head import brought_of, found, head_of, met_of, runs_in_git
from git_hybrid.cli.late import late
from git_hybrid.cli.policies import cleaned, may_be_asked, policy_of
from git_hybrid.cli.settings import Settings, read_settings
from git_hybrid.cli.signals import Cancel
from git_hybrid.core.ids import RunId, make_run_id
from git_hybrid.core.reducer import RunInfo
from git_hybrid.core.value import Struct, replace
from git_hybrid.git.ahead import Ahead
from git_hybrid.git.clones import GitClones
from git_hybrid.git.limits import DeadlineExceeded
from git_hybrid.git.quarantine import GitQuarantine
from git_hybrid.git.run import Runner
from git_hybrid.git.settings import git_version, operator, read_config
from git_hybrid.git.verifying import verifier
from git_hybrid.store import durable, inplace
from git_hybrid.store.layout import Layout
from git_hybrid.store.ledger import FileLedger

if TYPE_CHECKING:
    from git_hybrid.app.edit import Editor
    from git_hybrid.core.ports import Durations, Objects, Progress, Transport
    from git_hybrid.core.ports_bundle import Bundles
    from git_hybrid.core.ports_cache import ObjectCache
    from git_hybrid.core.ports_identity import Prover
    from git_hybrid.core.ports_scan import ScanTools
    from git_hybrid.core.ports_writer import Writer
    from git_hybrid.git.hands import Hands
    from git_hybrid.git.transport import GitTransport
    from git_hybrid.git.watched import SourceWatch
    from git_hybrid.scan.external import Job


def _bundles_in(folder: Path | str) -> Bundles:
    from git_hybrid.cli.bundle_folder import bundles_in

    return bundles_in(folder)


class Choices(Struct, frozen=True, kw_only=True):
    """What the command line says to the wiring; None and False leave the choice to environment and configuration.

    ``judges``: it tells what is wrong with the audit log, and needs none. ``ask`` asks git for its settings.
    """

    folder: Path
    command: str
    jobs: int | None = None
    offline: bool = False
    ahead: Ahead | None = None
    judges: bool = False
    ask: Callable[[Runner, Path], Mapping[str, str]] = read_config


class Session(Struct, frozen=True, kw_only=True):
    """One run, wired: the runtime, where the workspace is, and what git's configuration says."""

    runtime: Runtime
    prover: Prover
    layout: Layout
    config: Mapping[str, str]
    runner: Runner
    settings: Settings
    watch: SourceWatch | None = None

    @property
    def editor(self) -> Editor:
        """What edits the text of the manifest; few commands do, and its library is slow to import."""
        from git_hybrid.app.edit import Editor
        from git_hybrid.store.manifest_edit import add_sources, follow_instead, remove_sources

        return Editor(add=add_sources, remove=remove_sources, follow=follow_instead)


def new_run(now: datetime) -> RunId:
    """Return a new command id."""
    return make_run_id(milliseconds=int(now.timestamp() * 1000), random=os.urandom(10))


@contextmanager
def session(
    choices: Choices,
    *,
    progress: Progress,
    cancel: Cancel,
    watch: SourceWatch | None = None,
) -> Iterator[Session]:
    """Wire a run in the workspace that *choices* is in; what was staged is removed in the end.

    *watch* is told how far git is with each source; without it git is not asked.

    Raises:
        NoWorkspace: there is none.
        NotCheckedOut: git has left out files of it.
        WorkspaceTakenOut: git has its manifest or its audit log, which is there no more.
        BadArgument: an environment variable or a git setting is outside its grammar.
        ToolTooOld: git or libgit2 is too old.
    """
    variables = dict(os.environ)
    tell = partial(progress, "note")
    runner = Runner(environ=variables, cancelled=cancel, hurried=cancel.hurried, tell=tell, ahead=choices.ahead)
    layout = found(choices.folder, runner, judges=choices.judges)
    config = choices.ask(runner, layout.root)
    settings = read_settings(variables, config, jobs=choices.jobs, offline=choices.offline)
    git_version(runner, layout.root)
    now = datetime.now(UTC)
    info = RunInfo(
        run=new_run(now),
        command=choices.command,
        now=now,
        operator=operator(variables, config),
        log_id=os.urandom(16).hex(),
    )
    with ExitStack() as stack:
        scout = choices.ahead.scout if choices.ahead else None
        clones = GitClones(runner=runner, folder=layout.sources_folder, scout=scout)
        runtime = _runtime(
            layout, runner, settings, info, clones=clones, progress=progress, cancel=cancel, stack=stack, watch=watch
        )
        yield Session(
            runtime=runtime,
            prover=late(lambda: _prover(runner, layout)),
            layout=layout,
            config=config,
            runner=runner,
            settings=settings,
            watch=watch,
        )


def _runtime(
    layout: Layout,
    runner: Runner,
    settings: Settings,
    info: RunInfo,
    *,
    clones: GitClones,
    progress: Progress,
    cancel: Cancel,
    stack: ExitStack,
    watch: SourceWatch | None,
) -> Runtime:
    quarantine = GitQuarantine(disk=durable, folder=layout.sources_folder, run=info.run, shared=inplace.as_group)
    stack.callback(quarantine.close)
    ledger = FileLedger(
        layout=layout,
        now=info.now,
        lock_timeout=settings.lock_timeout,
        cancelled=cancel,
        clean_quarantine=lambda: cleaned(quarantine, ledger, clones),
        close_quarantine=quarantine.close,
        verify=verifier(runner),
        tracked=partial(runs_in_git, layout, runner),
        brought=partial(brought_of, layout, runner),
    )
    hands = late(lambda: _hands(runner, stack))
    return Runtime(
        transport=late(lambda: _transport(runner, ledger, watch)),
        bulk=late(lambda: _bulk(runner, ledger, stack, watch)),
        objects=late(lambda: _objects(runner)),
        quarantine=quarantine,
        clones=clones,
        writer=late(lambda: _writer(runner, quarantine, clones, hands)),
        ledger=ledger,
        scans=late(lambda: _scan_tools(layout, runner)),
        progress=progress,
        info=info,
        mirrors=settings.mirrors,
        offline=settings.offline,
        bundles=no_bundles if settings.bundle_folder is None else _bundles_in(settings.bundle_folder),
        bundles_in=_bundles_in,
        jobs=settings.jobs,
        sleep=cancel.sleep,
        cancelled=cancel,
        cache=_cache(layout, runner, settings, info, progress=progress, cancel=cancel, hands=hands),
        cache_max_age=settings.cache_max_age,
        durations=late(lambda: _durations(layout.sources_folder)),
        head=cache(partial(head_of, layout, runner)),
        met=partial(met_of, layout, runner),
        at_host=HostGate(cancel),
    )


def _cache(
    layout: Layout, runner: Runner, settings: Settings, info: RunInfo, progress: Progress, cancel: Cancel, hands: Hands
) -> ObjectCache | None:
    if (root := settings.cache_folder) is None:
        return None

    def made() -> ObjectCache:
        from git_hybrid.git.cache import GitObjectCache

        return GitObjectCache(
            runner=runner,
            disk=durable,
            root=Path(os.path.realpath(root)),
            now=info.now,
            tell=lambda name, text: progress("note", name, text),
            hands=hands,
            patience=settings.lock_timeout.total_seconds(),
            cancelled=cancel,
            most_tree_bytes=settings.cache_trees,
            is_taken=layout.owns,
        )

    return late(made)


def _transport(runner: Runner, ledger: FileLedger, watch: SourceWatch | None) -> GitTransport:
    from git_hybrid.git.nearby import Nearby
    from git_hybrid.git.transport import GitTransport

    policy = cache(partial(policy_of, ledger))  # Read once: a run asks many servers.
    asked = GitTransport(runner=runner, allowed_host=partial(may_be_asked, policy), policy=policy, watch=watch)
    return replace(asked, nearby=Nearby(runner))


def _durations(folder: Path) -> Durations:
    from git_hybrid.store.durations import FileDurations

    return FileDurations(folder / ".durations")


def _bulk(runner: Runner, ledger: FileLedger, stack: ExitStack, watch: SourceWatch | None) -> Transport:
    from git_hybrid.git.afar import Afar
    from git_hybrid.git.direct import Direct

    direct, asked = Direct(runner), _transport(runner, ledger, watch)
    stack.callback(direct.close)
    return replace(asked, direct=direct, afar=Afar(runner, direct, asked.allowed_host))


def _objects(runner: Runner) -> Objects:
    from git_hybrid.git.objects import GitObjects

    return GitObjects(runner=runner)


def _hands(runner: Runner, stack: ExitStack) -> Hands:
    from git_hybrid.git.hands import Hands

    made = Hands(runner)
    stack.callback(made.close)
    return made


def _writer(runner: Runner, quarantine: GitQuarantine, clones: GitClones, hands: Hands) -> Writer:
    from git_hybrid.git.writer import GitWriter

    return GitWriter(runner=runner, disk=durable, quarantine=quarantine, clones=clones, hands=hands)


def _prover(runner: Runner, layout: Layout) -> Prover:
    from git_hybrid.git.prover import GitProver

    return GitProver(runner=runner, folder=layout.sources_folder)


def _scan_tools(layout: Layout, runner: Runner) -> ScanTools:
    from git_hybrid.core.ports_scan import ScanTools
    from git_hybrid.git.cage import Cage
    from git_hybrid.git.environment import absolute
    from git_hybrid.git.export import GitExporter
    from git_hybrid.git.rulefiles import counting
    from git_hybrid.scan.external import ExternalScanners, TimeIsUp
    from git_hybrid.scan.kept import KeptReports
    from git_hybrid.store.history import AuditHistory
    from git_hybrid.store.reports import read_report, require_place, stage_report

    def start(job: Job, output: IO[bytes], errors: IO[bytes]) -> int:
        place = job.place
        cage = Cage(folder=place.root, deadline=job.timeout, file_bytes=job.file_bytes, memory_bytes=job.memory_bytes)
        try:
            return runner.confined(job.argv, env=job.env, cwd=place.work, cage=cage, output=output, errors=errors)
        except DeadlineExceeded as error:
            raise TimeIsUp from error

    environ = {**runner.environ, "PATH": absolute(runner.environ.get("PATH", os.defpath))}
    return ScanTools(
        exporter=GitExporter(runner=runner),
        scanners=ExternalScanners(start, environ, layout.root, partial(counting, runner)),
        reports=KeptReports(
            read=partial(read_report, layout), keep=partial(stage_report, layout), place=partial(require_place, layout)
        ),
        history=AuditHistory(layout),
    )
