"""Tokens: seven days from the login, thirty minutes each, and Schwab's nested errors."""

from base64 import b64encode
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec
import pytest

from simschwab.core.answers import Request, Response
from simschwab.core.settings import Settings
from simschwab.core.times import NS_PER_S
from simschwab.virtual import Virtual

APP = Settings()


def post(virtual: Virtual, app: str = f"{APP.client_id}:{APP.app_secret}", **form: str) -> Response:
    headers = {"authorization": f"Basic {b64encode(app.encode()).decode()}"}
    request = Request("POST", "/v1/oauth/token", {}, headers, urlencode(form).encode())
    return virtual.exchange.http(request, virtual.now_ns)


def body(response: Response) -> dict[str, object]:
    decoded = msgspec.json.decode(response.body)
    assert isinstance(decoded, dict)
    return decoded


def nested(response: Response) -> dict[str, str]:
    outer = body(response)
    assert outer["error"] == "unsupported_token_type"
    description = str(outer["error_description"])
    assert description.startswith('400 Bad Request: "{')
    assert description.endswith('}"')
    return msgspec.json.decode(description.removeprefix('400 Bad Request: "')[:-1], type=dict[str, str])


def test_refreshing_gives_a_new_access_token_and_the_same_refresh_token() -> None:
    virtual = Virtual()
    grant = virtual.exchange.oauth.login(virtual.now_ns)
    answer = body(post(virtual, grant_type="refresh_token", refresh_token=grant.refresh))
    assert set(answer) == {"expires_in", "token_type", "scope", "refresh_token", "access_token", "id_token"}
    assert (answer["expires_in"], answer["token_type"], answer["scope"]) == (1800, "Bearer", "api")
    assert answer["refresh_token"] == grant.refresh
    assert answer["access_token"] != grant.access
    assert virtual.exchange.oauth.is_valid(str(answer["access_token"]), virtual.now_ns)


def test_refreshing_does_not_extend_the_seven_days() -> None:
    virtual = Virtual()
    grant = virtual.exchange.oauth.login(virtual.now_ns)
    virtual.now_ns += 7 * 86_400 * NS_PER_S - 1
    assert post(virtual, grant_type="refresh_token", refresh_token=grant.refresh).status == 200
    virtual.now_ns += 1
    late = post(virtual, grant_type="refresh_token", refresh_token=grant.refresh)
    assert late.status == 400
    assert nested(late)["error"] == "invalid_grant"


def test_a_new_login_kills_the_old_refresh_token() -> None:
    virtual = Virtual()
    old = virtual.exchange.oauth.login(virtual.now_ns)
    virtual.exchange.oauth.login(virtual.now_ns)
    answer = post(virtual, grant_type="refresh_token", refresh_token=old.refresh)
    assert answer.status == 400
    assert nested(answer)["error"] == "refresh_token_authentication_error"
    assert "tokenDigest=" in nested(answer)["error_description"]


@pytest.mark.parametrize("app", ["x:y", "", f"{APP.client_id}:wrong", f"wrong:{APP.app_secret}"])
def test_another_app_is_refused(app: str) -> None:
    virtual = Virtual()
    assert post(virtual, app, grant_type="refresh_token", refresh_token="x").status == 401


def test_an_unknown_grant_type_is_refused() -> None:
    answer = post(Virtual(), grant_type="password")
    assert (answer.status, body(answer)["error"]) == (400, "unsupported_grant_type")


def authorize(virtual: Virtual, **query: str) -> Response:
    return virtual.exchange.http(Request("GET", "/v1/oauth/authorize", query), virtual.now_ns)


def test_the_login_by_code_works_once_within_30_s() -> None:
    virtual = Virtual()
    callback = "https://127.0.0.1:8182"
    answer = authorize(virtual, client_id=APP.client_id, redirect_uri=callback, response_type="code", state="s1")
    assert answer.status == 302
    target = urlsplit(answer.headers["Location"])
    query = parse_qs(target.query)
    assert f"{target.scheme}://{target.netloc}" == callback
    assert query["state"] == ["s1"]
    (code,) = query["code"]
    assert code.endswith("@")
    assert "%40" in target.query
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": callback}
    assert post(virtual, **form).status == 200
    assert post(virtual, **form).status == 400
    late = virtual.exchange.oauth.new_code(callback, virtual.now_ns)
    virtual.now_ns += 30 * NS_PER_S
    assert nested(post(virtual, **(form | {"code": late})))["error"] == "invalid_grant"


def test_a_code_is_bound_to_its_callback_to_the_byte() -> None:
    virtual = Virtual()
    code = virtual.exchange.oauth.new_code("https://127.0.0.1:8182", virtual.now_ns)
    answer = post(virtual, grant_type="authorization_code", code=code, redirect_uri="https://127.0.0.1:8182/")
    assert answer.status == 400


def test_an_access_token_ends_after_its_time() -> None:
    virtual = Virtual(Settings(access_token_s=60))
    assert virtual.http("GET", "/trader/v1/userPreference").status == 200
    virtual.now_ns += 60 * NS_PER_S
    answer = virtual.http("GET", "/trader/v1/userPreference")
    assert answer.status == 401
    assert body(answer) == {"errors": [{"status": 401, "title": "Unauthorized", "detail": "Client not authorized"}]}
