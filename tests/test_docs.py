"""Every snippet of the README and the documentation is executed, in order, page by page.

Python blocks of a page share one namespace. Each `mimiclab` line of a shell block runs in a folder
with a small trained run at `runs/demo`. A block after the comment `<!-- parsed only -->` takes too
long for a test, so its commands are only checked against the parser.
"""

import importlib
import re
import shlex
import shutil
from pathlib import Path

import pytest
import tyro

from mimiclab.cli.main import COMMANDS, find_command, main

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"(<!-- parsed only -->\n+)?^```(python|bash)\n(.*?)^```", re.M | re.S)


def blocks(page: Path) -> list[tuple[bool, str, str]]:
    found = BLOCK.findall(page.read_text())
    return [(bool(parsed_only), language, code) for parsed_only, language, code in found]


def commands(code: str) -> list[list[str]]:
    lines = code.replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("mimiclab ")]


def parse(arguments: list[str]) -> None:
    words, rest = find_command(arguments)
    module, function = COMMANDS[words][0].split(":")
    command = getattr(importlib.import_module(module), function)
    if hasattr(command, "read"):
        command.read(rest, words)
    else:
        tyro.extras.get_parser(command).parse_args(rest)


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p)], ids=lambda page: page.name)
@pytest.mark.timeout(600)
def test_snippets_of_a_page_work(page: Path, tiny_run: Path, tmp_path: Path, monkeypatch):
    shutil.copytree(tiny_run, tmp_path / "runs" / "demo")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MIMICLAB_CACHE", str(tmp_path / "cache"))
    namespace: dict = {"__name__": "__docs__"}
    for parsed_only, language, code in blocks(page):
        if language == "python":
            exec(compile(code, str(page), "exec"), namespace)
            continue
        for arguments in commands(code):
            if parsed_only:
                parse(arguments)
            else:
                assert main(arguments) == 0, " ".join(arguments)


def test_a_wrong_flag_in_a_parsed_block_is_noticed():
    with pytest.raises(SystemExit):
        parse(["motion", "check", "--no-such-flag", "x"])


@pytest.mark.parametrize("page", [p for p in (ROOT / "docs").rglob("*.md")], ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page: Path):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to missing {target}"


def test_parity_tables_name_tests_that_exist():
    for page in (ROOT / "docs" / "parity").glob("*.md"):
        for node in re.findall(r"`(tests/[^`]+)`", page.read_text()):
            file, _, name = node.partition("::")
            assert (ROOT / file).exists(), f"{page.name}: {node}"
            if name:
                function = name.split("[")[0]
                assert f"def {function}(" in (ROOT / file).read_text(), f"{page.name}: {node}"


def test_the_page_on_formats_lists_every_format():
    from mimiclab.motions.formats import FORMATS

    table = (ROOT / "docs" / "formats.md").read_text().partition("### mimiclab npz")[0]
    assert set(re.findall(r"`(\w+)`", table)) >= set(FORMATS)
