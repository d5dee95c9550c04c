"""Observation histories that are 0 before an episode began, as Holosoma's are."""

import torch
from mjlab.envs import ManagerBasedRlEnv
from mjlab.utils.buffers import CircularBuffer


class ZeroPaddedBuffer(CircularBuffer):
    """mjlab's history of frames, which fills a new episode's past with its first frame, without."""

    def append(self, data: torch.Tensor) -> None:
        """Add a frame (N, D)."""
        if self._buffer is None:
            shape = (self._max_len, *data.shape)
            self._buffer = torch.zeros(shape, dtype=data.dtype, device=self._device)
        self._num_pushes.clamp_min_(1)  # 0 tells mjlab to fill the past
        super().append(data)

    def backfill(self, data: torch.Tensor, batch_ids: torch.Tensor) -> None:
        """Add a frame of some environments, whose past was just set to 0."""
        assert self._buffer is not None  # mjlab appends first
        self._buffer[self._pointer, batch_ids] = data[batch_ids].to(self._device)
        self._num_pushes[batch_ids] = 1


def pad_histories(env: ManagerBasedRlEnv, env_ids: torch.Tensor | None) -> None:
    """Startup event: give all observation terms with a history one that is padded with 0."""
    del env_ids
    for buffers in env.observation_manager._group_obs_term_history_buffer.values():
        for name, plain in buffers.items():
            buffers[name] = ZeroPaddedBuffer(plain.max_length, plain.batch_size, plain.device)
