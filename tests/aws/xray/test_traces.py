"""Traces: documents in, summaries, filter expressions, graphs and series out."""

import json
import time
from datetime import datetime, timedelta, timezone

import pytest
from harness import aws_error, covers


@pytest.fixture
def shop(segment, subsegment, trace_id, put):
    """A trace of an api that reads a table and asks a back end, which fails."""
    start = time.time() - 5
    trace = trace_id(start)
    table = subsegment("DynamoDB", start + 0.1, 0.2, namespace="aws", throttle=True,
                       aws={"table_name": "items", "operation": "GetItem"})
    remote = subsegment("back", start + 0.5, 1.0, namespace="remote")
    front = segment(
        trace, "api", start=start, seconds=2.0, origin="AWS::EC2::Instance", user="mary",
        http={"request": {"url": "http://api.example.com/items/1", "method": "GET",
                          "user_agent": "curl", "client_ip": "10.0.0.1"},
              "response": {"status": 502}},
        error=True, annotations={"tier": "gold", "size": 12.5, "beta": True},
        aws={"ec2": {"instance_id": "i-1", "availability_zone": "us-east-1a"}},
        subsegments=[table, remote])
    back = segment(trace, "back", parent=remote["id"], start=start + 0.6, seconds=0.5, fault=True,
                   http={"response": {"status": 500}}, annotations={"tier": "silver"})
    put(front, back)
    return trace


@covers("xray", "PutTraceSegments")
@covers("xray", "BatchGetTraces")
def test_documents_come_out_as_they_went_in(xray, segment, trace_id, put):
    trace = trace_id()
    first, second = segment(trace, "a"), segment(trace, "b")
    put(first, second)
    answer = xray.batch_get_traces(TraceIds=[trace, trace_id()])
    assert answer["UnprocessedTraceIds"] == []
    assert len(answer["Traces"]) == 1
    found = answer["Traces"][0]
    assert found["Id"] == trace
    assert found["LimitExceeded"] is False
    assert {s["Id"]: json.loads(s["Document"]) for s in found["Segments"]} == {
        first["id"]: first, second["id"]: second}
    with aws_error("InvalidRequestException", http_status=400):
        xray.batch_get_traces(TraceIds=[trace] * 6)


@covers("xray", "BatchGetTraces", error="InvalidRequestException")
@covers("xray", "PutTraceSegments", error="InvalidRequestException")
def test_too_much_at_once(xray, client):
    raw = client("xray", is_validated=False)
    with aws_error("InvalidRequestException"):
        xray.put_trace_segments(TraceSegmentDocuments=["{}"] * 51)
    with aws_error("InvalidRequestException", match="'traceIds'|TraceIds"):
        raw.batch_get_traces()


@covers("xray", "PutTraceSegments")
def test_bad_documents_are_told_one_by_one(xray, segment, trace_id):
    good = segment(trace_id())
    bad = {
        "ParseError": "{",
        "InvalidTraceId": json.dumps({**good, "trace_id": "x"}),
        "InvalidId": json.dumps({**good, "id": "x"}),
        "MissingId": json.dumps({k: v for k, v in good.items() if k != "id"}),
        "MissingName": json.dumps({**good, "name": ""}),
        "InvalidName": json.dumps({**good, "name": "x" * 201}),
        "MissingStartTime": json.dumps({k: v for k, v in good.items() if k != "start_time"}),
        "MissingEndTime": json.dumps({k: v for k, v in good.items() if k != "end_time"}),
        "InvalidTime": json.dumps({**good, "end_time": 1}),
        "MissingParentId": json.dumps({**good, "type": "subsegment"}),
        "SegmentTooLarge": json.dumps({**good, "metadata": {"x": "y" * 65536}}),
    }
    answer = xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(good), *bad.values()])
    failed = answer["UnprocessedTraceSegments"]
    assert [entry["ErrorCode"] for entry in failed] == list(bad)
    assert failed[1] == {"Id": good["id"], "ErrorCode": "InvalidTraceId",
                         "Message": "Invalid segment. ErrorCode: InvalidTraceId"}
    assert "Id" not in failed[0]


