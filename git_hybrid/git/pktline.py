"""Git's protocol, as far as lists of refs and the whole history of one ref go: packets, what is asked and answered.

The formats are those of gitprotocol-common(5) (pkt-line), gitprotocol-pack(5) (version 0) and gitprotocol-v2(5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from git_hybrid.core.ids import InvalidText, Oid, RefName, parse_oid
from git_hybrid.core.ports import RemoteRefs
from git_hybrid.git.reflist import known_ref

_FLUSH, _DELIMITER = b"0000", b"0001"
_HEX = frozenset(b"0123456789abcdefABCDEF")
_FORMAT = b"object-format="
_SERVICE = b"# service=git-upload-pack\n"
_PACK_BAND = b"\1"
_BANDS = (_PACK_BAND, b"\2")
"""The bands of a pack and of words about it; the third is that of an error."""
NOTHING_SHARED = b"0008NAK\n"
"""What a server says to one that has nothing, before the pack (gitprotocol-pack(5))."""


class NotUnderstood(Exception):
    """An answer is not what the protocol says: git itself has to be asked what that means."""


class Garbled(NotUnderstood):
    """What came is no sequence of packets, or ends within one."""


def ls_refs() -> bytes:
    """Return the request for branches and tags with what the tags point at, and for the default branch."""
    return _asked(
        "ls-refs", ["peel", "symrefs", *(f"ref-prefix {ref}" for ref in ("HEAD", "refs/heads/", "refs/tags/"))]
    )


def question_of(ref: str) -> bytes:
    """Return the request of version 2 of the protocol for what *ref* is, and refs that begin like it."""
    return _asked("ls-refs", [f"ref-prefix {ref}"])


def wanted_beyond(oid: str, haves: Iterable[str]) -> bytes:
    """Return the request of version 2 of the protocol for all history of *oid* that is not history of *haves*."""
    options = ["thin-pack", "no-progress", "ofs-delta", f"want {oid}", *(f"have {have}" for have in haves), "done"]
    return _asked("fetch", options)


def wanted(oid: str) -> bytes:
    """Return the request of version 0 of the protocol for all history of *oid*, by somebody who has nothing."""
    return b"".join([_line_of(f"want {oid} ofs-delta no-progress"), _FLUSH, _line_of("done")])


def _asked(command: str, options: Iterable[str]) -> bytes:
    return b"".join([_line_of(f"command={command}"), _DELIMITER, *map(_line_of, options), _FLUSH])


def _line_of(text: str) -> bytes:
    """Return the packet of one line."""
    data = text.encode()
    return b"%04x%s\n" % (len(data) + 5, data)


class Lines:
    """Reads packets out of the pieces that *more* returns, of which an empty one is the end."""

    def __init__(self, more: Callable[[], bytes]) -> None:
        """Begin with nothing read."""
        self._more = more
        self._data = b""
        self._at = 0

    def read(self) -> bytes | None:
        """Return what the next packet holds, None for a flush.

        Raises:
            Garbled: there is none, or it is no packet.
            NotUnderstood: it is an error, or ends what the protocol does not have here.
        """
        digits = self.exactly(4)
        if not _HEX.issuperset(digits):
            raise Garbled
        size = int(digits, 16)
        if size == 0:
            return None
        if size < 4:
            raise NotUnderstood
        packet = self.exactly(size - 4)
        if packet.startswith(b"ERR "):
            raise NotUnderstood
        return packet

    def until_flush(self) -> Iterator[bytes]:
        """Yield packets up to the next flush.

        Raises:
            NotUnderstood: there is none.
        """
        while (packet := self.read()) is not None:
            yield packet

    def exactly(self, count: int) -> bytes:
        """Return the next *count* bytes, having read no further than the piece that they end in.

        Raises:
            Garbled: there are not so many.
        """
        if len(self._data) - self._at < count:
            pieces, there = [self._data[self._at :]], len(self._data) - self._at
            while there < count:
                piece = self._more()
                if not piece:
                    raise Garbled
                pieces.append(piece)
                there += len(piece)
            self._data, self._at = b"".join(pieces), 0
        self._at += count
        return self._data[self._at - count : self._at]

    def require_end(self) -> None:
        """Read on, where nothing comes any more.

        Raises:
            NotUnderstood: something comes.
        """
        if len(self._data) > self._at or self._more():
            raise NotUnderstood


def lines_of(answer: bytes) -> Lines:
    """Return what reads the packets of a whole *answer*."""
    left = iter((answer,))
    return Lines(lambda: next(left, b""))


def parse_ls_refs(answer: bytes) -> RemoteRefs:
    """Return the refs in a whole answer; other refs than branches and tags are left out.

    Raises:
        NotUnderstood: it is no list of refs, or not all of one.
    """
    tips: dict[str, Oid] = {}
    peeled: dict[str, Oid] = {}
    head: RefName | None = None
    lines = lines_of(answer)
    for line in lines.until_flush():
        text, *words = line.removesuffix(b"\n").decode("utf-8", "surrogateescape").split(" ")
        if not words:
            raise NotUnderstood
        name, oid = words[0], _oid(text)
        facts = dict(item.partition(":")[::2] for item in words[1:])
        if name == "HEAD":
            head = known_ref(facts.get("symref-target", ""))
        ref = known_ref(name)
        if ref is not None:
            tips[ref] = oid
            if "peeled" in facts:
                peeled[ref] = _oid(facts["peeled"])
    # What comes after that is of another protocol.
    lines.require_end()
    return RemoteRefs(tips=tips, peeled=peeled, head=head)


def _oid(text: str) -> Oid:
    try:
        return parse_oid(text)
    except InvalidText as error:
        raise NotUnderstood from error


def advertised(lines: Lines, ref: str) -> str | None:
    """Return the id of *ref* in the list that a server of version 0 begins with; None if it is not there.

    Raises:
        NotUnderstood: the server lacks some of its own history, has objects of another format, or talks otherwise.
        InvalidText: the id is none.
    """
    found: str | None = None
    for number, line in enumerate(lines.until_flush()):
        words, _, capabilities = line.rstrip(b"\n").partition(b"\0")
        oid, _, name = words.partition(b" ")
        told = capabilities.split(b" ")
        if number == 0 and (b"ofs-delta" not in told or _has_other_objects(told)):
            raise NotUnderstood
        if oid == b"shallow":
            raise NotUnderstood
        if name == ref.encode("utf-8", "surrogateescape"):
            found = parse_oid(oid.decode("ascii", "replace"))
    return found


def _has_other_objects(capabilities: Iterable[bytes]) -> bool:
    return any(word.startswith(_FORMAT) and word != _FORMAT + b"sha1" for word in capabilities)


def require_version_2(lines: Lines) -> None:
    """Read what a server of version 2 says of itself, over HTTP too (gitprotocol-http(5)).

    Raises:
        NotUnderstood: it speaks another version, or has objects of another format.
    """
    first = lines.read()
    if first == _SERVICE and lines.read() is None:
        first = lines.read()
    if first != b"version 2\n":
        raise NotUnderstood
    formats = [line.rstrip(b"\n") for line in lines.until_flush()]
    if _has_other_objects(formats):
        raise NotUnderstood


def pieces_of_pack(lines: Lines) -> Iterator[bytes]:
    """Yield the pack in the answer to :func:`wanted_beyond`, piece by piece.

    Raises:
        NotUnderstood: there is none, or all of it did not come, or the server lacks some of its own history.
    """
    if lines.read() != b"packfile\n":
        raise NotUnderstood
    for packet in lines.until_flush():
        if packet[:1] not in _BANDS:
            raise NotUnderstood
        # One without anything only says that the server is still there.
        if packet[:1] == _PACK_BAND and len(packet) > 1:
            yield packet[1:]


def answer_of(lines: Lines, ref: str) -> str | None:
    """Return the id of exactly *ref* in a list of refs of version 2.

    Raises:
        NotUnderstood: it is no such list.
        InvalidText: the id is none.
    """
    told = list(lines.until_flush())
    if any(b"\0" in line for line in told):
        raise NotUnderstood
    found = [line.decode("utf-8", "surrogateescape").rstrip("\n").split(" ") for line in told]
    return next((parse_oid(words[0]) for words in found if words[1:2] == [ref]), None)
