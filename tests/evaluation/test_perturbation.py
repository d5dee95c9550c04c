"""What a perturbation does to a robot, the same in training's and in deployment's environments."""

import mujoco
import numpy as np
import pytest
import torch

from mimiclab.errors import MimiclabError
from mimiclab.evaluation.arena import TrackingArena
from mimiclab.evaluation.candidates import zero_candidate
from mimiclab.evaluation.deployed import DeployedArena
from mimiclab.evaluation.perturbation import Perturbation, Pushes, hands_of, unsupported
from mimiclab.evaluation.protocol import Protocol
from mimiclab.evaluation.simulators import contract_of, evaluate_in
from mimiclab.tasks.tracking import TrackingTask

TASK = TrackingTask(residual_action=True)
ZERO = zero_candidate(TASK)
QUICK = Protocol(seeds=2, random_starts=0, initial_noise=0.5)


@pytest.fixture(scope="module")
def contract(library):
    return contract_of(ZERO, library)


@pytest.mark.parametrize(
    "change",
    [
        Perturbation(payload_torso_kg=4.0, payload_wrists_kg=2.0, delay_s=0.015),
        Perturbation(
            friction=0.1, motor_strength=0.7, push_n=80.0, push_mps=0.2, push_s=0.1,
            push_every_s=(0.15, 0.2),
        ),
    ],
    ids=lambda change: "+".join(change.changed()),
)  # fmt: skip
def test_the_same_world_in_training_and_deployment(library, change):
    """The numbers are far nearer to each other than to those of the nominal world."""
    short = library.select([library.clip_names.index("short")])
    plain, theirs, ours = (
        evaluate_in(name, ZERO, short, QUICK, perturbation=world)
        for name, world in (("mujoco", None), ("mujoco", change), ("native", change))
    )
    for metric in ("mpjpe_global_mm", "joint_position_error", "velocity_error"):
        for nominal, a, b in zip(plain.episodes, ours.episodes, theirs.episodes, strict=True):
            assert (a.seed, a.steps) == (b.seed, b.steps)
            apart = abs(b.metrics[metric] - nominal.metrics[metric])
            assert apart > 0.002 * nominal.metrics[metric]
            assert abs(a.metrics[metric] - b.metrics[metric]) < 0.05 * apart


def test_masses_friction_and_motors_of_the_batched_engine(library, g1):
    change = Perturbation(
        payload_torso_kg=3.0, payload_wrists_kg=1.0, friction=0.3, motor_strength=0.5
    )
    arena = TrackingArena(TASK, library, QUICK, num_envs=2, engine="native", perturbation=change)
    try:
        model, fields = arena.env.sim.mj_model, arena.env.sim.model
        torso = model.body("robot/torso_link").id
        added = fields.body_mass[:, torso] - float(g1.model.body("torso_link").mass[0])
        np.testing.assert_allclose(added, 3.0, rtol=1e-5)
        for hand in hands_of(g1):
            mass = float(g1.model.body(hand).mass[0])
            found = fields.body_mass[:, model.body(f"robot/{hand}").id]
            np.testing.assert_allclose(found, mass + 0.5, rtol=1e-5)
        foot = model.geom("robot/left_foot4_collision").id
        np.testing.assert_allclose(fields.geom_friction[:, foot, 0], 0.3, rtol=1e-6)
        knee = model.actuator("robot/left_knee_joint").id
        strongest = g1.effort_limit[g1.joint_names.index("left_knee_joint")]
        np.testing.assert_allclose(fields.actuator_forcerange[:, knee, 1], strongest / 2)
        assert hands_of(g1) == ("left_wrist_yaw_link", "right_wrist_yaw_link")
    finally:
        arena.close()


def test_a_force_moves_the_robot_by_its_impulse(contract, library):
    """In free flight the centre of mass gains F t / m."""
    change = Perturbation(push_n=100.0, push_s=0.1, push_every_s=(0.1, 0.1))
    arena = DeployedArena(
        contract, library, Protocol(initial_noise=0.0), simulator="mujoco", num_envs=1,
        perturbation=change,
    )  # fmt: skip
    arena.start(torch.tensor([0]), torch.tensor([0]), torch.zeros(1).double(), torch.tensor([4]))
    sim = arena._sims[0]
    sim.data.qpos[2] += 5.0
    mujoco.mj_forward(sim.model, sim.data)
    speeds = []
    for _ in range(11):
        arena.step(torch.zeros(1, 29))
        mujoco.mj_subtreeVel(sim.model, sim.data)
        speeds.append(sim.data.subtree_linvel[0, :2].copy())
    mass = sim.model.body_subtreemass[0]
    np.testing.assert_allclose(speeds[4], speeds[0], atol=1e-3)  # the first one comes after 0.1 s
    gained = np.linalg.norm(speeds[9] - speeds[4])
    assert gained == pytest.approx(100.0 * 0.1 / mass, rel=0.02)


def test_pushes_follow_from_the_job_alone():
    weak, strong = (Perturbation(push_n=force, push_mps=force / 100) for force in (50.0, 100.0))
    plans = [Pushes(weak, 1, 0.02), Pushes(strong, 3, 0.02)]
    plans[0].begin(0, (7, 2, 31))
    for env, key in enumerate([(7, 2, 30), (8, 2, 31), (7, 2, 31)]):
        plans[1].begin(env, key)
    steps = [[plan.next() for _ in range(400)] for plan in plans]
    force = [np.array([f for f, _ in plan]) for plan in steps]
    np.testing.assert_allclose(2 * force[0][:, 0], force[1][:, 2])
    assert not np.allclose(2 * force[0][:, 0], force[1][:, 0])
    on = np.linalg.norm(force[1][:, 2], axis=-1)
    assert set(np.round(on, 9)) == {0.0, 100.0}
    starts = np.flatnonzero(np.diff(on) > 0) + 1
    ends = np.flatnonzero(np.diff(on) < 0) + 1
    assert (ends - starts[: len(ends)] == 10).all()  # 0.2 s
    gaps = np.diff(starts) * 0.02
    assert len(starts) >= 3 and (gaps >= 1.0 - 1e-9).all() and (gaps <= 3.0 + 1e-9).all()
    kicks = np.array([k for _, k in steps[1]])[:, 2]
    assert list(np.flatnonzero(kicks.any(axis=-1))) == list(starts)
    np.testing.assert_allclose(np.linalg.norm(kicks[starts], axis=-1), 1.0)
    assert not force[1][..., 2].any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"push_n": -1.0}, "push_n is -1.0"),
        ({"friction": 0.0}, "friction is 0.0"),
        ({"motor_strength": 0.0}, "motor_strength is 0.0"),
        ({"push_s": 2.0}, "shortest time"),
    ],
)
def test_worlds_that_cannot_be(change, message):
    with pytest.raises(MimiclabError, match=message):
        Perturbation(**change)


def test_what_a_robot_cannot_have_is_named(g1, library, contract):
    assert unsupported(Perturbation(payload_torso_kg=5.0), g1) == ""
    light = Perturbation(payload_torso_kg=-20.0)
    assert "leaves nothing of torso_link" in unsupported(light, g1)
    with pytest.raises(MimiclabError, match="leaves nothing"):
        evaluate_in("mujoco", ZERO, library, QUICK, perturbation=light)
    for name in ("native", "mujoco"):
        with pytest.raises(MimiclabError, match=r"whole (number of )?physics step"):
            evaluate_in(name, ZERO, library, QUICK, perturbation=Perturbation(delay_s=0.003))
