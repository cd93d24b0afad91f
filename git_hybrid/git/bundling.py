"""Git bundles whose bytes depend on nothing but the objects in them, and signatures by ssh-keygen.

git-bundle(1) hands on whatever packs and deltas a repository happens to have. Here the pack is made anew, by one
thread, without old deltas, and the head is written beside it (gitformat-bundle(5)).
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

from git_hybrid.core.bundles import SUBMODULE_REF, tip_of
from git_hybrid.core.errors import BadArgument, BadBundle, GitFailed, reported
from git_hybrid.core.ids import InvalidText, Oid, SourceName, parse_full_ref, parse_oid
from git_hybrid.core.lock import Pin
from git_hybrid.core.ports import Quarantine, Stage
from git_hybrid.core.ports_bundle import BundleHead
from git_hybrid.core.transfer import Transfer
from git_hybrid.core.value import Struct
from git_hybrid.git.classify import last_words
from git_hybrid.git.environment import as_options, child_environment
from git_hybrid.git.largefiles import content_of
from git_hybrid.git.lfsstore import lend_kept, place_in, stands
from git_hybrid.git.run import Runner
from git_hybrid.git.skeleton import borrow_from
from git_hybrid.git.watched import SourceWatch
from git_hybrid.temporary import temporary_folder

NAMESPACE = "git-hybrid-bundle"
_HEAD_LIMIT = 1 << 20
_CHUNK = 1 << 18
# The name of a ref is bytes to git, most often UTF-8; where this program runs does not count.
_AS_GIT = "utf-8", "surrogateescape"
_CONFIG = ("core.commitGraph=false", "core.multiPackIndex=false", "pack.useSparse=false", "pack.packSizeLimit=0")
_PACK = (
    "pack-objects",
    "--quiet",
    "--revs",
    "--stdout",
    "--threads=1",
    "--window=10",
    "--depth=50",
    "--compression=6",
    "--no-reuse-delta",
    "--no-reuse-object",
    "--no-use-bitmap-index",
    "--delta-base-offset",
)


class _Wanted(Struct, frozen=True, kw_only=True):
    """What is packed: the object *tip*, called *ref*, without what *since* has."""

    name: SourceName
    tip: Oid
    ref: str
    since: Oid | None = None


class GitBundles(Struct, frozen=True):
    """The bundle tool of :mod:`git_hybrid.core.ports_bundle`."""

    runner: Runner
    quarantine: Quarantine
    watch: SourceWatch | None = None

    def write(self, giver: Stage, pin: Pin, *, since: Oid | None) -> str:
        """Write the pinned commit with its history, without that of *since*, and return the file's path.

        Raises:
            GitFailed: git could not pack all of it.
            LocalIo: the file system refused.
        """
        return self._written(giver, _Wanted(name=pin.source, tip=tip_of(pin), ref=pin.ref, since=since), "bundle")

    def write_submodule(self, giver: Stage, commit: Oid, *, suffix: str) -> str:
        """Write *commit* with its history, and return the file's path; one source has one of that *suffix*.

        Raises:
            GitFailed: git could not pack all of it.
            LocalIo: the file system refused.
        """
        return self._written(giver, _Wanted(name=giver.name, tip=commit, ref=SUBMODULE_REF), suffix)

    def _written(self, giver: Stage, wanted: _Wanted, suffix: str) -> str:
        stage = self.quarantine.stage(wanted.name, borrow=False, oid_length=len(wanted.tip), suffix=suffix)
        # A repository of its own, which sees the giver's objects: no configuration of the clone counts.
        git_dir = Path(stage.git_dir)
        target = Path(stage.path) / "history.bundle"
        with reported(target, "write"):
            borrow_from(git_dir, giver.git_dir)
            self._pack(git_dir, target, wanted)
        return str(target)

    def _pack(self, git_dir: Path, target: Path, wanted: _Wanted) -> None:
        asked = f"{wanted.tip}\n" + (f"^{wanted.since}\n" if wanted.since else "")
        with tempfile.TemporaryFile(dir=target.parent) as revisions, open(target, "wb") as file:
            revisions.write(asked.encode("ascii"))
            revisions.seek(0)
            file.write(_head(wanted))
            options = [*as_options(_CONFIG), *_PACK]
            options += ["--thin"] if wanted.since else []
            with self.runner.stream(options, git_dir=git_dir, stdin=revisions) as out:
                digest, rest = hashlib.sha1(usedforsecurity=False) if len(wanted.tip) == 40 else hashlib.sha256(), b""
                size = digest.digest_size
                while chunk := out.read(_CHUNK):
                    file.write(chunk)
                    if self.watch is not None:
                        self.watch(wanted.name, Transfer(phase="packing", done=0, size=file.tell()))
                    rest += chunk
                    digest.update(rest[:-size])
                    rest = rest[-size:]
        # The pack ends with the hash of what is before it: a git that failed half-way has not written it.
        if not rest or rest != digest.digest():
            raise GitFailed(command="git pack-objects", status=1, stderr="the pack is not whole", name=wanted.name)

    def content(self, stage: Stage, commit: Oid) -> Mapping[str, Collection[int]]:
        """Return what the pointers of *commit* name (:func:`git_hybrid.git.largefiles.content_of`)."""
        return content_of(self.runner, stage, commit)

    def lend_content(self, giver: Stage, stage: Stage, commit: Oid) -> bool:
        """Give *stage* what *giver* has of the content of *commit* (:func:`git_hybrid.git.lfsstore.lend_kept`)."""
        return lend_kept(self.runner, giver, stage, commit)

    def content_at(self, stage: Stage, sha256: str, sizes: Collection[int]) -> str | None:
        """Return where *stage* has the content, if it is that and of that size; hashed, None if not.

        Raises:
            LocalIo, SymlinkRefused: it cannot be read.
        """
        return place_in(stage, sha256) if stands(stage, sha256, sizes) else None

    def size(self, path: str) -> int:
        """Return the size of the file at *path* in bytes."""
        with reported(path, "read"):
            return Path(path).stat().st_size

    def head(self, path: str) -> BundleHead:
        """Return what the head of the git bundle at *path* says.

        Raises:
            BadBundle: it is none that this program writes.
        """
        with open(path, "rb") as file:
            data = file.read(_HEAD_LIMIT)
        text, end, _ = data.partition(b"\n\nPACK")
        try:
            return _parse_head(text.decode(*_AS_GIT).split("\n") if end else [])
        except InvalidText as error:
            raise BadBundle(path=path, place="head of a git bundle", reason=str(error)) from error


def _head(wanted: _Wanted) -> bytes:
    sha256 = len(wanted.tip) == 64
    lines = ["# v3 git bundle", "@object-format=sha256"] if sha256 else ["# v2 git bundle"]
    lines += [f"-{wanted.since} since"] if wanted.since else []
    return "".join(f"{line}\n" for line in (*lines, f"{wanted.tip} {wanted.ref}", "")).encode(*_AS_GIT)


def _parse_head(lines: list[str]) -> BundleHead:
    if lines[:1] == ["# v2 git bundle"]:
        rest = lines[1:]
    elif lines[:2] == ["# v3 git bundle", "@object-format=sha256"]:
        rest = lines[2:]
    else:
        raise InvalidText("is of no version that is written here")
    refs: dict[str, Oid] = {}
    prerequisites: list[Oid] = []
    for line in rest:
        if line.startswith("-"):
            prerequisites.append(parse_oid(line[1:].partition(" ")[0]))
        else:
            oid, _, ref = line.partition(" ")
            refs[parse_full_ref(ref)] = parse_oid(oid)
    return BundleHead(refs=refs, prerequisites=tuple(prerequisites))


def sign(runner: Runner, data: bytes, key: Path) -> bytes:
    """Return the signature of *data* by the ssh key at *key* (ssh-keygen(1), -Y sign).

    Raises:
        BadArgument: ssh-keygen cannot use the key.
    """
    if not key.is_file():
        raise BadArgument(what="--sign", value=str(key), reason="no such file")
    env = child_environment(runner.environ, network=False)
    done = runner.run(["ssh-keygen", "-Y", "sign", "-f", str(key), "-n", NAMESPACE], env=env, stdin=data)
    if done.status != 0 or not done.stdout:
        raise BadArgument(what="--sign", value=str(key), reason=last_words(done.stderr) or "ssh-keygen did not sign")
    return done.stdout


def signer(runner: Runner, data: bytes, signature: bytes, allowed: Path) -> str | None:
    """Return who signed *data*, by the file of allowed signers, or None if nobody of them did (-Y verify).

    Raises:
        BadArgument: there is no such file.
    """
    if not allowed.is_file():
        raise BadArgument(what="--allowed-signers", value=str(allowed), reason="no such file")
    env = child_environment(runner.environ, network=False)
    with tempfile.NamedTemporaryFile(suffix=".sig", dir=temporary_folder()) as file:
        file.write(signature)
        file.flush()
        common = ["-s", file.name, "-f", str(allowed)]
        found = runner.run(["ssh-keygen", "-Y", "find-principals", *common], env=env)
        for who in found.stdout.decode("utf-8", "replace").split("\n") if found.status == 0 else ():
            command = ["ssh-keygen", "-Y", "verify", "-n", NAMESPACE, "-I", who, *common]
            if who and runner.run(command, env=env, stdin=data).status == 0:
                return who
    return None
