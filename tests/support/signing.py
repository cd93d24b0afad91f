"""Approvers who have SSH keys: policy that names them, and what they sign."""

from __future__ import annotations

import base64
import subprocess
import textwrap
from pathlib import Path

from support.governed import Site


def with_key(site: Site, folder: Path) -> Path:
    """Have policy name a key of the approver, and return where it is."""
    key = folder / "bea"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    public = key.with_suffix(".pub").read_text().rsplit(" ", 1)[0]
    site.replace("sources.toml", "[policy]", f'[policy]\napprovers = [{{ id = "bea@example.org", key = "{public}" }}]')
    return key


def signed(key: Path, text: str) -> Path:
    """Return the signature of *text*, which lies beside it."""
    file = key.with_name("request")
    file.write_text(text)
    file.with_suffix(".sig").unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-n", "git-hybrid-override", "-f", key, file], check=True)
    return file.with_suffix(".sig")


def falsified(armour: Path, *, of: Path, by: Path) -> Path:
    """Return a signature that says that it is by the key *of*, and was made with the key *by*, as *armour* says."""
    lines = armour.read_text().splitlines()
    mine, theirs = (base64.b64decode(key.with_suffix(".pub").read_text().split()[1]) for key in (by, of))
    blob = base64.b64decode("".join(lines[1:-1]))
    assert mine in blob
    text = "\n".join(textwrap.wrap(base64.b64encode(blob.replace(mine, theirs)).decode(), 70))
    false = armour.with_name("false.sig")
    false.write_text(f"{lines[0]}\n{text}\n{lines[-1]}\n")
    return false
