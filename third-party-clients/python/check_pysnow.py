"""pysnow against the simulator: OAuth and basic, create, query, pages, update, delete, errors."""

import json
import os
import sys
from datetime import datetime

import pysnow
import requests

ready = json.load(open(sys.argv[1]))
host = ready["base_url"].split("://")[1]
secure = ready["base_url"].startswith("https:")
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # loopback alone
failures = 0


def check(what, passed):
    global failures
    print(("ok   " if passed else "FAIL ") + what, flush=True)
    failures += not passed


def status_of(call):
    try:
        call()
    except requests.exceptions.HTTPError as error:
        return error.response.status_code
    return None


def client(user, password):
    return pysnow.Client(host=host, user=user, password=password, use_ssl=secure)


incidents = client(ready["username"], ready["password"]).resource(api_path="/table/incident")
made = [
    incidents.create(payload={"short_description": f"pysnow {at:03}", "urgency": "1"}).one() for at in range(250)
]
check("250 incidents are created with numbers of their own", len({row["number"] for row in made}) == 250)

builder = pysnow.QueryBuilder().field("short_description").contains("pysnow").AND().field("number").order_descending()
found = list(incidents.get(query=builder).all())
check("a built query finds them in descending order", [row["number"] for row in found] == sorted((row["number"] for row in made), reverse=True))

ranged = pysnow.QueryBuilder().field("short_description").contains("pysnow").AND()
ranged = ranged.field("sys_created_on").between(datetime(2020, 1, 1), datetime(2100, 1, 1))
check("a range of dates finds them", len(list(incidents.get(query=ranged, limit=300).all())) == 250)

pages, offset = [], 0
while True:
    page = list(incidents.get(query="short_descriptionLIKEpysnow^ORDERBYnumber", limit=60, offset=offset).all())
    if not page:
        break
    pages += page
    offset += 60
check("five pages of 60 are the whole list", [row["sys_id"] for row in pages] == [row["sys_id"] for row in made])
check("a streamed list is whole", len(list(incidents.get(query="short_descriptionLIKEpysnow", stream=True).all())) == 250)

number = made[0]["number"]
incidents.update(query={"number": number}, payload={"short_description": "changed by pysnow"})
check("an update is read back", incidents.get(query={"number": number}).one()["short_description"] == "changed by pysnow")
incidents.delete(query={"number": made[1]["number"]})
check("a deleted record is gone", not list(incidents.get(query={"number": made[1]["number"]}).all()))
check("resolving without notes is refused with 403", status_of(lambda: incidents.update(query={"number": number}, payload={"state": "6"}).one()) == 403)
stranger = client("nobody", "wrong").resource(api_path="/table/incident")
check("a wrong password is refused with 401", status_of(lambda: list(stranger.get(query={"number": number}).all())) == 401)
bunk = client(ready["username"], ready["password"]).resource(api_path="/table/bunk")
check("an unknown table is refused with 400", status_of(lambda: list(bunk.get(query={}).all())) == 400)

oauth = pysnow.OAuthClient(client_id=ready["client_id"], client_secret=ready["client_secret"], host=host, use_ssl=secure)
oauth.set_token(oauth.generate_token(ready["username"], ready["password"]))
check("an OAuth token reads", oauth.resource(api_path="/table/incident").get(query={"number": number}).one()["number"] == number)
for row in made:
    if row["number"] != made[1]["number"]:
        incidents.delete(query={"number": row["number"]})
check("nothing of it is left", not list(incidents.get(query="short_descriptionLIKEpysnow").all()))
sys.exit(1 if failures else 0)
