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
    MalformedObjects,
    NetworkFailure,
    RepositoryNotFound,
)


@contextmanager
def reading_bundle(bundle: str, name: str = "") -> Iterator[None]:
    """Let what git says in the block of a server be about the file *bundle* of the source *name*.

    Raises:
        BadBundle: it is no bundle, ends too early, or has not all objects, or no sound ones.
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
    except MalformedObjects as error:
        # No upstream has sent that. git names the file, which is told already, or is one of ours.
        reason = f"not sound: {error.message.replace(bundle, 'it')}"
        raise BadBundle(path=bundle, place="its pack", reason=reason) from error
    except (AccessDenied, RepositoryNotFound) as error:
        # What does not begin like a bundle git takes for a repository.
        if not _is_there(bundle):
            raise
        raise BadBundle(path=bundle, place="its head", reason="not that of a git bundle") from error
    except BundlePrerequisites as error:
        raise error.about(name) from None


def _is_there(bundle: str) -> bool:
    try:
        with Path(bundle).open("rb"):
            return True
    except FileNotFoundError:
        return False
    except OSError as error:
        raise LocalIo.of(error, bundle, "read") from error
