"""How a request for an approval is printed, signed and used, and how a signed one differs from what is asked. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from git_hybrid.core.approval import Approved, Asked, Verify, payload, unlike, untimely
from git_hybrid.core.errors import OverrideUnrecorded, PolicyNotMet
from git_hybrid.core.ids import is_oid
from git_hybrid.core.manifest import Policy
from git_hybrid.core.override import Overrides, Trail, person, restoring
from git_hybrid.core.value import Struct, replace
from git_hybrid.core.values import format_time
from git_hybrid.core.words import typed


class Signing(Struct, frozen=True, kw_only=True):
    """The signatures that came with a command, in their armour, and the texts that were found beside them."""

    armours: Sequence[str]
    texts: Sequence[bytes]
    verify: Verify


def request_line(asked: Asked, *, renews: str = "") -> str:
    """Return the command that prints what an approver of *asked* signs; *renews* is the override that goes on by it."""
    said = (*_what(asked, renews), *_why(asked))
    return typed("git", "hybrid", "override", "request", renews or asked.source, *said)


def use_line(asked: Asked, *, renews: str = "") -> str:
    """Return the command that a signature of *asked* is for."""
    command = ("override", "renew", renews) if renews else ("pin", asked.source)
    what = () if renews else (*_what(asked, renews), "--force")
    signed = ("--approver", "WHO", "--signature", "FILE.sig")
    return typed("git", "hybrid", *command, *what, *_why(asked), *signed)


def _what(asked: Asked, renews: str) -> tuple[str, ...]:
    if renews:
        return ()
    found = ("--kind", asked.kind, *(word for item in asked.findings for word in ("--finding", item)))
    if asked.kind == "scan":
        return found
    commit = asked.to_commit if is_oid(asked.to_commit) else "COMMIT"
    waived = (word for item in asked.waived for word in ("--waive", item))
    return ("--to", commit, *(found if asked.findings else ()), *waived)


def _why(asked: Asked) -> tuple[str, ...]:
    return ("--request", asked.request_id, "--reason", asked.reason, "--expires", format_time(asked.expires_at))


def differences(text: bytes, asked: Asked) -> tuple[str, ...]:
    """Return in what a *text* that was signed is another request than *asked*; nothing where it is none at all."""
    from json import dumps, loads  # noqa: PLC0415

    try:
        said = loads(text)
    except (ValueError, RecursionError):
        return ()
    if not isinstance(said, dict):
        return ()
    wanted = loads(payload(asked))
    return tuple(
        f"{key} {dumps(said.get(key))}, and here it is {dumps(value)}"
        for key, value in wanted.items()
        if said.get(key) != value
    )


def other_findings(asked: Asked, lifted: Sequence[str]) -> PolicyNotMet | None:
    """Return the error for a forced pin that would accept findings which were not *asked* for, or fewer than were.

    None if it accepts just those. A signature would bear out nothing else.
    """
    more = [item for item in lifted if item not in asked.findings]
    less = [item for item in asked.findings if item not in lifted]
    if not more and not less:
        return None
    problems = (
        *(f"a scan of the commit found {item}, and the approval does not name it" for item in more),
        *(f"the approval names {item}, and no known scan blocks the commit by it: --scan makes one" for item in less),
    )
    wanted = request_line(replace(asked, findings=tuple(sorted(lifted))))
    return PolicyNotMet(name=asked.source, problems=problems, ask=f"print what an approver signs: {wanted}")


def not_met(
    asked: Asked, approved: Approved, problems: Sequence[str], policy: Policy, signing: Signing, *, renews: str = ""
) -> PolicyNotMet:
    """Return the error for what policy misses in *asked*.

    Where the signature of somebody is missing who approved, it tells how to come to it; and if the signature is good
    for another text that lies beside it, in what that differs.
    """
    asking = {person(name) for name in approved.requesters}
    named = {person(name) for name in approved.approvers} - asking - {*approved.signed, *approved.spent}
    keys = {item.id: item.key for item in policy.approvers if item.key and person(item.id) in named}
    told = [
        f"what {who} signed says {line}"
        for who, key in keys.items()
        for text in signing.texts
        if any(signing.verify(text, key, armour) for armour in signing.armours)
        for line in differences(text, asked)
    ]
    is_askable = bool(keys) and not unaskable(approved, policy)
    ask = f"print what an approver signs: {request_line(asked, renews=renews)}" if is_askable else ""
    return PolicyNotMet(name=asked.source, problems=(*problems, *told), ask=ask)


def unaskable(asked: Approved, policy: Policy) -> tuple[str, ...]:
    """Return what policy misses in a request whoever approves it, each in one sentence; nothing if it is met."""
    return (*unlike(asked.request_id, policy.request_pattern), *untimely(asked, policy))


def unrecorded(overrides: Overrides, trail: Trail, asked: Asked) -> OverrideUnrecorded | None:
    """Return the error if *overrides* lack one of the source that the log has: it may have spent what was signed."""
    what = "is in the audit log and not in state/sources-overrides.json"
    for identity, record in trail.latest.items():
        if record.get("source") == asked.source and identity not in overrides.records:
            told = {"name": asked.source, "override": identity, "what": what, "commit": asked.to_commit}
            return OverrideUnrecorded(**told, hint=restoring(identity))
    return None
