"""What may not be checked out: a judgement over the entries of one tree, before a file of it is written.

git's own fsck refuses malformed trees; this finds what is well-formed and still harmful on somebody's disk.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Self

from git_hybrid.core.digest import sha256_hex, sha256_of
from git_hybrid.core.links import landings
from git_hybrid.core.pattern import pattern
from git_hybrid.core.value import Struct, field
from git_hybrid.core.words import counted, escaped

if TYPE_CHECKING:
    from git_hybrid.core.manifest import Policy

LINK, GITLINK = "120000", "160000"
_MODES = frozenset({"100644", "100755", LINK, GITLINK})
DEPTH_LIMIT = 200
PATH_LIMIT = 4096
# NAME_MAX and PATH_MAX of Linux (limits.h), the latter without its NUL.
_NAME_BYTES, _TARGET_BYTES = 255, 4095
# What a path is longer by while it is built, or where it is kept: ``.incoming/<run>/`` or ``.set-aside/…-<run>``.
_BESIDE = 64
_BARE_PARTS = (frozenset({b"head", b"objects", b"refs"}), frozenset({b"head", b"commondir"}))
_SHOWN = 10
EMPTY_SHA256 = sha256_hex(b"")
# C1 controls, and what turns the direction of text: https://www.unicode.org/reports/tr9/ (explicit formatting).
# Most paths are made of names like these, which no rule about names can be against.
# A name may begin with a dot, but for those that are .git where dots at the end do not count.
_NAME = rb"(?:\.(?!(?i:git)\.*(?:[/\0]|$)))?[0-9A-Za-z_+@][0-9A-Za-z_+@.,=-]*"
_PLAIN = pattern(rb"(?:%s/)*%s" % (_NAME, _NAME))
_ALL_PLAIN = pattern(rb"(?:%s[/\0])*%s" % (_NAME, _NAME))
_STEERING = pattern("[\x80-\x9f\u2028-\u202e\u2066-\u2069]")


class TreeEntry(Struct, frozen=True):
    """One line of ``git ls-tree -r -l -z``: mode in octal digits, object id, size in bytes (0 for a gitlink), path."""

    mode: str
    oid: str
    size: int
    path: bytes


class TreeLimits(Struct, frozen=True, kw_only=True):
    """How large a tree may be: number of entries, sum of the blobs in bytes; and bytes of a path in it."""

    max_entries: int
    max_bytes: int
    max_path: int = PATH_LIMIT

    @classmethod
    def of(cls, policy: Policy, *, root: str = "") -> Self:
        """Return what *policy* allows of a tree whose files are to stand in the folder *root*."""
        taken = len(root.encode("utf-8", "surrogateescape")) + _BESIDE if root else 0
        return cls(max_entries=policy.max_entries, max_bytes=policy.max_bytes, max_path=PATH_LIMIT - taken)

    def too_many(self, what: str = "entry") -> str:
        """Return the finding of a tree that has more of *what*, entries or folders."""
        return f"too-many-entries: the tree has more than {counted(self.max_entries, what)} ([policy] max_entries)"

    def too_deep(self, path: bytes) -> str:
        """Return the finding of a tree that has *path*, which no file system may take."""
        return f"too-deep: {show_path(path[:80])}: {_too_deep(self.max_path)}"

    def too_large(self, more: str = "") -> str:
        """Return the finding of a tree whose files are too large together, *more* included."""
        size = counted(self.max_bytes, "byte")
        return f"too-many-bytes: the files are larger than {size} together{more} ([policy] max_bytes)"

    def of_submodules(self, entries: int, size: int) -> str:
        """Return the finding of submodules that have so many *entries* together, of *size*; nothing if they may."""
        if entries > self.max_entries:
            most = counted(self.max_entries, "entry")
            return f"too-many-entries: the submodules have more than {most} together ([policy] max_entries)"
        if size > self.max_bytes:
            most = counted(self.max_bytes, "byte")
            return f"too-many-bytes: the files of the submodules are larger than {most} together ([policy] max_bytes)"
        return ""


class _Scan(Struct):
    """What is known of the entries that were seen so far."""

    findings: list[str] = field(default_factory=list)
    parts: dict[bytes, set[bytes]] = field(default_factory=dict)
    links: list[TreeEntry] = field(default_factory=list)

    def add(self, rule: str, path: bytes, why: str) -> None:
        self.findings.append(f"{rule}: {show_path(path)}: {why}")


def show_path(path: bytes) -> str:
    """Return *path* as text that is safe to print: what is not printable stands as an escape."""
    text = path.decode("utf-8", "surrogateescape")
    return "".join(char if char.isprintable() else escaped(char) for char in text)


def name_of(path: bytes) -> str:
    """Return *path* as text as it is, which whoever prints it makes safe; what is not UTF-8 stands as an escape."""
    return path.decode("utf-8", "backslashreplace")


def scan_tree(
    entries: Iterable[TreeEntry], *, limits: TreeLimits, read_link: Callable[[str], bytes]
) -> tuple[list[TreeEntry], tuple[str, ...]]:
    """Return the entries and what is wrong with them; stops reading as soon as a limit is passed.

    *read_link* returns the target of a symbolic link by the object id of its blob. Of many findings ten are kept, and
    a count of the rest.
    """
    kept, total = list[TreeEntry](), 0
    for count, entry in enumerate(entries, 1):
        total += entry.size
        if count > limits.max_entries:
            return [], (limits.too_many(),)
        if total > limits.max_bytes:
            return [], (limits.too_large(),)
        kept.append(entry)
    scan, is_plain = _Scan(), _PLAIN.fullmatch
    if _has_harmless_names([entry.path for entry in kept], min(DEPTH_LIMIT, limits.max_path)):
        scan.links.extend(entry for entry in kept if entry.mode == LINK)
    else:
        for entry in kept:
            _scan_entry(scan, entry, limits.max_path, plain=is_plain(entry.path) is not None)
        _scan_folders(scan)
    _scan_modes(scan, kept)
    if scan.links:
        _scan_links(scan, read_link, [entry.path for entry in kept if entry.mode == GITLINK])
    return kept, _shortened(scan.findings)


def _has_harmless_names(paths: Sequence[bytes], longest: int = DEPTH_LIMIT) -> bool:
    """Tell whether no rule about names can be against *paths*, as is so of nearly every tree; all are below *longest*.

    All are looked at together, which takes a fifth of what it takes to look at each.
    """
    if _ALL_PLAIN.fullmatch(b"\0".join(paths)) is None or max(map(len, paths)) >= longest:
        return False
    folders = {path.rpartition(b"/")[0] for path in paths}
    ahead = folders
    while ahead := {path.rpartition(b"/")[0] for path in ahead if path} - folders:
        folders |= ahead
    names = folders.union(paths)
    folded = {name.lower() for name in names}
    # No two are the same but for case, and no folder can be one that git takes for a repository: all have a HEAD.
    return len(folded) == len(folders) + len(paths) and not any(name.endswith(b"/head") for name in folded)


def _scan_entry(scan: _Scan, entry: TreeEntry, max_path: int, *, plain: bool) -> None:
    path = entry.path
    if path.count(b"/") >= DEPTH_LIMIT or len(path) > max_path:
        scan.add("too-deep", path[:80], _too_deep(max_path))
        return
    if len(path) > _NAME_BYTES and any(len(part) > _NAME_BYTES for part in path.split(b"/")):
        scan.add("long-name", path[:80], f"a name longer than {_NAME_BYTES} bytes")
    if not plain:
        _scan_name(scan, path)
    if entry.mode == LINK:
        scan.links.append(entry)
    while True:
        folder, _, name = path.rpartition(b"/")
        known = scan.parts.get(folder)
        if known is not None:
            known.add(name)
            return
        scan.parts[folder] = {name}
        if not folder:
            return
        path = folder


def _too_deep(max_path: int) -> str:
    return f"deeper than {DEPTH_LIMIT} folders or longer than {max_path} bytes"


def _scan_name(scan: _Scan, path: bytes) -> None:
    if any(byte < 0x20 or byte == 0x7F for byte in path):
        scan.add("control-bytes", path, "control bytes in a file name")
    elif not path.isascii() and _STEERING.search(path.decode("utf-8", "surrogateescape")):
        scan.add("control-bytes", path, "characters in a file name that make it look like another")
    if b"\\" in path:
        scan.add("backslash", path, "a backslash separates folders on Windows")
    if any(_is_git_alias(part) for part in path.split(b"/")):
        scan.add("git-alias", path, "a name that some file system reads as .git, or as a way out of the folder")


def _is_git_alias(part: bytes) -> bool:
    text = part.decode("utf-8", "surrogateescape")
    visible = "".join(char for char in text if unicodedata.category(char) != "Cf")
    folded = visible.casefold().split(":", 1)[0].rstrip(". ")
    return folded in (".git", "git~1", "") or text in (".", "..")


def _folded(name: bytes) -> bytes:
    """Return what a file system may take *name* for, where neither case nor Unicode form counts."""
    if name.isascii():
        return name.lower()
    text = unicodedata.normalize("NFC", name.decode("utf-8", "surrogateescape")).casefold()
    return text.encode("utf-8", "surrogateescape")


def _scan_folders(scan: _Scan) -> None:
    for folder, names in scan.parts.items():
        folded = {_folded(name) for name in names}
        if len(folded) < len(names):
            _scan_twins(scan, folder, names)
        # As git's is_git_directory sees it (setup.c): executable files or links do for objects and refs, and
        # commondir stands in for both. In the root, .git is found first.
        if folder and any(folded >= parts for parts in _BARE_PARTS):
            scan.add("embedded-repository", folder, "git takes this folder for a repository and obeys its config")


def _scan_twins(scan: _Scan, folder: bytes, names: set[bytes]) -> None:
    seen: dict[bytes, bytes] = {}
    for name in sorted(names):
        key = _folded(name)
        if key in seen:
            path = (folder + b"/" if folder else b"") + name
            other = show_path(seen[key])
            scan.add("name-twins", path, f"is the same file as {other} where case or Unicode form does not count")
        seen[key] = name


def _scan_modes(scan: _Scan, entries: Sequence[TreeEntry]) -> None:
    if {entry.mode for entry in entries} <= _MODES:
        return
    for entry in entries:
        if entry.mode not in _MODES:
            scan.add("odd-mode", entry.path, f"mode {entry.mode} is of no file, folder, link or submodule")


def _scan_links(scan: _Scan, read_link: Callable[[str], bytes], submodules: Sequence[bytes]) -> None:
    # What is too long is not read: it may have as many bytes as all files together may have.
    whole = {entry.path: read_link(entry.oid) if entry.size <= _TARGET_BYTES else b"" for entry in scan.links}
    for path, target in whole.items():
        if not target or b"\0" in target or len(target) > _TARGET_BYTES:
            why = f"a symbolic link whose target is empty, holds a NUL or is longer than {_TARGET_BYTES} bytes"
            scan.add("bad-link", path, why)
    # symlink(2) ends the target at a NUL, so what follows one must not count.
    targets = {path: target.split(b"\0", 1)[0] for path, target in whole.items()}
    modules = {_place(path.split(b"/")) for path in submodules}
    by_place = {_place(path.split(b"/")): target for path, target in targets.items()}
    for path, target in targets.items():
        if target.startswith(b"/"):
            scan.add("absolute-link", path, "a symbolic link to an absolute path")
            continue
        found = landings(path, by_place, modules, place=_place)
        if found is None:
            scan.add("escaping-link", path, "a symbolic link that leaves the repository")
        elif any(_is_git_alias(part) for landing in found for part in landing):
            scan.add("link-into-git", path, "a symbolic link into .git")


def _place(parts: Iterable[bytes]) -> bytes:
    return _folded(b"/".join(parts))


def _shortened(findings: list[str]) -> tuple[str, ...]:
    if len(findings) <= _SHOWN:
        return tuple(findings)
    return (*findings[:_SHOWN], f"and {len(findings) - _SHOWN} more")


def content_line(mode: str, blob_sha256: str, path: bytes) -> bytes:
    """Return what one entry adds to ``content_sha256``: ``<mode> <sha256 of the blob> <path>`` and a NUL."""
    return mode.encode("ascii") + b" " + blob_sha256.encode("ascii") + b" " + path + b"\0"


def content_digest(entries: Iterable[TreeEntry], hashes: Iterator[str]) -> str:
    """Return the ``content_sha256`` of *entries*, in the order of git, whose blobs have *hashes*, gitlinks left out."""
    return sha256_of(
        content_line(entry.mode, EMPTY_SHA256 if entry.mode == GITLINK else next(hashes), entry.path)
        for entry in entries
    )
