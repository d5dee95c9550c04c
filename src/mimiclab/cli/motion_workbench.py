"""`mimiclab motion workbench`."""

from pathlib import Path

from mimiclab.cli.motion_options import DEFAULTS, Inputs, Sources
from mimiclab.cli.play import serve


def workbench(
    motions: Inputs = ("builtin:*",),
    /,
    *,
    human: tuple[Path, ...] = (),
    output: Path = Path("cuts"),
    source: Sources = DEFAULTS,
    host: str = "127.0.0.1",
    port: int = 8080,
    seconds: float | None = None,
) -> int:
    """Browse, compare, judge and cut motions in the browser. Ctrl-C ends.

    The list finds motions by words of their names and by tags (`tag:walk`). Contacts, foot slide,
    speeds and joint limits run under the time slider. A second motion, of a robot or a person, can
    stand beside the first; a person's motion appears by itself beside a robot's of the same name.
    The part between in and out is saved as mimiclab npz.

    Args:
        motions: Files, folders, globs, `builtin:NAME`, motion sets.
        human: Files and folders with motions of people.
        output: Folder for what is cut out.
        source: How the files are found and read.
        host: Address to serve on; 0.0.0.0 shows the page to other computers too.
        port: Port to serve on.
        seconds: End by itself after this many seconds.
    """
    from mimiclab.motions.human.formats import find_human_files
    from mimiclab.viewing.serving import require_free_port
    from mimiclab.viewing.workbench.bench import Workbench
    from mimiclab.viewing.workbench.catalogue import Catalogue, human_entries, robot_entries
    from mimiclab.viewing.workbench.page import WorkbenchPage

    require_free_port(host, port)  # before the work of opening
    entries = robot_entries(source.find(motions)) + human_entries(find_human_files(human))
    page = WorkbenchPage(Workbench(Catalogue(entries), output), host=host, port=port)
    return serve(page, f"{len(entries)} motions", seconds)
