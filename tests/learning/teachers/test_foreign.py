"""Policies in other projects' conventions give the joint targets of the same policies in ours."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from foreign_files import (
    FULL,
    ISAAC_TO_MODEL,
    MODEL_TO_ISAAC,
    SIZES,
    WITHOUT_ESTIMATION,
    Baked,
    Foreign,
    Network,
    holosoma_metadata,
    isaac_metadata,
    rounded,
    write,
)

from mimiclab.deployment.contract import METADATA_KEY
from mimiclab.errors import ContractError, UnknownNameError
from mimiclab.learning.teachers.adapters import ADAPTERS
from mimiclab.learning.teachers.foreign import CONTRACT_KEY, foreign_teacher, open_onnx
from mimiclab.learning.teachers.layout_terms import term_sizes
from mimiclab.learning.teachers.layouts import ForeignLayout, ForeignTerm, robot_of
from mimiclab.robots import get_robot

ALPHABETICAL = (
    "actions", "base_ang_vel", "joint_pos", "joint_vel", "command", "motion_anchor_ori_b",
)  # fmt: skip
IN_ORDER = list(range(29))


def ours(robot):
    return robot.default_pose, robot.action_scale


def targets(robot, actions):
    return robot.default_pose + robot.action_scale * actions.numpy()


def rows(width, count=9):
    return torch.randn(count, width, generator=torch.Generator().manual_seed(4))


def assert_same_targets(path, network, robot, adapter="auto"):
    """The teacher, on our observations, aims where the network in our layout aims."""
    teacher = foreign_teacher(path, adapter)
    assert teacher.expects == {n: network.history * SIZES[n] for n in network.terms}
    obs = rows(network.width)
    given = teacher(obs)
    assert teacher.action_space.offset == "default"
    with torch.inference_mode():
        expected = network(obs)
    np.testing.assert_allclose(targets(robot, given), targets(robot, expected), atol=2e-5)
    assert expected.std() > 0.1
    return teacher


@pytest.mark.parametrize("terms", [FULL, WITHOUT_ESTIMATION])
@pytest.mark.parametrize("history", [1, 5])
def test_mosaic_and_beyondmimic_files(tmp_path, g1, terms, history):
    network = Network(terms, history)
    policy = Foreign(network, terms, ISAAC_TO_MODEL, *ours(g1), ours(g1))
    policy = Baked(policy) if history == 1 else policy
    path = write(policy, tmp_path / "p.onnx", isaac_metadata(g1, terms, history))
    assert network.width in (160, 154, 800, 770)
    teacher = assert_same_targets(path, network, g1)
    assert teacher.task is not None
    assert (teacher.task.history, teacher.task.state_estimation) == (history, terms == FULL)
    assert (teacher.robot, teacher.control_hz, teacher.std) == ("unitree_g1", 50, None)
    named = "mosaic" if history > 1 else "beyondmimic"
    assert_same_targets(path, network, g1, named)
    assert open_onnx(path).remarks == ()


def test_another_pose_and_other_scales_are_converted_and_told(tmp_path, g1):
    """Observed joint angles, observed actions and actions all count differently."""
    pose, scale = g1.default_pose.copy(), 2.0 * g1.action_scale
    pose[[3, 17]] += [0.25, -0.125]
    network = Network(WITHOUT_ESTIMATION, 5)
    policy = Foreign(network, WITHOUT_ESTIMATION, ISAAC_TO_MODEL, pose, scale, ours(g1))
    metadata = isaac_metadata(
        g1, WITHOUT_ESTIMATION, 5,
        default_joint_pos=",".join(repr(float(pose[i])) for i in MODEL_TO_ISAAC),
        action_scale=",".join(repr(float(scale[i])) for i in MODEL_TO_ISAAC),
    )  # fmt: skip
    path = write(policy, tmp_path / "p.onnx", metadata)
    assert_same_targets(path, network, g1)
    said = " ".join(open_onnx(path).remarks)
    assert "default_joint_pos differs in 2 joints" in said and "left_knee_joint" in said
    assert "action_scale differs in 29 joints" in said


def test_three_decimals_are_taken_for_our_exact_values(tmp_path, g1):
    """0.0745 is written as 0.075: taken at its word, the wrists would turn 0.7 % too far."""
    network = Network(FULL, 1)
    policy = Foreign(network, FULL, ISAAC_TO_MODEL, *ours(g1), ours(g1))
    path = write(policy, tmp_path / "p.onnx", isaac_metadata(g1, FULL, 1))
    actions = open_onnx(path).actions
    np.testing.assert_array_equal(actions.scale, g1.action_scale.astype(np.float32))
    assert "0.075" in rounded(g1.action_scale)


def test_the_frames_of_a_history_are_told_or_follow_from_the_width(tmp_path, g1):
    network = Network(WITHOUT_ESTIMATION, 5)
    policy = Foreign(network, WITHOUT_ESTIMATION, ISAAC_TO_MODEL, *ours(g1), ours(g1))
    silent = isaac_metadata(g1, WITHOUT_ESTIMATION, 1)
    path = write(policy, tmp_path / "p.onnx", silent)
    assert_same_targets(path, network, g1)
    assert "770 numbers are 5 frames of every term" in open_onnx(path).remarks[0]


def test_files_of_mjlab_are_in_our_order_with_scales(tmp_path, g1):
    network = Network(FULL, 1)

    class Scaled(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, obs):
            return self.network(torch.cat([obs[:, :102], obs[:, 102:131] / 0.05, obs[:, 131:]], 1))

    names = {"observation_names": ",".join(FULL), "joint_names": ",".join(g1.joint_names)}
    metadata = names | {
        "default_joint_pos": rounded(g1.default_pose),
        "action_scale": rounded(g1.action_scale),
        "joint_stiffness": rounded(g1.stiffness),
        "joint_damping": rounded(g1.damping),
        "observation_terms_scale": "1.000,1.000,1.000,1.000,1.000,1.000,0.050,1.000",
        "observation_terms_history_length": ",".join("0" * 8),
        "observation_terms_clip": ",".join(["-inf;inf"] * 8),
    }
    path = write(Scaled(), tmp_path / "p.onnx", metadata)
    assert_same_targets(path, network, g1)
    clipped = metadata | {"observation_terms_clip": ",".join(["-5.0;5.0"] * 8)}
    with pytest.raises(ContractError, match=r"clipped to -5\.0;5\.0"):
        open_onnx(write(Scaled(), path, clipped))


@pytest.mark.parametrize(
    ("adapter", "scale", "metadata"),
    [
        ("holosoma-fastsac", 1.0, {}),
        ("holosoma-ppo", None, {}),
        ("auto", 0.5, {"action_scale": "0.5"}),
        ("auto", 0.5, {"action_scale": json.dumps([0.5] * 29)}),
    ],
)
def test_holosoma_files(tmp_path, g1, adapter, scale, metadata):
    """Terms in alphabetical order, joints in ours; the scale only in newer files."""
    network = Network(WITHOUT_ESTIMATION, 1)
    theirs = g1.action_scale if scale is None else np.full(29, scale)
    policy = Baked(Foreign(network, ALPHABETICAL, IN_ORDER, g1.default_pose, theirs, ours(g1)))
    path = write(policy, tmp_path / "p.onnx", holosoma_metadata(g1, **metadata), opset=13)
    assert_same_targets(path, network, g1, adapter)
    if not metadata:
        with pytest.raises(ContractError, match=r"--action-scale 1 .* or holosoma-ppo"):
            foreign_teacher(path)


def test_a_json_file_describes_any_policy(tmp_path, g1):
    network = Network(WITHOUT_ESTIMATION, 1)
    policy = Foreign(network, ALPHABETICAL, ISAAC_TO_MODEL, *ours(g1), ours(g1))
    layout = ForeignLayout(
        robot="unitree_g1",
        observations=tuple(ForeignTerm(name=name) for name in ALPHABETICAL),
        joint_names=tuple(g1.joint_names[i] for i in MODEL_TO_ISAAC),
        default_joint_pos=tuple(g1.default_pose[MODEL_TO_ISAAC].tolist()),
        action_scale=tuple(g1.action_scale[MODEL_TO_ISAAC].tolist()),
    )
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(asdict(layout)))
    path = write(policy, tmp_path / "p.onnx", {})
    assert_same_targets(path, network, g1, str(file))
    file.write_text('{"robot": "unitree_g1", "joints": []}')
    with pytest.raises(ContractError, match="unknown settings joints"):
        foreign_teacher(path, str(file))


def file_of(tmp_path, g1, metadata, terms=WITHOUT_ESTIMATION, history=1):
    policy = Foreign(Network(terms, history), terms, ISAAC_TO_MODEL, *ours(g1), ours(g1))
    return write(policy, tmp_path / "p.onnx", metadata)


def test_refusals_say_what_is_missing(tmp_path, g1):
    whole = isaac_metadata(g1, WITHOUT_ESTIMATION, 1)

    def refused(match, adapter="auto", error=ContractError, drop=(), **changes):
        kept = {k: v for k, v in whole.items() if k not in drop}
        with pytest.raises(error, match=match):
            foreign_teacher(file_of(tmp_path, g1, kept | changes), adapter)

    refused("it fits none: it observes 154 numbers, its metadata are empty", drop=tuple(whole))
    refused("unknown adapter 'mosaik': did you mean 'mosaic'", "mosaik", UnknownNameError)
    refused("the metadata lack action_scale", drop=("action_scale",))
    refused("28 numbers in the metadata for 29", action_scale=rounded([0.5] * 28))
    refused(
        "it observes height_scan, which our task does not give",
        observation_names=whole["observation_names"].replace("base_ang_vel", "height_scan"),
    )
    refused(
        "154 numbers, which command x 1, .* cannot be",
        observation_names=whole["observation_names"] + ",base_lin_vel",
        observation_history_lengths="1,1,1,1,1,1,1",
    )
    refused("6 observation names but 2 history lengths", observation_history_lengths="1,1")
    refused("no known robot's", joint_names=whole["joint_names"].replace("knee", "patella"))
    refused("its anchor is 'pelvis', that of unitree_g1 is 'torso_link'", anchor_body_name="pelvis")
    refused("the metadata lack dof_names", "holosoma")
    both = {"observation_terms_scale": ",".join("1" * 6)}
    refused("it fits mosaic, mjlab", observation_history_lengths="5,5,5,5,5,5", **both)


def test_other_motors_are_told(tmp_path, g1):
    soft = isaac_metadata(g1, FULL, 1)
    soft["joint_stiffness"] = rounded(0.5 * g1.stiffness[MODEL_TO_ISAAC])
    del soft["joint_damping"]
    said = " ".join(open_onnx(file_of(tmp_path, g1, soft, FULL)).remarks)
    assert "another stiffness of 29 joints: left_hip_pitch_joint 20.09 (ours 40.18)" in said
    assert "does not tell the joints' damping" in said


def test_terms_have_the_sizes_of_the_environment(tiny_run):
    from mimiclab.learning.policy import load_policy
    from mimiclab.learning.run import load_run

    layout = load_policy(load_run(tiny_run)).layout["observations"]
    sizes = term_sizes(get_robot("unitree_g1"), 58)
    for group in ("actor", "critic"):
        assert {n: sizes[n] for n in layout[group]} == layout[group]


def test_a_file_of_ours_teaches_as_its_run_acts(tiny_run):
    from mimiclab.learning.policy import load_policy
    from mimiclab.learning.run import load_run

    run = load_run(tiny_run)
    teacher, policy = foreign_teacher(tiny_run / "policy.onnx"), load_policy(run)
    obs = rows(160)
    torch.testing.assert_close(teacher(obs), policy(obs), atol=1e-5, rtol=1e-5)
    assert teacher.task == run.task
    assert teacher.expects == policy.layout["observations"]["actor"]
    assert teacher.action_space.offset == "reference"
    assert CONTRACT_KEY == METADATA_KEY


def test_every_robot_of_mosaic_is_recognised():
    for name in ("unitree_g1", "unitree_h1_2", "pnd_adam_lite"):
        joints = get_robot(name).joint_names
        assert robot_of(tuple(reversed(joints)), "p.onnx").name == name
    assert set(ADAPTERS) >= {"mosaic", "beyondmimic", "mjlab", "holosoma"}
