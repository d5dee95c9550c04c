"""The workbench in the browser."""

import time

import numpy as np
import viser

from mimiclab.errors import MimiclabError
from mimiclab.motions.human.clip import HumanClip
from mimiclab.viewing.doll import DOLL_RGB
from mimiclab.viewing.placement import to_the_left
from mimiclab.viewing.player.clock import SPEEDS
from mimiclab.viewing.player.figure import Figure
from mimiclab.viewing.serving import by_user, close_server, on_press, open_server, set_stage
from mimiclab.viewing.style import GHOST_RGB
from mimiclab.viewing.workbench.bench import Shown, Workbench
from mimiclab.viewing.workbench.catalogue import Entry
from mimiclab.viewing.workbench.curves import measure
from mimiclab.viewing.workbench.timeline import Timeline

_FRAME_S = 1 / 30
_TIMELINE_S = 0.12
_MOST_LISTED = 300
_NOTHING = "(nothing)"
_GAP_M = 0.95


class WorkbenchPage:
    """Serves one workbench to any number of browser windows."""

    def __init__(self, bench: Workbench, *, host: str = "127.0.0.1", port: int = 8080) -> None:
        """Start serving at once; `run` then keeps the picture moving.

        Raises:
            PortInUseError: another program listens on `port`.
        """
        self.bench = bench
        self.server, self.url = open_server(host, port, panel="large")
        self._world = set_stage(self.server)
        self._figures: dict[str, tuple[Shown, Figure]] = {}
        self._timeline_due = 0.0
        self._shown: tuple[Shown | None, Shown | None] = (None, None)
        self._drawn: tuple | None = None
        self._build_library()
        self._build_playback()
        self._build_trim()
        self.draw()

    def run(self, *, seconds: float | None = None) -> None:
        """Play until interrupted, or for `seconds`."""
        start = before = time.perf_counter()
        while seconds is None or before - start < seconds:
            time.sleep(max(0.0, _FRAME_S - (time.perf_counter() - before)))
            now = time.perf_counter()
            self.bench.update(now - before)
            before = now
            self.draw()

    def close(self) -> None:
        """Stop serving."""
        close_server(self.server)

    # Controls

    def _build_library(self) -> None:
        gui, catalogue = self.server.gui, self.bench.catalogue
        with gui.add_folder("Library"):
            hint = " ".join(f"tag:{tag}" for tag in catalogue.tags()[:4])
            self._query = gui.add_text("Search", "", hint=f"words of the name; {hint}")
            self._found = gui.add_markdown("")
            self._motion = gui.add_dropdown("Motion", [self.bench.main.entry.label])
            self._other = gui.add_dropdown("Beside it", [_NOTHING])
            self._place = gui.add_dropdown("Placed", ("beside", "over"))
            self._about = gui.add_markdown("")
        self._query.on_update(by_user(lambda _: self._list()))
        self._motion.on_update(by_user(lambda _: self._choose(self._motion.value)))
        self._other.on_update(by_user(lambda _: self._compare(self._other.value)))
        self._list()

    def _build_playback(self) -> None:
        gui, bench = self.server.gui, self.bench
        with gui.add_folder("Time"):
            self._play = gui.add_button("Pause", icon=viser.Icon.PLAYER_PAUSE)
            self._play.on_click(on_press(self._toggle))
            self._time = gui.add_slider("Time (s)", 0.0, 1.0, 0.01, 0.0)
            self._time.on_update(by_user(lambda _: bench.seek(self._time.value)))
            labels = [f"{speed:g}x" for speed in SPEEDS]
            speed = gui.add_dropdown("Speed", labels, initial_value="1x")
            speed.on_update(lambda _: setattr(bench.clock, "speed", float(speed.value[:-1])))
            self._image = gui.add_image(np.full((8, 8, 3), 255, np.uint8), format="png")

    def _build_trim(self) -> None:
        gui, bench = self.server.gui, self.bench
        with gui.add_folder("Cut"):
            gui.add_button("In: begin here").on_click(on_press(bench.set_in))
            gui.add_button("Out: end here").on_click(on_press(bench.set_out))
            gui.add_button("Whole motion").on_click(on_press(bench.clear_trim))
            self._name = gui.add_text("Name", _cut_name(bench))
            gui.add_button("Save", icon=viser.Icon.DEVICE_FLOPPY).on_click(on_press(self._save))
            self._message = gui.add_markdown("")

    def _list(self) -> None:
        """Show what the search finds in both lists."""
        found = self.bench.catalogue.search(self._query.value)
        total = len(self.bench.catalogue.entries)
        more = f", the first {_MOST_LISTED} listed" if len(found) > _MOST_LISTED else ""
        self._found.content = f"{len(found)} of {total} motions{more}"
        labels = [entry.label for entry in found[:_MOST_LISTED]]
        open_label = self.bench.main.entry.label
        self._motion.options = labels if open_label in labels else [open_label, *labels]
        self._motion.value = open_label
        other = self.bench.other
        beside = [_NOTHING, *labels]
        if other is not None and other.entry.label not in beside:
            beside.insert(1, other.entry.label)
        self._other.options = beside
        self._other.value = _NOTHING if other is None else other.entry.label

    def _choose(self, label: str) -> None:
        self._try(lambda: self.bench.choose(self.bench.catalogue.entry(label)))
        self._name.value = _cut_name(self.bench)
        self._list()

    def _compare(self, label: str) -> None:
        entry: Entry | None = None if label == _NOTHING else self.bench.catalogue.entry(label)
        self._try(lambda: self.bench.compare(entry))
        self._list()

    def _toggle(self) -> None:
        clock = self.bench.clock
        clock.pause() if clock.playing else clock.play()

    def _save(self) -> None:
        path = self._try(lambda: self.bench.save(self._name.value))
        if path is not None:
            self._message.content = f"wrote `{path}`"

    def _try(self, action):
        """Do it, or tell the user why not."""
        self._message.content = ""
        try:
            return action()
        except MimiclabError as error:
            self._message.content = f"**{error}**"
            return None

    # Drawing

    def draw(self) -> None:
        """Bring the page up to date with the bench."""
        bench = self.bench
        with bench.lock:
            main, other, frame, now = bench.main, bench.other, bench.frame, bench.time_s
            first, last = bench.trim
        if self._shown != (main, other):
            self._shown = main, other
            self._open(main, other)
        offset = np.zeros(3)
        self._figure("main", main).pose(main.track.qpos[frame])
        if other is not None:
            figure = self._figure("other", other)
            figure.pose(other.track.qpos[other.frame_at(now)])
            offset = self._offset(main, other)
            figure.root.position = offset
        centre = main.track.qpos[frame, :2]
        self._world.position = (-centre[0], -centre[1], 0.0)
        label = "Pause" if bench.clock.playing else "Play"
        if self._play.label != label:
            self._play.label = label
            playing, paused = viser.Icon.PLAYER_PAUSE, viser.Icon.PLAYER_PLAY
            self._play.icon = playing if bench.clock.playing else paused
        if abs(self._time.value - now) > 0.75 / main.clip.fps:
            self._time.value = round(min(now, self._time.max), 2)
        if time.perf_counter() >= self._timeline_due:
            self._timeline_due = time.perf_counter() + _TIMELINE_S
            keep = first / main.clip.fps, (last - 1) / main.clip.fps
            state = (main, round(now, 2), keep)
            if state != self._drawn:
                self._drawn = state
                self._image.image = self._timeline.picture(now, keep)

    def _open(self, main: Shown, other: Shown | None) -> None:
        for role, shown in (("main", main), ("other", other)):
            old = self._figures.get(role)
            if old is not None and (shown is None or old[0].track.robot is not shown.track.robot):
                old[1].remove()
                del self._figures[role]
        clip = main.clip
        self._timeline = Timeline(measure(clip, None if other is None else other.clip))
        self._drawn = None
        self._time.max = round(max(clip.duration_s, 0.01), 2)
        kind = f"person, {len(clip.joint_names)} joints" if isinstance(clip, HumanClip) else ""
        tags = f"  \n{', '.join(clip.tags)}" if clip.tags else ""
        self._about.content = (
            f"{kind or main.track.robot.name} · {clip.num_frames} frames at {clip.fps:g} Hz{tags}"
        )

    def _figure(self, role: str, shown: Shown) -> Figure:
        if role not in self._figures:
            color = DOLL_RGB if isinstance(shown.clip, HumanClip) else None
            if role == "other" and color is None:
                color = GHOST_RGB
            name = f"/world/{role}"
            self._figures[role] = (
                shown,
                Figure(self.server, shown.track.robot.model, name, color=color),
            )
        return self._figures[role][1]

    def _offset(self, main: Shown, other: Shown) -> np.ndarray:
        """Where the second figure goes: over the first from the same start, or at its right."""
        gap = np.zeros(3)
        gap[:2] = main.track.qpos[0, :2] - other.track.qpos[0, :2]
        if self._place.value == "beside":
            gap -= to_the_left(main.track.qpos[0, 3:7], _GAP_M)
        return gap


def _cut_name(bench: Workbench) -> str:
    return f"{bench.main.clip.name}_cut"
