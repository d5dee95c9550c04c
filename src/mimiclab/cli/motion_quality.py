"""How the commands show the quality of motions."""

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mimiclab.motions.check.quality import QualityReport

VERDICT_COLOURS = MappingProxyType({"accept": "green", "repair": "yellow", "reject": "red"})

QUALITY_COLUMNS = MappingProxyType(
    {
        "landmark_error_mean_mm": ("error\nmm", "{:.0f}"),
        "skate_m_s": ("skate\nm/s", "{:.2f}"),
        "penetration_mean_mm": ("depth\nmm", "{:.1f}"),
        "float_share": ("float", "{:.0%}"),
        "flips": ("flips", "{:.0f}"),
        "joint_jerk_mean": ("jerk", "{:.0f}"),
    }
)
"""The numbers that tables show: metric to heading and format."""


def quality_cells(report: "QualityReport") -> list[str]:
    """One row of numbers, in the order of `QUALITY_COLUMNS`; those not measured are a dash."""
    return [
        form.format(report.metrics[key]) if key in report.metrics else "-"
        for key, (_, form) in QUALITY_COLUMNS.items()
    ]
