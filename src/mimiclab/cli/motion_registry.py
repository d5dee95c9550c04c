"""`mimiclab motion push|pull|list`: motions under names and numbers, with checksums."""

from pathlib import Path
from typing import Annotated, Literal

import tyro

from mimiclab.cli.motion_options import DEFAULTS, Inputs, Json, Sources


def push(
    motions: Inputs,
    /,
    *,
    registry: str | None = None,
    name: str | None = None,
    format: str | None = None,
    layout: Literal["folder", "hub"] = "folder",
    sources: Sources = DEFAULTS,
) -> None:
    """Store motions in a registry as new versions; one that is there already is not stored again.

    Args:
        motions: Files, folders, globs, `builtin:NAME`, or names of motion sets.
        registry: A folder or `wandb:[ENTITY/]PROJECT`; left out, the folder of the variable
            MIMICLAB_REGISTRY, else mimiclab/registry among the user's data.
        name: Name in the registry, for one motion; left out, the motion's own.
        format: Format of the stored file; left out, mimiclab npz, in W&B BeyondMimic's npz.
        layout: `hub` adds to a folder what a data set on the Hugging Face hub shows.
        sources: How files are read.
    """
    from mimiclab.errors import RegistryError
    from mimiclab.motions.registry import FolderRegistry, open_registry
    from mimiclab.motions.registry.hub import write_hub_card

    store = open_registry(registry)
    if layout == "hub" and not isinstance(store, FolderRegistry):
        raise RegistryError(
            "--layout hub is for a folder, which `hf upload` then uploads; see --registry"
        )
    clips = sources.load(motions)
    if name is not None and len(clips) != 1:
        raise RegistryError(f"--name names one motion, but {len(clips)} were given; leave it out")
    for clip in clips:
        entry = store.push(clip, name or "", format or "")
        print(f"{entry.name}:{entry.version}  {clip.duration_s:.2f} s  sha256 {entry.sha256}")
    if isinstance(store, FolderRegistry):
        print(f"in {store.folder}; use as registry:NAME wherever a motion is asked for")
    else:
        print(f"in {registry}; use as {registry}/NAME:VERSION wherever a motion is asked for")
    if isinstance(store, FolderRegistry) and layout == "hub":
        card, unlicensed = write_hub_card(store)
        if unlicensed:
            print(f"Without licence, so not to be shared: {', '.join(unlicensed)} (push with one: "
                  "mimiclab motion convert --licence)")  # fmt: skip
        print(f"Card: {card}. Upload: hf upload USER/NAME {store.folder} --repo-type dataset")


def pull(
    motion: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME[:VERSION]")],
    /,
    *,
    registry: str | None = None,
    output: Path | None = None,
    overwrite: bool = False,
) -> None:
    """Copy a motion out of a registry, its checksum verified.

    Args:
        motion: NAME or NAME:VERSION, also with `registry:` or `wandb:[ENTITY/]PROJECT/` before it;
            the version is `latest` if left out.
        registry: Registry: a folder or `wandb:[ENTITY/]PROJECT`; left out, the user's own.
        output: File to write; left out, NAME.npz here.
        overwrite: Replace an existing file.
    """
    import shutil

    from mimiclab.errors import OutputError, RegistryError
    from mimiclab.files import atomic_path
    from mimiclab.motions.registry import (
        is_registered,
        open_registry,
        registered_file,
        split_version,
    )

    if registry is not None and is_registered(motion):
        raise RegistryError(f"{motion} names its registry itself; leave out --registry")
    if is_registered(motion):
        file = registered_file(motion)
    else:
        file = open_registry(registry).pull(*split_version(motion))
    target = Path(file.name) if output is None else output
    if target.exists() and not overwrite:
        raise OutputError(f"{target} exists; choose another --output or add --overwrite")
    if target.suffix != file.suffix:
        raise OutputError(f"{target}: the motion is a {file.suffix} file; choose that suffix")
    with atomic_path(target) as temporary:
        shutil.copyfile(file, temporary)
    print(f"{target}  from {file}")


def list_motions(
    *,
    registry: str | None = None,
    json_path: Json = None,
) -> int:
    """List what can be named instead of a file: built-in motions, motion sets, and the registry.

    Exit code 1: the registry holds damaged versions.

    Args:
        registry: Registry: a folder or `wandb:[ENTITY/]PROJECT`; left out, the user's own.
        json_path: Write the list as JSON.
    """
    from rich.console import Console
    from rich.table import Table

    from mimiclab.cli.motion_batch import write_json
    from mimiclab.motions.registry import FolderRegistry, open_registry
    from mimiclab.motions.sets import load_set, set_names
    from mimiclab.motions.synthesis import builtin_names

    opened = open_registry(registry)
    where = str(opened.folder) if isinstance(opened, FolderRegistry) else str(registry)
    entries = opened.entries()
    sets = [load_set(name) for name in set_names()]
    console = Console()
    console.print("[bold]built-in[/] " + ", ".join(f"builtin:{name}" for name in builtin_names()))
    table = Table("set", "clips", "what", title="motion sets", title_justify="left")
    for found in sets:
        table.add_row(found.name, str(len(found.motions)), found.description)
    console.print(table)
    columns = ("motion", "version", "robot", "fps", "s", "licence", "SHA-256")
    table = Table(*columns, title=f"registry {where}", title_justify="left")
    for entry in entries:
        facts = entry.facts
        shown = [facts.get(key, "") for key in ("robot", "fps", "duration_s", "licence")]
        table.add_row(entry.name, entry.version, *map(_short, shown), entry.sha256[:12])
    console.print(table if entries else f"[bold]registry[/] {where}: no motions yet")
    damaged = [entry.problem for entry in entries if entry.problem]
    for problem in damaged:
        console.print(f"[red]damaged[/] {problem}", highlight=False, soft_wrap=True)
    if json_path is not None:
        document = {
            "schema": 1,
            "builtin": list(builtin_names()),
            "sets": [
                {"name": s.name, "description": s.description, "clips": len(s.motions)}
                for s in sets
            ],
            "registry": {"where": where, "motions": [vars(entry) for entry in entries]},
        }
        write_json(json_path, document)
    return 1 if damaged else 0


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float | int) else str(value)
