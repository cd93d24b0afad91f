"""What git's words on stderr mean. Pure: bytes of a failed command in, an error with facts out."""

from __future__ import annotations

import re

from git_hybrid.core.errors import (
    AccessDenied,
    BundlePrerequisites,
    EndlessAnswer,
    GitFailed,
    HybridError,
    IdentityChanged,
    InsecureRedirect,
    LocalIo,
    MalformedObjects,
    NetworkFailure,
    RedirectLoop,
    RefMissing,
    RepositoryDamaged,
    RepositoryNotFound,
    TlsFailure,
)
from git_hybrid.core.machine import was_ended
from git_hybrid.core.pattern import pattern
from git_hybrid.git.disallowed import forbidden, misset, of_another, of_system, unstarted
from git_hybrid.git.fsck import damaged, refused
from git_hybrid.git.serverwords import DENIED, NOT_FOUND, TLS, TRANSIENT
from git_hybrid.git.sshwords import of_program, unaccepted
from git_hybrid.git.unusable import besides_missing, colliding

_NOISE = pattern(
    r"^(?:remote: (?:Enumerating|Counting|Compressing|Total)|warning: redirecting|Cloning into |From |hint:|notice:"
    r"|Errors logged to '|Use `git lfs logs last`"
    # What git says behind the name of a lock that another one holds.
    r"|Another git process seems to be running|an editor opened by |are terminated then try again"
    r"|may have crashed in this|remove the file manually to continue"
    r"|[*=+!t-] \[?|Please make sure you have the correct access rights|and the repository exists\.)"
)
_STATUS = pattern(r"The requested URL returned error: (?P<status>\d{3})")
_QUOTED = pattern(r"(?<![a-z])'[^'\n]*'")
_REDIRECT = pattern(r"^warning: redirecting to (?P<url>\S+)", re.MULTILINE)
_MISSING_REF = pattern(
    r"couldn't find remote ref (?P<ref>\S+)|Remote branch (?P<branch>\S+) not found in upstream"
    r"|not our ref (?P<oid>[0-9a-f]+)|unadvertised object (?P<hidden>[0-9a-f]+)|dumb http.* (?P<alone>shallow)"
)
_PREREQUISITES = pattern(r"^error: Repository lacks these prerequisite commits:", re.MULTILINE)
_LACKED = pattern(r"^error: ([0-9a-f]{40,64})\b", re.MULTILINE)
_FSCK = pattern(
    r"fsck error|error: object [0-9a-f]{40,64}: \w+:|index-pack died.*strict|broken link"
    r"|in (?:object|tree|commit) .*: error"
)

# The two ends name their objects by different algorithms: what is served now is another repository.
_MISMATCHED = pattern(r"^fatal: mismatched algorithms: client (?P<old>\w+); server (?P<new>\w+)", re.MULTILINE)
# Whatever ends its pack-objects, a server takes for this; where an object is named it is so, and will be next time.
_DAMAGE = "possible repository corruption on the remote side"
_UNREADABLE = pattern(r"^remote: (?:fatal|error): .*\b[0-9a-f]{40,64}\b.*$", re.MULTILINE)
# What a server says in place of an answer (an ERR packet, gitprotocol-pack(5)), or what git did not expect of it: its
# words, whatever lines they have, and the last of git's own.
_ECHOED = pattern(
    r"""^(fatal:\ (?:(?:git\ fetch-pack|protocol\ error):\ )?(?:
        (?P<error>remote\ error):|invalid\ (?:ls-refs\ response|(?:un)?shallow\ line):
        |(?:object\ not\ found|no\ shallow\ found|error\ in\ object):
        |(?:invalid\ server\ response;|expected\ [^\n]{1,40}?)\ (?:got|received)|unexpected[a-z :-]*(?=\ ')
    ))\ ?(?P<words>.*)""",
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)
_NOT_OURS = pattern(r"^upload-pack: not our ref (?P<oid>[0-9a-f]{40,64})")
_TOLD_DENIED = ("denied", "not allowed", "not permitted", "forbidden", "unauthorized", "not authorized", "suspended")
_TOLD_NOT_FOUND = ("not found", "does not exist", "doesn't exist", "no such", "not exported", "could not be found")
# What more of git's words is of this machine: its files, its programs. An answer that git-lfs cannot parse is not.
_LOCAL = pattern(
    r"unable to (?!access|negotiate|parse http)"
    r"|(?:could not|cannot|can't|failed to) (?:open|read|write|create|fork|exec|run|lock|map)"
    r"|no such file or directory|input/output error|permission denied|bad object"
    r"|point to a valid object|missing (?:blob|tree|commit|object)|failed to traverse|revision walk|packfile"
    r"|corrupt|bad config|configuration files|not a git command|options are incompatible|cannot be used together"
)
_USAGE = 129
"""The status of a git that does not know an option that it was given, and of no other trouble (git's usage.c)."""

