"""Does a clone stand at its pin? A judgement over what was read of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

from git_hybrid.core.checks import Violation, going_back
from git_hybrid.core.digest import sha256_hex, sha256_of
from git_hybrid.core.files import LOCK
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.pattern import pattern
from git_hybrid.core.plan import (
    ATTRIBUTES_FILE,
    NO_SETTINGS,
    SPARSE_FILE,
    Absent,
    Broken,
    Clone,
    Foreign,
    Looked,
    Unreadable,
)
from git_hybrid.core.pointers import parse_pointer
from git_hybrid.core.tree import EMPTY_SHA256, GITLINK, TreeEntry, content_line, show_path
from git_hybrid.core.value import Struct, field, replace
from git_hybrid.core.words import counted

# As it is told, where a shell takes each key as it stands.
_SETS = pattern(r"(?P<file>\.git/config(\.worktree)?) sets (?P<keys>[\w.:/@+-]+(, [\w.:/@+-]+)*)", re.ASCII)
_SHOWN = 10
_IO = 74


class FileSeen(Struct, frozen=True, kw_only=True):
    """What stands at a path: git's mode, or a word for what git does not keep; id as a blob, SHA-256 and size."""

    mode: str
    blob: str = ""
    sha256: str = ""
    size: int = 0


class Standing(Struct, frozen=True, kw_only=True):
    """What the git folder of a clone says, each object hashed again while it was read.

    ``tree``: what the pinned commit names, None where one of them cannot be read or is not what its id says;
    ``entries`` of that tree; ``broken`` says what of it is wrong; ``index_differs`` names where the index and the tree
    part; ``oddities`` names what makes git see something else than the objects.
    """

    tree: Oid | None
    entries: Sequence[TreeEntry] = ()
    broken: str = ""
    index_differs: tuple[str, ...] = ()
    oddities: tuple[str, ...] = ()


class Content(Struct, frozen=True, kw_only=True):
    """What the working tree of a clone holds.

    ``files`` by path; ``pointers``: the blobs of Git LFS pointers by path, where content stands in their place;
    ``inner``: the content of each submodule that is there, by path.
    """

    files: Mapping[bytes, FileSeen]
    pointers: Mapping[bytes, bytes] = field(default_factory=dict)
    inner: Mapping[bytes, tuple[Standing, Content]] = field(default_factory=dict)


def judge_standing(
    pin: Pin, seen: Looked, standing: Standing | None, recorded: Oid | None = None, *, differs: str = ""
) -> tuple[Violation, ...]:
    """Return why the clone does not stand at *pin*; nothing if it does, or if it was not made yet.

    *standing* is asked for only where *seen* is a clone; *recorded* is the commit that state has of it; *differs*:
    what of it is not as the manifest asks (:func:`git_hybrid.core.planner.differs`).
    """
    name = pin.source
    match seen:
        case Absent():
            return ()
        case Foreign(what):
            why, mend = "what is built from there is not the pinned commit", f"git hybrid status {name}"
            return (_violation(name, f"is no clone of this tool: {what}", why, mend),)
        case Broken(reason):
            why, mend = "nobody can tell what stands there", f"git hybrid sync {name}"
            return (_violation(name, f"is a broken clone: {reason}", why, mend),)
        case Unreadable(error):
            what = f"cannot {error.operation} {error.path}: {error.reason}"
            why, mend = "nobody can tell what stands there", "mend disk and rights, then: git hybrid check sources"
            return (replace(_violation(name, what, why, mend), exit_code=_IO),)
        case Clone():
            assert standing is not None
            return (*_judge_clone(pin, seen, recorded, differs), *_judge_objects(pin, seen, standing))
        case _:  # pragma: no cover
            assert_never(seen)


