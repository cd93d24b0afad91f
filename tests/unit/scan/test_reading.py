"""What counts as a complete report, and what is read from one."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from git_hybrid.scan.kept import KeptReports
from git_hybrid.scan.reading import Incomplete, Report, nothing_to_audit, read_report, write_report

TREE = "/scratch/hybrid-scan-1/tree"
WELL = {"executionSuccessful": True}


def a_run(*results: Any, **more: Any) -> dict[str, Any]:
    """Return one run of a tool with *results*."""
    return {"tool": {"driver": {"name": "tool", "version": "1.2"}}, "results": list(results)} | more


def a_result(name: str = "R1", uri: str = "src/a.py", **more: Any) -> dict[str, Any]:
    """Return one result at line 3."""
    place = {"artifactLocation": {"uri": uri}, "region": {"startLine": 3}}
    return {"ruleId": name, "message": {"text": "bad"}, "locations": [{"physicalLocation": place}]} | more


def sarif(*runs: Any, **more: Any) -> bytes:
    """Return a SARIF document."""
    return json.dumps({"version": "2.1.0", "runs": list(runs)} | more).encode()


def read(data: bytes, kind: str = "sarif") -> Report:
    """Read *data* as the report of the scanner ``s``."""
    return read_report(data, kind=kind, scanner="s", tree=TREE)


def levels(*results: Any, **more: Any) -> list[str]:
    """Return the severities that are counted."""
    return [item.level for item in read(sarif(a_run(*results, **more))).findings]


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"garbage", "not JSON"),
        (b"\xff\xfe{}", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"version": "2.1.0", "runs": [], "runs": []}', "not JSON"),
        (b'{"version": NaN}', "not JSON"),
        (b'{"version": "\\ud800"}', "not JSON"),
        (b'{"version": ' + b"9" * 5000 + b"}", "not JSON"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested"),
        (b"{}", "not SARIF 2.1.0"),
        (sarif(a_run(), version="2.0.0"), "not SARIF 2.1.0"),
        (sarif(), "no run"),
        (b'{"version": "2.1.0"}', "no run"),
        (sarif("run"), "which tool"),
        (sarif({"results": []}), "which tool"),
        (sarif({"tool": {"driver": {}}, "results": []}), "which tool"),
        (sarif({"tool": {"driver": {"name": "t"}}}), "no results"),
        (sarif(a_run(), {"tool": {"driver": {"name": "t"}}, "results": None}), "no results"),
        (sarif(a_run(externalPropertyFileReferences={"results": [{"location": {"uri": "r"}}]})), "in other files"),
        (sarif(a_run(externalPropertyFileReferences={"invocations": [{"location": {"uri": "r"}}]})), "in other files"),
        (sarif(a_run(externalPropertyFileReferences=7)), "not SARIF"),
        (json.dumps({**json.loads(sarif(a_run())), "inlineExternalProperties": [{}]}).encode(), "beside its runs"),
        (sarif(a_run(invocations={})), "not SARIF"),
        (sarif(a_run(invocations=[WELL | {"toolExecutionNotifications": 1}])), "not SARIF"),
        (sarif(a_run(invocations=[{"executionSuccessful": False}])), "did not succeed"),
        (sarif(a_run(invocations=[WELL, {"executionSuccessful": None}])), "did not succeed"),
        (sarif(a_run(invocations=["x"])), "does not say whether"),
        (sarif(a_run(invocations=[{"commandLine": "x"}])), "does not say whether"),
        (sarif(a_run(invocations=[WELL, {"exitCode": 0}])), "does not say whether"),
        (
            sarif(
                a_run(
                    invocations=[
                        WELL | {"toolExecutionNotifications": [{"level": "error", "message": {"text": "oops"}}]}
                    ]
                )
            ),
            "oops",
        ),
        (sarif(a_run(invocations=[WELL | {"toolConfigurationNotifications": [{"level": "error"}]}])), "without a word"),
        (
            sarif(
                a_run(
                    invocations=[
                        WELL | {"toolConfigurationNotifications": [a_result(uri=f"{TREE}/a%20b", level="error")]}
                    ]
                )
            ),
            "an error in a b: bad",
        ),
        (
            sarif(a_run(invocations=[WELL | {"toolExecutionNotifications": [{"level": "error", "locations": ["x"]}]}])),
            "an error: without",
        ),
        (sarif(a_run(invocations=[WELL | {"toolExecutionNotifications": ["x"]}])), "not SARIF"),
        (sarif(a_run("x")), "not SARIF"),
        (sarif(a_run({"ruleId": "a"})), "not SARIF"),
        (sarif(a_run(a_result(level="fatal"))), "not SARIF"),
        (sarif(a_run(a_result(locations=["x"]))), "not SARIF"),
        (sarif(a_run(a_result(message={"text": "{0}", "arguments": [[]]}))), "not SARIF"),
    ],
)
def test_what_is_not_complete_is_refused_with_the_reason(data: bytes, word: str) -> None:
    with pytest.raises(Incomplete, match=word):
        read(data)


@pytest.mark.parametrize("more", [{}, {"invocations": []}])
def test_a_tool_may_leave_out_how_it_was_invoked(more: dict[str, Any]) -> None:
    assert read(sarif(a_run(**more))).findings == ()


def test_an_empty_list_of_results_is_a_whole_scan() -> None:
    notes = [{"level": "warning"}, {"message": {"text": "note"}}]
    quiet = a_run(invocations=[WELL | {"toolExecutionNotifications": notes}])
    report = read(b"\xef\xbb\xbf" + sarif(quiet))
    assert (report.findings, report.version) == ((), "1.2")


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({}, ["medium"]),
        ({"level": "error"}, ["high"]),
        ({"level": "note"}, ["low"]),
        ({"level": "none"}, []),
        ({"kind": "pass"}, []),
        ({"kind": "informational", "level": "none"}, []),
        ({"kind": "open"}, ["low"]),
        ({"kind": "review", "level": "none"}, ["low"]),
        ({"level": "note", "properties": {"security-severity": "9.1"}}, ["high"]),
        ({"suppressions": [{"kind": "external"}]}, []),
        ({"suppressions": [{"kind": "external", "status": "underReview"}]}, ["medium"]),
        ({"suppressions": [{"kind": "external"}, {"kind": "external", "status": "rejected"}]}, ["medium"]),
        ({"suppressions": [{"kind": "external"}, {"kind": "inSource", "status": "underReview"}]}, ["medium"]),
        ({"suppressions": [{"kind": "external", "status": "accepted"}, {"kind": "inSource"}]}, []),
        ({"suppressions": [{"kind": "inSource"}]}, ["medium"]),
        ({"suppressions": []}, ["medium"]),
        ({"baselineState": "absent"}, []),
        ({"baselineState": "unchanged"}, ["medium"]),
    ],
)
def test_the_severity_of_a_result(result: dict[str, Any], expected: list[str]) -> None:
    assert levels(a_result(**result)) == expected


def test_a_rule_says_what_its_results_do_not() -> None:
    rules = [
        {"id": "R0"},
        {"id": "R1", "defaultConfiguration": {"level": "error"}},
        {"id": "R2", "properties": {"security-severity": "2.0"}},
    ]
    plug = {"name": "plug", "rules": [{"id": "P", "defaultConfiguration": {"level": "note"}}]}
    tool = {"driver": {"name": "t", "rules": rules}, "extensions": [plug]}
    by_index = a_result("", ruleIndex=1)
    by_plug = a_result("x", rule={"index": 0, "toolComponent": {"index": 0}})
    results = [a_result("R1"), a_result("R0"), a_result("R2", level="error"), a_result("P"), by_index, by_plug]
    assert levels(*results, tool=tool) == ["high", "medium", "low", "low", "high", "low"]
    by_guid = a_result("", rule={"guid": "g"})
    assert levels(by_guid, tool={"driver": {"name": "t", "rules": [{}, rules[1] | {"guid": "g"}]}}) == ["high"]
    below = [a_result("R1/key/aws"), a_result("R2/R1"), a_result("R1key"), a_result("x", rule={"id": "R1/x"})]
    assert levels(*below, tool=tool) == ["high", "low", "medium", "medium"]
    result_wins = a_result("R2", properties={"security-severity": 7.5})
    assert levels(result_wins, tool=tool) == ["high"]


def test_a_run_may_set_other_levels_for_its_rules() -> None:
    rules = [{"id": "R1", "defaultConfiguration": {"level": "note"}}, {"id": "R2"}]
    raised = {"descriptor": {"index": 0}, "configuration": {"level": "error"}}
    others = [{"descriptor": {"id": "R3"}, "configuration": {"level": "error"}}]
    others += [{"descriptor": {"id": "R2"}, "configuration": {"enabled": True}}]
    run = {"tool": {"driver": {"name": "t", "rules": rules}}}
    run |= {"invocations": [WELL, WELL | {"ruleConfigurationOverrides": [raised, *others]}]}
    results = [a_result(), a_result("R2"), a_result("R3"), a_result(level="none"), a_result(kind="open")]
    results += [a_result(provenance={"invocationIndex": at}) for at in (0, 1)]
    assert levels(*results, **run) == ["high", "medium", "medium", "low", "low", "high"]


@pytest.mark.parametrize(
    "uri",
    [
        "src/a%20b.py",
        "./src/a%20b.py",
        f"{TREE}/src/a%20b.py",
        f"file://{TREE}/src/a%20b.py",
        "../tree/src/a%20b.py",
    ],
)
def test_paths_are_relative_to_the_tree_however_they_are_told(uri: str) -> None:
    assert [item.path for item in read(sarif(a_run(a_result(uri=uri)))).findings] == ["src/a b.py"]


def test_paths_by_base_and_by_artifact() -> None:
    based = a_result()
    based["locations"][0]["physicalLocation"]["artifactLocation"] = {"uri": "a.py", "uriBaseId": "ROOT"}
    indexed = a_result()
    indexed["locations"][0]["physicalLocation"]["artifactLocation"] = {"index": 0}
    bases = {"ROOT": {"uri": f"file://{TREE}/lib/"}}
    of_all = a_result()
    of_all["locations"][0]["physicalLocation"]["artifactLocation"] = {"index": -1}
    run = a_run(based, indexed, of_all, originalUriBaseIds=bases, artifacts=[{"location": {"uri": "b.py"}}])
    assert [item.path for item in read(sarif(run)).findings] == ["lib/a.py", "b.py", ""]
    nowhere = read(sarif(a_run({"ruleId": "R", "message": {"id": "m"}}))).findings[0]
    assert (nowhere.path, nowhere.line, nowhere.message) == ("", 0, "m")


def test_an_id_stays_when_lines_move_and_the_scratch_folder_is_another() -> None:
    result = a_result(uri=f"{TREE}/a.py", partialFingerprints={"x": "of-the-folder"})
    result["message"]["text"] = f"bad in {TREE}/a.py"
    first = read(sarif(a_run(result))).findings[0]
    again = json.loads(json.dumps(result).replace(TREE, "/other/tree").replace("of-the-folder", "else"))
    again["locations"][0]["physicalLocation"]["region"]["startLine"] = 99
    second = read_report(sarif(a_run(again)), kind="sarif", scanner="s", tree="/other/tree").findings[0]
    assert first.id == second.id
    assert second.line == 99
    assert TREE not in first.message
    # Some tools tell the way from the top of the repository or of the file system that the folder is in.
    for way in ("tmp/", "../../", "file:///a%20b/"):
        beside = json.loads(json.dumps(again).replace("/other/", f"{way}hybrid-scan-2/"))
        third = read_report(sarif(a_run(beside)), kind="sarif", scanner="s", tree="/a b/hybrid-scan-2/tree").findings[0]
        assert (third.path, third.message, third.id) == ("a.py", "bad in a.py", first.id)
    # Others tell it from where they are started, which no file of the tree is taken for.
    for uri, path in (("../tree/a.py", "a.py"), ("x../tree/a.py", "x../tree/a.py")):
        assert read(sarif(a_run(a_result(uri=uri)))).findings[0].path == path
    twice = read(sarif(a_run(result, result))).findings
    assert len({item.id for item in twice}) == 2
    # Whoever accepted the one accepted no other, also where another run of the report has it.
    assert [item.id for item in read(sarif(a_run(result), a_run(result))).findings] == [item.id for item in twice]
    elsewhere = read_report(sarif(a_run(result)), kind="sarif", scanner="t", tree=TREE).findings[0]
    assert elsewhere.id != first.id


def test_an_id_depends_on_the_rule_and_the_arguments_also_where_a_result_only_points_at_them() -> None:
    rules = [{"id": "WEAK", "messageStrings": {"m": {"text": "{{{0}}} in {1}{9}"}}}, {"id": "BACKDOOR"}]
    plugs = [{"name": name, "guid": name, "rules": [{"id": name}]} for name in ("P", "Q")]
    driver = {"name": "t", "rules": rules, "globalMessageStrings": {"g": {"text": "all of {0}"}}}
    told = [
        ("WEAK", "bad", a_result("", ruleIndex=0)),
        ("BACKDOOR", "bad", a_result("", rule={"index": 1})),
        ("rule 7", "bad", a_result("", rule={"index": 7})),
        ("rule 8", "bad", a_result("", ruleIndex=8)),
        ("P", "bad", a_result("", rule={"index": 0, "toolComponent": {"guid": "P"}})),
        ("Q", "bad", a_result("", rule={"index": 0, "toolComponent": {"guid": "Q"}})),
        ("WEAK", "{a} in b{9}", a_result("WEAK", message={"id": "m", "arguments": ["a", "b"]})),
        ("WEAK", "{c} in {0}{9}", a_result("WEAK", message={"id": "m", "arguments": ["c", "{0}"]})),
        ("R1", "all of it", a_result(message={"id": "g", "arguments": ["it"]})),
        ("R1", "no such 5", a_result(message={"id": "no such", "arguments": [5]})),
        ("R1", "a key", a_result(message={"text": "a {0}", "arguments": ["key"]})),
        ("R1", "a {0}", a_result(message={"text": "a {0}"})),
    ]
    run = a_run(*(result for _, _, result in told), tool={"driver": driver, "extensions": plugs})
    found = read(sarif(run)).findings
    assert [(item.rule, item.message) for item in found] == [(rule, message) for rule, message, _ in told]
    assert len({item.id for item in found}) == len(told)
    # What was accepted stays accepted.
    assert (read(sarif(a_run(a_result()))).findings[0].id, found[-1].id) == (
        "05884f4842d03cc95e0e",
        "89e63db8f44573c72fc1",
    )


@pytest.mark.timeout(10)
def test_many_results_of_many_rules_take_no_longer_than_reading_them() -> None:
    many, name = range(2000), "/".join("a" * 100)
    plugs = [{"name": str(number), "guid": str(number), "rules": [{"id": f"R{number}"}]} for number in many]
    shared = {"driver": {"name": "t", "globalMessageStrings": {"m": {"text": "w" * 10**6}}}, "extensions": plugs}
    by_guid = {"guid": "none", "toolComponent": {"guid": "1999"}}
    results = [a_result(name, message={"id": "m"}, rule={"toolComponent": {"index": -1}}) for _ in many]
    results += [a_result("", rule=by_guid, provenance={"invocationIndex": -1}) for _ in many]
    invocations = [WELL for _ in many]
    assert len(read(sarif(a_run(*results, tool=shared, invocations=invocations))).findings) == 4000


def test_an_argument_that_stands_in_a_message_many_times_is_not_written_out_without_end() -> None:
    long, one = "x" * 5000, a_result(message={"text": "{0}", "arguments": ["x" * 5000]})
    told = [a_result(message={"text": "{0}" * 10**4, "arguments": [long]}), one]
    assert [item.id for item in read(sarif(a_run(*told))).findings] == [
        item.id for item in read(sarif(a_run(one, one))).findings
    ]


LEAK: dict[str, Any] = {
    "rule_id": "github-pat",
    "description": "A token",
    "confidence": "high",
    "match": {"fingerprint": "ab"},
    "location": {"path": f"{TREE}/config.py", "start_line": 7},
}


def leaks(*found: Any, **scan: Any) -> bytes:
    """Return the JSON of betterleaks."""
    said = {"state": "complete", "num_findings": len(found), "betterleaks_version": "2.0.0"} | scan
    return json.dumps({"schema_version": "1", "findings": list(found), "scan": said}).encode()


def test_leaks_count_by_how_sure_the_rule_is() -> None:
    report = read(
        leaks(LEAK, LEAK | {"confidence": "medium"}, LEAK | {"confidence": "low"}, LEAK | {"confidence": "?"}),
        kind="betterleaks-json",
    )
    assert [item.level for item in report.findings] == ["high", "medium", "low", "high"]
    first = report.findings[0]
    assert (first.rule, first.path, first.line, first.message) == ("github-pat", "config.py", 7, "A token")
    assert report.version == "2.0.0"
    assert len({item.id for item in report.findings}) == 4
    assert read(leaks(), kind="betterleaks-json").findings == ()


@pytest.mark.parametrize("tree", [TREE, "/a b%20/tree"])
@pytest.mark.parametrize("path", ["d/%2e%2e/k.env", "rate%41.env", "a b#c?d:e/é"])
def test_the_path_of_a_leak_is_no_uri_and_becomes_one(tree: str, path: str) -> None:
    found = LEAK | {"location": {"path": f"{tree}/{path}", "start_line": 1}}
    report = read_report(leaks(found), kind="betterleaks-json", scanner="s", tree=tree)
    assert [item.path for item in report.findings] == [path]
    uri = report.runs[0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == quote(path)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"{}", "not one of betterleaks"),
        (b'{"findings": null, "scan": {}}', "not one of betterleaks"),
        (leaks(state="incomplete"), "incomplete"),
        (leaks(num_findings=1), "other findings"),
        (leaks({"rule_id": "x"}), "lacks"),
        (leaks("x"), "lacks"),
        (leaks(LEAK | {"location": {"path": "a", "start_line": "x"}}), "lacks"),
        (leaks(LEAK | {"location": {"path": "a", "start_line": 9}}).replace(b": 9}", b": 1e999}"), "lacks"),
    ],
)
def test_an_incomplete_report_of_betterleaks_is_refused(data: bytes, word: str) -> None:
    with pytest.raises(Incomplete, match=word):
        read(data, kind="betterleaks-json")


def test_a_kept_report_tells_the_same_again() -> None:
    first = read(sarif(a_run(a_result(level="error"), a_result("R2"))))
    other = nothing_to_audit("zizmor", "1.0", scanner="other")
    data = write_report([*first.runs, *other.runs])
    kept = KeptReports(
        read=lambda name, sha256: data if sha256 == "good" else None, keep=lambda *_: None, place=lambda _: None
    )
    again = kept.runs_of("tool", "good", "s")  # type: ignore[arg-type]
    assert again is not None
    assert (again.findings, again.version) == (first.findings, "1.2")
    assert kept.encode([*again.runs, *other.runs]) == data
    empty = kept.runs_of("tool", "good", "other")  # type: ignore[arg-type]
    assert empty is not None
    assert empty.findings == ()
    assert kept.runs_of("tool", "good", "third") is None  # type: ignore[arg-type]
    assert kept.runs_of("tool", "bad", "s") is None  # type: ignore[arg-type]


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"runs": [{}]}', b'{"version": "2.1.0", "runs": 7}'])
def test_a_kept_report_that_somebody_broke_is_no_report(data: bytes) -> None:
    kept = KeptReports(read=lambda *_: data, keep=lambda *_: None, place=lambda _: None)
    assert kept.runs_of("tool", "good", "s") is None  # type: ignore[arg-type]
