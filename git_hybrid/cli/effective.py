"""Which settings are in force, and where each comes from: option, environment, git config, manifest or default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import tomli

from git_hybrid.cli.settings import TWINS, cache_folder, says
from git_hybrid.core.files import MANIFEST
from git_hybrid.core.manifest import Manifest
from git_hybrid.core.redact import redact_setting
from git_hybrid.core.value import Struct
from git_hybrid.git.surroundings import Setting
from git_hybrid.store.parsing import shaped
from git_hybrid.store.wire import DefaultsShape, PolicyShape

DEFAULT = "default"
_OTHERS = {"color.hybrid": "", "color.ui": "auto", "pager.hybrid": "", "advice.hybrid": "true"}


class Effective(Struct, frozen=True, kw_only=True):
    """One setting in force: its key, its value as it is written, and where it comes from."""

    key: str
    value: str
    origin: str


def effective(
    environ: Mapping[str, str], config: Sequence[Setting], text: str, manifest: Manifest
) -> tuple[Effective, ...]:
    """Return every setting that is in force; *text* is the manifest as it stands, which tells what it leaves out."""
    last = {item.key: item for item in config}
    found = [_twin(environ, last, variable, key, default) for variable, key, default in TWINS]
    for key, default in _OTHERS.items():
        item = last.get(key)
        found.append(_of(key, default if item is None else item.value, DEFAULT if item is None else item.origin))
    if environ.get("NO_COLOR"):
        found.append(Effective(key="NO_COLOR", value=environ["NO_COLOR"], origin="environment: NO_COLOR"))
    return (*found, *_manifest(text, manifest))


def _twin(environ: Mapping[str, str], last: Mapping[str, Setting], variable: str, key: str, default: str) -> Effective:
    name = f"GIT_HYBRID_{variable}"
    if says(variable, environ.get(name)):
        return _of(f"hybrid.{key}", environ[name], f"environment: {name}")
    item = last.get(f"hybrid.{key.lower()}")
    if item is None or not says(variable, item.value):
        default = str(cache_folder(environ, {}) or "") if variable == "CACHE_DIR" else default
        return _of(f"hybrid.{key}", default, DEFAULT)
    return _of(f"hybrid.{key}", item.value, item.origin)


def _of(key: str, value: str, origin: str) -> Effective:
    return Effective(key=key, value=redact_setting(key.lower(), value), origin=origin)


def _manifest(text: str, manifest: Manifest) -> Iterator[Effective]:
    document = tomli.loads(text)
    tables = (("defaults", manifest.defaults, DefaultsShape), ("policy", manifest.policy, PolicyShape))
    for table, values, kind in tables:
        given = document.get(table, {})
        yield from _table(table, values, shaped(given, kind), given)


def _table(table: str, values: Struct, written: object, given: Mapping[str, Any]) -> Iterator[Effective]:
    for field in values.__struct_fields__:
        key, value, text = f"{table}.{field}", getattr(values, field), getattr(written, field)
        if isinstance(value, Struct):
            yield from _table(key, value, text, given.get(field, {}))
        else:
            origin = MANIFEST if field in given else DEFAULT
            yield Effective(key=key, value=_shown(value, text), origin=origin)


def _shown(value: object, written: object) -> str:
    """Return *value* in words; a duration as it is *written*."""
    match value:
        case None:
            return ""
        case timedelta():
            return str(written)
        case frozenset() if not value:
            # Nobody, where a default of nothing is anybody.
            return "[]"
        case frozenset():
            return ", ".join(sorted(map(str, value)))
        case tuple():
            return ", ".join(str(getattr(item, "id", item)) for item in value)
        case _:
            return str(value)
