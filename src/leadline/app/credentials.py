"""Owns what a run must be given before it can reach the broker.

Never shows a secret.
Comes from settings; goes to the login.
"""

from pathlib import Path

from leadline.core.errors import ConfigurationError
from leadline.settings import Settings


def login_parts_of(settings: Settings) -> tuple[Path, str, str]:
    """Give token path, client id and secret; name the first that is missing.

    Raises:
        ConfigurationError: a credential, or every symbol, is missing.
    """
    if not settings.symbols:
        raise ConfigurationError(
            "no symbols are given",
            which="SYMBOLS",
            expected="symbols separated by commas, such as F,SOFI",
            do="set SYMBOLS, or pass --symbols",
        )
    for name in ("schwab_client_id", "schwab_app_secret", "schwab_token_path"):
        if getattr(settings, name) is None:
            raise ConfigurationError(
                "a credential is missing",
                which=name.upper(),
                expected=str(Settings.model_fields[name].description),
                do="set it in the environment or in .env (see docs/settings.md)",
            )
    assert settings.schwab_client_id is not None
    assert settings.schwab_app_secret is not None
    assert settings.schwab_token_path is not None
    client_id, app_secret = settings.schwab_client_id, settings.schwab_app_secret
    return settings.schwab_token_path, client_id.get_secret_value(), app_secret.get_secret_value()
