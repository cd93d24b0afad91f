"""Packs as a server sends them, made here so that something can be wrong with them."""

from __future__ import annotations

import subprocess

from support.upstream import Upstream


def packed(upstream: Upstream, objects: str, *options: str) -> bytes:
    """Return the pack of *objects* of *upstream*, an id a line; with ``--revs`` in *options*, of what these lines name."""
    argv = ["git", "-C", str(upstream.path), "pack-objects", "--stdout", "-q", *options]
    return subprocess.run(argv, input=objects.encode(), stdout=subprocess.PIPE, check=True).stdout


def framed(pack: bytes, size: int = 1000) -> bytes:
    """Return *pack* in packets of the first band (gitprotocol-pack(5)), each with up to *size* bytes of it."""
    pieces = [pack[at : at + size] for at in range(0, len(pack), size)]
    return b"".join(b"%04x\1%s" % (len(piece) + 5, piece) for piece in pieces)
