"""Logs Insights: the query language over real events."""

import json
import time

import pytest
from harness import aws_error, covers


@pytest.fixture
def logs(client):
    return client("logs")


@pytest.fixture
def now():
    return int(time.time() * 1000)


EVENTS = [
    {"level": "error", "ms": 120, "path": "/a", "user": {"name": "jo", "tags": ["x", "y"]}},
    {"level": "info", "ms": 10, "path": "/a"},
    {"level": "info", "ms": 20.5, "path": "/b", "user": {"name": "al"}},
    {"level": "warn", "ms": 55, "path": "/b"},
]


@pytest.fixture
def group(logs, now):
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    events = [json.dumps(e) for e in EVENTS] + ["plain user=bob took 7 ms"]
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[
        {"timestamp": now - 5000 + i, "message": text} for i, text in enumerate(events)])
    return "g"


@pytest.fixture
def query(logs, now):
    def run(text, **more):
        more.setdefault("logGroupName", "g")
        made = logs.start_query(startTime=now // 1000 - 3600, endTime=now // 1000 + 60,
                                queryString=text, **more)["queryId"]
        answer = logs.get_query_results(queryId=made)
        assert answer["status"] == "Complete"
        return [{f["field"]: f["value"] for f in row if f["field"] != "@ptr"}
                for row in answer["results"]]

    return run


