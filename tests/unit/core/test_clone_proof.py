from __future__ import annotations

import hashlib

import pytest

from git_hybrid.core.clone_proof import (
    Content,
    FileSeen,
    Standing,
    digest_on_disk,
    index_differences,
    is_lfs_content,
    judge_content,
    judge_lfs,
    judge_packs,
    judge_standing,
)
from git_hybrid.core.errors import LocalIo
from git_hybrid.core.plan import ATTRIBUTES_FILE, NO_SETTINGS, SPARSE_FILE, Absent, Broken, Clone, Foreign, Unreadable
from git_hybrid.core.tree import TreeEntry, content_line
from git_hybrid.core.value import replace
from git_hybrid.core.words import pinning_head
from support.values import a_pin, oid

PIN = a_pin()
DATA = b"data"
UNREAD = "mend disk and rights, then: git hybrid check sources"
SEEN = FileSeen(mode="100644", blob=oid(5), sha256=hashlib.sha256(DATA).hexdigest(), size=4)
FILE = TreeEntry("100644", oid(5), 0, b"a")
LINK = TreeEntry("160000", oid(6), 0, b"sub")
STANDING = Standing(tree=PIN.tree, entries=(FILE,))
CLONE = Clone(head=PIN.commit)
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{SEEN.sha256}\nsize 4\n".encode()


def whats(*violations: object) -> str:
    return " | ".join(str(getattr(item, "what", "")) for item in violations)


def test_a_clone_at_its_pin_is_proved() -> None:
    assert judge_standing(PIN, CLONE, STANDING) == ()


def test_what_was_not_made_yet_is_no_violation() -> None:
    assert judge_standing(PIN, Absent(), None) == ()


@pytest.mark.parametrize(
    ("seen", "word", "mend", "code"),
    [
        (Foreign("a file"), "a file", "git hybrid status tool", 1),
        (Broken("no HEAD"), "no HEAD", "git hybrid sync tool", 1),
        (Unreadable(LocalIo(path="p", operation="read", reason="EIO")), "cannot read p: EIO", UNREAD, 74),
    ],
)
def test_what_is_no_clone_is_told(seen: Foreign | Broken | Unreadable, word: str, mend: str, code: int) -> None:
    (found,) = judge_standing(PIN, seen, None)
    assert word in found.what
    assert (found.mend, found.exit_code) == (mend, code)
    assert (found.file, found.entry) == ("sources/tool", "source.tool")


@pytest.mark.parametrize(
    ("clone", "word"),
    [
        (Clone(head=oid(9)), f"HEAD is {oid(9)}"),
        (replace(CLONE, locked="HEAD.lock"), "another git process"),
        (replace(CLONE, operation="merge"), "a merge is in progress"),
        (replace(CLONE, dirty=("x",), dirty_count=12), "12 files changed: x"),
        (replace(CLONE, lfs=True, pointers=("a.bin",)), "Git LFS pointers stand in place of content: a.bin"),
    ],
)
def test_what_a_clone_is_not_is_told(clone: Clone, word: str) -> None:
    (found,) = judge_standing(PIN, clone, STANDING)
    assert word in found.what


@pytest.mark.parametrize(
    ("standing", "word", "mend"),
    [
        (
            replace(STANDING, tree=oid(8)),
            f"the lock names the tree {PIN.tree}",
            "git checkout HEAD -- state/sources.lock",
        ),
        (replace(STANDING, tree=None, broken="the tree x is missing"), "the tree x", "git hybrid reset tool"),
        (replace(STANDING, index_differs=tuple("abcdefghijkl")), "j and 2 more", "git hybrid reset tool"),
        (replace(STANDING, oddities=("an oddity",)), "an oddity", "git hybrid check sources"),
        (
            replace(STANDING, oddities=(".git/config sets alias.x, core.editor",)),
            "alias.x, core.editor",
            " && git config --file sources/tool/.git/config --unset-all core.editor",
        ),
        (replace(STANDING, oddities=(".git/config sets alias.$(x)",)), "alias", "git hybrid check sources"),
        (replace(STANDING, oddities=(f"{ATTRIBUTES_FILE} is missing",)), "is missing", "git hybrid reset tool"),
        (replace(STANDING, oddities=(f"{SPARSE_FILE} x",)), "x", "git -C sources/tool sparse-checkout disable"),
        (replace(STANDING, oddities=(f"{NO_SETTINGS}, so",)), "is missing or empty", "git hybrid reset tool"),
    ],
)
def test_what_the_objects_say_is_told(standing: Standing, word: str, mend: str) -> None:
    (found,) = judge_standing(PIN, CLONE, standing)
    assert word in found.what
    assert mend in found.mend


