"""The results of one SARIF run as findings: severity, place, and a name that stays when lines move."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote

from git_hybrid.core.pattern import pattern
from git_hybrid.core.scans import Finding, finding_ids, severity_of
from git_hybrid.core.state import Severity

VERSION = "2.1.0"
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT = "gitHybrid/v1"
_LEVELS = ("error", "warning", "note", "none")
_CALM = ("pass", "notApplicable", "informational")
_OPEN = ("open", "review")
_SHOWN = 500
_PLACEHOLDER = pattern(r"\{\{|\}\}|\{([0-9]{1,4})\}")
Run = dict[str, Any]


class _Counted(NamedTuple):
    """A result that counts, and what the run says of it: its rule (empty if none) and its message in full."""

    run: Run
    result: Run
    level: Severity
    rule: Run
    message: str


def findings_of(runs: Sequence[Run], *, scanner: str) -> list[Finding]:
    """Return what counts of the results of *runs*, one report; each counted result is given its id as a fingerprint.

    A result that was suppressed in the source counts: a stranger wrote the comment.

    Raises:
        AttributeError, IndexError, KeyError, TypeError, ValueError: a result is not SARIF.
    """
    counted = [item for run in runs for item in _counted(run)]
    anchors = [_anchor(item, scanner) for item in counted]
    found = []
    for item, anchor, name in zip(counted, anchors, finding_ids(anchors), strict=True):
        item.result["fingerprints"] = {FINGERPRINT: name}
        _, rule, path, _ = anchor
        found.append(
            Finding(
                id=name,
                level=item.level,
                scanner=scanner,
                rule=rule,
                path=path,
                line=_line(item.result),
                message=item.message[:_SHOWN],
            )
        )
    return found


def _counted(run: Run) -> Iterator[_Counted]:
    tool = run["tool"]
    components = [tool["driver"], *(tool.get("extensions") or ())]
    levels = [_levels(invocation, components) for invocation in run.get("invocations") or ()]
    for result in run["results"]:
        if _is_calm(result):
            continue
        at = (result.get("provenance") or {}).get("invocationIndex", -1)
        known = ChainMap(*(levels if at < 0 else levels[at : at + 1]))
        rule = _rule(result, components)
        if (level := _severity(result, rule, known)) is not None:
            yield _Counted(run, result, level, rule, _message(result, rule, _component(result, components)))


def _levels(invocation: Run, components: Sequence[Run]) -> dict[int, Any]:
    """Return the levels that an invocation has set for rules, by the identity of these."""
    found = {}
    for override in invocation.get("ruleConfigurationOverrides") or ():
        rule = _rule({"rule": override["descriptor"]}, components)
        if rule and "level" in override["configuration"]:
            found[id(rule)] = override["configuration"]["level"]
    return found


def _component(result: Mapping[str, Any], components: Sequence[Run]) -> Run:
    """Return which of *components*, the driver and its extensions, has the rule of *result*; empty if none."""
    reference = (result.get("rule") or {}).get("toolComponent") or {}
    if "index" not in reference and "guid" in reference:
        return next((item for item in components if item.get("guid") == reference["guid"]), {})
    at = reference.get("index", -1) + 1
    return components[at] if 0 <= at < len(components) else {}


def _rule(result: Mapping[str, Any], components: Sequence[Run]) -> Run:
    reference, index = result.get("rule") or {}, _rule_index(result)
    rules = _component(result, components).get("rules") or ()
    if 0 <= index < len(rules):
        indexed: Run = rules[index]
        return indexed
    # `SEC001/key` is of the rule SEC001 where there is none of its own (SARIF 2.1.0, 3.27.5 and 3.52.4).
    parts = _rule_id(result).split("/")
    names = ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]
    key, names = ("id", names) if _rule_id(result) else ("guid", [reference.get("guid", "")])
    rules = [rule for component in components for rule in component.get("rules") or ()]
    named: Run = next((rule for name in names for rule in rules if rule.get(key) == name), {})
    return named


def _rule_id(result: Mapping[str, Any]) -> str:
    return str(result.get("ruleId") or (result.get("rule") or {}).get("id") or "")[:_SHOWN]


def _rule_index(result: Mapping[str, Any]) -> int:
    index: int = result.get("ruleIndex", (result.get("rule") or {}).get("index", -1))
    return index


def _is_calm(result: Mapping[str, Any]) -> bool:
    return result.get("kind") in _CALM or _is_suppressed(result) or result.get("baselineState") == "absent"


def _severity(result: Mapping[str, Any], rule: Run, levels: Mapping[int, Any]) -> Severity | None:
    kind = result.get("kind", "fail")
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


def _anchor(item: _Counted, scanner: str) -> tuple[str, str, str, str]:
    # The fingerprints of tools do not count: several hash the path of the scratch folder, which is another each time.
    result = item.result
    mark = str((result.get("properties") or {}).get("gitHybrid", ""))
    what = mark or " ".join(f"{item.message} {_snippet(result)}".split())
    return scanner, _rule_id(result) or _rule_name(result, item.rule), path_of(item.run, result), what


def _rule_name(result: Mapping[str, Any], rule: Run) -> str:
    """Return the name of a rule that *result* names by its index or guid alone."""
    index, guid = _rule_index(result), (result.get("rule") or {}).get("guid", "?")
    return str(rule.get("id") or (f"rule {index}" if index >= 0 else guid))[:_SHOWN]


def _message(result: Mapping[str, Any], rule: Run, component: Run) -> str:
    """Return the message of *result* with its arguments; one by its id is of the rule or of *component* (3.11.7)."""
    message = result["message"]
    arguments = message.get("arguments") or ()
    text = message.get("text") or message.get("markdown")
    if not text and "id" in message:
        named = ChainMap(rule.get("messageStrings") or {}, component.get("globalMessageStrings") or {})
        text = (named.get(message["id"]) or {}).get("text")
        if not text:
            return " ".join(map(str, (message["id"], *arguments)))

    def filled(found: re.Match[str]) -> str:
        at = found[1]
        if at is None:
            return found[0][0]
        return str(arguments[int(at)]) if int(at) < len(arguments) else found[0]

    return _PLACEHOLDER.sub(filled, str(text)) if arguments and text else str(text or "")


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
