"""Read the manifest ``sources.toml``. Editing it, with comments kept, is :mod:`git_hybrid.store.manifest_edit`."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from datetime import timedelta
from itertools import islice
from typing import Any

from msgspec import UNSET, UnsetType

from git_hybrid.core.errors import MOST_PROBLEMS, InvalidFile, Problem, until_many
from git_hybrid.core.files import MANIFEST
from git_hybrid.core.ids import InvalidText, SourceName, parse_name, parse_oid, parse_ref_part, parse_url, shown_text
from git_hybrid.core.manifest import (
    Approver,
    Branch,
    Commit,
    Defaults,
    Manifest,
    OpenIssues,
    Policy,
    Retry,
    Source,
    Tag,
    Track,
    Version,
)
from git_hybrid.core.pattern import pattern
from git_hybrid.core.values import parse_duration
from git_hybrid.core.versions import check_range
from git_hybrid.core.words import shorten
from git_hybrid.store.manifest_scanners import decode_scanners
from git_hybrid.store.parsing import Document, check_version, checked, convert, load_toml, nearest
from git_hybrid.store.wire import DefaultsShape, OpenIssuesShape, PolicyShape, SourceShape, StateShape

VERSION = 1
_TABLES = ("schema_version", "defaults", "policy", "scanner", "source", "open_issues")
_GROUP = pattern(r"[A-Za-z0-9][A-Za-z0-9._-]*")
NO_GROUP = "is not a group name (letters, digits, '.', '_', '-')"
_HOST = pattern(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:]+\]")
TRACKS = ("tag", "branch", "version", "commit")
"""The keys of which a source has one: what it follows."""


def decode_manifest(data: bytes) -> Manifest:
    """Return the manifest in *data*.

    Raises:
        InvalidFile: with its bad entries, by line.
        NewerSchema: it was written for a newer version.
    """
    return manifest_of(load_toml(data, MANIFEST), data.decode("utf-8"))


def manifest_of(document: Document, text: str = "") -> Manifest:
    """Return the manifest that *document* says; *text* is where its lines are found.

    Raises:
        InvalidFile: with its bad entries, by line.
        NewerSchema: it was written for a newer version.
    """
    problems: list[Problem] = []
    try:
        check_version(document, known=VERSION, shown=MANIFEST)
    except InvalidFile as error:
        missing = "" if "schema_version" in document else ", before its first table"
        problems += (Problem(problem.place, problem.reason + missing) for problem in error.problems)
    strange = islice((key for key in document if key not in _TABLES), MOST_PROBLEMS + 1)
    problems.extend(Problem(key, "unknown table or key" + nearest(key, _TABLES)) for key in strange)
    defaults = _defaults(document.get("defaults", {}), problems)
    manifest = Manifest(
        defaults=defaults,
        policy=_policy(document.get("policy", {}), problems),
        scanners=decode_scanners(document.get("scanner", []), problems),
        open_issues=_open_issues(document.get("open_issues", []), problems),
        sources=_sources(document.get("source", {}), defaults, problems),
    )
    if problems:
        from git_hybrid.store.locate import with_lines

        raise InvalidFile(path=MANIFEST, problems=with_lines(text, tuple(problems)))
    return manifest


def _defaults(table: object, problems: list[Problem]) -> Defaults:
    before = len(problems)
    shape = convert(table, DefaultsShape, "defaults", problems, partly=True)
    if shape is None:
        return Defaults()
    retry = Retry(
        attempts=shape.retry.attempts,
        initial=_duration(shape.retry.initial, "defaults.retry.initial", problems),
        maximum=_duration(shape.retry.maximum, "defaults.retry.maximum", problems),
    )
    # Where one of them alone is written, the other bounds nothing that anybody asked for.
    written = table.get("retry", {}) if isinstance(table, dict) and len(problems) == before else {}
    if {"initial", "maximum"} <= written.keys() and retry.initial > retry.maximum:
        reason = f"initial ({shape.retry.initial}) is more than maximum ({shape.retry.maximum})"
        problems.append(Problem("defaults.retry", reason))
    return Defaults(
        jobs=shape.jobs,
        history=shape.history,
        retry=retry,
        stall=_limit(shape.stall, "defaults.stall", problems),
        deadline=_limit(shape.deadline, "defaults.deadline", problems),
    )


def _duration(text: str, place: str, problems: list[Problem]) -> timedelta:
    return checked(parse_duration, text, place, problems) or timedelta(0)


def _limit(text: str, place: str, problems: list[Problem]) -> timedelta:
    """Return the duration *text*, which has to be one in which something can be done."""
    found = checked(parse_duration, text, place, problems)
    if found == timedelta(0):
        problems.append(Problem(place, "must be more than 0s"))
    return found or timedelta(0)


def _policy(table: object, problems: list[Problem]) -> Policy:
    shape = convert(table, PolicyShape, "policy", problems, partly=True)
    if shape is None:
        return Policy()
    hosts = (
        None
        if isinstance(shape.hosts, UnsetType)
        else frozenset(host for host in shape.hosts if checked(_host, host, "policy.hosts", problems))
    )
    checked(_pattern, shape.request_pattern, "policy.request_pattern", problems, shown=str)
    return Policy(
        hosts=hosts,
        scan_max_age=_duration(shape.scan_max_age, "policy.scan_max_age", problems),
        override_max_age=_duration(shape.override_max_age, "policy.override_max_age", problems),
        override_min_approvers=shape.override_min_approvers,
        request_pattern=shape.request_pattern,
        approvers=_approvers(shape, problems),
        mirror_max_staleness=_duration(shape.mirror_max_staleness, "policy.mirror_max_staleness", problems),
        min_release_age=_duration(shape.min_release_age, "policy.min_release_age", problems),
        scan_block_on=shape.scan_block_on,
        max_entries=shape.max_entries,
        max_bytes=shape.max_bytes,
    )


def _approvers(shape: PolicyShape, problems: list[Problem]) -> tuple[Approver, ...]:
    if isinstance(shape.approvers, UnsetType):
        return ()
    # Most workspaces name none.
    from git_hybrid.store.manifest_approvers import decode_approvers

    return decode_approvers(shape.approvers, shape.override_min_approvers, problems)


def _host(text: str) -> str:
    if _HOST.fullmatch(text) is None:
        raise InvalidText("not a host name in lower case (no scheme, no port, no path, no dot at an end)")
    return text


def _pattern(text: str) -> str:
    if not text:
        return text
    # Most workspaces have none.
    from git_hybrid.core.request_ids import check_pattern

    return check_pattern(text)


def _open_issues(tables: object, problems: list[Problem]) -> tuple[OpenIssues, ...]:
    if not isinstance(tables, list):
        problems.append(Problem("open_issues", "must be an array of tables: write [[open_issues]]"))
        return ()
    found: list[OpenIssues] = []
    for index, table in until_many(enumerate(tables), problems):
        place = f"open_issues[{index}]"
        shape = convert(table, OpenIssuesShape, place, problems, partly=True)
        if shape is None:
            continue
        folders = [shape.assessments] if isinstance(shape.assessments, str) else shape.assessments
        spec = checked(_inner_path, shape.spec, f"{place}.spec", problems)
        remediations = checked(_inner_path, shape.remediations, f"{place}.remediations", problems)
        assessments = [checked(_inner_path, text, f"{place}.assessments", problems) for text in folders]
        if spec and remediations and all(assessments):
            kept = tuple(filter(None, assessments))
            found.append(OpenIssues(spec=spec, remediations=remediations, assessments=kept))
    return tuple(found)


def _inner_path(text: str) -> str:
    path = posixpath.normpath(text)
    if path.startswith("/") or ".." in text.split("/") or path == "." or not text.isprintable():
        raise InvalidText("not a path from the root of the workspace")
    return path


def _sources(tables: object, defaults: Defaults, problems: list[Problem]) -> Mapping[SourceName, Source]:
    if not isinstance(tables, dict):
        problems.append(Problem("source", "must be tables: write [source.NAME]"))
        return {}
    sources: dict[SourceName, Source] = {}
    folded: dict[str, str] = {}
    for raw, table in until_many(sorted(tables.items()), problems):
        place = f"source.{shorten(raw)}"
        name = checked(parse_name, raw, place, problems, shown=shown_text)
        other = folded.setdefault(raw.casefold(), raw)
        if other != raw:
            problems.append(Problem(place, f"differs from {shorten(other)!r} only in case"))
        source = decode_source(name or SourceName("_"), table, defaults, place, problems)
        if name is not None and source is not None:
            sources[name] = source
    return sources


def is_group(text: str) -> bool:
    """Tell whether *text* may be the name of a group."""
    return _GROUP.fullmatch(text) is not None


def decode_source(
    name: SourceName, table: object, defaults: Defaults, place: str, problems: list[Problem]
) -> Source | None:
    """Return one entry of the manifest, or None after adding what is wrong with it to *problems*."""
    before = len(problems)
    shape = convert(table, SourceShape, place, problems, partly=True)
    if shape is None:
        return None
    is_whole = len(problems) == before
    url = checked(parse_url, shape.url, f"{place}.url", problems)
    # Of a table with wrong keys nobody knows what it lacks.
    track = track_of(shape, place, problems) if is_whole or len(_given(shape)) == 1 else None
    wrong = [group for group in shape.groups if not is_group(group)]
    problems.extend(Problem(f"{place}.groups", f"{group!r} {NO_GROUP}") for group in wrong)
    if url is None or track is None or len(problems) > before:
        return None
    return Source(
        name=name,
        url=url,
        track=track,
        groups=tuple(sorted(set(shape.groups))),
        history=defaults.history if isinstance(shape.history, UnsetType) else shape.history,
        submodules=shape.submodules,
        lfs=shape.lfs,
    )


def _given(shape: SourceShape | StateShape) -> dict[str, str]:
    return {key: value for key in TRACKS if (value := getattr(shape, key)) is not UNSET}


def track_of(shape: SourceShape | StateShape, place: str, problems: list[Problem]) -> Track | None:
    """Return what an entry of the manifest or of state follows, or None after adding to *problems*."""
    given = _given(shape)
    if len(given) != 1:
        found = " and ".join(given) or "none"
        problems.append(Problem(place, f"needs exactly one of tag, branch, version and commit, and has {found}"))
        return None
    ((key, value),) = given.items()
    return parse_track(key, value, f"{place}.{key}", problems)


def parse_track(key: str, value: str, place: str, problems: list[Problem]) -> Track | None:
    """Return what *key* and *value* of a manifest or state entry follow, or None after adding to *problems*."""
    parsers: Mapping[str, Any] = {
        "tag": lambda text: Tag(parse_ref_part(text)),
        "branch": lambda text: Branch(parse_ref_part(text)),
        "version": lambda text: Version(check_range(text)),
        "commit": lambda text: Commit(parse_oid(text)),
    }
    track: Track | None = checked(parsers[key], value, place, problems, shown=shown_text)
    return track