def test_another_commit_is_told_once() -> None:
    """Its index is another one too; the same command mends both."""
    moved = replace(STANDING, index_differs=("a",))
    (found,) = judge_standing(PIN, Clone(head=oid(9)), moved)
    back = "git hybrid diff tool, then git hybrid reset tool"
    assert found.mend == f"{back}; or, {pinning_head('tool', oid(9))}"
    # Nor are the objects of a pin damaged that a pull brought, and no sync has fetched yet.
    absent = replace(STANDING, tree=None, broken="the commit x is missing")
    assert judge_standing(PIN, Clone(head=oid(9)), absent) == (found,)
    assert len(judge_standing(PIN, Clone(head=oid(9), has_pin=True), absent)) == 2


def test_a_clone_that_a_sync_brings_along_is_mended_by_it() -> None:
    for seen, recorded in ((Clone(head=oid(9)), oid(9)), (Clone(head=oid(9), installed=oid(9)), oid(8))):
        (found,) = judge_standing(PIN, seen, STANDING, recorded)
        assert found.mend == "git hybrid sync tool"
        first, second = judge_standing(PIN, replace(seen, dirty=("x",), dirty_count=1), STANDING, recorded)
        assert first.mend == second.mend == "git hybrid diff tool, then git hybrid reset tool"


def digest_of(*lines: bytes) -> str:
    return hashlib.sha256(b"".join(lines)).hexdigest()


def pinned(*lines: bytes) -> object:
    return replace(PIN, content_sha256=digest_of(*lines))


LINE = content_line("100644", SEEN.sha256, b"a")


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ({}, "1 missing: a"),
        ({b"a": replace(SEEN, blob=oid(7))}, "1 with other content: a"),
        ({b"a": replace(SEEN, mode="100755")}, "1 with another mode or kind: a"),
        ({b"a": SEEN, b"b\x1b": FileSeen(mode="fifo")}, "does not have: b\\x1b"),
    ],
)
def test_each_difference_is_told(files: dict[bytes, FileSeen], word: str) -> None:
    (found,) = judge_content(pinned(LINE), STANDING, Content(files=files), submodules=False)
    assert word in found.what


def test_what_git_ignores_has_a_mend_of_its_own() -> None:
    extra = Content(files={b"a": SEEN, b"a.o": SEEN})
    (found,) = judge_content(pinned(LINE), STANDING, extra, submodules=False)
    assert found.mend == "git hybrid reset tool, and for what git ignores: git -C sources/tool clean -fdX"


def test_the_same_content_is_proved() -> None:
    assert judge_content(pinned(LINE), STANDING, Content(files={b"a": SEEN}), submodules=False) == ()


def test_damaged_packs_are_told_with_what_makes_them_anew() -> None:
    assert judge_packs(PIN, ()) == ()
    (found,) = judge_packs(PIN, ("pack-1.pack",))
    assert "pack-1.pack" in found.what
    assert found.mend.endswith("git hybrid sync tool")


def test_damaged_content_of_lfs_is_told_with_what_fetches_it_again() -> None:
    assert judge_lfs(PIN, ()) == ()
    (found,) = judge_lfs(PIN, ("a" * 64,))
    assert "a" * 64 in found.what
    assert found.mend == "git hybrid reset tool"


