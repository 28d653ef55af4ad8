"""Owns what the demo shows while it runs: one block that is redrawn, or a line now and then where there is no terminal.

Never is the last line: that is the tally.
Comes from `run`; goes to standard output.
"""

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from leadline.demo.tally import Tally

PLAIN_EVERY_S = 5.0


class Screen:
    """Show the state of the demo."""

    def __init__(self, console: Console, addresses: dict[str, str]) -> None:
        self._console = console
        self._addresses = addresses
        self._live: Live | None = None
        self._said_s = -PLAIN_EVERY_S

    def open(self) -> None:
        """Say where everything is and begin to show."""
        for name, address in self._addresses.items():
            self._console.print(f"{name:<10}", Text(address, style="bold"), sep="", soft_wrap=True)
        self._console.print("Ctrl-C stops everything.\n")
        if self._console.is_terminal:
            self._live = Live(console=self._console, refresh_per_second=4, transient=True)
            self._live.start()

    def show(self, tally: Tally, positions: dict[str, int], profit: float, elapsed_s: float) -> None:
        """Show the figures of now; `profit` in dollars."""
        if self._live is not None:
            self._live.update(_block(tally, positions, profit, elapsed_s))
        elif elapsed_s - self._said_s >= PLAIN_EVERY_S:
            self._said_s = elapsed_s
            self._console.print(_line(tally, positions, profit, elapsed_s), soft_wrap=True)

    def close(self) -> None:
        """End the showing."""
        if self._live is not None:
            self._live.stop()


def _line(tally: Tally, positions: dict[str, int], profit: float, elapsed_s: float) -> str:
    held = sum(1 for qty in positions.values() if qty)
    return (
        f"{elapsed_s:5.0f} s  frames {tally.frames}  alerts {tally.alerts}  orders {tally.orders}"
        f"  fills {tally.fills}  positions {held}  P&L {profit:+.2f}  frame to order {_latency(tally)}"
    )


def _latency(tally: Tally) -> str:
    p50, p99 = tally.frame_to_order_us.p50, tally.frame_to_order_us.p99
    return "-" if p50 is None or p99 is None else f"p50 {p50:,.0f} us, p99 {p99:,.0f} us"


def _block(tally: Tally, positions: dict[str, int], profit: float, elapsed_s: float) -> Group:
    figures = Table.grid(padding=(0, 3))
    figures.add_row(*(Text(name, style="dim") for name in ("running", "frames", "books", "alerts", "orders", "fills")))
    figures.add_row(
        f"{elapsed_s:,.0f} s",
        *(f"{count:,}" for count in (tally.frames, tally.books, tally.alerts, tally.orders, tally.fills)),
    )
    held = ", ".join(f"{symbol} {qty:+d}" for symbol, qty in sorted(positions.items()) if qty) or "flat"
    made = ", ".join(f"{name} {count}" for name, count in sorted(tally.dispositions.items())) or "none yet"
    rest = Table.grid(padding=(0, 3))
    for name, value in (
        ("positions", held),
        ("alerts were", made),
        ("P&L", f"{profit:+,.2f} dollars, realised and open"),
        ("frame to order", _latency(tally)),
    ):
        rest.add_row(Text(name, style="dim"), value)
    return Group(figures, Text(), rest)
