"""The shapes of the lines of a journal: whoever may write into the workspace could have written one.

Names, ids and URLs in them are checked by the grammar that they have elsewhere, when a line becomes a value.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from git_hybrid.core.plan import Action, Phase
from git_hybrid.store.wire import Hash, Text, Ulid

Table = dict[str, Any]


class TaskShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of ``tasks``."""

    name: Text
    action: Action
    before: Text | None
    source: Table
    pin: Table


class BeginShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line."""

    t: Literal["begin"]
    v: int
    run: Ulid
    command: str
    operator: str
    started_at: Text
    log_id: str
    tasks: list[TaskShape]


class PhaseShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far one source came."""

    t: Literal["phase"]
    source: Text
    phase: Phase
    served_by: str | None


class AttemptShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one source failed with."""

    t: Literal["attempt"]
    source: Text
    error: str


class RecordedShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the files say."""

    t: Literal["recorded"]
    sources: list[Text]


class EventShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of ``events``: a record of the audit log to be."""

    event: Text
    source: str | None = None
    before: str | None = None
    after: str | None = None
    detail: Table | None = None


class EditShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``manifest``."""

    before: str
    text: str


class DecisionShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the run writes into the files."""

    t: Literal["decision"]
    events: list[EventShape]
    entries: list[Table]
    pins: dict[str, Table]
    dropped: list[Text]
    overrides: list[Table]
    archive: str | None
    mirrors: list[Table]
    dropped_mirrors: list[Text]
    manifest: EditShape | None
    reports: dict[str, Hash]
    base: dict[str, Hash | None] | None
    done: list[Text]
