"""Where the repository with the submodules came from: relative URLs in its ``.gitmodules`` begin there."""

from __future__ import annotations

import os
import re
from pathlib import Path

from git_hybrid.core.endpoints import folder_url
from git_hybrid.core.ids import InvalidText, Url, normalize_url, shown_url
from git_hybrid.core.relative_url import resolve_url
from git_hybrid.core.value import Struct
from git_hybrid.git.environment import child_environment
from git_hybrid.git.run import Runner, items

_KEYS = r"^(remote\..*\.url|branch\..*\.remote)$"
_LOGIN = re.compile(r"(?<=^https://)[^/]*@")


class Base(Struct, frozen=True):
    """The URL of the default remote, or else of the repository; None where ``why`` says what is wrong with it."""

    url: Url | None = None
    why: str = ""

    def resolve(self, text: str) -> Url:
        """Return the URL that a ``.gitmodules`` means by *text*.

        Raises:
            InvalidText: as :func:`~git_hybrid.core.relative_url.resolve_url`, or *text* is relative to a refused URL.
        """
        if self.why and text.startswith(("./", "../")):
            raise InvalidText(self.why)
        return resolve_url(text, self.url)


def base_at(runner: Runner, top: Path) -> Base:
    """Return what relative URLs begin at in the repository whose working tree is at *top*."""
    # To git a repository without a remote is its own upstream (git-submodule(1), add).
    text = _default_remote(runner, top) or str(top)
    try:
        return Base(parsed(text, top))
    except InvalidText as error:
        return Base(why=f"is relative, and its origin {shown_url(text)} is refused: {error}")


def parsed(text: str, top: Path) -> Url:
    """Return the URL of a remote, *text*: it may be a path, from *top*; who logs in is left out, with the secret.

    Raises:
        InvalidText: it is no URL that is asked.
    """
    if ":" not in text.partition("/")[0]:
        return normalize_url(folder_url(os.path.normpath(top / text)))
    return normalize_url(_LOGIN.sub("", text))


def branch_at(runner: Runner, top: Path) -> str:
    """Return the branch that the repository whose working tree is at *top* is on; nothing if it is on none."""
    env = child_environment(runner.environ, network=True)
    head = runner.run(["git", "symbolic-ref", "--quiet", "--short", "HEAD"], env=env, cwd=top).stdout
    return head.decode("utf-8", "surrogateescape").strip()


def _default_remote(runner: Runner, top: Path) -> str:
    """Return the URL of the remote that the branch has, else of the only one, else of ``origin``, as git does."""
    env = child_environment(runner.environ, network=True)
    told = runner.run(["git", "config", "--null", "--get-regexp", _KEYS], env=env, cwd=top).stdout
    values = dict(item.partition("\n")[::2] for item in items(told))
    urls = {key[len("remote.") : -len(".url")]: value for key, value in values.items() if key.startswith("remote.")}
    remote = values.get(f"branch.{branch_at(runner, top)}.remote", "")
    if remote not in urls:
        remote = next(iter(urls)) if len(urls) == 1 else "origin"
    return urls.get(remote, "")
