"""Checks an OpenAPI document by the specification's own schema, and outcomes by the document.

Reads `{"openapi": document, "outcomes": [[method, outcome], ...]}`; prints nothing where all is as described.
"""

import json
import sys

from jsonschema import Draft202012Validator
from openapi_spec_validator import validate


def main() -> None:
    given = json.load(sys.stdin)
    document = given["openapi"]
    validate(document)
    for method, outcome in given["outcomes"]:
        answer = f"/paths/~1v1~1{method}/post/responses/200/content/application~1json/schema"
        # The document around it is what its references lead into.
        validator = Draft202012Validator({**document, "$ref": f"#{answer}"})
        for error in validator.iter_errors(outcome):
            sys.exit(f"{method} returned what is not described: {json.dumps(outcome)}\n{error.message}")


if __name__ == "__main__":
    main()
