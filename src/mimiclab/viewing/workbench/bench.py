"""What the workbench does: chosen motions, clock, in and out points; independent of any page."""

import threading
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mimiclab.errors import MimiclabError, OutputError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats import write_motion
from mimiclab.motions.human.clip import HumanClip
from mimiclab.viewing.player.clock import PlaybackClock
from mimiclab.viewing.track import Track
from mimiclab.viewing.workbench.catalogue import Catalogue, Entry


@dataclass(frozen=True, eq=False)
class Shown:
    """A motion that is open, of a robot or of a person."""

    entry: Entry
    clip: MotionClip | HumanClip
    track: Track

    @classmethod
    def of(cls, entry: Entry) -> "Shown":
        """Read the motion.

        Raises:
            MotionFileError, MotionError: the file cannot be read.
        """
        clip = entry.read()
        return cls(entry, clip, Track.of(clip))

    @property
    def num_frames(self) -> int:
        """Number of frames."""
        return self.clip.num_frames

    def frame_at(self, time_s: float) -> int:
        """Number of the frame nearest to a time."""
        return int(np.clip(round(time_s * self.clip.fps), 0, self.num_frames - 1))


class Workbench:
    """One motion under inspection, another beside it if wanted.

    Methods may be called from several threads.
    """

    def __init__(self, catalogue: Catalogue, output: Path) -> None:
        """Open the first motion of `catalogue`; cut clips are written below `output`."""
        self.catalogue = catalogue
        self.output = output
        self.lock = threading.RLock()
        self.clock = PlaybackClock(1 / 30)
        self.main = Shown.of(catalogue.entries[0])
        self.other: Shown | None = None
        self._after_choice()

    @property
    def frame(self) -> int:
        """Frame of the main motion that is shown."""
        return self._frame

    @property
    def time_s(self) -> float:
        """Time since the start of the main motion."""
        return self._frame / self.main.clip.fps

    @property
    def trim(self) -> tuple[int, int]:
        """First frame, and the one after the last, that `save` keeps."""
        return self._trim

    def choose(self, entry: Entry) -> None:
        """Inspect another motion; its partner of the same name, if any, appears beside it.

        Raises:
            MotionFileError, MotionError: the file cannot be read; what was open stays.
        """
        shown = Shown.of(entry)
        partner = self.catalogue.partner(entry)
        other = None if partner is None else Shown.of(partner)
        with self.lock:
            self.main, self.other = shown, other
            self._after_choice()

    def compare(self, entry: Entry | None) -> None:
        """Show a second motion beside the first, or none."""
        other = None if entry is None else Shown.of(entry)
        with self.lock:
            self.other = other

    def update(self, wall_s: float) -> bool:
        """Let time pass; the motion repeats between in and out. True if anything moved."""
        with self.lock:
            steps = self.clock.due(wall_s)
            if steps:
                first, last = self._trim
                self._frame += steps
                if not first <= self._frame < last:
                    self._frame = first
            return steps > 0

    def seek(self, time_s: float) -> None:
        """Go to a time of the main motion."""
        with self.lock:
            self._frame = self.main.frame_at(time_s)

    def set_in(self) -> None:
        """The saved part begins at the shown frame."""
        with self.lock:
            last = self._trim[1]
            self._trim = self._frame, last if last > self._frame + 1 else self.main.num_frames

    def set_out(self) -> None:
        """The saved part ends with the shown frame."""
        with self.lock:
            first = self._trim[0]
            self._trim = first if first <= self._frame else 0, self._frame + 1

    def clear_trim(self) -> None:
        """Keep the whole motion."""
        with self.lock:
            self._trim = 0, self.main.num_frames

    def save(self, name: str) -> Path:
        """Write the part between in and out as mimiclab npz; nothing is ever replaced.

        Raises:
            OutputError: a name with a folder in it, an existing file, or no space.
            MimiclabError: the motion is a person's.
        """
        with self.lock:
            clip, (first, last) = self.main.clip, self._trim
        if isinstance(clip, HumanClip):
            raise MimiclabError(
                f"{clip.name} is the motion of a person; retarget it first "
                "(`mimiclab motion retarget`), then cut the robot's"
            )
        if not name or Path(name).name != name or name in (".", ".."):
            raise OutputError(
                f"cannot save as {name!r}: expected a plain file name without folders"
            )
        path = self.output / f"{name.removesuffix('.npz')}.npz"
        if path.exists():
            raise OutputError(f"{path} exists; choose another name")
        self.output.mkdir(parents=True, exist_ok=True)
        write_motion(replace(clip.cut(first, last), name=path.stem), path)
        return path

    def _after_choice(self) -> None:
        self._frame = 0
        self._trim = 0, self.main.num_frames
        self.clock.step_s = 1 / self.main.clip.fps
