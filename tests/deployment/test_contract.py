import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimiclab.deployment.contract import (
    ObservationTerm,
    Physics,
    PolicyContract,
    Terminations,
)
from mimiclab.deployment.metadata import METADATA_KEY, contract_of, metadata_of
from mimiclab.errors import ContractError
from mimiclab.robots import get_robot

G1 = get_robot("unitree_g1")
finite = st.floats(allow_nan=False, allow_infinity=False)


def test_json_gives_back_the_same_contract(contract):
    assert PolicyContract.from_json(contract.to_json()) == contract


@settings(max_examples=50, deadline=None)
@given(st.lists(finite, min_size=29, max_size=29), finite, st.one_of(st.none(), finite))
def test_every_number_survives_bit_by_bit(make_contract, numbers, scale, limit):
    contract = make_contract(
        action_scale=tuple(numbers),
        observations=(
            ObservationTerm(name="actions", size=29, scale=scale, clip=(-1.0, 1e-300), history=3),
        ),
        terminations=Terminations(anchor_tilt=limit),
    )
    back = PolicyContract.from_json(contract.to_json())
    assert np.array(back.action_scale).tobytes() == np.array(numbers).tobytes()
    assert back == contract


def test_sizes(contract):
    assert contract.observation_size == 160  # BeyondMimic's actor observation
    assert contract.anchor_index == contract.body_names.index("torso_link")
    history = replace(contract, observations=(ObservationTerm(name="actions", size=29, history=4),))
    assert history.observation_size == 116
    assert contract.physics.decimation == 4


def test_small_scales_are_not_rounded(contract):
    metadata = metadata_of(contract)
    written = [float(x) for x in metadata["action_scale"].split(",")]
    assert written == list(contract.action_scale)
    assert written[G1.joint_names.index("left_wrist_yaw_joint")] == pytest.approx(0.074501, 1e-4)
    assert [float(x) for x in metadata["joint_damping"].split(",")] == list(contract.damping)
    assert json.loads(metadata["kp"]) == list(contract.stiffness)


def test_keys_of_other_deployers_are_there(contract):
    metadata = metadata_of(contract)
    assert set(metadata) >= {
        "run_path", "joint_names", "joint_stiffness", "joint_damping", "default_joint_pos",
        "command_names", "observation_names", "observation_history_lengths", "action_scale",
        "anchor_body_name", "body_names",
        "observation_terms_scale", "observation_terms_flatten_history_dim",
        "observation_terms_history_length", "observation_terms_clip",
        "dof_names", "kp", "kd", "command_ranges", "iteration",
    }  # fmt: skip
    assert metadata["anchor_body_name"] == "torso_link"
    assert metadata["body_names"].split(",") == list(G1.tracked_bodies)
    assert metadata["observation_names"].startswith("command,motion_anchor_pos_b,")
    assert metadata["observation_history_lengths"] == "1,1,1,1,1,1,1,1"
    assert metadata["observation_terms_clip"].split(",")[0] == "-inf;inf"
    assert contract_of(metadata, "p.onnx") == contract


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"stiffness": (1.0,)}, "stiffness has 1 values for 29 joints"),
        ({"action_offset": "zero"}, "'default' or 'reference'"),
        ({"anchor_body": "head"}, "head not among the tracked bodies"),
        ({"physics": Physics(dt_s=0.003, control_dt_s=0.02)}, "whole number"),
    ],
)
def test_contradictions_are_refused(make_contract, changes, says):
    with pytest.raises(ContractError, match=says):
        make_contract(**changes)


def test_files_without_contract_are_refused():
    with pytest.raises(ContractError, match="no deployment metadata at all"):
        contract_of({}, "x.onnx")
    with pytest.raises(ContractError, match="leave out effort limits"):
        contract_of({"joint_stiffness": "1.0"}, "x.onnx")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda v: v.update(schema=99), "schema 99"),
        (lambda v: v.pop("schema"), "schema None"),
        (lambda v: v.pop("armature"), "lacks armature"),
        (lambda v: v.update(colour="red"), "unknown colour"),
        (lambda v: v["physics"].pop("dt_s"), "Physics lacks dt_s"),
        (lambda v: v.update(physics=3), "Physics is 3"),
        (lambda v: v["observations"][0].pop("size"), "ObservationTerm lacks size"),
    ],
)
def test_damaged_contracts_are_refused(contract, damage, says):
    values = json.loads(contract.to_json())
    damage(values)
    with pytest.raises(ContractError, match=says):
        contract_of({METADATA_KEY: json.dumps(values)}, "x.onnx")


def test_what_is_not_json_is_refused():
    with pytest.raises(ContractError, match=r"x\.onnx: the contract is not JSON"):
        contract_of({METADATA_KEY: "{"}, "x.onnx")


def test_another_robot_is_refused_with_the_difference(contract):
    contract.check_robot(G1)
    with pytest.raises(ContractError, match=r"'unitree_h1', not for 'unitree_g1'"):
        replace(contract, robot="unitree_h1").check_robot(G1)
    with pytest.raises(ContractError, match="kinematics, masses or joint limits differ"):
        replace(contract, model_hash="0" * 64).check_robot(G1)
    swapped = (contract.joint_names[1], contract.joint_names[0], *contract.joint_names[2:])
    with pytest.raises(ContractError, match="entry 0 is left_hip_roll_joint in the policy"):
        replace(contract, joint_names=swapped).check_robot(G1)


def test_differences_name_the_fields(contract):
    assert contract.differences(contract) == []
    assert contract.differences(PolicyContract.from_json(contract.to_json())) == []
    other = replace(
        contract,
        action_offset="default",
        observations=contract.observations[1:],
        stiffness=(1.0, *contract.stiffness[1:]),
    )
    found = "\n".join(contract.differences(other))
    assert "action_offset: 'reference', not 'default'" in found
    assert "only in the policy: command[58]" in found
    assert "stiffness: entry 0 is" in found
