"""Settings: what there is, where it came from, and how people read it."""

from leadline.settings.fields import SCHWAB_URL, IntentSync, Mode, Settings, bounds_text
from leadline.settings.sources import Loaded, load
from leadline.settings.table import settings_page, table_of

__all__ = ["SCHWAB_URL", "IntentSync", "Loaded", "Mode", "Settings", "bounds_text", "load", "settings_page", "table_of"]
