"""What the robots whose compact models ship with mimiclab have in common."""

from collections.abc import Callable
from importlib.resources import as_file, files

import mujoco

from mimiclab.robots.robot import LandmarkPoint, mirrored_name

FOOT_GEOMS = r"(left|right)_foot[1-3]_collision"
"""The rails under the feet of a compact model."""


def compact_spec(name: str) -> Callable[[], mujoco.MjSpec]:
    """A function that reads `assets/robots/<name>.xml`, for `Robot.spec_fn`."""

    def spec() -> mujoco.MjSpec:
        with as_file(files("mimiclab").joinpath("assets", "robots", f"{name}.xml")) as path:
            return mujoco.MjSpec.from_file(str(path))

    return spec


def compact_collisions() -> tuple:
    """Collision settings of a compact model, those of mjlab's G1: feet grip, the rest slides.

    Returns:
        For `Robot.collisions_fn`.
    """
    from mjlab.utils.spec_config import CollisionCfg

    feet = f"^{FOOT_GEOMS}$"
    return (
        CollisionCfg(
            geom_names_expr=(".*_collision",),
            contype=1,
            conaffinity=1,
            condim={feet: 3, ".*": 1},
            priority={feet: 1, ".*": 0},
            friction={feet: (0.6,)},
        ),
    )


def both_sides(
    points: dict[str, tuple], swap: tuple[tuple[str, str], ...]
) -> dict[str, LandmarkPoint]:
    """Landmarks of a robot from its central ones and those of its left.

    Args:
        points: landmark without `left_` to body of the left or the middle and, unless it is the
            body's origin, the point's x, y, z in m. Whether it has a twin shows in the body's name.
        swap: as `Robot.mirror_swap`; frames of left and right bodies are each other's reflection.
    """
    found = {}
    for landmark, (body, *xyz) in points.items():
        x, y, z = xyz or (0.0, 0.0, 0.0)
        other = mirrored_name(body, swap)
        if other == body:
            found[landmark] = LandmarkPoint(body, (x, y, z))
        else:
            found[f"left_{landmark}"] = LandmarkPoint(body, (x, y, z))
            found[f"right_{landmark}"] = LandmarkPoint(other, (x, -y, z))
    return found
