"""The repositories of a ``.repos`` file, a west manifest, and a vendir.yml with its lock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from git_hybrid.core.errors import BadArgument, InvalidFile, until_many
from git_hybrid.core.ids import InvalidText, is_oid
from git_hybrid.core.manifest import Version
from git_hybrid.core.nodes import Node, list_of, required, table_of, text_of
from git_hybrid.core.pattern import pattern
from git_hybrid.core.taking import Listed, Taken, Taking, followed, groups_of, plain_path, unknown, whole_url
from git_hybrid.core.value import replace
from git_hybrid.core.words import shorten

LOCK = "vendir.lock.yml"
"""The file beside a vendir.yml that has the commits."""
_Pinned = Mapping[str, tuple[str, str]]
_FREEZE = "west manifest --freeze lists what is imported, too"
_SELECTED = "vendir chose among its versions (refSelection); to follow such a range as PEP 440 writes it"
_OPERATOR = pattern(r"([<>=!])\s+")
_CONSTRAINT = pattern(r"(?P<op>>=|<=|>|<|==?|!=?|)v?(?P<version>[0-9]+\.[0-9]+\.[0-9]+)")
_OURS = {"": "==", "=": "==", "!": "!="}
"""What an operator of the constraints of vendir is called in PEP 440, where it is called otherwise."""
_PARTS = ("includePaths", "excludePaths", "newRootPath")


def is_vendir(root: Node) -> bool:
    """Tell whether a file is a vendir.yml: what commits it has are in the lock beside it."""
    return _called(root, "apiVersion").startswith("vendir.")


def listed_in(file: str, root: Node, lock: Node | None = None) -> Listed:
    """Return the repositories that *file*, read as *root*, lists; *lock* is the lock beside it, if there is one.

    Raises:
        InvalidFile: something is wrong with an entry; every such entry is named.
        BadArgument: it is none of these files, or lists no git repository.
    """
    table, taking = root.value, Taking(file)
    if not isinstance(table, Mapping):
        raise unknown(file)
    if is_vendir(root):
        if _called(root, "kind") == "LockConfig":
            raise BadArgument(what="--import", value=file, reason="has no URLs: name the vendir.yml beside it")
        return _vendir(file, table, lock, taking)
    if "repositories" in table:
        with taking.at(table["repositories"].line):
            _vcs(table_of(table["repositories"], "repositories"), taking)
        return taking.done("vcs export --exact")
    if "manifest" in table:
        with taking.at(table["manifest"].line):
            _west(table_of(table["manifest"], "manifest"), taking)
        return taking.done("west manifest --freeze")
    raise unknown(file)


def _vcs(repositories: Mapping[str, Node], taking: Taking) -> None:
    for path, node in until_many(repositories.items(), taking.problems):
        with taking.at(node.line, path):
            table = table_of(node, "it")
            kind = required(table, "type")
            if kind == "git":
                url, at = whole_url(required(table, "url")), followed(text_of(table, "version"))
                taking.take(node.line, Taken(path=plain_path(path), url=url, at=at))
            else:
                taking.leave(node.line, f"{path}, no git repository but {kind}")


def _west(manifest: Mapping[str, Node], taking: Taking) -> None:
    """Take the projects (https://docs.zephyrproject.org/latest/develop/west/manifest.html)."""
    bases: dict[str, str] = {}
    for node in until_many(list_of(manifest.get("remotes"), "remotes"), taking.problems):
        with taking.at(node.line):
            table = table_of(node, "it")
            bases[required(table, "name")] = required(table, "url-base")
    defaults = table_of(manifest.get("defaults"), "defaults")
    remote, revision = text_of(defaults, "remote"), text_of(defaults, "revision") or "master"
    for node in until_many(list_of(manifest.get("projects"), "projects"), taking.problems):
        with taking.at(node.line, _called(node, "name")):
            table = table_of(node, "it")
            name = required(table, "name")
            taken = Taken(
                path=plain_path(text_of(table, "path") or name),
                title=name,
                url=whole_url(text_of(table, "url") or _below(bases, text_of(table, "remote") or remote, table, name)),
                at=followed(text_of(table, "revision") or revision),
                groups=groups_of(_texts(table, "groups")),
                shallow=text_of(table, "clone-depth") not in ("", "0"),
                submodules=_is_meant(table.get("submodules")),
                notes=_some_submodules(table.get("submodules")),
            )
            taking.take(node.line, taken)
            if _is_meant(table.get("import")):
                taking.leave(table["import"].line, f"what {name} imports", _FREEZE)
    if (own := manifest.get("self")) is not None:
        imports = "import" in table_of(own, "self")
        taking.leave(own.line, "self, the repository of the manifest", _FREEZE if imports else "")
    if (closed := manifest.get("group-filter")) is not None:
        taking.leave(closed.line, "group-filter", "the projects of all groups are, and sync -g GROUP takes one group")


def _some_submodules(node: Node | None) -> tuple[str, ...]:
    """Return what is told where west takes but the submodules that it lists."""
    if node is None or isinstance(node.value, str | Mapping | None):
        return ()
    paths = shorten(", ".join(text_of(table_of(item, "it"), "path") for item in node.value))
    return (f"west took of its submodules {paths}, and submodules = true takes all",)


def _below(bases: Mapping[str, str], remote: str, table: Mapping[str, Node], name: str) -> str:
    if remote not in bases:
        raise InvalidText(f"its remote {shorten(remote)!r} is not in remotes" if remote else "has no url and no remote")
    return f"{bases[remote].rstrip('/')}/{text_of(table, 'repo-path') or name}"


def _vendir(file: str, config: Mapping[str, Node], lock: Node | None, taking: Taking) -> Listed:
    """Take the contents of kind git (https://carvel.dev/vendir/docs/latest/vendir-spec/)."""
    pinned = None if lock is None else _pinned(lock, file)
    if pinned is None:
        taking.left.append(f"there is no {LOCK} beside it, which would name the commits")
    with taking.at(1):
        for folder in until_many(list_of(config.get("directories"), "directories"), taking.problems):
            with taking.at(folder.line):
                table = table_of(folder, "it")
                base = required(table, "path")
                for node in list_of(table.get("contents"), "contents"):
                    with taking.at(node.line, f"{base}/{_called(node, 'path')}"):
                        _content(node, base, pinned, taking)
    return taking.done("vendir sync")


def _content(node: Node, base: str, pinned: _Pinned | None, taking: Taking) -> None:
    table = table_of(node, "it")
    path = plain_path(f"{base}/{required(table, 'path')}")
    if "git" not in table:
        kinds = [key for key in table if key != "path" and table[key].value is not None and key not in _PARTS]
        taking.leave(node.line, f"{path}, no git repository but {kinds[0] if kinds else 'nothing'}")
        return
    git = table_of(table["git"], "git")
    ref = text_of(git, "ref").removeprefix("origin/")
    commit = ref
    if pinned is not None:
        commit, tag = pinned.get(path, ("", ""))
        ref = ref or tag
    if not commit or not (pinned is None or is_oid(commit)):
        raise InvalidText(f"no {LOCK} names a commit for it: run vendir sync")
    partly = [key for key in _PARTS if key in table]
    notes: tuple[str, ...] = ()
    if partly:
        notes = (f"vendir took a part of it ({', '.join(partly)}), and sync makes its clone",)
    url, shallow, at = whole_url(required(git, "url")), text_of(git, "depth") not in ("", "0"), followed(commit, ref)
    if "refSelection" in git and not text_of(git, "ref"):
        if spec := _range(table_of(table_of(git["refSelection"], "refSelection").get("semver"), "semver")):
            at = replace(at, hoped=(Version(spec),))
        else:
            notes += (f"{_SELECTED}: git hybrid pin NAME --version RANGE",)
    taking.take(node.line, Taken(path=path, url=url, at=at, shallow=shallow, notes=notes))


def _range(semver: Mapping[str, Node]) -> str:
    """Return the versions that vendir takes (https://carvel.dev/vendir/docs/latest/versions/) as ours, if we can."""
    words = _OPERATOR.sub(r"\1", text_of(semver, "constraints")).split()
    found = [_CONSTRAINT.fullmatch(word) for word in words]
    # With pre-releases of its choice, it takes others than a range that names none.
    if not words or "prereleases" in semver or not all(found):
        return ""
    return ",".join(f"{_OURS.get(term['op'], term['op'])}{term['version']}" for term in found if term)


def _pinned(lock: Node, file: str) -> _Pinned:
    """Return the commit of each path that *lock* has, which stands beside *file*, and the tag there."""
    try:
        return {
            plain_path(f"{required(table, 'path')}/{required(content, 'path')}"): (
                text_of(git, "sha"),
                next(iter(_texts(git, "tags")), ""),
            )
            for table in _tables(table_of(lock, "it").get("directories"))
            for content in _tables(table.get("contents"))
            if (git := table_of(content.get("git"), "git"))
        }
    except InvalidText as error:
        raise InvalidFile.at(f"{file.rpartition('/')[0]}/{LOCK}".removeprefix("/"), "file", str(error)) from None


def _tables(node: Node | None) -> list[Mapping[str, Node]]:
    return [table_of(item, "an entry") for item in list_of(node, "a list")]


def _called(node: Node, key: str) -> str:
    """Return what the entry at *node* is called, if that is text, for a message about it."""
    value = node.value[key].value if isinstance(node.value, Mapping) and key in node.value else None
    return value if isinstance(value, str) else ""


def _texts(table: Mapping[str, Node], key: str) -> Sequence[str]:
    return [item.value for item in list_of(table.get(key), key) if isinstance(item.value, str)]


def _is_meant(node: Node | None) -> bool:
    """Tell whether a value that may also be ``false`` is none of that."""
    return node is not None and str(node.value or "false").lower() not in ("false", "no", "off")
