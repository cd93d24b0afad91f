"""What is around a workspace: the repository that it is in, and git's settings with where each comes from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from git_hybrid.core.diagnosis_git import OF_RUNS, Repository
from git_hybrid.core.files import LOCK, LOG, MANIFEST, STATE
from git_hybrid.core.value import Struct
from git_hybrid.git.environment import child_environment, unmonitored
from git_hybrid.git.place import top_of
from git_hybrid.git.repository import refused
from git_hybrid.git.run import Runner
from git_hybrid.git.settings import version_numbers

COMMITTED = (MANIFEST, LOCK, STATE, LOG)


class Setting(Struct, frozen=True):
    """One setting of git: the key in lower case, its value, and where it stands (``file:…``, ``command line:``)."""

    key: str
    value: str
    origin: str


def repository_around(runner: Runner, root: Path) -> Repository | None:
    """Return what the repository around the workspace at *root* says about it; None if there is none.

    Raises:
        GitRefused: git does not answer, above all since the repository belongs to somebody else.
    """
    env = child_environment(runner.environ, network=True)
    inside = runner.run(["git", "rev-parse", "--is-inside-work-tree"], env=env, cwd=root)
    if inside.status != 0 and (top := top_of(str(root), runner.environ)) is not None:
        raise refused(top, inside.stderr)
    if inside.stdout.strip() != b"true":
        return None
    argv = unmonitored(["git", "check-attr", "-z", "merge", "text", "--", LOG])
    asked = runner.run(argv, env=env, cwd=root).stdout
    told = [value.decode("utf-8", "replace") for value in asked.split(b"\0")[2::3]]
    merge, text = told if len(told) == 2 else ("", "")
    names = "\0".join((*COMMITTED, *OF_RUNS)).encode()
    # Without --no-index a file that is tracked already counts as not ignored, which is what matters.
    argv = unmonitored(["git", "check-ignore", "-z", "--stdin"])
    found = runner.run(argv, env=env, cwd=root, stdin=names).stdout
    ignored = tuple(name.decode("utf-8", "replace") for name in found.split(b"\0") if name)
    exposed = {path: (root / path.partition("/")[0] / ".gitignore").exists() for path in OF_RUNS if path not in ignored}
    return Repository(
        merge=merge, text=text, ignored=tuple(name for name in ignored if name not in OF_RUNS), exposed=exposed
    )


def all_settings(runner: Runner, folder: Path) -> Sequence[Setting]:
    """Return every setting of git that is in force in *folder*, the last of a key last.

    Raises:
        ToolTooOld: git is not installed.
    """
    env = child_environment(runner.environ, network=True)
    done = runner.run(["git", "config", "--null", "--show-origin", "--list"], env=env, cwd=folder)
    words = done.stdout.decode("utf-8", "replace").split("\0")
    pairs = zip(words[::2], words[1::2], strict=False)
    return [_setting(origin, text) for origin, text in pairs]


def _setting(origin: str, text: str) -> Setting:
    key, newline, value = text.partition("\n")
    section, _, rest = key.partition(".")
    middle, dot, name = rest.rpartition(".")
    # git lowers section and name itself; what stands between them may hold a URL, whose case counts.
    return Setting(f"{section.lower()}.{middle}{dot}{name.lower()}", value if newline else "true", origin)


def git_text(runner: Runner) -> tuple[str, tuple[int, ...]]:
    """Return what the installed git calls itself, and its version as numbers.

    Raises:
        ToolTooOld: it is not installed.
    """
    env = child_environment(runner.environ, network=False)
    text = runner.run(["git", "version"], env=env).stdout.decode("ascii", "replace").strip()
    return text, version_numbers(text)
