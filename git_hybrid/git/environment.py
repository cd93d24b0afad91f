"""What every git child is given: the options that harden it, and an environment made from the caller's.

Network steps keep the user's git configuration (credential helpers, proxies, insteadOf); local steps run with none.
Hardening goes on the command line as ``-c``: an inherited GIT_CONFIG_PARAMETERS beats the environment, and our own
``-c`` beats both. Secrets are the reverse: they never stand on a command line.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence

from git_hybrid.core.errors import BadArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

MINIMUM_GIT = (2, 34)
# Settings could hide the first commit or a side of a merge, name files or write texts otherwise, put words of gpg
# before a commit, or make git fail.
OUTPUT = (
    "log.showRoot=true",
    "log.diffMerges=separate",
    "log.follow=false",
    "log.showSignature=false",
    "i18n.logOutputEncoding=UTF-8",
    "diff.relative=false",
    "diff.orderFile=/dev/null",
    "diff.noprefix=false",
    "diff.srcPrefix=a/",
    "diff.dstPrefix=b/",
)
# git would run what an attribute and a setting name together, for another text, or a whole difference, of its making.
COMPARING = frozenset({"diff", "diff-index", "diff-tree", "log", "show"})
_AS_IT_IS = ("--no-ext-diff", "--no-textconv")
# Before git 2.36 the value is a program, also "false"; with nothing none is started by any.
_NO_MONITOR = "core.fsmonitor="
HARDENING = (
    "core.hooksPath=/dev/null",
    _NO_MONITOR,
    "safe.bareRepository=explicit",
    "transfer.fsckObjects=true",
    "fetch.fsckObjects=true",
    "transfer.bundleURI=false",
    "promisor.acceptFromServer=none",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "fetch.unpackLimit=1",
    "fetch.writeCommitGraph=false",
    "core.fsync=all",
    "gc.auto=0",
    "maintenance.auto=false",
    "core.protectHFS=true",
    "core.protectNTFS=true",
    "core.useReplaceRefs=false",
    "core.autocrlf=false",
    "core.sparseCheckout=false",
    "core.splitIndex=false",
    "core.untrackedCache=false",
    "credential.interactive=false",
    "http.sslVerify=true",
)
# Of git's own variables a child gets these and no others: what leads to servers and their certificates, and settings.
_KEPT = frozenset(
    {
        "GIT_ASKPASS",
        "GIT_CONFIG_COUNT",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_NOSYSTEM",
        "GIT_CONFIG_PARAMETERS",
        "GIT_CONFIG_SYSTEM",
        "GIT_HTTP_LOW_SPEED_LIMIT",
        "GIT_HTTP_LOW_SPEED_TIME",
        "GIT_HTTP_USER_AGENT",
        "GIT_SSH",
        "GIT_SSH_COMMAND",
        "GIT_SSH_VARIANT",
    }
)
_KEPT_PREFIXES = ("GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_", "GIT_SSL_", "GIT_PROXY_SSL_")
# A command of the user's own gets all but what points git at another repository (git rev-parse --local-env-vars).
_REPOSITORY = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_DIR",
        "GIT_GRAFT_FILE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_NAMESPACE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    }
)
_FIXED = {
    "GIT_TERMINAL_PROMPT": "0",
    "GCM_INTERACTIVE": "never",
    "GIT_NO_REPLACE_OBJECTS": "1",
    # No file at all: of an empty one git says each time that grafts are deprecated.
    "GIT_GRAFT_FILE": f"{os.devnull}/none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "GIT_EDITOR": "false",
    # trace2.normalTarget and the like may name standard error, where the reason of a failure is read.
    "GIT_TRACE2": "0",
    "GIT_TRACE2_EVENT": "0",
    "GIT_TRACE2_PERF": "0",
    "LC_ALL": "C",
    "LANGUAGE": "",
}
_LOCAL = {
    "GIT_ASKPASS": "false",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
}
# A git before 2.39.4 does not know GIT_NO_LAZY_FETCH: it would fetch what a partial clone lacks, but by no protocol.
_NO_SERVER = {"GIT_ALLOW_PROTOCOL": "none"}
_OBEYING = {39: 4, 40: 2, 41: 1, 42: 2, 43: 4, 44: 1}
"""From which release of git 2.x on it knows GIT_NO_LAZY_FETCH; from 2.45 on each does."""
_PROTOCOLS = ("https", "ssh", "file")
SSH = "ssh -oBatchMode=yes -oConnectTimeout=15 -oServerAliveInterval=15 -oServerAliveCountMax=4"


def fetches_lazily(version: Sequence[int]) -> bool:
    """Tell whether a git of that *version* fetches what a partial clone lacks whatever it is told."""
    _, minor, release, *_ = *version, 0, 0, 0
    return minor < 45 and release < _OBEYING.get(minor, 1000)


def child_environment(environ: Mapping[str, str], *, network: bool) -> dict[str, str]:
    """Return the environment of a git child, made from the caller's.

    Raises:
        BadArgument: GIT_SSL_NO_VERIFY is set, which would make every server trusted.
    """
    if environ.get("GIT_SSL_NO_VERIFY"):
        reason, hint = "certificates are always verified", "unset GIT_SSL_NO_VERIFY"
        raise BadArgument(what="GIT_SSL_NO_VERIFY", value="set", reason=reason, hint=hint)
    kept = {key: value for key, value in environ.items() if _is_kept(key)}
    if "PATH" in kept:
        kept["PATH"] = absolute(kept["PATH"])
    if not network:
        kept = {key: value for key, value in kept.items() if not key.startswith("GIT_CONFIG_")}
    allowed = environ.get("GIT_ALLOW_PROTOCOL")
    protocols = [name for name in _PROTOCOLS if allowed is None or name in allowed.split(":")]
    result = kept | _FIXED | {"GIT_ALLOW_PROTOCOL": ":".join(protocols) or "none"}
    # false(1) refuses a question for a password at once, where true(1) would answer it with nothing and cost a second
    # request. git asks GIT_ASKPASS, else core.askPass, else this one: a program that somebody named to answer stays.
    if not result.get("SSH_ASKPASS"):
        result |= {"SSH_ASKPASS": "false", "SSH_ASKPASS_REQUIRE": "never"}
    return result if network else result | _LOCAL | _NO_SERVER


def absolute(path: str) -> str:
    """Return the absolute entries of *path*, the value of PATH, or else where programs are if there is none.

    A child begins, and whoever starts us stands, in folders that hold other people's files.
    """
    return os.pathsep.join(filter(os.path.isabs, path.split(os.pathsep))) or os.defpath


def on_path(program: str, environ: Mapping[str, str]) -> str | None:
    """Return where *program* is installed, or None; shutil.which would cost every hook three milliseconds."""
    folders = absolute(environ.get("PATH", os.defpath)).split(os.pathsep)
    paths = (os.path.join(folder, program) for folder in folders)
    return next((path for path in paths if os.path.isfile(path) and os.access(path, os.X_OK)), None)


def obeying(environ: Mapping[str, str], config: Mapping[str, str]) -> Mapping[str, str]:
    """Return *environ* with the protocols that the settings in *config* leave, if they forbid one that is used here.

    A variable would beat protocol.allow, so it says the same; where the user has set it, it counts alone for git too.
    """
    every = config.get("protocol.allow", "always").lower()
    told = {name: config.get(f"protocol.{name}.allow", every).lower() for name in _PROTOCOLS}
    left = [name for name, allow in told.items() if allow in ("always", "user")]
    if "GIT_ALLOW_PROTOCOL" in environ or len(left) == len(_PROTOCOLS):
        return environ
    return {**environ, "GIT_ALLOW_PROTOCOL": ":".join(left) or "none"}


def asking_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a git child that reads a repository of the user's: their configuration, and no server.

    Raises:
        BadArgument: as :func:`child_environment`.
    """
    return child_environment(environ, network=True) | _NO_SERVER


