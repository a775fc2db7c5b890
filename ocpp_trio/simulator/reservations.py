"""The reservation of a charge point's connector (OCPP 1.6 sections 5.1 and 5.13). Pure."""

from __future__ import annotations

from typing import NamedTuple

from ocpp_trio.domain.rules import tag_key


class Reservation(NamedTuple):
    """A reservation that is held. `expiry` in ms; `parent`: whoever has this parent may use it."""

    id: int
    id_tag: str
    parent: str | None
    expiry: int

    def is_for(self, id_tag: str, parent: str | None) -> bool:
        """Whether a tag with this parent may use it."""
        if tag_key(id_tag) == tag_key(self.id_tag):
            return True
        return None not in {parent, self.parent} and tag_key(parent or "") == tag_key(
            self.parent or ""
        )

    def may_be_for(self, id_tag: str) -> bool:
        """Whether a tag whose parent is not known yet could turn out to be the right one."""
        return self.parent is not None or self.is_for(id_tag, None)
