"""The SBOM: CycloneDX 1.6 as JSON. The only module that knows cyclonedx and packageurl.

Names of what git hybrid alone knows follow https://cyclonedx.github.io/cyclonedx-property-taxonomy; package URLs follow
https://github.com/package-url/purl-spec, Software Heritage identifiers ISO/IEC 18670.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import unquote
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import ExternalReference, ExternalReferenceType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component as Part
from cyclonedx.model.component import ComponentType, Swhid
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from git_hybrid.core.components import Component
from git_hybrid.core.ids import Oid, Url, name_from_url
from git_hybrid.view.term import safe

_ROOT = "workspace"
_TYPES = {"github.com": "github", "bitbucket.org": "bitbucket"}
"""The hosts whose repositories have a type of package URL of their own; of the others it names where git finds them."""


def sbom(components: Sequence[Component], *, workspace: str, version: str, now: datetime, complete: bool = True) -> str:
    """Return the SBOM of *workspace*, made at *now* by git hybrid of *version*.

    *complete*: it has all of its sources. The same of all that gives the same document, its serial number included, and
    anything else another number.
    """
    root = Part(name=safe(workspace), type=ComponentType.APPLICATION, bom_ref=_ROOT)
    parts = [_part(item) for item in components]
    bom = Bom(components=parts)
    bom.metadata.component = root
    bom.metadata.timestamp = now
    bom.metadata.tools.components.add(Part(name="git-hybrid", version=version, type=ComponentType.APPLICATION))
    bom.register_dependency(root, parts)
    told = [root.name, version, now.isoformat(), *([] if complete else ["incomplete"])]
    for item in components:
        # Of these the rest of a component is made.
        facts = (f"{name} {value}" for name, values in item.facts.items() for value in values)
        told += (f"{item.pin.source} {item.pin.url} {item.version}", *facts)
    bom.serial_number = uuid5(NAMESPACE_URL, "\n".join(told))
    document = str(JsonV1Dot6(bom).output_as_string(indent=2))
    return _telling_of_gaps(document, components, complete=complete) + "\n"


def _telling_of_gaps(document: str, components: Sequence[Component], *, complete: bool) -> str:
    """Return *document*, which says where it leaves something out; the library knows no ``compositions``."""
    # Submodules of a source are part of its tree and no components of their own.
    parts = [_ref(item) for item in components if item.facts["submodules"]]
    gaps = {"assemblies": parts, "dependencies": [] if complete else [_ROOT]}
    told = {name: refs for name, refs in gaps.items() if refs}
    if not told:
        return document
    whole = {**json.loads(document), "compositions": [{"aggregate": "incomplete", **told}]}
    return json.dumps(whole, indent=2)


def _ref(item: Component) -> str:
    return f"source:{item.pin.source}"


def _part(item: Component) -> Part:
    pin = item.pin
    # An object of SHA-256 has no such identifier.
    objects = [(kind, oid) for kind, oid in (("rev", pin.commit), ("dir", pin.tree)) if len(oid) == 40]
    return Part(
        name=pin.source,
        version=item.version,
        type=ComponentType.LIBRARY,
        bom_ref=_ref(item),
        purl=_purl(pin.url, pin.commit),
        swhids=[Swhid(f"swh:1:{kind}:{oid}") for kind, oid in objects],
        external_references=[ExternalReference(type=ExternalReferenceType.VCS, url=XsUri(str(pin.url)))],
        properties=[
            Property(name=f"git-hybrid:{name}", value=value) for name, values in item.facts.items() for value in values
        ],
    )


def _purl(url: Url, commit: Oid) -> PackageURL:
    owner, _, _ = unquote(url.path).strip("/").rpartition("/")
    name = unquote(name_from_url(url))
    if (kind := _TYPES.get(url.host)) and owner and url.port is None:
        return PackageURL(type=kind, namespace=owner, name=name, version=commit)
    return PackageURL(type="generic", name=name, version=commit, qualifiers={"vcs_url": f"git+{url}@{commit}"})