def _is_kept(key: str) -> bool:
    return not key.startswith("GIT_") or key in _KEPT or key.startswith(_KEPT_PREFIXES)


def user_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a command of the user's own: it names no repository, and PATH nothing in the clone."""
    kept = {key: value for key, value in environ.items() if key not in _REPOSITORY}
    return kept | {"PATH": absolute(kept["PATH"])} if "PATH" in kept else kept


def hardened(extra: Sequence[str] = (), command: str = "") -> list[str]:
    """Return the ``-c`` options that every git child gets, with *extra* settings behind them.

    What changes a history or a difference that is printed goes to a *command* for that alone: each git reads all that
    it gets several times.
    """
    printed = OUTPUT if command.startswith(("log", "diff")) else ()
    return as_options((*HARDENING, *printed, *extra))


def as_options(settings: Iterable[str]) -> list[str]:
    """Return *settings* as git takes them on its command line."""
    return [part for setting in settings for part in ("-c", setting)]


def to_read(argv: Sequence[str]) -> list[str]:
    """Return the git command *argv* for the repository of the user's that a workspace is in, which only reads it.

    Whatever reads an index would start the program that core.fsmonitor names; hooks are run where something is written.
    What compares takes each text as it was committed.
    """
    program, command, *words = argv
    plain = _AS_IT_IS if command in COMPARING else ()
    return [program, *as_options((_NO_MONITOR, *OUTPUT)), command, *plain, *words]


