"""The first use of a shape by two threads at once: in msgspec itself that is a null pointer."""

from __future__ import annotations

import subprocess
import sys

# In a process of its own, which may die of it. The annotation takes a while to be looked up, as it does where another
# thread has the interpreter's lock.
PROGRAM = """
import sys
from threading import Event, Thread
from types import ModuleType

from msgspec import defstruct

from git_hybrid.store.parsing import convert

asked, go_on = Event(), Event()


def late():
    asked.set()
    go_on.wait(0.3)
    return int


sys.modules["slow"] = slow = ModuleType("slow")
slow.late = late
inner = defstruct("Inner", [("number", "late()")], module="slow")
outer = defstruct("Outer", [("first", inner), ("last", inner)], module="slow")
found, problems = [], []


def work():
    found.append(convert({"first": {"number": 1}, "last": {"number": 2}}, outer, "", problems))


threads = [Thread(target=work) for _ in range(2)]
threads[0].start()
assert asked.wait(10)
threads[1].start()
for thread in threads:
    thread.join()
assert [item.last.number for item in found] == [2, 2], problems
assert convert({"first": 1}, outer, "x", problems) is None
assert len(problems) == 2, problems
print("well")
"""


def test_two_threads_may_use_a_shape_first() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "well\n", "")
