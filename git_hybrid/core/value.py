"""What all values are made of: msgspec's Struct, frozen. The one place in the core that names a library.

A dataclass costs about a millisecond of every start, since its methods are compiled from text; a Struct costs a
hundredth of that, and there are well over a hundred of them.
"""

from __future__ import annotations

from git_hybrid.lean import without

# It brings what Python has had since 3.11, and takes as long to import as a sixth of a hook.
with without("typing_extensions"):
    from msgspec import Struct, field
    from msgspec.json import Encoder
    from msgspec.structs import force_setattr, replace

__all__ = ["Struct", "field", "force_setattr", "replace", "sorted_json"]
sorted_json = Encoder(order="sorted").encode
"""Return a value as JSON in UTF-8, with sorted keys and without spaces.

Raises:
    OverflowError, TypeError, ValueError: it has no such form.
"""
