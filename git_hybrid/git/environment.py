"""What every git child is given: the options that harden it, and an environment made from the caller's.

Network steps keep the user's git configuration (credential helpers, proxies, insteadOf); local steps run with none.
Hardening goes on the command line as ``-c``: an inherited GIT_CONFIG_PARAMETERS beats the environment, and our own
``-c`` beats both. Secrets are the reverse: they never stand on a command line.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from git_hybrid.core.errors import BadArgument

HARDENING = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
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
    "credential.interactive=false",
)
# Old repositories carry these in commits that nobody can change any more; none of them harms a checkout.
FSCK_WARNINGS = [
    "badDate",
    "badDateOverflow",
    "badEmail",
    "badFilemode",
    "badName",
    "badTagName",
    "badTimezone",
    "emptyName",
    "gitmodulesMissing",
    "missingEmail",
    "missingNameBeforeEmail",
    "missingSpaceBeforeDate",
    "missingSpaceBeforeEmail",
    "missingTaggerEntry",
    "multipleAuthors",
    "zeroPaddedDate",
    "zeroPaddedFilemode",
]

# What `git rev-parse --local-env-vars` lists, less the variables that carry configuration; and what leads output,
# templates or helpers astray.
_DROPPED = frozenset(
    [
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_CONFIG",
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_GRAFT_FILE",
        "GIT_INDEX_FILE",
        "GIT_PREFIX",
        "GIT_OBJECT_DIRECTORY",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_COMMON_DIR",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_NAMESPACE",
        "GIT_TEMPLATE_DIR",
        "GIT_ATTR_SOURCE",
        "GIT_QUARANTINE_PATH",
        "GIT_EXTERNAL_DIFF",
        "GIT_CURL_VERBOSE",
        "GIT_REDACT_COOKIES",
        "GIT_DEFAULT_HASH",
        "GIT_DEFAULT_REF_FORMAT",
        "GIT_REFLOG_ACTION",
        "GIT_LITERAL_PATHSPECS",
        "GIT_GLOB_PATHSPECS",
        "GIT_NOGLOB_PATHSPECS",
        "GIT_ICASE_PATHSPECS",
        "GIT_DIFF_OPTS",
        "GIT_MERGE_VERBOSITY",
        "GIT_CEILING_DIRECTORIES",
        "GIT_AUTHOR_NAME",
        "GIT_AUTHOR_EMAIL",
        "GIT_AUTHOR_DATE",
        "GIT_COMMITTER_NAME",
        "GIT_COMMITTER_EMAIL",
        "GIT_COMMITTER_DATE",
        "GIT_ADVICE",
        "GIT_FLUSH",
        "GIT_PROGRESS_DELAY",
        "GIT_SEQUENCE_EDITOR",
    ]
)
_FIXED = {
    "GIT_TERMINAL_PROMPT": "0",
    "SSH_ASKPASS_REQUIRE": "never",
    "GCM_INTERACTIVE": "never",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "GIT_EDITOR": "false",
    "LC_ALL": "C",
    "LANGUAGE": "",
}
_LOCAL = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
}
_PROTOCOLS = ("https", "ssh", "file")
SSH = "ssh -oBatchMode=yes -oConnectTimeout=15 -oServerAliveInterval=15 -oServerAliveCountMax=4"


def child_environment(environ: Mapping[str, str], *, network: bool) -> dict[str, str]:
    """Return the environment of a git child, made from the caller's.

    Raises:
        BadArgument: GIT_SSL_NO_VERIFY is set, which would make every server trusted.
    """
    if environ.get("GIT_SSL_NO_VERIFY"):
        raise BadArgument(what="GIT_SSL_NO_VERIFY", value="set", reason="certificates are always verified; unset it")
    kept = {
        key: value
        for key, value in environ.items()
        if key not in _DROPPED and not key.startswith(("GIT_TRACE", "GIT_TEST_"))
    }
    if not network:
        kept = {key: value for key, value in kept.items() if not key.startswith("GIT_CONFIG_")}
    allowed = environ.get("GIT_ALLOW_PROTOCOL")
    protocols = [name for name in _PROTOCOLS if allowed is None or name in allowed.split(":")]
    result = kept | _FIXED | {"GIT_ALLOW_PROTOCOL": ":".join(protocols) or "none"}
    # true(1) answers a question for a password with nothing, at once; a login that somebody set up for CI stays.
    result.setdefault("GIT_ASKPASS", "true")
    result.setdefault("SSH_ASKPASS", "true")
    return result if network else result | _LOCAL


def user_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a command of the user's own: theirs, without what points git at another repository."""
    return {
        key: value
        for key, value in environ.items()
        if key not in _DROPPED or key.startswith(("GIT_AUTHOR_", "GIT_COMMITTER_"))
    }


def hardened(extra: Sequence[str] = ()) -> list[str]:
    """Return the ``-c`` options that every git child gets, with *extra* settings behind them."""
    return [part for setting in (*HARDENING, *extra) for part in ("-c", setting)]


def fsck_settings(area: str) -> list[str]:
    """Return the settings that let harmless old faults pass, for *area* ``fetch.fsck`` or ``fsck``."""
    return [f"{area}.{message}=warn" for message in FSCK_WARNINGS]
