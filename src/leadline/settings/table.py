"""Owns settings as people read them: the table of `config show`, and the page in the documents.

Never shows a secret.
Comes from `Loaded`; goes to `cli`.
"""

from typing import NamedTuple

from pydantic.fields import FieldInfo

from leadline.settings.fields import Settings, bounds_text, meaning_of
from leadline.settings.sources import Loaded
from leadline.settings.variations import VARYING


class Row(NamedTuple):
    """One setting as people read it."""

    name: str
    value: str
    source: str
    meaning: str


def table_of(loaded: Loaded) -> list[Row]:
    """Give every setting with its value, source and meaning; secrets are masked."""
    return [
        Row(
            name.upper(),
            value_text(getattr(loaded.settings, name)),
            loaded.sources[name],
            meaning_of(field),
        )
        for name, field in Settings.model_fields.items()
    ]


def settings_page() -> str:
    """Give docs/settings.md: every setting with its default, bounds and meaning."""
    rows = [
        f"| `{name.upper()}` | {_default_text(field)} | {bounds_text(field.metadata)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    varying = ", ".join(f"`{name.upper()}`" for name in VARYING)
    return "\n".join((_PAGE.format(varying=varying), *rows, ""))


_PAGE = """# Settings

Written by `leadline config show --markdown`; a test fails where it differs from the code.

A setting comes from the first of these that gives it: the command line, the environment, `.env` in the working
directory, the TOML file that `--config` names, the default. In TOML the names may be in lower case. A variable that is
set to nothing counts as not set; an unknown name in `.env` or TOML is an error. `leadline config show` shows what holds
and where it came from.

## By symbol and time of day

The settings of the alert rule and of what forbids entries may differ by symbol and by New York time of day, in
tables of the TOML file:

```toml
[symbol.F]
MIN_IMBALANCE_RATIO = 3

[[time]]
from = "open"            # or "09:30", "open+15m", "close-30m"
until = "10:00"          # not included
symbols = ["F", "SOFI"]  # without this line: all
days = "half"            # full or half; without this line: every day
MIN_BID_HEAVY = 6
```

For each setting by itself, the last `[[time]]` that holds wins, then `[symbol.F]`, then the plain setting, wherever
that came from. Times are New York's, in winter and in summer. `open` and `close` follow the exchange's calendar: on
half days the close is 13:00, and on closed days such a table does not hold; one between two times on the clock
holds every day. A table that could never hold is refused; a night is two tables, one until `24:00` and one from
`00:00`. Values have the bounds of the plain settings. `config show` shows the tables, and what holds right now. How
the rule goes over from one value to the next is told in [the alert rule](alert-rule.md).

These may stand in tables: {varying}.

## Every setting

| setting | default | bounds | meaning |
|---|---|---|---|"""


def _default_text(field: FieldInfo) -> str:
    return "in the user's directory" if field.default_factory is not None else value_text(field.default)


def value_text(value: object) -> str:
    """Write a setting's value as people read it."""
    if value is None:
        return "(unset)"
    if isinstance(value, tuple):
        return ",".join(value) or "(none)"
    return str(value).lower() if isinstance(value, bool) else str(value)
