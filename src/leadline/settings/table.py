"""Owns settings as people read them: the table of `config show`, and the page in the documents.

Never shows a secret.
Comes from `Loaded`; goes to `cli`.
"""

from typing import NamedTuple

from pydantic.fields import FieldInfo

from leadline.settings.fields import Settings, bounds_text, meaning_of
from leadline.settings.sources import Loaded


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
            _value_text(getattr(loaded.settings, name)),
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
    return "\n".join((_PAGE, *rows, ""))


_PAGE = """# Settings

Written by `leadline config show --markdown`; a test fails where it differs from the code.

A setting comes from the first of these that gives it: the command line, the environment, `.env` in the working
directory, the TOML file that `--config` names, the default. In TOML the names may be in lower case. A variable that is
set to nothing counts as not set; an unknown name in `.env` or TOML is an error. `leadline config show` shows what holds
and where it came from.

| setting | default | bounds | meaning |
|---|---|---|---|"""


def _default_text(field: FieldInfo) -> str:
    return "in the user's directory" if field.default_factory is not None else _value_text(field.default)


def _value_text(value: object) -> str:
    if value is None:
        return "(unset)"
    if isinstance(value, tuple):
        return ",".join(value) or "(none)"
    return str(value).lower() if isinstance(value, bool) else str(value)
