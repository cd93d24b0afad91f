"""A source that fails ends itself, not the run: what others have done is still to be recorded and told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from git_hybrid.core.errors import LocalIo
from git_hybrid.core.ids import SourceName
from git_hybrid.core.planner import source_path
from git_hybrid.core.words import path_of


@contextmanager
def of_source(name: SourceName) -> Iterator[None]:
    """Make what the system refuses in the block an error that rows can tell, of the source *name*.

    Raises:
        LocalIo: it refused.
    """
    try:
        yield
    except OSError as error:
        raise LocalIo.of(error, path_of(error) or source_path(name), "use") from error
