"""The ground under the tracking task: a plane, or tiles of which half are slightly rough."""

from dataclasses import dataclass

import mujoco
import numpy as np
from mjlab.terrains import TerrainEntityCfg
from mjlab.terrains.primitive_terrains import BoxFlatTerrainCfg
from mjlab.terrains.terrain_generator import (
    SubTerrainCfg,
    TerrainGeneratorCfg,
    TerrainGeometry,
    TerrainOutput,
)

TILE_M = 8.0
"""Side of a tile, m (MOSAIC)."""
BORDER_M = 20.0
"""Width of the flat ground around the tiles, m (MOSAIC)."""
ROWS = 10
"""Tiles of each kind."""
GRID_M = 0.1
"""Distance of neighbouring heights, m (MOSAIC)."""
STEPS_M = (0.01, 0.02, 0.03)
"""Heights of rough tiles over the bottom of the ground, m (MOSAIC); the last one is level with the
flat tiles here."""
_SEED = 42
_BASE_M = 0.1
"""Thickness of the ground below the lowest height, so that nothing falls through."""


@dataclass(kw_only=True)
class RoughTileCfg(SubTerrainCfg):
    """A tile of random heights whose highest points are level with z = 0."""

    def function(
        self, difficulty: float, spec: mujoco.MjSpec, rng: np.random.Generator
    ) -> TerrainOutput:
        """Add the tile's height field to `spec`; every height is drawn on its own."""
        del difficulty
        depth = STEPS_M[-1] - STEPS_M[0]
        rows, columns = (round(side / GRID_M) + 1 for side in (self.size[1], self.size[0]))
        heights = (rng.choice(STEPS_M, size=(rows, columns)) - STEPS_M[0]) / depth
        field = spec.add_hfield(
            name=f"rough_{len(spec.hfields)}",
            size=[self.size[0] / 2, self.size[1] / 2, depth, _BASE_M],
            nrow=rows,
            ncol=columns,
            userdata=heights.ravel().astype(np.float32).tolist(),
        )
        centre = np.array([self.size[0] / 2, self.size[1] / 2, 0.0])
        geom = spec.body("terrain").add_geom(
            type=mujoco.mjtGeom.mjGEOM_HFIELD,
            hfieldname=field.name,
            pos=(centre - [0.0, 0.0, depth]).tolist(),
        )
        return TerrainOutput(origin=centre, geometries=[TerrainGeometry(geom=geom, hfield=field)])


def ground_cfg(kind: str) -> TerrainEntityCfg:
    """The terrain called `plane` or `rough`, as mjlab's configuration.

    Rough ground is MOSAIC's: half of the environments stand on flat tiles, half on random heights 1
    to 3 cm over a 0.1 m grid, each in the middle of a tile of 8 m. MOSAIC lifts references there by
    the largest height nearby. Here instead the largest height of all tiles is z = 0, the height
    that references stand on: no foot of a reference is ever in the ground, also where a clip leaves
    its tile, and none is more than 2 cm above it.
    """
    if kind == "plane":
        return TerrainEntityCfg(terrain_type="plane")
    return TerrainEntityCfg(
        terrain_type="generator",
        terrain_generator=TerrainGeneratorCfg(
            seed=_SEED,
            # One column for each kind of tile: exactly half of the environments are on either.
            curriculum=True,
            size=(TILE_M, TILE_M),
            border_width=BORDER_M,
            num_rows=ROWS,
            color_scheme="none",
            sub_terrains={"flat": BoxFlatTerrainCfg(), "rough": RoughTileCfg()},
        ),
    )
