"""Measured figures in a document: their command replaces them, and nothing else in it."""

import json
import re
import sys
from pathlib import Path

import pytest

from ddg_cli import main as door

ROOT = Path(__file__).resolve().parents[1]
COMMAND = """
import argparse
from ddg_cli import results
from ddg_cli.report import Report
def add_arguments(parser):
    parser.add_argument("name")
    results.add_option(parser, "bench-{name}")
def run(args):
    print("measured")
    return Report({"figure": 1.5}, "figure  1.5", 3)
"""
DOCUMENT = """# Results
<!-- ddg:bench-one -->
old
<!-- /ddg:bench-one -->
between
<!-- ddg:two -->
<!-- /ddg:two -->
after
"""


@pytest.fixture
def document(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A document with two sections, and a command "try" that measures."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(door, "COMMANDS", {"try": ("measuring_command", "try things")})
    monkeypatch.delitem(sys.modules, "measuring_command", raising=False)
    (tmp_path / "measuring_command.py").write_text(COMMAND)
    path = tmp_path / "results.md"
    path.write_text(DOCUMENT)
    return path


def test_the_answer_replaces_its_section_with_how_it_was_measured(document: Path) -> None:
    for _ in range(2):
        assert door.main(["try", "one", "--results", str(document)]) == 3
    text = document.read_text()
    assert text.startswith("# Results\n<!-- ddg:bench-one -->\n\n`./ddg try one`\n")
    assert text.endswith(DOCUMENT[DOCUMENT.index("<!-- /ddg:bench-one") :])
    assert "old" not in text
    assert text.count("```\nfigure  1.5\n```") == 1
    for told in ("UTC", "commit ", "cores of", "GiB; Python", "load"):
        assert told in text


def test_another_section_may_be_named_and_json_changes_nothing(
    document: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert door.main(["try", "a b", f"--results={document}#two", "--json"]) == 3
    assert json.loads(capfd.readouterr().out) == {"figure": 1.5}
    text = document.read_text()
    assert text.startswith(DOCUMENT[: DOCUMENT.index("<!-- /ddg:two")])
    assert "`./ddg try 'a b' --json`" in text


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("results.md#twoo", "no section of .* is called 'twoo'; did you mean 'two'"),
        ("missing.md", "No such file"),
        (".", "Is a directory"),
        ("open.md#open", "has no <!-- /ddg:open -->"),
        ("nested.md#outer", "has no <!-- /ddg:outer -->"),
        ("twice.md#twin", "begins more than once"),
    ],
)
def test_what_cannot_be_written_is_refused_before_it_is_measured(
    document: Path, where: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = document.parent
    (folder / "open.md").write_text("<!-- ddg:open -->\n")
    (folder / "nested.md").write_text(
        "<!-- ddg:outer -->\n<!-- ddg:inner -->\n<!-- /ddg:inner -->\n<!-- /ddg:outer -->\n"
    )
    (folder / "twice.md").write_text(2 * "<!-- ddg:twin -->\n<!-- /ddg:twin -->\n")
    before = {path: path.read_text() for path in folder.glob("*.md")}
    assert door.main(["try", "one", "--results", f"{folder}/{where}"]) == 2
    told = capsys.readouterr()
    assert "measured" not in told.out
    assert len(told.err.strip().splitlines()) == 1
    assert re.search(message, told.err)
    assert {path: path.read_text() for path in folder.glob("*.md")} == before


def test_our_results_have_a_section_for_every_command_that_measures() -> None:
    from ddg_cli.bench import names
    from ddg_cli.results import Section

    usual = [
        "data",
        "halve",
        "success",
        "compare",
        "trials",
        *(f"bench-{name}" for name in names()),
    ]
    for name in usual:
        Section(ROOT / "docs" / "results.md", name)
