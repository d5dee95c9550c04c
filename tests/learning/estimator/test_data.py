"""Windows against hand-made clips, and against what the environment observes."""

import numpy as np
import pytest
import torch

from mimiclab.errors import MotionError, RobotError
from mimiclab.learning.estimator.data import (
    Windows,
    clip_windows,
    require_layout,
    split_clips,
    window_layout,
)
from mimiclab.motions.library import MotionLibrary
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg


def layout_of(library, **changes):
    return window_layout(library, **{"fps": 50, "history": 5, **changes})


def test_a_window_is_term_major_and_old_to_new(gliding):
    layout = layout_of(gliding)
    assert (layout.command_size, layout.frame_size, layout.input_size) == (58, 61, 305)
    frames = torch.arange(2 * 5 * 61.0).view(2, 5, 61)
    window = layout.window(frames)
    torch.testing.assert_close(window[:, :58], frames[:, 0, :58])  # oldest command first
    torch.testing.assert_close(window[:, 290:293], frames[:, 0, 58:])  # then gravity
    torch.testing.assert_close(window[:, -3:], frames[:, 4, 58:])
    torch.testing.assert_close(layout.frames(window), frames)


def test_velocity_is_in_the_anchors_own_frame(gliding):
    """However a clip is turned, it glides forward."""
    windows = clip_windows(gliding, layout_of(gliding), range(12))
    assert len(windows.frames) == 12 * 21
    for i in range(12):
        expected = torch.tensor([i / 11, 0.0, 0.0]).expand(21, 3)
        torch.testing.assert_close(windows.velocity[windows.clip == i], expected, atol=2e-4, rtol=0)
    gravity = windows.frames[:, -3:]
    torch.testing.assert_close(gravity, torch.tensor([0.0, 0.0, -1.0]).expand_as(gravity))


def test_no_window_crosses_the_border_of_a_clip(gliding):
    layout = layout_of(gliding)
    windows = clip_windows(gliding, layout, [3, 9])
    frames = layout.frames(windows.window(windows.rows))
    elbow = gliding.joint_names.index("left_elbow_joint")
    spread = frames[..., elbow].amax(1) - frames[..., elbow].amin(1)
    assert len(windows.rows) == 42 and float(spread.max()) == 0.0


def test_the_first_windows_repeat_the_first_frame():
    layout = window_layout_of_numbers()
    windows = Windows(
        layout=layout,
        frames=torch.arange(8.0)[:, None].expand(8, 5).contiguous(),
        velocity=torch.zeros(8, 3),
        first=torch.tensor([0, 0, 0, 0, 4, 4, 4, 4]),
        clip=torch.tensor([0] * 4 + [1] * 4),
        rows=torch.arange(8),
    )
    rows = torch.tensor([0, 2, 5, 7])
    seen = layout.frames(windows.window(rows))[..., 0]
    assert seen.tolist() == [[0, 0, 0], [0, 1, 2], [4, 4, 5], [5, 6, 7]]
    aged = layout.frames(windows.window(rows, torch.tensor([3, 1, 0, 1])))[..., 0]
    assert aged.tolist() == [[0, 0, 0], [1, 1, 2], [5, 5, 5], [6, 6, 7]]


def window_layout_of_numbers():
    from mimiclab.learning.estimator.model import WindowLayout

    return WindowLayout(
        robot="point", joint_names=("x",), fps=50.0, history=3, command_velocity=True
    )


def test_frames_faster_than_a_robot_can_be_are_left_out(g1, gliding):
    from .conftest import glide

    leap = glide(g1, "leap", 0.4, 1.0)
    positions = leap.root_pos.copy()
    positions[10:] += [5.0, 0.0, 0.0]  # a jump of the capture: 250 m/s for a frame
    leap = type(leap)(**{**vars(leap), "root_pos": positions})
    library = MotionLibrary.from_clips([leap], robot=g1, fps=50)
    windows = clip_windows(library, layout_of(library), [0])
    fast = (windows.velocity.norm(dim=-1) >= 10).nonzero().flatten().tolist()
    assert fast and set(fast) <= {9, 10}
    # Neither they, nor the four windows after them, which would hold one of them.
    assert windows.rows.tolist() == [*range(min(fast)), *range(max(fast) + 5, 21)]
    with pytest.raises(MotionError, match="none of 21 frames can be learnt from"):
        clip_windows(library, layout_of(library), [0], max_speed=0.1)


