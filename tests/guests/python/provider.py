"""A read-only provider in Python, for the service that tests/guests/README.md describes."""

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote

from componentize_py_types import Err, Ok
from wit_world import exports
from wit_world.imports import descriptions, values, zones
from wit_world.imports.values import (
    BusyAnswer,
    BusyKind,
    BusyTimes,
    Connection,
    Failure,
    Interval,
    Problem,
    Window,
)

from http_client import Response, get

SERVICE = "https://memory.example"
CALENDAR = "home"
DAY = 86_400


class Plugin(exports.Plugin):
    def describe(self) -> descriptions.Description:
        return descriptions.Description(
            id="reader-python",
            name="Reader in Python",
            version="0.1.0",
            state_format=1,
            sign_ins=[
                descriptions.SignIn(
                    id="password",
                    label="User and password",
                    method=descriptions.Method_Form(
                        descriptions.Form(
                            fields=[
                                form_field("user", "User", descriptions.FieldKind.TEXT),
                                form_field("password", "Password", descriptions.FieldKind.SECRET),
                            ],
                            help_link=None,
                        )
                    ),
                    attach=descriptions.Attach_Basic(
                        descriptions.AttachBasic(user_field="user", secret_field="password")
                    ),
                    subject_paths=[],
                )
            ],
            hosts=[SERVICE],
            read_only_posts=[],
            limits=descriptions.Limits(
                busy_window=366 * DAY,
                changes_window=366 * DAY,
                page_size=1,
                get_many=1,
                poll_floor=60,
                concurrency=4,
            ),
        )


def form_field(name: str, label: str, kind: descriptions.FieldKind) -> descriptions.FormField:
    return descriptions.FormField(name=name, label=label, kind=kind, pattern=None, help="", preset=None)


class Account(exports.Account):
    def open(self, connection: Connection) -> values.AccountReply:
        get_json("/account")
        home = values.Calendar(
            id=CALENDAR,
            name="Home",
            role=values.CalendarRole.OWNER,
            is_default=True,
            takes_meetings=False,
            zone=None,
        )
        account = values.Account(
            address=connection.address,
            other_addresses=[],
            zone=None,
            calendars=[home],
            abilities=values.Abilities.READ_BUSY,
        )
        return values.AccountReply(account, memo=None)

    def explain_failure(self, connection: Connection, error: values.SignInError) -> Failure:
        if error.error == "invalid_grant":
            return Failure(values.Remedy_Reconnect(), error.error, "the service no longer accepts the credential")
        return Failure(values.Remedy_Temporary(), error.error, "the sign-in failed")


class Busy(exports.Busy):
    def query(self, connection: Connection, targets: values.BusyTargets, window: Window) -> values.BusyReply:
        if window.end <= window.start:
            raise failure(values.Remedy_Invalid("window"), "the end of the window is not after its start")
        if not isinstance(targets, values.BusyTargets_Calendars):
            raise failure(values.Remedy_Unsupported(), "the service does not tell when other people are busy")
        answers = [answer(calendar, connection.zone, window) for calendar in targets.value]
        return values.BusyReply(answers, memo=None)


def answer(calendar: str, zone: str, window: Window) -> BusyAnswer:
    try:
        return BusyAnswer(calendar, Ok(busy_times(calendar, zone, window)))
    except Err as error:
        return BusyAnswer(calendar, error)


def busy_times(calendar: str, zone: str, window: Window) -> BusyTimes:
    intervals, problems = [], []
    for text in texts(calendar):
        try:
            intervals += intervals_of(json.loads(text["data"]), zone)
        except Err:
            raise
        except Exception as error:
            problems.append(Problem(text["id"], f"the text cannot be read ({type(error).__name__})", span=None))
    for interval in intervals:
        interval.start = max(interval.start, window.start)
        interval.end = min(interval.end, window.end)
    # What is outside of the window now ends before it starts.
    intervals = [interval for interval in intervals if interval.start < interval.end]
    intervals.sort(key=lambda interval: (interval.start, interval.end))
    return BusyTimes(intervals, problems)


def texts(calendar: str) -> list[dict]:
    """All texts of a calendar, page by page."""
    found, number, more = [], 0, True
    while more:
        page = get_json(f"/calendars/{quote(calendar, safe='')}/pages/{number}")
        try:
            found += page["items"]
            more = page["more"]
        except (LookupError, TypeError):
            raise failure(values.Remedy_Temporary(), "the answer is not a page") from None
        number += 1
    return found


def intervals_of(text: dict, zone: str) -> list[Interval]:
    status = text.get("status")
    if status == "cancelled":
        return []
    if text.get("free"):
        kind = BusyKind.FREE
    else:
        kind = BusyKind.UNANSWERED if status == "unanswered" else BusyKind.BUSY
    all_day = "days" in text
    if all_day:
        times = [[midnight(day, zone) for day in text["days"]]]
    else:
        times = [[instant(time) for time in pair] for pair in text["times"]]
    return [Interval(start, end, kind, all_day, client_key=None, uid=None) for start, end in times]


def instant(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp())


def midnight(day: str, zone: str) -> int:
    """When a day begins in a zone. The host has the rules of the zones; `zoneinfo` finds no files here."""
    local = instant(f"{day}T00:00:00Z")
    rules = zones.transitions(zone, Window(local - DAY, local + DAY))
    if rules is None:
        raise failure(values.Remedy_Temporary(), f"the host does not know the zone {zone}")
    # Where the clocks skip midnight, this is the offset before; where midnight occurs twice, it is the first.
    offset = rules.transitions[0].offset
    for transition in rules.transitions[1:]:
        if transition.at + max(offset, transition.offset) <= local:
            offset = transition.offset
    return local - offset


def get_json(path: str):
    try:
        response = get(SERVICE + path)
    except Err as error:
        raise failure(values.Remedy_Temporary(), f"the service did not answer: {error.value}") from None
    if response.status != 200:
        raise refusal(response)
    try:
        return json.loads(response.body.decode())
    except ValueError:
        raise failure(values.Remedy_Temporary(), "the answer is not JSON") from None


REMEDIES = {
    401: values.Remedy_Reconnect(),
    403: values.Remedy_NotPermitted(),
    404: values.Remedy_NotFound(),
    410: values.Remedy_Gone(),
}


def refusal(response: Response) -> Err[Failure]:
    """What an answer other than 200 means."""
    status, code = response.status, str(response.status)
    retry_after = response.headers.get("retry-after")
    if status == 429 or (status == 503 and retry_after is not None):
        pause = values.Pause(max(wait(retry_after), 2000), values.PauseScope.CONNECTION)
        return failure(values.Remedy_SlowDown(pause), "too many requests", code)
    remedy = REMEDIES.get(status, values.Remedy_Temporary())
    return failure(remedy, f"the service answered {status}", code)


def wait(retry_after: str | None) -> int:
    """How long `retry-after` asks to wait, in milliseconds: it has seconds or a date. 0 if it has neither."""
    if retry_after is None:
        return 0
    if retry_after.isdecimal():
        return int(retry_after) * 1000
    try:
        return int((parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds() * 1000)
    except (ValueError, TypeError):
        return 0


def failure(remedy: values.Remedy, detail: str, service_code: str = "") -> Err[Failure]:
    """A failure of the contract. A function fails by raising it."""
    return Err(Failure(remedy, service_code, detail))
