"""Recipes of pipelines by name, and as YAML files that say where they differ from one."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from mimiclab.errors import MimiclabError, PipelineError, UnknownNameError
from mimiclab.files import write_text
from mimiclab.learning.serialise import from_plain, to_plain
from mimiclab.pipelines.mosaic import MosaicRecipe, full_recipe, laptop_recipe

RECIPES: Mapping[str, Callable[[], MosaicRecipe]] = {
    "laptop": laptop_recipe,
    "full": full_recipe,
}
"""Shipped recipes of the MOSAIC pipeline."""


class _Loader(yaml.SafeLoader):
    """Reads 1e-3 as a number, as YAML 1.2 does; PyYAML, which follows YAML 1.1, reads text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("+-0123456789")
)


def read_recipe(source: str | Path) -> MosaicRecipe:
    """A shipped recipe, or a YAML file.

    A file holds any of the recipe's fields, nested as in the recipe, and `base`: the recipe whose
    values all others keep (`laptop` if it does not say).

    Raises:
        UnknownNameError: no such recipe or file.
        PipelineError: a file that is not YAML, or with fields or values that a recipe cannot have.
    """
    path = Path(source)
    if path.suffix not in (".yaml", ".yml"):
        if str(source) not in RECIPES:
            raise UnknownNameError("recipe", str(source), [*RECIPES, "FILE.yaml"])
        return RECIPES[str(source)]()
    if not path.is_file():
        raise PipelineError(f"no recipe at {path}; shipped ones are {', '.join(RECIPES)}")
    try:
        given = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise PipelineError(f"{path} is not YAML: {error}") from error
    if not isinstance(given, dict):
        raise PipelineError(
            f"{path} holds {type(given).__name__}, expected fields of a recipe such as gmt_motions:"
        )
    base = given.pop("base", "laptop")
    if base not in list(RECIPES):  # of any type
        raise PipelineError(f"{path}: base is {base!r}, expected one of {', '.join(RECIPES)}")
    try:
        return from_plain(MosaicRecipe, _merged(to_plain(RECIPES[base]()), given), "recipe")
    except MimiclabError as error:
        raise PipelineError(f"{path}: {error}") from error


def write_recipe(recipe: MosaicRecipe, path: Path) -> None:
    """Write every value of a recipe as YAML, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    write_text(path, yaml.safe_dump(to_plain(recipe), sort_keys=False, allow_unicode=True))


def _merged(base: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in changes.items():
        nested = isinstance(value, Mapping) and isinstance(base.get(key), dict)
        result[key] = _merged(base[key], value) if nested else value
    return result
