"""What is shown of each kind of sweep."""

from mimiclab.evaluation.robustness_cfg import FALLING
from mimiclab.viewing.sweep_page import SweepLook

TELEOP = SweepLook(
    metrics={"success_rate": ("success", "%"), "E_AP": ("E_AP", "m"), "E_BP": ("E_BP", "m")},
    falling=("smoothing",),
    kicker="what an interface costs",
)
"""Sweeps over teleoperation interfaces: success and MOSAIC's errors."""
ROBUSTNESS = SweepLook(
    metrics={
        "success_rate": ("success", "%"),
        "completion": ("clip completed", "%"),
        "mpjpe_root_mm": ("root MPJPE", "mm"),
    },
    falling=FALLING,
    kicker="what the policy bears",
)
"""Sweeps over changes of robot and ground."""
