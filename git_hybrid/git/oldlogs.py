"""The logs of commits that a push takes the place of: wherever they stood there, and with their archives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from git_hybrid.core.files import LOG
from git_hybrid.git.former import archives_named, ids_at
from git_hybrid.git.repository import Repository
from git_hybrid.git.run import items


def whole_logs(repository: Repository, path: str, log: bytes, found: Mapping[str, bytes | None]) -> Mapping[str, bytes]:
    """Return by commit the log that it has of the one at *path* now, *log*, which does not only go on from it.

    *found* is what each has at *path*. Where that is nothing, the workspace may have been moved since: its log is known
    by its id, and stood where the pushed commit has none.

    Raises:
        GitRefused: git does not answer.
    """
    folder = path.removesuffix(LOG)
    told: dict[str, bytes] = {}
    for commit, text in found.items():
        logs = {folder: text} if text else dict(_elsewhere(repository, commit, folder))
        lost = {name: item for name, item in logs.items() if not log.startswith(item)}
        if lost:
            told[commit] = b"".join(_with_archives(repository, commit, name, item) for name, item in lost.items())
    return told


def _elsewhere(repository: Repository, commit: str, folder: str) -> Iterator[tuple[str, bytes]]:
    listed = items(repository.ask(("git", "ls-tree", "-r", "-z", "--name-only", "--full-tree", commit)))
    others = [name.removesuffix(LOG) for name in listed if name == LOG or name.endswith(f"/{LOG}")]
    here = repository.blobs(f"{repository.revision}:./{other}{LOG}" for other in others)
    gone = [other for other, text in zip(others, here, strict=True) if text is None and "\n" not in other]
    ours = ids_at(repository, repository.revision, folder) if gone else set()
    for other in gone:
        if ids_at(repository, commit, other) & ours:
            (text,) = repository.blobs([f"{commit}:./{other}{LOG}"])
            yield other, text or b""


def _with_archives(repository: Repository, commit: str, folder: str, log: bytes) -> bytes:
    """Return *log* behind the archives that it goes on from, as far as *commit* has them."""
    texts, done, names = [log], set[str](), archives_named([log])
    while names:
        done.update(names)
        found = [text for text in repository.blobs(f"{commit}:./{folder}{name}" for name in names) if text]
        texts += found
        names = tuple(name for name in archives_named(found) if name not in done)
    return b"".join(text if text.endswith(b"\n") else text + b"\n" for text in reversed(texts))
