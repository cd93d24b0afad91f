"""Imports that leave out what a library takes only because it happens to be installed."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from git_hybrid import lean
from git_hybrid.lean import without

_NAME = "module_of_a_test"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    (tmp_path / f"{_NAME}.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, _NAME, raising=False)
    monkeypatch.setattr(lean, "_count", lambda: 0)
    return _NAME


def test_in_the_block_there_is_none_and_after_it_there_is(installed, monkeypatch):
    with without(installed), pytest.raises(ModuleNotFoundError):
        import_module(installed)
    assert installed not in sys.modules
    monkeypatch.setitem(sys.modules, installed, import_module(installed))


def test_also_where_the_block_fails(installed):
    with pytest.raises(KeyError), without(installed):
        raise KeyError
    assert installed not in sys.modules


def test_what_is_imported_already_stays(installed, monkeypatch):
    module = import_module(installed)
    monkeypatch.setitem(sys.modules, installed, module)
    with without(installed):
        assert import_module(installed) is module
    assert sys.modules[installed] is module


def test_another_thread_finds_what_is_installed(installed, monkeypatch):
    monkeypatch.setattr(lean, "_count", lambda: 1)
    with without(installed):
        monkeypatch.setitem(sys.modules, installed, import_module(installed))


def test_values_do_not_bring_what_others_have_installed():
    """The tests' own environment has it, so this would fail without the block."""
    assert import_module("typing_extensions")
    code = "import sys, git_hybrid.core.value; print('msgspec' in sys.modules, 'typing_extensions' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"
