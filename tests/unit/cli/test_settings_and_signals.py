"""Where settings come from, and what signals do."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from git_hybrid.cli import boundary
from git_hybrid.cli.commands.config import effective
from git_hybrid.cli.common import Common, shows_progress
from git_hybrid.cli.output import advice
from git_hybrid.cli.settings import TWINS, read_settings, require_advice, require_color
from git_hybrid.cli.signals import Cancel, handled
from git_hybrid.core.endpoints import parse_mirrors
from git_hybrid.core.errors import BadArgument, LocalIo
from git_hybrid.core.manifest import Manifest
from git_hybrid.git.surroundings import Setting
from git_hybrid.store.manifest import decode_manifest


def _read(environ=None, config=None, *, jobs=None, offline=False):
    return read_settings(environ or {}, config or {}, jobs=jobs, offline=offline)


def test_defaults():
    found = _read()
    assert (found.mirrors.entries, found.offline, found.jobs) == (("direct",), "", None)
    assert found.lock_timeout == timedelta(seconds=10)
    assert found.bundle_folder is None


@pytest.mark.parametrize(
    ("environ", "config", "option", "want"),
    [
        ({"GIT_HYBRID_JOBS": "3"}, {"hybrid.jobs": "4"}, 2, 2),
        ({"GIT_HYBRID_JOBS": "3"}, {"hybrid.jobs": "4"}, None, 3),
        ({}, {"hybrid.jobs": "4"}, None, 4),
    ],
)
def test_option_then_environment_then_configuration(environ, config, option, want):
    assert _read(environ, config, jobs=option).jobs == want


def test_the_folder_of_bundles_has_no_dots(tmp_path, monkeypatch):
    (tmp_path / "ws").mkdir()
    (tmp_path / "link").symlink_to("ws")
    monkeypatch.chdir(tmp_path / "ws")
    root = tmp_path.resolve()
    assert _read({"GIT_HYBRID_BUNDLE_DIR": "../bd"}).bundle_folder == root / "bd"
    assert _read({}, {"hybrid.bundledir": "./bd/"}).bundle_folder == root / "ws/bd"
    # What is written without dots is kept as it is: the URL in state is made of it.
    assert _read({"GIT_HYBRID_BUNDLE_DIR": f"{tmp_path}/link"}).bundle_folder == tmp_path / "link"
    home = {"HOME": str(tmp_path)}
    assert _read(home, {"hybrid.bundledir": "~/link"}).bundle_folder == tmp_path / "link"
    assert _read(home, {"hybrid.cachedir": "~/link"}).cache_folder == tmp_path / "link"
    assert _read({}, {"hybrid.cachedir": "~/link"}).cache_folder is None
    assert _read({"GIT_HYBRID_CACHE_DIR": "a/../b"}).cache_folder == Path.cwd() / "b"


def test_what_is_empty_says_nothing():
    empty = {f"GIT_HYBRID_{variable}": "" for variable, _, _ in TWINS}
    config = {"hybrid.jobs": "4", "hybrid.offline": "1", "hybrid.mirrors": "off", "hybrid.locktimeout": "3s"}
    found = _read(empty, config | {"hybrid.cachedir": "/cache", "hybrid.cachetrees": "1K"})
    assert (found.jobs, found.lock_timeout, found.cache_trees) == (4, timedelta(seconds=3), 1024)
    assert (found.offline, found.mirrors) == ("hybrid.offline", parse_mirrors("off"))
    # But for the cache: no folder is none.
    assert found.cache_folder is None
    assert _read(empty).lock_timeout == timedelta(seconds=10)


def test_what_is_empty_is_not_shown_as_in_force():
    empty = {f"GIT_HYBRID_{variable}": "" for variable, _, _ in TWINS}
    config = [Setting("hybrid.jobs", "1", "command line"), Setting("hybrid.locktimeout", "", "command line")]
    shown = {item.key: (item.value, item.origin) for item in effective(empty, config, "", Manifest())}
    assert shown["hybrid.jobs"] == ("1", "command line")
    assert shown["hybrid.lockTimeout"] == ("10s", "default")
    assert shown["hybrid.cacheDir"] == ("", "environment: GIT_HYBRID_CACHE_DIR")
    # Nor is an operator that names nobody.
    shown = {item.key: item.origin for item in effective({"GIT_HYBRID_OPERATOR": "--"}, [], "", Manifest())}
    assert shown["hybrid.operator"] == "default"


def test_a_duration_is_shown_as_it_is_written():
    text = 'schema_version = 1\n[defaults]\nretry = { initial = "3000ms" }\n[policy]\nscan_max_age = "2w"\n'
    shown = {item.key: item.value for item in effective({}, [], text, decode_manifest(text.encode()))}
    assert (shown["defaults.retry.initial"], shown["policy.scan_max_age"]) == ("3000ms", "2w")
    assert (shown["defaults.retry.maximum"], shown["policy.min_release_age"]) == ("30s", "0d")


@pytest.mark.parametrize(
    ("environ", "folder"),
    [({"XDG_CACHE_HOME": "/x"}, "/x/git-hybrid"), ({"HOME": "/h"}, "/h/.cache/git-hybrid"), ({}, "")],
)
def test_the_folder_of_the_cache_is_shown_where_it_is(environ, folder):
    shown = {item.key: item.value for item in effective(environ, [], "", Manifest())}
    assert shown["hybrid.cacheDir"] == folder


@pytest.mark.parametrize(
    ("environ", "config", "option", "want"),
    [
        ({"GIT_HYBRID_OFFLINE": "1"}, {}, False, "GIT_HYBRID_OFFLINE"),
        ({"GIT_HYBRID_OFFLINE": "0"}, {"hybrid.offline": "true"}, False, ""),
        ({}, {"hybrid.offline": "yes"}, False, "hybrid.offline"),
        ({"GIT_HYBRID_OFFLINE": "0"}, {}, True, "--offline"),
    ],
)
def test_offline(environ, config, option, want):
    assert _read(environ, config, offline=option).offline == want


@pytest.mark.parametrize(
    ("text", "seconds"), [("5", 5), ("0", 0), ("5s", 5), ("2m", 120), ("100ms", 0.1), ("99999999", 99999999)]
)
def test_lock_timeout(text, seconds):
    assert _read({"GIT_HYBRID_LOCK_TIMEOUT": text}).lock_timeout.total_seconds() == seconds


FOLDERS = (("CACHE_DIR", "cachedir"), ("BUNDLE_DIR", "bundledir"))


@pytest.mark.parametrize(
    ("variable", "key", "text"),
    [
        *(("JOBS", "jobs", text) for text in ("0", "257", "x", "-1", "1.5", "²", "0002569999", "9" * 5000)),
        *(("OFFLINE", "offline", text) for text in ("maybe", "2")),
        *(("LOCK_TIMEOUT", "locktimeout", text) for text in ("x", "-1", "1 s", "1y", "9" * 50)),
        *((*folder, text) for folder in FOLDERS for text in ("~", "~nobody/x")),
        *(("MIRRORS", "mirrors", text) for text in ("http://x", "x", "https://u:pw@h", "https://h/{nope}", "off line")),
    ],
)
def test_nonsense_is_refused_by_name(variable, key, text):
    for environ, config, where in (
        ({f"GIT_HYBRID_{variable}": text}, {}, f"GIT_HYBRID_{variable}"),
        ({}, {f"hybrid.{key}": text}, f"hybrid.{key}"),
    ):
        with pytest.raises(BadArgument) as caught:
            _read(environ, config)
        assert caught.value.what.lower() == where.lower()
        assert "pw" not in caught.value.value


def test_colour_is_asked_for_in_words_of_git():
    for config in ({}, *({"color.ui": text} for text in ("Always", "auto", "never", "true", "", "2"))):
        require_color(config)
    for config in ({"color.hybrid": "maybe", "color.ui": "auto"}, {"color.ui": "maybe"}):
        with pytest.raises(BadArgument) as caught:
            require_color(config)
        assert caught.value.what in config


def test_advice_is_a_boolean_of_git():
    require_advice({"advice.hybrid": "off", "advice.hybridresume": "2", "advice.detachedhead": "perhaps"})
    with pytest.raises(BadArgument) as caught:
        require_advice({"advice.hybridresume": "perhaps"})
    assert caught.value.what == "advice.hybridresume"


@pytest.mark.parametrize(
    ("quiet", "json", "asked", "want"),
    [(False, False, True, True), (False, False, False, False), (True, False, True, False), (False, True, None, False)],
)
def test_progress(quiet, json, asked, want):
    assert shows_progress(Common(quiet=quiet, json=json, progress=asked)) is want


@pytest.mark.parametrize("width", ["²", "9" * 20, "9" * 5000, "-1", ""])
def test_a_width_that_is_none_says_nothing(width, monkeypatch):
    monkeypatch.setenv("COLUMNS", width)
    monkeypatch.setattr("os.get_terminal_size", lambda _number: os.terminal_size((100, 30)))
    assert Common().columns == 100


@pytest.mark.parametrize(
    ("config", "want"),
    [
        ({}, True),
        ({"advice.hybrid": "false"}, False),
        ({"advice.hybridnopin": "false"}, False),
        ({"advice.hybridnopin": "true"}, True),
        ({"advice.hybriddirty": "false"}, True),
        ({"advice.hybrid": ""}, False),
    ],
)
def test_advice(config, want):
    assert advice(config, "no-pin") is want


@pytest.fixture
def hang_up():
    before = signal.getsignal(signal.SIGHUP)
    yield lambda how: signal.signal(signal.SIGHUP, how)
    signal.signal(signal.SIGHUP, before)


def test_a_hang_up_that_is_ignored_stays_so(hang_up):
    hang_up(signal.SIG_IGN)
    cancel = Cancel()
    with handled(cancel):
        os.kill(os.getpid(), signal.SIGHUP)
        assert cancel() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_is_remembered_and_the_second_stops(number, hang_up):
    hang_up(signal.SIG_DFL)
    cancel = Cancel()
    before = signal.getsignal(number)
    with handled(cancel):
        os.kill(os.getpid(), number)
        assert cancel() == number
        with pytest.raises(KeyboardInterrupt) as caught:
            os.kill(os.getpid(), number)
        assert caught.value.args == (number,)
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(
    ("reads", "asks", "is_ended"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_what_only_reads_is_ended_by_a_signal_that_nobody_asks_for(monkeypatch, reads, asks, is_ended):
    monkeypatch.setattr("git_hybrid.cli.signals._PATIENCE", 0.5)
    cancel, end = Cancel(reads=reads), time.monotonic() + 1
    with handled(cancel), suppress(KeyboardInterrupt):
        with handled(cancel):
            assert not cancel()
        os.kill(os.getpid(), signal.SIGTERM)
        while time.monotonic() < end:
            time.sleep(0.01)
            assert cancel() if asks else True
    assert cancel.hurried() == is_ended


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "trouble", [None, LocalIo(path="p", operation="remove", reason="not empty"), OSError(), RuntimeError()]
)
def test_an_interrupt_is_told_by_its_signal_whatever_came_after_it(capsys, number, trouble):
    def command(_common, _argv):
        try:
            raise KeyboardInterrupt(number)
        finally:
            if trouble is not None:
                raise trouble

    assert boundary.run(command, ["sync"]) == 128 + number
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize("is_decided", [True, False])
def test_an_interrupt_of_a_run_that_had_decided_tells_what_shows_that(capsys, tmp_path, is_decided):
    ledger = SimpleNamespace(is_decided=lambda _info: is_decided)
    wired = SimpleNamespace(
        runtime=SimpleNamespace(ledger=ledger, info=None), layout=SimpleNamespace(root=tmp_path / "a b")
    )

    def command(common, _argv):
        common.wired = wired
        raise KeyboardInterrupt

    assert boundary.run(command, ["pin"]) == 130
    told = f"hint: what was decided by then stands, and is shown by: git hybrid -C '{tmp_path}/a b' status\n"
    assert capsys.readouterr().err == "interrupted\n" + told * is_decided


def test_an_interrupt_of_unknown_signal_is_that_of_the_keyboard():
    def command(_common, _argv):
        raise KeyboardInterrupt

    assert boundary.run(command, ["sync"]) == 130


def test_a_signal_ends_a_wait():
    cancel = Cancel()
    cancel.handle(signal.SIGTERM, None)
    start = time.monotonic()
    cancel.sleep(30)
    assert time.monotonic() - start < 1
