"""Training of a reference-velocity estimator."""

import copy
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mimiclab.errors import EngineError, OutputError
from mimiclab.files import write_text
from mimiclab.learning.estimator.cfg import EstimatorCfg
from mimiclab.learning.estimator.data import clip_windows, joined, split_clips, window_layout
from mimiclab.learning.estimator.files import FILE, save_estimator
from mimiclab.learning.estimator.model import VelocityEstimator, WindowLayout
from mimiclab.learning.estimator.score import predict, score, simple_guesses
from mimiclab.learning.provenance import git_state, versions
from mimiclab.learning.serialise import to_plain
from mimiclab.motions.library import MotionLibrary
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg

Line = dict[str, Any]
_PATIENCE = 5
_LOWEST_RATE = 1e-6


@dataclass(kw_only=True)
class EstimatorResult:
    """What a training brought."""

    model: VelocityEstimator
    """Of the epoch with the smallest validation error."""
    lines: list[Line]
    """One for each epoch: epoch, train_loss, validation_mae (m/s), learning_rate, time_s."""
    report: dict[str, Any]
    """Errors under each interface, of the estimator and of simple guesses."""


def train_estimator(
    cfg: EstimatorCfg,
    library: MotionLibrary,
    *,
    fps: float,
    folder: Path | None = None,
    device: str = "cpu",
    test_interface: InterfaceCfg | None = None,
    progress: Callable[[Line], None] | None = None,
) -> EstimatorResult:
    """Train an estimator on clips, keep the best epoch, and measure it on clips it has not seen.

    Args:
        cfg: network and training.
        library: the clips.
        fps: rate of the policies that will use it, Hz.
        folder: gets estimator.safetensors, metrics.jsonl and report.json; none writes nothing.
        device: torch device of the network; windows stay on the CPU.
        test_interface: the estimator is measured behind this interface too, beside clean references
            and those of the training's interface.
        progress: called with the line of each epoch, which then has `share` and `eta_s`.

    Raises:
        MotionError: clips that cannot be learnt from or split.
        EngineError: the loss is not finite.
        OutputError: there is an estimator in the folder already, or it cannot be written.
    """
    if folder is not None and (folder / FILE).exists():
        raise OutputError(f"{folder} holds an estimator already; choose another --out")
    layout = window_layout(
        library, fps=fps, history=cfg.history, command_velocity=cfg.command_velocity
    )
    names = library.clip_names
    train_clips, kept_clips = split_clips(names, cfg.validation, cfg.seed)
    data = _Data(cfg, library, layout, train_clips, kept_clips)
    with torch.random.fork_rng():
        torch.manual_seed(cfg.seed)
        model = VelocityEstimator(cfg, layout)
        model.take_statistics(data.train.frames, data.train.velocity[data.train.rows])
        model = model.to(device)
        lines = _Training(cfg, model, data, device).run(progress)
    tests: dict[str, InterfaceCfg | None] = {"clean": None}
    for name, interface in (("training", cfg.interface), ("test", test_interface)):
        if interface is not None and not interface.is_perfect:
            tests[name] = interface
    report = {
        "layout": to_plain(vars(layout)),
        "cfg": to_plain(cfg),
        "clips": {"train": [names[i] for i in train_clips], "kept": [names[i] for i in kept_clips]},
        "motions": library.content_hash,
        "epochs": len(lines),
        "time_s": lines[-1]["time_s"],
        "best_epoch": min(lines, key=lambda line: line["validation_mae"])["epoch"],
        "git": git_state(),
        "versions": versions(),
        "errors": {
            name: _measure(model, data, library, layout, interface, device)
            for name, interface in tests.items()
        },
    }
    if folder is not None:
        facts = {key: report[key] for key in ("clips", "motions", "git", "versions")}
        overall = {
            name: parts["kept"]["estimator"]["overall"] for name, parts in report["errors"].items()
        }
        save_estimator(model, folder / FILE, {**facts, "errors": overall})
        write_text(folder / "metrics.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
        write_text(folder / "report.json", json.dumps(report, indent=2) + "\n")
    return EstimatorResult(model=model.eval(), lines=lines, report=report)


class _Data:
    """Windows to train on, clean and behind the interface, and to validate with."""

    def __init__(
        self,
        cfg: EstimatorCfg,
        library: MotionLibrary,
        layout: WindowLayout,
        train_clips: list[int],
        kept_clips: list[int],
    ) -> None:
        self.cfg, self.train_clips, self.kept_clips = cfg, train_clips, kept_clips
        draws = 0 if cfg.interface.is_perfect else cfg.draws
        seen = [None, *[cfg.interface] * draws]
        self.train = joined(
            [
                clip_windows(
                    library, layout, train_clips,
                    max_speed=cfg.max_speed, interface=interface, seed=cfg.seed + i,
                )
                for i, interface in enumerate(seen)
            ]
        )  # fmt: skip
        # Without clips of its own, validation looks at the training clips.
        self.kept = joined(
            [
                clip_windows(
                    library, layout, kept_clips or train_clips,
                    max_speed=cfg.max_speed, interface=interface, seed=cfg.seed + 1000,
                )
                for interface in seen[:2]
            ]
        )  # fmt: skip


class _Training:
    def __init__(
        self, cfg: EstimatorCfg, model: VelocityEstimator, data: _Data, device: str
    ) -> None:
        self.cfg, self.model, self.data, self.device = cfg, model, data, device
        weights, rate = model.parameters(), cfg.learning_rate
        self.optimizer: torch.optim.Optimizer = (
            torch.optim.AdamW(weights, lr=rate, weight_decay=cfg.weight_decay)
            if cfg.optimizer == "adamw"
            else torch.optim.Adam(weights, lr=rate)
        )
        self.plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
            self.optimizer, factor=0.5, patience=_PATIENCE, min_lr=_LOWEST_RATE
        )
        self.truth = data.kept.velocity[data.kept.rows]

    def run(self, progress: Callable[[Line], None] | None) -> list[Line]:
        """Epochs until a limit; leaves the best weights in the model."""
        cfg, lines = self.cfg, []
        best, best_weights, begun = float("inf"), None, time.perf_counter()
        for epoch in range(1, cfg.epochs + 1):
            if cfg.schedule == "cosine":
                self._cosine(epoch)
            loss = self._epoch()
            self.model.eval()
            guessed = predict(self.model, self.data.kept, self.device)
            mae = float((guessed - self.truth).abs().mean())
            if not loss < float("inf"):
                raise EngineError(
                    f"the estimator's loss is {loss} in epoch {epoch}; nothing was written. Lower "
                    "the learning rate, and check the motions with `mimiclab motion check`"
                )
            if mae < best:
                best, best_weights = mae, copy.deepcopy(self.model.state_dict())
            elapsed = time.perf_counter() - begun
            lines.append(
                {
                    "epoch": epoch,
                    "train_loss": loss,
                    "validation_mae": mae,
                    "learning_rate": self.optimizer.param_groups[0]["lr"],
                    "time_s": round(elapsed, 3),
                }
            )
            if cfg.schedule == "plateau":
                self.plateau.step(mae)
            share, eta_s = self._left(epoch, elapsed)
            if progress is not None:
                progress({**lines[-1], "share": share, "eta_s": eta_s})
            if cfg.minutes is not None and elapsed >= 60.0 * cfg.minutes:
                break
        assert best_weights is not None
        self.model.load_state_dict(best_weights)
        return lines

    def _epoch(self) -> float:
        """One pass over the training windows in a random order; the mean loss."""
        cfg, train = self.cfg, self.data.train
        self.model.train()
        rows = train.rows[torch.randperm(len(train.rows))]
        total = 0.0
        for part in rows.split(cfg.batch):
            age = torch.full((len(part),), cfg.history)
            fresh = torch.rand(len(part)) < cfg.fresh
            age[fresh] = torch.randint(0, cfg.history, (int(fresh.sum()),))
            window = train.window(part, age).to(self.device)
            # In units of the spread of velocities, so that the rate suits all motions.
            miss = self.model(window) - train.velocity[part].to(self.device)
            loss = (miss / self.model.output_std).square().mean()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += float(loss.detach()) * len(part)
        return total / len(rows)

    def _cosine(self, epoch: int) -> None:
        cfg = self.cfg
        if epoch <= cfg.warm_up:
            rate = cfg.learning_rate * epoch / cfg.warm_up
        else:
            done = torch.tensor((epoch - cfg.warm_up) / max(1, cfg.epochs - cfg.warm_up))
            span = cfg.learning_rate - _LOWEST_RATE
            rate = _LOWEST_RATE + span * float(0.5 + 0.5 * torch.cos(torch.pi * done))
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def _left(self, epoch: int, elapsed: float) -> tuple[float, float]:
        share, left = epoch / self.cfg.epochs, elapsed / epoch * (self.cfg.epochs - epoch)
        if self.cfg.minutes is not None:
            budget = 60.0 * self.cfg.minutes
            share, left = max(share, elapsed / budget), min(left, budget - elapsed)
        return min(1.0, share), max(0.0, left)


def _measure(
    model: VelocityEstimator,
    data: _Data,
    library: MotionLibrary,
    layout: WindowLayout,
    interface: InterfaceCfg | None,
    device: str,
) -> dict[str, Any]:
    """Errors on the kept and on the training clips behind an interface."""
    names, found = library.clip_names, {}
    guesses = {"estimator": model.eval(), **simple_guesses(data.train)}
    for part, clips in (("kept", data.kept_clips or data.train_clips), ("train", data.train_clips)):
        windows = clip_windows(
            library,
            layout,
            clips,
            max_speed=data.cfg.max_speed,
            interface=interface,
            seed=data.cfg.seed + 2000,
        )
        found[part] = {
            name: score(guess, windows, names, device) for name, guess in guesses.items()
        }
    return found
