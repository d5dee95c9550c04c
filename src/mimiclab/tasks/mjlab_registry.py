"""Lists our tasks in mjlab's own `train`, `play` and `list-envs`.

mjlab imports this module on every `import mjlab` (entry point group `mjlab.tasks`), and its
registry wants finished configurations, for which most of mjlab and torch must be imported: seconds
that a program which never opens the registry should not pay. So the tasks are registered when
`mjlab.tasks.registry` is imported, which every user of the registry does.
"""

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType

_REGISTRY = "mjlab.tasks.registry"
TASK_IDS = (
    "Mimiclab-Tracking-Flat-Unitree-G1",
    "Mimiclab-Tracking-Flat-Unitree-G1-No-State-Estimation",
    "Mimiclab-Tracking-Flat-Unitree-G1-Low-Freq",
)
"""Names in mjlab's registry; their motion is the built-in walk."""


def register() -> None:
    """Enter the tasks into mjlab's registry."""
    from mjlab.rl import RslRlModelCfg, RslRlOnPolicyRunnerCfg, RslRlPpoAlgorithmCfg
    from mjlab.tasks.registry import register_mjlab_task

    from mimiclab.tasks.tracking.env_cfg import tracking_env_cfg
    from mimiclab.tasks.tracking.task import TrackingTask

    variants = (
        TrackingTask(),
        TrackingTask(state_estimation=False),
        TrackingTask(control_hz=25),
    )
    for task_id, task in zip(TASK_IDS, variants, strict=True):
        hints = task.ppo_hints()
        network = {"hidden_dims": (512, 256, 128), "obs_normalization": True}
        noise = {"class_name": "GaussianDistribution", "init_std": 1.0, "std_type": "scalar"}
        register_mjlab_task(
            task_id=task_id,
            env_cfg=tracking_env_cfg(task, "builtin:walk", num_envs=1),
            play_env_cfg=tracking_env_cfg(task, "builtin:walk", num_envs=1, play=True),
            rl_cfg=RslRlOnPolicyRunnerCfg(
                actor=RslRlModelCfg(**network, distribution_cfg=noise),
                critic=RslRlModelCfg(**network),
                algorithm=RslRlPpoAlgorithmCfg(
                    gamma=hints["discount"], lam=hints["gae_lambda"], entropy_coef=0.005
                ),
                num_steps_per_env=hints["steps_per_env"],
                max_iterations=30_000,
                save_interval=500,
                experiment_name="g1_tracking",
                logger="tensorboard",
            ),
        )


class _AfterRegistry(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds only `mjlab.tasks.registry`, loads it as usual, then registers."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != _REGISTRY:
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return None
        self._loader = spec.loader
        spec.loader = self
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        # The tasks' own modules may import the registry, so it must be complete by now.
        register()


if _REGISTRY in sys.modules:
    register()
else:
    sys.meta_path.insert(0, _AfterRegistry())