@covers("logs", "StartQuery")
@covers("logs", "GetQueryResults")
def test_the_newest_come_first(logs, group, query, now):
    rows = query("fields @timestamp, @message, @logStream, @log | limit 2")
    assert [r["@message"] for r in rows] == ["plain user=bob took 7 ms", json.dumps(EVENTS[3])]
    assert rows[0]["@logStream"] == "s" and rows[0]["@log"].endswith(":g")
    # AWS: times are shown as "2019-06-12 15:23:21.123".
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime((now - 4996) // 1000))
    assert rows[0]["@timestamp"] == f"{moment}.{(now - 4996) % 1000:03}"
    assert len(query("")) == 5
    assert set(query("")[0]) == {"@timestamp", "@message"}
    assert len(query("fields @message", limit=3)) == 3


@pytest.mark.parametrize("text, expected", [
    ('filter level = "error" | fields path', [{"path": "/a"}]),
    ("filter ms > 15 and ms <= 55 | fields ms | sort ms", [{"ms": "20.5"}, {"ms": "55"}]),
    ("filter @message like /took \\d+/ | fields @logStream", [{"@logStream": "s"}]),
    ('filter @message like "bob" | fields @logStream', [{"@logStream": "s"}]),
    ("filter @message not like /level/ | fields 1 + 1 as two", [{"two": "2"}]),
    ('filter level in ["error", "warn"] | fields level | sort ms desc',
     [{"level": "error"}, {"level": "warn"}]),
    ('filter user.name = "jo" | fields user.tags.1 as tag', [{"tag": "y"}]),
    ("filter ispresent(user.name) | stats count(*) as n", [{"n": "2"}]),
    ('filter not (level = "info") and ispresent(level) | stats count()', [{"count()": "2"}]),
    ("stats count(*) by level | sort level",
     [{"count(*)": "1"}, {"level": "error", "count(*)": "1"}, {"level": "info", "count(*)": "2"},
      {"level": "warn", "count(*)": "1"}]),
    ("filter ispresent(ms) | stats sum(ms), avg(ms) as mean, min(ms), max(ms) by path | sort path",
     [{"path": "/a", "sum(ms)": "130", "mean": "65", "min(ms)": "10", "max(ms)": "120"},
      {"path": "/b", "sum(ms)": "75.5", "mean": "37.75", "min(ms)": "20.5", "max(ms)": "55"}]),
    ("stats count_distinct(path) as paths, pct(ms, 50) as middle, sum(ms) / count(ms) as mean",
     [{"paths": "2", "middle": "37.75", "mean": "51.375"}]),
    ("stats earliest(path) as first, latest(level) as last", [{"first": "/a", "last": "warn"}]),
    ('parse @message "user=* took * ms" as who, duration | filter ispresent(who) '
     "| fields who, duration * 2 as twice", [{"who": "bob", "twice": "14"}]),
    ("parse @message /user=(?<who>\\w+)/ | filter ispresent(who) | display who", [{"who": "bob"}]),
    ("filter ispresent(path) | dedup path | fields path", [{"path": "/b"}, {"path": "/a"}]),
    ("filter ms = 120 | fields toupper(level) as up, strlen(path) as len, concat(level, path) as c,"
     " substr(level, 1, 2) as sub, abs(0 - ms) as a, ms % 50 as rest, floor(ms / 50) as f",
     [{"up": "ERROR", "len": "2", "c": "error/a", "sub": "rr", "a": "120", "rest": "20",
       "f": "2"}]),
    ("fields coalesce(user.name, level, \"none\") as who | sort who | limit 1", [{"who": "al"}]),
    ("stats count(*) as n by level | filter n > 1 | fields level", [{"level": "info", "n": "2"}]),
    ("# a comment\nfilter `level` = 'warn' # more\n| display path", [{"path": "/b"}]),
])
def test_queries(group, query, text, expected):
    rows = query(text)
    wanted = set().union(*expected)
    assert [{k: v for k, v in row.items() if k in wanted} for row in rows] == expected


def test_time_is_put_in_bins(group, query):
    rows = query("stats count(*) as n by bin(1h) as hour")
    assert sum(int(r["n"]) for r in rows) == 5
    assert all(r["hour"].endswith(":00:00.000") for r in rows)
    assert sum(int(r["count(*)"]) for r in query("stats count(*) by bin(30s)")) == 5


def test_several_groups_and_the_range(logs, group, query, now, account):
    logs.create_log_group(logGroupName="h")
    logs.create_log_stream(logGroupName="h", logStreamName="t")
    logs.put_log_events(logGroupName="h", logStreamName="t", logEvents=[
        {"timestamp": now - 2 * 3600 * 1000, "message": "before"},
        {"timestamp": now - 1000, "message": "in"}])
    arn = f"arn:aws:logs:us-east-1:{account}:log-group:h"
    for groups in ({"logGroupNames": ["g", "h"]}, {"logGroupIdentifiers": ["g", arn]}):
        made = logs.start_query(startTime=now // 1000 - 3600, endTime=now // 1000 + 60,
                                queryString="stats count(*) as n by @log", **groups)
        answer = logs.get_query_results(queryId=made["queryId"])
        counts = sorted(int(f["value"]) for row in answer["results"] for f in row
                        if f["field"] == "n")
        assert counts == [1, 5]
        assert answer["statistics"]["recordsMatched"] == 6.0


@covers("logs", "StartQuery",
        error=["ResourceNotFoundException", "MalformedQueryException",
               "InvalidParameterException"])
@covers("logs", "GetQueryResults", error="ResourceNotFoundException")
def test_queries_refuse(logs, group, account, now):
    def start(text="fields @message", **more):
        more.setdefault("logGroupName", "g")
        return logs.start_query(startTime=0, endTime=now // 1000, queryString=text, **more)

    with aws_error("ResourceNotFoundException", 400,
                   match=f"Log group 'none' does not exist for account ID '{account}'"):
        start(logGroupName="none")
    for text in ("fields", "filter ms >", "explode", "stats count(*) by", "filter (a = 1",
                 "fields a | | limit x", "filter @message like /(/", "limit", 'parse "*" as a, b',
                 "filter a = 'open", "fields a b c)"):
        with aws_error("MalformedQueryException", 400) as error:
            start(text)
        assert "startCharOffset" in error.response["queryCompileError"]["location"]
    with aws_error("InvalidParameterException", 400):
        logs.start_query(startTime=0, endTime=1, queryString="fields @message")
    with aws_error("InvalidParameterException", 400):
        logs.start_query(logGroupName="g", startTime=2, endTime=1, queryString="fields @message")
    with aws_error("ResourceNotFoundException", 400):
        logs.get_query_results(queryId="none")


@covers("logs", "DescribeQueries")
@covers("logs", "DescribeQueries", error="InvalidParameterException")
@covers("logs", "StopQuery", is_all=True,
        error=["ResourceNotFoundException", "InvalidParameterException"])
def test_queries_are_described(logs, group, now):
    start, end = now // 1000 - 60, now // 1000
    made = logs.start_query(logGroupName="g", startTime=start, endTime=end,
                            queryString="fields @message")["queryId"]
    found = logs.describe_queries(logGroupName="g", status="Complete")["queries"]
    # Recorded on AWS 2026-02-06.
    assert [(q["queryId"], q["queryString"], q["status"]) for q in found] == [
        (made, f'SOURCE "g" START={start}000 END={end}999 | fields @message', "Complete")]
    assert logs.describe_queries(status="Scheduled")["queries"] == []
    assert logs.describe_queries(logGroupName="none")["queries"] == []
    with aws_error("InvalidParameterException", 400):
        logs.describe_queries(nextToken="!")
    with aws_error("InvalidParameterException", 400, "The specified query is not running."):
        logs.stop_query(queryId=made)
    with aws_error("ResourceNotFoundException", 400):
        logs.stop_query(queryId="none")


@covers("logs", "GetLogRecord")
@covers("logs", "GetLogRecord", error=["ResourceNotFoundException", "InvalidParameterException"])
def test_a_record_is_read_by_its_pointer(logs, group, now):
    made = logs.start_query(logGroupName="g", startTime=now // 1000 - 60, endTime=now // 1000 + 60,
                            queryString='filter level = "error"')["queryId"]
    row = logs.get_query_results(queryId=made)["results"][0]
    pointer = next(f["value"] for f in row if f["field"] == "@ptr")
    record = logs.get_log_record(logRecordPointer=pointer)["logRecord"]
    assert (record["level"], record["ms"], record["@logStream"]) == ("error", "120", "s")
    assert json.loads(record["@message"]) == EVENTS[0]
    with aws_error("InvalidParameterException", 400):
        logs.get_log_record(logRecordPointer="x")
    with aws_error("ResourceNotFoundException", 400):
        logs.get_log_record(logRecordPointer="1" * 56)


@covers("logs", "GetLogGroupFields")
@covers("logs", "GetLogGroupFields", error="ResourceNotFoundException")
def test_fields_of_a_group(logs, group):
    found = {f["name"]: f["percent"] for f in logs.get_log_group_fields(logGroupName="g")[
        "logGroupFields"]}
    assert (found["@message"], found["level"], found["user"]) == (100, 80, 40)
    with aws_error("ResourceNotFoundException", 400):
        logs.get_log_group_fields(logGroupName="none")
