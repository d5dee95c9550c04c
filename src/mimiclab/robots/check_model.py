"""Checks of a bare humanoid model: root, joints, limits, masses and inertias."""

import mujoco
import numpy as np

from mimiclab.robots.findings import Found, error, warning


def check_model(model: mujoco.MjModel, facts: dict) -> Found:
    """Root, joints, limits, masses and inertias of any humanoid model."""
    found: Found = []
    free = [j for j in range(model.njnt) if model.jnt_type[j] == mujoco.mjtJoint.mjJNT_FREE]
    if len(free) != 1 or model.jnt_bodyid[free[0]] != 1:
        bodies = [model.body(model.jnt_bodyid[j]).name for j in free]
        found.append(
            error(
                "root",
                f"expected one free joint, on the first body; found {len(free)}"
                f"{' on ' + ', '.join(bodies) if bodies else ''}; give the root body a freejoint",
            )
        )
    for j in range(model.njnt):
        name, kind = model.joint(j).name or f"number {j}", model.jnt_type[j]
        if j in free:
            continue
        if kind not in (mujoco.mjtJoint.mjJNT_HINGE, mujoco.mjtJoint.mjJNT_SLIDE):
            found.append(
                error("joint_type", f"joint {name!r} is a ball joint; use three hinges instead")
            )
        elif not model.jnt_limited[j]:
            found.append(error("joint_limits", f"joint {name!r} has no range; give it one"))
        elif not np.isfinite(model.jnt_range[j]).all() or np.ptp(model.jnt_range[j]) <= 0:
            found.append(
                error("joint_limits", f"joint {name!r} has the range {model.jnt_range[j]}")
            )
        if not model.joint(j).name:
            found.append(error("joint_name", f"joint {name} has no name; mimiclab goes by names"))
    for b in range(1, model.nbody):
        name, mass, inertia = model.body(b).name, model.body_mass[b], model.body_inertia[b]
        if not name:
            found.append(error("body_name", f"body number {b} has no name; mimiclab goes by names"))
        if model.body_weldid[b] == 0:
            continue
        if mass <= 0 or (inertia <= 0).any():
            # A frame welded to a heavy body needs no mass of its own.
            moving = model.body_jntnum[b] > 0
            make = error if moving else warning
            found.append(
                make(
                    "mass",
                    f"body {name!r} has mass {mass:g} kg and inertia {inertia}; expected > 0",
                )
            )
        elif 2 * inertia.max() > inertia.sum() * (1 + 1e-6):
            found.append(
                warning(
                    "inertia",
                    f"body {name!r} has principal inertias {inertia}, which no rigid body can "
                    "have (each must be at most the sum of the others)",
                )
            )
    facts["mass_kg"] = round(float(model.body_mass[1:].sum()), 4)
    return found
