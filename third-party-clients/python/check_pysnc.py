"""PySNC against the simulator, over TLS: records in the manner of GlideRecord."""

import json
import os
import sys

ready = json.load(open(sys.argv[1]))
os.environ["REQUESTS_CA_BUNDLE"] = ready["ca_cert"]

from pysnc import ServiceNowClient  # noqa: E402: it reads the environment when it is loaded
from pysnc.exceptions import RequestException  # noqa: E402

client = ServiceNowClient(ready["base_url"], (ready["username"], ready["password"]))
failures = 0


def check(what, passed):
    global failures
    print(("ok   " if passed else "FAIL ") + what, flush=True)
    failures += not passed


def incident():
    return client.GlideRecord("incident")


for at in range(45):
    record = incident()
    record.initialize()
    record.short_description = f"pysnc {at:03}"
    record.urgency = 1
    record.insert()
record = client.GlideRecord("incident", batch_size=10)
record.add_query("short_description", "LIKE", "pysnc")
record.order_by("number")
record.query()
numbers = [row.get_value("number") for row in record]
check("pages of ten are the whole list in order", len(numbers) == 45 and numbers == sorted(numbers))
check("the count is the instance's", record.get_row_count() == 45)

record = incident()
record.initialize()
record.short_description = "from pysnc"
record.caller_id = "5137153cc611227c000bbd1bd8cd2005"
record.set_new_guid_value("189d7fc183a51210d81dc590ceaad387")
key = record.insert()
check("a chosen key is taken", key == "189d7fc183a51210d81dc590ceaad387")
check("a reference shows its name", record.get_display_value("caller_id") == "Example Caller")
again = incident()
check("a record is read by its key", again.get(key) and again.get_value("short_description") == "from pysnc")
again.urgency = "1"
again.impact = "1"
check("an update recomputes the priority", again.update() is not None and again.get_value("priority") == "1")
check("a choice shows its label", again.get_display_value("urgency") == "1 - High")
walked = incident()
walked.fields = ["number", "caller_id.email"]
walked.add_query("sys_id", key)
walked.query()
check("a dot-walked field is read", walked.next() and walked.get_value("caller_id.email") == "caller@example.com")
check("a record is deleted", again.delete() and not incident().get(key))
try:
    unknown = client.GlideRecord("bunk")
    unknown.query()
    refused = False
except RequestException:
    refused = True
check("an unknown table is refused", refused)


def all_of_it():
    rest = incident()
    rest.add_query("short_description", "LIKE", "pysnc")
    rest.query()
    return rest


check("many records are deleted in a batch", all_of_it().delete_multiple() and all_of_it().get_row_count() == 0)
sys.exit(1 if failures else 0)
