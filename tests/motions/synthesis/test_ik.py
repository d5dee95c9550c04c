import numpy as np

from mimiclab.maths.rotations import quat_from_rotvec, quat_to_matrix
from mimiclab.motions.skeleton import Skeleton
from mimiclab.motions.synthesis.ik import Targets, rotation_from_rotvec, solve


def test_rotation_of_a_rotvec_agrees_with_the_quaternion():
    vectors = np.random.default_rng(0).normal(size=(20, 3))
    vectors[0] = 0.0
    np.testing.assert_allclose(
        rotation_from_rotvec(vectors), quat_to_matrix(quat_from_rotvec(vectors)), atol=1e-12
    )


def test_poses_are_found_again_from_their_feet_centre_of_mass_and_orientations(g1):
    skeleton = Skeleton(g1)
    random = np.random.default_rng(0)
    frames = 20
    joints = g1.default_pose + random.uniform(-0.15, 0.15, size=(frames, g1.num_joints))
    root = np.array([0.0, 0.0, 0.76]) + random.uniform(-0.1, 0.1, size=(frames, 3))
    rotation = rotation_from_rotvec(random.uniform(-0.2, 0.2, size=(frames, 3)))
    wanted = skeleton.pose(root, rotation, joints)
    index = g1.body_names.index
    targets = Targets(
        com=wanted.com,
        bodies={b: (wanted.body_pos[:, index(b)], wanted.body_rot[:, index(b)]) for b in g1.feet},
        orientations={b: wanted.body_rot[:, index(b)] for b in ("pelvis", "torso_link")},
        joints=joints,
        joint_weights=np.where(np.arange(29) < 15, 1e-9, 1.0),
    )
    start = (
        np.tile([0.0, 0.0, 0.76], (frames, 1)),
        np.tile(np.eye(3), (frames, 1, 1)),
        np.tile(g1.default_pose, (frames, 1)),
    )
    found = solve(skeleton, targets, start)
    np.testing.assert_allclose(found.joints, joints, atol=1e-4)
    np.testing.assert_allclose(found.root_pos, root, atol=1e-4)
    np.testing.assert_allclose(found.root_rot, rotation, atol=1e-4)
