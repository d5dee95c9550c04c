"""Models for the native engine: what physics needs, without what only pictures need."""

import copy
import logging
import re

import mujoco
import numpy as np

_LOG = logging.getLogger(__name__)

# Arrays that describe meshes or names, or the shapes of geoms that never touch anything.
_MAY_DIFFER = re.compile(
    r"(mesh_|bvh_|name_|names|text_|tex_|body_bvh|_|geom_(aabb|dataid|rbound|size|type)$|dof_length$)"
)
_LOOKS_AT_GEOMS = {
    mujoco.mjtSensor.mjSENS_RANGEFINDER,
    mujoco.mjtSensor.mjSENS_GEOMDIST,
    mujoco.mjtSensor.mjSENS_GEOMNORMAL,
    mujoco.mjtSensor.mjSENS_GEOMFROMTO,
    mujoco.mjtSensor.mjSENS_INSIDESITE,
    mujoco.mjtSensor.mjSENS_PLUGIN,
    mujoco.mjtSensor.mjSENS_USER,
}


def compile_models(spec: mujoco.MjSpec) -> tuple[mujoco.MjModel, mujoco.MjModel]:
    """Compile `spec` twice: as it is, and for physics with visual meshes made small spheres.

    Names, ids and every array that physics reads are the same in both. The G1 shrinks from 71 to
    0.4 MB, of which each physics thread keeps copies. Where the second model would differ in more
    than pictures, or a sensor looks at geoms, the first serves for both.

    Returns:
        The full model, and the one for physics.
    """
    lean_spec = spec.copy()
    full = spec.compile()
    looks = any(kind in _LOOKS_AT_GEOMS for kind in full.sensor_type)
    if looks or not _replace_visual_meshes(spec, lean_spec, full):
        return full, copy.copy(full)
    try:
        lean = lean_spec.compile()
    except ValueError as error:
        _LOG.info("native engine: visual meshes are kept: %s", error)
        return full, copy.copy(full)
    if differing := _differences(full, lean):
        _LOG.info("native engine: visual meshes are kept, as they change physics: %s", differing)
        return full, copy.copy(full)
    return full, lean


def _replace_visual_meshes(spec: mujoco.MjSpec, lean: mujoco.MjSpec, full: mujoco.MjModel) -> bool:
    """Edit `lean`, a copy of the compiled `spec`; False if there is nothing to replace."""
    visual = 0
    for original, geom in zip(spec.geoms, lean.geoms, strict=True):
        i = original.id
        collides = full.geom_contype[i] or full.geom_conaffinity[i]
        paired = i in full.pair_geom1 or i in full.pair_geom2
        if full.geom_type[i] == mujoco.mjtGeom.mjGEOM_MESH and not collides and not paired:
            geom.type = mujoco.mjtGeom.mjGEOM_SPHERE
            geom.meshname = ""
            geom.size = [1e-3, 0.0, 0.0]
            geom.pos, geom.quat = full.geom_pos[i], full.geom_quat[i]
            visual += 1
    if not visual:
        return False
    for original, body in zip(spec.bodies, lean.bodies, strict=True):
        i = original.id
        if i and full.body_mass[i] > 0:  # the meshes may have been where the inertia came from
            body.explicitinertial = True
            body.mass, body.inertia = full.body_mass[i], full.body_inertia[i]
            body.ipos, body.iquat = full.body_ipos[i], full.body_iquat[i]
            body.fullinertia = [np.nan] * 6
    used = {geom.meshname for geom in lean.geoms}
    for mesh in list(lean.meshes):
        if mesh.name not in used:
            lean.delete(mesh)
    return True


def _differences(full: mujoco.MjModel, lean: mujoco.MjModel) -> list[str]:
    """Names of arrays that matter to physics and are not equal."""
    names = [name for name in dir(full) if not _MAY_DIFFER.match(name)]
    arrays = [name for name in names if isinstance(getattr(full, name), np.ndarray)]
    return [name for name in arrays if not np.array_equal(getattr(full, name), getattr(lean, name))]


def tune_for_speed(model: mujoco.MjModel, *, choose_jacobian: bool) -> None:
    """Switch off work whose result nothing here reads. Trajectories change by rounding only.

    Together a third of a G1 step on two feet (67 to 43 us on one core, results equal to 2e-15):

    - The viewer's bounding-volume highlighting makes every step clear a flag for each node of every
      mesh, visual ones included: 0.8 MB for the G1.
    - MuJoCo takes dense Jacobians below 60 degrees of freedom. A humanoid's many foot contacts
      touch a dozen of them each, so sparse ones are faster when it stands, and about as fast when
      it does not.
    - Islands split constraints between unconnected trees; with one tree there is nothing to split.

    Args:
        model: Modified in place.
        choose_jacobian: The configuration leaves the choice of Jacobian open.
    """
    model.vis.global_.bvactive = 0
    if choose_jacobian:
        model.opt.jacobian = mujoco.mjtJacobian.mjJAC_SPARSE
    if model.ntree <= 1:
        model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_ISLAND


def kinematic_model(model: mujoco.MjModel) -> mujoco.MjModel:
    """A copy of `model` whose `mj_forward` computes poses and velocities but no forces."""
    bare = copy.copy(model)
    off = mujoco.mjtDisableBit
    bare.opt.disableflags |= off.mjDSBL_CONTACT | off.mjDSBL_CONSTRAINT | off.mjDSBL_ACTUATION
    return bare
