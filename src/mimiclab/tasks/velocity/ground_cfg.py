"""What a velocity task is told of its ground. Plain values; nothing heavy is imported here."""

from dataclasses import asdict, dataclass, field
from typing import Literal

from mimiclab.errors import MimiclabError


@dataclass(frozen=True, kw_only=True)
class TileSharesCfg:
    """Shares of the kinds of tiles in mixed ground; they need not add up to 1. Source: Holosoma."""

    flat: float = 0.2
    """Level with z = 0."""
    rough: float = 0.6
    """Every height drawn on its own, 2.5 to 7.5 cm below the flat tiles at full difficulty."""
    low_obstacles: float = 0.2
    """30 square pits of a tenth of the tile, 3 cm deep at full difficulty."""
    smooth_slope: float = 0.0
    """A pyramid that is steeper in later rows, up to 0.4."""
    rough_slope: float = 0.0
    """The same with 5 cm of roughness."""
    stairs: float = 0.0
    """Steps of 0.31 m, each 5 + 18 difficulty cm high, up to a platform in the middle."""
    discrete_obstacles: float = 0.0
    """20 blocks of 1 to 2 m, up to 5 + 20 difficulty cm high or deep."""
    gap: float = 0.0
    """A trench around the middle, as wide as difficulty m."""
    stepping_stones: float = 0.0
    """Stones over a pit, smaller and further apart with difficulty."""


@dataclass(frozen=True, kw_only=True)
class SpawnCfg:
    """Where on the ground an episode begins. Source: Holosoma."""

    random_tile: bool = True
    """Draw the row of tiles at each reset; otherwise environments take the rows in turn."""
    offset_m: float = 1.0
    """Largest distance from the middle of the tile in x and in y, m."""
    height: Literal["tile", "point", "grid"] = "tile"
    """What the robot is put above: the highest point within 1 m of the middle of the tile, the
    ground under the root, or the highest of 3 x 3 points 0.2 m apart around it."""


@dataclass(frozen=True, kw_only=True)
class GroundCfg:
    """Flat ground, tiles of several kinds, or a mesh."""

    kind: Literal["plane", "mixed", "mesh"] = "mixed"
    """`mixed` is Holosoma's default."""
    mesh: str = ""
    """Wavefront .obj with z up, m, for `mesh`. Robots start around its point x = y = 0, or around
    its middle where that is outside; they do not meet each other, so there is one copy."""
    rows: int = 10
    """Tiles along x."""
    columns: int = 20
    """Tiles along y."""
    tile_m: float = 8.0
    """Side of a tile, m."""
    cell_m: float = 0.1
    """Distance of neighbouring heights, m."""
    quantum_m: float = 0.005
    """Heights are multiples of this, m."""
    border_m: float = 40.0
    """Width of the flat ground around the tiles, m."""
    scale_factor: float = 1.0
    """Multiplies rows, columns, tile side, border and quantum."""
    difficulties: tuple[float, ...] = (0.5, 0.75, 0.9)
    """One of these is drawn for each tile; slopes take their row instead."""
    shares: TileSharesCfg = field(default_factory=TileSharesCfg)
    """How often each kind of tile occurs."""
    spawn: SpawnCfg = field(default_factory=SpawnCfg)
    """Where episodes begin."""
    seed: int = 42
    """Of the tiles."""

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            MimiclabError: a value out of range.
        """
        if self.kind not in ("plane", "mixed", "mesh"):
            raise MimiclabError(f"ground is {self.kind!r}, expected 'plane', 'mixed' or 'mesh'")
        if (self.kind == "mesh") != bool(self.mesh):
            raise MimiclabError(
                f"ground {self.kind!r} with mesh {self.mesh!r}: a mesh file belongs to kind 'mesh' "
                "and to no other"
            )
        for name in ("rows", "columns", "tile_m", "cell_m", "quantum_m", "scale_factor"):
            if getattr(self, name) <= 0:
                raise MimiclabError(f"ground: {name} is {getattr(self, name)}, expected > 0")
        shares = asdict(self.shares)
        if min(shares.values()) < 0 or sum(shares.values()) <= 0:
            raise MimiclabError(f"ground: shares {shares}, expected none below 0 and some above")
        if not self.difficulties or not all(0 <= d <= 1 for d in self.difficulties):
            raise MimiclabError(
                f"ground: difficulties {self.difficulties}, expected values from 0 to 1"
            )
        if self.border_m < 0 or self.spawn.offset_m < 0:
            raise MimiclabError("ground: border_m and spawn.offset_m must be 0 or more")
