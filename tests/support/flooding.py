"""A streamer in a process of its own: 500 symbols' books on a schedule, for a while at ten times the normal rate.

Books carry as BOOK_TIME the moment at which they were due, whatever the socket took by then: so a client's lag is seen.
Run as `python -m support.flooding`; the first line it prints is its port.
"""

import asyncio
import time

import msgspec

from support.scripted_server import Link, Reply, Seen, serving

BY_SERVICE = {
    "NYSE_BOOK": [f"N{number:03d}" for number in range(250)],
    "NASDAQ_BOOK": [f"Q{number:03d}" for number in range(250)],
}
SYMBOLS = [symbol for symbols in BY_SERVICE.values() for symbol in symbols]
VENUES = 15
BOOK_TIME = 1_111_111_111_111
WARM_S, BURST_S, AFTER_S = 4.0, 5.0, 4.0
NORMAL_S, FAST_S = 1.0, 0.1
OVER = "burst over at "


def ticks() -> list[tuple[float, int]]:
    """When frames are due, in seconds from the start, and the number of each tick."""
    dues = [number * NORMAL_S for number in range(round(WARM_S / NORMAL_S))]
    dues += [WARM_S + number * FAST_S for number in range(round(BURST_S / FAST_S))]
    dues += [WARM_S + BURST_S + number * NORMAL_S for number in range(round(AFTER_S / NORMAL_S))]
    return list(zip(dues, range(len(dues)), strict=True))


def template(service: str, tick: int) -> bytes:
    """Books of one service. A third of the symbols lean without a break, a third flicker, a third never lean."""
    content = []
    for place, symbol in enumerate(BY_SERVICE[service]):
        leans = place % 3 == 0 or (place % 3 == 1 and (tick + place) % 5 != 0)
        content.append(
            {
                "key": symbol,
                "1": BOOK_TIME,
                "2": side(13.12, 900 if leans else 300),
                "3": side(13.13, 100 if leans else 300),
            }
        )
    return msgspec.json.encode({"data": [{"service": service, "timestamp": 1, "command": "SUBS", "content": content}]})


def side(price: float, size: int) -> list[dict[str, object]]:
    entries = [{"0": f"VENUE{number:02d}", "1": size, "2": 36_000_000} for number in range(VENUES)]
    return [{"0": price, "1": size * VENUES, "2": VENUES, "3": entries}]


async def flood(link: Link) -> None:
    """Answer what is asked, then send by the schedule."""
    frames = {(service, tick): template(service, tick) for service in BY_SERVICE for tick in range(5)}
    for _ in range(20):
        request = await link.receive()
        await link.answer(request)
        if request["service"] == "LEVELONE_EQUITIES" and SYMBOLS[-1] in request["parameters"]["keys"]:
            break
    start_s = time.time() + 0.2
    told = False
    for due_s, tick in ticks():
        if due_s >= WARM_S + BURST_S and not told:
            told = True
            over_ms = round((start_s + WARM_S + BURST_S) * 1_000)
            await link.send({"notify": [{"heartbeat": f"{OVER}{over_ms}"}]})
        await asyncio.sleep(max(0.0, start_s + due_s - time.time()))
        book_ms = b"%d" % round((start_s + due_s) * 1_000)
        for service in BY_SERVICE:
            await link.send(frames[service, tick % 5].replace(b"%d" % BOOK_TIME, book_ms))
    await link.until_gone()


async def main() -> None:
    async def no_http(seen: Seen) -> Reply:
        raise AssertionError(seen.path)

    async with serving(no_http, flood) as server:
        print(server.port, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
