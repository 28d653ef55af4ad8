"""Owns where scenarios are found: files, and those that are shipped, by name.

Never gives half a scenario: an error names the file, the key and what was expected.
Comes from the command line, goes to the exchange and the proof.
"""

from pathlib import Path

from simschwab.core.faults.scenario import Scenario, ScenarioError, read_scenario

SHIPPED = Path(__file__).parent / "scenarios"


def shipped_names() -> list[str]:
    """Give the names of the shipped scenarios."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def scenario_at(place: str) -> Scenario:
    """Read a scenario by its file, or by the name of a shipped one.

    Raises:
        ScenarioError: there is none, it cannot be read, or something in it is not understood.
    """
    path = Path(place)
    if path.suffix != ".toml" and place in shipped_names():
        path = SHIPPED / f"{place}.toml"
    try:
        return read_scenario(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise ScenarioError(f"{place}: {reason}; expected a file or one of `simschwab scenarios`") from None
    except UnicodeDecodeError:
        raise ScenarioError(f"{place}: expected UTF-8 text") from None
    except ScenarioError as error:
        raise ScenarioError(f"{place}: {error}") from None
