"""Decide which commit a source should be pinned to, and whether the pin may move there. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, assert_never

from git_hybrid.core.endpoints import same_repository
from git_hybrid.core.errors import (
    BadArgument,
    HybridError,
    IdentityChanged,
    MovedTag,
    OffBranch,
    RefMissing,
    RewrittenHistory,
    Rollback,
)
from git_hybrid.core.ids import (
    Oid,
    RefName,
    branch_ref,
    is_full_ref,
    is_oid,
    is_oid_prefix,
    parse_oid,
    short_ref,
    tag_ref,
)
from git_hybrid.core.lock import Pin, is_other_repository
from git_hybrid.core.manifest import Branch, Commit, Source, Tag, Version, track_field
from git_hybrid.core.ports import RemoteRefs
from git_hybrid.core.value import Struct, replace
from git_hybrid.core.versions import instead_of_versions, matching, newest, newest_release, parse_version, release_order
from git_hybrid.core.words import typed

_HEADS = ("HEAD", "@")
_NO_ID = "it is no commit id (7 hex digits or more)"


class Candidate(Struct, frozen=True, kw_only=True):
    """Where a pin may go: the ref to fetch, and the commit where it is known before fetching.

    ``prefix`` is what a user typed of a commit id; ``declared`` is the ref whose history the commit must be in;
    ``named`` is another one by which a user gave the commit.
    """

    ref: RefName | None
    commit: Oid | None
    tag_object: Oid | None = None
    declared: RefName | None = None
    named: RefName | None = None
    prefix: str = ""


def tip(refs: RemoteRefs, ref: RefName, source: Source) -> Candidate:
    """Return the candidate at the tip of *ref*.

    Raises:
        RefMissing: upstream does not list it.
    """
    commit = refs.commit(ref)
    if commit is None:
        kind = "refs/tags/" if ref.startswith("refs/tags/") else "refs/heads/"
        nearest = _nearest(ref.removeprefix(kind), refs, kind=kind)
        default = refs.head if kind == "refs/heads/" and refs.head in refs.tips else None
        raise RefMissing(name=source.name, ref=ref, url=str(source.url), nearest=nearest, default=default or "")
    tag_object = refs.tips[ref] if ref in refs.peeled else None
    return Candidate(ref=ref, commit=commit, tag_object=tag_object, declared=ref)


def _nearest(asked: str, refs: RemoteRefs, *, kind: str = "") -> tuple[RefName, ...]:
    """Return the branches and tags of upstream that may be meant by *asked*, which is none of that *kind*."""
    from difflib import get_close_matches

    # Of two of one name the last stays.
    order = sorted(refs.tips, key=lambda ref: (ref == asked, ref.startswith(kind), ref))
    names = {short_ref(ref): RefName(ref) for ref in order}
    # As git writes them elsewhere: refs/heads/main, refs/tags/v1.0.0, origin/main.
    ends = [name for name in names if f"/{asked}".endswith(f"/{name}")]
    if ends:
        return (names[max(ends, key=len)],)
    near = sorted(get_close_matches(asked, sorted(names), n=3), key=lambda name: not name.startswith(asked))
    return tuple(names[name] for name in near)


def newest_allowed(source: Source, refs: RemoteRefs) -> Candidate:
    """Return the newest candidate that the manifest allows.

    Raises:
        RefMissing: upstream has no such branch or tag, or no version in the range.
    """
    match source.track:
        case Tag(name):
            return tip(refs, tag_ref(name), source)
        case Branch(name):
            return tip(refs, branch_ref(name), source)
        case Version(spec):
            tags = [short_ref(ref) for ref in refs.tips if ref.startswith("refs/tags/")]
            tag = newest(spec, tags)
            if tag is None:
                nearest = tuple(map(tag_ref, instead_of_versions(tags)))
                raise RefMissing(name=source.name, ref=f"version {spec}", url=str(source.url), nearest=nearest)
            return tip(refs, tag_ref(tag), source)
        case Commit(oid):
            ref = next((ref for ref in sorted(refs.tips) if refs.commit(ref) == oid), None)
            return Candidate(ref=None if ref is None else RefName(ref), commit=oid)
        case _:  # pragma: no cover
            assert_never(source.track)


def asked_for(source: Source, refs: RemoteRefs, revision: str, *, of_upstream: bool = True) -> Candidate:
    """Return the candidate for ``--to REVISION``: a tag, a branch, a full ref, or a commit id or its beginning.

    Unless *refs* are *of_upstream*, whoever listed them may be behind.

    Raises:
        BadArgument: the text is none of these, or names a tag and a branch.
        RefMissing: upstream does not have it, or whoever listed the refs.
        OffBranch: the manifest names one commit, tag or range of versions, and this is none of it.
    """
    ref = _named_ref(refs, revision)
    is_full = is_oid(revision)
    if ref is None and not is_full and not is_oid_prefix(revision):
        near = _nearest(revision, refs)
        if not of_upstream:
            raise RefMissing(name=source.name, ref=f"branch or tag {revision}", url=str(source.url), nearest=near)
        meant = f"; did you mean {', '.join(map(short_ref, near))}?" if near else ""
        lower = revision.lower()
        why = f"a commit id is written in lower case: {lower}" if is_oid_prefix(lower) or is_oid(lower) else _NO_ID
        reason = f"upstream has no such branch or tag, and {why}{meant}"
        hint = typed("git", "ls-remote", str(source.url))
        if revision in _HEADS:
            clone = f"sources/{source.name}"
            hint = f'what stands in {clone}: git hybrid pin {source.name} --to "$(git -C {clone} rev-parse HEAD)"'
        raise BadArgument(what="--to", value=revision, reason=reason, hint=hint)
    if isinstance(source.track, Branch):
        declared = tip(refs, branch_ref(source.track.name), source)
        if ref == declared.ref and not is_full:
            return declared
        if is_full:
            return replace(declared, commit=parse_oid(revision))
        commit = None if ref is None else refs.commit(ref)
        return replace(declared, commit=commit, named=ref, prefix="" if commit else revision)
    for candidate in _fixed(source, refs):
        wanted = candidate.commit or ""
        if wanted.startswith(revision) if ref is None or is_full else refs.commit(ref) == wanted:
            return candidate
    kind, value = track_field(source.track)
    raise off_branch(source, revision, f"{kind} {value}", ref, refs)


def off_branch(source: Source, commit: str, declared: str, named: RefName | None, refs: RemoteRefs) -> OffBranch:
    """Return the error for a *commit* off what is *declared*; *named* is the ref by which a user gave it.

    Where it was given by its id, or by the beginning of that, it names the newest tag that *refs* have there.
    """
    error = OffBranch(name=source.name, commit=commit, ref=declared)
    tags = [] if named is None else [named]
    if named is None and (is_oid(commit) or is_oid_prefix(commit)):
        tags = [RefName(ref) for ref in refs.tips if (refs.commit(ref) or "").startswith(commit)]
        # Of the beginning of several ids nobody knows which is meant.
        tags = tags if len({refs.commit(ref) for ref in tags}) == 1 else []
    names = sorted(short_ref(ref) for ref in tags if ref.startswith("refs/tags/"))
    if names:
        error.tag = newest_release(names) or names[-1]
    return error


def wherever(refs: RemoteRefs, revision: str) -> Candidate:
    """Return the candidate for a forced ``--to REVISION`` that the manifest does not declare: anything upstream has.

    Raises:
        BadArgument: the text names a tag and a branch.
    """
    ref = _named_ref(refs, revision)
    if ref is not None:
        return Candidate(ref=ref, commit=refs.commit(ref), tag_object=refs.tips[ref] if ref in refs.peeled else None)
    if is_oid(revision):
        return Candidate(ref=None, commit=parse_oid(revision))
    return Candidate(ref=None, commit=None, prefix=revision)


def _fixed(source: Source, refs: RemoteRefs) -> list[Candidate]:
    """Return every candidate of a source that follows a tag, a range of versions or a commit, the newest first."""
    if not isinstance(source.track, Version):
        return [newest_allowed(source, refs)]
    tags = [short_ref(ref) for ref in refs.tips if ref.startswith("refs/tags/")]
    return [tip(refs, tag_ref(tag), source) for tag in matching(source.track.spec, tags)]


def _named_ref(refs: RemoteRefs, revision: str) -> RefName | None:
    if revision.startswith("refs/"):
        return RefName(revision) if revision in refs.tips else None
    found = [ref for ref in (tag_ref(revision), branch_ref(revision)) if ref in refs.tips]
    if len(found) > 1:
        reason = f"upstream has a tag and a branch of this name: write {found[0]} or {found[1]}"
        raise BadArgument(what="--to", value=revision, reason=reason)
    return found[0] if found else None


class Move(Struct, frozen=True, kw_only=True):
    """A pin that wants to go from *old* to *new*, with what the fetched history says of the two.

    ``than`` says which commit *old* is, and why it counts.
    """

    old: Pin
    new: Pin
    old_is_ancestor: bool
    new_is_ancestor: bool
    than: str


def moved_tag(old: Pin | None, candidate: Candidate, refs: RemoteRefs, source: Source) -> HybridError | None:
    """Return the error if the tag that the pin follows is no longer the object that was pinned."""
    if old is None or old.ref != candidate.ref or not old.ref.startswith("refs/tags/"):
        return None
    if not same_repository(old.url, source.url):
        return None
    now = tip(refs, old.ref, source)
    if (old.commit, old.tag_object) == (now.commit, now.tag_object):
        return None
    commits = {"old_commit": old.commit, "new_commit": now.commit or ""}
    was, found = old.tag_object or old.commit, now.tag_object or now.commit or ""
    if was == found:
        # Of a former pin the commit alone is known.
        was, found = old.commit, now.commit or ""
    return MovedTag(name=source.name, tag=old.ref, old=was, new=found, **commits)


def forbidden_move(move: Move, source: Source) -> HybridError | None:
    """Return the error if the pin may not move without an override, or None if it may."""
    old, new = move.old, move.new
    if old.commit == new.commit or not same_repository(old.url, new.url):
        return None
    if is_other_repository(old.root_commits, new.root_commits):
        return IdentityChanged(name=source.name, url=str(source.url), old=old.root_commits, new=new.root_commits)
    # What has the pinned commit in its history goes on from it, whatever its tag is called.
    if move.new_is_ancestor or (not move.old_is_ancestor and is_older_version(old.ref, new.ref)):
        back = ""
        # Of `pin --to` the manifest says nothing: there is nothing to put back.
        was_edited = track_field(source.track)[1] in (short_ref(new.ref), new.commit)
        if was_edited and old.ref != new.ref and is_full_ref(old.ref):
            before = typed(short_ref(old.ref))
            # Under a new name it has no pin yet.
            step = "sync" if old.source == source.name else "pin"
            back = f"where sources.toml named {before} before, put that back, then: git hybrid {step} {source.name}"
        return Rollback(name=source.name, old=old.commit, new=new.commit, than=move.than, back=back)
    if isinstance(source.track, Branch) and old.ref == new.ref and not move.old_is_ancestor:
        return RewrittenHistory(name=source.name, ref=new.ref, old=old.commit, new=new.commit)
    return None


def pinned_tag_gone(pin: Pin, newest: Candidate, refs: RemoteRefs, source: Source) -> RefMissing | None:
    """Return the error if upstream no longer has the tag that is pinned, and nothing newer that the manifest allows."""
    is_there = not same_repository(pin.url, source.url) or pin.ref in refs.tips
    if is_there or newest.ref is None or not is_older_release(pin.ref, newest.ref):
        return None
    return RefMissing(name=source.name, ref=pin.ref, url=str(source.url))


def newer_release(newest: Candidate, refs: RemoteRefs) -> str | None:
    """Return the tag name of upstream's newest release if the tag *newest* is an older version."""
    if newest.ref is None or not newest.ref.startswith("refs/tags/"):
        return None
    release = newest_release(short_ref(ref) for ref in refs.tips if ref.startswith("refs/tags/"))
    return release if release is not None and is_older_version(tag_ref(release), newest.ref) else None


def is_older_release(old: RefName, new: RefName) -> bool:
    """Tell whether *new* is the older version, whatever a letter alone means.

    To PEP 440 3.5a comes before 3.5; who releases it may have made it to mend that one. Only their histories tell.
    """
    return is_older_version(old, new) and _is_before(old, new, parse_version)


def is_older_version(old: RefName, new: RefName) -> bool:
    """Tell whether *old* and *new* are tags of versions, and *new* is the older one: 3.5 is older than 3.5a."""
    return _is_before(old, new, release_order)


def _is_before(old: RefName, new: RefName, order: Callable[[str], Any]) -> bool:
    refs: Sequence[RefName] = (old, new)
    if not all(ref.startswith("refs/tags/") for ref in refs):
        return False
    before, after = (order(short_ref(ref)) for ref in refs)
    return before is not None and after is not None and bool(after < before)
