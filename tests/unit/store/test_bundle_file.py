"""What a bundle file may hold: what is read as a whole has the bound of its file in a workspace."""

from __future__ import annotations

from pathlib import Path

import pytest

from git_hybrid.core.errors import BadBundle
from git_hybrid.core.files import LOCK, LOG, MANIFEST
from git_hybrid.store import content
from git_hybrid.store.bundlefile import inventory_of, read_bundle, report_of, write_bundle


@pytest.mark.parametrize("large", [MANIFEST, LOCK, LOG, report_of("tool")])
def test_a_member_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: str) -> None:
    monkeypatch.setattr(content, "SIZE_LIMIT", 2000)
    monkeypatch.setattr(content, "LOG_LIMIT", 2000)
    for size, folder in ((2000, "fine"), (2001, "large")):
        members: dict[str, Path | bytes] = {MANIFEST: b"m", LOCK: b"l", large: bytes(size)}
        file = tmp_path / folder
        write_bundle(file, inventory_of(members, [], None), None, members)
        if size == 2000:
            assert read_bundle(file, tmp_path / f"{folder}.d").read(large) == bytes(size)
            continue
        with pytest.raises(BadBundle, match="larger than") as caught:
            read_bundle(file, tmp_path / f"{folder}.d")
        assert caught.value.place == large
        assert not any(path.stat().st_size > 1 for path in (tmp_path / f"{folder}.d").iterdir())
