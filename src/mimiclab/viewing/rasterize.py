"""A z-buffer for many small triangles, in NumPy alone."""

import numpy as np

_BLOCKS = np.array([1, 2, 4, 7, 12, 20, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192])
"""Heights and widths in pixels of the blocks that triangles are tested in."""
_CHUNK = 500_000
"""Most pixel tests in one array operation; bounds the memory."""


def rasterize(
    xy: np.ndarray, inverse_depth: np.ndarray, faces: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Which triangle is nearest at each pixel centre; back faces are not drawn.

    Triangles are grouped by the size of their bounding box, and each group is tested as one array
    (triangle, row, column). Depth and triangle number share one 64-bit key, so that the nearest
    triangle wins by an integer maximum.

    Args:
        xy: Pixel coordinates of the vertices, y downwards. Shape (V, 2) float32.
        inverse_depth: One over the distance along the view axis; not positive means behind the
            camera, and such triangles are left out. Shape (V,) float32.
        faces: Vertex numbers, anticlockwise seen from the front. Shape (F, 3).
        shape: Height and width of the image.

    Returns:
        Triangle number (H, W) int64, -1 where there is none, and inverse depth (H, W) float32.
    """
    height, width = shape
    keys = np.zeros(height * width, np.uint64)
    tags = np.arange(1, len(faces) + 1, dtype=np.uint64)
    for numbers, edges, corner, depth, block in _groups(xy, inverse_depth, faces, shape):
        chunk = max(1, _CHUNK // (block[0] * block[1]))
        for start in range(0, len(numbers), chunk):
            part = slice(start, start + chunk)
            which, row, column = _covered(edges[part], block)
            x, y = corner[0][part][which] + column, corner[1][part][which] + row
            inside = (x < width) & (y < height)
            if not inside.all():
                which, row, column = which[inside], row[inside], column[inside]
                x, y = x[inside], y[inside]
            across, down, at_corner = (plane[part][which] for plane in depth)
            z = across * column.astype(np.float32) + down * row.astype(np.float32) + at_corner
            key = np.maximum(z, np.float32(1e-9)).view(np.uint32).astype(np.uint64)
            key <<= np.uint64(32)
            key |= tags[numbers[part]][which]
            np.maximum.at(keys, y * width + x, key)
    number = (keys & np.uint64(0xFFFFFFFF)).astype(np.int64) - 1
    nearest = (keys >> np.uint64(32)).astype(np.uint32).view(np.float32)
    return number.reshape(shape), nearest.reshape(shape)


def _groups(xy: np.ndarray, inverse_depth: np.ndarray, faces: np.ndarray, shape: tuple[int, int]):
    """Triangles that may be seen, by block size: number, edge and depth planes, first pixel."""
    height, width = shape
    x, y = xy[:, 0][faces], xy[:, 1][faces]
    # y points down, so anticlockwise triangles have positive area here.
    area = (y[:, 1] - y[:, 0]) * (x[:, 2] - x[:, 0]) - (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0])
    front = np.flatnonzero((area > 1e-9) & (_smallest(inverse_depth[faces]) > 0))
    x, y = x[front], y[front]
    first_x, first_y = np.ceil(_smallest(x) - 0.5), np.ceil(_smallest(y) - 0.5)
    first_x, first_y = np.maximum(first_x, 0), np.maximum(first_y, 0)
    wide = np.minimum(np.floor(-_smallest(-x) - 0.5), width - 1) - first_x + 1
    high = np.minimum(np.floor(-_smallest(-y) - 0.5), height - 1) - first_y + 1
    seen = (wide >= 1) & (high >= 1)
    numbers = front[seen]
    if not len(numbers):
        return
    x, y, area, first_x, first_y = x[seen], y[seen], area[numbers], first_x[seen], first_y[seen]
    z = inverse_depth[faces[numbers]]
    corner = first_x.astype(np.int32), first_y.astype(np.int32)
    # Coordinates from the centre of each triangle's first pixel keep float32 precise enough.
    x, y = x - (first_x + 0.5)[:, None], y - (first_y + 0.5)[:, None]
    after_x, after_y = x[:, (1, 2, 0)], y[:, (1, 2, 0)]
    # Barycentric weight of the vertex opposite to each edge: A x + B y + C >= 0 inside.
    edge_a = (after_y - y) / area[:, None]
    edge_b = (x - after_x) / area[:, None]
    edge_c = -(edge_a * x + edge_b * y)
    edges = np.stack([edge_a, edge_b, edge_c], axis=1)
    depth = np.einsum("nke,ne->kn", edges, z[:, (2, 0, 1)])
    rows = np.searchsorted(_BLOCKS, high[seen])
    columns = np.searchsorted(_BLOCKS, wide[seen])
    kind = rows * len(_BLOCKS) + columns
    order = np.argsort(kind, kind="stable")
    for pick in np.split(order, np.flatnonzero(np.diff(kind[order])) + 1):
        block = int(_BLOCKS[rows[pick[0]]]), int(_BLOCKS[columns[pick[0]]])
        place = corner[0][pick], corner[1][pick]
        yield numbers[pick], edges[pick], place, depth[:, pick], block


def _smallest(corners: np.ndarray) -> np.ndarray:
    return np.minimum(np.minimum(corners[:, 0], corners[:, 1]), corners[:, 2])


def _covered(
    edges: np.ndarray, block: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Triangle, row and column of the covered pixels of (triangle, row, column) blocks."""
    rows, columns = (np.arange(n, dtype=np.float32) for n in block)
    along_x = edges[:, 0, :, None] * columns + edges[:, 2, :, None]
    along_y = edges[:, 1, :, None] * rows
    inside = along_y[:, 0, :, None] + along_x[:, 0, None, :] >= 0
    for edge in (1, 2):
        inside &= along_y[:, edge, :, None] + along_x[:, edge, None, :] >= 0
    flat = np.flatnonzero(inside).astype(np.int32)
    which = flat // np.int32(block[0] * block[1])
    pixel = flat - which * np.int32(block[0] * block[1])
    row = pixel // np.int32(block[1])
    return which, row, pixel - row * np.int32(block[1])
