"""Owns every setting: its name, unit, bounds, default and where it came from. The only reader of the environment.

Never accepts what it does not know or what has no bounds; a variable that is set to nothing counts as not set.
Comes from the command line, the environment, `.env` and a TOML file, in this order; goes as one frozen object to `app`.
"""

import hashlib
import tomllib
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import platformdirs
from dotenv.parser import parse_stream
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from leadline.core.errors import ConfigurationError

SCHWAB_URL = "https://api.schwabapi.com"


class Mode(StrEnum):
    """What happens to orders."""

    PAPER = "paper"
    LIVE = "live"


def _default_db() -> Path:
    return Path(platformdirs.user_data_dir("leadline")) / "leadline.db"


def _default_state() -> Path:
    return Path(platformdirs.user_state_dir("leadline"))


class Settings(BaseSettings):
    """All settings. Names in the environment are these in upper case."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)

    schwab_client_id: SecretStr | None = Field(None, description="app key of the developer portal")
    schwab_app_secret: SecretStr | None = Field(None, description="app secret of the developer portal")
    schwab_redirect_uri: str = Field("https://127.0.0.1:8182", description="callback of the app, byte for byte")
    schwab_account_id: SecretStr | None = Field(None, description="account number or its hash")
    schwab_token_path: Path | None = Field(None, description="token file in schwab-py's format")
    schwab_base_url: str = Field(SCHWAB_URL, description="address of the broker")

    symbols: Annotated[tuple[str, ...], NoDecode] = Field((), description="symbols, separated by commas")
    db_path: Path = Field(default_factory=_default_db, description="database file, on a local disk")
    state_dir: Path = Field(default_factory=_default_state, description="locks and intent journals, on a local disk")
    trading_mode: Mode = Field(Mode.PAPER, description="paper or live")
    inline_dispatch_only: bool = Field(False, description="write no alert rows; refuse to start without a trader")
    live_poll_interval: float = Field(1.0, ge=0.05, le=60, description="seconds between polls of an idle reader")
    log_level: str = Field(
        "INFO",
        pattern="^(DEBUG|INFO|WARNING|ERROR)$",
        description="least severe line that is logged: DEBUG, INFO, WARNING or ERROR",
    )

    max_book_age_sec: float = Field(10, gt=0, le=3600, description="seconds; an older book is stale")
    max_range_cents: float = Field(1, gt=0, le=10_000, description="cents between a valid venue's bid and ask")
    max_quote_age_sec: float | None = Field(None, gt=0, le=86_400, description="seconds; unset = any age")
    min_bid_heavy: int = Field(4, ge=1, le=100, description="venues")
    min_ask_heavy: int = Field(4, ge=1, le=100, description="venues")
    min_venue_margin: int = Field(2, ge=0, le=100, description="venues more than on the other side")
    min_imbalance_ratio: Fraction = Field(Fraction(2), ge=1, le=1000, description="heavy side over light side")
    min_imbalance_duration_sec: float = Field(10, ge=0, le=3600, description="seconds; 0 = no wait")
    max_imbalance_gap_sec: float = Field(3, gt=0, le=3600, description="seconds between books of one streak")
    alert_throttle_sec: float = Field(60, ge=0, le=86_400, description="seconds; 0 = no wait")
    min_volume: float = Field(0, ge=0, le=10**12, description="shares a minute below which nothing is opened; 0 = off")
    window_seconds: float = Field(60, ge=1, le=3600, description="seconds over which volume is measured")
    disable_bid_heavy: bool = Field(False, description="open nothing on bid-heavy alerts")
    disable_ask_heavy: bool = Field(False, description="open nothing on ask-heavy alerts")

    alert_ttl_sec: float = Field(2, gt=0, le=60, description="seconds; an older alert opens nothing")
    alert_flip_sec: float = Field(10, gt=0, le=300, description="seconds in which a flip must be complete")
    live_order_qty: int = Field(100, ge=1, le=100_000, description="shares of an opening order")
    live_limit_slippage_bps: int = Field(5, ge=0, le=500, description="hundredths of a percent beyond the touch")
    live_limit_fill_timeout: float = Field(2, ge=0.05, le=300, description="seconds until a limit order is cancelled")
    live_shorting: bool = Field(True, description="whether ask-heavy alerts may open a short position")
    live_exit_to_market: bool = Field(True, description="whether a close that was not filled goes to market")
    paper_latency_ms: int = Field(50, ge=0, le=10_000, description="milliseconds until a paper order can be filled")

    risk_order_qty_max: int = Field(1_000, ge=1, le=1_000_000, description="shares of one order")
    risk_order_notional_max: int = Field(50_000, ge=1, le=100_000_000, description="dollars of one order")
    risk_position_qty_max: int = Field(1_000, ge=1, le=10_000_000, description="shares of one position")
    risk_gross_notional_max: int = Field(200_000, ge=1, le=1_000_000_000, description="dollars of all positions")
    risk_collar_bps: int = Field(100, ge=1, le=5_000, description="hundredths of a percent from the touch")
    risk_book_age_sec: float = Field(3, gt=0, le=60, description="seconds; on an older book nothing is opened")
    risk_orders_per_minute: int = Field(120, ge=10, le=120, description="order requests a minute, the app's limit")

    feed_silence_sec: float = Field(45, ge=1, le=600, description="seconds without a frame that end a connection")
    order_timeout_sec: float = Field(5, ge=0.1, le=60, description="seconds until a request counts as unanswered")
    shutdown_exit_sec: float = Field(10, ge=0, le=120, description="seconds that open exits get at shutdown")

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_bool_as_number(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is not bool:
            raise ValueError(f"{str(value).lower()} is no value of this setting")
        return value

    @field_validator("symbols", mode="before")
    @classmethod
    def _split_symbols(cls, value: object) -> object:
        if isinstance(value, str):
            value = value.split(",")
        if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) for name in value):
            return value
        names = [name.strip().upper() for name in value]
        for name in names:
            if " " in name or not name.isprintable():
                raise ValueError(f"{name!r} is no symbol: symbols are separated by commas")
        return tuple(dict.fromkeys(name for name in names if name))

    @field_validator("min_imbalance_ratio", mode="before")
    @classmethod
    def _read_ratio(cls, value: object) -> object:
        # A decimal as written, not the nearest double: 2.1 means 21/10 (design 4.8: exact on integers).
        return Fraction(str(value)) if isinstance(value, (int, float)) else value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Leave only what `load` passes: it reads the sources itself, to know where each value came from."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


class Loaded:
    """Settings, and for each the name of the source that gave it."""

    def __init__(self, settings: Settings, sources: dict[str, str]) -> None:
        self.settings = settings
        self.sources = sources

    @property
    def config_hash(self) -> str:
        """Name the settings that decide: with the same hash two processes decide alike. Secrets and places are out."""
        left_out = {name for name in Settings.model_fields if name.startswith("schwab_")}
        left_out |= {"db_path", "state_dir", "log_level"}
        text = repr(sorted((k, str(v)) for k, v in self.settings.model_dump(exclude=left_out).items()))
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
    if toml is not None:
        layers.append((str(toml), _read_toml(toml)))
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
        return Loaded(Settings(**values), sources)
    except ValidationError as error:
        raise _explained(error, sources) from None


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
            _meaning(field),
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


def _explained(error: ValidationError, sources: dict[str, str]) -> ConfigurationError:
    """Name the first wrong setting, its source and its bounds, without its value: it may be a secret."""
    first = error.errors(include_input=False, include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else "?"
    field = Settings.model_fields.get(name)
    if field is None:
        return ConfigurationError(
            "there is no such setting",
            which=f"{name.upper()} from {sources.get(name, 'a settings file')}",
            expected="a name that `leadline config show` lists",
            do="correct the name or remove it",
        )
    return ConfigurationError(
        first["msg"].removeprefix("Value error, "),
        which=f"{name.upper()} from {sources.get(name, 'default')}",
        expected=_meaning(field),
        do="correct it; `leadline config show` lists every setting",
    )


def _meaning(field: FieldInfo) -> str:
    bounds = bounds_text(field.metadata)
    return f"{field.description} ({bounds})" if bounds else str(field.description)


def bounds_text(metadata: list[Any]) -> str:
    """Say a field's bounds in words, from what the field itself holds."""
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    return ", ".join(
        f"{word} {getattr(rule, key)}" for rule in metadata for key, word in words.items() if hasattr(rule, key)
    )
