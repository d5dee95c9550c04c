"""Time-major frames out of term-major vectors, and which terms tell of the reference."""

import pytest
import torch

from mimiclab.errors import MimiclabError
from mimiclab.learning.networks.layout import (
    frame_columns,
    is_reference,
    require_history,
    split_reference,
    term_slots,
)

LAYOUT = {
    "observations": {"actor": {"command": 6, "motion_id": 2, "joint_pos": 3}},
    "history": {"actor": {"command": 3, "joint_pos": 3}},
}


def test_frames_are_gathered_moment_by_moment() -> None:
    slots = term_slots(LAYOUT, ["actor"])
    # command: (10, 11), (20, 21), (30, 31) in time; motion_id: 7, 8; joint_pos: 15, 25, 35.
    obs = torch.tensor([[10, 11, 20, 21, 30, 31, 7, 8, 15, 25, 35]])
    frames = obs[..., frame_columns(slots)]
    assert frames.tolist() == [[[10, 11, 7, 8, 15], [20, 21, 7, 8, 25], [30, 31, 7, 8, 35]]]
    for slot in (slots[0], slots[2]):
        assert slot.frames(obs).shape == (1, 3, slot.size)
    assert obs[:, slots[0].newest].tolist() == [[30, 31]]


def test_terms_of_the_reference() -> None:
    reference, own = split_reference(term_slots(LAYOUT, ["actor"]), "fsq")
    assert [slot.name for slot in reference] == ["command", "motion_id"]
    assert [slot.name for slot in own] == ["joint_pos"]
    assert is_reference("motion_anchor_ori_b") and is_reference("ref_projected_gravity")
    assert not is_reference("actions") and not is_reference("base_ang_vel")


def test_what_a_network_over_frames_cannot_use_is_refused() -> None:
    slots = term_slots({"observations": {"actor": {"command": 6, "joint_pos": 3}}}, ["actor"])
    with pytest.raises(MimiclabError, match="set --history 5"):
        require_history(slots, "attention")
    odd = {**LAYOUT, "history": {"actor": {"command": 2, "joint_pos": 3}}}
    with pytest.raises(MimiclabError, match="the longest is 3, but command has 2"):
        frame_columns(term_slots(odd, ["actor"]))
    for name, missing in (("command", "robot"), ("joint_pos", "reference")):
        only = term_slots({"observations": {"actor": {name: 3}}}, ["actor"])
        with pytest.raises(MimiclabError, match=f"has no {missing} terms"):
            split_reference(only, "vq")
