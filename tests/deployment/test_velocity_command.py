"""The gait clock and the velocity command of a contract."""

import json

import numpy as np
import pytest

from mimiclab.deployment.contract import PolicyContract, Terminations
from mimiclab.deployment.velocity_command import GaitClock, GaitPhases, VelocityCommand
from mimiclab.errors import ContractError

WALK = VelocityCommand(
    lin_vel_x=(-1.0, 1.0), lin_vel_y=(-0.5, 0.5), ang_vel_z=(-1.0, 1.0), gait=GaitClock()
)
FORWARD, STAND = np.array([0.5, 0.0, 0.0]), np.zeros(3)


def test_feet_take_turns_and_pause_while_standing():
    phases = GaitPhases(WALK, 0.02)
    first = phases.step(FORWARD)
    np.testing.assert_allclose(first, [2 * np.pi / 50, 2 * np.pi / 50 - np.pi])
    for _ in range(49):
        last = phases.step(FORWARD)
    # A whole period of 1 s later both are back at (0, pi), of which pi is written -pi.
    np.testing.assert_allclose(np.cos(last), [1.0, -1.0], atol=1e-12)
    np.testing.assert_allclose(np.sin(last), 0.0, atol=1e-12)
    np.testing.assert_allclose(phases.step(STAND), [-np.pi, -np.pi])
    np.testing.assert_allclose(phases.step(FORWARD), first)


def test_standing_is_both_slow_and_straight():
    assert WALK.stands(np.array([0.005, 0.005, 0.005]))
    assert not WALK.stands(np.array([0.0, 0.02, 0.0]))
    assert not WALK.stands(np.array([0.0, 0.0, 0.02]))


@pytest.mark.parametrize(
    ("command", "match"),
    [
        ([0.5, 0.0], "expected three numbers"),
        ([np.nan, 0.0, 0.0], "expected three numbers"),
        ([0.0, 0.6, 0.0], r"\(0, 0\.6, 0\) is outside .* \(-1, -0\.5, -1\) to \(1, 0\.5, 1\)"),
    ],
)
def test_commands_that_were_not_trained_are_refused(command, match):
    with pytest.raises(ContractError, match=match):
        WALK.check(np.array(command))


def test_a_contract_keeps_its_command(make_contract):
    contract = make_contract(
        velocity=WALK, clips=(), action_offset="default", action_clip=100.0,
        terminations=Terminations(tilt=1.0, contact_bodies=("pelvis",)),
    )  # fmt: skip
    again = PolicyContract.from_json(contract.to_json())
    assert again == contract and again.velocity == WALK
    assert contract.differences(again) == []


def test_contracts_of_older_versions_follow_a_motion(make_contract):
    """A file written before the command was there lacks every field that has come since."""
    values = json.loads(make_contract().to_json())
    for key in ("velocity", "action_clip"):
        del values[key]
    for key in ("floor_solref", "floor_solimp"):
        del values["physics"][key]
    for key in ("tilt", "contact_bodies"):
        del values["terminations"][key]
    for term in values["observations"]:
        del term["padding"]
    assert PolicyContract.from_json(json.dumps(values)) == make_contract()


def test_contradictions_are_refused(make_contract):
    with pytest.raises(ContractError, match="has no motion, but 1 clips"):
        make_contract(velocity=WALK)
    with pytest.raises(ContractError, match="gait period of 0"):
        values = json.loads(
            make_contract(velocity=WALK, clips=(), action_offset="default").to_json()
        )
        values["velocity"]["gait"]["period_s"] = 0
        PolicyContract.from_json(json.dumps(values))
    with pytest.raises(ContractError, match="lin_vel_x is"):
        VelocityCommand(lin_vel_x=(1.0, -1.0), lin_vel_y=(0, 0), ang_vel_z=(0, 0))
