"""Generates a client of the OpenAPI document with openapi-python-client, and lives the README's story with it.

Standard input: {"document", "origin", "token", "program", "person", "attendee", "sign_in"}. Prints what it saw.
"""

import datetime
import importlib
import json
import pathlib
import subprocess
import sys
import tempfile
import time

given = json.load(sys.stdin)
folder = pathlib.Path(tempfile.mkdtemp(prefix="chronus-api-"))
(folder / "openapi.json").write_text(json.dumps(given["document"]))
(folder / "config.yaml").write_text("package_name_override: chronus_client\npost_hooks: []\n")
generate = [sys.executable, "-I", "-m", "openapi_python_client", "generate", "--path", "openapi.json", "--config",
            "config.yaml", "--meta", "none", "--output-path", "chronus_client", "--fail-on-warning"]
ran = subprocess.run(generate, cwd=folder, capture_output=True, text=True)
if ran.returncode != 0:
    sys.exit(f"openapi-python-client: {ran.stdout}{ran.stderr}")
sys.path.insert(0, str(folder))

client_module = importlib.import_module("chronus_client")
models = importlib.import_module("chronus_client.models")
client = client_module.AuthenticatedClient(base_url=given["origin"], token=given["token"])


def call(operation, *arguments, **named):
    """An operation of the generated client, by its tag and name."""
    module = importlib.import_module(f"chronus_client.api.{operation}")
    response = module.sync_detailed(*arguments, client=client, **named)
    return int(response.status_code), response.parsed, response.headers


def meeting_body():
    start = datetime.datetime(2027, 3, 4, 10, tzinfo=datetime.timezone.utc)
    return models.NewMeeting(program=given["program"], owner=given["person"], attendees=[given["attendee"]],
                             title="Mentoring", description="bring questions", start=start,
                             end=start + datetime.timedelta(hours=1), zone="Europe/Rome")


seen = {}
person = given["person"]
window = {"from_": datetime.datetime(2027, 3, 1, tzinfo=datetime.timezone.utc),
          "to": datetime.datetime(2027, 3, 8, tzinfo=datetime.timezone.utc)}

status, actor, _ = call("people.get_current_actor")
seen["actor"] = [status, actor.kind.value]
status, busy, _ = call("availability.get_busy_times", person, **window)
seen["busy before"] = [status, busy.state.value]
status, offers, _ = call("connections.list_offers", person)
seen["offers"] = [status, [offer.provider for offer in offers]]
status, connection, _ = call("connections.connect_calendar", person, body=models.NewConnection.from_dict(given["sign_in"]))
seen["connected"] = [status, connection.state.value]
status, busy, _ = call("availability.get_busy_times", person, **window)
seen["busy after"] = [status, busy.state.value, len(busy.intervals)]

status, made, headers = call("meetings.create_meeting", body=meeting_body(), idempotency_key="one")
seen["created"] = [status, headers["Location"] == f"/v1/meetings/{made.id}", "Idempotent-Replayed" in headers]
status, again, headers = call("meetings.create_meeting", body=meeting_body(), idempotency_key="one")
seen["replayed"] = [status, again.id == made.id, headers.get("Idempotent-Replayed")]
other = meeting_body()
other.title = "Another"
status, problem, _ = call("meetings.create_meeting", body=other, idempotency_key="one")
seen["reused"] = [status, problem.code.value]


def settled():
    """The meeting, once the calendar shows it."""
    while True:
        _, meeting, headers = call("meetings.get_meeting", made.id)
        if meeting.calendar.revision == meeting.revision and meeting.calendar.state.value != "pending":
            return meeting, headers["ETag"]
        time.sleep(0.05)


meeting, etag = settled()
seen["in the calendar"] = meeting.calendar.state.value
status, _, _ = call("meetings.get_meeting", made.id, if_none_match=etag)
seen["unchanged"] = status
move = models.MeetingChange(start=datetime.datetime(2027, 3, 5, 14, tzinfo=datetime.timezone.utc))
status, moved, _ = call("meetings.update_meeting", made.id, body=move, if_match=etag)
seen["moved"] = [status, moved.start.isoformat(), moved.end.isoformat(), moved.revision]
status, problem, _ = call("meetings.update_meeting", made.id, body=move, if_match=etag)
seen["stale"] = [status, problem.code.value]
settled()
status, page, _ = call("meetings.list_meetings", limit=10)
seen["listed"] = [status, [one.id == made.id for one in page.items]]
status, cancelled, _ = call("meetings.cancel_meeting", made.id)
seen["cancelled"] = [status, cancelled.status.value]
print(json.dumps(seen))