def test_another_digest_in_the_lock_is_told() -> None:
    (found,) = judge_content(PIN, STANDING, Content(files={b"a": SEEN}), submodules=False)
    assert "content_sha256" in found.what
    assert found.mend == "git checkout HEAD -- state/sources.lock"


def test_a_submodule_that_was_not_asked_for_must_not_be_there() -> None:
    standing = Standing(tree=PIN.tree, entries=(LINK,))
    pin = pinned(content_line("160000", hashlib.sha256(b"").hexdigest(), b"sub"))
    assert judge_content(pin, standing, Content(files={}), submodules=False) == ()
    there = Content(files={b"sub": FileSeen(mode="160000")})
    (found,) = judge_content(pin, standing, there, submodules=False)
    assert "1 submodules that the manifest does not ask for: sub" in found.what
    assert found.mend.endswith("git -C sources/tool submodule deinit --all")
    (found,) = judge_content(pin, standing, Content(files={b"sub": SEEN}), submodules=False)
    assert "does not have: sub" in found.what


def test_what_a_sync_has_to_do_is_told_once() -> None:
    (found,) = judge_standing(PIN, CLONE, STANDING, differs="its history is cut off")
    assert (found.what, found.mend) == ("its history is cut off", "git hybrid sync tool")
    edited, elsewhere = replace(CLONE, dirty=("x",), dirty_count=1), Clone(head=oid(9))
    for clone in (edited, elsewhere):
        assert judge_standing(PIN, clone, STANDING, differs="its") == judge_standing(PIN, clone, STANDING)


def test_a_submodule_that_was_asked_for_is_compared() -> None:
    standing = Standing(tree=PIN.tree, entries=(LINK,))
    pin = pinned(content_line("160000", hashlib.sha256(b"").hexdigest(), b"sub"))

    def judged(content: Content) -> str:
        return whats(*judge_content(pin, standing, content, submodules=True))

    seen = FileSeen(mode="160000")
    good = Content(files={b"a": SEEN})
    assert judged(Content(files={b"sub": seen}, inner={b"sub": (STANDING, good)})) == ""
    assert "submodules not at their commit: sub" in judged(Content(files={}))
    wrong = Content(files={b"sub": seen}, inner={b"sub": (replace(STANDING, broken="x"), good)})
    assert "submodules not at their commit: sub" in judged(wrong)
    changed = Content(files={b"sub": seen}, inner={b"sub": (STANDING, Content(files={}))})
    assert "1 missing: sub/a" in judged(changed)


@pytest.mark.parametrize(
    ("seen", "pointer", "is_content"),
    [
        (SEEN, POINTER, True),
        (replace(SEEN, size=5), POINTER, False),
        (replace(SEEN, sha256="0" * 64), POINTER, False),
        (SEEN, b"oid sha256:" + SEEN.sha256.encode() + b"\nsize 4\n", False),
        (SEEN, None, False),
    ],
)
def test_lfs_content_is_what_its_pointer_names(seen: FileSeen, pointer: bytes | None, is_content: bool) -> None:
    assert is_lfs_content(seen, pointer) is is_content


def test_of_lfs_content_the_pointer_counts_as_in_the_lock() -> None:
    entries = [FILE]
    content = Content(files={b"a": replace(SEEN, blob=oid(9))}, pointers={b"a": POINTER})
    assert digest_on_disk(entries, content) == digest_of(
        content_line("100644", hashlib.sha256(POINTER).hexdigest(), b"a")
    )
    unfetched = Content(files={b"a": SEEN}, pointers={b"a": POINTER})
    assert digest_on_disk(entries, unfetched) == digest_of(LINE)


def test_the_index_is_compared_path_by_path() -> None:
    index = [("100644", oid(5), b"a"), ("100755", oid(5), b"b\n")]
    assert index_differences([FILE], index) == ("b\\x0a",)
    assert index_differences([FILE], index[:1]) == ()
    assert index_differences([FILE], [("100755", oid(5), b"a")]) == ("a",)
