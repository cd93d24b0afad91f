"""Wire the commands that look after the object cache: it belongs to the user, so they need no workspace."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from git_hybrid.cli.common import common_of
from git_hybrid.cli.output import Output
from git_hybrid.cli.settings import cache_folder
from git_hybrid.cli.signals import Cancel, handled
from git_hybrid.core.cache_record import StoreLook
from git_hybrid.core.errors import CacheRefused
from git_hybrid.core.value import Struct
from git_hybrid.core.words import typed
from git_hybrid.git.cache_care import seen, stores
from git_hybrid.git.run import Runner
from git_hybrid.git.store import OTHERS, Store, why_unsafe
from git_hybrid.store import durable


class Cache(Struct, frozen=True, kw_only=True):
    """The cache that one command looks after; ``root`` None: it is turned off."""

    root: Path | None
    runner: Runner
    output: Output
    now: datetime

    @property
    def stores(self) -> list[Store]:
        """All stores by name."""
        return [] if self.root is None else stores(durable, self.root)


def looks_at(stores: Sequence[Store]) -> list[StoreLook]:
    """Return what each of *stores* takes, the largest first."""
    return sorted(map(seen, stores), key=lambda look: (-look.size, look.url, look.folder))


@contextmanager
def cared(context: click.Context) -> Iterator[Cache]:
    """Yield the cache of the user for the command of *context*; signals are taken meanwhile.

    Raises:
        CacheRefused: others could write into it.
    """
    common, cancel = common_of(context), Cancel()
    runner = Runner(environ=dict(os.environ), cancelled=cancel, hurried=cancel.hurried)
    common.config = common.settings_for(runner, common.folder)
    root = cache_folder(runner.environ, common.config)
    root = None if root is None else Path(os.path.realpath(root))
    if root is not None and os.path.lexists(root) and (why := why_unsafe(root)):
        raise CacheRefused(path=str(root), reason=why, hint=typed("chmod", "go-w", str(root)) if why == OTHERS else "")
    with handled(cancel):
        yield Cache(root=root, runner=runner, output=Output(common), now=datetime.now(UTC))
