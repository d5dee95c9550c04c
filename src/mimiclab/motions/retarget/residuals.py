"""Residuals of bodies: landmarks, soles on the ground, sliding, bodies in the ground."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from mimiclab.maths.rotations import quat_to_matrix
from mimiclab.motions.ground import GroundPoints
from mimiclab.motions.kinematics import central_difference
from mimiclab.motions.retarget.banded import BandedSystem
from mimiclab.motions.retarget.collisions import PairRows, SelfCollisions
from mimiclab.motions.retarget.composite import Composite, cross, point_rows
from mimiclab.motions.retarget.feet import other_points, soles
from mimiclab.motions.retarget.ground import FlatGround
from mimiclab.motions.retarget.options import SolveCfg
from mimiclab.motions.retarget.start import first_guess
from mimiclab.motions.retarget.targets import RetargetProblem
from mimiclab.motions.skeleton import Pose, Skeleton


@dataclass(frozen=True, eq=False)
class _Rows:
    """Residuals at one body: wrenches (T, R, 6), squared weights and weighted errors (T, R)."""

    body: int
    wrench: np.ndarray
    weight: np.ndarray
    pull: np.ndarray


@dataclass(frozen=True, eq=False)
class Linearised:
    """Residuals at one iterate."""

    cost: np.ndarray
    """Of each frame (T,), m^2."""
    rows: list[_Rows]
    slips: list[tuple[int, np.ndarray, np.ndarray]]
    """Body, wrenches (T, R, 6), squared weights (T - 1, R) of equal points in frames t and t+1."""
    pairs: list[PairRows]
    pair_weight: float

    def inertia(self, bodies: int, dtype: type) -> tuple[np.ndarray, np.ndarray]:
        """Sums over the rows of each body, see `composite`: (B, T, 6, 6) and (B, T, 6)."""
        frames = self.rows[0].wrench.shape[0]
        inertia = np.zeros((bodies, frames, 6, 6), dtype)
        wrench = np.zeros((bodies, frames, 6))
        for row in self.rows:
            wrench[row.body] += (row.pull[:, None] @ row.wrench)[:, 0]
            f = row.wrench.astype(dtype, copy=False)
            weighted = f * row.weight.astype(dtype, copy=False)[..., None]
            inertia[row.body] += np.swapaxes(weighted, 1, 2) @ f
        return inertia, wrench

    def add_pairs(self, screws: np.ndarray, blocks: np.ndarray, right: np.ndarray) -> None:
        """What bodies too close to each other add to the blocks of their frames."""
        for pair in self.pairs:
            row = (screws[pair.frames] @ pair.wrench[..., None])[..., 0] * pair.sign
            weighted = self.pair_weight * row
            blocks[pair.frames] += weighted[:, :, None] * row[:, None]
            right[pair.frames] += weighted * pair.gap[:, None]

    def add_couplings(self, system: BandedSystem, composite: Composite, screws: np.ndarray) -> None:
        """What sliding couples between neighbouring frames."""
        for body, f, weight in self.slips:
            chain = composite.chains[body]
            jacobian = f @ np.swapaxes(screws[:, chain], 1, 2)
            blocks = np.swapaxes(jacobian[1:] * weight[..., None], 1, 2) @ jacobian[:-1]
            system.add_couplings(1, chain, chain, -blocks)


class BodyResiduals:
    """Residuals of a problem sampled at every `stride`-th frame."""

    def __init__(
        self, problem: RetargetProblem, cfg: SolveCfg, skeleton: Skeleton, frames: np.ndarray
    ) -> None:
        robot = problem.robot
        marks = [robot.landmarks[name] for name in problem.landmark_names]
        self.ground = problem.ground
        self.cfg = cfg
        self.bodies = len(robot.body_names)
        self.mark_body = np.array([robot.body_names.index(m.body) for m in marks])
        self.mark_point = np.array([m.point for m in marks])
        self.weights = problem.weights**2
        self.targets = problem.target_pos[frames]
        self.upright = quat_to_matrix(first_guess(problem, frames)[1])
        self.soles = soles(robot)
        self.others = other_points(robot)
        self.collisions = SelfCollisions(robot, skeleton, cfg.apart_m)
        self.contacts = problem.sole_contacts[frames]
        held = np.cumsum(np.concatenate([np.zeros((1, 2, 2), int), problem.sole_contacts]), axis=0)
        stretch = held[frames[1:] + 1] - held[frames[:-1]]
        # A point stays where it was only if it was down in all frames between.
        self.locked = stretch == (np.diff(frames) + 1)[:, None, None]
        self.lift = self._lift(problem)[frames]
        self.margin = np.full(len(frames), cfg.clearance_m)
        self.highest = problem.ground.highest
        # Contacts begin and end gently: the source's are known to a frame at best.
        before = np.concatenate([self.contacts[:1], self.contacts[:-1]])
        after = np.concatenate([self.contacts[1:], self.contacts[-1:]])
        self.firm = np.where(before & after, 1.0, cfg.edge)
        self.grip = np.minimum(self.firm[1:], self.firm[:-1])
        self.rate = problem.fps / np.maximum(np.diff(frames), 1)[:, None, None]

    def _lift(self, problem: RetargetProblem) -> np.ndarray:
        """How high swinging feet are kept (T, 2), m: the faster a toe, the higher."""
        toes = [problem.landmark_names.index(f"{side}_toe") for side in ("left", "right")]
        low, high = self.cfg.swing_speed
        toe = problem.target_pos[:, toes]
        speed = np.linalg.norm(central_difference(toe, problem.fps), axis=-1)
        share = np.clip((speed - low) / (high - low), 0.0, 1.0) * ~problem.contacts
        return self.cfg.clearance_m + self.cfg.swing_m * share

    def evaluate(self, pose: Pose) -> Linearised:
        """Residuals, their weights and gradients at these poses."""
        rows: list[_Rows] = []
        slips: list[tuple[int, np.ndarray, np.ndarray]] = []
        cost = self._landmarks(pose, rows) + self._pelvis(pose, rows)
        for foot in range(2):
            cost += self._sole(pose, foot, rows, slips)
        for points in self.others:
            cost += self._above(pose, points, ((self.cfg.ground, self.margin),), rows)
        pairs = self.collisions.evaluate(pose) if self.cfg.self_collision else []
        weight = self.cfg.self_collision**2
        for pair in pairs:
            cost[pair.frames] += weight * pair.gap**2
        return Linearised(cost, rows, slips, pairs, weight)

    def _landmarks(self, pose: Pose, rows: list[_Rows]) -> np.ndarray:
        cost = np.zeros(len(pose.joints))
        for body in np.unique(self.mark_body):
            mine = np.flatnonzero(self.mark_body == body)
            place = points_of(pose, int(body), self.mark_point[mine])
            error = self.targets[:, mine] - place
            weight = np.broadcast_to(self.weights[mine][:, None], error.shape)
            cost += np.sum(weight * error**2, axis=(1, 2))
            rows.append(self._rows(pose, int(body), place, weight, weight * error))
        return cost

    def _pelvis(self, pose: Pose, rows: list[_Rows]) -> np.ndarray:
        """How the root is turned: hips are too close together, and above all too flat, to tell."""
        error = Rotation.from_matrix(self.upright @ np.swapaxes(pose.root_rot, 1, 2)).as_rotvec()
        weight = np.full(error.shape, self.cfg.pelvis**2)
        wrench = np.broadcast_to(np.eye(3, 6), (len(error), 3, 6))
        rows.append(_Rows(0, wrench, weight, weight * error))
        return np.sum(weight * error**2, axis=1)

    def _rows(
        self, pose: Pose, body: int, place: np.ndarray, weight: np.ndarray, pull: np.ndarray
    ) -> _Rows:
        """Rows for x, y and z of points; all (T, K, 3)."""
        frames = len(place)
        wrench = point_rows(place - pose.root_pos[:, None])
        return _Rows(
            body,
            wrench.reshape(frames, -1, 6),
            weight.reshape(frames, -1),
            pull.reshape(frames, -1),
        )

    def _sole(self, pose: Pose, foot: int, rows: list[_Rows], slips: list) -> np.ndarray:
        sole, cfg = self.soles[foot], self.cfg
        ends = points_of(pose, sole.body, sole.ends)
        corners = points_of(pose, sole.body, sole.corners)
        down = self.contacts[:, foot]
        flat = np.repeat(down.all(axis=1, keepdims=True), 4, axis=1)
        firm = self.firm[:, foot]
        held = np.concatenate(
            [cfg.stand**2 * firm * down, cfg.flat**2 * firm.min(axis=1, keepdims=True) * flat],
            axis=1,
        )
        place = np.concatenate([ends, corners], axis=1)
        gap, wrench = self._gap(pose, place, sole.radii)
        rows.append(_Rows(sole.body, wrench, held, held * gap))
        cost = np.sum(held * gap**2, axis=1)
        kept = ((cfg.ground, self.margin), (cfg.lift, self.lift[:, foot]))
        cost += self._above(pose, sole.points, kept, rows)

        lock = self.grip[:, foot] * self.locked[:, foot] * (cfg.slide * self.rate[:, 0]) ** 2
        slide = np.diff(ends, axis=0)
        weight, pull = np.zeros(down.shape), np.zeros(ends.shape)
        weight[:-1] += lock
        weight[1:] += lock
        pull[:-1] += lock[..., None] * slide
        pull[1:] -= lock[..., None] * slide
        made = self._rows(pose, sole.body, ends, np.repeat(weight[..., None], 3, axis=2), pull)
        rows.append(made)
        slips.append((sole.body, made.wrench, np.repeat(lock, 3, axis=1)))
        cost[1:] += np.sum(lock[..., None] * slide**2, axis=(1, 2))
        return cost

    def _above(
        self,
        pose: Pose,
        points: GroundPoints,
        kept: tuple[tuple[float, np.ndarray], ...],
        rows: list[_Rows],
    ) -> np.ndarray:
        """Spheres of a body too near to the ground: weights, and the distances they ask (T,)."""
        up = pose.body_rot[:, points.body, 2]
        high = pose.body_pos[:, points.body, 2:] + up @ points.centres.T - points.radii
        cost = np.zeros(len(high))
        if high.min() > self.highest + max(clearance.max() for _, clearance in kept):
            return cost
        place = points_of(pose, points.body, points.centres)
        gap, wrench = self._gap(pose, place, points.radii)
        weight, pull = np.zeros(gap.shape), np.zeros(gap.shape)
        for scale, clearance in kept:
            short = np.maximum(gap + clearance[:, None], 0.0)
            weight += scale**2 * (short > 0)
            pull += scale**2 * short
            cost += scale**2 * np.einsum("tk,tk->t", short, short)
        rows.append(_Rows(points.body, wrench, weight, pull))
        return cost

    def _gap(
        self, pose: Pose, place: np.ndarray, radii: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Depth of spheres at `place` (T, K, 3) in the ground (T, K), and wrenches along it."""
        arm = place - pose.root_pos[:, None]
        if isinstance(self.ground, FlatGround):
            wrench = np.zeros((*arm.shape[:-1], 6))
            wrench[..., 0], wrench[..., 1], wrench[..., 5] = arm[..., 1], -arm[..., 0], 1.0
            return radii - (place[..., 2] - self.ground.height), wrench
        height, slope = self.ground.sample(place[..., :2])
        normal = np.concatenate([-slope, np.ones((*slope.shape[:-1], 1))], axis=-1)
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
        depth = radii - (place[..., 2] - height) * normal[..., 2]
        return depth, np.concatenate([cross(arm, normal), normal], axis=-1)


def points_of(pose: Pose, body: int, points: np.ndarray) -> np.ndarray:
    """World places (T, K, 3) of points (K, 3) of a body."""
    turned = points @ np.swapaxes(pose.body_rot[:, body], 1, 2)
    return pose.body_pos[:, body, None] + turned
