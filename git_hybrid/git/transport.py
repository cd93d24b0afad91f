"""Ask servers through the git CLI, so that credential helpers, ssh config, proxies and CAs of the user work."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from git_hybrid.core.errors import (
    FsckRefused,
    GitFailed,
    HostNotAllowed,
    HybridError,
    MalformedObjects,
    NetworkFailure,
    ToolTooOld,
    WrongContent,
)
from git_hybrid.core.ids import InvalidText, Oid, RefName, parse_full_ref, parse_oid
from git_hybrid.core.manifest import Defaults
from git_hybrid.core.ports import FetchRequest, RemoteRefs, Stage
from git_hybrid.core.value import Struct
from git_hybrid.git.classify import classify_network, last_words, redirects
from git_hybrid.git.environment import fsck_settings
from git_hybrid.git.fsck import refused, skip_list
from git_hybrid.git.run import Completed, DeadlineExceeded, Limits, Runner
from git_hybrid.git.watched import SourceWatch, Watch, of_source

UPSTREAM = "refs/hybrid/upstream/"
_PEELED = "^{}"
_COMMANDS = ("fetch", "ls-remote", "lfs")
_CONTENT_TYPE = re.compile(rb"<= Recv header: content-type:\s*([^\r\n]*)", re.IGNORECASE)
_RETRY_AFTER = re.compile(rb"<= Recv header: retry-after:\s*([^\r\n]{1,40})", re.IGNORECASE)
# Not --quiet: git would keep to itself that it was redirected.
_FETCH = (
    "fetch",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-recurse-submodules",
    "--no-auto-maintenance",
)


def kept_ref(ref: str) -> str:
    """Return the ref below ``refs/hybrid/upstream/`` that a fetched *ref* is kept as."""
    return UPSTREAM + ref.removeprefix("refs/")


class GitTransport(Struct, frozen=True):
    """The transport of :mod:`git_hybrid.core.ports`; *allowed_host* is asked about every host a server redirects to.

    *watch* is told how far each fetch is; without it git is not even asked.
    """

    runner: Runner
    allowed_host: Callable[[str], bool]
    watch: SourceWatch | None = None

    def list_refs(self, url: str, defaults: Defaults, *, head: bool) -> RemoteRefs:
        """Return the branches and tags that the server at *url* lists, with *head* also its default branch.

        Raises:
            NetworkFailure, AccessDenied, RepositoryNotFound, TlsFailure, HostKeyFailure: by what went wrong.
            HostNotAllowed: the server redirected to a host that policy does not have.
        """
        # Without HEAD a server that has a ref for each pull request need not list them (protocol v2, ref-prefix).
        options = ["--symref"] if head else ["--heads", "--tags"]
        out = self._run(["ls-remote", *options, "--end-of-options", url], url=url, defaults=defaults)
        return parse_refs(out)

    def fetch(self, stage: Stage, url: str, request: FetchRequest, defaults: Defaults) -> None:
        """Fetch the refs and commits of *request* into *stage*.

        Raises:
            RefMissing: the server lacks one of them, or does not give out single commits.
            FsckRefused: git's fsck refused what the server sent; it names every object that it refuses.
            MalformedObjects: what the server sent is not sound.
            NetworkFailure, AccessDenied, RepositoryNotFound, TlsFailure, HostKeyFailure: by what went wrong.
        """
        arguments, git_dir = _fetch_arguments(url, request), Path(stage.path) / ".git"
        watch = of_source(self.watch, stage.name)
        if watch is not None:
            arguments.insert(1, "--progress")
        with skip_list(request.waived, "fetch.fsck") as options:
            try:
                _, answer = self._ask([*options, *arguments], url=url, defaults=defaults, git_dir=git_dir, watch=watch)
            except FsckRefused as error:
                raise self._all_refused(error, stage, url, request, defaults) from None
        if not answer.is_git:
            # A server of plain files: git downloads the packs as they are, and runs no fsck on them.
            self._refuse_malformed(stage, request.waived)

    def _all_refused(
        self, error: FsckRefused, stage: Stage, url: str, request: FetchRequest, defaults: Defaults
    ) -> FsckRefused:
        """Return *error* with all objects that fsck refuses: a fetch ends at the first one.

        They are fetched into a repository that nothing is ever checked out of, and checked there.
        """
        probe = Path(f"{stage.path}.fsck")
        object_format = "sha1" if len(error.objects[0]) == 40 else "sha256"
        made = self.runner.git(["init", "--quiet", "--template=", f"--object-format={object_format}", str(probe)])
        unchecked = ["-c", "fetch.fsckObjects=false", "-c", "transfer.fsckObjects=false"]
        try:
            arguments = [*unchecked, *_fetch_arguments(url, request)]
            self._run(arguments, url=url, defaults=defaults, git_dir=probe / ".git")
        except HybridError:
            return error
        found = None if made.status != 0 else refused(self._fsck(probe / ".git", request.waived).stderr)
        return found or error

    def _fsck(self, git_dir: Path, waived: Sequence[Oid], watch: Watch | None = None) -> Completed:
        config = [part for setting in fsck_settings("fsck") for part in ("-c", setting)]
        with skip_list(waived, "fsck") as options:
            command = [*config, *options, "fsck", "--full", "--strict", "--no-dangling"]
            command += [] if watch is None else ["--progress"]
            return self.runner.git(command, git_dir=git_dir, watch=watch)

    def fetch_lfs(self, stage: Stage, url: str, oid: Oid, defaults: Defaults) -> None:
        """Fetch the LFS content of *oid* with git-lfs; what a ``.lfsconfig`` of the tree says does not count.

        Raises:
            ToolTooOld: git-lfs is not installed.
            NetworkFailure, AccessDenied, RepositoryNotFound, TlsFailure, HostKeyFailure: by what went wrong.
        """
        git_dir = Path(stage.path) / ".git"
        if self.runner.git(["lfs", "version"], git_dir=git_dir).status != 0:
            raise ToolTooOld(tool="git-lfs", found="nothing", needed="3")
        server = url if url.startswith("file://") else f"{url.rstrip('/').removesuffix('.git')}.git/info/lfs"
        command = ["-c", f"lfs.url={server}", "-c", f"remote.origin.url={url}", "lfs", "fetch", "origin", oid]
        self._run(command, url=url, defaults=defaults, git_dir=git_dir)

    def fetch_bundle(self, stage: Stage, bundle: str, request: FetchRequest, defaults: Defaults) -> None:
        """Fetch from the bundle file *bundle*: git runs no fsck there, so it is run afterwards.

        Raises:
            RefMissing: the bundle lacks a ref.
            FsckRefused, MalformedObjects: fsck refused what is in it.
        """
        self.fetch(stage, bundle, FetchRequest(refs=request.refs, waived=request.waived), defaults)
        self._refuse_malformed(stage, request.waived)

    def _refuse_malformed(self, stage: Stage, waived: Sequence[Oid]) -> None:
        checked = self._fsck(Path(stage.path) / ".git", waived, of_source(self.watch, stage.name))
        if checked.status != 0:
            raise refused(checked.stderr) or MalformedObjects(name=stage.name, message=last_words(checked.stderr))

    def _run(self, arguments: list[str], *, url: str, defaults: Defaults, git_dir: Path | None = None) -> bytes:
        return self._ask(arguments, url=url, defaults=defaults, git_dir=git_dir)[0]

    def _ask(
        self,
        arguments: list[str],
        *,
        url: str,
        defaults: Defaults,
        git_dir: Path | None = None,
        watch: Watch | None = None,
    ) -> tuple[bytes, _Answer]:
        limits = Limits(stall=defaults.stall, deadline=defaults.deadline)
        with _headers_file(url) as headers:
            try:
                done = self.runner.git_network(arguments, limits=limits, git_dir=git_dir, headers=headers, watch=watch)
            except DeadlineExceeded as error:
                seconds = int(defaults.deadline.total_seconds())
                raise NetworkFailure(url=url, message=f"no end after {seconds} s", kind="deadline") from error
            answer = _read_headers(headers)
        for target in redirects(done.stderr):
            host = urlsplit(target).hostname or ""
            if not self.allowed_host(host):
                raise HostNotAllowed(name="", host=host)
        if done.status != 0:
            if not answer.is_git and b"remote ref" in done.stderr.encode():
                raise _not_git(url, answer)
            command = next(word for word in arguments if word in _COMMANDS)
            failure = self._failure(done.stderr, url=url, status=done.status, command=command, stdout=done.stdout)
            if isinstance(failure, NetworkFailure):
                failure.retry_after = answer.retry_after
            raise failure
        if not answer.is_git and not done.stdout and arguments[0] == "ls-remote":
            raise _not_git(url, answer)
        return done.stdout, answer

    def _failure(self, stderr: str, *, url: str, status: int, command: str, stdout: bytes) -> HybridError:
        error = classify_network(stderr, url=url, status=status, command=f"git {command}")
        if isinstance(error, GitFailed):
            error.stdout = stdout.decode("utf-8", "replace")[:500]
        return error


def _fetch_arguments(url: str, request: FetchRequest) -> list[str]:
    options = [] if request.depth is None else [f"--depth={request.depth}"]
    options += ["--filter=tree:0"] if request.commits_only else []
    specs = [f"+{ref}:{kept_ref(ref)}" for ref in request.refs]
    specs += [f"+{oid}:{UPSTREAM}commits/{oid}" for oid in request.commits]
    return [*_FETCH, *options, "--end-of-options", url, *specs]


@contextmanager
def _headers_file(url: str) -> Iterator[IO[bytes] | None]:
    """Yield a file for HTTP headers: git itself tells no Retry-After.

    It has no name, so that nobody else reads it, and nothing of it stays when the program is killed: git hides what it
    knows to be a credential, and a header of the user's own it does not know.
    """
    if not url.startswith("https://"):
        yield None
        return
    with tempfile.TemporaryFile() as file:
        yield file


class _Answer(Struct, frozen=True):
    """What the HTTP headers say: how long to wait, and what kind of answer it was ("" where there are no headers)."""

    retry_after: float | None = None
    kind: str = ""

    @property
    def is_git(self) -> bool:
        return not self.kind or self.kind.startswith("application/x-git-")


def _read_headers(headers: IO[bytes] | None) -> _Answer:
    """Return what the headers of the last answers say."""
    if headers is None:
        return _Answer()
    headers.seek(0)
    data = headers.read()
    asked, kinds = _RETRY_AFTER.findall(data), _CONTENT_TYPE.findall(data)
    kind = next((item for item in kinds if item.startswith(b"application/x-git-")), kinds[-1] if kinds else b"")
    return _Answer(_seconds(asked[-1]) if asked else None, kind.decode("ascii", "replace").strip())


def _seconds(value: bytes) -> float | None:
    """Return how long Retry-After asks to wait: a number of seconds or a date (RFC 9110, 10.2.3); else None."""
    text = value.decode("ascii", "replace").strip()
    if text.isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    # A date without a zone would be compared with our local time.
    return max((moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds(), 0.0)


def _not_git(url: str, answer: _Answer) -> NetworkFailure:
    """Return the failure of a server that answers in another tongue: a portal, or a broken load balancer."""
    return NetworkFailure(
        url=url, message=f"the server answered with {answer.kind}, not with git's protocol", kind="not-git"
    )


def parse_refs(out: bytes) -> RemoteRefs:
    """Return the refs in the output of ``git ls-remote --symref``; other refs than branches and tags are left out.

    Raises:
        WrongContent: a line is not what git writes.
    """
    tips: dict[str, Oid] = {}
    peeled: dict[str, Oid] = {}
    head: RefName | None = None
    for line in out.decode("utf-8", "surrogateescape").splitlines():
        left, tab, right = line.partition("\t")
        if not tab:
            raise WrongContent(name="", what="list of refs", expected="<id> TAB <ref>", found=line[:80])
        if left.startswith("ref: ") and right == "HEAD":
            head = _ref(left.removeprefix("ref: "))
            continue
        name = _ref(right.removesuffix(_PEELED))
        if name is None:
            continue
        try:
            (peeled if right.endswith(_PEELED) else tips)[name] = parse_oid(left)
        except InvalidText as error:
            raise WrongContent(name="", what="list of refs", expected="an object id", found=left[:80]) from error
    return RemoteRefs(tips=tips, peeled=peeled, head=head)


def _ref(text: str) -> RefName | None:
    try:
        return parse_full_ref(text)
    except InvalidText:
        return None
