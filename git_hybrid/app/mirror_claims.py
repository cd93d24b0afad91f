"""What locks need of a mirrored repository, held against what upstream has: what would spoil it for one stays out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from git_hybrid.app.runtime import Runtime
from git_hybrid.core.ids import Oid
from git_hybrid.core.mirror_refs import without_place
from git_hybrid.core.ports import Stage
from git_hybrid.core.ports_mirror import Claim
from git_hybrid.core.value import Struct

Look = Callable[[], Stage]
"""Returns a stage that sees what the folder has of the repository, and what was fetched of it."""


class Claims(Struct, frozen=True, kw_only=True):
    """What is needed of one repository: ``own`` by the pin that is about to be proved, ``others`` by other pins.

    ``held`` are the refs that the folder has, ``tips`` those that upstream would put in their place.
    """

    rt: Runtime
    own: Claim | None
    others: Sequence[Claim]
    held: Mapping[str, Oid]
    tips: Mapping[str, Oid]

    def kept(self, look: Look) -> dict[str, Oid]:
        """Return which refs stay as they are *held*: of what :meth:`lost` has all that the own pin can do without."""
        lost = self.lost(look)
        crossed = without_place(lost, self.tips)
        return {
            ref: tip
            for ref, tip in lost.items()
            if (ref in self.tips or ref not in crossed)
            and (
                self._own_but_any is None
                or ref != self._own_but_any.ref
                or self._leads(look, self._own_but_any, ref, tip)
            )
        }

    def lost(self, look: Look) -> dict[str, Oid]:
        """Return the refs, as they are *held*, by which another pin is proved, and would not be any more.

        Of a tip that the stage *look* returns does not have, the best is hoped.
        """
        changed = [ref for ref, tip in sorted(self.held.items()) if self.tips.get(ref) != tip]
        lost: dict[str, Oid] = {}
        for claim in self.others if changed else ():
            ref = next((ref for ref in changed if self._loses(look, claim, ref)), None)
            if ref is not None and not (claim.by_any and self._is_led_to(look, claim)):
                lost[ref] = self.held[ref]
        return lost

    @property
    def _own_but_any(self) -> Claim | None:
        return None if self.own is None or self.own.by_any else self.own

    def is_proved(self, look: Look) -> bool:
        """Tell whether what is *held* proves the own pin."""
        own = self.own
        if own is None:
            return True
        refs = [own.ref, *(self.held if own.by_any else ())]
        return any(self._leads(look, own, ref, self.held[ref]) for ref in refs if ref in self.held)

    def _loses(self, look: Look, claim: Claim, ref: str) -> bool:
        if ref != claim.ref and not claim.by_any:
            return False
        new = self.tips.get(ref)
        if new is not None and self._leads(look, claim, ref, new) is not False:
            return False
        return self._leads(look, claim, ref, self.held[ref]) is True

    def _is_led_to(self, look: Look, claim: Claim) -> bool:
        return any(self._leads(look, claim, ref, tip) is not False for ref, tip in self.tips.items())

    def _leads(self, look: Look, claim: Claim, ref: str, tip: Oid) -> bool | None:
        """Tell whether *ref*, which is *tip*, proves what is claimed; None where the stage does not have it."""
        if tip == (claim.tip or claim.commit):
            return ref == claim.ref or claim.by_any
        if claim.tip is not None and not claim.by_any:
            return False
        objects, stage = self.rt.objects, look()
        if not objects.has_commit(stage, tip) and objects.kind(stage, tip) != "tag":
            return None
        return objects.is_ancestor(stage, claim.commit, tip)
