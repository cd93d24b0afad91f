"""``git hybrid config``: which settings are in force, and where each comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import click
import tomli

from git_hybrid.cli.options import common_options
from git_hybrid.cli.output import opened
from git_hybrid.cli.settings import TWINS, cache_folder, says
from git_hybrid.core.files import MANIFEST
from git_hybrid.core.manifest import Manifest
from git_hybrid.core.redact import redact_setting
from git_hybrid.core.value import Struct
from git_hybrid.git.surroundings import Setting, all_settings
from git_hybrid.store.manifest import decode_manifest
from git_hybrid.store.parsing import shaped
from git_hybrid.store.wire import DefaultsShape, PolicyShape
from git_hybrid.view.term import safe

_DEFAULT = "default"
_OTHERS = {"color.hybrid": "", "color.ui": "auto", "pager.hybrid": "", "advice.hybrid": "true"}


@click.command("config")
@click.option("--show-origin", is_flag=True, help="Also show where each value comes from.")
@common_options
@click.pass_context
def command(context: click.Context, *, show_origin: bool) -> int:
    """Show the settings in force as key=value: of git and the environment, then of the manifest. Secrets are hidden."""
    with opened(context, reads=True) as (session, output):
        settings = all_settings(session.runner, session.layout.root)
        text = session.runtime.ledger.manifest_text()
        found = effective(session.runner.environ, settings, text, decode_manifest(text.encode("utf-8")))
        if output.common.json:
            told = [{"key": item.key, "value": item.value, "origin": item.origin} for item in found]
            output.document({"command": "config", "settings": told})
            return 0
        for item in found:
            line = f"{item.key}={item.value}"
            output.data(safe(item.origin) + "\t" + safe(line) if show_origin else safe(line))
        return 0


class _Effective(Struct, frozen=True, kw_only=True):
    """One setting in force: its key, its value as it is written, and where it comes from."""

    key: str
    value: str
    origin: str


def effective(
    environ: Mapping[str, str], config: Sequence[Setting], text: str, manifest: Manifest
) -> tuple[_Effective, ...]:
    """Return every setting that is in force; *text* is the manifest as it stands, which tells what it leaves out."""
    last = {item.key: item for item in config}
    found = [_twin(environ, last, variable, key, default) for variable, key, default in TWINS]
    for key, default in _OTHERS.items():
        item = last.get(key)
        found.append(_of(key, default if item is None else item.value, _DEFAULT if item is None else item.origin))
    if environ.get("NO_COLOR"):
        found.append(_Effective(key="NO_COLOR", value=environ["NO_COLOR"], origin="environment: NO_COLOR"))
    return (*found, *_manifest(text, manifest))


def _twin(environ: Mapping[str, str], last: Mapping[str, Setting], variable: str, key: str, default: str) -> _Effective:
    name = f"GIT_HYBRID_{variable}"
    if says(variable, environ.get(name)):
        return _of(f"hybrid.{key}", environ[name], f"environment: {name}")
    item = last.get(f"hybrid.{key.lower()}")
    if item is None or not says(variable, item.value):
        default = str(cache_folder(environ, {}) or "") if variable == "CACHE_DIR" else default
        return _of(f"hybrid.{key}", default, _DEFAULT)
    return _of(f"hybrid.{key}", item.value, item.origin)


def _of(key: str, value: str, origin: str) -> _Effective:
    return _Effective(key=key, value=redact_setting(key.lower(), value), origin=origin)


def _manifest(text: str, manifest: Manifest) -> Iterator[_Effective]:
    document = tomli.loads(text)
    tables = (("defaults", manifest.defaults, DefaultsShape), ("policy", manifest.policy, PolicyShape))
    for table, values, kind in tables:
        given = document.get(table, {})
        yield from _table(table, values, shaped(given, kind), given)


def _table(table: str, values: Struct, written: object, given: Mapping[str, Any]) -> Iterator[_Effective]:
    for field in values.__struct_fields__:
        key, value, text = f"{table}.{field}", getattr(values, field), getattr(written, field)
        if isinstance(value, Struct):
            yield from _table(key, value, text, given.get(field, {}))
        else:
            origin = MANIFEST if field in given else _DEFAULT
            yield _Effective(key=key, value=_shown(value, text), origin=origin)


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
