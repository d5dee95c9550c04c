"""Residuals of bodies: landmarks, soles on the ground, sliding, bodies in the ground."""

from dataclasses import dataclass

import numpy as np

from mimiclab.motions.ground import GroundPoints
from mimiclab.motions.retarget.banded import BandedSystem
from mimiclab.motions.retarget.composite import Composite, point_rows
from mimiclab.motions.retarget.feet import other_points, soles
from mimiclab.motions.retarget.options import SolveCfg
from mimiclab.motions.retarget.targets import RetargetProblem
from mimiclab.motions.skeleton import Pose


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

    cost: float
    rows: list[_Rows]
    slips: list[tuple[int, np.ndarray, np.ndarray]]
    """Body, wrenches (T, R, 6), squared weights (T - 1, R) of equal points in frames t and t+1."""

    def inertia(self, bodies: int) -> tuple[np.ndarray, np.ndarray]:
        """Sums over the rows of each body, see `composite`: (B, T, 6, 6) and (B, T, 6)."""
        frames = self.rows[0].wrench.shape[0]
        inertia, wrench = np.zeros((bodies, frames, 6, 6)), np.zeros((bodies, frames, 6))
        for body in {row.body for row in self.rows}:
            mine = [row for row in self.rows if row.body == body]
            f = np.concatenate([row.wrench for row in mine], axis=1)
            weight = np.concatenate([row.weight for row in mine], axis=1)
            pull = np.concatenate([row.pull for row in mine], axis=1)
            across = np.swapaxes(f, 1, 2)
            inertia[body] = (across * weight[:, None]) @ f
            wrench[body] = (across @ pull[..., None])[..., 0]
        return inertia, wrench

    def add_couplings(self, system: BandedSystem, composite: Composite, screws: np.ndarray) -> None:
        """What sliding couples between neighbouring frames."""
        for body, f, weight in self.slips:
            chain = composite.chains[body]
            jacobian = f @ np.swapaxes(screws[:, chain], 1, 2)
            blocks = np.swapaxes(jacobian[1:] * weight[..., None], 1, 2) @ jacobian[:-1]
            system.add_couplings(1, chain, chain, -blocks)


class BodyResiduals:
    """Residuals of a problem sampled at every `stride`-th frame."""

    def __init__(self, problem: RetargetProblem, cfg: SolveCfg, frames: np.ndarray) -> None:
        robot = problem.robot
        marks = [robot.landmarks[name] for name in problem.landmark_names]
        self.ground = problem.ground
        self.cfg = cfg
        self.bodies = len(robot.body_names)
        self.mark_body = np.array([robot.body_names.index(m.body) for m in marks])
        self.mark_point = np.array([m.point for m in marks])
        self.weights = problem.weights**2
        self.targets = problem.target_pos[frames]
        self.soles = soles(robot)
        self.others = other_points(robot)
        self.contacts = problem.sole_contacts[frames]
        held = np.cumsum(np.concatenate([np.zeros((1, 2, 2), int), problem.sole_contacts]), axis=0)
        stretch = held[frames[1:] + 1] - held[frames[:-1]]
        # A point stays where it was only if it was down in all frames between.
        self.locked = stretch == (np.diff(frames) + 1)[:, None, None]
        self.rate = problem.fps / np.maximum(np.diff(frames), 1)[:, None, None]

    def evaluate(self, pose: Pose) -> Linearised:
        """Residuals, their weights and gradients at these poses."""
        rows: list[_Rows] = []
        slips: list[tuple[int, np.ndarray, np.ndarray]] = []
        cost = self._landmarks(pose, rows)
        for foot in range(2):
            cost += self._sole(pose, foot, rows, slips)
        for points in self.others:
            cost += self._body(pose, points, rows)
        return Linearised(cost, rows, slips)

    def _landmarks(self, pose: Pose, rows: list[_Rows]) -> float:
        cost = 0.0
        for body in np.unique(self.mark_body):
            mine = np.flatnonzero(self.mark_body == body)
            place = points_of(pose, int(body), self.mark_point[mine])
            error = self.targets[:, mine] - place
            weight = np.broadcast_to(self.weights[mine][:, None], error.shape)
            cost += float(np.sum(weight * error**2))
            rows.append(self._rows(pose, int(body), place, weight, weight * error))
        return cost

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

    def _sole(self, pose: Pose, foot: int, rows: list[_Rows], slips: list) -> float:
        sole = self.soles[foot]
        corners = points_of(pose, sole.body, sole.corners)
        down = np.repeat(self.contacts[:, foot], 2, axis=1)
        # A standing edge is held at the ground from both sides, another only kept out of it.
        cost = self._ground(pose, sole.body, corners, np.zeros(4), down, rows)
        centres = points_of(pose, sole.body, sole.centres)
        frames = len(centres)
        lock = self.locked[:, foot] * (self.cfg.slide * self.rate[:, 0]) ** 2
        slide = np.diff(centres, axis=0)
        cost += float(np.sum(lock[..., None] * slide**2))
        weight, pull = np.zeros((frames, 2)), np.zeros((frames, 2, 3))
        weight[:-1] += lock
        weight[1:] += lock
        pull[:-1] += lock[..., None] * slide
        pull[1:] -= lock[..., None] * slide
        made = self._rows(pose, sole.body, centres, np.repeat(weight[..., None], 3, axis=2), pull)
        rows.append(made)
        slips.append((sole.body, made.wrench, np.repeat(lock, 3, axis=1)))
        return cost

    def _ground(
        self,
        pose: Pose,
        body: int,
        place: np.ndarray,
        radii: np.ndarray,
        down: np.ndarray,
        rows: list[_Rows],
    ) -> float:
        """Distance of spheres at `place` (T, K, 3) to the ground, two-sided where `down`."""
        height, slope = self.ground.sample(place[..., :2])
        normal = np.concatenate([-slope, np.ones((*slope.shape[:-1], 1))], axis=-1)
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
        error = radii - (place[..., 2] - height) * normal[..., 2]
        error = np.where(down, error, np.maximum(error + self.cfg.clearance_m, 0.0))
        weight = np.where(down | (error > 0), self.cfg.ground**2, 0.0)
        arm = place - pose.root_pos[:, None]
        wrench = np.concatenate([np.cross(arm, normal), normal], axis=-1)
        rows.append(_Rows(body, wrench, weight, weight * error))
        return float(np.sum(weight * error**2))

    def _body(self, pose: Pose, points: GroundPoints, rows: list[_Rows]) -> float:
        """The lowest sphere of a body, where it is in the ground."""
        up = pose.body_rot[:, points.body, 2]
        drop = up @ points.centres.T - points.radii
        lowest = drop.argmin(axis=1)
        arm = (pose.body_rot[:, points.body] @ points.centres[lowest][..., None])[..., 0]
        place = (pose.body_pos[:, points.body] + arm)[:, None]
        radii = points.radii[lowest][:, None]
        height, _ = self.ground.sample(place[..., :2])
        if (place[..., 2] - radii - height).min() > self.cfg.clearance_m:
            return 0.0
        down = np.zeros(radii.shape, bool)
        return self._ground(pose, points.body, place, radii, down, rows)


def points_of(pose: Pose, body: int, points: np.ndarray) -> np.ndarray:
    """World places (T, K, 3) of points (K, 3) of a body."""
    turned = points @ np.swapaxes(pose.body_rot[:, body], 1, 2)
    return pose.body_pos[:, body, None] + turned
