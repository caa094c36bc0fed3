"""Which occurrences calendars have, according to recurring-ical-events and icalendar.

    python occurrences.py < request.json

Request: {"zone", "calendars": {name: {"text", "windows": [[from, to], …]}}}: `from` and `to` by RFC 3339, `zone` (an
IANA name) is where floating times and whole days are meant. Answer: {name: [of each window: {"occurrences": […]}, or
{"error": …} if the library cannot read it]}. Occurrences are sorted by start, end and UID:

    {"uid", "start", "end", "all_day", "status", "transparent"}

`start` and `end` by RFC 3339 in UTC; for whole days, midnight in `zone`.

With {"times": n} in the request each calendar is answered n times, and the answer is how long each took, from its text
to its occurrences: {name: {"seconds": […], "occurrences": how many in all windows}}.
"""

import datetime
import functools
import json
import sys
import time
import zoneinfo

import icalendar
import recurring_ical_events


def occurrences(calendars, start, end, zone):
    found = []
    for calendar in calendars:
        # Anew for each window: one that could not be answered leaves it in a state in which it answers none.
        for event in recurring_ical_events.of(calendar).between(start, end):
            found.append(
                {
                    "uid": str(event.get("uid", "")),
                    "start": utc(event.start, zone),
                    "end": utc(event.end, zone),
                    "all_day": not isinstance(event.start, datetime.datetime),
                    "status": str(event.get("status", "")).upper(),
                    "transparent": str(event.get("transp", "")).upper() == "TRANSPARENT",
                }
            )
    return sorted(found, key=lambda event: (event["start"], event["end"], event["uid"]))


def utc(value, zone):
    if not isinstance(value, datetime.datetime):
        value = datetime.datetime.combine(value, datetime.time())
    if value.tzinfo is None:
        value = value.replace(tzinfo=zone)
    return value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def read(text):
    calendars = icalendar.Calendar.from_ical(text, multiple=True)
    if not calendars:
        raise ValueError("no whole VCALENDAR")
    return calendars


def answer(text, windows, zone):
    def of(window):
        start, end = (datetime.datetime.fromisoformat(moment).astimezone(zone) for moment in window)
        return {"occurrences": occurrences(calendars, start, end, zone)}

    def or_error(ask, *arguments):
        try:
            return ask(*arguments)
        except Exception as error:  # Whatever it stumbles over: the answer names it, and the others have theirs.
            return {"error": f"{type(error).__name__}: {error}"}

    calendars = or_error(read, text)
    return [calendars if isinstance(calendars, dict) else or_error(of, window) for window in windows]


def timed(times, *asked):
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        answers = answer(*asked)
        seconds.append(time.perf_counter() - began)
    return {"seconds": seconds, "occurrences": sum(len(one["occurrences"]) for one in answers)}


request = json.load(sys.stdin)
zone = zoneinfo.ZoneInfo(request["zone"])
calendars = request["calendars"].items()
ask = functools.partial(timed, request["times"]) if "times" in request else answer
json.dump({name: ask(asked["text"], asked["windows"], zone) for name, asked in calendars}, sys.stdout)
