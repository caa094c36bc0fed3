"""Independent OAuth clients, for tests: a line of JSON in, a line of JSON out, until the input ends.

    python google_oauth.py < [verb, request] on each line

Every request has `origin`. Consent, exchange and refresh are requests-oauthlib's, the service account is google-auth's;
the page of consent is filled in as a browser without JavaScript would.
"""

import html.parser
import json
import os
import sys
import urllib.parse

import google.auth.exceptions
import google.auth.transport.requests
import requests
from google.oauth2 import service_account as accounts
from oauthlib.oauth2.rfc6749.errors import OAuth2Error
from requests_oauthlib import OAuth2Session

# Plain http, on this machine, and fewer scopes than were asked for are no error.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
os.environ["OAUTHLIB_RELAX_TOKEN_SCOPE"] = "1"
for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
    del os.environ[name]


class Form(html.parser.HTMLParser):
    """What a page asks: where its form goes, its fields, and how a person sees it."""

    def __init__(self, page):
        super().__init__()
        self.action, self.fields, self.text = None, [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.action = attributes["action"]
        if tag in ("input", "button"):
            self.fields.append(attributes)

    def handle_data(self, data):
        self.text.append(data)

    def offered(self, name):
        return [field["value"] for field in self.fields if field.get("name") == name]


def consent(request):
    """Asks for consent and decides: `account`, the scopes that are `left out`, `decision`."""
    client = OAuth2Session(request["client_id"], redirect_uri=request["redirect"], scope=request["scopes"], pkce="S256")
    url, state = client.authorization_url(request["origin"] + "/o/oauth2/v2/auth", **request["parameters"])
    browser = requests.Session()
    page = browser.get(url, allow_redirects=False)
    if page.status_code != 200:
        return {"status": page.status_code, "page": " ".join(Form(page.text).text), **arrived(page)}
    form = Form(page.text)
    answers = [(name, form.offered(name)[0]) for name in ["request"]]
    answers += [("scope", scope) for scope in form.offered("scope") if scope not in request.get("left_out", [])]
    answers += [("account", request["account"])] if request["account"] in form.offered("account") else []
    answers += [("decision", request.get("decision", "allow"))]
    decided = browser.post(urllib.parse.urljoin(url, form.action), data=answers, allow_redirects=False)
    again = browser.post(urllib.parse.urljoin(url, form.action), data=answers, allow_redirects=False)
    return {
        "status": decided.status_code,
        "again": again.status_code,
        "offered": form.offered("scope"),
        "state": state,
        "verifier": client._code_verifier,
        **arrived(decided),
    }


def arrived(answer):
    location = answer.headers.get("location", "")
    address, _, query = location.partition("?")
    return {"address": address, "parameters": dict(urllib.parse.parse_qsl(query))}


def exchange(request):
    client = OAuth2Session(request["client_id"], redirect_uri=request["redirect"])
    # With `basic`, the secret goes into the header, otherwise into the form.
    secret = {"include_client_id": None if request.get("basic") else True, "client_secret": request["secret"]}
    if request.get("basic"):
        secret = {"auth": requests.auth.HTTPBasicAuth(request["client_id"], request["secret"])}
    verifier = {"code_verifier": request["verifier"]} if request.get("verifier") else {}
    token_url = request["origin"] + "/token"
    return attempt(lambda: client.fetch_token(token_url, code=request["code"], **secret, **verifier))


def refresh(request):
    client = OAuth2Session(request["client_id"])
    secret = {"client_id": request["client_id"], "client_secret": request["secret"]}
    token = request["refresh_token"]
    return attempt(lambda: client.refresh_token(request["origin"] + "/token", refresh_token=token, **secret))


def attempt(ask):
    try:
        return {"token": dict(ask())}
    except OAuth2Error as error:
        return {"error": error.error, "description": error.description, "status": error.status_code}


def revoke(request):
    answer = requests.post(request["origin"] + "/revoke", data={"token": request["token"]})
    return {"status": answer.status_code, "body": answer.json()}


def service_account(request):
    info = {**request["key"], "token_uri": request["origin"] + "/token"}
    credentials = accounts.Credentials.from_service_account_info(
        info, scopes=request["scopes"], subject=request.get("subject")
    )
    try:
        credentials.refresh(google.auth.transport.requests.Request())
    except google.auth.exceptions.RefreshError as error:
        return {"error": error.args[1]["error"], "description": error.args[1]["error_description"]}
    return {"token": credentials.token}


verbs = {verb.__name__: verb for verb in [consent, exchange, refresh, revoke, service_account]}
for line in sys.stdin:
    verb, request = json.loads(line)
    print(json.dumps(verbs[verb](request)), flush=True)
