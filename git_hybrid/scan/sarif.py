"""The results of one SARIF run as findings: severity, place, and a name that stays when lines move."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
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
_LONGEST = 4096
_BESIDE = " \t\r\n'\"`()<>[]"
"""What stands beside a path in a text."""
_FROM_WORK = pattern(r"(?<![^\s'\"`()<>\[\]=:,/])\.\./tree/")
"""The way from the folder that a scanner is started in; a folder of the tree may have a name that ends so."""
_PLACEHOLDER = pattern(r"\{\{|\}\}|\{([0-9]{1,4})\}")
Run = dict[str, Any]


class _Counted(NamedTuple):
    """A result that counts, its message cut, and what names it: scanner, rule, path and what was found there."""

    result: Run
    level: Severity
    message: str
    anchor: tuple[str, str, str, str]


class _Tool:
    """The driver of a run and its extensions, and the rules of these."""

    def __init__(self, tool: Run) -> None:
        self._components: list[Run] = [tool["driver"], *(tool.get("extensions") or ())]

    def component(self, result: Mapping[str, Any]) -> Run:
        """Return which component has the rule of *result*; empty if none."""
        reference = (result.get("rule") or {}).get("toolComponent") or {}
        if "index" not in reference and "guid" in reference:
            return self._by_guid.get(reference["guid"], {})
        at = reference.get("index", -1) + 1
        return self._components[at] if 0 <= at < len(self._components) else {}

    def rule(self, result: Mapping[str, Any]) -> Run:
        """Return the rule of *result*; empty if none."""
        index = _rule_index(result)
        rules = self.component(result).get("rules") or ()
        if 0 <= index < len(rules):
            indexed: Run = rules[index]
            return indexed
        name = _rule_id(result)
        if not name:
            return self._rules_by_guid.get((result.get("rule") or {}).get("guid", ""), {})
        # `SEC001/key` is of the rule SEC001 where there is none of its own (SARIF 2.1.0, 3.27.5 and 3.52.4).
        while name not in self._rules_by_id and "/" in name:
            name = name.rpartition("/")[0]
        return self._rules_by_id.get(name, {})

    @cached_property
    def _by_guid(self) -> dict[str, Run]:
        return _by("guid", self._components)

    @cached_property
    def _rules_by_id(self) -> dict[str, Run]:
        return _by("id", self._rules())

    @cached_property
    def _rules_by_guid(self) -> dict[str, Run]:
        return _by("guid", self._rules())

    def _rules(self) -> Iterator[Run]:
        return (rule for component in self._components for rule in component.get("rules") or ())


def _by(key: str, items: Iterable[Run]) -> dict[str, Run]:
    """Return *items* by the text that each has at *key*; of two that have the same the first."""
    found: dict[str, Run] = {}
    for item in items:
        if isinstance(name := item.get(key), str):
            found.setdefault(name, item)
    return found


def findings_of(runs: Sequence[Run], *, scanner: str) -> list[Finding]:
    """Return what counts of the results of *runs*, one report; each counted result is given its id as a fingerprint.

    A result that was suppressed in the source counts: a stranger wrote the comment.

    Raises:
        AttributeError, IndexError, KeyError, TypeError, ValueError: a result is not SARIF.
    """
    counted = [item for run in runs for item in _counted(run, scanner)]
    found = []
    for item, name in zip(counted, finding_ids(item.anchor for item in counted), strict=True):
        item.result["fingerprints"] = {FINGERPRINT: name}
        _, rule, path, _ = item.anchor
        found.append(
            Finding(
                id=name,
                level=item.level,
                scanner=scanner,
                rule=rule,
                path=path,
                line=_line(item.result),
                message=item.message,
            )
        )
    return found


def _counted(run: Run, scanner: str) -> Iterator[_Counted]:
    tool = _Tool(run["tool"])
    levels = [_levels(invocation, tool) for invocation in run.get("invocations") or ()]
    of_all = dict(ChainMap(*levels))
    for result in run["results"]:
        if _is_calm(result):
            continue
        at = (result.get("provenance") or {}).get("invocationIndex", -1)
        known = of_all if at < 0 else levels[at] if at < len(levels) else {}
        rule = tool.rule(result)
        if (level := _severity(result, rule, known)) is not None:
            message = _message(result, rule, tool.component(result))
            what = _what(result, message)
            anchor = scanner, _rule_id(result) or _rule_name(result, rule), path_of(run, result), what
            yield _Counted(result, level, message[:_SHOWN], anchor)


def _levels(invocation: Run, tool: _Tool) -> dict[int, Any]:
    """Return the levels that an invocation has set for rules, by the identity of these."""
    found = {}
    for override in invocation.get("ruleConfigurationOverrides") or ():
        rule = tool.rule({"rule": override["descriptor"]})
        if rule and "level" in override["configuration"]:
            found[id(rule)] = override["configuration"]["level"]
    return found


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
    return severity_of(level, next((_text(score) for score in scores if score is not None), None))


def _is_suppressed(result: Mapping[str, Any]) -> bool:
    entries = result.get("suppressions") or ()
    # One that is rejected, or under review, leaves the result as it is, whatever others say (SARIF 2.1.0, 3.27.23).
    accepted = all(entry.get("status", "accepted") == "accepted" for entry in entries)
    return accepted and any(entry["kind"] == "external" for entry in entries)


def _what(result: Mapping[str, Any], message: str) -> str:
    # The fingerprints of tools do not count: several hash the path of the scratch folder, which is another each time.
    mark = str((result.get("properties") or {}).get("gitHybrid", ""))
    return mark or " ".join(f"{message} {_snippet(result)}".split())


def _rule_name(result: Mapping[str, Any], rule: Run) -> str:
    """Return the name of a rule that *result* names by its index or guid alone."""
    index, guid = _rule_index(result), (result.get("rule") or {}).get("guid", "?")
    return _text(rule.get("id") or (f"rule {index}" if index >= 0 else guid))[:_SHOWN]


def _text(value: object) -> str:
    """Return what a report says, cut: many results may share it, or one name it many times over.

    Raises:
        TypeError: it is no text, number or the like.
    """
    if isinstance(value, list | dict):
        raise TypeError("must be a text")
    return str(value)[:_LONGEST]


def _message(result: Mapping[str, Any], rule: Run, component: Run) -> str:
    """Return the message of *result* with its arguments; one by its id is of the rule or of *component* (3.11.7)."""
    message = result["message"]
    arguments = message.get("arguments") or ()
    text = str(message.get("text") or message.get("markdown") or "")
    if not text and "id" in message:
        named = ChainMap(rule.get("messageStrings") or {}, component.get("globalMessageStrings") or {})
        text = _text((named.get(message["id"]) or {}).get("text") or "")
        if not text:
            return " ".join(map(str, (message["id"], *arguments)))
    return _filled(text, arguments) if arguments else text


def _filled(text: str, arguments: Sequence[object]) -> str:
    """Return *text* with *arguments* in the place of what stands for them."""
    parts, size, end = list[str](), 0, 0
    for found in _PLACEHOLDER.finditer(text):
        at, told = found[1], found[0]
        if at is None:
            told = told[0]
        elif int(at) < len(arguments):
            told = _text(arguments[int(at)])
        parts += (text[end : found.start()], told)
        size, end = size + found.start() - end + len(told), found.end()
        if size > _LONGEST:
            break
    return _text("".join((*parts, text[end:])))


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
    uri = _text(place.get("uri", ""))
    base = (run.get("originalUriBaseIds") or {}).get(place.get("uriBaseId"), {})
    joined = uri if "://" in uri or uri.startswith("/") else _text(base.get("uri", "")) + uri
    parts = [part for part in unquote(joined.removeprefix("file://")).split("/") if part not in ("", ".", "..")]
    return "/".join(parts)[:_SHOWN]


def relative_texts(value: Any, tree: str) -> Any:
    """Return *value* with the path of the folder *tree*, from wherever it leads there, taken out of every text in it.

    The scratch folder has another name each time; what is kept must not depend on it.
    """
    if isinstance(value, str):
        if "/tree" not in value:
            return value
        for prefix in (f"file://{tree}/", f"{tree}/", f"file://{tree}"):
            value = value.replace(prefix, "")
        value = _FROM_WORK.sub("", value)
        scratch = "/".join(tree.split("/")[-2:])
        return _without_ways(_without_ways(value.replace(tree, "."), f"{scratch}/", ""), scratch, ".")
    if isinstance(value, list):
        return [relative_texts(item, tree) for item in value]
    if isinstance(value, dict):
        return {relative_texts(key, tree): relative_texts(item, tree) for key, item in value.items()}
    return value


def _without_ways(text: str, place: str, instead: str) -> str:
    """Return *text* with *instead* for each *place* and the way that leads to it."""
    *ways, rest = text.split(place)
    return "".join(way[: max(map(way.rfind, _BESIDE)) + 1] + instead for way in ways) + rest
