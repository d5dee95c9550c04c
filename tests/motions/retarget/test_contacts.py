"""Contacts of heel and toe on made-up heights and speeds."""

import numpy as np
import pytest

from mimiclab.motions.retarget.contacts import (
    ContactCfg,
    detect_contacts,
    hysteresis,
    standing_height,
)


def test_hysteresis_keeps_what_it_began_and_drops_the_rest():
    #        begins at 2          never begins     too short
    outer = [0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 1, 0]
    inner = [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0]
    found = hysteresis(np.array(inner, bool), np.array(outer, bool), 2)
    assert found.astype(int).tolist() == [0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]


def test_heel_strike_stance_and_toe_off():
    frames = 30
    height = np.full((frames, 2, 2), 0.2)
    speed = np.full((frames, 2, 2), 2.0)
    height[8:18, 0, 1], speed[8:18, 0, 1] = 0.0, 0.1  # left heel down first
    height[10:22, 0, 0], speed[10:22, 0, 0] = 0.0, 0.1  # toe later, and longer
    height[5:7, 1, 0], speed[5:7, 1, 0] = 0.0, 0.1  # a touch of two frames
    found = detect_contacts(height, speed, np.ones((frames, 2)), 50.0, 0.85)
    assert np.flatnonzero(found[:, 0, 1]).tolist() == list(range(8, 18))
    assert np.flatnonzero(found[:, 0, 0]).tolist() == list(range(10, 22))
    assert not found[:, 1].any()


@pytest.mark.parametrize("upright,expected", [(1.0, [1, 1]), (0.5, [1, 0]), (0.0, [0, 0])])
def test_a_foot_on_its_tip_has_no_heel_contact_and_a_lying_one_none(upright, expected):
    still = np.zeros((20, 2, 2))
    found = detect_contacts(still, still, np.full((20, 2), upright), 30.0, 0.85)
    assert found[10, 0].astype(int).tolist() == expected


def test_thresholds_grow_with_the_leg():
    height, speed = np.full((10, 2, 2), 0.03), np.zeros((10, 2, 2))
    upright = np.ones((10, 2))
    assert not detect_contacts(height, speed, upright, 30.0, 0.85).any()
    assert detect_contacts(height, speed, upright, 30.0, 1.7)[..., 0].all()
    wide = ContactCfg(toe_height_m=(0.05, 0.06))
    assert detect_contacts(height, speed, upright, 30.0, 0.85, wide)[..., 0].all()


def test_standing_height_is_that_of_slow_low_frames():
    random = np.random.default_rng(0)
    height = np.full((200, 2), 0.5)
    speed = np.full((200, 2), 2.0)
    height[:80] = 0.08 + 0.002 * random.normal(size=(80, 2))
    speed[:80] = 0.0
    height[150:170], speed[150:170] = 0.3, 0.0  # standing on something
    height[190] = -0.4  # a glitch, fast
    assert standing_height(height, speed, 0.4) == pytest.approx(0.08, abs=2e-3)
    assert standing_height(height + 1.0, speed, 0.4) == pytest.approx(1.08, abs=2e-3)
    assert standing_height(height, speed + 9.0, 0.4) == pytest.approx(0.076, abs=5e-3)
