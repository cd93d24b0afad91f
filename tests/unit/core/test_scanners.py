from __future__ import annotations

from datetime import timedelta

import pytest

from git_hybrid.core.manifest import Scanner
from git_hybrid.core.scanners import FORMATS, PATH, PRESETS, REPORT, has_work, own_files, spec_digest, spec_of
from git_hybrid.core.value import replace


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_preset_is_whole(name: str) -> None:
    spec = spec_of(Scanner(name="a", preset=name, args=("--extra",)))
    assert sum(PATH in word for word in spec.command) == 1
    assert sum(REPORT in word for word in spec.command) <= 1
    assert "--extra" in spec.command
    assert spec.command[0] == spec.version[0]
    assert spec.format in FORMATS
    assert not spec.ok_codes & spec.finding_codes
    assert spec.install


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("betterleaks", ["--no-allow-signatures", "--ignore-file=/dev/null", "--redact"]),
        ("zizmor", ["--offline", "--collect=all", "--strict-collection", "--no-config", "--no-ignores"]),
        ("bandit", ["--ignore-nosec", "--ini", "--exclude="]),
        ("gitleaks", ["--ignore-gitleaks-allow", "--redact"]),
        ("semgrep", ["--disable-nosem", "--metrics=off", "--no-rewrite-rule-ids"]),
        ("semgrep", ["--x-ignore-semgrepignore-files", "--max-target-bytes=0", "--timeout=0"]),
        ("trivy", ["--offline-scan", "--skip-db-update"]),
        ("osv-scanner", ["--offline", "--config=/dev/null"]),
    ],
)
def test_the_tree_has_no_say_and_no_server_is_asked(name: str, words: list[str]) -> None:
    command = spec_of(Scanner(name="a", preset=name)).command
    assert [word for word in words if word not in command] == []


def test_semgrep_asks_no_server_for_its_newest_version() -> None:
    spec = spec_of(Scanner(name="a", preset="semgrep"))
    assert {"--disable-version-check"} <= {*spec.command} & {*spec.version}


def test_a_command_stands_as_it_is_with_the_usual_statuses() -> None:
    spec = spec_of(Scanner(name="a", command=("tool", PATH), env=("TOKEN",), timeout=timedelta(seconds=3)))
    assert spec.command == ("tool", PATH)
    assert (spec.version, spec.format, spec.ok_codes, spec.finding_codes) == ((), "sarif", {0}, {1})
    assert (spec.env, spec.timeout, spec.audits) == (("TOKEN",), timedelta(seconds=3), ())


def test_the_manifest_wins_over_the_preset() -> None:
    scanner = Scanner(name="a", preset="trivy", ok_codes=(3,), finding_codes=(), format="sarif", env=("B", "A"))
    spec = spec_of(scanner)
    assert (spec.ok_codes, spec.finding_codes, spec.env) == ({3}, frozenset(), ("A", "B", "TRIVY_CACHE_DIR"))


def test_the_digest_is_of_what_decides_the_result() -> None:
    spec = spec_of(Scanner(name="a", preset="zizmor"))
    assert spec_digest(spec) == spec_digest(replace(spec, timeout=timedelta(days=1), install=""))
    others = [replace(spec, **{key: value}) for key, value in {
        "name": "b", "command": ("x",), "format": "betterleaks-json", "ok_codes": frozenset({9}),
        "finding_codes": frozenset({9}), "env": ("A",), "settings": {"A": "1"}, "audits": ("x",),
    }.items()]  # fmt: skip
    assert len({spec_digest(item) for item in [spec, *others]}) == 9


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"setup.py", True),
        (b"sub/RUN.PYW", True),
        (b"README", False),
        (b"\xff.pyx", False),
    ],
)
def test_a_scanner_has_work_where_one_of_its_files_is(path: bytes, *, expected: bool) -> None:
    assert has_work(spec_of(Scanner(name="a", preset="bandit")), [b"README", path]) is expected


@pytest.mark.parametrize(
    ("args", "gone"),
    [
        (("--min-severity=low",), set()),
        (("--collect=workflows",), {"--collect=all"}),
        (("--collect", "workflows"), {"--collect=all"}),
        (("--config", "{root}/z.yml"), {"--no-config"}),
        (("-c{root}/z.yml", "--collect=actions"), {"--no-config", "--collect=all"}),
    ],
)
def test_what_the_manifest_says_takes_the_place_of_what_the_preset_says(args: tuple[str, ...], gone: set[str]) -> None:
    plain, found = (spec_of(Scanner(name="a", preset="zizmor", args=item)).command for item in ((), args))
    assert {*plain} - {*found} == gone
    assert found[-2 - len(args) :] == (*args, "--", PATH)


def test_a_scanner_of_all_files_always_has_work() -> None:
    assert has_work(spec_of(Scanner(name="a", preset="betterleaks")), [])


@pytest.mark.parametrize(
    ("scanner", "expected"),
    [
        (Scanner(name="a", command=("./scan.sh", "{root}/rules", REPORT, PATH)), ("scan.sh", "rules")),
        (
            Scanner(name="a", command=("{root}/scan", "--rules=/ws/./house.yml", "--none=/dev/null")),
            ("scan", "house.yml"),
        ),
        (Scanner(name="a", preset="semgrep", args=("--config", "{root}/rules.yml")), ("rules.yml",)),
        (Scanner(name="a", preset="semgrep", args=("-c{root}/a,{root}/b.yml",)), ("a", "b.yml")),
        # Where one ends nobody knows: each possible end is asked for, and most are of no file.
        (Scanner(name="a", preset="semgrep", args=("-conf={root}/a,b",)), ("a", "a,b")),
        (Scanner(name="a", preset="semgrep", args=("-v={root}/a:/etc", "{root}:/b", "https://c/d")), ("a", "a:/etc")),
        (Scanner(name="a", preset="semgrep", args=("-conf={root}/a,/etc/b",)), ()),
        (Scanner(name="a", preset="gitleaks"), ()),
        (Scanner(name="a", command=("python3", "{root}/scan.py")), ()),
        (Scanner(name="a", command=("./scan.sh", "/etc/rules")), ()),
        (Scanner(name="a", command=("../scan.sh",)), ()),
        (Scanner(name="a", command=("./scan.sh", "{root}/sources/rules")), ()),
        *(
            (Scanner(name="a", command=("./scan.sh", word, "{root}/rules")), ("scan.sh", "rules"))
            for word in ("{root}", "--at={root}/", "{root}/./x/..", "/", "//", "{root}/state/x", "{root}/sources")
        ),
    ],
)
def test_files_of_the_workspace_are_told_where_they_alone_decide(scanner: Scanner, expected: tuple[str, ...]) -> None:
    assert own_files(spec_of(scanner), "/ws") == expected
