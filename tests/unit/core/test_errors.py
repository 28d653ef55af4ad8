"""An error says what, which, what was expected and what to do, in one line."""

from leadline.core.errors import AuthenticationError, ConfigurationError, ExitCode, LeadlineError, LockHeldError


def test_all_parts_are_said_in_order_and_missing_ones_leave_no_trace() -> None:
    whole = ConfigurationError("it is wrong", which="NAME", expected="a number", do="correct it")
    assert str(whole) == "NAME: it is wrong; expected a number; do: correct it"
    assert str(LeadlineError("it broke")) == "it broke"


def test_kinds_carry_the_exit_codes_of_the_design() -> None:
    codes = {kind: kind.exit_code for kind in (LeadlineError, ConfigurationError, LockHeldError, AuthenticationError)}
    assert list(codes.values()) == [1, 2, 3, 5]
    assert [code.value for code in ExitCode] == list(range(9))