@covers("xray", "GetTraceSummaries")
def test_a_summary(xray, shop, summaries, account):
    (summary,) = summaries()
    assert summary["Id"] == shop
    assert summary["Duration"] == pytest.approx(2.0, abs=1e-3)
    assert summary["ResponseTime"] == pytest.approx(2.0, abs=1e-3)
    assert (summary["HasError"], summary["HasFault"], summary["HasThrottle"]) == (
        True, False, False)
    assert summary["IsPartial"] is False
    assert summary["Http"] == {
        "HttpURL": "http://api.example.com/items/1", "HttpStatus": 502, "HttpMethod": "GET",
        "UserAgent": "curl", "ClientIp": "10.0.0.1"}
    api = {"Name": "api", "Names": ["api"], "AccountId": account, "Type": "AWS::EC2::Instance"}
    back = {"Name": "back", "Names": ["back"], "AccountId": account}
    assert summary["EntryPoint"] == api
    assert api in summary["ServiceIds"] and back in summary["ServiceIds"]
    assert {"Name": "items", "Names": ["items"], "Type": "AWS::DynamoDB::Table"} in (
        summary["ServiceIds"])
    assert len(summary["ServiceIds"]) == 3
    assert summary["Annotations"] == {
        "tier": [{"AnnotationValue": {"StringValue": "gold"}, "ServiceIds": [api]},
                 {"AnnotationValue": {"StringValue": "silver"}, "ServiceIds": [back]}],
        "size": [{"AnnotationValue": {"NumberValue": 12.5}, "ServiceIds": [api]}],
        "beta": [{"AnnotationValue": {"BooleanValue": True}, "ServiceIds": [api]}]}
    assert summary["Users"] == [{"UserName": "mary", "ServiceIds": [api]}]
    assert summary["InstanceIds"] == [{"Id": "i-1"}]
    assert summary["AvailabilityZones"] == [{"Name": "us-east-1a"}]
    assert summary["Revision"] == 2


@covers("xray", "GetTraceSummaries")
def test_root_causes(shop, summaries):
    (summary,) = summaries()

    def paths(causes):
        return [[(service["Name"], [entity["Name"] for entity in service["EntityPath"]])
                 for service in cause["Services"]] for cause in causes]

    assert paths(summary["FaultRootCauses"]) == [
        [("api", ["api", "back"]), ("back", ["back"])]]
    assert summary["FaultRootCauses"][0]["ClientImpacting"] is False
    # The throttled table is what the api's error comes from.
    assert paths(summary["ErrorRootCauses"]) == [
        [("api", ["api", "DynamoDB"]), ("items", ["DynamoDB"])]]
    assert summary["ErrorRootCauses"][0]["Services"][1]["Inferred"] is True
    assert paths(summary["ResponseTimeRootCauses"]) == [
        [("api", ["api", "back"]), ("back", ["back"])]]
    entities = summary["ResponseTimeRootCauses"][0]["Services"][0]["EntityPath"]
    assert [entity["Coverage"] for entity in entities] == [
        pytest.approx(1.0), pytest.approx(0.5, abs=1e-3)]


@covers("xray", "GetTraceSummaries")
@pytest.mark.parametrize(("expression", "is_found"), [
    ("error", True), ("fault", False), ("responsetime > 1.5 AND responsetime < 2.5", True),
    ('service("back") { fault }', True), ('service("back") { ok }', False),
    ('edge("api", "back") { fault }', True), ('http.url CONTAINS "/items/"', True),
    ('annotation.tier = "gold" AND annotation[size] >= 12', True), ('user = "bob"', False),
    ('service(id(name: "items", type: "AWS::DynamoDB::Table")) { throttle }', True),
    ('group.name = "failing"', True), ('group.name = "none"', False),
])
def test_filter_expressions(xray, shop, summaries, expression, is_found):
    xray.create_group(GroupName="failing", FilterExpression='service("back") { fault = true }')
    assert [summary["Id"] for summary in summaries(expression)] == ([shop] if is_found else [])


@covers("xray", "GetTraceSummaries", error="InvalidRequestException")
def test_summaries_that_cannot_be_asked_for(xray, summaries):
    now = time.time()
    with aws_error("InvalidRequestException", match="^Invalid filter expression: "):
        summaries("nonsense(")
    with aws_error("InvalidRequestException", match="StartTime must be before EndTime"):
        xray.get_trace_summaries(StartTime=now, EndTime=now - 1)
    with aws_error("InvalidRequestException", match="NextToken"):
        xray.get_trace_summaries(StartTime=now - 1, EndTime=now, NextToken="?")


