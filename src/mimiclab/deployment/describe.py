"""A policy's contract, read off the environment that it was trained in.

Everything is taken from the built environment instead of the configuration that made it, so that
the contract states what the policy really met.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import mujoco
import numpy as np
import torch

from mimiclab import __version__
from mimiclab.deployment.contract import (
    BakedClip,
    ObservationTerm,
    Physics,
    PolicyContract,
    Provenance,
    Terminations,
)
from mimiclab.deployment.simulator import contact_settings, solver_options
from mimiclab.errors import ContractError
from mimiclab.robots import get_robot

if TYPE_CHECKING:
    from mimiclab.motions.library import MotionLibrary
    from mimiclab.tasks.task import Task
    from mimiclab.tasks.tracking import TrackingTask
    from mimiclab.tasks.velocity import VelocityTask

ENTITY = "robot"
"""Name of the robot in mjlab's scene."""


def describe_task(
    task: "Task",
    library: "MotionLibrary | None" = None,
    *,
    clips: tuple[BakedClip, ...] = (),
    run: str = "",
    iteration: int = 0,
    git: str = "",
) -> PolicyContract:
    """The contract of policies of a task; builds one environment to read it from.

    That environment has what training varies at its nominal value: flat ground, no delays, and the
    reference as it was sent. `task` in the contract tells what was varied.

    Args:
        task: as trained, one that tracks motions or walks at a commanded velocity.
        library: the clips trained on; None for a task without.
        clips: clips that will be baked into the graph.
        run: name of the training run.
        iteration: update after which the weights were taken.
        git: commit of the code that trained.

    Raises:
        ContractError: a task that the contract cannot describe.
    """
    from mimiclab.tasks.tracking import TrackingTask
    from mimiclab.tasks.velocity import VelocityTask

    origin = {"run": run, "iteration": iteration, "git": git}
    if isinstance(task, VelocityTask):
        return _describe_walking(task, origin)
    if not isinstance(task, TrackingTask) or library is None:
        raise ContractError(
            f"a task of kind {task.kind!r}, {'with' if library else 'without'} motions, cannot be "
            "described; a policy contract knows tracking with motions, and velocity"
        )
    return _describe_tracking(task, library, clips, origin)


def _describe_walking(task: "VelocityTask", origin: dict[str, Any]) -> PolicyContract:
    from mimiclab.deployment.describe_walking import fall_limits, velocity_command
    from mimiclab.learning.serialise import to_plain
    from mimiclab.simulation import make_env
    from mimiclab.tasks.velocity import velocity_env_cfg
    from mimiclab.tasks.velocity.actions import ACTION_LIMIT

    env = make_env(velocity_env_cfg(task.nominal(), num_envs=1), engine="native", device="cpu")
    try:
        contract = describe_env(
            env,
            task=to_plain(task),
            action_offset="default",
            reference_lead_steps=0,
            motion_names=(),
            clips=(),
            **origin,
        )
        return replace(
            contract,
            velocity=velocity_command(env),
            terminations=fall_limits(env),
            action_clip=ACTION_LIMIT,
            # What is older than the episode is 0 (Holosoma).
            observations=tuple(replace(term, padding="zero") for term in contract.observations),
        )
    finally:
        env.close()


def _describe_tracking(
    task: "TrackingTask",
    library: "MotionLibrary",
    clips: tuple[BakedClip, ...],
    origin: dict[str, Any],
) -> PolicyContract:
    from mimiclab.learning.serialise import to_plain
    from mimiclab.simulation import make_env
    from mimiclab.tasks.tracking import tracking_env_cfg
    from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg

    plain = replace(task.nominal(), interface=InterfaceCfg())
    env = make_env(tracking_env_cfg(plain, library, num_envs=1), engine="native", device="cpu")
    try:
        return describe_env(
            env,
            task=to_plain(task),
            action_offset="reference" if task.residual_action else "default",
            # The command shows the frame that the coming step will be scored against.
            reference_lead_steps=1,
            motion_names=library.clip_names,
            clips=clips,
            **origin,
        )
    finally:
        env.close()


def describe_env(
    env: Any,
    *,
    task: dict[str, Any],
    action_offset: str,
    reference_lead_steps: int,
    motion_names: tuple[str, ...],
    clips: tuple[BakedClip, ...],
    run: str = "",
    iteration: int = 0,
    git: str = "",
) -> PolicyContract:
    """The contract of a policy trained in `env`, a `MimicEnv`; for one that follows a motion.

    Args:
        env: the environment, best without randomisation.
        task: arguments of the task, plain values; `task["robot"]` names the robot.
        action_offset: `default` or `reference`.
        reference_lead_steps: control steps by which observed references are ahead.
        motion_names: clips trained on, in order.
        clips: clips that will be baked into the graph.
        run: name of the training run.
        iteration: update after which the weights were taken.
        git: commit of the code that trained.

    Raises:
        ContractError: an environment that the contract cannot describe.
    """
    robot = get_robot(task["robot"])
    model: mujoco.MjModel = env.sim.mj_model
    motors = [_motor_of(model, f"{ENTITY}/{name}") for name in robot.joint_names]
    dofs = [model.joint(f"{ENTITY}/{name}").dofadr[0] for name in robot.joint_names]
    return PolicyContract(
        robot=robot.name,
        model_hash=robot.model_hash,
        joint_names=robot.joint_names,
        default_joint_pos=_floats(_nominal_pose(env, robot.joint_names)),
        stiffness=_floats(model.actuator_gainprm[motors, 0]),
        damping=_floats(-model.actuator_biasprm[motors, 2]),
        effort_limit=_floats(model.actuator_forcerange[motors, 1]),
        armature=_floats(model.dof_armature[dofs]),
        action_scale=_floats(_action_scale(env, robot.joint_names)),
        action_offset=action_offset,  # pyright: ignore[reportArgumentType]  # checked there
        observations=tuple(_observation_terms(env)),
        physics=Physics(
            dt_s=float(model.opt.timestep),
            control_dt_s=float(env.step_dt),
            options=solver_options(model),
            contacts=contact_settings(model, f"{ENTITY}/"),
            floor_friction=tuple(model.geom_friction[_floor(model)].tolist()),
        ),
        anchor_body=robot.anchor_body,
        body_names=robot.tracked_bodies,
        end_effectors=robot.end_effectors,
        reference_lead_steps=reference_lead_steps,
        motion_names=motion_names,
        clips=clips,
        task=task,
        terminations=_terminations(env),
        provenance=Provenance(run=run, iteration=iteration, git=git, mimiclab=__version__),
    )