def _judge_clone(pin: Pin, seen: Clone, recorded: Oid | None, differs: str) -> Iterable[Violation]:
    name, reset = pin.source, f"git hybrid reset {pin.source}"
    if seen.head != pin.commit:
        what, why = f"HEAD is {seen.head}, the lock says {pin.commit}", "another commit than the pinned one is used"
        is_begun = seen.locked or seen.operation is not None or seen.dirty_count
        back = going_back(name, "" if is_begun else seen.head)
        blocks = is_begun or seen.head not in (recorded, seen.installed)
        yield _violation(name, what, why, back if blocks else f"git hybrid sync {name}")
    if seen.locked or seen.operation is not None:
        what = f"a {seen.operation} is in progress" if seen.operation else "another git process works in it"
        yield _violation(name, what, "what stands there is about to change", reset)
    if seen.dirty_count:
        what = f"{counted(seen.dirty_count, 'file')} changed: {_some(seen.dirty)}"
        yield _violation(name, what, "the files are not those of the pinned commit", going_back(name))
    if seen.pointers:
        what = f"Git LFS pointers stand in place of content: {_some(seen.pointers)}"
        yield _violation(name, what, "the manifest asks for their content", f"git hybrid sync {name}")
    # At another commit that may be otherwise; and what was told is mended by a command that mends both.
    elif differs and seen.head == pin.commit and not seen.dirty_count:
        yield _violation(name, differs, "what is built from there is not what it says", f"git hybrid sync {name}")


def _judge_objects(pin: Pin, seen: Clone, standing: Standing) -> Iterable[Violation]:
    name, reset = pin.source, f"git hybrid reset {pin.source}"
    # A pin that a pull brought is not here yet: that HEAD is another commit was told, with the sync that fetches it.
    is_here = seen.has_pin or seen.head == pin.commit
    if is_here and standing.broken:
        yield _violation(name, standing.broken, "the objects of the pinned commit cannot be trusted", reset)
    elif is_here and standing.tree != pin.tree:
        what = f"the lock names the tree {pin.tree}, the pinned commit has {standing.tree}"
        yield _violation(name, what, "one of the two was tampered with", f"git checkout HEAD -- {LOCK}")
    # At another commit the index is that of the other one: that was told, and one command mends both.
    if standing.index_differs and seen.head == pin.commit:
        what = f"the index is not the pinned tree: {_some(standing.index_differs)}"
        yield _violation(name, what, "git would take other content for unchanged", reset)
    for oddity in standing.oddities:
        mend = f"take it out of sources/{name}/.git, then: git hybrid check sources"
        mend = reset if oddity.startswith((ATTRIBUTES_FILE, NO_SETTINGS)) else mend
        mend = f"git -C sources/{name} sparse-checkout disable" if oddity.startswith(SPARSE_FILE) else mend
        if found := _SETS.fullmatch(oddity):
            unset = f"git config --file sources/{name}/{found['file']} --unset-all"
            mend = " && ".join(f"{unset} {key}" for key in found["keys"].split(", "))
        why = "so git may see, hide or run something else than what the lock says"
        yield _violation(name, oddity, why, mend)


def judge_content(pin: Pin, standing: Standing, content: Content, *, submodules: bool) -> tuple[Violation, ...]:
    """Return why the working tree is not, byte for byte, the pinned commit's; *submodules*: they are to be there."""
    name, reset = pin.source, f"git hybrid reset {pin.source}"
    # A reset leaves what git ignores where it is.
    clean = f"{reset}, and for what git ignores: git -C sources/{name} clean -fdX"
    taken_out = f"{reset}, and for what git checked out itself: git -C sources/{name} submodule deinit --all"
    found: list[Violation] = []
    differences = list(_differences(standing, content, b"", submodules=submodules))
    for rule, (what, why) in _RULES.items():
        paths = [path for kind, path in differences if kind == rule]
        if paths:
            mend = {"extra": clean, "unasked": taken_out}.get(rule, reset)
            found.append(_violation(name, f"{len(paths)} {what}: {_some(paths)}", why, mend))
    digest = digest_on_disk(standing.entries, content)
    if not found and not standing.broken and digest != pin.content_sha256:
        what = f"content_sha256 is {digest}, the lock says {pin.content_sha256}"
        why = "the lock was tampered with, or the hash of an object was"
        found.append(_violation(name, what, why, f"git checkout HEAD -- {LOCK}"))
    return tuple(found)


def judge_packs(pin: Pin, damaged: Sequence[str]) -> tuple[Violation, ...]:
    """Return that files of packs are *damaged*, which a fetch or a reset would not write anew."""
    if not damaged:
        return ()
    name = pin.source
    what = f"its packs are damaged: {_some(damaged)}"
    why = (
        "objects of the history cannot be read, or not be trusted; other clones and the object cache may share the file"
    )
    mend = f"move sources/{name} away, then: git hybrid cache verify; git hybrid sync {name}"
    return (_violation(name, what, why, mend),)


