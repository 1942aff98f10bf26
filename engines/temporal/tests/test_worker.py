"""The worker's program."""

import subprocess
import sys

import pytest

from .conftest import HERE

COMPLETE = {
    "SERVICENOW_COMPONENT": "servicenow.wasm",
    "SERVICENOW_ORIGIN": "https://dev12345.service-now.com",
    "SERVICENOW_CLIENT_ID": "id",
    "SERVICENOW_CLIENT_SECRET": "secret",
}


@pytest.mark.parametrize("missing", COMPLETE)
def test_a_worker_says_what_it_was_not_given(missing: str) -> None:
    given = {name: value for name, value in COMPLETE.items() if name != missing}
    paths = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    worker = subprocess.run(
        [sys.executable, "worker.py"],
        check=False,
        cwd=HERE.parent,
        env=given | paths,
        capture_output=True,
        text=True,
    )
    assert worker.returncode == 1
    assert worker.stderr.startswith(f"{missing} is not set: give "), worker.stderr
