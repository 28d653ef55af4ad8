"""Owns the one line that refuses a setting: which it is, where it stands, and what was expected.

Never shows a value: it may be a secret.
Comes from what the fields themselves refuse; goes to the user as an error.
"""

from pydantic import ValidationError

from leadline.core.errors import ConfigurationError
from leadline.settings.fields import Settings, meaning_of


def wrong_name(error: ValidationError) -> str:
    """Give the name of the first setting that was refused, in lower case."""
    place = error.errors(include_input=False, include_url=False)[0]["loc"]
    return str(place[0]) if place else "?"


def refusal(error: ValidationError, which: str) -> ConfigurationError:
    """Say what is wrong with the first setting that was refused; `which` names it and where it stands."""
    field = Settings.model_fields.get(wrong_name(error))
    if field is None:
        return ConfigurationError(
            "there is no such setting",
            which=which,
            expected="a name that `leadline config show` lists",
            do="correct the name or remove it",
        )
    first = error.errors(include_input=False, include_url=False)[0]
    return ConfigurationError(
        first["msg"].removeprefix("Value error, "),
        which=which,
        expected=meaning_of(field),
        do="correct it; `leadline config show` lists every setting",
    )
