"""Where other commits have a log whose workspace was moved since, and what of that a push takes the place of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

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
    now = repository.revision
    for other in stood_in(repository, commit, folder, now):
        there, text = repository.blobs([f"{now}:./{other}{LOG}", f"{commit}:./{other}{LOG}"])
        if there is None:
            yield other, text or b""


def stood_in(repository: Repository, commit: str, folder: str, now: str) -> Sequence[str]:
    """Return the other folders in which *commit* has the log that stands in *folder* in the revision *now*.

    Nothing stands for what is staged. Those that have no log now, from which it was moved, come first.

    Raises:
        GitRefused: git does not answer.
    """
    ours = ids_at(repository, now, folder)
    listed = items(repository.ask(("git", "ls-tree", "-r", "-z", "--name-only", "--full-tree", commit))) if ours else []
    others = [name.removesuffix(LOG) for name in listed if name == LOG or name.endswith(f"/{LOG}")]
    others = [other for other in others if other != folder and "\n" not in other]
    here = repository.blobs(f"{now}:./{other}{LOG}" for other in others)
    stays = {other for other, text in zip(others, here, strict=True) if text is not None}
    return sorted(
        (other for other in others if ids_at(repository, commit, other) & ours), key=lambda name: name in stays
    )


def _with_archives(repository: Repository, commit: str, folder: str, log: bytes) -> bytes:
    """Return *log* behind the archives that it goes on from, as far as *commit* has them."""
    texts, done, names = [log], set[str](), archives_named([log])
    while names:
        done.update(names)
        found = [text for text in repository.blobs(f"{commit}:./{folder}{name}" for name in names) if text]
        texts += found
        names = tuple(name for name in archives_named(found) if name not in done)
    return b"".join(text if text.endswith(b"\n") else text + b"\n" for text in reversed(texts))
