"""What pin, override and override request share: the options of an approval, and what is read out of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import click

from git_hybrid.cli.arguments import parsed
from git_hybrid.cli.filled import FILE, TEXT
from git_hybrid.core.asking import Signing
from git_hybrid.core.errors import BadArgument, HybridError
from git_hybrid.core.ids import Oid, parse_oid
from git_hybrid.core.override import Kind
from git_hybrid.git.run import Runner
from git_hybrid.git.signing import is_signed
from git_hybrid.store.parsing import decode_text, read_bytes
from git_hybrid.store.wire import SIGNATURE_LIMIT

signature_option = click.option(
    "--signature",
    "signatures",
    multiple=True,
    type=FILE,
    metavar="FILE",
    help="The SSH signature of an approver, where policy names a key; repeatable.",
)
finding_option = click.option(
    "--finding",
    "findings",
    multiple=True,
    type=TEXT,
    metavar="ID",
    help="A finding to accept: on the pinned commit, or with --kind pin on the one that is forced; repeatable.",
)


def accepts_findings(kind: Kind | None, findings: Sequence[str]) -> bool:
    """Tell whether what is asked for is to accept findings on the pinned commit, and no move."""
    return kind == "scan" or (kind is None and bool(findings))


def refuse_beside_findings(waived: tuple[str, ...], *, scan: bool = False) -> None:
    """Raise if findings are to be accepted and objects let pass by one approval, or a new commit scanned.

    Raises:
        BadArgument: they are.
    """
    if waived:
        raise BadArgument(what="--waive", value=waived[0], reason="is for a pin that is forced, not for findings")
    if scan:
        reason = "is for a commit that is not pinned yet: findings are accepted on the pinned one"
        raise BadArgument(what="--scan", value="scan", reason=reason, hint="git hybrid scan")


def object_ids(waived: tuple[str, ...]) -> tuple[Oid, ...]:
    """Return the ids that *waived* names, in the order in which an approver signs them.

    Raises:
        BadArgument: one of them is none.
    """
    return tuple(sorted({parsed(parse_oid, "--waive", text) for text in waived}))


def signing_by(runner: Runner, paths: Sequence[Path]) -> Signing:
    """Return the signatures in the files at *paths*, and the texts that lie beside them.

    Raises:
        BadArgument: there is no such file.
        InvalidFile, LocalIo: it cannot be read.
    """
    return Signing(
        armours=tuple(map(_signature, paths)), texts=tuple(map(_signed_text, paths)), verify=partial(is_signed, runner)
    )


def _signature(path: Path) -> str:
    data = read_bytes(path, str(path))
    if data is None:
        raise BadArgument(what="--signature", value=str(path), reason="no such file")
    if len(data) > SIGNATURE_LIMIT:
        raise BadArgument(what="--signature", value=str(path), reason="is no signature that ssh-keygen makes")
    return decode_text(data, str(path))


def _signed_text(path: Path) -> bytes:
    """Return the text that lies beside the signature at *path* and that it may be of; nothing if there is none."""
    if path.suffix != ".sig":
        return b""
    with suppress(HybridError):
        return read_bytes(path.with_suffix(""), str(path)) or b""
    return b""
