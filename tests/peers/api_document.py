"""Validates the OpenAPI document on standard input, and prints what openapi-spec-validator finds."""

import json
import sys

from openapi_spec_validator import OpenAPIV31SpecValidator

document = json.load(sys.stdin)
print(json.dumps([error.message for error in OpenAPIV31SpecValidator(document).iter_errors()]))
