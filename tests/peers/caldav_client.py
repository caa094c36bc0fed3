"""An independent CalDAV client for tests: one verb, JSON in, JSON out.

    python caldav_client.py calendars|create|occurrences|find|delete < request.json

Every request has `account` {origin, user, password} and, but for `calendars`, `calendar`: the path of one.
"""

import datetime
import json
import sys
import urllib.parse
import zoneinfo

import caldav
import caldav.lib.error
import icalendar


def calendars(client, request):
    return sorted(path(calendar) for calendar in client.principal().calendars())


def create(client, request):
    event = request["event"]
    zone = zoneinfo.ZoneInfo(event["zone"])
    component = icalendar.Event()
    component.add("uid", event["uid"])
    component.add("dtstamp", datetime.datetime.now(datetime.timezone.utc))
    component.add("summary", event["title"])
    component.add("dtstart", datetime.datetime.fromisoformat(event["start"]).replace(tzinfo=zone))
    component.add("dtend", datetime.datetime.fromisoformat(event["end"]).replace(tzinfo=zone))
    if event["rule"]:
        component.add("rrule", icalendar.vRecur.from_ical(event["rule"]))
    whole = icalendar.Calendar()
    whole.add("version", "2.0")
    whole.add("prodid", "-//chronus tests//caldav client//EN")
    whole.add_component(component)
    whole.add_missing_timezones()
    return path(calendar_of(client, request).save_event(whole.to_ical().decode()))


def occurrences(client, request):
    window = {end: datetime.datetime.fromisoformat(request[key]) for end, key in (("start", "from"), ("end", "to"))}
    # Expanded here, not by the server: servers differ, and this is a second opinion.
    found = calendar_of(client, request).search(event=True, expand=True, server_expand=False, **window)
    return sorted((seen(event) for event in found), key=lambda event: (event["start"], event["end"], event["uid"]))


def find(client, request):
    try:
        return seen(calendar_of(client, request).event_by_uid(request["uid"]))
    except caldav.lib.error.NotFoundError:
        return None


def delete(client, request):
    calendar_of(client, request).event_by_uid(request["uid"]).delete()


def calendar_of(client, request):
    return client.calendar(url=request["account"]["origin"] + request["calendar"])


def path(thing):
    return urllib.parse.urlsplit(str(thing.url)).path


def seen(event):
    component = event.icalendar_component
    return {
        "uid": str(component["uid"]),
        "title": str(component.get("summary", "")),
        "description": str(component.get("description", "")),
        "status": str(component.get("status", "")),
        "start": moment(component.start),
        "end": moment(component.end),
        "path": path(event),
    }


def moment(value):
    if not isinstance(value, datetime.datetime) or value.tzinfo is None:
        return value.isoformat()
    return value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


request = json.load(sys.stdin)
account = request["account"]
with caldav.DAVClient(url=account["origin"] + "/", username=account["user"], password=account["password"]) as client:
    verb = {"calendars": calendars, "create": create, "occurrences": occurrences, "find": find, "delete": delete}
    print(json.dumps(verb[sys.argv[1]](client, request)))
