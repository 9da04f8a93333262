"""Connections and API destinations: requests to a server of the test's."""

import http.server
import json
import queue
import threading
import time
import urllib.parse

import pytest
from harness import aws_error, covers


class Hook:
    """A server that keeps requests and answers what it is told to."""

    def __init__(self):
        self.requests = queue.Queue()
        self.statuses = []
        self.tokens = 0
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def handle_one(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                if self.path.startswith("/token"):
                    hook.tokens += 1
                    hook.form = dict(urllib.parse.parse_qsl(body))
                    status, answer = 200, {"access_token": f"t{hook.tokens}", "expires_in": 600}
                else:
                    hook.requests.put((self.command, self.path, dict(self.headers), body))
                    status, answer = (hook.statuses.pop(0) if hook.statuses else 200), {}
                text = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = handle_one

            def log_message(self, *args):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def get(self):
        return self.requests.get(timeout=20)

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def hook():
    server = Hook()
    yield server
    server.close()


@pytest.fixture
def role(client, unique):
    iam = client("iam")
    name = unique("role")
    trust = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
             "Action": "sts:AssumeRole"}
    allow = {"Effect": "Allow", "Action": "events:InvokeApiDestination", "Resource": "*"}
    arn = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}),
    )["Role"]["Arn"]
    iam.put_role_policy(
        RoleName=name, PolicyName="p",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow}),
    )
    return arn


API_KEY = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "s3cret"}}


@pytest.fixture
def new_destination(events, unique, hook):
    """new_destination("API_KEY", {...}) -> its ARN."""

    def make(kind="API_KEY", parameters=None, path="/hook", method="POST"):
        name = unique("api")
        connection = events.create_connection(
            Name=name, AuthorizationType=kind, AuthParameters=parameters or API_KEY
        )["ConnectionArn"]
        return events.create_api_destination(
            Name=name, ConnectionArn=connection, InvocationEndpoint=hook.url + path,
            HttpMethod=method,
        )["ApiDestinationArn"]

    return make


def test_an_event_becomes_a_request(put, new_rule, new_destination, hook, role):
    parameters = API_KEY | {
        "InvocationHttpParameters": {
            "HeaderParameters": [{"Key": "X-Both", "Value": "connection"}],
            "QueryStringParameters": [{"Key": "q", "Value": "a b", "IsValueSecret": True}],
            "BodyParameters": [{"Key": "extra", "Value": "more"}],
        }
    }
    arn = new_destination(parameters=parameters, path="/hook/*/x")
    new_rule({"source": ["app"]}, {
        "Arn": arn, "RoleArn": role, "InputPath": "$.detail",
        "HttpParameters": {
            "PathParameterValues": ["$.detail.id"],
            "HeaderParameters": {"X-Both": "target", "X-Mine": "$.source"},
            "QueryStringParameters": {"r": "1"},
        },
    })
    put(Detail={"id": "i/1"})
    method, path, headers, body = hook.get()
    assert (method, path) == ("POST", "/hook/i%2F1/x?r=1&q=a%20b")
    assert headers["X-Key"] == "s3cret"
    assert headers["X-Both"] == "connection"
    assert headers["X-Mine"] == "app"
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert headers["User-Agent"] == "Amazon/EventBridge/ApiDestinations"
    assert json.loads(body) == {"id": "i/1", "extra": "more"}


def test_basic_authorization(put, new_rule, new_destination, hook, role):
    parameters = {"BasicAuthParameters": {"Username": "me", "Password": "pass"}}
    arn = new_destination("BASIC", parameters, method="PUT")
    new_rule({"source": ["app"]}, {"Arn": arn, "RoleArn": role})
    put()
    method, _, headers, body = hook.get()
    assert method == "PUT"
    assert headers["Authorization"] == "Basic bWU6cGFzcw=="
    assert json.loads(body)["source"] == "app"


def oauth(hook):
    return {
        "OAuthParameters": {
            "ClientParameters": {"ClientID": "id", "ClientSecret": "secret"},
            "AuthorizationEndpoint": hook.url + "/token", "HttpMethod": "POST",
            "OAuthHttpParameters": {"BodyParameters": [{"Key": "scope", "Value": "all"}]},
        }
    }


def settle(events, name):
    until = time.monotonic() + 20
    while time.monotonic() < until:
        found = events.describe_connection(Name=name)
        if found["ConnectionState"] != "AUTHORIZING":
            return found
        time.sleep(0.02)
    return found


