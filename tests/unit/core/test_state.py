from __future__ import annotations

from git_hybrid.core.ids import SourceName
from git_hybrid.core.state import State, with_sources
from support.values import a_source, a_state_entry, oid


def test_entries_are_put_and_dropped_in_name_order() -> None:
    state = State(sources={SourceName(name): a_state_entry(a_source(name)) for name in ("b", "c", "d")})
    put = {
        SourceName("a"): a_state_entry(a_source("a")),
        SourceName("b"): a_state_entry(a_source("b"), commit=oid(9)),
    }
    changed = with_sources(state, put=put, drop=frozenset({SourceName("c")}))
    assert list(changed.sources) == ["a", "b", "d"]
    assert changed.sources[SourceName("b")].commit == oid(9)
    assert state.sources[SourceName("b")].commit == oid(1)
