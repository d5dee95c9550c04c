"""A folder registry as a data set of the Hugging Face hub: the card and the table that it shows."""

import json
from pathlib import Path

import yaml

from mimiclab.files import write_text
from mimiclab.motions.registry import Entry, FolderRegistry

_LICENCES = {
    "apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0",
    "cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-4.0", "cdla-permissive-2.0",
}  # fmt: skip
"""Identifiers that the hub knows."""


def write_hub_card(registry: FolderRegistry, title: str = "") -> tuple[Path, list[str]]:
    """Write `README.md` and `metadata.jsonl` into the registry's folder; a card by hand stays.

    Returns:
        The card, and the names of motions that state no licence, which are not to be shared.

    Raises:
        OutputError: the folder cannot be written.
    """
    usable = [entry for entry in registry.entries() if not entry.problem]
    rows = [
        {"file_name": f"{e.name}/{e.version}/{e.facts['file']}", "name": e.name}
        | {"version": e.version, "sha256": e.sha256}
        | {key: value for key, value in e.facts.items() if key not in ("file", "schema")}
        for e in usable
    ]
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    write_text(registry.folder / "metadata.jsonl", "".join(lines))
    card = registry.folder / "README.md"
    if not card.exists() or _GENERATED in card.read_text(encoding="utf-8"):
        write_text(card, _card(usable, title or registry.folder.resolve().name))
    return card, sorted({entry.name for entry in usable if not entry.facts.get("licence")})


_GENERATED = "<!-- written by mimiclab; delete this line to keep your own text -->"


def _card(entries: list[Entry], title: str) -> str:
    licences = sorted({str(e.facts.get("licence") or "unknown") for e in entries})
    one = licences[0].lower() if len(licences) == 1 else ""
    head = {
        "license": one if one in _LICENCES else "other",
        "pretty_name": title,
        "task_categories": ["robotics"],
        "tags": ["motion", "humanoid", "mimiclab", *sorted({e.facts["robot"] for e in entries})],
        "configs": [{"config_name": "default", "data_files": "metadata.jsonl"}],
    }
    if head["license"] == "other":
        head["license_name"] = "per-motion"
    seconds = sum(float(entry.facts.get("duration_s") or 0) for entry in entries)
    rows = [
        f"| {e.name} | {e.version} | {e.facts['robot']} | {e.facts['fps']:g} | "
        f"{e.facts['duration_s']:.2f} | {e.facts.get('licence') or 'unknown'} | `{e.sha256}` |"
        for e in entries
    ]
    heading = (
        "| motion | version | robot | fps | s | licence | SHA-256 |\n|---|---|---|---|---|---|---|"
    )
    table = "\n".join([heading, *rows])
    return f"""---
{yaml.safe_dump(head, sort_keys=False).strip()}
---
{_GENERATED}
# {title}

{len(entries)} motions of humanoid robots, {seconds:.1f} s. Each is a file `NAME/VERSION/NAME.npz`
with its checksum and facts in `motion.json` beside it; `metadata.jsonl` lists all.

```bash
hf download USER/{title} --repo-type dataset --local-dir {title}
mimiclab motion list --registry {title}
mimiclab motion pull NAME --registry {title}   # checks the SHA-256
```

{table}
"""
