"""What is told of an override that is shown: what policy misses in it, what it accepts, and whose key signed. Pure."""

from __future__ import annotations

from git_hybrid.core.approval import as_approved, unmet
from git_hybrid.core.files import OVERRIDES
from git_hybrid.core.governance import Governed, unbound
from git_hybrid.core.override import Override, is_in_force, restoring
from git_hybrid.core.spent import key_of
from git_hybrid.core.words import BRING_BACK, counted


def forbidden(override: Override, found: Governed) -> str:
    """Return what policy misses in *override*, which is in force, as clauses; nothing where it has ended."""
    if not is_in_force(override, found.clock):
        return ""
    return "; ".join(unmet(as_approved(override, found.signatures), found.manifest.policy))


def doubted(override: Override, found: Governed) -> str:
    """Return what does not tie *override* to both the audit log and its file, as a clause; nothing if it is tied."""
    if override.id not in found.overrides.records:
        return f"that the audit log tells of and {OVERRIDES} has lost"
    return unbound(override, found.trail)


def regained(lost: str, found: Governed) -> str:
    """Return the command that brings back the records of overrides that are *lost*: their ids, with blanks."""
    return BRING_BACK if found.trail.absent() else restoring(lost)


def accepts(override: Override) -> str:
    """Return which findings *override* accepts, and which objects git's fsck may complain about; nothing if none."""
    parts = []
    if override.findings:
        parts.append(f"{counted(len(override.findings), 'finding')} {', '.join(override.findings)}")
    if override.waived:
        parts.append(f"{counted(len(override.waived), 'object')} {', '.join(override.waived)}")
    return ", ".join(parts)


def keys_told(override: Override) -> str:
    """Return which key the signature of each approval names; whether it is good ``check overrides`` says."""
    told = ((item.id, key_of(item.signature)) for item in override.approvers if item.signature is not None)
    return "; ".join(f"{who}: {key or 'no key'}" for who, key in told)
