"""Git's protocol, version 2, as far as listing refs goes: what is asked, and what an answer says. Pure.

The formats are those of gitprotocol-v2(5) (ls-refs) and gitprotocol-common(5) (pkt-line).
"""

from __future__ import annotations

from git_hybrid.core.ids import InvalidText, Oid, RefName, parse_oid
from git_hybrid.core.ports import RemoteRefs
from git_hybrid.git.reflist import known_ref

FLUSH, DELIMITER = b"0000", b"0001"
_HEX = frozenset(b"0123456789abcdefABCDEF")


class NotUnderstood(Exception):
    """An answer is not what version 2 of the protocol says: git itself has to be asked what that means."""


class Garbled(NotUnderstood):
    """What came is no sequence of packets, or ends within one."""


def ls_refs() -> bytes:
    """Return the request for branches and tags with what the tags point at, and for the default branch."""
    options = [b"peel", b"symrefs", b"ref-prefix HEAD", b"ref-prefix refs/heads/", b"ref-prefix refs/tags/"]
    return b"".join([line_of(b"command=ls-refs"), DELIMITER, *map(line_of, options), FLUSH])


def line_of(text: bytes) -> bytes:
    """Return the packet of one line."""
    return b"%04x%s\n" % (len(text) + 5, text)


def parse_ls_refs(answer: bytes) -> RemoteRefs:
    """Return the refs in a whole answer; other refs than branches and tags are left out.

    Raises:
        NotUnderstood: it is no list of refs, or not all of one.
    """
    tips: dict[str, Oid] = {}
    peeled: dict[str, Oid] = {}
    head: RefName | None = None
    for line in _lines(answer):
        text, name, *attributes = line.decode("utf-8", "surrogateescape").split(" ")
        oid = _oid(text)
        facts = dict(item.partition(":")[::2] for item in attributes)
        if name == "HEAD":
            head = known_ref(facts.get("symref-target", ""))
        ref = known_ref(name)
        if ref is not None:
            tips[ref] = oid
            if "peeled" in facts:
                peeled[ref] = _oid(facts["peeled"])
    return RemoteRefs(tips=tips, peeled=peeled, head=head)


def _lines(answer: bytes) -> list[bytes]:
    """Return the lines before the flush that ends the answer, each of at least two words."""
    found: list[bytes] = []
    at = 0
    while (length := length_of(answer[at : at + 4])) > 4:
        line = answer[at + 4 : at + length].removesuffix(b"\n")
        if len(answer) < at + length or line.startswith(b"ERR ") or b" " not in line:
            raise NotUnderstood
        found.append(line)
        at += length
    # Anything else than one flush at the very end was cut, or is another protocol.
    if answer[at:] != FLUSH:
        raise NotUnderstood
    return found


def length_of(digits: bytes) -> int:
    """Return the length that a packet begins with, its own four digits counted.

    Raises:
        Garbled: it begins with something else.
    """
    if len(digits) != 4 or not _HEX.issuperset(digits):
        raise Garbled
    return int(digits, 16)


def _oid(text: str) -> Oid:
    try:
        return parse_oid(text)
    except InvalidText as error:
        raise NotUnderstood from error
