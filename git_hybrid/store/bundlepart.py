"""What a bundle file carries of one source, taken out of it without the rest; what stands in front is read as well.

The rest is proved by whoever takes the bundle over; here the pin of the lock and the content digest prove what comes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from git_hybrid.core.errors import NewerSchema, reported
from git_hybrid.core.value import Struct
from git_hybrid.store.bundlefile import BLOCK, END, Reader, read_front
from git_hybrid.store.bundleinventory import INVENTORY, member_of


class Part(Struct, frozen=True, kw_only=True):
    """Where in the bundle file at ``path`` a member stands; ``start`` and ``size`` are in bytes."""

    path: Path
    member: str
    start: int
    size: int
    sha256: str


def is_bundle_file(path: Path) -> bool:
    """Tell whether the file at *path* begins as ``bundle create`` has it begin.

    Raises:
        LocalIo: it cannot be read.
    """
    with reported(path, "read"), open(path, "rb") as file:
        return file.read(len(INVENTORY)) == INVENTORY.encode()


def parts_of(path: Path) -> Mapping[str, Part]:
    """Return what the bundle file at *path* carries, by source and by the keys of what is inside of sources.

    A source that it does not carry whole may be in it.

    Raises:
        BadBundle: its inventory is damaged, or the file was cut.
        NewerSchema: a newer version of the program made it.
        LocalIo: it cannot be read.
    """
    with reported(path, "read"), open(path, "rb") as file:
        reader = Reader(str(path), file, hashlib.sha256())
        try:
            front = read_front(reader)
        except NewerSchema as error:
            raise NewerSchema(path=f"{path} ({error.path})", found=error.found, known=error.known) from None
        at, places = file.tell(), dict[str, Part]()
        for name, size, sha256 in front.said.listed:
            places[name] = Part(path=path, member=name, start=at, size=size, sha256=sha256)
            at += BLOCK + size + -size % BLOCK
        if os.fstat(file.fileno()).st_size != at + len(END):
            raise reader.bad("end of the file", "is not where the inventory has it: it was cut, or is still copied")
    keys = (*(item.name for item in front.said.carried), *(front.said.inside or ()))
    members = {key: member_of(key) for key in keys}
    return {name: places[member] for name, member in members.items() if member in places}


def take_part(part: Part, target: Path) -> None:
    """Write the git bundle, or the content, that *part* is to the new file *target*.

    Raises:
        BadBundle: it is not what the inventory says.
        LocalIo: the file system refused.
    """
    with reported(part.path, "read"), open(part.path, "rb") as file:
        file.seek(part.start)
        Reader(str(part.path), file, hashlib.sha256()).listed(part.member, target, part.size, part.sha256)
