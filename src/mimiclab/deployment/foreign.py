"""Released policies of other projects as files of ours, for sim2sim, player and robot."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from mimiclab.deployment.contract import PolicyContract
from mimiclab.deployment.describe import describe_task
from mimiclab.deployment.export import export_policy
from mimiclab.errors import ContractError
from mimiclab.learning.networks.frozen import FrozenPolicy
from mimiclab.learning.teachers.foreign import foreign_teacher, is_foreign
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.library import MotionLibrary
from mimiclab.robots import Robot, get_robot


def export_foreign(
    path: str | Path, out: str | Path, *, adapter: str = "auto"
) -> tuple[Path, tuple[str, ...]]:
    """Write an ONNX policy of another project with our observations, joint order and contract.

    The file holds no clip. Gains, delays and contacts in the contract are those of our task, which
    is what the policy is then run with.

    Args:
        path: released file.
        out: file to write.
        adapter: see `learning.teachers.adapters`.

    Returns:
        The file, and what a user should know of the policy.

    Raises:
        ContractError: a file that is not read, not recognised or already ours.
        OutputError: the file cannot be written.
    """
    if not is_foreign(path):
        raise ContractError(
            f"{path} is no ONNX policy of another project, so there is nothing to convert; give a "
            "released one, or the run folder of a policy of ours"
        )
    teacher = foreign_teacher(path, adapter)
    network = teacher.network
    assert isinstance(network, FrozenPolicy) and teacher.task is not None
    if not hasattr(network.network, "normaliser"):
        raise ContractError(
            f"{path} cannot be converted: {teacher.remarks[-1]}. It can still be evaluated, and "
            "teach"
        )
    contract = describe_task(teacher.task, _standing(get_robot(teacher.robot)), run=Path(path).stem)
    contract: PolicyContract = replace(contract, motion_names=())
    return export_policy(network, contract, out), teacher.remarks


def _standing(robot: Robot) -> MotionLibrary:
    """A second in the default pose, as an environment needs some motion to be built."""
    frames = 51
    clip = MotionClip(
        name="stand",
        robot=robot.name,
        fps=50.0,
        joint_names=robot.joint_names,
        root_pos=np.tile([0.0, 0.0, robot.default_root_height], (frames, 1)),
        root_quat_wxyz=np.tile([1.0, 0.0, 0.0, 0.0], (frames, 1)),
        joint_pos=np.tile(robot.default_pose, (frames, 1)),
    )
    return MotionLibrary.from_clips([clip], robot=robot, fps=50)
