"""Motions as Weights & Biases artifacts, in the layout of BeyondMimic: type `motions`, one file
`motion.npz`. Trainers that follow BeyondMimic read what is pushed, and what they pushed is pulled.

Needs the extra `wandb`, and an account unless `WANDB_MODE=offline` keeps the run on disk for
`wandb sync` to upload later.
"""

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from mimiclab.errors import OutputError, RegistryError
from mimiclab.files import atomic_path
from mimiclab.locations.wandb import named_errors, wandb_api, wandb_package
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats import FORMATS, write_motion
from mimiclab.motions.registry import (
    LATEST,
    Entry,
    checked_format,
    checked_name,
    clip_facts,
    file_sha256,
    registry_folder,
    verify,
)

TYPE = "motions"
"""Type of the artifacts."""
FILE = "motion.npz"
"""The file in each."""
OFFLINE = "offline"
"""Version of what only `wandb sync` will upload."""
_ORGANISATION_REGISTRY = "wandb-registry-"
_WHAT = "motions in Weights & Biases"
_PROJECT = "mimiclab-motions"
"""Project of artifacts that are linked to an organisation's registry."""


class WandbRegistry:
    """Motions in `[ENTITY/]PROJECT`; the project may be an organisation's `wandb-registry-NAME`."""

    def __init__(self, address: str, cache: str | Path | None = None) -> None:
        """Nothing is asked of the network yet.

        Args:
            address: entity and project; the entity is the user's default if left out.
            cache: where pulled files are kept; by default `.wandb` in the folder registry.

        Raises:
            RegistryError: not an address.
        """
        parts = address.strip("/").split("/")
        if len(parts) > 2 or not all(part.strip(".") and "\0" not in part for part in parts):
            raise RegistryError(
                f"wandb:{address}: expected wandb:ENTITY/PROJECT for a registry, and "
                "wandb:ENTITY/PROJECT/NAME:VERSION for a motion in it"
            )
        self.address = "/".join(parts)
        self.entity, self.project = parts if len(parts) == 2 else (None, parts[0])
        self.cache = (registry_folder() / ".wandb" if cache is None else Path(cache)).joinpath(
            *parts
        )

    def push(self, clip: MotionClip, name: str = "", format: str = "") -> Entry:
        """See `Registry`; the format is BeyondMimic's if left out, W&B gives the number."""
        name, format = checked_name(name or clip.name), checked_format(format or "beyondmimic_npz")
        if FORMATS[format].suffix != ".npz":
            raise RegistryError(f"format {format}: the file in W&B is {FILE}; choose an npz format")
        wandb = wandb_package(_WHAT, RegistryError)
        linked = self.project.startswith(_ORGANISATION_REGISTRY)
        if linked and os.environ.get("WANDB_MODE") == OFFLINE:
            raise OutputError(
                f"wandb:{self.address}: W&B links to an organisation's registry online only; push "
                "to a project, or unset WANDB_MODE"
            )
        with tempfile.TemporaryDirectory() as folder, named_errors(f"push {name!r}", OutputError):
            file = Path(folder) / FILE
            write_motion(replace(clip, name=name), file, format)
            facts = clip_facts(clip, format) | {"sha256": file_sha256(file)}
            artifact = wandb.Artifact(name, type=TYPE, metadata=facts)
            artifact.add_file(str(file), name=FILE)
            with wandb.init(
                entity=None if linked else self.entity,
                project=_PROJECT if linked else self.project,
                job_type="push",
                name=f"push-{name}",
            ) as run:
                run.log_artifact(artifact)
                if linked:
                    run.link_artifact(artifact, f"{self.address}/{name}")
                version = OFFLINE if run.offline else str(artifact.wait().version)
        sha256 = facts.pop("sha256")
        return Entry(name=name, version=version, sha256=sha256, facts=facts)

    def pull(self, name: str, version: str = LATEST) -> Path:
        """See `Registry`; the version may be any alias. Numbered versions are fetched once."""
        kept = self.cache / checked_name(name) / checked_name(version)
        known = kept / f"{name}.sha256"
        file = kept / f"{name}.npz"
        if known.is_file():  # only numbered versions are kept: aliases move
            verify(file, known.read_text().strip())
            return file
        with named_errors(f"pull {name}:{version} from wandb:{self.address}", RegistryError):
            artifact = self._api().artifact(f"{self.address}/{name}:{version}", type=TYPE)
        return self._fetched(artifact, name)

    def _fetched(self, artifact: Any, name: str) -> Path:
        version = checked_name(str(artifact.version))
        kept = self.cache / name / version
        file, known = kept / f"{name}.npz", kept / f"{name}.sha256"
        with (
            tempfile.TemporaryDirectory() as folder,
            named_errors(f"pull {name}:{version} from wandb:{self.address}", RegistryError),
        ):
            artifact.download(root=folder)
            artifact.verify(root=folder)  # by W&B's own digests, which foreign artifacts have too
            found = Path(folder) / FILE
            if not found.is_file():
                raise RegistryError(
                    f"wandb:{self.address}/{name}:{version} holds no {FILE}, so it is no motion"
                )
            sha256 = str((artifact.metadata or {}).get("sha256") or file_sha256(found))
            verify(found, sha256)
            with atomic_path(file) as temporary:
                shutil.copyfile(found, temporary)
        with atomic_path(known) as temporary:
            temporary.write_text(sha256 + "\n")
        return file

    def entries(self) -> list[Entry]:
        """See `Registry`."""
        with named_errors(f"list wandb:{self.address}", RegistryError):
            api = self._api()
            found = []
            for collection in api.artifact_collections(self.address, TYPE):
                for artifact in api.artifacts(TYPE, f"{self.address}/{collection.name}"):
                    facts = dict(artifact.metadata or {})
                    sha256 = str(facts.pop("sha256", ""))
                    version = str(artifact.version)
                    found.append(
                        Entry(name=collection.name, version=version, sha256=sha256, facts=facts)
                    )
            return sorted(found, key=lambda entry: (entry.name, len(entry.version), entry.version))

    def _api(self) -> Any:
        instead = "use a motion of the folder registry"
        return wandb_api(f"wandb:{self.address}", _WHAT, instead, RegistryError)
