"""Has schemathesis send requests that fit the OpenAPI document, and some that do not, to a running host.

Standard input: {"document", "origin", "token", "ids", "cases", "seed", "rules"}. Prints {"cases", "accepted",
"failures"}.

Beside schemathesis' own checks (no 5xx, no undocumented status or media type, no response that breaks its schema), a
request that fits the document may only be refused with a code that `rules` lists for its operation.
"""

import collections
import json
import sys

import hypothesis
import schemathesis
from schemathesis.checks import CHECKS
from schemathesis.generation import GenerationMode

given = json.load(sys.stdin)
rules = given["rules"]
counts = collections.Counter()
failures = {}

schema = schemathesis.openapi.from_dict(given["document"])
schema.config.update(base_url=given["origin"])


def pinned(name, value):
    """A real id in place of a random one, so that operations also succeed."""
    return given["ids"].get(name, value)


def refusal(case, response):
    """Why a refusal of a request that fits the document is not one of the listed ones."""
    operation = case.operation.definition.raw["operationId"]
    code = response.json().get("code")
    if code not in {**rules["*"], **rules.get(operation, {})}:
        return f"{operation}: refused with {code}, which no rule lists: {response.text[:400]}"
    return None


def send(case):
    response = case.call(headers={"Authorization": "Bearer " + given["token"]}, timeout=60)
    counts["cases"] += 1
    if response.status_code < 400:
        counts["accepted"] += 1
    text = None
    try:
        case.validate_response(response, excluded_checks=excluded)
        if 400 <= response.status_code < 500 and case.meta.generation.mode is GenerationMode.POSITIVE:
            text = refusal(case, response)
    except BaseExceptionGroup as group:
        text = "\n".join(str(failure) for failure in group.exceptions)
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
    if text:
        key = text.splitlines()[0] + " " + case.operation.label
        failures.setdefault(key[:300], f"{case.as_curl_command()}\n{text}"[:1500])


# The same is looked at by `refusal`, with rules; tokens are tried by tests of their own.
names = {"positive_data_acceptance", "negative_data_rejection", "ignored_auth", "missing_required_header",
         "use_after_free", "ensure_resource_availability", "unsupported_method", "max_response_time"}
excluded = [check for check in CHECKS.get_all() if check.__name__ in names]
operations = [found.ok() for found in schema.get_all_operations()]
left_out = {"revokeToken"}  # would revoke the token that sends the requests
operations = [one for one in operations if one.definition.raw["operationId"] not in left_out]
each = -(-given["cases"] // (2 * len(operations)))


def explore(operation, mode, seed):
    """Sends made-up requests of an operation. One without any input has a single request."""

    @hypothesis.seed(seed)
    @hypothesis.settings(max_examples=each, deadline=None, database=None, derandomize=False,
                         suppress_health_check=list(hypothesis.HealthCheck), phases=[hypothesis.Phase.generate])
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def attempt(case):
        parameters = dict(case.path_parameters or {})
        if mode is GenerationMode.POSITIVE or counts["cases"] % 3:
            case.path_parameters = {name: pinned(name, value) for name, value in parameters.items()}
        if mode is GenerationMode.POSITIVE and isinstance(case.body, dict) and counts["cases"] % 4:
            for name in ("program", "owner", "organisation"):
                if name in case.body:
                    case.body[name] = pinned({"owner": "person"}.get(name, name), case.body[name])
        send(case)

    try:
        attempt()
    except hypothesis.errors.Unsatisfiable:
        pass  # nothing about the operation can be wrong


seed = given["seed"]
while counts["cases"] < given["cases"]:
    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            explore(operation, mode, seed)
    seed += 1

print(json.dumps({"cases": counts["cases"], "accepted": counts["accepted"], "failures": list(failures.values())}))
