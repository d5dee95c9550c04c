"""Debug drawing for mjlab's viewers: where the reference is, and where the robot is."""

from typing import TYPE_CHECKING, Any

from mimiclab.maths.rotations import quat_to_matrix

if TYPE_CHECKING:
    from mimiclab.tasks.tracking.command import TrackingCommand


def draw(command: "TrackingCommand", visualizer: Any) -> None:
    """Frames of the tracked bodies and of the anchor, as they are and as they should be."""
    state = command.state
    poses = {
        "goal": (state.ref.body_pos_w, state.ref.body_quat_w, 0.08),
        "target": (*state.targets, 0.05),
        "robot": (state.body_pos_w, state.body_quat_w, 0.12),
    }
    for env in visualizer.get_env_indices(command.num_envs):
        for kind, (pos, quat, size) in poses.items():
            positions = pos[env].cpu().numpy()
            matrices = quat_to_matrix(quat[env]).cpu().numpy()
            for i, name in enumerate(command.library.body_names):
                visualizer.add_frame(
                    position=positions[i],
                    rotation_matrix=matrices[i],
                    scale=1.5 * size if i == command.anchor_index else size,
                    label=f"{kind}_{name}_{env}",
                )
