"""What may not stand on a tape: looked for in the bytes, and in what a reader makes of them."""

import json
import re
from pathlib import Path

import pytest

from leadline.schwab.activity import order_id_of
from leadline.schwab.wire import ActivityItem, decode
from leadline.tape.masking import NOTHING, Mask

ACCOUNT, HASH, CUSTOMER = "13572468", "0A1B2C3D4E5F60718293A4B5C6D7E8F9", "987654321"
REAL = Path(__file__).parents[4] / "shared" / "data" / "schwab_frames" / "acct_activity_order_lifecycle_2025-12.json"
MASK = Mask([ACCOUNT, HASH])


def body(**changes: object) -> str:
    inner = {
        "AccountInfo": {"AccountNumber": ACCOUNT, "AccountBranch": "SI", "OrderPlacementCustomerID": CUSTOMER},
        "ClientChannelInfo": {"EventUserID": "MYXX"},
        "OrderAccount": "TDAAccount",
        **changes,
    }
    event = {"EventType": "OrderCreated", "OrderCreatedEventEquityOrder": {"Order": inner}}
    return json.dumps({"SchwabOrderID": "1005609024296", "AccountNumber": ACCOUNT, "BaseEvent": event})


def frame(item: dict[str, object], *others: dict[str, object]) -> bytes:
    block = {"service": "ACCT_ACTIVITY", "timestamp": 1, "command": "SUBS", "content": [item]}
    return json.dumps({"data": [*others, block]}).encode()


def item(data: str | None = None, account: object = ACCOUNT) -> dict[str, object]:
    return {"seq": 3, "key": "leadline", "1": account, "2": "OrderCreated", "3": body() if data is None else data}


def test_number_hash_and_customer_are_gone_and_the_rest_can_be_read() -> None:
    masked = MASK.frame(frame(item(body(note=f"for {HASH}"))))
    for secret in (ACCOUNT, HASH, CUSTOMER, "MYXX"):
        assert secret.encode() not in masked
    message = decode(masked)
    assert message is not None
    [activity] = message.data[0].items
    assert isinstance(activity, ActivityItem)
    assert order_id_of(activity) == "1005609024296", "what wakes the executor is kept"
    told = json.loads(activity.data or "")
    assert told["AccountNumber"] == "9" * 8
    order = told["BaseEvent"]["OrderCreatedEventEquityOrder"]["Order"]
    assert order["AccountInfo"]["AccountBranch"] == "SI"
    assert order["OrderAccount"] == "TDAAccount"


def test_an_account_that_nobody_told_of_is_gone_too() -> None:
    """The stream covers all accounts of the login, and the one that it names is hidden wherever it stands."""
    masked = Mask().frame(frame(item(body(note=f"moved to {ACCOUNT}"))))
    assert ACCOUNT.encode() not in masked
    assert CUSTOMER.encode() not in masked


def test_a_frame_is_as_long_as_it_was() -> None:
    whole = frame(item())
    assert len(MASK.frame(whole)) == len(whole)


@pytest.mark.parametrize("account", [int(ACCOUNT), ACCOUNT, "", None, "1"])
def test_whatever_field_1_is_the_frame_stays_decodable(account: object) -> None:
    masked = MASK.frame(frame(item(account=account)))
    assert ACCOUNT.encode() not in masked
    assert decode(masked) is not None


def test_numbers_inside_the_body_are_hidden_as_numbers() -> None:
    text = json.dumps({"AccountNumber": int(ACCOUNT), "CustomerId": 4711, "SchwabOrderID": 77})
    masked = Mask().frame(frame(item(text, account="")))
    message = decode(masked)
    assert message is not None
    assert json.loads(message.data[0].items[0].data) == {
        "AccountNumber": 99_999_999,
        "CustomerId": 9_999,
        "SchwabOrderID": 77,
    }


def test_xml_as_the_predecessor_sent_it() -> None:
    data = f"<Order><AccountNumber>{ACCOUNT}</AccountNumber><Symbol>F</Symbol></Order>"
    masked = Mask().frame(frame(item(data, account="")))
    assert ACCOUNT.encode() not in masked
    assert b"<Symbol>F</Symbol>" in masked


def test_books_stay_byte_for_byte_even_where_digits_agree() -> None:
    book = b'{"data":[{"service":"NYSE_BOOK","timestamp":1%b,"content":[{"key":"F","1":1%b}]}]}'
    digits = ACCOUNT.encode()
    assert MASK.frame(book % (digits, digits)) == book % (digits, digits)
    assert MASK.frame(b"") == b""


@pytest.mark.parametrize("secret", [ACCOUNT, HASH])
@pytest.mark.parametrize(
    "kind",
    [
        '{"notify":[{"heartbeat":"1","note":"%s"}]}',
        '{"notify":[{"service":"ADMIN","content":{"code":30,"msg":"stopped for %s"}}]}',
        '{"response":[{"service":"ADMIN","command":"LOGIN","content":{"code":3,"msg":"%s denied"}}]}',
        '{"data":[{"service":"NYSE_BOOK","content":[{"key":"F","note":"%s"}]}]}',
        '{"data":[{"service":"UNKNOWN","content":[{"key":"%s"}]}]}',
        "closed: %s",
        "<html>%s",
    ],
)
def test_a_known_secret_passes_in_no_frame(kind: str, secret: str) -> None:
    whole = (kind % secret).encode()
    masked = MASK.frame(whole)
    assert secret.encode() not in masked
    assert len(masked) == len(whole)
    assert masked == whole.replace(secret.encode(), (b"9" if secret.isdigit() else b"#") * len(secret))


