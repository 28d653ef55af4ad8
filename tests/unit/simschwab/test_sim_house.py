"""The rules of the house for the simulator's own modules."""

import ast
import re
from pathlib import Path

import pytest

import simschwab

MODULES = sorted(path for path in Path(simschwab.__file__).parent.rglob("*.py"))
FUNCTION_LINES_MAX = 60
MODULE_LINES_MAX = 300


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_says_what_it_owns_and_fits_the_eye(path: Path) -> None:
    text = path.read_text()
    told = ast.get_docstring(ast.parse(text)) or ""
    assert told.startswith("Owns ")
    assert re.search(r"^Never ", told, re.MULTILINE)
    assert re.search(r"^Comes from ", told, re.MULTILINE)
    assert len(text.splitlines()) <= MODULE_LINES_MAX
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno is not None:
            assert node.end_lineno - node.lineno < FUNCTION_LINES_MAX, node.name


@pytest.mark.parametrize("path", [path for path in MODULES if "core" in path.parts], ids=lambda path: path.stem)
def test_the_core_reads_no_clock_and_shares_no_chance(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"(time\.time|monotonic(_ns)?\(|datetime\.now|date\.today|utcnow)", text)
    assert not re.search(r"^import random|random\.random\(", text, re.MULTILINE)
