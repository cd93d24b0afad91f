"""What is said where a second signal ended a run that had decided: it is recorded, and nobody told it."""

from __future__ import annotations

from git_hybrid.cli.wiring import Session


def shown_by(wired: Session) -> str:
    """Return the command that shows what the run of *wired* has decided, as it is typed; nothing where it has not."""
    from git_hybrid.cli.placing import place_of

    runtime = wired.runtime
    return place_of(wired.layout.root).command("git hybrid status") if runtime.ledger.is_decided(runtime.info) else ""
