"""What `mimiclab motion inspect` shows of a person's motion."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from mimiclab.motions.human.clip import HumanClip
    from mimiclab.motions.human.landmarks import LandmarkMotion

_JUMP_SPEED = 12.0
"""A landmark that moves faster than this between the first two frames has jumped, m/s."""


def is_human(motion: str, robot: str) -> bool:
    """Whether this is a file of a person's motion, and not meant as a CMU humanoid's."""
    from mimiclab.errors import MotionFileError
    from mimiclab.motions.human.formats import OWN_SUFFIXES, recognise_human

    path = Path(motion)
    if not path.is_file() or (path.suffix.lower() == ".amc" and robot.startswith("dm_cmu")):
        return False
    if path.suffix.lower() in (*OWN_SUFFIXES, ".asf", ".npy"):
        return True
    try:
        return recognise_human(path) is not None
    except MotionFileError:
        return False


def inspect_human(clip: "HumanClip", path: str) -> None:
    """Print skeleton, rate, sizes and landmarks of a person's motion, and what to do next."""
    from rich.console import Console
    from rich.markup import escape

    from mimiclab.motions.human.formats import find_human_format
    from mimiclab.motions.human.landmarks import landmarks, unknown_skeleton

    console = Console()
    facts = {
        "format": find_human_format(path).name,
        "skeleton": clip.skeleton or "unknown: no landmark map fits",
        "joints": f"{len(clip.joint_names)}"
        + ("" if clip.joint_quat_wxyz_w is not None else ", positions only"),
        "fps": f"{clip.fps:g}",
        "frames": f"{clip.num_frames}  ({clip.duration_s:.2f} s)",
        "tags": ", ".join(clip.tags) or "-",
    }
    motion = landmarks(clip) if clip.skeleton else None
    if motion is not None:
        facts |= _sizes(motion)
    console.print(f"[bold]{escape(clip.name)}[/], a person's motion (metres, z up)")
    for key, value in facts.items():
        console.print(f"  {key:<14} {escape(value)}", highlight=False)
    if motion is None:
        console.print(escape(unknown_skeleton(clip.name, clip.joint_names)), highlight=False)
        return
    _landmark_table(console, motion)
    if _first_frame_jumps(motion):
        console.print(
            "The first frame is far from the second: a rest pose that was put in front? Cut it.",
            style="yellow",
        )
    output = f"{Path(path).stem}_g1.npz"
    command = f"mimiclab motion retarget {escape(path)} --robot unitree_g1 --output {output}"
    console.print(f"Make it a robot's:\n  {command}", highlight=False, soft_wrap=True)


def _sizes(motion: "LandmarkMotion") -> dict[str, str]:
    import numpy as np

    def length(*names: str) -> float | None:
        if any(name not in motion.names for name in names):
            return None
        points = np.stack([motion.of(name) for name in names])
        return float(np.linalg.norm(np.diff(points, axis=0), axis=-1).mean(axis=1).sum())

    parts = {
        "legs": [length(f"{s}_hip", f"{s}_knee", f"{s}_ankle") for s in ("left", "right")],
        "arms": [length(f"{s}_shoulder", f"{s}_elbow", f"{s}_wrist") for s in ("left", "right")],
        "shoulders": [length("left_shoulder", "right_shoulder")],
    }
    lowest, highest = motion.pos_w[..., 2].min(axis=1), motion.pos_w[..., 2].max(axis=1)
    track = motion.of("left_hip")[:, :2]
    path = np.linalg.norm(np.diff(track, axis=0), axis=1).sum()
    return {
        **{
            key: " and ".join(f"{value:.3f}" for value in values if value is not None) + " m"
            for key, values in parts.items()
            if None not in values
        },
        "height": f"{(highest - lowest).max():.3f} m between the lowest and highest landmark",
        "lowest point": f"{lowest.min():.3f} to {lowest.max():.3f} m",
        "path": f"{path:.2f} m on the ground",
    }


def _landmark_table(console: "Console", motion: "LandmarkMotion") -> None:
    from rich.table import Table

    from mimiclab.robots.robot import LANDMARKS

    table = Table("landmark", title="height of landmarks, m", title_justify="left")
    for name in ("min", "mean", "max"):
        table.add_column(name, justify="right")
    for name in LANDMARKS:
        if name in motion.names:
            z = motion.of(name)[:, 2]
            table.add_row(name, *(f"{value:.3f}" for value in (z.min(), z.mean(), z.max())))
        else:
            table.add_row(name, "missing", style="yellow")
    console.print(table)


def _first_frame_jumps(motion: "LandmarkMotion") -> bool:
    import numpy as np

    if motion.num_frames < 3:
        return False
    speed = np.linalg.norm(np.diff(motion.pos_w[:3], axis=0), axis=-1).max(axis=1) * motion.fps
    return bool(speed[0] > _JUMP_SPEED and speed[0] > 3 * speed[1])
