"""The viser page: draws a player's moments and hands the controls to it."""

import time
from typing import Any

import numpy as np
import viser
from viser import uplot

from mimiclab.maths.metrics import METRICS
from mimiclab.viewing.placement import to_the_left
from mimiclab.viewing.player.clock import SPEEDS
from mimiclab.viewing.player.figure import Figure
from mimiclab.viewing.player.player import Player, Snapshot
from mimiclab.viewing.serving import by_user, close_server, on_press, open_server, set_stage
from mimiclab.viewing.style import GHOST_RGB

_FRAME_S = 1 / 30
_PLOT_S = 0.25
_GAP_M = 0.9
_PLOTS = ("mpjpe_global_mm", "mpjpe_root_mm", "joint_position_error", "orientation_error")
_DIRECTIONS = {"random": None, "forward": 0.0, "left": np.pi / 2, "back": np.pi,
               "right": -np.pi / 2}  # fmt: skip


class Page:
    """Serves one player to any number of browser windows."""

    def __init__(self, player: Player, *, host: str = "127.0.0.1", port: int = 8080) -> None:
        """Start serving at once; `run` then keeps the picture moving.

        Raises:
            PortInUseError: another program listens on `port`.
        """
        self.player = player
        self.server, self.url = open_server(host, port)
        self._build_scene()
        self._build_controls()
        self._plot_due = 0.0
        self._shown_frame = (0, 0)
        self.draw(force=True)

    def run(self, *, seconds: float | None = None) -> None:
        """Play until interrupted, or for `seconds`."""
        start = before = time.perf_counter()
        while seconds is None or before - start < seconds:
            time.sleep(max(0.0, _FRAME_S - (time.perf_counter() - before)))
            now = time.perf_counter()
            self.player.update(now - before)
            before = now
            self.draw()

    def close(self) -> None:
        """Stop serving."""
        close_server(self.server)

    # Scene

    def _build_scene(self) -> None:
        robot = self.player.show.robot
        self._world = set_stage(self.server, robot.default_root_height / 0.76)
        self._robot = Figure(self.server, robot.model, "/world/robot")
        self._ghost = None
        if self.player.show.reference_qpos is not None:
            self._ghost = Figure(
                self.server, robot.model, "/world/reference",
                color=GHOST_RGB, opacity=0.45, shrink=0.003,
            )  # fmt: skip

    # Controls

    def _build_controls(self) -> None:
        gui, player, show = self.server.gui, self.player, self.player.show
        gui.add_markdown(f"**{show.title}**  \n{show.robot.name}")
        self._status = gui.add_markdown("")
        self._clip = gui.add_dropdown("Clip", show.clip_names, initial_value=show.clip_names[0])
        self._clip.on_update(by_user(lambda _: player.choose(self._clip_number())))
        self._play = gui.add_button("Pause", icon=viser.Icon.PLAYER_PAUSE)
        self._play.on_click(on_press(player.toggle))
        gui.add_button("Step", icon=viser.Icon.PLAYER_TRACK_NEXT).on_click(on_press(player.step))
        gui.add_button("Reset", icon=viser.Icon.REFRESH).on_click(on_press(player.reset))
        self._time = gui.add_slider("Time (s)", 0.0, self._duration(), 0.01, 0.0)
        self._time.on_update(by_user(lambda _: player.seek(self._time.value)))
        labels = [f"{speed:g}x" for speed in SPEEDS]
        speed = gui.add_dropdown("Speed", labels, initial_value="1x")
        speed.on_update(lambda _: setattr(player.clock, "speed", float(speed.value[:-1])))
        repeat = gui.add_checkbox("Repeat", True)
        repeat.on_update(lambda _: setattr(player, "repeat", repeat.value))
        self._follow = gui.add_checkbox("Follow robot", True)
        if self._ghost is not None:
            ghost = gui.add_dropdown("Reference", ("over", "beside", "hidden"))
            ghost.on_update(lambda _: self._place_ghost(ghost.value))
        self._pushes = self._build_push() if show.closed_loop else None
        self._plots = self._build_plots() if show.closed_loop else {}

    def _place_ghost(self, where: str) -> None:
        """Show the reference where it really is, or at the robot's right, or not at all."""
        assert self._ghost is not None
        shift = to_the_left(self.player.snapshot().qpos[3:7], -_GAP_M)
        self._ghost.root.position = shift if where == "beside" else np.zeros(3)
        self._ghost.visible = where != "hidden"

    def _build_push(self) -> tuple[Any, Any]:
        gui = self.server.gui
        with gui.add_folder("Push"):
            strength = gui.add_slider("Speed (m/s)", 0.1, 2.0, 0.1, 0.5)
            direction = gui.add_dropdown("Towards", tuple(_DIRECTIONS), initial_value="random")
            button = gui.add_button("Push", icon=viser.Icon.HAND_STOP)
            button.on_click(
                on_press(lambda: self.player.push(strength.value, _DIRECTIONS[direction.value]))
            )
        return strength, direction

    def _build_plots(self) -> dict[str, Any]:
        gui, empty = self.server.gui, np.zeros(1)
        found = {}
        with gui.add_folder("Tracking error"):
            for name in _PLOTS:
                label = f"{name.removesuffix('_mm').replace('_', ' ')} ({METRICS[name].unit})"
                found[name] = gui.add_uplot(
                    (empty, empty),
                    (
                        uplot.Series(label="s"),
                        uplot.Series(label=label, stroke="#1d7f97", width=2),
                    ),
                    title=label,
                    scales={"x": uplot.Scale(time=False)},
                    legend=uplot.Legend(show=False),
                    aspect=2.6,
                )
        return found

    # Drawing

    def draw(self, *, force: bool = False) -> None:
        """Bring the page up to date with the player."""
        now = self.player.snapshot()
        self._robot.pose(now.qpos)
        if self._ghost is not None and now.reference_qpos is not None:
            self._ghost.pose(now.reference_qpos)
        centre = now.qpos[:2] if self._follow.value else np.zeros(2)
        self._world.position = (-centre[0], -centre[1], 0.0)
        self._show_controls(now)
        if force or time.perf_counter() >= self._plot_due:
            self._plot_due = time.perf_counter() + _PLOT_S
            self._show_status(now)
            self._draw_plots()

    def _show_controls(self, now: Snapshot) -> None:
        label = "Pause" if now.playing else "Play"
        if self._play.label != label:
            self._play.label = label
            playing, paused = viser.Icon.PLAYER_PAUSE, viser.Icon.PLAYER_PLAY
            self._play.icon = playing if now.playing else paused
        name = self.player.show.clip_names[now.clip]
        if self._clip.value != name:
            self._clip.value = name
        if abs(self._time.max - self._duration()) > 1e-9:
            self._time.max = self._duration()
        # Only when the player has moved, or the slider would slip out of the user's hand.
        if (now.clip, now.frame) != self._shown_frame:
            self._shown_frame = now.clip, now.frame
            if abs(self._time.value - now.time_s) > 0.75 * now.step_s:
                self._time.value = round(min(now.time_s, self._time.max), 2)

    def _show_status(self, now: Snapshot) -> None:
        lines = [f"frame {now.frame} of {now.num_frames - 1} · {1 / now.step_s:.4g} Hz"]
        if "mpjpe_global_mm" in now.errors:
            lines.append(f"error **{now.errors['mpjpe_global_mm']:.0f} mm**")
        if now.crossed:
            lines.append(f"limit crossed: **{now.crossed}**")
        text = " · ".join(lines)
        if self._status.content != text:
            self._status.content = text

    def _draw_plots(self) -> None:
        for name, plot in self._plots.items():
            times, values = self.player.history(name)
            if len(times) > 1:
                plot.data = (times, values)

    def _clip_number(self) -> int:
        return self.player.show.clip_names.index(self._clip.value)

    def _duration(self) -> float:
        show = self.player.show
        return round(max((show.num_frames - 1) * show.step_s, 0.01), 2)
