"""What is asked for, and how much of it one connection may carry."""

import pytest

from leadline.core.errors import ConfigurationError, ExitCode
from leadline.core.market import Service
from leadline.schwab.requests import Subscriptions, check_limit, requests_again
from leadline.schwab.wire import ACTIVITY, LEVEL_ONE

NAMES = [f"S{number}" for number in range(500)]


def test_the_parts_are_all_from_which_data_is_expected() -> None:
    subscriptions = Subscriptions({Service.NYSE_BOOK: ["F"], Service.NASDAQ_BOOK: []}, ["F"])
    assert subscriptions.parts() == {"NYSE_BOOK": ["F"], LEVEL_ONE: ["F"], ACTIVITY: ["leadline"]}


def test_as_many_symbols_as_the_limit_are_accepted() -> None:
    check_limit(Subscriptions({Service.NYSE_BOOK: NAMES[:200], Service.NASDAQ_BOOK: NAMES[200:]}, NAMES), 500)


@pytest.mark.parametrize(
    "subscriptions",
    [
        Subscriptions({Service.NYSE_BOOK: NAMES}, NAMES[:1]),
        Subscriptions({Service.NYSE_BOOK: NAMES[:1]}, NAMES),
    ],
)
def test_one_symbol_more_is_refused_by_name_of_the_setting(subscriptions: Subscriptions) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_limit(subscriptions, 499)
    assert caught.value.which == "SYMBOLS"
    assert "500 symbols of" in str(caught.value)
    assert "at most 499 (FEED_SYMBOLS_MAX)" in str(caught.value)
    assert caught.value.exit_code is ExitCode.USAGE


def test_asking_again_never_replaces_what_else_is_subscribed() -> None:
    requests = requests_again({"NYSE_BOOK": NAMES[:250], LEVEL_ONE: ["F"]})
    assert [(r.command, r.service, len(r.symbols)) for r in requests] == [
        ("ADD", "NYSE_BOOK", 200),
        ("ADD", "NYSE_BOOK", 50),
        ("ADD", LEVEL_ONE, 1),
    ]
