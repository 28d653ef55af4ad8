"""Rows turned into what pages say: lines, figures and plain words, in New York time and dollars."""

from leadline.views.columns import Cell, Column, Row, cells
from leadline.views.feed import COUNTED, FEED, counted, feed_facts, watched
from leadline.views.history import ALERTS, FILLS, ORDERS, by_alert
from leadline.views.positions import POSITIONS, mine_first, pnl
from leadline.views.processes import PROCESSES, detail_of, grok_of, is_alive
from leadline.views.title import Notice, TitleBar, notices, title_bar
from leadline.views.words import (
    TEXT_MAX,
    Figure,
    Tone,
    age_text,
    clock_text,
    midnight_ns,
    moment_text,
    money_text,
    plain,
    trouble,
)

__all__ = [
    "ALERTS",
    "COUNTED",
    "FEED",
    "FILLS",
    "ORDERS",
    "POSITIONS",
    "PROCESSES",
    "TEXT_MAX",
    "Cell",
    "Column",
    "Figure",
    "Notice",
    "Row",
    "TitleBar",
    "Tone",
    "age_text",
    "by_alert",
    "cells",
    "clock_text",
    "counted",
    "detail_of",
    "feed_facts",
    "grok_of",
    "is_alive",
    "midnight_ns",
    "mine_first",
    "moment_text",
    "money_text",
    "notices",
    "plain",
    "pnl",
    "title_bar",
    "trouble",
    "watched",
]
