"""The pinhole camera that both renderers share, and a path for it to follow a moving robot."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class View:
    """From where a scene is seen; the angles mean what they mean in MuJoCo."""

    azimuth_deg: float = 145.0
    """Heading of the view direction about z: 0 looks along +x, 90 along +y."""
    elevation_deg: float = -13.0
    """Tilt of the view direction: negative looks down."""
    distance: float = 3.2
    """From the camera to the point it looks at, m."""
    height: float = 0.62
    """Height above the floor of the point it looks at, m."""
    fovy_deg: float = 32.0
    """Vertical angle of view."""

    @property
    def axes(self) -> np.ndarray:
        """Right, down and forward as rows, in world coordinates. Shape (3, 3)."""
        azimuth, elevation = np.radians(self.azimuth_deg), np.radians(self.elevation_deg)
        forward = np.array(
            [
                np.cos(elevation) * np.cos(azimuth),
                np.cos(elevation) * np.sin(azimuth),
                np.sin(elevation),
            ]
        )
        right = np.array([np.sin(azimuth), -np.cos(azimuth), 0.0])
        return np.stack([right, np.cross(forward, right), forward])

    @property
    def sun(self) -> np.ndarray:
        """Unit vector towards the sun: from behind the viewer's left shoulder. Shape (3,)."""
        heading, height = np.radians(self.azimuth_deg + 180 - 38), np.radians(52)
        flat = np.array([np.cos(heading), np.sin(heading)]) * np.cos(height)
        return np.array([*flat, np.sin(height)])

    def focal_px(self, image_height: int) -> float:
        """Focal length in pixels."""
        return 0.5 * image_height / np.tan(np.radians(self.fovy_deg) / 2)

    def eye(self, target_xy: np.ndarray) -> np.ndarray:
        """Position of the camera that looks at `target_xy` (2,), m. Shape (3,)."""
        return np.array([*target_xy, self.height]) - self.distance * self.axes[2]


def follow(root_xy: np.ndarray, fps: float, seconds: float = 0.6) -> np.ndarray:
    """Where to look for each frame so that the robot stays in the picture without shaking it.

    A Gaussian average over time with standard deviation `seconds`. Shapes (T, 2) -> (T, 2).
    """
    sigma = max(seconds * fps, 1e-6)
    reach = int(np.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    padded = np.pad(root_xy, ((reach, reach), (0, 0)), mode="edge")
    return np.stack([np.convolve(padded[:, i], kernel, mode="valid") for i in range(2)], axis=1)