@covers("xray", "GetTraceSummaries")
def test_many_traces_come_in_pages(xray, segment, trace_id, summaries):
    made = [segment(trace_id(), "even" if i % 2 == 0 else "odd") for i in range(230)]
    for i in range(0, len(made), 50):
        xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(s) for s in made[i:i + 50]])
    now = time.time()
    first = xray.get_trace_summaries(StartTime=now - 600, EndTime=now + 1)
    assert len(first["TraceSummaries"]) == 100
    assert first["TracesProcessedCount"] == 100
    found = summaries()
    assert {s["Id"] for s in found} == {s["trace_id"] for s in made}
    assert len(found) == 230
    assert len(summaries('service("odd")')) == 115
    assert len(summaries(TimeRangeType="Event")) == 230


@covers("xray", "PutTraceSegments")
def test_a_segment_in_progress_is_completed(xray, segment, trace_id, put, summaries):
    document = segment(trace_id())
    begun = {k: v for k, v in document.items() if k != "end_time"} | {"in_progress": True}
    put(begun)
    assert summaries()[0]["IsPartial"] is True
    assert summaries("partial")[0]["Id"] == document["trace_id"]
    put(document)
    assert summaries()[0]["IsPartial"] is False
    found = xray.batch_get_traces(TraceIds=[document["trace_id"]])["Traces"][0]
    assert [json.loads(s["Document"]) for s in found["Segments"]] == [document]


@covers("xray", "PutTraceSegments")
def test_subsegments_may_come_by_themselves(xray, segment, subsegment, trace_id, put, summaries):
    document = segment(trace_id())
    own = subsegment("queue", document["start_time"], namespace="aws", type="subsegment",
                     trace_id=document["trace_id"], parent_id=document["id"],
                     aws={"queue_url": "http://q"})
    put(document, own)
    assert summaries('edge("api", id("http://q", "AWS::SQS::Queue"))')


def test_a_subsegment_without_its_segment_is_a_partial_trace(subsegment, trace_id, put, summaries):
    trace = trace_id()
    put(subsegment("lost", time.time() - 1, type="subsegment", trace_id=trace, fault=True,
                   parent_id="00000000000000aa", annotations={"a": 1}))
    (summary,) = summaries("partial")
    assert summary["IsPartial"] is True
    assert "EntryPoint" not in summary
    assert summary["Annotations"]["a"][0]["ServiceIds"] == [{"Name": "lost", "Names": ["lost"],
                                                             "AccountId": summary["Annotations"]["a"]
                                                             [0]["ServiceIds"][0]["AccountId"]}]
    assert summaries("fault") == []


def by_name(services):
    return {(service["Name"], service.get("Type")): service for service in services}


@covers("xray", "GetTraceGraph")
@covers("xray", "GetServiceGraph")
def test_graphs(xray, shop):
    now = time.time()
    trace = by_name(xray.get_trace_graph(TraceIds=[shop])["Services"])
    answer = xray.get_service_graph(StartTime=now - 600, EndTime=now)
    assert answer["ContainsOldGroupVersions"] is False
    for services in (trace, by_name(answer["Services"])):
        assert set(services) == {("api", "AWS::EC2::Instance"), ("api", "client"), ("back", None),
                                 ("items", "AWS::DynamoDB::Table")}
        api = services["api", "AWS::EC2::Instance"]
        back = services["back", None]
        table = services["items", "AWS::DynamoDB::Table"]
        assert api["Root"] is True
        assert api["SummaryStatistics"]["ErrorStatistics"]["TotalCount"] == 1
        assert api["SummaryStatistics"]["TotalResponseTime"] == pytest.approx(2.0, abs=1e-3)
        assert back["SummaryStatistics"]["FaultStatistics"] == {"OtherCount": 1, "TotalCount": 1}
        assert table["SummaryStatistics"]["ErrorStatistics"]["ThrottleCount"] == 1
        assert {edge["ReferenceId"] for edge in api["Edges"]} == {
            back["ReferenceId"], table["ReferenceId"]}
        assert [edge["ReferenceId"] for edge in services["api", "client"]["Edges"]] == [
            api["ReferenceId"]]
        assert api["ResponseTimeHistogram"] == [{"Value": pytest.approx(2.0), "Count": 1}]


