"""Google's own client, for tests: a line of JSON in, a line of JSON out, until the input ends.

    python google_client.py < [verb, request] on each line

Every request has `origin` and `credentials` {token, refresh_token?, client_id?, client_secret?}. The client is built from
the descriptions of the APIs that its package carries, and knows of the server only where it is.

- `calls`: `calls` is a list of {method: "events.insert", arguments: {…}, headers?, retries?}; gives for each what was
  answered, or the status and reason of the refusal, and how long the client would have waited before trying again.
- `who`: what the API of OAuth says of the person.
- `pages`: `arguments` of `events.list`; follows the pages as the client does, and gives all items and the sync token.
"""

import json
import os
import sys

from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

# The server is on this machine, whatever the environment says of proxies.
for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
    del os.environ[name]


def calls(request):
    with calendar(request) as service:
        return [call(service, one) for one in request["calls"]]


def call(service, one):
    resource, method = one["method"].split(".")
    made = getattr(getattr(service, resource)(), method)(**one["arguments"])
    made.headers.update(one.get("headers", {}))
    waits = []
    # What the client decides to wait is seen, and not waited for.
    made._sleep = waits.append
    try:
        return {"answer": made.execute(num_retries=one.get("retries", 0)), "waits": len(waits)}
    except HttpError as error:
        details = error.error_details
        reason = details[0].get("reason", "") if isinstance(details, list) and details else str(details)
        return {"status": error.status_code, "reason": reason, "waits": len(waits)}


def pages(request):
    events = calendar(request).events()
    made = events.list(**request["arguments"])
    items, sizes = [], []
    while made is not None:
        answer = made.execute()
        items += answer["items"]
        sizes.append(len(answer["items"]))
        made, last = events.list_next(made, answer), answer
    return {"items": items, "sizes": sizes, "token": last.get("nextSyncToken")}


def who(request):
    with api(request, "oauth2", "v2", "") as service:
        return service.userinfo().get().execute()


def calendar(request):
    return api(request, "calendar", "v3", "calendar/v3/")


def api(request, name, version, path):
    credentials = Credentials(token_uri=request["origin"] + "/token", **request["credentials"])
    endpoint = {"api_endpoint": f"{request['origin']}/{path}"}
    return build(name, version, credentials=credentials, static_discovery=True, client_options=endpoint)


verbs = {verb.__name__: verb for verb in [calls, pages, who]}
for line in sys.stdin:
    verb, request = json.loads(line)
    print(json.dumps(verbs[verb](request)), flush=True)
