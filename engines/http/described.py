"""Checks an OpenAPI document by the specification's own schema, and outcomes by the document.

Reads `{"openapi": document, "outcomes": [[method, outcome], ...]}`; prints nothing where all is as described.
"""

import json
import sys
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from openapi_spec_validator import validate


def closed(schema: Any) -> Any:
    """The same schema, by which an object has no members but those described."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    members = {name: closed(member) for name, member in schema.items()}
    if "properties" in schema:
        members.setdefault("additionalProperties", False)
    return members


def main() -> None:
    given = json.load(sys.stdin)
    document = given["openapi"]
    validate(document)
    components = closed(document["components"])
    for method, outcome in given["outcomes"]:
        described = f"#/components/schemas/{method}-{outcome['case']}"
        validator = Draft202012Validator({"components": components, "$ref": described})
        error = best_match(validator.iter_errors(outcome))
        if error is not None:
            sys.exit(
                f"{method}: {outcome['case']} is not as described, at {error.json_path}: {error.message}"
            )


if __name__ == "__main__":
    main()
