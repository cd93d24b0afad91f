"""SSH signatures of approvals, made and checked by ``ssh-keygen -Y`` (PROTOCOL.sshsig of OpenSSH)."""

from __future__ import annotations

import tempfile
from pathlib import Path

from git_hybrid.core.spent import may_be_by
from git_hybrid.git.environment import child_environment
from git_hybrid.git.run import Runner
from git_hybrid.temporary import temporary_folder

NAMESPACE = "git-hybrid-override"
_IDENTITY = "approver"


def is_signed(runner: Runner, text: bytes, key: str, armour: str) -> bool:
    """Tell whether *armour* is a signature of *text* by the owner of the SSH public *key*, made for an override.

    Raises:
        ToolTooOld: ssh-keygen is not installed.
    """
    # Every approver of policy is asked for: a process for each of them would make hooks slow.
    if not may_be_by(key, armour):
        return False
    with tempfile.TemporaryDirectory(prefix="git-hybrid-", dir=temporary_folder()) as name:
        folder = Path(name)
        allowed, signature = folder / "allowed", folder / "signature"
        allowed.write_text(f'{_IDENTITY} namespaces="{NAMESPACE}" {key}\n', encoding="utf-8")
        signature.write_text(armour, encoding="utf-8")
        argv = [
            "ssh-keygen",
            "-Y",
            "verify",
            "-f",
            str(allowed),
            "-I",
            _IDENTITY,
            "-n",
            NAMESPACE,
            "-s",
            str(signature),
        ]
        return runner.run(argv, env=child_environment(runner.environ, network=False), stdin=text).status == 0