@pytest.mark.parametrize("kind", ['{"response":[{"a":"%s"}]}', '{"data":[{"service":"NYSE_BOOK","n":"%s"}]}', "<x>%s"])
def test_a_known_secret_spelled_in_another_way_passes_in_no_frame(kind: str) -> None:
    spelled = "".join(f"\\u{ord(digit):04x}" for digit in ACCOUNT)
    slashed = Mask(["hush/hush"])
    assert MASK.frame((kind % spelled).encode()) == NOTHING
    assert slashed.frame((kind % "hush\\/hush").encode()) == NOTHING


def test_a_number_of_an_answer_is_hidden_as_a_number() -> None:
    masked = MASK.frame(b'{"response":[{"service":"ADMIN","account":%s}]}' % ACCOUNT.encode())
    assert json.loads(masked) == {"response": [{"service": "ADMIN", "account": 99_999_999}]}


@pytest.mark.parametrize("mask", [MASK, Mask()])
@pytest.mark.parametrize("spelled", ["ACCT\\u005fACTIVITY", "\\u0041CCT_ACTIVITY"])
def test_account_activity_spelled_in_another_way_is_masked_alike(spelled: str, mask: Mask) -> None:
    whole = frame(item())
    masked = mask.frame(whole.replace(b"ACCT_ACTIVITY", spelled.encode()))
    assert masked == mask.frame(whole).replace(b"ACCT_ACTIVITY", spelled.encode())
    assert ACCOUNT.encode() not in masked
    assert CUSTOMER.encode() not in masked


def test_a_volume_that_agrees_with_an_account_is_the_markets() -> None:
    """Or a replay would see another volume than the run did."""
    whole = b'{"data":[{"service":"LEVELONE_EQUITIES","content":[{"key":"F","8":%s}]}]}' % ACCOUNT.encode()
    assert MASK.frame(whole) == whole


def test_a_backslash_alone_changes_nothing() -> None:
    whole = b'{"data":[{"service":"NYSE_BOOK","content":[{"key":"BRK\\/B","1":1}]}]}'
    assert MASK.frame(whole) == whole


def test_a_book_beside_an_activity_keeps_its_bytes() -> None:
    book: dict[str, object] = {
        "service": "NYSE_BOOK",
        "content": [{"key": "F", "1": 1790380503223, "2": [{"0": 13.50, "3": []}]}],
    }
    whole = frame(item(), book)
    start = whole.index(b'{"service": "NYSE_BOOK"')
    end = whole.index(b'{"service": "ACCT_ACTIVITY"')
    assert MASK.frame(whole)[start:end] == whole[start:end]


def test_ids_of_the_client_in_answers_are_hidden() -> None:
    answer = (
        b'{"response":[{"service":"ADMIN","command":"LOGIN","requestid":"0","SchwabClientCorrelId":"11-22-ab",'
        b'"SchwabClientCustomerId":"feed","content":{"code":0,"msg":"ok"}}]}'
    )
    masked = Mask().frame(answer)
    assert b"11-22-ab" not in masked
    assert b'"feed"' not in masked
    assert decode(masked) == decode(answer)


@pytest.mark.parametrize(
    "broken",
    [
        frame(item())[:-9],
        frame(item()).replace(b'"seq": 3', b'"seq": NaN'),
        b"ACCT_ACTIVITY " + body().encode(),
        b'["ACCT_ACTIVITY",{"1":"13572468"}]',
    ],
)
def test_a_frame_that_cannot_be_decoded_hides_them_as_well(broken: bytes) -> None:
    assert ACCOUNT.encode() not in MASK.frame(broken)
    assert ACCOUNT.encode() not in Mask().frame(broken)


def test_a_number_spelled_in_another_way_of_json_does_not_pass() -> None:
    spelled = "".join(f"\\u{ord(digit):04x}" for digit in ACCOUNT)
    whole = frame(item("{}")).replace(ACCOUNT.encode(), spelled.encode())
    masked = MASK.frame(whole)
    message = decode(masked)
    assert message is not None
    assert not any(ACCOUNT in str(one) for block in message.data for one in block.items)


def test_the_nightly_notice_and_the_first_message_pass() -> None:
    for data, kind in (("Feature not supported", ""), ("", "SUBSCRIBED")):
        plain = {"seq": 1, "key": "leadline", "1": "", "2": kind, "3": data}
        assert MASK.frame(frame(plain)) == frame(plain)


def test_short_secrets_do_not_spoil_frames() -> None:
    plain = frame({"seq": 1, "key": "leadline", "1": "", "2": "", "3": "a"})
    assert Mask(["", "a", "le"]).frame(plain) == plain


def test_texts_of_events_are_hidden() -> None:
    assert MASK.text(f"closed for {ACCOUNT}") == f"closed for {'#' * 8}"


@pytest.mark.skipif(not REAL.exists(), reason=f"NOT TESTED: the real recordings are not in {REAL.parent}")
def test_real_messages_with_a_number_put_where_it_was_blacked_out() -> None:
    text = re.sub(r"(?<!#)#{8}(?!#)", ACCOUNT, REAL.read_text())
    assert text.count(ACCOUNT) > 10
    for step in json.loads(text):
        whole = json.dumps(step["frame"]).encode()
        masked = Mask().frame(whole)
        assert ACCOUNT.encode() not in masked
        assert re.sub(rb"9{8,9}|#+", b"", masked).count(b"SchwabOrderID") == whole.count(b"SchwabOrderID")
        json.loads(masked)
