"""Unit quaternions (w, x, y, z) on the last axis; leading axes broadcast.

Every function takes NumPy arrays or torch tensors and answers in kind. Functions that mjlab's own
`lab_api.math` has too exist here because deployment runs without torch.
"""

from typing import Any

from array_api_compat import array_namespace

Array = Any
"""A NumPy array or a torch tensor."""


def quat_conjugate(q: Array) -> Array:
    """Inverse of a unit quaternion. Shape (..., 4)."""
    xp = array_namespace(q)
    return xp.concat([q[..., :1], -q[..., 1:]], axis=-1)


def quat_multiply(a: Array, b: Array) -> Array:
    """Hamilton product a*b: rotate by b, then by a. Shape (..., 4)."""
    xp = array_namespace(a, b)
    aw, ax, ay, az = a[..., 0], a[..., 1], a[..., 2], a[..., 3]
    bw, bx, by, bz = b[..., 0], b[..., 1], b[..., 2], b[..., 3]
    return xp.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        axis=-1,
    )


def cross(a: Array, b: Array) -> Array:
    """Cross product of 3-vectors with broadcasting. Shape (..., 3)."""
    xp = array_namespace(a, b)
    ax, ay, az = a[..., 0], a[..., 1], a[..., 2]
    bx, by, bz = b[..., 0], b[..., 1], b[..., 2]
    return xp.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=-1)


def quat_rotate(q: Array, v: Array) -> Array:
    """Rotate vectors v (..., 3) by q (..., 4)."""
    xyz = q[..., 1:]
    t = 2.0 * cross(xyz, v)
    return v + q[..., :1] * t + cross(xyz, t)


def quat_rotate_inverse(q: Array, v: Array) -> Array:
    """Rotate vectors v (..., 3) by the inverse of q (..., 4): world to body."""
    xyz = q[..., 1:]
    t = 2.0 * cross(xyz, v)
    return v - q[..., :1] * t + cross(xyz, t)


def quat_normalize(q: Array) -> Array:
    """Scale to unit length. Shape (..., 4); a zero quaternion gives NaN."""
    xp = array_namespace(q)
    return q / xp.sqrt(xp.sum(q * q, axis=-1, keepdims=True))


def quat_yaw(q: Array) -> Array:
    """Heading part of q: the rotation about world z of the rotated x axis. Shape (..., 4)."""
    xp = array_namespace(q)
    w, x, y, z = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    half = 0.5 * xp.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
    zero = xp.zeros_like(half)
    return xp.stack([xp.cos(half), zero, zero, xp.sin(half)], axis=-1)


def quat_angle(a: Array, b: Array) -> Array:
    """Rotation angle between two orientations, in [0, pi] rad. Shape (...).

    From the chord |a - b| = 2 sin(angle / 4), which is exact for small angles where the arc cosine
    of the dot product is not.
    """
    xp = array_namespace(a, b)
    near, far = a - b, a + b  # a quaternion and its negative are one orientation
    chord = xp.minimum(xp.sum(near * near, axis=-1), xp.sum(far * far, axis=-1))
    return 4.0 * xp.asin(0.5 * xp.sqrt(chord))


def quat_to_rotvec(q: Array) -> Array:
    """Shortest rotation vector (axis times angle, rad). Shape (..., 3)."""
    xp = array_namespace(q)
    q = xp.where(q[..., :1] < 0, -q, q)
    sine = xp.sqrt(xp.sum(q[..., 1:] * q[..., 1:], axis=-1, keepdims=True))
    angle = 2.0 * xp.atan2(sine, q[..., :1])
    small = sine < 1e-8
    factor = xp.where(small, 2.0 * xp.ones_like(sine), angle / xp.where(small, 1.0 + sine, sine))
    return q[..., 1:] * factor


def quat_from_rotvec(v: Array) -> Array:
    """Quaternion of a rotation vector (rad). Shape (..., 4)."""
    xp = array_namespace(v)
    angle = xp.sqrt(xp.sum(v * v, axis=-1, keepdims=True))
    small = angle < 1e-8
    factor = xp.where(
        small, 0.5 * xp.ones_like(angle), xp.sin(0.5 * angle) / xp.where(small, 1.0 + angle, angle)
    )
    return quat_normalize(xp.concat([xp.cos(0.5 * angle), v * factor], axis=-1))


def quat_slerp(a: Array, b: Array, t: Array) -> Array:
    """Shortest-path spherical interpolation; t (...) in [0, 1] with 0 giving a. Shape (..., 4)."""
    step = quat_to_rotvec(quat_multiply(quat_conjugate(a), b))
    return quat_multiply(a, quat_from_rotvec(t[..., None] * step))


def quat_to_matrix(q: Array) -> Array:
    """Rotation matrix. Shape (..., 3, 3)."""
    xp = array_namespace(q)
    w, x, y, z = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    rows = [
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return xp.reshape(xp.stack(rows, axis=-1), (*q.shape[:-1], 3, 3))


def quat_to_rot6d(q: Array) -> Array:
    """First two columns of the matrix, row by row: R00 R01 R10 R11 R20 R21. Shape (..., 6).

    Source: BeyondMimic's `motion_anchor_ori_b`; Zhou et al. 2019 in another element order.
    """
    xp = array_namespace(q)
    w, x, y, z = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    return xp.stack(
        [
            1 - 2 * (y * y + z * z), 2 * (x * y - w * z),
            2 * (x * y + w * z), 1 - 2 * (x * x + z * z),
            2 * (x * z - w * y), 2 * (y * z + w * x),
        ],
        axis=-1,
    )  # fmt: skip
