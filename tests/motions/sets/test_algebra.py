"""Set algebra over motions, against Python's own sets."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimiclab.errors import MotionFileError
from mimiclab.motions.sets.algebra import parse
from mimiclab.motions.sources import find_sources

CLIPS = ("walk1", "walk2", "run1", "run2", "dance1", "dance2", "walkAndDance3", "spin")
SETS = {
    "a.yaml": {"walk1", "walk2", "run1"},
    "b.yaml": {"run1", "run2", "dance1", "spin"},
    "c.yaml": {"walkAndDance3", "walk1", "spin"},
    "d.yaml": set(CLIPS),
}
TAGS = {
    "tag:walk": {"walk1", "walk2", "walkAndDance3"},
    "tag:dance": {"dance1", "dance2", "walkAndDance3"},
    "tag:Run": {"run1", "run2"},
    "tag:none": set(),
}
FILES = {"walk?.csv": {"walk1", "walk2"}, "spin.csv": {"spin"}}
LEAVES = {**SETS, **TAGS, **FILES}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for name in CLIPS:
        (folder / f"{name}.csv").touch()
    for name, clips in SETS.items():
        (folder / name).write_text(f"motions: [{', '.join(sorted(clips))}]\n")
    return folder


Tree = str | tuple[str, "Tree", "Tree"]
TREES: st.SearchStrategy[Tree] = st.recursive(
    st.sampled_from(sorted(LEAVES)),
    lambda inner: st.tuples(st.sampled_from("+-&"), inner, inner),
    max_leaves=8,
)


def written(tree: Tree) -> str:
    """With all parentheses."""
    if isinstance(tree, str):
        return tree
    return f"({written(tree[1])} {tree[0]} {written(tree[2])})"


def value(tree: Tree) -> set[str]:
    if isinstance(tree, str):
        return LEAVES[tree]
    one, other = value(tree[1]), value(tree[2])
    return {"+": one | other, "-": one - other, "&": one & other}[tree[0]]


def found(text: str, folder: Path | None) -> list[str]:
    try:
        sources = find_sources([text], robot=None, motion_folder=folder)
    except MotionFileError as error:
        assert "selects no clip" in str(error)
        return []
    return [source.path.stem for source in sources if source.path is not None]


@given(tree=TREES)
@settings(max_examples=150, deadline=None)
def test_expressions_mean_what_python_sets_do(folder: Path, tree: Tree) -> None:
    names = found(written(tree), folder)
    assert len(names) == len(set(names))
    assert set(names) == value(tree)


@given(one=TREES, two=TREES, three=TREES)
@settings(max_examples=40, deadline=None)
def test_laws(folder: Path, one: Tree, two: Tree, three: Tree) -> None:
    a, b, c = written(one), written(two), written(three)

    def same(left: str, right: str) -> bool:
        return set(found(left, folder)) == set(found(right, folder))

    assert same(f"{a} + {b}", f"{b} + {a}")
    assert same(f"{a} & {b}", f"{b} & {a}")
    assert same(f"{a} & ({b} + {c})", f"{a} & {b} + {a} & {c}")
    assert same(f"{a} - ({b} + {c})", f"{a} - {b} - {c}")
    assert same(f"{a} - {b} + {a} & {b}", a)


@given(signs=st.lists(st.sampled_from("+-&"), min_size=1, max_size=5), data=st.data())
@settings(max_examples=60, deadline=None)
def test_precedence_is_that_of_product_over_sum(
    folder: Path, signs: list[str], data: st.DataObject
) -> None:
    leaf = st.sampled_from(sorted(SETS))
    names = [data.draw(leaf) for _ in range(len(signs) + 1)]
    text = names[0] + "".join(f" {s} {n}" for s, n in zip(signs, names[1:], strict=True))
    # Python's % binds as & shall, its + and - from left to right.
    python = repr(SETS[names[0]]) + "".join(
        f" {'+ -%'['+ -&'.index(s)]} S({SETS[n]!r})" for s, n in zip(signs, names[1:], strict=True)
    )

    class S:
        def __init__(self, items: set[str]) -> None:
            self.items = set(items)

        def __add__(self, other: "S") -> "S":
            return S(self.items | other.items)

        def __sub__(self, other: "S") -> "S":
            return S(self.items - other.items)

        def __mod__(self, other: "S") -> "S":
            return S(self.items & other.items)

    expected = eval(python.replace(repr(SETS[names[0]]), f"S({SETS[names[0]]!r})", 1), {"S": S})
    assert set(found(text, folder)) == expected.items


def test_order_is_that_of_naming_and_commas_join_lists(folder: Path) -> None:
    assert found("spin.csv + a.yaml", folder)[0] == "spin"
    sources = find_sources("a.yaml - tag:run,b.yaml & tag:dance", robot=None, motion_folder=folder)
    assert [s.path.stem for s in sources if s.path] == ["walk1", "walk2", "dance1"]


def test_selections_need_no_folder_where_something_else_lists_the_clips(folder: Path) -> None:
    assert set(found(f"{folder} & tag:dance", None)) == TAGS["tag:dance"]
    # A set tells by name what it holds, wherever the files are.
    (folder / "walk1_subject1.csv").touch()
    assert found(f"{folder} & lafan1.walk", None) == ["walk1_subject1"]
    assert "walk1_subject1" not in found(f"{folder} - lafan1", None)
    (folder / "walk1_subject1.csv").unlink()
    with pytest.raises(MotionFileError, match="tag:dance selects from other clips"):
        find_sources("tag:dance", robot=None)
    with pytest.raises(MotionFileError, match="its clips are not shipped"):
        find_sources("lafan1.walk + tag:dance", robot=None)


def test_builtin_motions_take_part() -> None:
    labels = [s.label for s in find_sources("builtin:* - builtin:walk", robot=None)]
    assert "builtin:walk" not in labels and "builtin:squat" in labels
    assert [s.label for s in find_sources("builtin:* & tag:wave", robot=None)] == ["builtin:wave"]


def test_paths_with_operators_in_their_names_are_paths(tmp_path: Path) -> None:
    for name in ("take - 1.csv", "(old) walk.csv", "a + b.csv"):
        (tmp_path / name).touch()
        assert found(str(tmp_path / name), None) == [Path(name).stem]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(a", r"a `\(` without its `\)`"),
        ("(a))", r"a `\)` without its `\(`"),
        ("a +", "nothing after the last operator"),
        ("+ a + b", "a name is missing"),
        ("a + + b", "a name is missing"),
        ("()", "a name is missing"),
        ("(a)+ b", "no operator between spaces"),
        ("(" * 60 + "a" + ")" * 60, "more than 50 parentheses"),
        ("(" * 100_000, "more than 50 parentheses"),
    ],
)
def test_bad_expressions(text: str, message: str) -> None:
    from mimiclab.motions.sets.selection import Listed

    with pytest.raises(MotionFileError, match=message):
        parse(text, lambda name: Listed([]))
