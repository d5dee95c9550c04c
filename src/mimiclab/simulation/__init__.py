"""The engine seam: one task, native CPU MuJoCo or MuJoCo Warp."""
