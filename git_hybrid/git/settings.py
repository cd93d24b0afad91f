"""Read what git's configuration says about us, in one call, so that ``git -c hybrid.jobs=2 hybrid sync`` works."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from git_hybrid.core.errors import BadArgument, GitFailed, GitRefused, ToolTooOld
from git_hybrid.git.ahead import CONFIG, OF_REPOSITORY, VERSION
from git_hybrid.git.environment import MINIMUM_GIT, child_environment, obeying
from git_hybrid.git.place import top_of
from git_hybrid.git.run import Runner, items

_LONGEST = 200
_OF_A_REPOSITORY = ("local", "worktree")


def read_config(runner: Runner, folder: Path) -> Mapping[str, str]:
    """Return the settings of git that matter here, keys in lower case; the last value of a key wins.

    Raises:
        GitRefused: git cannot read them, or leaves out those of the repository: one of another user, or broken.
        ToolTooOld: git is not installed.
    """
    # What a caller says of another repository does not count, here or for git.
    top = top_of(str(folder), {})
    env = child_environment(runner.environ, network=True)
    told = runner.asked(CONFIG, folder)
    if told is None:
        done = runner.run(CONFIG, env=env, cwd=folder, reads=True)
        # It ends with 1 where there is nothing to tell (git-config(1)).
        if done.status not in (0, 1):
            raise _refused(runner, top or str(folder), done.stderr)
        told = done.stdout
    told_with_scope = items(told)
    # Where a server is asked, those of the repository that the workspace is in do not count.
    scoped = zip(told_with_scope[::2], told_with_scope[1::2], strict=False)
    runner.settings = frozenset(item.partition("\n")[0] for scope, item in scoped if scope not in _OF_A_REPOSITORY)
    pairs = (item.partition("\n") for item in told.decode("utf-8", "replace").split("\0")[1::2])
    config = {key.lower(): value if newline else "true" for key, newline, value in pairs}
    runner.environ = obeying(runner.environ, config)
    if top is not None and OF_REPOSITORY not in config:
        # git tells what other files say, and nothing of why it did not read this one.
        done = runner.run(["git", "rev-parse", "--git-dir"], env=env, cwd=folder, reads=True)
        if done.status != 0:
            raise _refused(runner, top, done.stderr)
    return config


def _refused(runner: Runner, top: str, stderr: str) -> GitRefused:
    # Not at the top: a sync that has nothing to do asks git no more than its settings.
    from git_hybrid.git.repository import Repository, refused

    return refused(Repository(runner, Path(top)), stderr)


def operator(environ: Mapping[str, str], config: Mapping[str, str]) -> str:
    """Return who runs the command: ``GIT_HYBRID_OPERATOR``, else git's user, else the login; a blank says nothing.

    Never ``GIT_AUTHOR_*``: inside a hook that is the author of somebody's commit.

    Raises:
        BadArgument: it is too long to be kept, and names no e-mail address that could be; or it holds a secret.
    """
    name, email = _clean(config.get("user.name", "")), _clean(config.get("user.email", ""))
    choices = {
        "GIT_HYBRID_OPERATOR": environ.get("GIT_HYBRID_OPERATOR", ""),
        "hybrid.operator": config.get("hybrid.operator", ""),
        "user.name": f"{name} <{email}>" if email else name,
    }
    for where, text in choices.items():
        if cleaned := _clean(text):
            if "//" in cleaned:
                _refuse_secret(where, cleaned)
            return cleaned if len(cleaned) <= _LONGEST else _shortened(where, cleaned)
    import getpass

    with suppress(KeyError, OSError):
        if login := _clean(getpass.getuser()):
            return login[:_LONGEST]
    from git_hybrid.core.override import UNKNOWN

    return UNKNOWN


def _clean(text: str) -> str:
    """Return *text* in one line, without what nobody sees; nothing if no letter and no digit is in it."""
    whole = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    told = "".join(" " if char.isspace() or _is_control(char) else char for char in whole)
    shown = "".join(char for char in told if char.isprintable()).strip()
    return shown if any(char.isalnum() for char in shown) else ""


def _is_control(char: str) -> bool:
    return char < " " or "\x7f" <= char <= "\x9f"


def _refuse_secret(where: str, text: str) -> None:
    from git_hybrid.core.redact import has_secret, redact

    if has_secret(text):
        reason = "holds a secret, and would stay in the audit log for good: leave it out"
        raise BadArgument(what=where, value=redact(text), reason=reason)


def _shortened(where: str, text: str) -> str:
    """Return *text* with its name cut: people are told apart by the address."""
    from git_hybrid.core.override import person

    who = person(text)
    short = f"{text[: max(0, _LONGEST - len(who) - 3)].strip()} <{who}>".strip()
    if len(short) > _LONGEST or person(short) != who or "@" not in who:
        reason = f"must have at most {_LONGEST} characters, or hold an e-mail address in <>"
        raise BadArgument(what=where, value=f"{text[:20]}…", reason=reason)
    return short


def git_version(runner: Runner, folder: Path) -> tuple[int, ...]:
    """Return the version of the installed git.

    Raises:
        ToolTooOld: it is not installed, or older than the oldest that is supported.
        GitFailed: it does not tell.
    """
    text, numbers = git_text(runner, folder)
    if numbers < MINIMUM_GIT:
        raise ToolTooOld(tool="git", found=text, needed=".".join(map(str, MINIMUM_GIT)))
    return numbers


def git_text(runner: Runner, folder: Path) -> tuple[str, tuple[int, ...]]:
    """Return what the installed git calls itself, and its version as numbers; *folder* is where it was asked before.

    Raises:
        ToolTooOld: it is not installed.
        GitFailed: it does not tell.
    """
    told = runner.asked(VERSION, folder)
    if told is None:
        done = runner.run(VERSION, env=child_environment(runner.environ, network=False))
        if done.status != 0:
            raise GitFailed(command="git version", status=done.status, stderr=done.stderr.strip())
        told = done.stdout
    text = told.decode("ascii", "replace").strip()
    words = text.removeprefix("git version ").split()
    return text, tuple(int(part) for part in (words[0] if words else "").split(".") if part.isdigit())
