"""Talks to a server as Python programs do, and prints what came back as JSON.

Usage: python_client.py <folder of the generated stubs> <address of the server, as http://127.0.0.1:8000>
"""

import json
import sys
import urllib.error
import urllib.request

sys.path.insert(0, sys.argv[1])

import grpc  # noqa: E402
from cylestio.v1 import agent_service_pb2 as agents  # noqa: E402
from cylestio.v1 import agent_service_pb2_grpc, event_service_pb2_grpc, telemetry_service_pb2_grpc  # noqa: E402
from cylestio.v1 import event_pb2  # noqa: E402
from cylestio.v1 import event_service_pb2 as events  # noqa: E402
from cylestio.v1 import telemetry_service_pb2 as telemetry  # noqa: E402
from google.protobuf.json_format import MessageToDict  # noqa: E402
from google.rpc import error_details_pb2  # noqa: E402
from google.rpc import status_pb2  # noqa: E402

SECONDS = 10


def event(agent_id, name, **fields):
    made = event_pb2.EventInput(agent_id=agent_id, name=name, **fields)
    made.event_time.FromJsonString("2026-01-15T10:00:00.123456Z")
    return made


def unary(stub):
    one = event("py-unary", "one", session_id="s1")
    one.attributes.update({"text": "hällo", "list": [1, None, {"deep": True}]})
    return [stub.SendEvent(telemetry.SendEventRequest(event=one), timeout=SECONDS) for _ in range(2)]


def batch(stub):
    sent = [event("py-batch", "one"), event("", "two"), event("py-batch", "three")]
    return stub.SendEvents(telemetry.SendEventsRequest(events=sent), timeout=SECONDS).receipt


def stream(stub):
    def batches():
        for number in range(1, 21):
            sent = [event("py-stream", f"e{number}.{index}", attributes_json="{}") for index in range(3)]
            yield telemetry.StreamEventsRequest(batch_number=number, events=sent)

    return [[answer.batch_number, answer.receipt.accepted_count] for answer in stub.StreamEvents(batches(), timeout=SECONDS)]


def read_names(stub, agent_id):
    names, request = [], events.ListEventsRequest(agent_id=agent_id, sort="asc", page_size=25)
    while True:
        page = stub.ListEvents(request, timeout=SECONDS)
        names += [each.name for each in page.events]
        if not page.next_page_token:
            return names
        request.page_token = page.next_page_token


def failure(call, request):
    try:
        call(request, timeout=SECONDS)
    except grpc.RpcError as error:
        trailers = dict(error.trailing_metadata())
        status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
        info = error_details_pb2.ErrorInfo()
        status.details[0].Unpack(info)
        return {"code": error.code().name, "reason": info.reason, "domain": info.domain}
    return {"code": "OK"}


def over_grpc(target):
    with grpc.insecure_channel(target) as channel:
        ingest = telemetry_service_pb2_grpc.TelemetryServiceStub(channel)
        reads = event_service_pb2_grpc.EventServiceStub(channel)
        people = agent_service_pb2_grpc.AgentServiceStub(channel)
        first, second = unary(ingest)
        stored = reads.GetEvent(events.GetEventRequest(event_id=first.event_id), timeout=SECONDS).event
        return {
            "unary": [first.duplicate, second.duplicate, first.event_id == second.event_id],
            "stored": MessageToDict(stored, preserving_proto_field_name=True),
            "batch": MessageToDict(batch(ingest), preserving_proto_field_name=True),
            "stream": stream(ingest),
            "names": read_names(reads, "py-stream"),
            "agents": sorted(each.agent_id for each in people.ListAgents(agents.ListAgentsRequest(), timeout=SECONDS).agents),
            "bad_event": failure(ingest.SendEvent, telemetry.SendEventRequest(event=event("py-error", ""))),
            "no_agent": failure(people.GetAgent, agents.GetAgentRequest(agent_id="nobody")),
        }


def send_as_sdk(url, path, method, number):
    """One event as the SDK sends it: one request, one connection, whatever json.dumps makes of it."""
    body = {
        "schema_version": "1.0",
        "timestamp": f"2026-01-15T10:00:{number:02d}.000001",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "name": "llm.call.finish",
        "level": "INFO",
        "agent_id": "py-sdk",
        "attributes": {"path": path, "score": float("nan"), "limit": float("-inf"), "text": "naïve"},
    }
    request = urllib.request.Request(url + path, data=json.dumps(body).encode("utf-8"), method=method)
    request.add_header("Content-Type", "application/json")
    request.add_header("User-Agent", "Cylestio-Monitor/1.0")
    request.add_header("Authorization", "Bearer nothing.that.counts")
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return [method, path, response.status, response.geturl() == url + path]
    except urllib.error.HTTPError as error:
        return [method, path, error.code, False]


def as_sdk(url):
    paths = ["/", "/v1/telemetry", "/v1/telemetry/", "/api/v1/telemetry", "/api/v1/telemetry/", "/v1/telemetry/v1/telemetry"]
    sent = [(path, method) for path in paths for method in ("POST", "PUT")]
    answers = [send_as_sdk(url, path, method, number) for number, (path, method) in enumerate(sent)]
    with urllib.request.urlopen(f"{url}/api/events?agent_id=py-sdk&sort=asc", timeout=5) as response:
        return {"answers": answers, "stored": json.load(response)}


if __name__ == "__main__":
    address = sys.argv[2]
    json.dump({"grpc": over_grpc(address.removeprefix("http://")), "sdk": as_sdk(address)}, sys.stdout)
