"""Which occurrences calendars have, according to recurring-ical-events and icalendar.

    python occurrences.py < request.json

Request: {"zone", "from", "to", "calendars": {name: iCalendar text}}: `from` and `to` by RFC 3339, `zone` (an IANA
name) is where floating times and whole days are meant. Answer: {name: {"occurrences": […]}}, or {name: {"error": …}}
for a text that the library cannot read. Occurrences are sorted by start, end and UID:

    {"uid", "start", "end", "all_day", "status", "transparent"}

`start` and `end` by RFC 3339 in UTC; for whole days, midnight in `zone`.
"""

import datetime
import json
import sys
import zoneinfo

import icalendar
import recurring_ical_events


def occurrences(text, start, end, zone):
    found = []
    calendars = icalendar.Calendar.from_ical(text, multiple=True)
    if not calendars:
        raise ValueError("no whole VCALENDAR")
    for calendar in calendars:
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


request = json.load(sys.stdin)
zone = zoneinfo.ZoneInfo(request["zone"])
start, end = (datetime.datetime.fromisoformat(request[key]).astimezone(zone) for key in ("from", "to"))
answer = {}
for name, text in request["calendars"].items():
    try:
        answer[name] = {"occurrences": occurrences(text, start, end, zone)}
    except Exception as error:  # Whatever it stumbles over: the answer names it, and the other calendars have theirs.
        answer[name] = {"error": f"{type(error).__name__}: {error}"}
json.dump(answer, sys.stdout)
