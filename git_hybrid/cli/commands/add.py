"""``git hybrid add``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import click

from git_hybrid.app.edit import Wanted, add
from git_hybrid.cli.common import common_of
from git_hybrid.cli.options import common_options
from git_hybrid.cli.output import opened
from git_hybrid.cli.tracks import chosen_track, track_options
from git_hybrid.core.endpoints import folder_url
from git_hybrid.core.errors import BadArgument
from git_hybrid.core.ids import InvalidText, name_from_url, normalize_url, parse_name, short_ref, shown_url
from git_hybrid.core.manifest import Branch, History, Source, Track
from git_hybrid.core.plan import Stray
from git_hybrid.core.report import Row
from git_hybrid.core.strays import left_standing, taking_out
from git_hybrid.core.words import as_typed, typed
from git_hybrid.store.manifest import NO_GROUP, is_group

_DEEP = 2
"""So many slashes has the path of an owner's repository; a page of it has more."""


@click.command("add", context_settings={"allow_extra_args": True})
@click.argument("url")
@click.option("--name", metavar="NAME", help="Name of the source; default: the last part of the URL.")
@track_options
@click.option("--history", type=click.Choice(["full", "shallow", "treeless"]), help="How much history to fetch.")
@click.option("-g", "--group", "groups", multiple=True, metavar="GROUP", help="Put it into this group; repeatable.")
@common_options
@click.pass_context
def command(
    context: click.Context,
    *,
    url: str,
    name: str | None,
    branch: str | None,
    tag: str | None,
    version: str | None,
    commit: str | None,
    history: History | None,
    groups: tuple[str, ...],
) -> int:
    """Add a repository to the manifest and pin it; sync makes the clone.

    Without a ref it follows upstream's default branch. URL is https://, ssh://, file:/// or user@host:path.
    """
    if context.args:
        raise _too_many(url, context.args)
    found = chosen_track(context, {"branch": branch, "tag": tag, "version": version, "commit": commit})
    track = None if found is None else found[1]
    source = _source(url, name, groups, track, start=common_of(context).folder)
    with opened(context) as (session, output):
        report = add(session.runtime, session.editor, [Wanted(source=source, track=track, history=history, typed=url)])
        code = output.report(report)
        if code == 0:
            for row in report.rows:
                stray = session.runtime.clones.stray(row.name)
                for hint in _of_release(row, url, stray):
                    output.hint("release", hint)
                for text in left_standing(row.name, stray, row.after, source.url):
                    output.hint("standing", text)
            output.hint("pinned", "git hybrid sync")
        return code


def _of_release(row: Row, url: str, stray: Stray) -> tuple[str, ...]:
    """Return how to follow the newest release: a pin beyond it would not go back there without approvers."""
    release = row.detail.get("newest_release")
    if release is None:
        return ()
    if "beyond_release" not in row.detail:
        return (f"the newest release is {release}; to follow that: git hybrid pin {row.name} --tag {typed(release)}",)
    told = f"the newest release is {release}, which {short_ref(row.ref or '')} has gone beyond"
    anew = f"git hybrid add {typed(url)} --tag {typed(release)}"
    return (f"{told}; to follow that: {taking_out(row.name, stray)}", f"then: {anew}{as_typed()}")


def _too_many(url: str, more: Sequence[str]) -> BadArgument:
    """Return the error for words behind the URL: where git takes a folder, a name is an option here."""
    reason, hint = "is one argument too many", ""
    # As in `git clone URL NAME` and in `git remote add NAME URL`.
    for repository, word in ((url, more[0]), (more[0], url)):
        with suppress(InvalidText):
            name = parse_name(word)
            is_told = len(more) == 1 and shown_url(repository) == repository
            hint = f"git hybrid add --name {name} {typed(repository)}{as_typed()}" if is_told else ""
            reason += "; a name is given by --name"
            break
    return BadArgument(what="the argument", value=more[0], reason=reason, hint=hint)


def _source(url: str, name: str | None, groups: tuple[str, ...], track: Track | None, *, start: Path) -> Source:
    if not url.strip():
        raise BadArgument(what="URL", value=url, reason="is empty")
    try:
        parsed = normalize_url(url)
    except InvalidText as error:
        reason = str(error)
        path = url.removeprefix("file://")
        if "\0" not in path and os.path.isdir(start / path):
            # git takes a path; here it would mean another repository on every other machine.
            reason = f"a folder of this machine is written {folder_url(os.path.realpath(start / path))}"
        from git_hybrid.cli.browsed import instead_of

        raise BadArgument(what="URL", value=shown_url(url), reason=reason, hint=instead_of(url)) from error
    if parsed.path.count("/") > _DEEP:
        from git_hybrid.cli.browsed import page_instead

        if hint := page_instead(url, parsed):
            reason = "is a page of a repository, as a browser shows it"
            raise BadArgument(what="URL", value=shown_url(url), reason=reason, hint=hint)
    text = name if name is not None else name_from_url(parsed)
    try:
        valid = parse_name(text)
    except InvalidText as error:
        from git_hybrid.cli.browsed import instead_of

        hint = "" if name is not None else instead_of(url)
        raise BadArgument(
            what="the name", value=text, reason=f"{error}; give another with --name", hint=hint
        ) from error
    for group in groups:
        if not is_group(group):
            raise BadArgument(what="--group", value=group, reason=NO_GROUP)
    # A track of None is filled in from upstream's default branch; the placeholder is never written.
    return Source(name=valid, url=parsed, track=track or Branch("HEAD"), groups=tuple(sorted(set(groups))))
