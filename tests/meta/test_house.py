"""The rules of the house that neither the linter nor the import contracts can hold."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

import leadline
from leadline.cli import app
from leadline.core.detector import Outcome
from leadline.core.errors import ExitCode

ROOT = Path(__file__).parents[2]
PRODUCT = sorted((ROOT / "src" / "leadline").rglob("*.py"))
MODULES = [path for path in PRODUCT if path.name not in {"__init__.py", "__main__.py"}]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]

FUNCTION_LINES_MAX = 60
MODULE_LINES_MAX = 300


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def calls(path: Path) -> Iterator[str]:
    """The dotted names that a module calls or reads."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node)
        elif isinstance(node, ast.Name):
            yield node.id


def verbs_of(command: object, before: str = "") -> Iterator[str]:
    """The words of every verb, groups and all."""
    for name, inner in getattr(command, "commands", {}).items():
        words = f"{before} {name}".strip()
        yield from verbs_of(inner, words) if hasattr(inner, "commands") else [words]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_says_what_it_owns_never_does_and_where_things_come_from_and_go(path: Path) -> None:
    told = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert told.startswith("Owns "), told
    assert re.search(r"^Never ", told, re.MULTILINE)
    assert re.search(r"^Comes from ", told, re.MULTILINE)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_files_are_seen_at_a_glance_and_functions_without_scrolling(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MODULE_LINES_MAX
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno is not None:
            assert node.end_lineno - node.lineno < FUNCTION_LINES_MAX, node.name


def test_only_the_clock_reads_the_time() -> None:
    reads = {"time.time", "time.time_ns", "time.clock_gettime_ns", "datetime.now", "datetime.utcnow", "date.today"}
    readers = {name_of(path) for path in MODULES if reads & set(calls(path))}
    # The page compares ages with the viewer's own clock.
    assert readers <= {"src/leadline/clock.py", "src/leadline/ui.py"}


def test_only_the_settings_read_the_environment() -> None:
    readers = {name_of(path) for path in MODULES if {"os.environ", "os.getenv"} & set(calls(path))}
    # The demo and the dashboard's launcher hand the environment on to a child, and read no setting from it.
    assert readers <= {"src/leadline/demo/processes.py", "src/leadline/app/dashboard.py"}


def test_only_risk_makes_an_approval() -> None:
    makers = {name_of(path) for path in MODULES if re.search(r"\bApproved\((?!\))", path.read_text())}
    assert makers == {"src/leadline/core/risk.py"}


def test_the_version_is_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    [newest] = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[:1]
    assert project["version"] == leadline.__version__ == newest


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text()):
        assert (path.parent / target).exists(), target


def test_every_command_and_exit_code_is_documented() -> None:
    page = (ROOT / "docs" / "commands.md").read_text()
    for verb in verbs_of(typer.main.get_command(app)):
        assert f"`leadline {verb}" in page
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    assert codes == {int(code) for code in ExitCode}


def test_every_outcome_is_documented() -> None:
    page = (ROOT / "docs" / "alert-rule.md").read_text()
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == [outcome.value for outcome in Outcome]


def test_locked_dependencies_have_hashes_and_no_address() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        assert "://" not in text
        pins = re.findall(r"^[a-z0-9][^\s=]*==", text, re.MULTILINE | re.IGNORECASE)
        assert len(pins) > 2
        assert text.count("--hash=sha256:") >= len(pins)
