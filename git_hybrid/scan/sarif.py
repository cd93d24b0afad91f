"""The results of one SARIF run as findings: severity, place, and a name that stays when lines move."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from git_hybrid.core.scans import Finding, finding_ids, severity_of
from git_hybrid.core.state import Severity

VERSION = "2.1.0"
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT = "gitHybrid/v1"
_LEVELS = ("error", "warning", "note", "none")
_CALM = ("pass", "notApplicable", "informational")
_OPEN = ("open", "review")
_SHOWN = 500
Run = dict[str, Any]


def findings_of(runs: Sequence[Run], *, scanner: str) -> list[Finding]:
    """Return what counts of the results of *runs*, one report; each counted result is given its id as a fingerprint.

    A result that was suppressed in the source counts: a stranger wrote the comment.

    Raises:
        AttributeError, IndexError, KeyError, TypeError, ValueError: a result is not SARIF.
    """
    counted = [item for run in runs for item in _counted(run)]
    anchors = [_anchor(run, result, scanner) for run, result, _ in counted]
    found = []
    for (_, result, level), anchor, name in zip(counted, anchors, finding_ids(anchors), strict=True):
        result["fingerprints"] = {FINGERPRINT: name}
        _, rule, path, _ = anchor
        found.append(
            Finding(
                id=name,
                level=level,
                scanner=scanner,
                rule=rule,
                path=path,
                line=_line(result),
                message=_message(result)[:_SHOWN],
            )
        )
    return found


def _counted(run: Run) -> Iterator[tuple[Run, Run, Severity]]:
    rules = _rules(run["tool"])
    levels = [_levels(invocation, rules) for invocation in run.get("invocations") or ()]
    for result in run["results"]:
        at = (result.get("provenance") or {}).get("invocationIndex", -1)
        known = ChainMap(*(levels if at < 0 else levels[at : at + 1]))
        if (level := _severity(result, rules, known)) is not None:
            yield run, result, level


def _levels(invocation: Run, rules: Sequence[Sequence[Run]]) -> dict[int, Any]:
    """Return the levels that an invocation has set for rules, by the identity of these."""
    found = {}
    for override in invocation.get("ruleConfigurationOverrides") or ():
        rule = _rule({"rule": override["descriptor"]}, rules)
        if rule and "level" in override["configuration"]:
            found[id(rule)] = override["configuration"]["level"]
    return found


def _rules(tool: Mapping[str, Any]) -> list[list[Run]]:
    """Return the rules of the driver, then those of each extension."""
    return [list(component.get("rules") or ()) for component in (tool["driver"], *(tool.get("extensions") or ()))]


def _rule(result: Mapping[str, Any], rules: Sequence[Sequence[Run]]) -> Run:
    reference = result.get("rule") or {}
    component = (reference.get("toolComponent") or {}).get("index", -1) + 1
    index = result.get("ruleIndex", reference.get("index", -1))
    if 0 <= component < len(rules) and 0 <= index < len(rules[component]):
        indexed: Run = rules[component][index]
        return indexed
    # `SEC001/key` is of the rule SEC001 where there is none of its own (SARIF 2.1.0, 3.27.5 and 3.52.4).
    parts = _rule_id(result).split("/")
    names = ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]
    key, names = ("id", names) if _rule_id(result) else ("guid", [reference.get("guid", "")])
    named: Run = next((rule for name in names for group in rules for rule in group if rule.get(key) == name), {})
    return named


def _rule_id(result: Mapping[str, Any]) -> str:
    return str(result.get("ruleId") or (result.get("rule") or {}).get("id") or "")[:_SHOWN]


def _severity(result: Mapping[str, Any], rules: Sequence[Sequence[Run]], levels: Mapping[int, Any]) -> Severity | None:
    kind = result.get("kind", "fail")
    if kind in _CALM or _is_suppressed(result) or result.get("baselineState") == "absent":
        return None
    rule = _rule(result, rules)
    by_itself = (rule.get("defaultConfiguration") or {}).get("level", "warning")
    default = "note" if kind in _OPEN else levels.get(id(rule), by_itself)
    level = result.get("level", default)
    if level not in _LEVELS:
        raise ValueError(f"no such level: {level!r}")
    if kind in _OPEN and level == "none":
        level = "note"
    scores = [(item.get("properties") or {}).get("security-severity") for item in (result, rule)]
    return severity_of(level, next((str(score) for score in scores if score is not None), None))


def _is_suppressed(result: Mapping[str, Any]) -> bool:
    entries = result.get("suppressions") or ()
    return any(entry["kind"] == "external" and entry.get("status", "accepted") == "accepted" for entry in entries)


def _anchor(run: Run, result: Mapping[str, Any], scanner: str) -> tuple[str, str, str, str]:
    # The fingerprints of tools do not count: several hash the path of the scratch folder, which is another each time.
    mark = str((result.get("properties") or {}).get("gitHybrid", ""))
    what = mark or " ".join(f"{_message(result)} {_snippet(result)}".split())
    return scanner, _rule_id(result) or _rule_name(result), path_of(run, result), what


def _rule_name(result: Mapping[str, Any]) -> str:
    guid = str((result.get("rule") or {}).get("guid", "?"))[:_SHOWN]
    return f"rule {result['ruleIndex']}" if "ruleIndex" in result else guid


def _message(result: Mapping[str, Any]) -> str:
    message = result["message"]
    return str(message.get("text") or message.get("markdown") or message.get("id") or "")


def _physical(result: Mapping[str, Any]) -> Mapping[str, Any]:
    locations = result.get("locations") or [{}]
    place: Mapping[str, Any] = locations[0].get("physicalLocation") or {}
    return place


def _line(result: Mapping[str, Any]) -> int:
    line = (_physical(result).get("region") or {}).get("startLine", 0)
    return line if isinstance(line, int) and line > 0 else 0


def _snippet(result: Mapping[str, Any]) -> str:
    return str(((_physical(result).get("region") or {}).get("snippet") or {}).get("text") or "")


def path_of(run: Run, result: Mapping[str, Any]) -> str:
    """Return the path of the first location of *result*, or of a notification, of *run*; nothing where it has none.

    Raises:
        AttributeError, IndexError, KeyError, TypeError: it is not SARIF.
    """
    place = _physical(result).get("artifactLocation") or {}
    # -1 is none, and what stands where no index does (SARIF 2.1.0, 3.4.5).
    if "uri" not in place and place.get("index", -1) >= 0:
        place = run["artifacts"][place["index"]]["location"]
    uri = str(place.get("uri", ""))
    base = (run.get("originalUriBaseIds") or {}).get(place.get("uriBaseId"), {})
    joined = uri if "://" in uri or uri.startswith("/") else str(base.get("uri", "")) + uri
    parts = [part for part in unquote(joined.removeprefix("file://")).split("/") if part not in ("", ".", "..")]
    return "/".join(parts)[:_SHOWN]


def relative_texts(value: Any, tree: str) -> Any:
    """Return *value* with the path of the folder *tree* taken out of every text in it.

    The scratch folder has another name each time; what is kept must not depend on it.
    """
    if isinstance(value, str):
        if tree not in value and "/tree/" not in value:
            return value
        for prefix in (f"file://{tree}/", f"{tree}/", f"file://{tree}", "../tree/"):
            value = value.replace(prefix, "")
        return value.replace(tree, ".")
    if isinstance(value, list):
        return [relative_texts(item, tree) for item in value]
    if isinstance(value, dict):
        return {relative_texts(key, tree): relative_texts(item, tree) for key, item in value.items()}
    return value
