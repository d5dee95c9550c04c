"""Nothing is learnt from numbers that are none."""

from collections.abc import Mapping

import torch

from mimiclab.errors import EngineError


def require_finite(parts: Mapping[str, torch.Tensor]) -> None:
    """Check what the environments returned.

    Args:
        parts: observations and rewards by name, over steps and environments, (T, N, ...).

    Raises:
        EngineError: NaN or infinite values; the message names environments.
    """
    for name, values in parts.items():
        if not torch.isfinite(values).all():
            bad = (~torch.isfinite(values).flatten(2).all(-1)).any(0).nonzero().flatten()
            raise EngineError(
                f"the environment returned NaN or infinite values in {name!r} of environments "
                f"{bad[:8].tolist()}; expected finite numbers. Nothing was learnt from them: "
                "resume from the last checkpoint, and look at the motion and the randomisation"
            )
