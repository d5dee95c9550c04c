"""Simulation engines behind mjlab's environment: `make_env`, and `available_cores`."""

from typing import TYPE_CHECKING, Any

from mimiclab.simulation.threads import available_cores as available_cores

if TYPE_CHECKING:
    from mimiclab.simulation.env import MimicEnv as MimicEnv
    from mimiclab.simulation.env import make_env as make_env


def __getattr__(name: str) -> Any:
    # mjlab takes seconds to import; counting cores must not.
    if name in ("make_env", "MimicEnv"):
        from mimiclab.simulation import env

        return getattr(env, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
