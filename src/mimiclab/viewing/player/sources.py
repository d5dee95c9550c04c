"""From what a user wants to play to something that can be played."""

import tempfile
from pathlib import Path

from mimiclab.errors import MimiclabError
from mimiclab.locations import is_location, local_path
from mimiclab.viewing.player.shows import MotionShow, Show


def open_show(
    what: str | Path,
    *,
    motion: str | None = None,
    checkpoint: str | None = None,
    robot: str = "unitree_g1",
    fps: float | None = None,
    motion_folder: str | Path | None = None,
    root_quat_order: str | None = None,
) -> Show:
    """Open a run, a checkpoint, a policy file or motions.

    Args:
        what: Run folder, checkpoint (.pt), policy (.onnx), a location of one, or what
            `load_motions` takes.
        motion: Motions that a policy is to follow instead of those it was made with.
        checkpoint: Of a run: `last`, `best`, an iteration, or a path.
        robot: Robot of motion files that do not name one.
        fps: Frame rate of motion files that do not state one.
        motion_folder: Where the clips of motion sets are.
        root_quat_order: `wxyz` or `xyzw`, for CSV files.

    Raises:
        CheckpointError, ContractError, MotionError, UnknownNameError: it cannot be opened.
        MimiclabError: options that do not belong together.
    """
    path = local_path(what)
    what = path if is_location(what) else what
    is_run = path.suffix == ".pt" or (path / "config.json").is_file()
    if not is_run and checkpoint is not None:
        raise MimiclabError(f"--checkpoint belongs to a run folder, but {what} is none")
    if not is_run and path.suffix != ".onnx":
        if motion is not None:
            raise MimiclabError(
                f"--motion is for policies, but {what} is taken for a motion; give one of the two"
            )
        return MotionShow(_motions(str(what), robot, fps, motion_folder, root_quat_order))

    from mimiclab.deployment.policy import OnnxPolicy
    from mimiclab.deployment.reference import baked_reference, clip_reference
    from mimiclab.viewing.player.policy_show import PolicyShow

    if is_run:
        policy = _exported(path, checkpoint)
        title = path.stem if path.suffix == ".pt" else path.resolve().name
    else:
        policy, title = OnnxPolicy(path), path.stem
    if motion is None:
        count = max(1, len(policy.contract.clips))
        references = [baked_reference(policy, number) for number in range(count)]
    else:
        name = policy.contract.robot
        clips = _motions(motion, name, fps, motion_folder, root_quat_order)
        references = [clip_reference(clip, policy.contract) for clip in clips]
    return PolicyShow(policy, references, title)


def _motions(spec, robot, fps, motion_folder, root_quat_order):
    from mimiclab.motions.sources import load_motions

    return load_motions(
        spec, robot=robot, fps=fps, motion_folder=motion_folder, root_quat_order=root_quat_order
    )


def _exported(run: Path, checkpoint: str | None):
    """The policy of a run as the file that a robot would get, made in a temporary folder."""
    from mimiclab.deployment.export import export_run
    from mimiclab.deployment.policy import OnnxPolicy

    with tempfile.TemporaryDirectory() as folder:
        return OnnxPolicy(export_run(run, Path(folder) / "policy.onnx", checkpoint=checkpoint))
