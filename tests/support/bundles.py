"""Bundle files that were edited, and commands where there is no network."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.cli import executable


def offline(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command in a network namespace that has no network, not even loopback."""
    argv = ["unshare", "-rn", str(executable()), *map(str, arguments)]
    return subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=False)


def rebuilt(bundle: Path, change: Callable[[Any, dict[str, bytes]], None]) -> None:
    """Write the bundle again after `change(inventory, members)`, made to look whole."""
    with tarfile.open(bundle) as tar:
        members = {info.name: file.read() for info in tar if (file := tar.extractfile(info)) is not None}
    inventory = json.loads(members.pop("inventory.json"))
    del members["SHA256SUMS"]
    change(inventory, members)
    for item in inventory["members"]:
        if item["path"] in members:
            item["size"] = len(members[item["path"]])
            item["sha256"] = hashlib.sha256(members[item["path"]]).hexdigest()
    data = (json.dumps(inventory, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
    sums = f"{hashlib.sha256(data).hexdigest()}  inventory.json\n".encode()
    out = io.BytesIO()
    for name, content in [("inventory.json", data), ("SHA256SUMS", sums), *sorted(members.items())]:
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(content), 0o644
        out.write(info.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % 512))
    bundle.write_bytes(out.getvalue() + bytes(1024))


def of_the_first_form(inventory: Any, members: dict[str, bytes]) -> None:
    """Make of a bundle one of the form that carries neither submodules nor content of Git LFS."""
    inventory["schema_version"] = 1
    del inventory["submodules"]
    inventory["members"] = [item for item in inventory["members"] if not item["path"].startswith(("lfs/", "submod"))]
    for name in [name for name in members if name.startswith(("lfs/", "submodules/"))]:
        del members[name]
