"""The faults a test server can be told to show, and the order in which it shows them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Fail:
    """Answer with `status` and no git at all."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Change:
    """Send what `edit` makes of a body of more than `over` bytes."""

    edit: Callable[[bytes], bytes]
    over: int = 0


@dataclass(frozen=True, slots=True)
class Mute:
    """Read the request and answer nothing: hang up at once, or when `released` is set."""

    released: threading.Event | None


@dataclass(frozen=True, slots=True)
class Endless:
    """Answer with a body of the type `kind` that is `begin` and then `piece` for ever."""

    kind: str
    begin: bytes
    piece: bytes


@dataclass(frozen=True, slots=True)
class Cut:
    """End the connection after `after_bytes` of the body; `reset` sends a TCP RST."""

    after_bytes: int
    reset: bool


@dataclass(frozen=True, slots=True)
class Stall:
    """Send `after_bytes` of the body, then nothing until `released` is set."""

    after_bytes: int
    released: threading.Event


@dataclass(frozen=True, slots=True)
class Drip:
    """Send `after_bytes` of the body, then `size` bytes every `pause` seconds until `released` is set."""

    after_bytes: int
    size: int
    pause: float
    released: threading.Event


Broken: TypeAlias = Cut | Stall | Drip
Fault: TypeAlias = Fail | Change | Mute | Endless | Broken


@dataclass(slots=True)
class _Planned:
    fault: Fault
    times: int | None
    only: str


@dataclass(slots=True)
class FaultPlan:
    """Faults in the order they were planned, used up by the requests that meet them."""

    released: threading.Event = field(default_factory=threading.Event)
    _planned: list[_Planned] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault, *, times: int | None, only: str) -> None:
        """Plan `fault` for `times` requests (None: all) whose target contains `only`.

        Raises:
            ValueError: `times` is not positive.
        """
        if times is not None and times < 1:
            raise ValueError(f"a fault must be planned at least once, not {times} times")
        with self._lock:
            self._planned.append(_Planned(fault=fault, times=times, only=only))

    def take_fail(self, target: str) -> Fail | Mute | Endless | None:
        """Use up and return the failure that is due for the request target, if any."""
        with self._lock:
            for planned in self._planned:
                if isinstance(planned.fault, Fail | Mute | Endless) and planned.only in target:
                    self._use(planned)
                    return planned.fault
        return None

    def take_change(self, target: str, *, size: int) -> Change | None:
        """Use up and return the change that a body of `size` bytes would suffer, if any."""
        with self._lock:
            for planned in self._planned:
                if isinstance(planned.fault, Change) and planned.only in target and size > planned.fault.over:
                    self._use(planned)
                    return planned.fault
        return None

    def take_break(self, target: str, *, size: int) -> Broken | None:
        """Use up and return the cut, stall or drip that a body of `size` bytes would meet, if any."""
        with self._lock:
            for planned in self._planned:
                fault = planned.fault
                if isinstance(fault, Cut | Stall | Drip) and planned.only in target and size > fault.after_bytes:
                    self._use(planned)
                    return fault
        return None

    def clear(self) -> None:
        """Forget every planned fault; a response that stalls goes on."""
        with self._lock:
            self._planned.clear()
            self.released.set()
            self.released = threading.Event()

    def _use(self, planned: _Planned) -> None:
        if planned.times is None:
            return
        planned.times -= 1
        if planned.times == 0:
            self._planned.remove(planned)
