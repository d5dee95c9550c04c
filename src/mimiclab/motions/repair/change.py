"""What a repair did to a clip."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change to a clip, or with `applied` false, a flaw that was seen and left alone."""

    kind: str
    """Name of the repair, as in `REPAIRS`."""
    amount: float
    """How much, in `unit`."""
    unit: str
    message: str
    frames: tuple[int, ...] = ()
    """Frames that were changed, counted from 0; empty if all were."""
    joints: tuple[str, ...] = ()
    """Joints that were changed; empty if the repair moved the root or the whole pose."""
    applied: bool = True

    def to_json(self) -> dict:
        """As in the output of `mimiclab motion repair --json`."""
        return {
            "kind": self.kind,
            "amount": self.amount,
            "unit": self.unit,
            "message": self.message,
            "frames": list(self.frames),
            "joints": list(self.joints),
            "applied": self.applied,
        }
