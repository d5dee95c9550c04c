"""MuJoCo's own renderer, where the machine has OpenGL."""

import ctypes.util
import importlib
import os
import subprocess
import sys
import weakref
from functools import cache
from typing import Any

import mujoco
import numpy as np

from mimiclab.robots import Robot
from mimiclab.viewing.camera import View
from mimiclab.viewing.style import GHOST_RGB

_LIBRARIES = {"egl": "EGL", "osmesa": "OSMesa", "glfw": "GL"}
_PROBE = """
import importlib, sys
context = importlib.import_module("mujoco." + sys.argv[1]).GLContext(64, 64)
context.make_current()
import mujoco
model = mujoco.MjModel.from_xml_string("<mujoco/>")
mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
from OpenGL import GL
print("usable", GL.glGetString(GL.GL_RENDERER).decode())
"""
_ON_CPU = ("llvmpipe", "softpipe", "swrast", "software")
"""Words in the names of OpenGL drivers without a GPU, which are slower than our own renderer."""


@cache
def usable_backend(*, on_gpu: bool = False) -> str | None:
    """The OpenGL kind that works here (`egl`, `osmesa` or `glfw`), or None.

    A broken driver can end the whole process, so each kind is tried in a process of its own.
    `MUJOCO_GL`, if set, names the only one to try; `MUJOCO_GL=off` switches OpenGL off.
    `on_gpu` leaves out drivers that compute on the CPU.
    """
    wanted = os.environ.get("MUJOCO_GL", "").strip().lower()
    if wanted in ("off", "disable", "disabled", "false", "0"):
        return None
    kinds = [wanted] if wanted in _LIBRARIES else list(_LIBRARIES)
    for kind in kinds:
        if ctypes.util.find_library(_LIBRARIES[kind]) is None:
            continue
        if kind == "glfw" and not os.environ.get("DISPLAY"):
            continue
        environment = {key: v for key, v in os.environ.items() if key != "PYOPENGL_PLATFORM"}
        environment["MUJOCO_GL"] = kind
        try:
            done = subprocess.run(
                [sys.executable, "-c", _PROBE, kind],
                env=environment,
                capture_output=True,
                text=True,
                timeout=60,
            )
        except subprocess.TimeoutExpired:
            continue
        usable = done.returncode == 0 and "usable" in done.stdout
        if usable and not (on_gpu and any(word in done.stdout.lower() for word in _ON_CPU)):
            return kind
    return None


class OpenGLRenderer:
    """The same pictures as `SoftwareRenderer`, drawn by MuJoCo. Use it from one thread."""

    name = "opengl"

    def __init__(self, robot: Robot, size: tuple[int, int], view: View, backend: str) -> None:
        self.width, self.height = size
        self.view = view
        self.model = _stage(robot, size, view)
        self._data = [mujoco.MjData(self.model) for _ in range(2)]
        # The context is made directly: mujoco.Renderer fixes its kind when mujoco is imported.
        self._context = importlib.import_module(f"mujoco.{backend}").GLContext(*size)
        self._context.make_current()
        self._scene = mujoco.MjvScene(self.model, maxgeom=4 * self.model.ngeom + 100)
        self._gl = mujoco.MjrContext(self.model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._gl)
        weakref.finalize(self, _free, self._gl, self._context)
        self._option = mujoco.MjvOption()
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FREE
        self._camera.azimuth = view.azimuth_deg
        self._camera.elevation = view.elevation_deg
        self._camera.distance = view.distance

    def render(
        self, target_xy: np.ndarray, robot: mujoco.MjData, ghost: mujoco.MjData | None = None
    ) -> np.ndarray:
        """One frame, looking at `target_xy`. Shape (H, W, 3) uint8."""
        self._camera.lookat[:] = *target_xy, self.view.height
        everything = mujoco.mjtCatBit.mjCAT_ALL
        self._pose(0, robot)
        mujoco.mjv_updateScene(
            self.model, self._data[0], self._option, None, self._camera, everything, self._scene
        )
        if ghost is not None:
            self._pose(1, ghost)
            first = self._scene.ngeom
            mujoco.mjv_addGeoms(
                self.model, self._data[1], self._option, mujoco.MjvPerturb(),
                mujoco.mjtCatBit.mjCAT_DYNAMIC, self._scene,
            )  # fmt: skip
            for geom in self._scene.geoms[first : self._scene.ngeom]:
                geom.rgba[:] = *GHOST_RGB, 0.32
                geom.matid = -1
                geom.transparent = 1
        rectangle = mujoco.MjrRect(0, 0, self.width, self.height)
        mujoco.mjr_render(rectangle, self._scene, self._gl)
        frame = np.empty((self.height, self.width, 3), np.uint8)
        mujoco.mjr_readPixels(frame, None, rectangle, self._gl)
        return frame[::-1].copy()

    def _pose(self, which: int, source: mujoco.MjData) -> None:
        self._data[which].qpos[:] = source.qpos
        mujoco.mj_kinematics(self.model, self._data[which])
        mujoco.mj_camlight(self.model, self._data[which])


def _free(gl: mujoco.MjrContext, context: Any) -> None:
    """Give the driver's memory back while the driver is still loaded."""
    context.make_current()
    gl.free()
    context.free()


def _stage(robot: Robot, size: tuple[int, int], view: View) -> mujoco.MjModel:
    """The robot on a chequered floor under a sun."""
    spec = robot.spec_fn()
    for light in list(spec.lights):
        spec.delete(light)
    spec.visual.global_.offwidth, spec.visual.global_.offheight = size
    spec.visual.global_.fovy = view.fovy_deg
    spec.visual.map.shadowscale = 0.5
    spec.visual.quality.shadowsize = 4096
    spec.visual.headlight.ambient = (0.46, 0.46, 0.47)
    spec.visual.headlight.diffuse = (0.25, 0.25, 0.25)
    spec.visual.rgba.haze = (0.91, 0.93, 0.95, 1)
    spec.add_texture(
        name="mimiclab_sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=(0.70, 0.78, 0.86), rgb2=(0.91, 0.93, 0.95), width=256, height=1536,
    )  # fmt: skip
    spec.add_texture(
        name="mimiclab_floor",
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        rgb1=(0.86, 0.875, 0.895), rgb2=(0.80, 0.82, 0.84), width=512, height=512,
    )  # fmt: skip
    floor = spec.add_material(name="mimiclab_floor", texrepeat=(1, 1), texuniform=True)
    floor.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "mimiclab_floor"
    spec.worldbody.add_geom(
        type=mujoco.mjtGeom.mjGEOM_PLANE, size=(0, 0, 0.05), material="mimiclab_floor"
    )
    sun = spec.worldbody.add_light()
    sun.type = mujoco.mjtLightType.mjLIGHT_DIRECTIONAL
    sun.dir, sun.pos = -view.sun, 6 * view.sun
    sun.diffuse, sun.castshadow = (0.6, 0.6, 0.58), True
    return spec.compile()
