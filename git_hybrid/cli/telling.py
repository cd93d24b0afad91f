"""Say what went wrong: an error with its remedy, in words, as JSON, and as an exit status."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from git_hybrid.cli.mirror_words import mirror_words
from git_hybrid.cli.telling_values import few, joined, lines_of
from git_hybrid.core.errors import (
    LATE,
    AccessDenied,
    BadBundle,
    HostileTree,
    HostKeyFailure,
    HybridError,
    Interrupted,
    InvalidFile,
    LocalIo,
    NestedRepository,
    NetworkFailure,
    Offline,
    RemoteError,
    ReportLost,
    ToolTooOld,
    TooYoung,
    UnsavedWork,
)
from git_hybrid.core.report import Report, Row
from git_hybrid.core.value import Struct
from git_hybrid.core.words import approval_words, counted, hints_of, some, typed, unmarked

if TYPE_CHECKING:
    from git_hybrid.cli.remedy import Remedy

SIGNALLED = 128
_MIRRORS = "GIT_HYBRID_MIRRORS or git's hybrid.mirrors"
_DECIDED = "what it does is decided, and the next command that writes finishes it"
_WRITTEN = "all that it did is written, and no more than the journal of that is left to remove"
_OF_BUNDLE = ("what is asked, and why: git hybrid config --show-origin",)
"""A bundle of ``GIT_HYBRID_BUNDLE_DIR`` is no mirror that could be updated from here."""
_AUTHORITIES = "GIT_SSL_CAINFO"
"""Where it is set, git does not ask its configuration."""
_COMMANDS = frozenset(
    (
        *("accept", "again", "also", "approval", "ask", "ask_upstream_too", "back", "command", "filling", "find"),
        *("giving_up", "hint", "instead", "leave", "meant", "mend", "move", "naming", "otherwise", "remaking", "trust"),
        *("begin", "by_colleague", "copying", "follow", "stay", "take"),
        *("once_more", "waiting", "waive", "way", "whose_url"),
    )
)
"""The facts that are words, or a part of a command: whoever makes them quotes what is in them."""
_WORST_FIRST = (70, 74, 75, 2, 7, 5, 6, 3, 4, 1)


class Told(Struct, frozen=True):
    """An error in the words that a user reads."""

    exit: int
    title: str
    cause: tuple[str, ...]
    hints: tuple[str, ...]


def tell(
    error: HybridError, has_keys: Callable[[], bool] = lambda: False, placed: Callable[[str], str] = unmarked
) -> Told:
    """Return *error* in words.

    *has_keys* tells, where a hint needs it, whether an approval takes a signature; *placed* returns a hint as it is
    typed where it is read.
    """
    remedy = _remedy(error)
    facts = _facts(error)
    templates = _hints(error, remedy)
    if any("{approval}" in text for text in templates):
        facts["approval"] = approval_words(signed=has_keys())
    cause = tuple(line for line in remedy.cause.format_map(facts).split("\n") if line)
    if isinstance(error, RemoteError) and error.mirror:
        cause += (f"asked at the mirror {error.mirror}, which {_MIRRORS} names",)
    cause += error.passed_over
    words = {key: value if key in _COMMANDS else typed(str(value)) for key, value in facts.items()}
    hints = tuple(placed(hint) for text in templates for hint in hints_of(text.format_map(words)) if hint)
    title = _bare(remedy.title.format_map(facts))
    return Told(_status(error, remedy), title, cause, tuple(map(_bare, hints)))


def _bare(text: str) -> str:
    """Return *text* without the secrets in URLs that were typed where something else belongs."""
    if not any(mark in text for mark in ("@", "%40", "://")):
        return text
    from git_hybrid.core.redact import redact_typed

    return redact_typed(text)


def _status(error: HybridError, remedy: Remedy) -> int:
    return SIGNALLED + error.signal if isinstance(error, Interrupted) else remedy.exit


def _remedy(error: HybridError) -> Remedy:
    # Imported here: most commands have nothing to tell.
    from git_hybrid.cli.remedies import BROUGHT_TOO_YOUNG, TO_BEGIN, TOO_LARGE, UNSIGNED

    remedy = _of_code(error)
    if error.stray:
        from git_hybrid.cli.remedies_strays import STRAYS

        return STRAYS.get(error.code, remedy)
    if isinstance(error, AccessDenied) and error.by_proxy:
        from git_hybrid.cli.remedies_mirror import BY_PROXY

        return BY_PROXY
    if isinstance(error, AccessDenied) and error.trust:
        from git_hybrid.cli.remedies_mirror import OF_ANOTHER

        return OF_ANOTHER
    if vars(error).get("edited"):
        from git_hybrid.cli.remedies_later import EDITED

        return EDITED[error.code]
    if isinstance(error, HostileTree) and error.too_large:
        return TOO_LARGE
    if isinstance(error, LocalIo) and error.code == LocalIo.code:
        from git_hybrid.cli.remedies_scarce import SCARCE

        reason = error.reason.lower()
        return next((SCARCE[words] for words in SCARCE if words.lower() in reason), remedy)
    if isinstance(error, BadBundle) and error.place == error.SIGNATURE:
        return UNSIGNED
    if isinstance(error, TooYoung):
        return BROUGHT_TOO_YOUNG if error.bundle else TO_BEGIN if error.to_begin else remedy
    return _of_server(error, remedy)


def _of_server(error: HybridError, remedy: Remedy) -> Remedy:
    """Return the remedy where it is known which server the error is of, else *remedy*."""
    from git_hybrid.cli.remedies_later import of_content

    if (found := of_content(error)) is not None:
        return found
    if vars(error).get("mirror"):
        from git_hybrid.cli.remedies_mirror import BEHIND

        return BEHIND.get(error.code, remedy)
    if isinstance(error, Offline) and error.brought:
        from git_hybrid.cli.remedies import CARRIED, NEWS

        return NEWS if error.is_news else CARRIED
    return remedy


def _of_code(error: HybridError) -> Remedy:
    if any(map(vars(error).get, ("until", "setting", "own"))):
        from git_hybrid.cli.remedies_later import BY_FACT

        return BY_FACT[error.code]
    if isinstance(error, NetworkFailure) and error.kind in LATE:
        from git_hybrid.cli.remedies_later import TOO_LATE

        return TOO_LATE
    from git_hybrid.cli.remedies import REMEDIES

    return REMEDIES[error.code]


def _hints(error: HybridError, remedy: Remedy) -> tuple[str, ...]:
    if isinstance(error, UnsavedWork):
        from git_hybrid.cli.remedies_unsaved import hints_for

        return _literal(hints_for(error.name, error.path, error.refs, stray=error.stray))
    if isinstance(error, NestedRepository) and error.submodules:
        from git_hybrid.cli.remedies_unsaved import hints_for_submodules

        return _literal(hints_for_submodules(error.name, error.path, error.submodules))
    if isinstance(error, HostKeyFailure):
        from git_hybrid.cli.remedies_ssh import hints_for_host

        return _literal(hints_for_host(error))
    if error.bundled:
        return (*_of_what_is_added(error, ())[-1:], *_OF_BUNDLE)
    return remedy.hints if vars(error).get("mirror") else _of_what_is_added(error, remedy.hints)


def _literal(hints: Iterable[str]) -> tuple[str, ...]:
    return tuple(hint.replace("{", "{{").replace("}", "}}") for hint in hints)


def _of_what_is_added(error: HybridError, hints: tuple[str, ...]) -> tuple[str, ...]:
    if not error.adding:
        return hints
    from git_hybrid.cli.remedies_adding import hints_for

    return hints_for(error, hints)


def _whose_url(error: HybridError) -> str:
    if isinstance(error, RemoteError) and error.mirror:
        return f"the mirror in {_MIRRORS}"
    return f"the URL in {error.imported or 'sources.toml'}" if error.imported or not error.adding else "the URL"


def _run_again(error: HybridError) -> str:
    """Return whether a command whose report is lost is to be run again; one that failed tells that by its errors."""
    if not isinstance(error, ReportLost) or error.is_failed:
        return ""
    if error.is_done:
        return "it has done what it was asked for: do not run it again for that"
    return "it only looks: run it again where there is room for what it says"


def _wanted(error: HybridError) -> dict[str, str]:
    """Return which program is wanted, or what the network was, and what else there is than to allow it."""
    if isinstance(error, ToolTooOld):
        return {"wanted": f"{error.tool} {error.needed} or newer" if error.needed else error.tool}
    if not isinstance(error, Offline):
        return {}
    if error.mirror:
        return {"wanted": "asked at", "allowing": "allow it: what a mirror has is known only by asking it"}
    where = f"name a folder with a file of bundle create, or with {error.name}.bundle, in GIT_HYBRID_BUNDLE_DIR"
    return {"wanted": "fetched from", "allowing": f"allow it, or {where}"}


def _facts(error: HybridError) -> dict[str, Any]:
    facts: dict[str, Any] = dict(error.facts())
    url, name = facts.get("url", ""), facts.get("name", "")
    facts["name_or_url"] = name or url
    tries = facts.get("attempts", 1)
    facts["tries"] = f"after {counted(tries, 'try')}" if tries else "for others before it, so it was not asked"
    facts["name_prefix"] = f"{name}: " if name else ""
    facts["whose_url"] = _whose_url(error)
    facts["imported"], facts["added"] = error.imported, error.added
    facts |= _wanted(error)
    setting = "git config --global http.sslCAInfo FILE"
    facts["naming"] = f"export {_AUTHORITIES}=FILE" if _AUTHORITIES in os.environ else setting
    facts["run_again"] = _run_again(error)
    facts["giving_up"] = "" if facts.get("is_unwritten") else "git hybrid resume --abort"
    waiting = f"to wait longer: export GIT_HYBRID_LOCK_TIMEOUT={facts.get('longer')}"
    facts["waiting"] = f"it is stopped; to let it go on: kill -CONT {pid}" if (pid := facts.get("stopped")) else waiting
    facts["once_more"] = f"where it is still wanted: {again}" if (again := facts.get("again")) else ""
    if isinstance(error, InvalidFile):
        from git_hybrid.cli.telling_invalid import words_of_problems

        facts |= words_of_problems(error)
    facts |= mirror_words(error, facts)
    if "files" in facts:
        from git_hybrid.cli.remedies_unsaved import words_of_files

        facts |= words_of_files(facts)
        facts["files"] = lines_of(facts["files"])
    if "stale" in facts:
        facts["why"] = "changed in sources.toml since it was pinned" if facts["stale"] else "has no pin"
    if "nearest" in facts or "tag" in facts:
        from git_hybrid.cli.nearest import words_of

        facts |= words_of(error, facts.get("nearest", ()))
    if "stderr" in facts:
        facts["stderr_and_stdout"] = "\n".join(text for text in (facts["stderr"], facts.get("stdout", "")) if text)
    facts["rest"] = "what was decided about others is written" if facts.get("is_partly") else "nothing was written"
    facts["decided"] = _WRITTEN if facts.get("is_written") else _DECIDED
    if "objects" in facts:
        facts["waive"] = "".join(f" --waive {typed(oid)}" for oid in facts["objects"])
    for key in ("findings", "problems", "reasons"):
        if isinstance(facts.get(key), tuple):
            facts[key] = lines_of(facts[key])
    if "pending" in facts:
        facts["pending"] = some(facts["pending"])
    facts["refs"] = few(facts.get("refs", ()))
    return {key: joined(value) if isinstance(value, tuple) else value for key, value in facts.items()}


def explain(
    error: HybridError, has_keys: Callable[[], bool] = lambda: False, placed: Callable[[str], str] = unmarked
) -> dict[str, Any]:
    """Return *error* as plain values, for ``--json``; the rest as for :func:`tell`."""
    told = tell(error, has_keys, placed)
    return {
        "code": error.code,
        "exit_code": told.exit,
        "message": told.title,
        "cause": list(told.cause),
        "hints": list(told.hints),
    }


def exit_of_row(row: Row) -> int:
    """Return the exit status that one source stands for."""
    return 0 if row.error is None else _status(row.error, _remedy(row.error))


def exit_of(report: Report) -> int:
    """Return the exit status of a command: of several the first of 5, 6, 3, 4, 1."""
    if report.interrupted:
        return SIGNALLED + report.interrupted
    codes = {exit_of_row(row) for row in report.rows} - {0}
    if report.error is not None:
        codes.add(_status(report.error, _remedy(report.error)))
    return next((code for code in _WORST_FIRST if code in codes), max(codes, default=0))
