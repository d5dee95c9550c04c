"""The training loop: rollouts, updates, logs, checkpoints and clean endings."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch

# rsl_rl imports GitPython, which refuses to be imported on a machine without git.
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

from rsl_rl.env import VecEnv
from rsl_rl.utils import resolve_callable

from mimiclab.errors import CheckpointError
from mimiclab.learning import checkpoint as ckpt
from mimiclab.learning import distributed, env_state
from mimiclab.learning.algorithms.imitation import Imitation
from mimiclab.learning.algorithms.learner import Learner
from mimiclab.learning.best import better
from mimiclab.learning.build import rsl_rl_config
from mimiclab.learning.config import TrainCfg
from mimiclab.learning.interrupt import StopSignals
from mimiclab.learning.logs import LogSink
from mimiclab.learning.mirror import Mirror
from mimiclab.learning.statistics import EpisodeStatistics
from mimiclab.learning.waiting import Waiting

Reason = Literal["iterations", "minutes", "interrupted"]

_FEWEST_EPISODES = 20
"""Before so many have ended, their means say too little to call a policy the best."""


class Runner:
    """The loop around an algorithm, which it builds from rsl_rl's configuration.

    It starts each `learn` with a full reset of the environments: physics states are not part of a
    checkpoint. So a run that stops and resumes equals one that resets at the same update, bit for
    bit on a CPU; it differs from one that never paused.
    """

    alg: Learner

    def __init__(
        self,
        env: VecEnv,
        cfg: TrainCfg,
        *,
        layout: dict[str, Any],
        imitation: Imitation | None = None,
        mirror: Mirror | None = None,
        device: str = "cpu",
        folder: Path | None = None,
        sinks: Sequence[LogSink] = (),
        sharded: bool = False,
        rollout_threads: int | None = None,
        update_threads: int | None = None,
    ) -> None:
        """Build networks and optimiser.

        Args:
            env: vectorised environment, already reset once.
            cfg: settings.
            layout: what a checkpoint must agree on; see `env_state.layout_of`.
            imitation: teachers and recordings, ready to be asked.
            mirror: left-right symmetry of observations and actions, if the task has it.
            device: torch device of the networks.
            folder: run folder; none writes nothing.
            sinks: receive each iteration's line (main process only).
            sharded: processes have different clips, so sampler statistics stay their own.
            rollout_threads: torch threads while physics runs; its many small operations gain
                nothing from more, and waiting threads would take cores from the physics.
            update_threads: torch threads while networks learn.
        """
        self.env, self.device = env, device
        self.place = distributed.start(device)
        config = rsl_rl_config(cfg, layout)
        config["multi_gpu"] = _group_of(self.place)
        config["given"] = {"imitation": imitation, "mirror": mirror, "folder": folder}
        algorithm: Any = resolve_callable(config["algorithm"]["class_name"])
        self.alg = algorithm.construct_algorithm(env.get_observations(), env, config, device)
        self.train_cfg = cfg
        self.layout = layout
        self.folder = folder
        self.sinks = list(sinks) if self.place.is_main else []
        self.sharded = sharded
        self.rollout_threads = rollout_threads
        self.update_threads = update_threads
        self.statistics = EpisodeStatistics(env.num_envs, device)
        self.iteration = 0
        self.env_steps = 0
        self.train_time_s = 0.0
        self.config: dict[str, Any] | None = None
        """config.json of the run, so that a checkpoint alone tells what it is of."""
        self.best: dict[str, Any] | None = None
        self._best_state: dict[str, Any] | None = None
        self._saved_at = 0.0

    def learn(self, iterations: int | None = None, minutes: float | None = None) -> Reason:
        """Train until the run has `iterations` updates or `minutes` of training, or is interrupted.

        Args:
            iterations: updates in the whole life of the run; by default the configuration's.
            minutes: wall-clock training time in the whole life of the run; likewise.

        Returns:
            Which limit ended it. A first Ctrl-C (or SIGTERM) ends it after the current update.

        Raises:
            EngineError: the simulation returned NaN or infinite values.
            DivergedError: a loss became NaN or infinite.
            OutputError: a checkpoint cannot be written.
        """
        self._iterations = self.train_cfg.iterations if iterations is None else iterations
        self._minutes = self.train_cfg.minutes if minutes is None else minutes
        if distributed.is_grouped():
            self.alg.broadcast_parameters()
        self.alg.train_mode()
        obs = self._reset()
        self._saved_at = time.monotonic()
        self._first_iteration, self._first_time_s = self.iteration, self.train_time_s
        with StopSignals() as signals, Waiting() as waiting:
            while (reason := self._why_stop(signals.received)) is None:
                started = time.perf_counter()
                obs, inside = self._rollout(obs)
                rolled_out = time.perf_counter()
                self._use_threads(self.update_threads)
                losses = self.alg.update()
                env_state.average_over_processes(self.env, sharded=self.sharded)
                ended = time.perf_counter()
                self.iteration += 1
                steps = self.alg.steps_per_env * self.env.num_envs
                self.env_steps += steps * self.place.world_size
                self.train_time_s += ended - started
                seconds = {
                    "env_s": inside["env_s"],
                    "policy_s": rolled_out - started - sum(inside.values()),
                    "update_s": ended - rolled_out + inside["update_s"],
                }
                line = self._line(losses, seconds, steps, waiting.report())
                for sink in self.sinks:
                    sink.write(line)
                self._save_when_due()
                self.train_time_s += time.perf_counter() - ended
        self.save_all()
        return reason

    # Tensors born in inference mode can only be changed in it, so all that touches the environment
    # runs in it.
    @torch.inference_mode()
    def _reset(self) -> Any:
        obs, _ = self.env.reset()  # type: ignore[attr-defined]
        self.statistics.clear_episodes()
        self.alg.forget()
        if self.train_cfg.random_episode_start:
            self.env.episode_length_buf = torch.randint_like(
                self.env.episode_length_buf, high=int(self.env.max_episode_length)
            )
        return obs.to(self.device)

    def _rollout(self, obs: Any) -> tuple[Any, dict[str, float]]:
        """Take an iteration's control steps.

        Returns:
            The last observations, and the seconds in the environment and of learning in between.
        """
        inside = {"env_s": 0.0, "update_s": 0.0}
        for _ in range(self.alg.steps_per_env):
            self._use_threads(self.rollout_threads)
            obs, seconds = self._step(obs)
            inside["env_s"] += seconds
            if self.alg.learns_between_steps:
                before = time.perf_counter()
                self._use_threads(self.update_threads)
                self.alg.learn_between_steps()
                inside["update_s"] += time.perf_counter() - before
        with torch.inference_mode():
            self.alg.end_rollout(obs)
        if self.device.startswith("cuda"):
            torch.cuda.synchronize()
        return obs, inside

    @torch.inference_mode()
    def _step(self, obs: Any) -> tuple[Any, float]:
        """One control step; returns the observations after it and the environment's seconds."""
        actions = self.alg.act(obs).to(self.env.device)
        before = time.perf_counter()
        obs, reward, done, extras = self.env.step(actions)
        seconds = time.perf_counter() - before
        obs, reward, done = (x.to(self.device) for x in (obs, reward, done))
        self.alg.process_env_step(obs, reward, done, extras)
        self.statistics.add(reward, done, extras)
        return obs, seconds

    @staticmethod
    def _use_threads(count: int | None) -> None:
        if count and count != torch.get_num_threads():
            torch.set_num_threads(count)

    def _why_stop(self, interrupted: bool) -> Reason | None:
        if distributed.any_process(interrupted, self.device):
            return "interrupted"
        if self.iteration >= self._iterations:
            return "iterations"
        late = self._minutes is not None and self.train_time_s >= 60.0 * self._minutes
        return "minutes" if distributed.any_process(late, self.device) else None

    def _line(
        self,
        losses: dict[str, float],
        seconds: dict[str, float],
        steps: int,
        waiting: dict[str, float],
    ) -> dict[str, Any]:
        """The log line of the iteration that just ended; `steps` are those of this process."""
        pace = steps / max(sum(seconds.values()), 1e-9)
        share, eta_s = self._goal()
        line = {
            "iteration": self.iteration,
            "env_steps": self.env_steps,
            "time_s": round(self.train_time_s, 3),
            "steps_per_s": pace * self.place.world_size,
            "steps_per_s_per_process": pace,
            **waiting,
            **self.statistics.summary(),
            "losses": losses,
            "sampler": self._sampler_metrics(),
            "learning_rate": self.alg.learning_rate,
            "action_std": float(self.alg.actor.output_std.detach().mean()),
            "seconds": {key: round(value, 4) for key, value in seconds.items()},
            "share": share,
            "eta_s": eta_s,
        }
        self._remember_best(line)
        return line

    def _goal(self) -> tuple[float, float | None]:
        """Share of the whole run that is done, and the seconds that are left."""
        done = self.iteration - self._first_iteration
        pace = (self.train_time_s - self._first_time_s) / done if done else None
        shares = [self.iteration / self._iterations] if self._iterations else [1.0]
        left = [pace * (self._iterations - self.iteration)] if pace is not None else []
        if self._minutes is not None:
            shares.append(self.train_time_s / (60.0 * self._minutes))
            left.append(60.0 * self._minutes - self.train_time_s)
        return min(1.0, max(shares)), max(0.0, min(left)) if left else None

    def _sampler_metrics(self) -> dict[str, float]:
        """Entropy and top share of the start sampler; processes with other clips are averaged."""
        metrics = env_state.sampler_metrics(self.env)
        everyone = distributed.gather(metrics)
        return {key: sum(m[key] for m in everyone) / len(everyone) for key in metrics}

    # Checkpoints

    def state(self) -> dict[str, Any]:
        """Everything needed to go on, copied to the CPU. All processes must call it together."""
        mine = {"random": ckpt.random_state(), "environment": env_state.capture(self.env)}
        return ckpt.copy_to_cpu(
            {
                "iteration": self.iteration,
                "env_steps": self.env_steps,
                "train_time_s": self.train_time_s,
                "layout": self.layout,
                **self.alg.checkpoint(),
                "best": self.best,
                "window": list(self.statistics.window),
                "sharded": self.sharded,
                "config": self.config,
                "ranks": distributed.gather(ckpt.copy_to_cpu(mine)),
            }
        )

    def restore(self, path: str | Path) -> list[str]:
        """Go on from a checkpoint.

        Returns:
            Sentences about what is not as it was.

        Raises:
            CheckpointError: damaged, of another layout, or of a group of another size.
        """
        state = ckpt.load_checkpoint(path)
        ckpt.require_layout(state["layout"], self.layout, path)
        mine = self._rank_state(state, path)
        self.alg.restore(state)
        self.iteration = state["iteration"]
        self.env_steps = state["env_steps"]
        self.train_time_s = state["train_time_s"]
        self.best = state["best"]
        self.statistics.window.extend(tuple(item) for item in state["window"])
        env_state.restore(self.env, mine["environment"])
        if len(state["ranks"]) == self.place.world_size:
            ckpt.restore_random_state(mine["random"])
        return self.alg.restore_beside(Path(path).parent, self.iteration)

    def _rank_state(self, state: dict[str, Any], path: str | Path) -> dict[str, Any]:
        before, now = len(state["ranks"]), self.place.world_size
        if before == now:
            return state["ranks"][self.place.rank]
        if state["sharded"] or self.sharded:
            raise CheckpointError(
                f"{path} was made by {before} processes with different clips, this is a group of "
                f"{now}; resume with {before} processes (torchrun --nproc-per-node {before})"
            )
        return state["ranks"][0]

    def save_all(self) -> None:
        """Write `last.pt`, the numbered checkpoint of this update and `best.pt`."""
        state = self._state_to_save()
        if self.folder is not None and self.place.is_main:
            folder = self.folder / "checkpoints"
            ckpt.save_checkpoint(state, folder / "last.pt")
            ckpt.save_checkpoint(state, ckpt.numbered_path(folder, self.iteration))
            ckpt.keep_newest(folder, self.train_cfg.keep_last)
            self._write_best()
        distributed.wait_for_all()  # who returns may read the files
        self._saved_at = time.monotonic()

    def _state_to_save(self) -> dict[str, Any]:
        """The state, when what is too large for it lies beside."""
        if self.folder is not None:
            self.alg.save_beside(self.folder / "checkpoints", self.iteration)
        return self.state()

    def _save_when_due(self) -> None:
        if self.iteration % self.train_cfg.save_interval == 0:
            self.save_all()
            return
        due = time.monotonic() - self._saved_at >= self.train_cfg.save_seconds
        if self.folder is not None and distributed.any_process(due, self.device):
            state = self._state_to_save()
            if self.place.is_main:
                ckpt.save_checkpoint(state, self.folder / "checkpoints" / "last.pt")
                self._write_best()
            self._saved_at = time.monotonic()

    def _write_best(self) -> None:
        if self._best_state is not None and self.folder is not None:
            ckpt.save_checkpoint(self._best_state, self.folder / "checkpoints" / "best.pt")
            self._best_state = None

    def _remember_best(self, line: dict[str, Any]) -> None:
        """Keep a copy of the state when the policy is better than ever; written later."""
        if self.statistics.window_episodes < _FEWEST_EPISODES:
            return
        found = better(line, self.train_cfg.best_metric, self.best)
        if found is not None:
            self.best = found
            self._best_state = self.state()


def _group_of(place: distributed.Ranks) -> dict[str, int] | None:
    """What rsl_rl's algorithms want to know of the group of processes."""
    if not distributed.is_grouped():
        return None
    names = ("global_rank", "local_rank", "world_size")
    return dict(zip(names, (place.rank, place.local_rank, place.world_size), strict=True))
