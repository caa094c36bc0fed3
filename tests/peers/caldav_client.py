"""An independent CalDAV client for tests: one verb, JSON in, JSON out.

    python caldav_client.py calendars|create|change|retitle|set_rule|invite|answer|occurrences|find|delete < request.json
    python caldav_client.py < [verb, request] on each line

Every request has `account` {origin, start, user, password} and, but for `calendars`, `calendar`: the path of one.
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
    return path(calendar_of(client, request).save_event(whole(request["event"])))


def change(client, request):
    """Gives the occurrence that begins at `at` the title and times of `event`, or excludes it if that is null."""
    stored, calendar, master = series(client, request)
    at = local(request["at"], request["zone"])
    forget(calendar, lambda original: original == at)
    if request["event"] is None:
        master.add("exdate", at)
    else:
        changed = icalendar.Calendar.from_ical(whole(request["event"])).walk("VEVENT")[0]
        changed.add("recurrence-id", at)
        calendar.add_component(changed)
    store(stored, calendar)


def retitle(client, request):
    """Gives a series another title, and the changed occurrences that have its title too."""
    stored, calendar, master = series(client, request)
    before = master["summary"]
    for event in calendar.walk("VEVENT"):
        if event["summary"] == before:
            event["summary"] = icalendar.vText(request["title"])
    store(stored, calendar)


def set_rule(client, request):
    """Gives a series another rule, and forgets what was changed or excluded after `last`."""
    stored, calendar, master = series(client, request)
    last = local(request["last"], request["zone"])
    master["rrule"] = icalendar.vRecur.from_ical(request["rule"])
    forget(calendar, lambda original: original > last)
    excluded = master.pop("exdate", [])
    for dates in excluded if isinstance(excluded, list) else [excluded]:
        for date in dates.dts:
            if date.dt <= last:
                master.add("exdate", date.dt)
    store(stored, calendar)


def series(client, request):
    stored = calendar_of(client, request).event_by_uid(request["uid"])
    calendar = icalendar.Calendar.from_ical(stored.data)
    return stored, calendar, next(event for event in calendar.walk("VEVENT") if "recurrence-id" not in event)


def forget(calendar, is_meant):
    kept = [part for part in calendar.subcomponents if "recurrence-id" not in part or not is_meant(part["recurrence-id"].dt)]
    calendar.subcomponents = kept


def store(stored, calendar):
    stored.data = calendar.to_ical().decode()
    stored.save(increase_seqno=False)


def local(time, zone):
    return datetime.datetime.fromisoformat(time).replace(tzinfo=zoneinfo.ZoneInfo(zone))


def invite(client, request):
    """Makes an event whose organiser is the account and that invites `guests`, by their addresses."""
    guests = [client.principal(), *request["guests"]]
    return path(calendar_of(client, request).save_with_invites(whole(request["event"]), guests))


def answer(client, request):
    """Answers an invitation that is in the calendar: `rsvp` is ACCEPTED, DECLINED or TENTATIVE."""
    event = calendar_of(client, request).event_by_uid(request["uid"])
    event.change_attendee_status(partstat=request["rsvp"])
    event.save()


def whole(event):
    zone = zoneinfo.ZoneInfo(event["zone"])
    component = icalendar.Event()
    component.add("uid", event["uid"])
    component.add("dtstamp", datetime.datetime.now(datetime.timezone.utc))
    component.add("summary", event["title"])
    component.add("dtstart", datetime.datetime.fromisoformat(event["start"]).replace(tzinfo=zone))
    component.add("dtend", datetime.datetime.fromisoformat(event["end"]).replace(tzinfo=zone))
    if event["rule"]:
        component.add("rrule", icalendar.vRecur.from_ical(event["rule"]))
    calendar = icalendar.Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", "-//chronus tests//caldav client//EN")
    calendar.add_component(component)
    calendar.add_missing_timezones()
    return calendar.to_ical().decode()


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
        "answers": answers(component),
    }


def answers(component):
    attendees = component.get("attendee", [])
    attendees = attendees if isinstance(attendees, list) else [attendees]
    return {str(one).lower().removeprefix("mailto:"): str(one.params.get("PARTSTAT", "")) for one in attendees}


def moment(value):
    if not isinstance(value, datetime.datetime) or value.tzinfo is None:
        return value.isoformat()
    return value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


verbs = [calendars, create, change, retitle, set_rule, invite, answer, occurrences, find, delete]
verbs = {verb.__name__: verb for verb in verbs}


def run(verb, request):
    account = request["account"]
    signed_in = {"username": account["user"], "password": account["password"], "auth_type": "basic"}
    with caldav.DAVClient(url=account["origin"] + account["start"], **signed_in) as client:
        print(json.dumps(verbs[verb](client, request)), flush=True)


if len(sys.argv) > 1:
    run(sys.argv[1], json.load(sys.stdin))
else:
    for line in sys.stdin:
        run(*json.loads(line))
