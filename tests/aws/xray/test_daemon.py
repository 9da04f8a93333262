"""The daemon's UDP protocol: by hand, and by AWS's own SDK."""

import json
import socket
import time

import pytest


@pytest.fixture
def daemon(new_server, client, free_udp_port):
    """(port, X-Ray client of the default account) of a server that takes datagrams."""
    server = new_server(xray_port=free_udp_port)
    return free_udp_port, client("xray", account="000000000000", server=server)


def wait_for(xray, trace):
    for _ in range(100):
        found = xray.batch_get_traces(TraceIds=[trace])["Traces"]
        if found:
            return found[0]
        time.sleep(0.05)
    return None


def test_a_datagram_becomes_a_segment(daemon, segment, trace_id):
    port, xray = daemon
    document = segment(trace_id())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for bad in (b"", b"x", b"{}\n{}", b'{"format":"json","version":1}\n{'):
            sender.sendto(bad, ("127.0.0.1", port))
        text = '{"format": "json", "version": 1}\n' + json.dumps(document)
        sender.sendto(text.encode(), ("127.0.0.1", port))
    found = wait_for(xray, document["trace_id"])
    assert [json.loads(s["Document"]) for s in found["Segments"]] == [document]


def test_the_sdk_sends_its_segments(daemon):
    sdk = pytest.importorskip("aws_xray_sdk.core")
    port, xray = daemon
    recorder = sdk.AWSXRayRecorder()
    recorder.configure(service="shop", sampling=False, context_missing="LOG_ERROR",
                       daemon_address=f"127.0.0.1:{port}")
    with recorder.in_segment("shop") as segment:
        segment.put_annotation("tier", "gold")
        segment.put_http_meta("url", "http://shop/x")
        with recorder.in_subsegment("work") as subsegment:
            subsegment.put_metadata("k", "v")
        trace = segment.trace_id
    found = wait_for(xray, trace)
    assert json.loads(found["Segments"][0]["Document"])["name"] == "shop"
    now = time.time()
    summaries = xray.get_trace_summaries(
        StartTime=now - 60, EndTime=now + 60,
        FilterExpression='annotation.tier = "gold" AND http.url = "http://shop/x"')
    assert [summary["Id"] for summary in summaries["TraceSummaries"]] == [trace]


def test_a_burst_is_kept(daemon, segment, trace_id):
    port, xray = daemon
    documents = [segment(trace_id()) for _ in range(200)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for document in documents:
            sender.sendto(b'{"format":"json","version":1}\n' + json.dumps(document).encode(),
                          ("127.0.0.1", port))
    assert all(wait_for(xray, document["trace_id"]) for document in documents)


def test_a_port_that_is_taken_does_not_keep_the_server_from_serving(new_server, free_udp_port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", free_udp_port))
        server = new_server(xray_port=free_udp_port)
    assert server.is_running()
    assert "no X-Ray segments are taken by UDP" in server.log()
