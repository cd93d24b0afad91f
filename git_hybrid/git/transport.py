"""Ask servers through the git CLI, so that credential helpers, ssh config, proxies and CAs of the user work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from git_hybrid.core.errors import (
    EndlessAnswer,
    FsckRefused,
    HybridError,
    InsecureRedirect,
    LocalIo,
    MalformedObjects,
    NetworkFailure,
    RefMissing,
)
from git_hybrid.core.ids import Oid
from git_hybrid.core.manifest import Defaults, Policy
from git_hybrid.core.ports import FetchRequest, RemoteRefs, Stage
from git_hybrid.core.redact import redact_place
from git_hybrid.core.value import Struct, replace
from git_hybrid.git import cloning
from git_hybrid.git.afar import Afar
from git_hybrid.git.answers import Answer, OfLfs, elsewhere, headers_file, later, led_to, not_git, read_headers
from git_hybrid.git.classify import last_words, redirects
from git_hybrid.git.direct import Direct, too_late
from git_hybrid.git.fetching import bearable, fetch_arguments, left_clear, on_stdin, unchecked_arguments
from git_hybrid.git.fsck import fsck, refused, skip_list
from git_hybrid.git.limits import DeadlineExceeded, Limits, TalksOn
from git_hybrid.git.local import must
from git_hybrid.git.moved import Trail, refuse_elsewhere
from git_hybrid.git.nearby import Nearby
from git_hybrid.git.receiving import Fetch
from git_hybrid.git.reflist import head_of, parse_refs
from git_hybrid.git.run import Completed, Runner
from git_hybrid.git.unusable import cut_off
from git_hybrid.git.watched import SourceWatch, Watch, of_source, showing

_COMMANDS = ("fetch", "clone", "ls-remote", "lfs")


class GitTransport(Struct, frozen=True):
    """The transport of :mod:`git_hybrid.core.ports`; *allowed_host* is asked about every host a server redirects to.

    With *direct* a git process is started only for those lists of refs that it leaves to git.
    *watch* is told how far each fetch is; without it git is not even asked. With *nearby* folders of this machine are
    fetched from directly, with *afar* servers.
    """

    runner: Runner
    allowed_host: Callable[[str], bool]
    direct: Direct | None = None
    watch: SourceWatch | None = None
    nearby: Nearby | None = None
    afar: Afar | None = None
    policy: Callable[[], Policy] = Policy

    def list_refs(self, url: str, defaults: Defaults, *, head: bool) -> RemoteRefs:
        """Return the branches and tags that the server at *url* lists, with *head* also its default branch.

        Raises:
            NetworkFailure, AccessDenied, RepositoryNotFound, TlsFailure, HostKeyFailure: by what went wrong.
            HostNotAllowed: the server redirected to a host that policy does not have.
        """
        listed = self.direct.list_refs(url, defaults) if self.direct is not None else None
        if listed is not None:
            return listed
        # Without HEAD a server that has a ref for each pull request need not list them (protocol v2, ref-prefix).
        options = ["--symref"] if head else ["--heads", "--tags"]
        out, answer = self._ask(["ls-remote", *options, "--end-of-options", url], url, defaults)
        return replace(parse_refs(out), at=self._moved(url, answer.at.rstrip("/")))

    def glimpse(self, url: str, ref: str) -> Oid | None:
        """Return what *ref* is at *url*, if that is a folder of this machine in which it can be read."""
        return None if self.nearby is None else self.nearby.glimpse(url, ref)

    def fetch(self, stage: Stage, url: str, request: FetchRequest, defaults: Defaults) -> None:
        """Fetch the refs and commits of *request* into *stage*.

        Raises:
            RefMissing: the server lacks one of them, or does not give out single commits.
            FsckRefused: git's fsck refused what the server sent; it names every object that it refuses.
            MalformedObjects: what the server sent is not sound.
            UnusableRef: upstream's own history is cut off.
            NetworkFailure, AccessDenied, RepositoryNotFound, TlsFailure, HostKeyFailure: by what went wrong.
        """
        request = bearable(self.runner, stage, url, request, partial(self._ask, url=url, defaults=defaults))
        watch = of_source(self.watch, stage.name)
        with skip_list(request.waived, "fetch.fsck") as options:
            try:
                if self._is_fetched_without_git(stage, url, request, defaults):
                    return
                answer = self._clone(options, stage, url, request, defaults)
                if answer is None:
                    arguments, git_dir = [*options, *fetch_arguments(url, request)], Path(stage.git_dir)
                    with left_clear(git_dir):
                        _, answer = self._ask(arguments, url, defaults, git_dir=git_dir, watch=watch, request=request)
            except FsckRefused as error:
                if not request.commits_only:
                    raise self._all_refused(error, stage, url, request, defaults) from None
                answer = self._fetch_then_check(stage, url, request, defaults)
            except LocalIo as error:
                where = error.path if error.operation == "start" else stage.path
                error.path = error.path if "/sources/.incoming/" in stage.path else where
                raise
        loose = bool(cloning.loose_folders(Path(stage.git_dir)))
        if loose or (url.startswith("https://") and not answer.is_surely_git):
            # A server of plain files: git downloads packs and objects as they are, and runs no fsck on them.
            self._refuse_malformed(stage, request.waived)
        if loose:
            # What goes from a stage to a clone goes as packs.
            must(self.runner, stage.name, Path(stage.git_dir), ["repack", "-d", "-l", "-n", "--quiet"])

    def _is_fetched_without_git(self, stage: Stage, url: str, request: FetchRequest, defaults: Defaults) -> bool:
        way = self.nearby if url.startswith("file://") else self.afar
        if way is None or not request.refs:
            return False
        watch = of_source(self.watch, stage.name)
        fetch = Fetch(stage=stage, url=url, request=request, defaults=defaults, watch=watch)
        try:
            return way.fetch(fetch)
        except DeadlineExceeded as error:
            raise too_late(url, defaults, error) from error

    def _clone(
        self, options: Sequence[str], stage: Stage, url: str, request: FetchRequest, defaults: Defaults
    ) -> Answer | None:
        """Fetch into a stage that is empty by a clone (:mod:`git_hybrid.git.cloning`); None where that cannot be."""
        arguments = cloning.clone_arguments(stage, url, request)
        if arguments is None:
            return None
        try:
            watch = of_source(self.watch, stage.name)
            _, answer = self._ask([*options, *arguments], url, defaults, watch=watch)
            return answer if cloning.take_over(stage, request.refs[0]) else None
        except RefMissing as error:
            raise RefMissing(name=error.name, ref=request.refs[0], url=url) from None
        finally:
            cloning.clean(stage)

    def _fetch_then_check(self, stage: Stage, url: str, request: FetchRequest, defaults: Defaults) -> Answer:
        """Fetch commits alone, and run fsck afterwards.

        git tells index-pack neither which faults are harmless nor what is waived where a fetch leaves objects out.
        """
        git_dir, watch = Path(stage.git_dir), of_source(self.watch, stage.name)
        arguments = unchecked_arguments(url, request)
        try:
            with left_clear(git_dir):
                return self._ask(arguments, url, defaults, git_dir=git_dir, watch=watch, request=request)[1]
        finally:
            # Also where that failed: the next server is asked for what is not in the stage yet.
            self._refuse_malformed(stage, request.waived)

    def _all_refused(
        self, error: FsckRefused, stage: Stage, url: str, request: FetchRequest, defaults: Defaults
    ) -> FsckRefused:
        """Return *error* with all objects that fsck refuses: a fetch ends at the first one.

        They are fetched into a repository that nothing is ever checked out of, and checked there.
        """
        probe = Path(f"{stage.path}+fsck")
        object_format = "sha1" if len(error.objects[0]) == 40 else "sha256"
        made = self.runner.git(["init", "--quiet", "--template=", f"--object-format={object_format}", str(probe)])
        try:
            self._ask(unchecked_arguments(url, request), url, defaults, git_dir=probe / ".git", request=request)
            checked = None if made.status != 0 else fsck(self.runner, probe / ".git", waived=request.waived)
            found = None if checked is None else refused(checked.stderr)
        except HybridError:
            return error
        return found or error

    def fetch_lfs(self, stage: Stage, url: str, oid: Oid, defaults: Defaults) -> None:
        """Fetch the LFS content of *oid* with git-lfs; what a ``.lfsconfig`` of the tree says does not count.

        What the config of *stage* says does, as for each git: so it is no clone, whose config came with it.

        Raises:
            ToolTooOld: git-lfs is not installed, or too old.
            HostNotAllowed: the content is kept at a host that policy does not have.
            WrongContent, LfsMissing: what is sent is not what a pointer names, or the server does not have it.
            NetworkFailure, AccessDenied, RepositoryNotFound, RedirectLoop, TlsFailure: by what went wrong.
        """
        from git_hybrid.git.lfsterms import fetch_lfs

        led, ask = partial(self._refuse_led, url, by_lfs=True), partial(self._ask, url=url, defaults=defaults)
        fetch_lfs(self.runner, stage, url, oid, self.policy(), led, ask, defaults.stall)

    def fetch_bundle(self, stage: Stage, bundle: str, request: FetchRequest, defaults: Defaults) -> None:
        """Fetch from the bundle file *bundle*: git runs no fsck there, so it is run afterwards.

        Raises:
            RefMissing: the bundle lacks a ref.
            BundlePrerequisites: it builds on commits that the stage lacks.
            BadBundle: it is no bundle, ends too early, or has not all objects, or no sound ones.
            RepositoryNotFound, LocalIo: it is not there, or cannot be read.
            FsckRefused: fsck refused what is in it.
        """
        from git_hybrid.git.bundleread import reading_bundle

        with reading_bundle(bundle, stage.name):
            self.fetch(stage, bundle, FetchRequest(refs=request.refs, waived=request.waived), defaults)
            self._refuse_malformed(stage, request.waived)

    def head_of_bundle(self, bundle: str, defaults: Defaults) -> Oid | None:
        """Return the commit at HEAD of the bundle file *bundle*, None if it has no HEAD.

        Raises:
            BadBundle: it is no bundle.
            RepositoryNotFound, LocalIo: it is not there, or cannot be read.
        """
        from git_hybrid.git.bundleread import reading_bundle

        with reading_bundle(bundle):
            out, _ = self._ask(["ls-remote", "--end-of-options", bundle, "HEAD"], bundle, defaults)
        return head_of(out)

    def _refuse_malformed(self, stage: Stage, waived: Sequence[Oid]) -> None:
        git_dir, watch = Path(stage.git_dir), of_source(self.watch, stage.name)
        checked = fsck(self.runner, git_dir, waived=waived, watch=watch)
        if checked.status != 0:
            raise refused(checked.stderr) or MalformedObjects(name=stage.name, message=last_words(checked.stderr))

    def _ask(
        self,
        arguments: list[str],
        url: str,
        defaults: Defaults,
        *,
        git_dir: Path | None = None,
        cwd: Path | None = None,
        watch: Watch | None = None,
        request: FetchRequest | None = None,
        of_lfs: OfLfs | None = None,
    ) -> tuple[bytes, Answer]:
        led = of_lfs is None and url.startswith(("https://", "ssh://"))
        limits = Limits(stall=defaults.stall, deadline=defaults.deadline, url=url if led else "")
        trail = Trail(url, limits, judged=led and self.policy().hosts is not None)
        while True:
            try:
                done, answer = self._asked(arguments, trail, git_dir, cwd, watch, request, of_lfs)
            except DeadlineExceeded as error:
                raise too_late(url, defaults, error) from error
            refuse_elsewhere(url, redirects(done.stderr), self.allowed_host)
            (partial(self._refuse_led, url, url) if of_lfs is None else of_lfs.judge)(answer.asked)
            if done.status == 0 or not trail.goes_on(done.stderr, answer, self.allowed_host):
                break
        if done.status != 0:
            if not answer.is_git and any(words in done.stderr for words in ("remote ref", "Remote branch")):
                raise not_git(url, answer)
            from git_hybrid.git.lfsanswers import failure_of

            command = next(word for word in arguments if word in _COMMANDS)
            failure = later(failure_of(done, url=url, command=command, http=answer.status), answer.retry_after)
            if isinstance(failure, NetworkFailure):
                failure.retry_after = answer.retry_after
                failure.elsewhere = "" if of_lfs is None else elsewhere(of_lfs.asked, answer.asked)
            elif isinstance(failure, InsecureRedirect):
                failure.target = answer.insecure or failure.target
            raise failure
        if (unusable := cut_off(done.stderr)) is not None:
            raise unusable
        if not answer.is_git and not done.stdout and arguments[0] == "ls-remote":
            raise not_git(url, answer)
        at = trail.now if trail.now != url else next(reversed(redirects(done.stderr)), "")
        return done.stdout, replace(answer, at=at)

    def _asked(
        self,
        arguments: list[str],
        trail: Trail,
        git_dir: Path | None,
        cwd: Path | None,
        watch: Watch | None,
        request: FetchRequest | None,
        of_lfs: OfLfs | None,
    ) -> tuple[Completed, Answer]:
        making = headers_file(trail.url, trail.limits.stall, settings=trail.settings(self.runner), of_lfs=of_lfs)
        with making as headers, on_stdin(trail.url, request) as stdin:
            told = showing(trail.asking(arguments), watch)
            try:
                done = self.runner.git_network(
                    told, limits=trail.limits, git_dir=git_dir, cwd=cwd, headers=headers, stdin=stdin, watch=watch
                )
            except TalksOn as error:
                raise EndlessAnswer(url=trail.url, message="what it says has no end") from error
            return done, read_headers(headers)

    def _moved(self, url: str, at: str) -> str:
        """Return *at*, from where *url* was answered, for others to read; nothing where upstream did not lead there."""
        from git_hybrid.git.apart import asked_as

        # A cache of the user's says nothing of upstream, and its place may have a secret in its path.
        is_upstream_s = at not in ("", url.rstrip("/")) and asked_as(self.runner, url) == url
        return redact_place(at) if is_upstream_s else ""

    def _refuse_led(self, url: str, asked_as: str, asked: Sequence[str], *, by_lfs: bool = False) -> None:
        refuse_elsewhere(url, led_to(asked_as, asked, by_lfs=by_lfs), self.allowed_host, by_lfs=by_lfs)