def _floats(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _motor_of(model: mujoco.MjModel, joint: str) -> int:
    found = np.flatnonzero(
        (model.actuator_trnid[:, 0] == model.joint(joint).id)
        & (model.actuator_trntype == mujoco.mjtTrn.mjTRN_JOINT)
    )
    if len(found) != 1:
        raise ContractError(
            f"joint {joint!r} has {len(found)} actuators, a policy contract describes robots with "
            "one position actuator for each joint"
        )
    motor = int(found[0])
    gain, bias = model.actuator_gainprm[motor, 0], model.actuator_biasprm[motor]
    if bias[1] != -gain or not model.actuator_forcelimited[motor]:
        raise ContractError(
            f"the actuator of joint {joint!r} is not a force-limited position servo; "
            "a policy contract cannot describe it"
        )
    return motor


def _nominal_pose(env: Any, joint_names: tuple[str, ...]) -> np.ndarray:
    entity = env.scene[ENTITY]
    order = [entity.joint_names.index(name) for name in joint_names]
    return entity.data.default_joint_pos[0, order].cpu().numpy()


def _action_scale(env: Any, joint_names: tuple[str, ...]) -> np.ndarray:
    names = env.action_manager.active_terms
    if list(names) != ["joint_pos"]:
        raise ContractError(
            f"the task has the actions {list(names)}; a policy contract describes one, 'joint_pos'"
        )
    term = env.action_manager.get_term("joint_pos")
    if term.cfg.clip is not None:
        raise ContractError("the task clips its actions, which a policy contract cannot say")
    if tuple(term.target_names) != joint_names:
        raise ContractError(
            f"the actions drive {', '.join(term.target_names)}, expected every joint in model order"
        )
    scale = term.scale
    values = scale[0].cpu().numpy() if isinstance(scale, torch.Tensor) else scale
    return np.broadcast_to(np.asarray(values, np.float64), (len(joint_names),))


def _observation_terms(env: Any) -> list[ObservationTerm]:
    manager = env.observation_manager
    terms = []
    for name, shape in zip(
        manager.active_terms["actor"], manager.group_obs_term_dim["actor"], strict=True
    ):
        cfg = manager.get_term_cfg("actor", name)
        history = max(1, cfg.history_length)
        total = int(np.prod(shape))
        terms.append(
            ObservationTerm(
                name=name,
                size=total // history,
                scale=_plain_scale(cfg.scale),
                clip=None if cfg.clip is None else (float(cfg.clip[0]), float(cfg.clip[1])),
                history=history,
                params=_term_params(env, name),
            )
        )
    return terms


def _term_params(env: Any, name: str) -> dict[str, Any]:
    """What a runner must know to compute a term, where it is not the usual."""
    if name == "motion_future":
        return {"offsets_s": [float(offset) for offset in env.cfg.commands["motion"].horizon_s]}
    if name == "command":
        usual = {"frames": 1, "velocity": True}
        given = env.observation_manager.get_term_cfg("actor", name).params
        return {key: given[key] for key in usual if given.get(key, usual[key]) != usual[key]}
    return {}


def _plain_scale(scale: Any) -> float | tuple[float, ...]:
    if scale is None:
        return 1.0
    if isinstance(scale, torch.Tensor):
        return tuple(scale.flatten().tolist()) if scale.numel() > 1 else float(scale)
    return tuple(map(float, scale)) if isinstance(scale, list | tuple) else float(scale)


def _terminations(env: Any) -> Terminations:
    def threshold(name: str) -> float | None:
        cfg = env.cfg.terminations.get(name)
        return None if cfg is None else float(cfg.params["threshold"])

    return Terminations(
        anchor_height_m=threshold("anchor_pos"),
        anchor_tilt=threshold("anchor_ori"),
        end_effector_height_m=threshold("ee_body_pos"),
    )


def _floor(model: mujoco.MjModel) -> int:
    planes = np.flatnonzero(model.geom_type == mujoco.mjtGeom.mjGEOM_PLANE)
    if len(planes) != 1:
        raise ContractError(
            f"the scene has {len(planes)} floor planes; a policy contract describes one flat floor"
        )
    return int(planes[0])
