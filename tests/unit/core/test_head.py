"""What the newest commit has of the audit log."""

from __future__ import annotations

from git_hybrid.core.audit import Event, extend, tail_of
from git_hybrid.core.canonical import canonical_json
from git_hybrid.core.ports_ledger import Head
from support.values import NOW, OPERATOR, RUN


def test_a_record_is_committed_where_its_line_is() -> None:
    who = {"at": NOW, "operator": OPERATOR, "command_id": RUN, "log_id": "log"}
    records = extend(tail_of(()), [Event(event="init"), Event(event="mirror-remove", detail={"name": "a"})], **who)
    head = Head(log=canonical_json(records[0]), pins={})
    assert [head.has(record) for record in records] == [True, False]
