"""Height of the ground at any place, looked up where the engine has it instead of by rays."""

import mujoco
import numpy as np
import torch

from mimiclab.errors import EngineError

_HFIELD = mujoco.mjtGeom.mjGEOM_HFIELD


class TerrainHeight:
    """Height of a plane, or of one height field with level ground around it, m.

    A height field is made of triangles, two for each cell, as MuJoCo's is; the lookup gives what a
    vertical ray would hit, for the price of four reads.
    """

    def __init__(self, model: mujoco.MjModel, device: str = "cpu") -> None:
        """Find the ground among the model's static geoms.

        Raises:
            EngineError: the scene has several height fields, or a turned one.
        """
        static = [
            i
            for i in range(model.ngeom)
            if model.body_weldid[model.geom_bodyid[i]] == 0 and model.geom_contype[i]
        ]
        fields = [i for i in static if model.geom_type[i] == _HFIELD]
        self._heights: torch.Tensor | None = None
        if not fields:
            return
        if len(fields) > 1 or not np.allclose(model.geom_quat[fields[0]], [1, 0, 0, 0]):
            raise EngineError(
                f"the ground has {len(fields)} height fields; walking looks heights up in a single "
                "one whose axes are those of the world"
            )
        geom, data = fields[0], int(model.geom_dataid[fields[0]])
        rows, columns = int(model.hfield_nrow[data]), int(model.hfield_ncol[data])
        start = int(model.hfield_adr[data])
        half_x, half_y, height, _ = model.hfield_size[data]
        heights = model.hfield_data[start : start + rows * columns] * height
        heights = heights + model.geom_pos[geom, 2]
        self._heights = torch.tensor(heights, dtype=torch.float32, device=device)
        self._columns = columns
        spacing = [2 * half_x / (columns - 1), 2 * half_y / (rows - 1)]
        corner = model.geom_pos[geom, :2] - [half_x, half_y]

        def tensor(values) -> torch.Tensor:
            return torch.tensor(np.asarray(values).tolist(), dtype=torch.float32, device=device)

        self._corner, self._spacing = tensor(corner), tensor(spacing)
        self._last = tensor([columns - 1, rows - 1])
        self._last_cell = tensor([columns - 2, rows - 2])

    @property
    def is_plane(self) -> bool:
        """Whether the ground is at z = 0 everywhere."""
        return self._heights is None

    def __call__(self, xy: torch.Tensor) -> torch.Tensor:
        """Heights (...) of the ground at places (..., 2); 0 around the height field."""
        if self._heights is None:
            return xy.new_zeros(xy.shape[:-1])
        place = (xy - self._corner) / self._spacing
        inside = ((place >= 0) & (place <= self._last)).all(-1)
        cell = torch.minimum(place.floor().clamp_min(0), self._last_cell)
        u, v = (place - cell).unbind(-1)
        index = (cell[..., 1] * self._columns + cell[..., 0]).long()
        h00, h10, h01, h11 = (
            self._heights[index + offset] for offset in (0, 1, self._columns, self._columns + 1)
        )
        # MuJoCo cuts each cell from its lowest x and y to its highest.
        low_y = h00 + u * (h10 - h00) + v * (h11 - h10)
        high_y = h00 + v * (h01 - h00) + u * (h11 - h01)
        return torch.where(inside, torch.where(u >= v, low_y, high_y), 0.0)
