"""The one door to child processes: each in a process group of its own, gone when the program is."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

from git_hybrid.core.errors import Interrupted
from git_hybrid.core.value import Struct, field
from git_hybrid.git.ahead import OF_NETWORK, Ahead
from git_hybrid.git.environment import child_environment, hardened, of_ssh, repository_options, silenced
from git_hybrid.git.limits import DeadlineExceeded, Limits, at_work, end_of
from git_hybrid.git.share import Share
from git_hybrid.git.watched import Into, Watch
from git_hybrid.turn import TURN

if TYPE_CHECKING:
    from git_hybrid.git.answers import Headers
    from git_hybrid.git.cage import Cage
    from git_hybrid.git.child import Heard, Source, Talker, Words


def items(told: bytes) -> list[str]:
    """Return what git ended with NUL in what it *told*, nothing that is empty; bytes that are no text are escaped."""
    return [item for item in told.decode("utf-8", "surrogateescape").split("\0") if item]


class Completed(Struct, frozen=True):
    """A child that ended: its exit status and everything that it wrote."""

    status: int
    stdout: bytes
    stderr: str


class Runner(Struct):
    """Starts children and ends them: each in a process group of its own, gone when the program is.

    ``cancelled`` returns the signal that asks to stop, or 0; ``hurried`` tells of another; ``tell`` lets a user know of
    a server; ``ahead`` was asked before; ``excludes`` is what the user ignores, and ``settings`` which ones there are.
    """

    environ: Mapping[str, str]
    cancelled: Callable[[], int] = field(default=lambda: 0)
    hurried: Callable[[], bool] = field(default=lambda: False)
    tell: Callable[[str, str], None] = field(default=lambda _name, _text: None)
    ahead: Ahead | None = None
    excludes: Sequence[str] | None = None
    settings: frozenset[str] | None = None
    _conditional: frozenset[str] | None = None
    _share: Share = field(default_factory=Share)

    def asked(self, argv: Sequence[str], folder: Path, stdin: bytes = b"") -> bytes | None:
        """Return what *argv* wrote in *folder* if it was started ahead; else None."""
        return None if self.ahead is None else self.ahead.answer(argv, str(folder), stdin, check=self.check)

    def git(
        self,
        arguments: Sequence[str],
        *,
        git_dir: Path | None = None,
        work_tree: Path | None = None,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        watch: Watch | Into | None = None,
    ) -> Completed:
        """Run a local git command: no configuration of the user's, no network."""
        from git_hybrid.git.excludes import excluding
        from git_hybrid.git.programs import READING, without_programs

        settings, more = hardened(excluding(self, arguments, git_dir), arguments[0]), dict(environment or {})
        settings += without_programs(self, arguments, git_dir=git_dir, work_tree=work_tree, environment=more)
        argv = ["git", *settings, *repository_options(git_dir, work_tree), *arguments]
        env, reads = child_environment(self.environ, network=False) | more, arguments[0] in READING
        return self.run(argv, env=env, cwd=cwd or work_tree or git_dir, stdin=stdin, watch=watch, reads=reads)

    def git_network(
        self,
        arguments: Sequence[str],
        *,
        limits: Limits,
        git_dir: Path | None = None,
        cwd: Path | None = None,
        headers: Headers | None = None,
        stdin: bytes | IO[bytes] | None = None,
        protocol: str = "",
        watch: Watch | None = None,
    ) -> Completed:
        """Run a git command that talks to a server, with the user's configuration, where the user stands, or in *cwd*.

        *headers* is where git, or git-lfs, appends the HTTP headers to; git redacts credentials in them.
        *protocol* is what a program that serves is told of the protocol it is spoken to in (gitprotocol-v2(5)).
        *watch* is told what git says of its progress, where git was asked to.

        Raises:
            DeadlineExceeded: it took longer than the limits allow.
        """
        from git_hybrid.git.apart import apart
        from git_hybrid.git.network import naming, network_options, network_settings
        from git_hybrid.git.unspoken import without_commands

        extra = network_settings(self.environ, keys := self.chosen | self.conditional, limits.stall, arguments)
        env = child_environment(self.environ, network=True) | of_ssh(self.environ, keys)
        env |= {**({"GIT_PROTOCOL": protocol} if protocol else {}), **({} if headers is None else headers.wanted)}
        inherited, also, told = ((), None, ()) if headers is None else headers.handed
        source: Source = "pipe" if isinstance(stdin, bytes) else stdin or "nothing"
        with self.working() as threads, apart(wanted=arguments[0] == "ls-remote") as places:
            argv = ["git", *hardened([*extra, *told, *threads]), *network_options(git_dir), *arguments]
            with self._started(argv, env=env | places, cwd=cwd, stdin=source, inherited=inherited) as child:
                check = naming(child.pid, partial(self.check, end_of(limits.deadline), also), limits, self.tell)
                done = self._ended(child, stdin if isinstance(stdin, bytes) else None, check, watch, arguments)
        return without_commands(self, done) if done.status != 0 else done

    def working(self) -> AbstractContextManager[tuple[str, ...]]:
        """Be one of those at work on packs for the block; it gets the settings for that (:class:`Share`)."""
        return nullcontext(()) if "pack.threads" in self.chosen else self._share.taken()

    @property
    def chosen(self) -> frozenset[str]:
        """Which settings of the user's matter to a network step: their ssh command, threads, and what would be run."""
        if self.settings is None:
            from git_hybrid.git.apart import settings_of_user

            self.settings = frozenset(items(settings_of_user(self, "--name-only", "--get-regexp", OF_NETWORK).stdout))
        return self.settings

    @property
    def conditional(self) -> frozenset[str]:
        """The names of settings that may hold for a clone that is yet to be made."""
        if self._conditional is None:
            from git_hybrid.git.apart import conditional_settings

            self._conditional = conditional_settings(self)
        return self._conditional

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        stdin: bytes | None = None,
        guarded: bool = True,
        reads: bool = False,
        watch: Watch | Into | None = None,
    ) -> Completed:
        """Run *argv* to its end and return what it wrote; *guarded* ends it when this program dies.

        With *watch* what git says of its progress goes there alone, or to an :class:`Into` all it says.

        Raises:
            GitFailed, LocalIo: it was ended by force, or the system refused it its files, and *guarded*.
            GitRefused: it is a git that only *reads*, and does nothing any more (:func:`at_work`).
            Interrupted: the program was asked to stop.
            ToolTooOld: the program is not installed.
        """
        source: Source = "nothing" if stdin is None else "pipe"
        with self._started(argv, env=env, cwd=cwd, stdin=source, guarded=guarded) as child:
            check = at_work(child.pid, cwd or ".", self.check, argv) if reads else self.check
            done = self._ended(child, stdin, check, watch)
        if guarded and done.status != 0:
            from git_hybrid.git.ended import refuse_ended

            refuse_ended(argv, done.stderr, done.status, folder=cwd or os.curdir)
        return done

    def _ended(
        self, child: Talker, data: bytes | None, check: Callable[[], None], watch: Watch | Into | None, asks: Words = ()
    ) -> Completed:
        from git_hybrid.git.child import told_by

        with TURN.waiting():
            out, err = told_by(child, data, watch, check, asks)
            return Completed(child.returncode, out, err.decode("utf-8", "replace"))

    def confined(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        cage: Cage,
        output: IO[bytes],
        errors: IO[bytes],
    ) -> int:
        """Run a foreign program inside *cage*, what it prints going to two files; return its exit status, nothing left.

        Raises:
            DeadlineExceeded: its time was over.
            Interrupted: the program was asked to stop.
            LocalIo, ToolTooOld: it could not be started.
        """
        import signal

        from git_hybrid.git.cage import QUICK, die_with_parent, end_strays, has_ended, limits

        end = end_of(cage.deadline)
        limited = [*die_with_parent(), *limits(cage), *argv]
        try:
            with self._started(limited, env=env, cwd=cwd, stdin="nothing", stdout=output, stderr=errors) as child:
                try:
                    while not has_ended(child.pid, child.poll):
                        self.check(end)
                        time.sleep(QUICK)
                finally:
                    # Its group outlives it: until it is waited for, the number of the group cannot be anybody else's.
                    with suppress(ProcessLookupError, PermissionError):
                        os.killpg(child.pid, signal.SIGKILL)
                return child.wait()
        finally:
            end_strays(os.fsencode(cage.folder))

    def check(self, end: float | None = None, also: Callable[[], None] | None = None) -> None:
        """Raise Interrupted if asked to stop, DeadlineExceeded if the clock is past *end*; *also* may raise as well."""
        if number := self.cancelled():
            raise Interrupted(signal=number)
        if end is not None and time.monotonic() > end:
            raise DeadlineExceeded
        if also is not None:
            also()

    @contextmanager
    def stream(self, arguments: Sequence[str], *, git_dir: Path, stdin: Source = "nothing") -> Iterator[Heard]:
        """Run git for the block and yield its output as it comes; what keeps git from telling all ends it."""
        from tempfile import TemporaryFile

        from git_hybrid.git.child import heard
        from git_hybrid.git.ended import refuse_partial

        argv = ["git", *hardened((), arguments[0]), *repository_options(git_dir, None), *arguments]
        env = child_environment(self.environ, network=False)
        with (
            TemporaryFile() as said,
            self._started(argv, env=env, cwd=git_dir, stdin=stdin, stderr=said) as child,
            TURN.waiting(),
        ):
            yield heard(child, self.check, partial(refuse_partial, argv, said, folder=git_dir))

    def talking(
        self,
        arguments: Sequence[str],
        *,
        settings: Iterable[str],
        git_dir: Path | None = None,
        version: int = 0,
        stdin: Source = "pipe",
        stderr: Source = "nothing",
    ) -> AbstractContextManager[Talker]:
        """Run a git command with the user's configuration that is talked to by pipes; leaving the block ends it."""
        env = child_environment(self.environ, network=True)
        env |= {"GIT_PROTOCOL": f"version={version}"} if version else {}
        extra = [*silenced(self.chosen | self.conditional), *settings]
        argv = ["git", *hardened(extra), *repository_options(git_dir, None), *arguments]
        return self._started(argv, env=env, cwd=git_dir, stdin=stdin, stderr=stderr)

    def helping(self, argv: Sequence[str]) -> AbstractContextManager[Talker]:
        """Run *argv*, a program of ours that is talked to by pipes, for the block."""
        env = child_environment(self.environ, network=False)
        return self._started(argv, env=env, cwd=None, stdin="pipe", stderr="nothing")

    @contextmanager
    def _started(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None,
        stdin: Source,
        stdout: Source = "pipe",
        stderr: Source = "pipe",
        guarded: bool = True,
        inherited: tuple[int, ...] = (),
    ) -> Iterator[Talker]:
        # Not at the top: where nothing has changed no child is started, and this costs as much as a dozen modules.
        from git_hybrid.git.child import started
        from git_hybrid.git.tether import Tether

        ends = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
        with ExitStack() as stack:
            try:
                tether = stack.enter_context(Tether()) if guarded else None
                inherited = inherited if tether is None else (*inherited, *tether.inherited)
                begun = started(argv, env=env, cwd=cwd, **ends, inherited=inherited, hurried=self.hurried)
                child = stack.enter_context(begun)
                if tether is not None:
                    tether.tie(child.pid)
            except OSError as error:
                from git_hybrid.git.ended import unstarted

                raise unstarted(argv[0], cwd, error) from error
            yield child
