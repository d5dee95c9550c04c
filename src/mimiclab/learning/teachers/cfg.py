"""Which policies teach, apart from them so that reading it needs no torch."""

from dataclasses import dataclass
from typing import Literal


@dataclass(kw_only=True)
class TeacherCfg:
    """A frozen policy that shows the student what to do."""

    path: str
    """Run folder, checkpoint, or ONNX file (with our contract, or a released MOSAIC, BeyondMimic or
    Holosoma policy)."""
    group: str = ""
    """Motion group that it teaches; empty for all clips."""
    sees: Literal["clean", "student"] = "clean"
    """clean: the observations of its own task, without noise and with the true reference. student:
    what the student sees, noise and interface included; its layout must be the student's."""
    weight: float = 1.0
    """Weight of its loss beside other teachers'."""
    adapter: str = "auto"
    """Observation layout of an ONNX file without a contract; auto recognises it."""