_WORDLESS = "fatal: fetch-pack: invalid index-pack output"
_ELSEWHERE = pattern(r"('https?://[^/'\s]*/)[^'\s]+")
_LOOP = "redirects followed"
_INSECURE = pattern(
    r"^fatal: unable to access .*: Protocol \W?(?!https\b)(?P<scheme>[a-z0-9.+-]+)\W? (?:not supported|disabled)\b",
    re.MULTILINE,
)
# Only what a server sends makes that grow, and git gets no more memory for it (git_hybrid.git.memory).
_LISTING, _SPENT = "git ls-remote", "out of memory"
# What libcurl says of headers that it takes no more of.
_HEADERS = ("unable to access '': out of memory", "too large response headers")
UNKNOWN = "unknown"
"""The kind of a network failure whose words are not known."""
_LATER, _GONE = (408, 425, 429), (404, 410)
_PROXY, _BY_PROXY = 407, pattern(r"(?:tunnel failed, response|received http code) (?P<status>[0-9]{3})\b")
"""The status of a proxy that wants a login (RFC 9110, 15.5.8), and what libcurl says of one before a tunnel."""
# What git says of any ssh command that failed without words that it knows.
_SSH_FAILED = "could not read from remote repository"


def last_words(stderr: str) -> str:
    """Return what a failed command said, without progress, hints and secrets, at most 500 characters."""
    from git_hybrid.core.redact import redact

    # git sends some of its words with the NUL that ends them in memory.
    lines = [line.strip().rstrip("\0") for line in _lines(redact(stderr))]
    told = [line for line in lines if line and not _NOISE.match(line)]
    return " / ".join(told[-4:])[:500]


def _as_asked(words: str, url: str) -> str:
    """Return *words* of git without the paths of URLs but *url*: those that insteadOf leads to may have a token."""
    asked = f"'{url.rstrip('/')}"
    return _ELSEWHERE.sub(lambda found: found[0] if found[0].startswith(asked) else f"{found[1]}***", words)


def redirects(stderr: str) -> tuple[str, ...]:
    """Return the URLs that git says it was redirected to."""
    return tuple(match["url"] for match in _REDIRECT.finditer(stderr))


def classify_network(
    stderr: str, *, url: str, status: int, command: str, http: int = 0, bounded: bool = False
) -> HybridError:
    """Return the error that a failed network command stands for.

    *http* is the HTTP status of the last answer where it is known by other ways than *stderr*; *bounded*: this machine
    limits the size of files.

    The order matters: what is final is looked for first, so that no failure of trust is ever tried again.
    """
    message = _as_asked(last_words(stderr), url)
    # What stands in quotes was chosen by somebody else, and what fsck warns of too: a repository or a tag named
    # "early-eof" decides nothing. Nor does a server whose disk is full say so of ours.
    echoed = _ECHOED.search(stderr)
    answer = echoed["words"] if echoed and echoed["error"] else None
    stderr = stderr[: echoed.end(1)] if echoed else stderr
    told = _unless(stderr, "warning:", "warning in ")
    text = _QUOTED.sub("''", told).lower()
    code = int(said["status"]) if (said := _STATUS.search(told)) else http
    ours = _unless(text, "remote:")
    # Whoever answered with a status has chosen the words that git-lfs tells with it.
    final = not http and (
        forbidden(stderr)
        or of_another(stderr, url=url, message=message)
        or misset(stderr, text, status=status, message=message, command=command)
        or of_program(stderr, ours)
        or _untrusted(_unless(told, "remote:"), ours, url=url, message=message)
        or of_system(stderr, ours, command=command)
        or unstarted(ours, url=url, status=status, message=message, command=command)
        or damaged(ours, message=message)
        or colliding(stderr)
    )
    return (
        final
        or _refused(told, text, code, url=url, message=message)
        or (None if answer is None else _answered(answer, url=url, message=message))
        or _passing(text, code, url=url, message=message)
        or _wordless(text, status, url=url, message=message, command=command, bounded=bounded)
        or _unknown(text, status, url=url, message=message, command=command)
    )


def _wordless(text: str, status: int, *, url: str, message: str, command: str, bounded: bool) -> HybridError | None:
    """Return what it means that index-pack ended without a word, which git does not say more of; None if it spoke.

    A connection that broke may do that as well, but not where there is none, and hardly where files may not grow.
    """
    said = {line for line in _lines(_unless(text, "remote:")) if line.startswith(("fatal: ", "error: "))}
    if said != {_WORDLESS}:
        return None
    if bounded:
        why = "git index-pack was ended, as by the limit on the size of a file (ulimit -f)"
        return LocalIo(path="sources/.incoming", operation="write to", reason=why)
    if not url.startswith("file://"):
        return None
    words = f"{message}\nindex-pack died of signal, or of a limit: it said nothing"
    return GitFailed(command=command, status=status, stderr=words)


