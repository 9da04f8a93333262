"""The daemon's UDP protocol: by hand, and by AWS's own SDK."""

import json
import socket
import time
import urllib.error
import urllib.request

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
    assert "not all that X-Ray's daemon would take is taken" in server.log()


def ask(port, path, body):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method="POST",
                                     data=json.dumps(body).encode(),
                                     headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def test_sampling_rules_are_asked_for_without_a_signature(daemon):
    port, xray = daemon
    xray.create_sampling_rule(SamplingRule={
        "RuleName": "all", "ResourceARN": "*", "Priority": 1, "FixedRate": 1.0,
        "ReservoirSize": 7, "ServiceName": "*", "ServiceType": "*", "Host": "*", "HTTPMethod": "*",
        "URLPath": "*", "Version": 1})
    rules = ask(port, "/GetSamplingRules", {})["SamplingRuleRecords"]
    assert [record["SamplingRule"]["RuleName"] for record in rules] == ["all", "Default"]
    statistics = {"RuleName": "all", "ClientID": "0123456789abcdef01234567",
                  "Timestamp": time.time(), "RequestCount": 1, "SampledCount": 1}
    answer = ask(port, "/SamplingTargets", {"SamplingStatisticsDocuments": [statistics]})
    assert answer["SamplingTargetDocuments"][0]["ReservoirQuota"] == 7
    for path, body, status in (("/TraceSegments", {}, 404), ("/SamplingTargets", {}, 400)):
        with pytest.raises(urllib.error.HTTPError) as error:
            ask(port, path, body)
        assert error.value.code == status


def test_the_sdk_samples_by_the_rules(daemon, monkeypatch):
    core = pytest.importorskip("aws_xray_sdk.core")
    sampler = pytest.importorskip("aws_xray_sdk.core.sampling.sampler")
    port, xray = daemon
    xray.update_sampling_rule(SamplingRuleUpdate={
        "RuleName": "Default", "FixedRate": 0.0, "ReservoirSize": 0})
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "000000000000")
    recorder = core.AWSXRayRecorder()
    recorder.configure(service="shop", sampling=True, sampler=sampler.DefaultSampler(),
                       daemon_address=f"127.0.0.1:{port}", context_missing="LOG_ERROR")
    for _ in range(100):
        with recorder.in_segment("shop") as segment:
            if not segment.sampled:
                break
        time.sleep(0.1)
    assert not segment.sampled  # by local rules the first of each second would be
