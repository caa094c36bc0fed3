"""What recurrence rules give, according to python-dateutil and zoneinfo.

    python rules.py < request.json

Request: a list of {"rule", "start", "zone", "until", "from", "to"}: `rule` is a RECUR without UNTIL, `start` a local date
and time, `zone` an IANA name, `until` the last instant or null; instants are seconds since 1970. Answer: for each, the
instants within the window, sorted, each once.

DTSTART is an occurrence and counts as one whether the rule gives it or not (RFC 5545 §3.8.5.3, §3.3.10); dateutil is of
another mind, so it is added here. A local time that the clocks skip is read with the offset before the gap, and of two
equal ones the first is meant (§3.3.5), as zoneinfo does by itself.
"""

import datetime
import itertools
import json
import sys
import types
import zoneinfo

import dateutil.rrule

# A rule that never matches is looked at up to the year 9999, which takes minutes.
dateutil.rrule.datetime = types.SimpleNamespace(**vars(datetime))


def given(case, start, before):
    """The local times that the rule gives from DTSTART on, as long as they may matter."""
    dateutil.rrule.datetime.MAXYEAR = before.year
    parts = dict(part.split("=") for part in case["rule"].split(";"))
    count = int(parts.pop("COUNT", 0))
    try:
        endless = dateutil.rrule.rrulestr(";".join(map("=".join, parts.items())), dtstart=start)
    except ValueError as error:
        if "empty set" not in str(error):
            raise
        # No hour, minute or second that the interval comes by is a wanted one.
        endless = []
    times = itertools.takewhile(lambda at: at < before, endless)
    if not count:
        return times
    first = next(iter(endless), None)
    return itertools.islice(times, count if first == start else count - 1)


def instants(case):
    zone = zoneinfo.ZoneInfo(case["zone"])
    start = datetime.datetime.fromisoformat(case["start"])
    # No change of the clocks is longer.
    before = datetime.datetime.fromtimestamp(case["to"], zone).replace(tzinfo=None) + datetime.timedelta(hours=4)
    until = case["until"]
    instant = lambda at: int(at.replace(tzinfo=zone).timestamp())
    found = {instant(at) for at in given(case, start, before)}
    if until is not None:
        found = {at for at in found if at <= until}
    if until is None or instant(start) <= until:
        found.add(instant(start))
    return sorted(at for at in found if case["from"] <= at < case["to"])


json.dump([instants(case) for case in json.load(sys.stdin)], sys.stdout)
