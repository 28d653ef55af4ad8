"""Owns where settings come from: the only reader of the environment.

Never lets a value pass without the name of its source; a variable that is set to nothing counts as not set.
Comes from the command line, the environment, `.env` and a TOML file, in this order; goes to `app` as `Loaded`.
"""

import hashlib
import tomllib
from pathlib import Path
from typing import Any

from dotenv.parser import parse_stream
from pydantic import SecretStr, ValidationError
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from leadline.core.errors import ConfigurationError
from leadline.settings.fields import Settings
from leadline.settings.refusals import refusal, wrong_name
from leadline.settings.variations import SYMBOL, TIME, Variation, texts_of, variations_of


class Loaded:
    """Settings, for each the name of the source that gave it, and what differs from them by symbol and time."""

    def __init__(self, settings: Settings, sources: dict[str, str], variations: tuple[Variation, ...] = ()) -> None:
        self.settings = settings
        self.sources = sources
        self.variations = variations

    @property
    def config_hash(self) -> str:
        """Name the settings that decide: with the same hash two processes decide alike. Secrets and places are out."""
        left_out = {name for name in Settings.model_fields if name.startswith("schwab_")}
        left_out |= {"db_path", "state_dir", "log_level", "db_backup_dir", "db_backup_sec", "db_backups_kept"}
        left_out |= {"tape_dir", "tape_segment_mb"}
        text = repr(sorted((k, str(v)) for k, v in self.settings.model_dump(exclude=left_out).items()))
        if self.variations:
            text += repr(texts_of(self.variations))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def secrets(self) -> list[str]:
        """Give the texts that may stand in no log line."""
        values = (getattr(self.settings, name) for name in Settings.model_fields)
        return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]


def load(overrides: dict[str, Any] | None = None, *, toml: Path | None = None, use_environment: bool = True) -> Loaded:
    """Read all sources: `overrides` (the command line) before the environment before `.env` before TOML.

    Raises:
        ConfigurationError: a value is missing, unknown or out of bounds; the text names it and its source.
    """
    layers: list[tuple[str, dict[str, Any]]] = []
    variations: tuple[Variation, ...] = ()
    if toml is not None:
        plain, tables = _without_tables(_read_toml(toml), str(toml))
        layers.append((str(toml), plain))
        variations = variations_of(tables, str(toml))
    if use_environment:
        layers.append((".env", _read_dotenv(Path(".env"))))
        layers.append(("the environment", dict(EnvSettingsSource(Settings, env_ignore_empty=True)())))
    layers.append(("the command line", {k: v for k, v in (overrides or {}).items() if v is not None}))
    values: dict[str, Any] = {}
    sources = dict.fromkeys(Settings.model_fields, "default")
    for source, layer in layers:
        for name, value in layer.items():
            values[name.lower()] = value
            sources[name.lower()] = source
    try:
        return Loaded(Settings(**values), sources, variations)
    except ValidationError as error:
        name = wrong_name(error)
        unknown = "default" if name in Settings.model_fields else "a settings file"
        raise refusal(error, f"{name.upper()} from {sources.get(name, unknown)}") from None


def _without_tables(read: dict[str, Any], source: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part a file's plain settings from its tables by symbol and time."""
    tables: dict[str, Any] = {}
    for name in [name for name in read if name.lower() in {SYMBOL, TIME}]:
        if name.lower() in tables:
            raise ConfigurationError("it is given twice", which=f"{name} of {source}", expected="each name once")
        tables[name.lower()] = read.pop(name)
    return read, tables


def _read_dotenv(path: Path) -> dict[str, Any]:
    try:
        with path.open(encoding="utf-8") as file:
            unread = [line.original for line in parse_stream(file) if line.error or (line.key and line.value is None)]
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            "this file cannot be read", which=str(path), expected="lines such as SYMBOLS=F,SOFI", do="correct it"
        ) from error
    if unread:
        # The line itself is not shown: it may hold a secret.
        blanks = len(unread[0].string) - len(unread[0].string.lstrip("\n"))
        raise ConfigurationError(
            "this line is no setting",
            which=f"{path}, line {unread[0].line + blanks}",
            expected="a line such as SYMBOLS=F,SOFI",
            do="correct or remove it",
        )
    return dict(DotEnvSettingsSource(Settings, env_file=path, env_ignore_empty=True)())


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            "the settings file cannot be read", which=str(path), expected="a TOML file", do="correct --config"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(
            f"the settings file is no TOML ({error})", which=str(path), expected='lines such as SYMBOLS = "F,SOFI"'
        ) from error
