"""Read what ``git ls-remote`` lists."""

from __future__ import annotations

from git_hybrid.core.errors import WrongContent
from git_hybrid.core.ids import InvalidText, Oid, RefName, parse_full_ref, parse_oid
from git_hybrid.core.ports import RemoteRefs

_PEELED = "^{}"


def parse_refs(out: bytes) -> RemoteRefs:
    """Return the refs in the output of ``git ls-remote --symref``; other refs than branches and tags are left out.

    Raises:
        WrongContent: a line is not what git writes.
    """
    tips: dict[str, Oid] = {}
    peeled: dict[str, Oid] = {}
    head: RefName | None = None
    # Not splitlines(): names may hold what ends a line for Python alone.
    for line in out.decode("utf-8", "surrogateescape").removesuffix("\n").split("\n") if out else ():
        left, tab, right = line.partition("\t")
        if not tab:
            raise WrongContent(name="", what="list of refs", expected="<id> TAB <ref>", found=line[:80])
        if left.startswith("ref: ") and right == "HEAD":
            head = known_ref(left.removeprefix("ref: "))
            continue
        name = known_ref(right.removesuffix(_PEELED))
        if name is None:
            continue
        try:
            (peeled if right.endswith(_PEELED) else tips)[name] = parse_oid(left)
        except InvalidText as error:
            raise WrongContent(name="", what="list of refs", expected="an object id", found=left[:80]) from error
    return RemoteRefs(tips=tips, peeled=peeled, head=head)


def head_of(out: bytes) -> Oid | None:
    """Return what stands at HEAD in the output of ``git ls-remote``; None where that is in no line."""
    # Not of a remote: the pattern HEAD finds refs/remotes/origin/HEAD too.
    lines = (line for line in out.decode("ascii", "replace").split("\n") if line.endswith("\tHEAD"))
    return next((parse_oid(line.removesuffix("\tHEAD")) for line in lines), None)


def known_ref(text: str) -> RefName | None:
    """Return *text*, which a stranger sent, as the full name of a ref; None if it is none."""
    try:
        return parse_full_ref(text)
    except InvalidText:
        return None
