"""The ground of a velocity task for mjlab: a plane, or one height field with a level border."""

from dataclasses import dataclass, replace
from functools import lru_cache

import mujoco
import numpy as np
from mjlab.terrains import TerrainEntityCfg
from mjlab.terrains.terrain_generator import (
    SubTerrainCfg,
    TerrainGeneratorCfg,
    TerrainGeometry,
    TerrainOutput,
)

from mimiclab.tasks.velocity.ground_cfg import GroundCfg, SpawnCfg
from mimiclab.tasks.velocity.heights import HeightGrid, mixed_heights
from mimiclab.tasks.velocity.mesh_heights import mesh_heights

_BASE_M = 0.5
"""Thickness of the ground below its lowest point, so that nothing falls through."""


def height_grid(cfg: GroundCfg) -> HeightGrid | None:
    """The heights of the ground, or None for a plane.

    Raises:
        TerrainError: a mesh that is not a height field.
    """
    if cfg.kind == "plane":
        return None
    if cfg.kind == "mesh":
        return mesh_heights(cfg.mesh, cfg.cell_m)
    return _mixed(replace(cfg, spawn=SpawnCfg()))  # which heights do not depend on


@lru_cache(maxsize=1)
def _mixed(cfg: GroundCfg) -> HeightGrid:
    """The usual ground has 1.3 million heights, which all configurations of a process share."""
    return mixed_heights(cfg)


def terrain_cfg(cfg: GroundCfg, grid: HeightGrid | None) -> TerrainEntityCfg:
    """The terrain, as mjlab's configuration.

    All tiles are one height field: the engines test a robot against a single geom, and heights are
    looked up in a single array.
    """
    if grid is None:
        return TerrainEntityCfg(terrain_type="plane")
    rows, columns = grid.heights.shape
    size = ((columns - 1) * grid.spacing[0], (rows - 1) * grid.spacing[1])
    return TerrainEntityCfg(
        terrain_type="generator",
        terrain_generator=TerrainGeneratorCfg(
            size=size,
            border_width=cfg.border_m * cfg.scale_factor,
            color_scheme="none",
            sub_terrains={"ground": _WholeGroundCfg(grid=grid)},
        ),
    )


@dataclass(kw_only=True)
class _WholeGroundCfg(SubTerrainCfg):
    """All of the ground as one tile of mjlab's generator."""

    grid: HeightGrid

    def function(
        self, difficulty: float, spec: mujoco.MjSpec, rng: np.random.Generator
    ) -> TerrainOutput:
        """Add the height field to `spec`."""
        del difficulty, rng
        heights = self.grid.heights
        low = float(heights.min())
        # MuJoCo wants heights from 0 to 1 and a height above 0.
        height = max(float(heights.max()) - low, 1e-3)
        field = spec.add_hfield(
            name="ground",
            size=[self.size[0] / 2, self.size[1] / 2, height, _BASE_M],
            nrow=heights.shape[0],
            ncol=heights.shape[1],
            userdata=((heights - low) / height).ravel().astype(np.float32).tolist(),
        )
        centre = np.array([self.size[0] / 2, self.size[1] / 2, 0.0])
        geom = spec.body("terrain").add_geom(
            type=mujoco.mjtGeom.mjGEOM_HFIELD,
            hfieldname=field.name,
            pos=[centre[0], centre[1], low],
        )
        return TerrainOutput(origin=centre, geometries=[TerrainGeometry(geom=geom, hfield=field)])
