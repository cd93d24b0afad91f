"""Approvers who have SSH keys: policy that names them, and what they sign."""

from __future__ import annotations

import subprocess
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
