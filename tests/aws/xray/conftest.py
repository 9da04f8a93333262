"""Fixtures of the X-Ray tests: segments, and a server that takes them by UDP."""

import json
import secrets
import socket
import time

import pytest


@pytest.fixture
def xray(client):
    return client("xray")


def new_trace_id(at=None):
    return f"1-{int(at or time.time()):08x}-{secrets.token_hex(12)}"


def new_id():
    return secrets.token_hex(8)


@pytest.fixture
def trace_id():
    return new_trace_id


@pytest.fixture
def segment():
    """segment(trace, name, ...) -> a document, one second long."""

    def make(trace, name="api", parent=None, start=None, seconds=1.0, **more):
        start = start or time.time() - 2
        document = {"trace_id": trace, "id": new_id(), "name": name, "start_time": start,
                    "end_time": start + seconds, **more}
        if parent:
            document["parent_id"] = parent
        return document

    return make


@pytest.fixture
def subsegment():
    def make(name, start, seconds=0.5, **more):
        return {"id": new_id(), "name": name, "start_time": start, "end_time": start + seconds,
                **more}

    return make


@pytest.fixture
def put(xray):
    """Sends documents; all must be taken."""

    def send(*documents):
        answer = xray.put_trace_segments(
            TraceSegmentDocuments=[json.dumps(document) for document in documents])
        assert answer["UnprocessedTraceSegments"] == []

    return send


@pytest.fixture
def summaries(xray):
    """summaries("fault") -> summaries of the last ten minutes that the expression takes."""

    def get(expression="", **more):
        now = time.time()
        pages = xray.get_paginator("get_trace_summaries").paginate(
            StartTime=now - 600, EndTime=now + 60,
            **({"FilterExpression": expression} if expression else {}), **more)
        return [summary for page in pages for summary in page["TraceSummaries"]]

    return get


@pytest.fixture
def free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
