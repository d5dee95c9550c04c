"""The built-in motions: each makes a plan from a few parameters (metres, seconds, radians)."""

import re
from dataclasses import replace

import numpy as np

from mimiclab.errors import RobotError
from mimiclab.motions.synthesis.balance import GRAVITY
from mimiclab.motions.synthesis.gait import LEFT, RIGHT, Rhythm, Step, gait
from mimiclab.motions.synthesis.hop import hop_height
from mimiclab.motions.synthesis.plan import Plan, Stance, rest
from mimiclab.motions.synthesis.profiles import bump, through, wave, window


def stand(start: Stance, fps: float, *, seconds: float = 5.0) -> Plan:
    """Stand still."""
    return rest(start, seconds, fps)


def squat(start: Stance, fps: float, *, depth: float = 0.14, seconds: float = 5.0) -> Plan:
    """Lower the body with the arms forward, wait, rise."""
    plan = rest(start, seconds, fps)
    down = window(plan.times, 0.1 * seconds, 0.9 * seconds, 0.34 * seconds)
    plan.com_height[:] -= depth * down
    # Position controllers sag under load; further back the robot tips neither way as it does.
    plan.zmp[:, 0] -= 0.07 * depth * down
    plan.pelvis[:, 1] += 1.4 * depth * down
    plan.torso[:, 1] += 1.8 * depth * down
    for side in ("left", "right"):
        _bend(plan, start, f"{side}_shoulder_pitch_joint", -5.0 * depth * down)
    return plan


def bow(start: Stance, fps: float, *, angle: float = 0.6, seconds: float = 5.0) -> Plan:
    """Incline the trunk by `angle`, wait, come up."""
    plan = rest(start, seconds, fps)
    down = window(plan.times, 0.1 * seconds, 0.9 * seconds, 0.34 * seconds)
    plan.torso[:, 1] += angle * down
    plan.pelvis[:, 1] += 0.6 * angle * down
    plan.com_height[:] -= 0.05 * angle * down
    plan.zmp[:, 0] -= 0.023 * angle * down  # for the same reason as in a squat
    return plan


def wave_hand(
    start: Stance, fps: float, *, amplitude: float = 0.35, hertz: float = 1.0, seconds: float = 7.0
) -> Plan:
    """Raise the right hand above the shoulder and wave it.

    The upper arm stays low: held out sideways it would sag by 0.4 rad under the published gains.
    """
    plan = rest(start, seconds, fps)
    raise_s = min(2.0, seconds / 3.0)
    up = window(plan.times, 0.4, seconds - 0.4, raise_s)
    _bend(plan, start, "right_shoulder_pitch_joint", -0.4 * up)
    _bend(plan, start, "right_shoulder_roll_joint", -0.3 * up)
    _bend(plan, start, "right_shoulder_yaw_joint", -1.0 * up)
    elbow = start.robot.default_pose[_joint(start, "right_elbow_joint")]
    _bend(plan, start, "right_elbow_joint", (-0.6 - elbow) * up)
    swing = wave(plan.times, raise_s, seconds - raise_s, hertz, 0.7)
    _bend(plan, start, "right_elbow_joint", amplitude * swing)
    return plan


def weight_shift(
    start: Stance, fps: float, *, sway: float = 0.05, period: float = 3.0, periods: float = 2.0
) -> Plan:
    """Sway from foot to foot, both on the ground."""
    seconds = period * periods + 1.6
    plan = rest(start, seconds, fps)
    plan.zmp[:, 1] += sway * wave(plan.times, 0.8, seconds - 0.8, 1.0 / period, 0.4 * period)
    return plan


def march(
    start: Stance, fps: float, *, steps: int = 6, clearance: float = 0.08, swing_s: float = 0.5
) -> Plan:
    """Lift the feet in place, arms swinging."""
    plan = gait(
        start,
        [Step(side, 0.0, _y(start, side)) for side in _sides(steps)],
        Rhythm(swing_s=swing_s, clearance=clearance),
        fps,
    )
    lift = plan.feet_pos[:, :, 2] - start.ankle_height
    _swing_arms(plan, start, 2.0 * (lift[:, LEFT] - lift[:, RIGHT]))
    return plan


def walk(
    start: Stance,
    fps: float,
    *,
    steps: int = 6,
    step_length: float = 0.2,
    swing_s: float = 0.45,
    double_support_s: float = 0.25,
) -> Plan:
    """Walk forward from standing to standing."""
    places, x = [], 0.0
    for number, side in enumerate(_sides(steps)):
        x += step_length if number < steps - 1 else 0.0
        places.append(Step(side, x, _y(start, side)))
    rhythm = Rhythm(swing_s=swing_s, double_support_s=double_support_s)
    plan = gait(start, places, rhythm, fps)
    _swing_arms(plan, start, plan.feet_pos[:, LEFT, 0] - plan.feet_pos[:, RIGHT, 0])
    return plan


