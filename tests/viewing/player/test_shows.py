from dataclasses import replace

import numpy as np
import pytest

from mimiclab.errors import ContractError, MimiclabError
from mimiclab.motions.kinematics import clip_qpos
from mimiclab.motions.synthesis import builtin_motion
from mimiclab.viewing.player.player import Player
from mimiclab.viewing.player.shows import MotionShow
from mimiclab.viewing.player.sources import open_show


@pytest.fixture(scope="module")
def wave():
    return builtin_motion("wave")


def test_a_motion_is_shown_frame_by_frame(wave):
    show = MotionShow([wave])
    show.seek(10)
    assert np.array_equal(show.qpos[:3], wave.root_pos[10])
    assert np.array_equal(show.qpos[3:7], wave.root_quat_wxyz[10])
    assert np.array_equal(show.qpos[7:], wave.joint_pos[10])
    show.seek(10**6)
    assert show.frame == wave.num_frames - 1 and show.at_end
    assert not show.advance() and show.frame == wave.num_frames - 1
    with pytest.raises(MimiclabError, match="cannot be pushed"):
        show.push(np.zeros(3))


def test_joints_are_put_into_the_models_order(wave):
    names = wave.joint_names[::-1]
    turned = replace(wave, joint_names=names, joint_pos=wave.joint_pos[:, ::-1])
    assert np.array_equal(clip_qpos(turned), clip_qpos(wave))


def test_only_motions_of_one_robot(wave):
    with pytest.raises(MimiclabError, match="one robot at a time"):
        MotionShow([wave, replace(wave, name="other", robot="another")])
    with pytest.raises(MimiclabError, match="no robot"):
        MotionShow([])


def test_sources_of_motions(tmp_path):
    show = open_show("builtin:wave,builtin:stand")
    assert show.clip_names == ("wave", "stand") and not show.closed_loop
    with pytest.raises(MimiclabError, match="--motion is for policies"):
        open_show("builtin:wave", motion="builtin:walk")
    with pytest.raises(MimiclabError, match="--checkpoint belongs to a run"):
        open_show("builtin:wave", checkpoint="best")
    with pytest.raises(ContractError):
        open_show(tmp_path / "absent.onnx")


def test_a_policy_tracks_is_pushed_and_starts_anew(policy_file):
    show = open_show(policy_file)
    assert show.closed_loop and show.clip_names == ("stand", "wave") and show.title == "nothing"
    assert np.allclose(show.qpos, show.reference_qpos, atol=1e-6)
    for _ in range(10):
        assert show.advance()
    assert show.frame == 10 and 0 < show.errors["mpjpe_global_mm"] < 60
    before = show.errors["velocity_error"]
    show.push(np.array([1.0, 0.0, 0.0]))
    show.advance()
    assert show.errors["velocity_error"] > before + 0.3
    show.seek(20)
    assert np.allclose(show.qpos, show.reference_qpos, atol=1e-6)
    assert show.frame == 20 and show.errors == {} and show.crossed == ""


def test_a_policy_that_has_fallen_plays_on_and_the_clip_repeats(policy_file):
    player = Player(open_show(policy_file))
    player.choose(1)
    last = player.snapshot().num_frames - 1
    for _ in range(last):
        player.update(0.02)
    now = player.snapshot()
    # PD control alone falls over: the limit is told, and the clip goes on to its end.
    assert (now.clip, now.frame, now.at_end, now.playing) == (1, last, True, True)
    assert now.crossed and now.errors["mpjpe_global_mm"] > 100
    player.update(0.02)
    now = player.snapshot()
    assert (now.frame, now.crossed) == (0, "")
    player.repeat = False
    for _ in range(last + 1):
        player.update(0.02)
    assert player.snapshot().frame == last and not player.clock.playing


def test_a_policy_can_follow_another_motion(policy_file):
    show = open_show(policy_file, motion="builtin:bow")
    assert show.clip_names == ("bow",) and show.advance()
