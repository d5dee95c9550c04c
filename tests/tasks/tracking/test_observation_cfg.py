"""Groups of observations: sizes, history frame by frame, views for teachers."""

import pytest
import torch

from mimiclab.errors import MimiclabError
from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.synthesis import builtin_motion
from mimiclab.robots import get_robot
from mimiclab.simulation import make_env
from mimiclab.tasks.tracking import TrackingTask, tracking_env_cfg
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg
from mimiclab.tasks.tracking.mosaic import mosaic_task

EXPERT = TrackingTask(privileged=True, state_estimation=False, reference_velocity=True)


def sizes(task: TrackingTask, library, **kwargs) -> dict[str, int]:
    env = make_env(
        tracking_env_cfg(task, library, num_envs=1, **kwargs), engine="native", device="cpu"
    )
    try:
        return {name: values.shape[1] for name, values in env.reset()[0].items()}
    finally:
        env.close()


@pytest.mark.parametrize(
    ("robot", "se", "no_se", "critic"),
    # MOSAIC's table; Adam's critic has 251 there, without the two wrists that ours tracks: 9 each.
    [
        ("unitree_g1", 800, 770, 289),
        ("unitree_h1_2", 750, 720, 279),
        ("pnd_adam_lite", 700, 670, 251 + 18),
    ],
)
def test_sizes_of_mosaic(robot, se, no_se, critic):
    library = MotionLibrary.from_clips([builtin_motion("stand", robot)], robot=robot, fps=50)
    got = sizes(mosaic_task(robot, state_estimation=True, ground="plane"), library)
    assert got == {"actor": se, "critic": critic}
    assert sizes(mosaic_task(robot, ground="plane"), library)["actor"] == no_se


def test_sizes_of_experts_estimators_and_commands(walk):
    got = sizes(
        mosaic_task(reference_gravity=True, ground="plane"),
        walk,
        views={"teacher": EXPERT, "student": mosaic_task()},
        extra=("motion_group", "reference_joint_pos"),
    )
    # The estimator's 305 numbers are the command and the reference's gravity, 5 frames each.
    assert got == {
        "actor": 770 + 5 * 3,
        "critic": 289,
        "teacher": 286,
        "student": 770,
        "motion_group": 1,
        "reference_joint_pos": 29,
    }
    assert 5 * (2 * 29 + 3) == 305
    assert sizes(mosaic_task(privileged=True, ground="plane"), walk)["actor"] == 286
    command = sizes(TrackingTask(command_frames=4, command_velocity=False), walk)
    assert command == {"actor": 160 - 58 + 4 * 29, "critic": 286 - 58 + 4 * 29}


def expected(past: list[torch.Tensor], terms: list[int], frames: int) -> torch.Tensor:
    """Term-major history of one environment; `past` are its frames since its reset."""
    padded = [past[0]] * frames + past
    newest = torch.stack(padded[-frames:])  # old to new
    return torch.cat([part.flatten() for part in newest.split(terms, dim=1)])


def test_history_is_term_by_term_old_to_new_and_begins_full(walk):
    task = TrackingTask(history=4, noise=False, randomisation=False)
    view = TrackingTask(noise=False)
    cfg = tracking_env_cfg(task, walk, num_envs=6, views={"now": view})
    cfg.seed = 3
    env = make_env(cfg, engine="native", device="cpu", num_threads=1)
    obs, _ = env.reset()
    dims = [int(d[-1]) for d in env.observation_manager.group_obs_term_dim["now"]]
    past = [[obs["now"][i].clone()] for i in range(6)]
    resets = 0

    def check() -> None:
        for i in range(6):
            torch.testing.assert_close(obs["actor"][i], expected(past[i], dims, 4))

    check()
    for step in range(40):
        obs, _, ended, timed_out, _ = env.step(torch.randn(6, 29))
        over = ended | timed_out
        resets += int(over.sum())
        for i in range(6):
            past[i] = [obs["now"][i].clone()] if over[i] else [*past[i], obs["now"][i].clone()]
        check()
        if step % 7 == 3:  # looking again is no new frame
            again = env.observation_manager.compute()
            assert torch.equal(again["actor"], obs["actor"])
        if step == 20:  # a reset of some leaves the others' past alone
            obs, _ = env.reset(env_ids=torch.tensor([1, 4]))
            for i in (1, 4):
                past[i] = [obs["now"][i].clone()]
            check()
    assert resets > 2
    env.close()


def test_views_are_clean_and_true_while_the_policy_sees_noise_and_interface(walk):
    interface = InterfaceCfg(joint_bias_rad=0.2)
    task = TrackingTask(history=2, interface=interface)
    views = {"clean": TrackingTask(history=2), "expert": EXPERT}
    env = make_env(
        tracking_env_cfg(task, walk, num_envs=2, views=views), engine="native", device="cpu"
    )
    obs, _ = env.reset()
    frame = env.command_manager.get_term("motion").frame
    for name in ("clean", "expert", "critic"):
        torch.testing.assert_close(obs[name][:, :29], frame.joint_pos)
    assert float((obs["actor"][:, :29] - frame.joint_pos).abs().mean()) > 0.05
    noisy, clean = obs["actor"], obs["clean"]
    assert noisy.shape == clean.shape and not torch.allclose(noisy[:, -58 * 3 :], clean[:, -174:])
    # A privileged policy is an expert itself.
    privileged = TrackingTask(privileged=True, state_estimation=False, interface=interface)
    cfg = tracking_env_cfg(privileged, walk, num_envs=1)
    actor = cfg.observations["actor"]
    assert not actor.enable_corruption
    assert not any("observed" in term.params for term in actor.terms.values())
    env.close()


@pytest.mark.parametrize(
    ("views", "extra", "message"),
    [
        ({"t": TrackingTask(robot="unitree_h1")}, (), "robot 'unitree_h1', this task has"),
        ({"t": TrackingTask(control_hz=25)}, (), "control_hz 25, this task has 50"),
        ({"t": TrackingTask(horizon_s=(0.1,))}, (), r"looks \(0.1,\) s ahead, this task not"),
        ({"critic": TrackingTask()}, (), "is called 'critic' already"),
        ({}, ("motion_grp",), "'motion_grp' can be added, expected some of motion_group"),
    ],
)
def test_views_that_cannot_be_shown_are_refused(walk, views, extra, message):
    with pytest.raises(MimiclabError, match=message):
        tracking_env_cfg(TrackingTask(), walk, num_envs=1, views=views, extra=extra)


def test_adams_critic_has_mosaics_size_with_mosaics_bodies():
    robot = get_robot("pnd_adam_lite")
    bodies = [name for name in robot.tracked_bodies if not name.startswith("wristYaw")]
    assert len(bodies) == 12 and len(robot.joint_names) == 25
    assert 5 * 25 + 3 * 5 + 3 + 9 * len(bodies) == 251
