"""The projects of a manifest of repo (https://gerrit.googlesource.com/git-repo/+/HEAD/docs/manifest-format.md)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from git_hybrid.core.errors import until_many
from git_hybrid.core.ids import InvalidText, Url, is_oid
from git_hybrid.core.nodes import Element
from git_hybrid.core.taking import Listed, Taken, Taking, followed, groups_of, plain_path, unknown, whole_url
from git_hybrid.core.words import shorten

_ELSEWHERE = ("include", "remove-project", "extend-project", "submanifest")
_FLAT = "{} is not followed: write a manifest that has all in it, by repo manifest -r -o FILE, and import that"
_IMPLIED = ("all", "default", "notdefault")


def listed_by_repo(file: str, root: Element, resolve: Callable[[str], Url]) -> Listed:
    """Return the projects that *file*, read as *root*, lists; *resolve* takes URLs relative to that of its repository.

    Raises:
        InvalidFile: something is wrong with an element; every such one is named.
        BadArgument: it is no manifest of repo, or has no project.
    """
    if root.tag != "manifest":
        raise unknown(file)
    taking = Taking(file)
    for element in until_many(root.inside, taking.problems):
        with taking.at(element.line):
            if element.tag in _ELSEWHERE:
                raise InvalidText(_FLAT.format(f"<{element.tag}>"))
    default = next((item.attributes for item in root.inside if item.tag == "default"), {})
    used = {_remote_of(item.attributes, default) for item in root.inside if item.tag == "project"}
    for element in root.inside:
        # Told once, and not for each of a thousand projects; repo writes also those that no project has.
        if element.tag == "remote" and (name := element.attributes.get("name", "")) in used:
            with taking.at(element.line, name):
                _url(element.attributes.get("fetch", ""), "x", resolve)
    taking.settle()
    remotes = {item.attributes.get("name", ""): item.attributes for item in root.inside if item.tag == "remote"}
    for element in until_many(root.inside, taking.problems):
        if element.tag == "project":
            with taking.at(element.line, element.attributes.get("name", "")):
                _project(element, remotes, default, taking, resolve)
    return taking.done("repo manifest -r")


def _project(
    element: Element,
    remotes: Mapping[str, Mapping[str, str]],
    default: Mapping[str, str],
    taking: Taking,
    resolve: Callable[[str], Url],
) -> None:
    own = element.attributes
    name, called = plain_path(own.get("name", "")), _remote_of(own, default)
    remote = remotes.get(called)
    if remote is None:
        raise InvalidText(
            f"its remote {shorten(called)!r} is no <remote>" if called else "has no remote, and there is no default"
        )
    revision = own.get("revision") or remote.get("revision") or default.get("revision", "")
    groups = re.split(r"[,\s]+", own.get("groups", ""))
    inside = sorted({item.tag for item in element.inside} & {"copyfile", "linkfile"})
    notes = ["repo left it out (notdefault), and sync makes its clone"] if "notdefault" in groups else []
    notes += [f"repo put files of it elsewhere ({', '.join(inside)})"] if inside else []
    named = (group for group in groups if group not in _IMPLIED and not group.startswith(("name:", "path:")))
    taken = Taken(
        path=plain_path(own.get("path") or name),
        url=_url(remote.get("fetch", ""), name, resolve),
        at=followed(_ref(revision), _ref(own.get("upstream") or default.get("upstream", ""))),
        groups=groups_of(named),
        shallow=own.get("clone-depth", "0") != "0",
        submodules=(own.get("sync-s") or default.get("sync-s")) == "true",
        notes=tuple(notes),
    )
    taking.take(element.line, taken)
    for inner in element.inside:
        if inner.tag == "project":
            taking.leave(inner.line, f"{inner.attributes.get('name', '')}, a submodule of {name}")


def _remote_of(own: Mapping[str, str], default: Mapping[str, str]) -> str:
    return own.get("remote") or default.get("remote", "")


def _url(fetch: str, name: str, resolve: Callable[[str], Url]) -> Url:
    """Return the URL of the project *name*: to repo ``..`` begins at the folder of its manifest."""
    if not fetch or fetch.startswith("/"):
        raise InvalidText("its fetch is a path: write file:// before it" if fetch else "has no fetch")
    if not _is_relative(fetch):
        return whole_url(f"{fetch.rstrip('/')}/{name}")
    return resolve(f"../{fetch}/{name}")


def _is_relative(fetch: str) -> bool:
    return bool(fetch) and not fetch.startswith("/") and ":" not in fetch.partition("/")[0]


def _ref(text: str) -> str:
    """Return *text* as a full ref, as repo does: what is neither that nor a commit is a branch."""
    return text if not text or text.startswith("refs/") or is_oid(text.lower()) else f"refs/heads/{text}"