def test_a_token_is_fetched_and_renewed(
        events, put, new_rule, new_destination, hook, role, clock):
    arn = new_destination("OAUTH_CLIENT_CREDENTIALS", oauth(hook))
    name = arn.split("/")[1]
    assert settle(events, name)["ConnectionState"] == "AUTHORIZED"
    assert hook.form == {
        "grant_type": "client_credentials", "client_id": "id", "client_secret": "secret",
        "scope": "all",
    }
    new_rule({"source": ["app"]}, {"Arn": arn, "RoleArn": role})
    hook.statuses = [401]
    put()
    assert hook.get()[2]["Authorization"] == "Bearer t1"
    until = time.monotonic() + 20
    while hook.tokens < 2 and time.monotonic() < until:
        time.sleep(0.02)
    settle(events, name)
    clock.advance("2s")
    assert hook.get()[2]["Authorization"] == "Bearer t2"
    clock.advance("9m30s")  # before the ten minutes are over
    until = time.monotonic() + 20
    while hook.tokens < 3 and time.monotonic() < until:
        time.sleep(0.02)
    settle(events, name)
    put()
    assert hook.get()[2]["Authorization"] == "Bearer t3"


def test_an_endpoint_without_tokens(events, hook):
    parameters = oauth(hook)
    parameters["OAuthParameters"]["AuthorizationEndpoint"] = hook.url + "/nothing"
    hook.statuses = [500]
    made = events.create_connection(
        Name="c", AuthorizationType="OAUTH_CLIENT_CREDENTIALS", AuthParameters=parameters
    )
    assert made["ConnectionState"] == "AUTHORIZING"
    found = settle(events, "c")
    assert found["ConnectionState"] == "DEAUTHORIZED"
    assert found["StateReason"] == "The authorization endpoint answered 500 and no access token."


