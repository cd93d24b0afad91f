"""``git hybrid cache``: the objects that the workspaces of one user share."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from git_hybrid.cli.arguments import parsed
from git_hybrid.cli.common import common_of
from git_hybrid.cli.options import Commands, common_options, shows_help
from git_hybrid.cli.output import Output
from git_hybrid.cli.settings import cache_folder
from git_hybrid.cli.signals import Cancel, handled
from git_hybrid.cli.telling import explain
from git_hybrid.core.cache_record import StoreLook, parse_size, to_prune
from git_hybrid.core.errors import CacheDamaged, CacheRefused, LocalIo
from git_hybrid.core.value import Struct
from git_hybrid.core.values import format_age, format_time, parse_duration
from git_hybrid.core.words import counted, sized, typed
from git_hybrid.git.cache_care import removed, seen, seen_aside, stores, swept, verified
from git_hybrid.git.run import Runner
from git_hybrid.git.store import OTHERS, Store, why_unsafe
from git_hybrid.git.storelock import Busy, Unusable
from git_hybrid.store import durable
from git_hybrid.view.term import safe


class _Cache(Struct, frozen=True, kw_only=True):
    """The cache that one command looks after; ``root`` None: it is turned off."""

    root: Path | None
    runner: Runner
    output: Output
    now: datetime

    @property
    def stores(self) -> list[Store]:
        """All stores by name."""
        return [] if self.root is None else stores(durable, self.root)


def _looks_at(stores: Sequence[Store]) -> list[StoreLook]:
    """Return what each of *stores* takes, the largest first."""
    return sorted(map(seen, stores), key=lambda look: (-look.size, look.url, look.folder))


@contextmanager
def _cared(context: click.Context) -> Iterator[_Cache]:
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
        yield _Cache(root=root, runner=runner, output=Output(common), now=datetime.now(UTC))


@click.group("cache", cls=Commands, invoke_without_command=True)
@common_options
@click.pass_context
def command(context: click.Context) -> int:
    """Show, verify and prune what was fetched once and is shared by the workspaces of this user."""
    return shows_help(context)


@command.command("show")
@common_options
@click.pass_context
def show_command(context: click.Context) -> int:
    """Show each store: its size, its use, its age.

    How much it takes, how much of that clones share, when it was used and filled.
    """
    with _cared(context) as cache:
        looks = _looks_at(cache.stores)
        if cache.output.common.json:
            cache.output.document(_document(cache, "cache show", looks))
            return 0
        rows = [_cells(cache, look) for look in looks]
        if rows:
            rows.insert(0, ("SIZE", "SHARED", "TREES", "PACKS", "USED", "FILLED", "URL"))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cache.output.data("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
        cache.output.talk(_summary(cache, looks))
        return 0


def _cells(cache: _Cache, look: StoreLook) -> tuple[str, ...]:
    filled = "never" if look.fetched_at is None else f"{format_age(cache.now - look.fetched_at)} ago"
    used = "in use" if look.busy else f"{format_age(cache.now - look.used_at)} ago"
    why = "never filled: git hybrid cache prune" if look.unfinished else "cannot be read: git hybrid cache verify"
    url = safe(look.url or f"{look.folder} ({why})")
    return sized(look.size), sized(look.shared), sized(look.trees), str(look.packs), used, filled, url


def _summary(cache: _Cache, looks: list[StoreLook]) -> str:
    if cache.root is None:
        return "the object cache is off"
    if not looks:
        return safe(f"the object cache {cache.root} is empty")
    size, shared = sum(look.size for look in looks), sum(look.shared for look in looks)
    stores = counted(len(looks), "store")
    return safe(f"{stores} in {cache.root}: {sized(size)}, {sized(shared)} of it shared with clones")


def _document(cache: _Cache, name: str, looks: list[StoreLook], **more: Any) -> dict[str, Any]:
    told = [
        {
            "busy": look.busy,
            "fetched_at": None if look.fetched_at is None else format_time(look.fetched_at),
            "folder": look.folder,
            "packs": look.packs,
            "shared_bytes": look.shared,
            "size_bytes": look.size,
            "tree_bytes": look.trees,
            "url": look.url or None,
            "used_at": format_time(look.used_at),
        }
        for look in looks
    ]
    folder = None if cache.root is None else str(cache.root)
    return {"command": name, "folder": folder, "stores": told, **more}


@command.command("verify")
@common_options
@click.pass_context
def verify_command(context: click.Context) -> int:
    """Read every object; set aside what is broken.

    git's fsck reads them, and what was set aside is fetched again. Exit 1 if a store was broken. One that is being
    filled is left out.
    """
    with _cared(context) as cache:
        found = [(store, *_verified(cache, store)) for store in cache.stores]
        code = 1 if any(error is not None for _, _, error in found) else 0
        if cache.output.common.json:
            told = [
                {"folder": store.name, "state": state, "error": None if error is None else explain(error)}
                for store, state, error in found
            ]
            folder = None if cache.root is None else str(cache.root)
            cache.output.document({"command": "cache verify", "exit_code": code, "folder": folder, "stores": told})
            return code
        for store, state, error in found:
            cache.output.data(f"{state:7}  {safe(store.name)}")
            if error is not None:
                cache.output.error(error)
        broken = sum(error is not None for _, _, error in found)
        cache.output.talk(f"{len(found)} checked, {broken} broken" if found else _summary(cache, []))
        return code


def _verified(cache: _Cache, store: Store) -> tuple[str, CacheDamaged | None]:
    try:
        why = verified(cache.runner, store)
    except Busy:
        return "in use", None
    except Unusable as error:
        raise LocalIo(path=str(store.path), operation="check", reason=str(error)) from error
    if why:
        return "broken", CacheDamaged(store=store.name, reason=why)
    return "ok" if os.path.lexists(store.path) else "gone", None


@command.command("prune")
@click.option("--older-than", metavar="DURATION", help="Remove stores that were not used for that long, such as 30d.")
@click.option("--max-size", metavar="SIZE", help="Remove the least used until the rest takes at most that, such as 5G.")
@click.option("--all", "everything", is_flag=True, help="Remove every store.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would go; remove nothing.")
@common_options
@click.pass_context
def prune_command(
    context: click.Context, *, older_than: str | None, max_size: str | None, everything: bool, dry_run: bool
) -> int:
    """Remove stores that are not worth their room.

    What was set aside always goes; clones keep all they have. A store that is being filled stays.
    """
    age = None if older_than is None else parsed(parse_duration, "--older-than", older_than)
    limit = None if max_size is None else parsed(parse_size, "--max-size", max_size)
    if everything and (age is not None or limit is not None):
        context.fail("--all takes every store: it goes with neither --older-than nor --max-size")
    with _cared(context) as cache:
        # Listed once: another prune may take one away meanwhile.
        by_name = {store.name: store for store in cache.stores}
        looks = _looks_at([*by_name.values()])
        # A clock that was ahead may have used one later than now.
        chosen = to_prune(looks, older_than=timedelta.min if everything else age, max_size=limit, now=cache.now)
        gone = [look for look in chosen if dry_run or _removed(by_name[look.folder])]
        aside = [] if cache.root is None else seen_aside(cache.root)
        if cache.root is not None and not dry_run:
            swept(cache.runner, durable, cache.root)
        looks, gone = [*aside, *looks], [*aside, *gone]
        if cache.output.common.json:
            cache.output.document(_document(cache, "cache prune", gone, dry_run=dry_run))
            return 0
        word = "would remove" if dry_run else "removed"
        tell = cache.output.data if dry_run else cache.output.done
        for look in gone:
            tell(f"{word}  {sized(look.size)}  {safe(look.url or look.folder)}")
        cache.output.talk(_pruned(gone, word=word, of=len(looks)) if looks else _summary(cache, looks))
        return 0


def _pruned(gone: list[StoreLook], *, word: str, of: int) -> str:
    if not gone:
        return f"nothing to remove: {counted(of, 'store')} kept"
    freed, shared = sum(look.size - look.shared for look in gone), any(look.shared for look in gone)
    return f"{word} {len(gone)} of {counted(of, 'store')}: {sized(freed)} freed{', the rest clones share' * shared}"


def _removed(store: Store) -> bool:
    try:
        return removed(store)
    except Busy:
        return False
    except Unusable as error:
        raise LocalIo(path=str(store.path), operation="remove", reason=str(error)) from error