def _unknown(text: str, status: int, *, url: str, message: str, command: str) -> HybridError:
    """Return what a failure stands for whose words are not known: the server's, unless it is this machine's."""
    ours = _unless(text, "remote:")
    if (command == _LISTING and _SPENT in ours) or any(words in ours for words in _HEADERS):
        fits = "a list of refs gets 512 MiB of memory, into which two million fit, and headers far less"
        return EndlessAnswer(url=url, message=f"{message}\n{fits}")
    if status < 0 or status == _USAGE or "://" not in url or was_ended(ours) or _LOCAL.search(ours):
        return GitFailed(command=command, status=status, stderr=message)
    # index-pack itself says what this machine refused it; where a connection broke it may say nothing.
    return NetworkFailure(url=url, message=message, kind="cut" if "invalid index-pack output" in text else UNKNOWN)


def _lines(text: str) -> list[str]:
    """Return the lines of *text* as git ends them: a server's words hold what ends a line for Python alone."""
    return text.replace("\r", "\n").split("\n")


def _unless(text: str, *beginnings: str) -> str:
    """Return the lines of *text* that have none of these *beginnings*."""
    return "\n".join(line for line in _lines(text) if not line.startswith(beginnings))


def _untrusted(stderr: str, text: str, *, url: str, message: str) -> HybridError | None:
    if (unknown := unaccepted(stderr, text, url=url, message=message)) is not None:
        return unknown
    if any(word in text for word in TLS):
        return TlsFailure(url=url, message=message)
    if (by_fsck := refused(stderr)) is not None:
        return by_fsck
    if (algorithms := _MISMATCHED.search(stderr)) is not None:
        old, new = ((f"of {found}",) for found in algorithms.groups())
        return IdentityChanged(name="", url=url, old=old, new=new)
    return MalformedObjects(name="", message=message) if _FSCK.search(stderr) else None


def _refused(stderr: str, text: str, code: int, *, url: str, message: str) -> HybridError | None:
    if (lacking := _PREREQUISITES.search(stderr)) is not None:
        commits = tuple(match[1] for match in _LACKED.finditer(stderr, lacking.end()))
        return BundlePrerequisites(name="", commits=commits)
    if (missing := _MISSING_REF.search(stderr)) is not None:
        return RefMissing(name="", ref=next(filter(None, missing.groups())), url=url)
    if code == _PROXY or ((by_proxy := _BY_PROXY.search(text)) is not None and _is_final(int(by_proxy["status"]))):
        return AccessDenied(url=url, message=message, by_proxy=True)
    if code in (401, 403) or any(word in text for word in DENIED):
        return AccessDenied(url=url, message=message)
    if not code and _LOOP in text:
        return RedirectLoop(url=url, message=message)
    if (insecure := _INSECURE.search(stderr)) is not None:
        return InsecureRedirect(url=url, message=message, target=insecure["scheme"])
    if code in (0, *_GONE) and (damage := _walked(text, url=url, message=message)) is not None:
        return damage
    if _is_final(code) or (not code and any(word in text for word in NOT_FOUND)):
        return RepositoryNotFound(url=url, message=message)
    if _DAMAGE in text and (unreadable := _UNREADABLE.search(stderr)) is not None:
        return RepositoryDamaged(url=url, message=unreadable[0].strip())
    return None


def _walked(text: str, *, url: str, message: str) -> HybridError | None:
    """Return what it means that files of a repository are not on the server that lists it: it is half copied."""
    rest = besides_missing(_unless(text, "remote:"))
    # It says the same where this machine could not keep what came, or where it did not come because of the network.
    of_others = rest is None or _LOCAL.search(rest) or _passing(rest, 0, url=url, message=message)
    return None if of_others else RepositoryDamaged(url=url, message=message)


def _answered(words: str, *, url: str, message: str) -> HybridError:
    """Return what a server means that says in words that it does not serve."""
    if (missing := _NOT_OURS.search(words)) is not None:
        return RefMissing(name="", ref=missing["oid"], url=url)
    words = _QUOTED.sub("''", words).lower()
    if any(word in words for word in _TOLD_DENIED):
        return AccessDenied(url=url, message=message)
    if any(word in words for word in _TOLD_NOT_FOUND):
        return RepositoryNotFound(url=url, message=message)
    return NetworkFailure(url=url, message=message, kind="server")


def _is_final(code: int) -> bool:
    """Tell whether an HTTP status says that the same request would be answered alike (RFC 9110, 15.5)."""
    return 400 <= code < 500 and code not in _LATER


def _passing(text: str, code: int, *, url: str, message: str) -> HybridError | None:
    """Return the failure that may pass, or None if the words are of none that is known."""
    if code:
        return NetworkFailure(url=url, message=message, kind=f"http-{code}")
    for kind, words in TRANSIENT:
        if any(word in text for word in words):
            return NetworkFailure(url=url, message=message, kind=kind)
    if _SSH_FAILED not in text:
        return None
    # Nobody logs in to a folder of this machine.
    failure = RepositoryNotFound if url.startswith("file://") else AccessDenied
    return failure(url=url, message=message)
