"""Frames into video and picture files, whole or not at all."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from mimiclab.errors import OutputError
from mimiclab.files import atomic_path

_GAP_PX = 4


def write_video(
    frames: Iterable[np.ndarray],
    path: str | Path,
    *,
    size: tuple[int, int],
    count: int,
    fps: float,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write frames (H, W, 3) uint8 as mp4 (H.264).

    Args:
        frames: All of one size.
        path: File to write.
        size: Width and height, even numbers.
        count: How many frames there will be, for `progress`.
        fps: Frames per second.
        progress: Called with frames done and frames in all.

    Raises:
        OutputError: the file cannot be written.
    """
    from imageio_ffmpeg import write_frames

    with atomic_path(path) as temporary:
        writer = write_frames(
            str(temporary), size,
            fps=fps,  # pyright: ignore[reportArgumentType]  # its default is a whole number
            quality=None,  # pyright: ignore[reportArgumentType]  # -crf below replaces it
            codec="libx264", pix_fmt_out="yuv420p", macro_block_size=2,
            output_params=["-crf", "21", "-preset", "veryfast", "-movflags", "+faststart"],
            ffmpeg_log_level="error",
        )  # fmt: skip
        try:
            writer.send(None)
            for done, frame in enumerate(frames, start=1):
                writer.send(np.ascontiguousarray(frame))
                if progress is not None:
                    progress(done, count)
        except OSError as error:
            raise OutputError(f"cannot write the video {path}: {error}; is there space?") from error
        finally:
            writer.close()
    return Path(path)


def save_sheet(tiles: Sequence[np.ndarray], path: str | Path, columns: int) -> Path:
    """Write pictures (H, W, 3) of equal size as one PNG, `columns` side by side.

    Raises:
        OutputError: the file cannot be written.
    """
    from PIL import Image

    sheet = Image.fromarray(tiled(tiles, columns))
    with atomic_path(path) as temporary:
        sheet.save(temporary, optimize=True)
    return Path(path)


def tiled(tiles: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Pictures (H, W, 3) uint8 of equal size on one white sheet, `columns` side by side."""
    height, width = tiles[0].shape[:2]
    columns = min(columns, len(tiles))
    lines = -(-len(tiles) // columns)
    shape = lines * (height + _GAP_PX) - _GAP_PX, columns * (width + _GAP_PX) - _GAP_PX, 3
    sheet = np.full(shape, 255, np.uint8)
    for place, tile in enumerate(tiles):
        row, column = (n * (side + _GAP_PX) for n, side in
                       zip(divmod(place, columns), (height, width), strict=True))  # fmt: skip
        sheet[row : row + height, column : column + width] = tile
    return sheet