def judge_lfs(pin: Pin, damaged: Sequence[str]) -> tuple[Violation, ...]:
    """Return that objects of Git LFS are *damaged*: the files may be whole, until one is written again."""
    if not damaged:
        return ()
    what = f"its Git LFS objects are damaged: {_some(damaged)}"
    why = "git-lfs takes what is there by its size, and would write it in the place of the pinned content"
    return (_violation(pin.source, what, why, f"git hybrid reset {pin.source}"),)


_RULES = {
    "changed": ("with other content", "the bytes are not those of the pinned commit"),
    "mode": ("with another mode or kind", "what can be run, or is a link, decides what a build does"),
    "missing": ("missing", "the pinned commit has them"),
    "extra": ("that the pinned commit does not have", "a build may take them up, ignored or not"),
    "unasked": ("submodules that the manifest does not ask for", "a build may take them up"),
    "submodule": ("submodules not at their commit", "the pinned commit names exactly one commit for each"),
}


def _differences(standing: Standing, content: Content, prefix: bytes, *, submodules: bool) -> Iterable[tuple[str, str]]:
    """Yield the rule and the path of each thing that is not as the tree says."""
    wanted = {entry.path: entry for entry in standing.entries}
    for path, entry in wanted.items():
        seen, shown = content.files.get(path), show_path(prefix + path)
        if entry.mode == GITLINK:
            yield from _submodule(path, seen, content, prefix, submodules=submodules)
        elif seen is None:
            yield "missing", shown
        elif seen.mode != entry.mode:
            yield "mode", shown
        elif seen.blob != entry.oid and not is_lfs_content(seen, content.pointers.get(path)):
            yield "changed", shown
    for path in content.files:
        if path not in wanted:
            yield "extra", show_path(prefix + path)


def _submodule(
    path: bytes, seen: FileSeen | None, content: Content, prefix: bytes, *, submodules: bool
) -> Iterable[tuple[str, str]]:
    shown = show_path(prefix + path)
    if not submodules:
        if seen is not None:
            yield "extra" if seen.mode != GITLINK else "unasked", shown
        return
    inner = content.inner.get(path)
    if inner is None or inner[0].broken:
        yield "submodule", shown
        return
    yield from _differences(inner[0], inner[1], prefix + path + b"/", submodules=True)


def is_lfs_content(seen: FileSeen, pointer: bytes | None) -> bool:
    """Tell whether the file is what the Git LFS *pointer* names."""
    named = None if pointer is None else parse_pointer(pointer)
    return named is not None and (named.sha256, named.size) == (seen.sha256, seen.size)


def digest_on_disk(entries: Sequence[TreeEntry], content: Content) -> str:
    """Return ``content_sha256`` as the files on disk have it; of LFS content the pointer counts, as in the lock."""
    return sha256_of(content_line(entry.mode, _blob_sha256(entry, content), entry.path) for entry in entries)


def _blob_sha256(entry: TreeEntry, content: Content) -> str:
    seen, pointer = content.files.get(entry.path), content.pointers.get(entry.path)
    if entry.mode == GITLINK or seen is None:
        return EMPTY_SHA256
    return sha256_hex(pointer) if pointer is not None and seen.blob != entry.oid else seen.sha256


def index_differences(entries: Sequence[TreeEntry], index: Iterable[tuple[str, str, bytes]]) -> tuple[str, ...]:
    """Return the paths where the index (mode, id, path) is not the tree, as text to show."""
    tree = {(entry.mode, entry.oid, entry.path) for entry in entries}
    staged = set(index)
    return tuple(show_path(path) for path in sorted({path for _, _, path in tree ^ staged}))


def _some(paths: Sequence[str]) -> str:
    return ", ".join(paths[:_SHOWN]) + (f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else "")


def _violation(name: SourceName, what: str, why: str, mend: str) -> Violation:
    return Violation(file=f"sources/{name}", entry=f"source.{name}", what=what, why=why, mend=mend)
