"""The program of a process that writes trees (:mod:`git_hybrid.git.hands`): one order after the other.

It is started by its path and without what is installed beside Python, so that it is there within ten milliseconds.
"""

from __future__ import annotations

import marshal
import os
import sys

_FRAME = 8


def main() -> None:
    """Do the orders that come on stdin, one after the other, and answer each on stdout: what came of it."""
    # At the end: what is installed there stands before nothing of Python's own.
    sys.path.append(os.path.abspath(f"{__file__}/../../.."))
    from git_hybrid.git.unpacking import answered

    with open(0, "rb", closefd=False) as orders, open(1, "wb", closefd=False) as answers:
        while len(size := orders.read(_FRAME)) == _FRAME:
            # From the process that started this one, through a pipe that nobody else has.
            told = marshal.dumps(answered(*marshal.loads(orders.read(int.from_bytes(size)))))  # noqa: S302
            answers.write(len(told).to_bytes(_FRAME) + told)
            answers.flush()


if __name__ == "__main__":
    main()
