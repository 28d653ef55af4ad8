"""docs/feed.md says what the code does."""

import re
from pathlib import Path

from leadline.schwab.codes import codes_table
from leadline.schwab.link import Patience
from leadline.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "feed.md").read_text(encoding="utf-8")


def test_the_table_of_codes_is_that_of_the_code() -> None:
    assert codes_table() in PAGE, f"docs/feed.md must hold this table:\n{codes_table()}"


def test_every_setting_of_the_feed_is_explained() -> None:
    for name in Settings.model_fields:
        if name.startswith("feed_"):
            assert f"`{name.upper()}`" in PAGE, name


def test_the_waits_that_the_page_tells_are_those_of_the_code() -> None:
    told = dict(re.findall(r"^\| (\w+_s) \| ([\d.]+) \|", PAGE, re.MULTILINE))
    waits = {name: f"{getattr(Patience(), name):g}" for name in Patience.__struct_fields__}
    assert told == waits
