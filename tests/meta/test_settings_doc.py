"""docs/settings.md says what the code does."""

from pathlib import Path

from leadline.settings import Settings, settings_page

DOC = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_table_of_settings_is_that_of_the_code() -> None:
    assert DOC.read_text(encoding="utf-8") == settings_page(), (
        "docs/settings.md differs from the code: .venv/bin/leadline config show --markdown > docs/settings.md"
    )


def test_every_setting_has_a_meaning_and_a_row() -> None:
    rows = [line for line in settings_page().splitlines() if line.startswith("| `")]
    assert len(rows) == len(Settings.model_fields)
    for (name, field), row in zip(Settings.model_fields.items(), rows, strict=True):
        assert row.startswith(f"| `{name.upper()}` |")
        assert field.description
        assert row.count("|") == 5, "a bar in a cell would break the table"