def side_step(start: Stance, fps: float, *, steps: int = 2, step_length: float = 0.08) -> Plan:
    """Step to the left, then back to the right, the feet meeting each time."""
    places, y = [], 0.0
    for direction, lead in ((1.0, LEFT), (-1.0, RIGHT)):
        for _ in range(steps):
            y += direction * step_length
            places += [Step(side, 0.0, y + _y(start, side)) for side in (lead, 1 - lead)]
    # Quick steps: the less the body sways, the less the ankles have to roll.
    return gait(start, places, Rhythm(swing_s=0.42, double_support_s=0.16), fps)


def turn(start: Stance, fps: float, *, angle: float = np.pi / 2, steps: int = 6) -> Plan:
    """Turn in place to the left (to the right if negative), foot after foot."""
    places = []
    first = LEFT if angle > 0 else RIGHT
    for number in range(steps):
        side = first if number % 2 == 0 else 1 - first
        yaw = angle * min(1.0, (number + 1) / max(steps - 1, 1))
        y = _y(start, side)
        places.append(Step(side, -y * np.sin(yaw), y * np.cos(yaw), yaw))
    return gait(start, places, Rhythm(), fps)


def kick(
    start: Stance, fps: float, *, reach: float = 0.32, height: float = 0.18, kick_s: float = 0.5
) -> Plan:
    """Stand on the left foot, draw the right one back, kick forward, set it down again."""
    shifted, lifted = 1.9, 2.6
    back = lifted + 0.5
    hit = back + kick_s
    home = hit + 0.9
    down = home + 0.6
    seconds = down + 2.0
    plan = rest(start, seconds, fps)
    t = plan.times
    foot = plan.feet_pos[:, RIGHT]
    foot[:, 0] += through(t, [(shifted + 0.3, 0), (back, -0.1), (hit, reach), (home, 0)])
    foot[:, 2] += through(
        t,
        [(shifted, 0), (lifted, 0.08), (back, 0.1), (hit, height), (home, 0.08), (down, 0)],
    )
    # Beside the standing leg, for the ankle's roll is small.
    foot[:, 1] += 0.06 * through(
        t, [(shifted + 0.3, 0), (back, 1), (hit + 0.3, 1), (home + 0.2, 0)]
    )
    plan.feet_turn[:, RIGHT, 1] += through(
        t, [(shifted + 0.3, 0), (back, 0.3), (hit, -0.3), (home, 0)]
    )
    over = through(t, [(0.6, 0), (shifted - 0.1, 1), (down + 0.1, 1), (seconds - 0.6, 0)])
    plan.zmp[:, 1] += start.half_width * over
    # The trunk leans over the standing leg, so that the hips need to shift less.
    plan.torso[:, 2] -= 0.2 * over
    _swing_arms(plan, start, -0.8 * foot[:, 0])
    return plan


def hop(start: Stance, fps: float, *, flight_s: float = 0.18, crouch: float = 0.08) -> Plan:
    """Crouch, jump straight up on both feet, land softly, stand."""
    height, takeoff, landing, seconds = hop_height(start.com_height, flight_s, crouch)
    plan = rest(start, seconds, fps)
    lift = 0.7 * GRAVITY * flight_s**2 / 8.0
    plan.feet_pos[:, :, 2] += lift * bump((plan.times - takeoff) / (landing - takeoff))[:, None]
    return replace(plan, com_height=height(plan.times), com=plan.zmp.copy())


def _y(start: Stance, side: int) -> float:
    return start.half_width if side == LEFT else -start.half_width


def _sides(steps: int) -> list[int]:
    return [(RIGHT, LEFT)[number % 2] for number in range(steps)]


def _swing_arms(plan: Plan, start: Stance, lead: np.ndarray) -> None:
    """Swing the left arm back and the right arm forward with `lead` (T,), rad."""
    _bend(plan, start, "left_shoulder_pitch_joint", lead)
    _bend(plan, start, "right_shoulder_pitch_joint", -lead)


def _bend(plan: Plan, start: Stance, joint: str, angle: np.ndarray) -> None:
    plan.joints[:, _joint(start, joint)] += angle


def _joint(start: Stance, joint: str) -> int:
    """Index of a joint named as the G1's, or by the same words in another order or case."""
    names = start.robot.joint_names
    found = [i for i, name in enumerate(names) if _words(name) == _words(joint)]
    if len(found) != 1:
        raise RobotError(
            f"robot {start.robot.name} has no joint {joint!r}, which this built-in motion moves; "
            "choose another motion, or bring a clip from a file"
        )
    return found[0]


def _words(name: str) -> set[str]:
    """The same of `ALeft_Shoulder_Pitch`, `shoulderPitch_Left`, `left_shoulder_pitch_joint`."""
    return {word.lower() for word in re.findall("[A-Z]?[a-z]+", name)} - {"joint"}
