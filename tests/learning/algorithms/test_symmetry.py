"""Mirrored samples and the mirror loss of PPO."""

import pytest
import torch
from rsl_rl.storage import RolloutStorage
from tensordict import TensorDict

from mimiclab.errors import MimiclabError
from mimiclab.learning.algorithms.auxiliary import AuxiliaryLosses
from mimiclab.learning.algorithms.symmetry import Symmetry
from mimiclab.learning.config import PpoCfg, TrainCfg
from mimiclab.learning.mirror import SignedPermutation, task_mirror
from mimiclab.learning.networks.cfg import NetworkCfg

# Two numbers that swap sides and one that changes its sign; two actions that swap.
OBS = (torch.tensor([1, 0, 2]), torch.tensor([1.0, 1.0, -1.0]))
ACTIONS = (torch.tensor([1, 0]), torch.tensor([-1.0, -1.0]))
MIRROR = SignedPermutation({"actor": OBS, "critic": OBS}, ACTIONS)


class Linear:
    """An actor of one matrix."""

    def __init__(self, weight):
        self.weight = torch.tensor(weight)

    def __call__(self, obs):
        self.output_mean = obs["actor"] @ self.weight.T
        return self.output_mean


def batch_of(rows):
    values = torch.tensor(rows)
    column = torch.arange(float(len(rows)))[:, None]
    return RolloutStorage.Batch(
        observations=TensorDict({"actor": values, "critic": 2 * values}, batch_size=[len(rows)]),
        actions=values[:, :2],
        values=column,
        advantages=column + 1,
        returns=column + 2,
        old_actions_log_prob=column + 3,
    )


def test_images_are_appended_with_what_their_samples_earned():
    batch = batch_of([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    Symmetry(MIRROR, augment=True, weight=0.0).augment_batch(batch)
    assert batch.observations.batch_size == (4,)
    assert batch.observations["actor"][2:].tolist() == [[2.0, 1.0, -3.0], [5.0, 4.0, -6.0]]
    assert batch.observations["critic"][2].tolist() == [4.0, 2.0, -6.0]
    assert batch.actions[2:].tolist() == [[-2.0, -1.0], [-5.0, -4.0]]
    assert batch.returns.ravel().tolist() == [2.0, 3.0, 2.0, 3.0]
    assert batch.old_actions_log_prob.shape == batch.advantages.shape == (4, 1)


@pytest.mark.parametrize("augment", [True, False])
def test_the_loss_is_what_is_not_answered_mirrored(augment):
    symmetry = Symmetry(MIRROR, augment=augment, weight=1.0)

    def loss(actor):
        batch = batch_of([[1.0, 2.0, 3.0]])
        symmetry.augment_batch(batch)
        actor(batch.observations)
        return symmetry.loss(actor, batch, 1).item()

    # a0 = o0 + o2, a1 = -(o1 - o2): mirrored, a0' = o1 - o2 = -a1 and a1' = -(o0 + o2) = -a0.
    assert loss(Linear([[1.0, 0.0, 1.0], [0.0, -1.0, 1.0]])) == pytest.approx(0.0)
    # a = (o0, 0): of the image (2, 0), the mirrored answer is (0, -1): (4 + 1) / 2.
    assert loss(Linear([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])) == pytest.approx(2.5)


def test_the_weighted_loss_is_added_and_logged_unweighted():
    actor, losses = Linear([[1.0, 0.0, 0.0], [0.0] * 3]), AuxiliaryLosses(
        (), Symmetry(MIRROR, augment=False, weight=10.0)
    )  # fmt: skip
    batch = batch_of([[1.0, 2.0, 3.0]])
    losses.augment_batch(batch, 1)
    actor(batch.observations)
    assert losses.compute_loss(actor, batch, 1).item() == pytest.approx(25.0)
    assert losses.read(actor)["mirror"] == pytest.approx(2.5)


def test_symmetry_that_cannot_be_had_is_refused():
    assert Symmetry.wanted(None, augment=False, weight=0.0) is None
    with pytest.raises(MimiclabError, match="does not say what that is"):
        Symmetry.wanted(None, augment=True, weight=0.0)
    cfg = TrainCfg(ppo=PpoCfg(mirror_loss=1.0), network=NetworkCfg(kind="recurrent"))
    with pytest.raises(MimiclabError, match=r"do not go with --network\.kind recurrent"):
        cfg.check()


def test_the_mirror_of_a_task_swaps_the_robots_sides(g1):
    layout = {
        "robot": "unitree_g1",
        "observations": {"actor": {"dof_pos": 29, "sin_phase": 2, "base_ang_vel": 3}},
    }
    assert task_mirror(TrainCfg(), layout, "cpu") is None
    mirror = task_mirror(TrainCfg(ppo=PpoCfg(mirror_samples=True)), layout, "cpu")
    assert mirror is not None
    obs = torch.arange(34.0)
    image = mirror.observations({"actor": obs})["actor"]
    names = list(g1.joint_names)
    knees = names.index("left_knee_joint"), names.index("right_knee_joint")
    assert image[knees[0]] == knees[1] and image[knees[1]] == knees[0]
    assert image[29:].tolist() == [30.0, 29.0, -31.0, 32.0, -33.0]
    roll = names.index("left_hip_roll_joint")
    assert mirror.actions(torch.eye(29)[roll]).tolist().index(-1.0) == names.index(
        "right_hip_roll_joint"
    )