def test_whole_clips_are_kept_from_training():
    names = tuple(f"c{i}" for i in range(20))
    train, kept = split_clips(names, 0.1, 0)
    assert len(kept) == 2 and sorted(train + kept) == list(range(20))
    assert split_clips(names, 0.1, 1)[1] != kept
    assert split_clips(names, 0.0, 0) == (list(range(20)), [])
    with pytest.raises(MotionError, match="--validation 0"):
        split_clips(("walk", "walk_mirrored"), 0.1, 0)


def test_mirror_images_stay_together():
    names = tuple(f"c{i}{tail}" for i in range(9) for tail in ("", "_mirrored"))
    for seed in range(5):
        _, kept = split_clips(names, 0.3, seed)
        assert len(kept) == 6
        assert {names[i].removesuffix("_mirrored") for i in kept} == {names[i] for i in kept[::2]}


def test_clips_of_another_rate_are_sampled_at_the_control_rate(gliding):
    layout = layout_of(gliding, fps=25.0)
    windows = clip_windows(gliding, layout, [11])
    assert len(windows.frames) == 11
    torch.testing.assert_close(windows.velocity[:, 0], torch.ones(11), atol=2e-4, rtol=0)


def test_another_robot_rate_or_content_is_refused(gliding):
    layout = layout_of(gliding)
    for change, message in [
        ({"fps": 25.0}, r"fps: 25\.0 in the estimator, 50\.0 in the task"),
        ({"robot": "unitree_h1"}, "robot: unitree_h1 in the estimator, unitree_g1"),
        ({"joint_names": ("a", *layout.joint_names[1:])}, "first that differs is a, not left_hip"),
        ({"command_velocity": False}, "command_velocity: False in the estimator"),
    ]:
        with pytest.raises(RobotError, match=message):
            require_layout(layout, type(layout)(**{**vars(layout), **change}), "the task")


def test_an_interface_changes_what_is_seen_and_not_what_is_true(gliding):
    layout = layout_of(gliding)
    clean = clip_windows(gliding, layout, range(12))
    interface = InterfaceCfg(joint_noise_rad=0.1, orientation_noise_rad=0.05)
    noisy = clip_windows(gliding, layout, range(12), interface=interface, seed=3)
    torch.testing.assert_close(noisy.velocity, clean.velocity)
    error = noisy.frames - clean.frames
    assert float(error[:, :29].std()) == pytest.approx(0.1, rel=0.05)
    assert 0.02 < float(error[:, 58:60].std()) < 0.07  # of a unit vector tilted by 0.05 rad
    again = clip_windows(gliding, layout, range(12), interface=interface, seed=3)
    torch.testing.assert_close(again.frames, noisy.frames)


def test_a_delay_shows_the_past(g1):
    """The elbow turns at a constant rate, so the angle tells the time of what is seen."""
    from .conftest import glide

    clip = glide(g1, "turn", 1.0, 0.0)
    joints = clip.joint_pos.copy()
    elbow = g1.joint_names.index("left_elbow_joint")
    joints[:, elbow] = np.arange(51) / 50.0
    library = MotionLibrary.from_clips(
        [type(clip)(**{**vars(clip), "joint_pos": joints})], robot=g1, fps=50
    )
    late = clip_windows(
        library, layout_of(library), [0], interface=InterfaceCfg(delay_s=(0.2, 0.2))
    )
    angles = late.frames[:, elbow].numpy()
    np.testing.assert_allclose(angles, np.maximum(np.arange(51) / 50 - 0.2, 0.0), atol=1e-5)
