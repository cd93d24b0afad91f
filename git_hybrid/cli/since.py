"""Read what ``diff --since`` compares: the files of a workspace as a commit has them."""

from __future__ import annotations

from collections.abc import Sequence

from git_hybrid.app.since import Decided
from git_hybrid.cli.wiring import Session
from git_hybrid.core.errors import BadArgument, InvalidFile, NewerSchema
from git_hybrid.core.files import LOCK, MANIFEST
from git_hybrid.core.value import Struct
from git_hybrid.core.words import typed
from git_hybrid.git.revisions import are_commits, files_at
from git_hybrid.store.content import SIZE_LIMIT
from git_hybrid.store.lockfile import decode_lock
from git_hybrid.store.manifest import decode_manifest


class At(Struct, frozen=True):
    """What a commit has decided; ``is_there``: it has the workspace at all, in another ``folder`` if that is one."""

    revision: str
    commit: str
    decided: Decided
    is_there: bool
    folder: str | None

    def note(self) -> str:
        """Return what is to be told of where the workspace stood; nothing where it stands."""
        if self.folder is not None:
            where = f"in {self.folder}, from the top" if self.folder else "at the top"
            return f"{self.revision} has the workspace {where} of the repository"
        return "" if self.is_there else f"{self.revision} has no workspace in this folder"

    def document(self) -> dict[str, str]:
        """Return which commit that is, for a document."""
        return {"revision": self.revision, "commit": self.commit}


def decided_at(session: Session, option: str, revision: str) -> At:
    """Return what the commit *revision*, which *option* was given, has decided.

    Raises:
        BadArgument: there is no such commit, or what it has cannot be read.
        GitRefused: git does not answer.
    """
    if ".." in revision and (words := meant(session, [revision])):
        raise BadArgument(what=option, value=revision, reason="names two commits", hint=words)
    names = (LOCK, MANIFEST)
    then = files_at(session.runner, session.layout.root, revision, names, option=option, largest=SIZE_LIMIT)
    lock, manifest = (then.files[name] for name in names)
    try:
        pins = {} if lock is None else decode_lock(lock).pins
        sources = {} if manifest is None else decode_manifest(manifest).sources
    except NewerSchema as error:
        why = f"its {error.path} was written by a newer version: {error.found}, known is {error.known}"
        raise BadArgument(what=option, value=revision, reason=why) from error
    except InvalidFile as error:
        why = f"its {error.path} cannot be read: {error.problems[0].place}: {error.problems[0].reason}"
        raise BadArgument(what=option, value=revision, reason=why) from error
    return At(revision, then.commit, Decided(pins, sources), lock is not None or manifest is not None, then.folder)


def meant(session: Session, words: Sequence[str]) -> str:
    """Return how a comparison is typed where *words*, given as names of sources, are commits; nothing if they are not.

    Those are ``REV``, ``REV REV`` and ``REV..REV``.
    """
    revisions = [*words]
    if len(words) == 1 and ".." in words[0]:
        first, _, last = words[0].partition("...") if "..." in words[0] else words[0].partition("..")
        revisions = [first or "HEAD", last or "HEAD"]
    if len(revisions) > 2 or not are_commits(session.runner, session.layout.root, revisions):
        return ""
    options = zip(("--since", "--until"), map(typed, revisions), strict=False)
    return " ".join(("git hybrid diff", *(f"{option} {revision}" for option, revision in options)))
