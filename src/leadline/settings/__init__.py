"""Settings: what there is, where it came from, and how people read it."""

from leadline.settings.differences import difference_lines
from leadline.settings.fields import SCHWAB_URL, IntentSync, Mode, Settings, bounds_text
from leadline.settings.sources import Loaded, load
from leadline.settings.table import settings_page, table_of, value_text
from leadline.settings.variations import VARYING, Variation, raw_of, texts_of, variations_of

__all__ = [
    "SCHWAB_URL",
    "VARYING",
    "IntentSync",
    "Loaded",
    "Mode",
    "Settings",
    "Variation",
    "bounds_text",
    "difference_lines",
    "load",
    "raw_of",
    "settings_page",
    "table_of",
    "texts_of",
    "value_text",
    "variations_of",
]