def of_ssh(environ: Mapping[str, str], chosen: Collection[str]) -> dict[str, str]:
    """Return what ssh needs in order never to ask and never to hang, unless the user chose an ssh command.

    *chosen* are the keys of the user's settings.
    """
    is_chosen = environ.get("GIT_SSH_COMMAND") or environ.get("GIT_SSH") or "core.sshcommand" in chosen
    return {} if is_chosen else {"GIT_SSH_COMMAND": SSH}


def silenced(chosen: Iterable[str]) -> list[str]:
    """Return the settings that keep a network step from running what the keys *chosen* by the user name.

    Hooks can stand in the configuration (git 2.54), where no core.hooksPath reaches them. Certificates are verified
    also where a setting for some servers alone says otherwise.

    Raises:
        BadArgument: a hook, or a server, has a name that cannot be put on a command line.
    """
    settings = ["core.alternateRefsCommand=true"] if "core.alternaterefscommand" in chosen else []
    for key in sorted(key for key in chosen if key.startswith("hook.")):
        if "=" in key:
            reason, hint = "a hook's name must not hold '='", "git config --show-origin --get-regexp '^hook[.]'"
            raise BadArgument(what="git config", value=key, reason=reason, hint=hint)
        settings.append(f"{key.removesuffix('.command')}.enabled=false")
    return settings + [f"{_without_equals(key)}=true" for key in sorted(filter(is_verify, chosen))]


def led_nowhere(chosen: Iterable[str]) -> list[str]:
    """Return the settings with which git follows no redirect; *chosen* are keys of the user's, some for one server.

    Raises:
        BadArgument: a server has a name that cannot be put on a command line.
    """
    keys = sorted(key for key in chosen if key.startswith("http.") and key.endswith(".followredirects"))
    reason = "redirects are judged by [policy] hosts first"
    return ["http.followRedirects=false", *(f"{_without_equals(key, reason)}=false" for key in keys)]


def is_verify(key: str) -> bool:
    """Tell whether the setting *key* says whether the certificates of servers, or of some, are verified."""
    return key.startswith("http.") and key.endswith(".sslverify")


def _without_equals(key: str, reason: str = "certificates are always verified") -> str:
    if "=" in key:
        hint = f"git config --show-origin --get-regexp '[.]{key.rpartition('.')[2]}$'"
        raise BadArgument(what="git config", value=key, reason=reason, hint=hint)
    return key


def configured(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which a git child has *settings*, and by which the git that it starts has them.

    They are numbered from 0: of two such environments only one can count, so join settings, not what this returns.
    """
    keys = {f"GIT_CONFIG_KEY_{at}": key for at, key in enumerate(settings)}
    values = {f"GIT_CONFIG_VALUE_{at}": value for at, value in enumerate(settings.values())}
    return {"GIT_CONFIG_COUNT": str(len(settings)), **keys, **values}


def repository_options(git_dir: Path | None, work_tree: Path | None) -> list[str]:
    """Return the options that tell git where a repository and its working tree are, where it is not to look itself."""
    options = [] if git_dir is None else [f"--git-dir={git_dir}"]
    return options if work_tree is None else [*options, f"--work-tree={work_tree}"]