def test_failures_are_repeated_and_end_in_the_dead_letter_queue(
        put, new_rule, new_queue, new_destination, hook, role, clock):
    dead = new_queue()
    target = {"Arn": new_destination(), "RoleArn": role, "DeadLetterConfig": {"Arn": dead.arn},
              "RetryPolicy": {"MaximumRetryAttempts": 1}}
    new_rule({"source": ["app"]}, target)
    hook.statuses = [500, 429]
    put()
    hook.get()
    time.sleep(0.2)
    assert hook.requests.empty()
    clock.advance("2s")
    hook.get()
    (letter,) = dead.wait()
    attributes = {
        name: value["StringValue"] for name, value in letter["MessageAttributes"].items()
    }
    assert attributes["ERROR_CODE"] == "ERROR_FROM_TARGET"
    assert attributes["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"
    assert attributes["RETRY_ATTEMPTS"] == "1"
    hook.statuses = [404]
    put()
    (letter,) = dead.wait()
    assert "status code 404" in letter["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"]


def test_the_certificates_of_this_server_are_trusted(
        events, put, new_rule, new_queue, new_destination, virga, role):
    dead = new_queue()
    arn = new_destination()
    port = virga.endpoint.rpartition(":")[2]
    events.update_api_destination(
        Name=arn.split("/")[1], InvocationEndpoint=f"https://localhost:{port}/nothing/here"
    )
    new_rule({"source": ["app"]},
             {"Arn": arn, "RoleArn": role, "DeadLetterConfig": {"Arn": dead.arn}})
    put()
    (letter,) = dead.wait()
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "ERROR_FROM_TARGET"


@covers("events", "PutTargets", error="ValidationException")
def test_a_destination_needs_a_role(events, new_rule, new_destination):
    arn = new_destination()
    name = new_rule({"source": ["x"]})
    with aws_error("ValidationException") as error:
        events.put_targets(Rule=name, Targets=[{"Id": "x", "Arn": arn}])
    assert error.message == f"RoleArn is required for target {arn}."


@covers("events", "CreateConnection")
@covers("events", "DescribeConnection")
@covers("events", "UpdateConnection")
@covers("events", "DeauthorizeConnection")
@covers("events", "DeleteConnection")
@covers("events", "ListConnections")
def test_the_life_of_a_connection(events, account):
    secret = [{"Key": "a", "Value": "hidden", "IsValueSecret": True},
              {"Key": "b", "Value": "shown", "IsValueSecret": False}]
    made = events.create_connection(
        Name="c", Description="d", AuthorizationType="API_KEY",
        AuthParameters=API_KEY | {"InvocationHttpParameters": {"HeaderParameters": secret}},
    )
    assert made["ConnectionState"] == "AUTHORIZED"
    arn = made["ConnectionArn"]
    assert arn.startswith(f"arn:aws:events:us-east-1:{account}:connection/c/")
    found = events.describe_connection(Name="c")
    assert found["AuthParameters"] == {
        "ApiKeyAuthParameters": {"ApiKeyName": "X-Key"},
        "InvocationHttpParameters": {
            "HeaderParameters": [{"Key": "a", "IsValueSecret": True}, secret[1]]
        },
    }
    assert found["SecretArn"].startswith("arn:aws:secretsmanager:")
    events.update_connection(
        Name="c", AuthorizationType="BASIC",
        AuthParameters={"BasicAuthParameters": {"Username": "u", "Password": "p"}},
    )
    found = events.describe_connection(Name="c")
    assert found["AuthorizationType"] == "BASIC"
    assert found["AuthParameters"]["BasicAuthParameters"] == {"Username": "u"}
    assert found["Description"] == "d"
    events.create_connection(Name="e", AuthorizationType="API_KEY", AuthParameters=API_KEY)
    page = events.list_connections(Limit=1)
    assert [one["Name"] for one in page["Connections"]] == ["c"]
    page = events.list_connections(NextToken=page["NextToken"])
    assert [one["Name"] for one in page["Connections"]] == ["e"]
    assert events.deauthorize_connection(Name="c")["ConnectionState"] == "DEAUTHORIZING"
    found = events.describe_connection(Name="c")
    assert found["ConnectionState"] == "DEAUTHORIZED"
    assert found["AuthParameters"] == {}
    assert events.delete_connection(Name="c")["ConnectionState"] == "DELETING"
    with aws_error("ResourceNotFoundException") as error:
        events.describe_connection(Name="c")
    assert error.message == "Connection 'c' does not exist."


@covers("events", "CreateConnection", error="ResourceAlreadyExistsException")
@covers("events", "CreateConnection", error="ValidationException")
@covers("events", "UpdateConnection", error="ResourceNotFoundException")
@covers("events", "DescribeConnection", error="ResourceNotFoundException")
@covers("events", "DeauthorizeConnection", error="ResourceNotFoundException")
@covers("events", "DeleteConnection", error="ResourceNotFoundException")
@covers("events", "UpdateConnection", error="ValidationException")
def test_connections_that_cannot_be(events):
    make = {"Name": "c", "AuthorizationType": "API_KEY", "AuthParameters": API_KEY}
    events.create_connection(**make)
    with aws_error("ResourceAlreadyExistsException"):
        events.create_connection(**make)
    with aws_error("ValidationException") as error:
        events.create_connection(**make | {"Name": "d", "AuthorizationType": "BASIC"})
    assert error.message == (
        "Parameter BasicAuthParameters must be specified for authorization type BASIC."
    )
    with aws_error("ValidationException"):
        events.update_connection(Name="c", AuthorizationType="BASIC")
    for call in (events.update_connection, events.describe_connection,
                 events.deauthorize_connection, events.delete_connection):
        with aws_error("ResourceNotFoundException"):
            call(Name="nothing")


@covers("events", "CreateApiDestination")
@covers("events", "DescribeApiDestination")
@covers("events", "UpdateApiDestination")
@covers("events", "DeleteApiDestination")
@covers("events", "ListApiDestinations")
def test_the_life_of_a_destination(events):
    connection = events.create_connection(
        Name="c", AuthorizationType="API_KEY", AuthParameters=API_KEY
    )["ConnectionArn"]
    made = events.create_api_destination(
        Name="d", ConnectionArn=connection, InvocationEndpoint="https://example.com/x",
        HttpMethod="POST", Description="e",
    )
    assert made["ApiDestinationState"] == "ACTIVE"
    found = events.describe_api_destination(Name="d")
    assert found["InvocationRateLimitPerSecond"] == 300
    assert (found["HttpMethod"], found["Description"]) == ("POST", "e")
    events.update_api_destination(Name="d", HttpMethod="PUT", InvocationRateLimitPerSecond=5)
    found = events.describe_api_destination(Name="d")
    assert (found["HttpMethod"], found["InvocationRateLimitPerSecond"]) == ("PUT", 5)
    events.deauthorize_connection(Name="c")
    (one,) = events.list_api_destinations(ConnectionArn=connection)["ApiDestinations"]
    assert (one["Name"], one["ApiDestinationState"]) == ("d", "INACTIVE")
    events.delete_api_destination(Name="d")
    assert events.list_api_destinations()["ApiDestinations"] == []


@covers("events", "CreateApiDestination", error="ResourceNotFoundException")
@covers("events", "CreateApiDestination", error="ResourceAlreadyExistsException")
@covers("events", "CreateApiDestination", error="ValidationException")
@covers("events", "UpdateApiDestination", error="ResourceNotFoundException")
@covers("events", "DescribeApiDestination", error="ResourceNotFoundException")
@covers("events", "DeleteApiDestination", error="ResourceNotFoundException")
def test_destinations_that_cannot_be(events):
    connection = events.create_connection(
        Name="c", AuthorizationType="API_KEY", AuthParameters=API_KEY
    )["ConnectionArn"]
    make = {"Name": "d", "ConnectionArn": connection, "HttpMethod": "POST",
            "InvocationEndpoint": "https://example.com/x"}
    events.create_api_destination(**make)
    with aws_error("ResourceAlreadyExistsException"):
        events.create_api_destination(**make)
    with aws_error("ValidationException"):
        events.create_api_destination(**make | {"InvocationEndpoint": "ftp://example.com"})
    with aws_error("ResourceNotFoundException"):
        gone = connection.rpartition("/")[0] + "/00000000-0000-0000-0000-000000000000"
        events.create_api_destination(**make | {"Name": "e", "ConnectionArn": gone})
    for call in (events.update_api_destination, events.describe_api_destination,
                 events.delete_api_destination):
        with aws_error("ResourceNotFoundException"):
            call(Name="nothing")
