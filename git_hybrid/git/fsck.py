"""git's own check of what a server sent: the words in which it refuses objects, and the list of those it lets pass."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from git_hybrid.core.errors import FsckRefused, MalformedObjects
from git_hybrid.core.ids import Oid
from git_hybrid.core.pattern import pattern
from git_hybrid.git.environment import as_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from git_hybrid.git.run import Completed, Runner
    from git_hybrid.git.watched import Watch

# Old repositories carry these in commits that nobody can change any more; none of them harms a checkout.
FSCK_WARNINGS = [
    "badDate",
    "badDateOverflow",
    "badEmail",
    "badFilemode",
    "badName",
    "badTagName",
    "badTimezone",
    "gitmodulesMissing",
    "missingEmail",
    "missingNameBeforeEmail",
    "missingSpaceBeforeDate",
    "missingSpaceBeforeEmail",
    "missingTaggerEntry",
    "multipleAuthors",
    "zeroPaddedDate",
    "zeroPaddedFilemode",
]
# Of index-pack ("error: object ID: message: text") and of fsck ("error in tree ID: message: text"). What a server says
# begins with "remote: ", so nothing of it can be taken for a finding.
_FINDING = pattern(
    r"^error(?:: object|(?: in)? (?:blob|tree|commit|tag)) (?P<oid>[0-9a-f]{40}(?:[0-9a-f]{24})?):"
    r" (?P<message>[A-Za-z0-9]+):(?P<text>.*)$",
    re.MULTILINE,
)
_LIMIT = 100
_CORRUPT = (
    # Of a bad object, of junk behind the last one, of deltas without a base.
    "pack has ",
    "pack signature mismatch",
    "appears twice in the pack",
    "unknown object type",
    "to apply delta",
    "inflate inconsistency",
    "beyond insanity",
    "inflate returned",
    "incorrect data check",
    "sha1 mismatch",
    "hash mismatch",
    "pack is corrupted",
    "sha1 collision",
    "did not send all necessary objects",
    "did not receive expected object",
)
_CLAIMED = pattern(r"out of memory, malloc failed \(tried to allocate (?P<size>\d{1,20}) bytes\)")
_CUT = ("early eof", "unexpected disconnect", "rpc failed; curl 18", "rpc failed; curl 56", "recv failure")


def fsck_settings(area: str) -> list[str]:
    """Return the settings that let harmless old faults pass, for *area* ``fetch.fsck`` or ``fsck``."""
    return [f"{area}.{message}=warn" for message in FSCK_WARNINGS]


def refused(stderr: str) -> FsckRefused | None:
    """Return the error with the objects that git's fsck names in *stderr*, or None if it names none."""
    found = {match["oid"]: match["message"] for match in _FINDING.finditer(stderr)}
    if not found:
        return None
    findings = [f"{oid}: {message}" for oid, message in found.items()][:_LIMIT]
    return FsckRefused(name="", objects=tuple(found)[:_LIMIT], findings=tuple(findings))


def damaged(text: str, *, message: str) -> MalformedObjects | None:
    """Return what it means that git found a pack damaged that it was sent; *text* has its words in lower case."""
    from git_hybrid.git.memory import FETCHING

    # What came before a connection broke may be any part of a pack: that says nothing of the server.
    if any(word in text for word in _CUT):
        return None
    # The head of an object tells its size: one that no machine would have the memory for was made up.
    claimed = _CLAIMED.search(text)
    is_made_up = claimed is not None and int(claimed["size"]) > FETCHING
    is_corrupt = is_made_up or any(word in text for word in _CORRUPT)
    return MalformedObjects(name="", message=message) if is_corrupt else None


@contextmanager
def skip_list(waived: Sequence[Oid], area: str) -> Iterator[list[str]]:
    """Yield the options that let exactly the *waived* objects pass; *area* is ``fetch.fsck`` or ``fsck``.

    git takes the ids from a file (fsck.skipList in git-config(1)); it is ours alone and gone afterwards.
    """
    if not waived:
        yield []
        return
    from tempfile import mkstemp

    from git_hybrid.temporary import temporary_folder

    descriptor, name = mkstemp(prefix="git-hybrid-", suffix=".skip", dir=temporary_folder())
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write("".join(f"{oid}\n" for oid in sorted(waived)))
        yield ["-c", f"{area}.skipList={name}"]
    finally:
        Path(name).unlink(missing_ok=True)


def fsck(runner: Runner, git_dir: Path, *, waived: Sequence[Oid] = (), watch: Watch | None = None) -> Completed:
    """Run git's fsck on all objects of the repository at *git_dir*: those *waived* pass, and so do harmless faults."""
    config = as_options(fsck_settings("fsck"))
    with skip_list(waived, "fsck") as options:
        command = [*config, *_spared(git_dir), *options, "fsck", "--full", "--strict", "--no-dangling"]
        command += [] if watch is None else ["--progress"]
        return runner.git(command, git_dir=git_dir, watch=watch)


def _spared(git_dir: Path) -> list[str]:
    """Return the options that keep git from starting a process for a derived file that is not there to be checked."""
    objects = f"{git_dir}/objects"
    if any(os.path.lexists(path) for path in (f"{git_dir}/commondir", f"{objects}/info/alternates")):
        return []
    spared = {
        "core.multiPackIndex": ("pack/multi-pack-index",),
        "core.commitGraph": ("info/commit-graph", "info/commit-graphs"),
    }
    absent = (key for key, names in spared.items() if not any(os.path.lexists(f"{objects}/{name}") for name in names))
    return as_options(f"{key}=false" for key in absent)
