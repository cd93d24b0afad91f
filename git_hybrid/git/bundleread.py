"""What it means that git cannot fetch from a bundle file: nobody was asked, so the file is to blame."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from git_hybrid.core.errors import (
    AccessDenied,
    BadBundle,
    BundlePrerequisites,
    LocalIo,
    NetworkFailure,
    RepositoryNotFound,
)
from git_hybrid.core.words import typed

_OURS = b"inventory.json"
"""How a file begins that ``bundle create`` has written."""
_APPLIED = "such a file is taken over by: git hybrid bundle apply "


@contextmanager
def reading_bundle(bundle: str, name: str = "") -> Iterator[None]:
    """Let what git says in the block of a server be about the file *bundle* of the source *name*.

    Raises:
        BadBundle: it is no bundle, or ends too early.
        BundlePrerequisites: it builds on commits that are not here.
        LocalIo: it cannot be read.
        RepositoryNotFound: it is not there.
    """
    try:
        yield
    except NetworkFailure as error:
        if error.kind != "cut":
            raise
        # Here no connection was lost: the file was cut.
        raise BadBundle(path=bundle, place="its pack", reason=error.message) from error
    except (AccessDenied, RepositoryNotFound) as error:
        # What does not begin like a bundle git takes for a repository.
        if (start := _start_of(bundle)) is None:
            raise
        reason, mend = "not that of a git bundle", ""
        if start == _OURS:
            reason, mend = "not that of a git bundle, but of one that git hybrid wrote", f"{_APPLIED}{typed(bundle)}"
        raise BadBundle(path=bundle, place="its head", reason=reason, mend=mend) from error
    except BundlePrerequisites as error:
        raise error.about(name) from None


def _start_of(bundle: str) -> bytes | None:
    """Return how the file *bundle* begins, None where there is none."""
    try:
        with Path(bundle).open("rb") as file:
            return file.read(len(_OURS))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LocalIo.of(error, bundle, "read") from error
