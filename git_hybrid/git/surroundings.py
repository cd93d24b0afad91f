"""What is around a workspace: the repository that it is in, and git's settings with where each comes from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from git_hybrid.core.diagnosis_git import OF_RUNS, Setup
from git_hybrid.core.files import LOCK, LOG, MANIFEST, MIRRORS, OVERRIDES, STATE
from git_hybrid.core.value import Struct
from git_hybrid.core.words import typed
from git_hybrid.git.environment import child_environment
from git_hybrid.git.repository import around
from git_hybrid.git.run import Runner

COMMITTED = (MANIFEST, LOCK, STATE, LOG)
_TABLES = (LOCK, STATE, OVERRIDES, MIRRORS)
_CONE = frozenset({b"core.sparsecheckout true", b"core.sparsecheckoutcone true"})


class Setting(Struct, frozen=True):
    """One setting of git: the key in lower case, its value, and where it stands (``file:…``, ``command line:``)."""

    key: str
    value: str
    origin: str


def setup_around(runner: Runner, root: Path) -> Setup | None:
    """Return how the repository around the workspace at *root* is set up for it; None if there is none.

    Raises:
        GitRefused: git does not answer, above all since the repository belongs to somebody else.
    """
    repository = around(runner, root)
    inside = repository.ask(["git", "rev-parse", "--is-inside-work-tree", "--show-prefix"], cwd=root)
    is_inside, _, prefix = inside.decode("utf-8", "surrogateescape").rstrip("\n").partition("\n")
    if is_inside != "true":
        return None
    asked = repository.ask(["git", "check-attr", "-z", "merge", "text", "--", LOG, *_TABLES], cwd=root)
    told = [value.decode("utf-8", "replace") for value in asked.split(b"\0")[2::3]]
    merge, text, *others = told if len(told) > 1 else ("", "")
    names = "\0".join((*COMMITTED, *OF_RUNS)).encode()
    # Without --no-index a file that is tracked already counts as not ignored, which is what matters.
    found = repository.run(["git", "check-ignore", "-z", "--stdin"], cwd=root, stdin=names).stdout
    ignored = tuple(name.decode("utf-8", "replace") for name in found.split(b"\0") if name)
    exposed = {path: (root / path.partition("/")[0] / ".gitignore").exists() for path in OF_RUNS if path not in ignored}
    argv = ["git", "config", "--type=bool", "--get-regexp", r"^core\.sparsecheckout(cone)?$"]
    is_cone = {*repository.run(argv, cwd=root).stdout.split(b"\n")}.issuperset(_CONE)
    return Setup(
        merge=merge,
        text=text,
        ignored=tuple(name for name in ignored if name not in OF_RUNS),
        exposed=exposed,
        joined=tuple(name for name, value in zip(_TABLES, others[::2], strict=False) if value == "union"),
        cone=(typed(prefix.rstrip("/")) if prefix else "sources state") if is_cone else "",
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