@covers("xray", "GetServiceGraph")
@covers("xray", "GetServiceGraph", error="InvalidRequestException")
def test_a_graph_of_a_group(xray, shop, segment, trace_id, put):
    put(segment(trace_id(), "other"))
    xray.create_group(GroupName="failing", FilterExpression='service("back") { fault }')
    now = time.time()
    found = xray.get_service_graph(StartTime=now - 600, EndTime=now, GroupName="failing")
    assert "other" not in {service["Name"] for service in found["Services"]}
    with aws_error("InvalidRequestException", match="Group not found"):
        xray.get_service_graph(StartTime=now - 600, EndTime=now, GroupName="none")
    with aws_error("InvalidRequestException", match="6 hours"):
        xray.get_service_graph(StartTime=now - 7 * 3600, EndTime=now)


@covers("xray", "GetTimeSeriesServiceStatistics")
@covers("xray", "GetTimeSeriesServiceStatistics", error="InvalidRequestException")
def test_series(xray, segment, trace_id, put):
    now = int(time.time()) // 300 * 300
    for age, name in ((400, "a"), (390, "a"), (130, "a"), (130, "b")):
        put(segment(trace_id(), name, start=now - age, seconds=0.5))
    range_ = {"StartTime": now - 900, "EndTime": now}
    found = xray.get_time_series_service_statistics(
        **range_, Period=300, EntitySelectorExpression='service("a")')
    series = found["TimeSeriesServiceStatistics"]
    assert [point["ServiceSummaryStatistics"]["OkCount"] for point in series] == [2, 1]
    assert series[0]["Timestamp"] == datetime.fromtimestamp(now - 600, timezone.utc)
    whole = xray.get_time_series_service_statistics(**range_)["TimeSeriesServiceStatistics"]
    assert sum(point["ServiceSummaryStatistics"]["TotalCount"] for point in whole) == 4
    with aws_error("InvalidRequestException", match="Period"):
        xray.get_time_series_service_statistics(**range_, Period=61)
    with aws_error("InvalidRequestException", match="EntitySelectorExpression"):
        xray.get_time_series_service_statistics(**range_, EntitySelectorExpression="fault")


def test_edges_have_series(xray, shop):
    now = time.time()
    series = xray.get_time_series_service_statistics(
        StartTime=now - 600, EndTime=now, EntitySelectorExpression='edge("api", "back")')
    (point,) = series["TimeSeriesServiceStatistics"]
    assert point["EdgeSummaryStatistics"]["FaultStatistics"]["TotalCount"] == 1


def test_traces_go_after_thirty_days(xray, segment, trace_id, put, clock):
    document = segment(trace_id())
    put(document)
    clock.advance("29d")
    assert xray.batch_get_traces(TraceIds=[document["trace_id"]])["Traces"]
    clock.advance("25h")
    for _ in range(200):
        if not xray.batch_get_traces(TraceIds=[document["trace_id"]])["Traces"]:
            break
    assert xray.batch_get_traces(TraceIds=[document["trace_id"]])["Traces"] == []


def test_accounts_do_not_see_each_other(client, shop, account):
    theirs = client("xray", account=str(int(account) ^ 1))
    assert theirs.batch_get_traces(TraceIds=[shop])["Traces"] == []


@covers("xray", "PutTelemetryRecords")
@covers("xray", "PutTelemetryRecords", error="InvalidRequestException")
def test_telemetry_is_taken(xray, client):
    xray.put_telemetry_records(TelemetryRecords=[
        {"Timestamp": datetime.now(timezone.utc) - timedelta(seconds=1),
         "SegmentsReceivedCount": 1}], Hostname="h")
    with aws_error("InvalidRequestException"):
        client("xray", is_validated=False).put_telemetry_records()


@covers("xray", "GetInsightSummaries", error="NotImplemented", is_all=True)
@covers("xray", "StartTraceRetrieval", error="NotImplemented", is_all=True)
def test_insights_are_refused_by_name(xray):
    now = time.time()
    with aws_error("NotImplemented", http_status=501, match="GetInsightSummaries"):
        xray.get_insight_summaries(StartTime=now - 60, EndTime=now)
    with aws_error("NotImplemented", http_status=501, match="StartTraceRetrieval"):
        xray.start_trace_retrieval(TraceIds=[], StartTime=now - 60, EndTime=now)
