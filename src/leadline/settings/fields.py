"""Owns every setting: its name, unit, bounds, default and meaning, each in one line.

Never reads a source, never accepts what it does not know or what has no bounds.
Comes from `sources` as values; goes as one frozen object to `app`.
"""

import os
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import platformdirs
from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

SCHWAB_URL = "https://api.schwabapi.com"


class Mode(StrEnum):
    """What happens to orders."""

    PAPER = "paper"
    LIVE = "live"


class IntentSync(StrEnum):
    """What an intent on record survives."""

    PROCESS = "process"
    POWER = "power"


def _data_dir() -> Path:
    return Path(platformdirs.user_data_dir("leadline"))


def _default_db() -> Path:
    return _data_dir() / "leadline.db"


def _default_state() -> Path:
    return Path(platformdirs.user_state_dir("leadline"))


class Settings(BaseSettings):
    """All settings. Names in the environment are these in upper case."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)

    schwab_client_id: SecretStr | None = Field(None, description="app key of the developer portal")
    schwab_app_secret: SecretStr | None = Field(None, description="app secret of the developer portal")
    schwab_redirect_uri: str = Field(
        "https://127.0.0.1:8182",
        description="callback of the app, byte for byte (not used yet: logging in comes later)",
    )
    schwab_account_id: SecretStr | None = Field(None, description="account number or its hash")
    schwab_token_path: Path | None = Field(None, description="token file in schwab-py's format")
    schwab_base_url: str = Field(SCHWAB_URL, description="address of the broker")

    symbols: Annotated[tuple[str, ...], NoDecode] = Field((), description="symbols, separated by commas")
    db_path: Path = Field(default_factory=_default_db, description="database file, on a local disk")
    db_backup_dir: Path | None = Field(
        None, description="backups; unset = DB_PATH.backups, or the user's directory where DB_PATH lies in memory"
    )
    db_backup_sec: int | None = Field(
        None, ge=0, le=2_592_000, description="seconds between backups; 0 = none; unset = a day, in memory a minute"
    )
    db_backups_kept: int = Field(7, ge=1, le=10_000, description="automatic backups that are kept")
    state_dir: Path = Field(default_factory=_default_state, description="locks and intent journals, on a local disk")
    tape_dir: Path | None = Field(
        None, description="directory in which grok records every frame; unset = grok keeps no tape"
    )
    tape_segment_mb: int = Field(256, ge=1, le=100_000, description="megabytes after which a new segment is begun")
    trading_mode: Mode = Field(Mode.PAPER, description="paper or live")
    intent_sync: IntentSync = Field(
        IntentSync.PROCESS,
        description="what an intent survives before it is sent: process (kill -9), or power (a power cut, slower)",
    )
    inline_dispatch_only: bool = Field(False, description="write no alert rows; refuse to start without a trader")
    live_poll_interval: float = Field(
        1.0,
        ge=0.05,
        le=60,
        description="seconds between polls of an idle reader (not used yet: no second process reads)",
    )
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
    record_near_misses: bool = Field(False, description="write rows of what would have alerted with a little more")

    alert_ttl_sec: float = Field(2, gt=0, le=60, description="seconds; an older alert opens nothing")
    alert_flip_sec: float = Field(10, gt=0, le=300, description="seconds in which a flip must be complete")
    live_order_qty: int = Field(100, ge=1, le=100_000, description="shares of an opening order")
    live_limit_slippage_bps: int = Field(5, ge=0, le=500, description="hundredths of a percent beyond the touch")
    live_limit_fill_timeout: float = Field(2, ge=0.05, le=300, description="seconds until a limit order is cancelled")
    live_shorting: bool = Field(True, description="whether ask-heavy alerts may open a short position")
    live_exit_to_market: bool = Field(True, description="whether a close that was not filled goes to market")
    live_stop_bps: int | None = Field(
        None, ge=1, le=5_000, description="hundredths of a percent of loss at which a position is closed; unset = never"
    )
    live_take_profit_bps: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="hundredths of a percent of gain at which a position is closed; unset = never",
    )
    live_time_stop_sec: float | None = Field(
        None, gt=0, le=86_400, description="seconds after which a position is closed; unset = never"
    )
    paper_latency_ms: int = Field(50, ge=0, le=10_000, description="milliseconds until a paper order can be filled")

    risk_order_qty_max: int = Field(1_000, ge=1, le=1_000_000, description="shares of one order")
    risk_order_notional_max: int = Field(50_000, ge=1, le=100_000_000, description="dollars of one order")
    risk_position_qty_max: int = Field(1_000, ge=1, le=10_000_000, description="shares of one position")
    risk_gross_notional_max: int = Field(200_000, ge=1, le=1_000_000_000, description="dollars of all positions")
    risk_collar_bps: int = Field(100, ge=1, le=5_000, description="hundredths of a percent from the touch")
    position_lag_sec: float = Field(
        30, ge=2, le=300, description="seconds after a fill before an account read surely shows it"
    )
    risk_book_age_sec: float = Field(3, gt=0, le=60, description="seconds; on an older book nothing is opened")
    risk_orders_per_minute: int = Field(120, ge=10, le=120, description="order requests a minute, the app's limit")

    feed_silence_sec: float = Field(45, ge=1, le=600, description="seconds without a frame that end a connection")
    feed_stale_sec: float = Field(5, ge=1, le=600, description="seconds without a book, in market hours: STALE beyond")
    feed_stalled_sec: float = Field(30, ge=2, le=600, description="seconds until what sends nothing is asked for again")
    feed_symbols_max: int = Field(500, ge=1, le=10_000, description="symbols of one service; more refuse to start")
    order_timeout_sec: float = Field(5, ge=0.1, le=60, description="seconds until a request counts as unanswered")
    shutdown_exit_sec: float = Field(10, ge=0, le=120, description="seconds that open exits get at shutdown")

    @property
    def data_dir(self) -> Path:
        """Give the user's directory for data."""
        return _data_dir()

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_bool_as_number(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is not bool:
            raise ValueError(f"{str(value).lower()} is no value of this setting")
        return value

    @field_validator("db_path")
    @classmethod
    def _name_the_file_itself(cls, value: Path) -> Path:
        # Locks, mark and WAL stand beside the file: a symbolic link to it would have others of its own.
        return Path(os.path.realpath(value))

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


def meaning_of(field: FieldInfo) -> str:
    """Say what a setting means and within which bounds."""
    bounds = bounds_text(field.metadata)
    return f"{field.description} ({bounds})" if bounds else str(field.description)


def bounds_text(metadata: list[Any]) -> str:
    """Say a field's bounds in words, from what the field itself holds."""
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    return ", ".join(
        f"{word} {getattr(rule, key)}" for rule in metadata for key, word in words.items() if hasattr(rule, key)
    )
