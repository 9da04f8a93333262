"""Bodies that a service must refuse with AWS's error: malformed, mistyped, too deep, too much.

After each of these the same connection serves the next request.
"""

import json
import time
import urllib.parse

import pytest
from harness import Connection, Signer

JSON_HEADERS = {"content-type": "application/x-amz-json-1.0"}
FORM_HEADERS = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
FAST_SECONDS = 10  # on a sanitizer build on a busy machine; a quadratic parser takes minutes


class Talk:
    """One connection over which signed requests go; it must stay usable."""

    def __init__(self, server, account):
        self.server = server
        self.account = account
        self.connection = Connection(server)

    def send(self, service, body, headers):
        signer = Signer(self.account, service=service)
        host = f"127.0.0.1:{self.server.port}"
        started = time.monotonic()
        self.connection.send_request(
            "POST", "/", signer.headers(host, body=body, headers=headers), body
        )
        response = self.connection.read_response()
        assert time.monotonic() - started < FAST_SECONDS, "too slow: is it quadratic?"
        return response

    def json(self, operation, body, service="sqs", prefix="AmazonSQS"):
        headers = {**JSON_HEADERS, "x-amz-target": f"{prefix}.{operation}"}
        return self.send(service, body, headers)

    def form(self, body, service="sts"):
        if not isinstance(body, bytes):
            body = urllib.parse.urlencode(body).encode()
        return self.send(service, body, FORM_HEADERS)

    def check_usable(self):
        answer = self.form({"Action": "GetCallerIdentity", "Version": "2011-06-15"})
        assert answer.status == 200
        assert f"<Account>{self.account}</Account>".encode() in answer.body


@pytest.fixture
def talk(virga, account):
    talk = Talk(virga, account)
    yield talk
    talk.check_usable()
    talk.connection.socket.close()


def error(response):
    return response.status, response.error()[0]


MALFORMED_JSON = {
    "empty": b"",
    "open": b"{",
    "closed": b"}",
    "text": b"hello",
    "no quotes": b"{QueueName: 1}",
    "single quotes": b"{'QueueName': 'a'}",
    "trailing comma": b'{"QueueName": "a",}',
    "two values": b'{"QueueName": "a"} {}',
    "trailing text": b'{"QueueName": "a"} x',
    "open string": b'{"QueueName": "a',
    "bad escape": b'{"QueueName": "\\x"}',
    "lone surrogate": b'{"QueueName": "\\ud800"}',
    "control": b'{"QueueName": "a\x01b"}',
    "not UTF-8": b'{"QueueName": "\xff\xfe"}',
    "NUL": b'{"QueueName": "a"}\0',
    "comment": b'{"QueueName": "a" /* b */}',
    "leading zero": b'{"QueueName": "a", "Attributes": 01}',
    "NaN": b'{"QueueName": NaN}',
    "BOM": b'\xef\xbb\xbf{"QueueName": "a"}',
    "form": b"Action=CreateQueue&QueueName=a",
    "XML": b"<CreateQueue/>",
}


@pytest.mark.parametrize("name", [name for name in MALFORMED_JSON if name != "empty"])
def test_malformed_json_is_a_serialization_exception(talk, name):
    # AWS: JSON services answer SerializationException (400).
    assert error(talk.json("CreateQueue", MALFORMED_JSON[name])) == (400, "SerializationException")


def test_an_empty_body_is_an_empty_request(talk):
    # What is missing then is the queue's name: no SerializationException, but an answer of SQS.
    status, code = error(talk.json("CreateQueue", b""))
    assert status == 400
    assert code


@pytest.mark.parametrize(
    "value",
    [1, 1.5, True, ["a"], {"a": "b"}],
    ids=["number", "fraction", "boolean", "list", "object"],
)
def test_a_string_must_be_a_string(talk, value):
    body = json.dumps({"QueueName": value}).encode()
    assert error(talk.json("CreateQueue", body)) == (400, "SerializationException")


@pytest.mark.parametrize(
    "member",
    [
        {"Attributes": "text"}, {"Attributes": ["list"]}, {"Attributes": {"DelaySeconds": {}}},
        {"tags": 5}, {"tags": [["a"]]},
    ],
    ids=json.dumps,
)
def test_a_map_must_be_a_map(talk, member):
    body = json.dumps({"QueueName": "a", **member}).encode()
    assert error(talk.json("CreateQueue", body)) == (400, "SerializationException")


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"1", b"true"])
def test_a_request_must_be_an_object(talk, body):
    assert error(talk.json("CreateQueue", body)) == (400, "SerializationException")


@pytest.mark.parametrize(
    "number", ["99999999999999999999", "1e400", "-99999999999999999999", '"5"', "1.5"]
)
def test_a_number_must_fit(talk, number):
    body = f'{{"QueueUrl": "http://127.0.0.1/1/a", "MaxNumberOfMessages": {number}}}'.encode()
    status, code = error(talk.json("ReceiveMessage", body))
    assert (status, code) == (400, "SerializationException")


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000,
        b'{"QueueName":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"unknown":' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}",
    ],
    ids=["open lists", "lists", "open objects", "lists as a name", "an unknown member"],
)
def test_deep_json_is_refused_quickly(talk, body):
    assert error(talk.json("CreateQueue", body)) == (400, "SerializationException")


def test_a_megabyte_of_everything_is_read_quickly(talk):
    for body in (
        b'{"QueueName": "' + b"a" * 1_000_000 + b'"}',
        b'{"QueueName": "' + b"\\u0041" * 160_000 + b'"}',
        b'{"QueueName": "a", "tags": {'
        + b",".join(b'"k%d": "v"' % i for i in range(60_000))
        + b"}}",
        b'{"QueueName": ' + b"9" * 1_000_000 + b"}",
    ):
        assert talk.json("CreateQueue", body).status == 400


@pytest.mark.parametrize(
    "target",
    ["AmazonSQS.", ".CreateQueue", "AmazonSQS", "AmazonSQS.create_queue", "AmazonSQS.CreateQueue ",
     "Other_20200101.CreateQueue", "AmazonSQS.CreateQueue.CreateQueue", "." * 1000],
)
def test_a_target_that_names_nothing_is_an_error_of_the_client(talk, target):
    headers = {**JSON_HEADERS, "x-amz-target": target}
    response = talk.send("sqs", b"{}", headers)
    assert response.status in (400, 404), response
    assert response.error()[0]


MALFORMED_FORMS = {
    "half a percent": b"Action=GetSessionToken&Version=2011-06-15&DurationSeconds=%9",
    "no hex": b"Action=GetSessionToken&Version=2011-06-15&DurationSeconds=%zz",
    "not UTF-8": b"Action=GetFederationToken&Version=2011-06-15&Name=%ff%fe",
    "NUL": b"Action=GetFederationToken&Version=2011-06-15&Name=a%00b",
}


@pytest.mark.parametrize("name", MALFORMED_FORMS)
def test_a_malformed_form_is_refused(talk, name):
    status, code = error(talk.form(MALFORMED_FORMS[name]))
    assert status == 400
    assert code in ("MalformedInput", "ValidationError", "MalformedQueryString")


@pytest.mark.parametrize(
    "body",
    [b"", b"&&&&", b"=", b"=&=&=", b"Action", b"Action=", b"Action=&Version=2011-06-15", b"\0",
     b"{}", b"<a/>", b"Version=2011-06-15"],
)
def test_a_form_without_an_action_is_an_error_of_the_client(talk, body):
    response = talk.form(body)
    assert response.status in (400, 403, 404), response
    assert response.error()[0]


@pytest.mark.parametrize(
    "value", ["abc", "1.5", "", "99999999999999999999", "0x10", "1e3", "９００", " 900"]
)
def test_a_number_in_a_form_must_be_one(talk, value):
    form = {"Action": "GetSessionToken", "Version": "2011-06-15", "DurationSeconds": value}
    status, code = error(talk.form(form))
    assert status == 400
    assert code in ("MalformedInput", "ValidationError")


@pytest.mark.parametrize(
    "name",
    ["Tags", "Tags.member", "Tags.member.x.Key", "Tags.member.0.Key", "Tags.member.1.Key.deep",
     "Tags.member.99999999999999999999.Key", "Tags.member.-1.Key", "Tags.member.1.member.1.Key",
     "Tags" + ".member.1" * 1000],
)
def test_a_list_in_a_form_must_be_one(talk, name):
    form = {"Action": "GetFederationToken", "Version": "2011-06-15", "Name": "guest", name: "x"}
    response = talk.form(form)
    assert response.status == 400, response
    assert response.error()[0] in ("MalformedInput", "ValidationError", "InvalidParameterValue")


def test_a_sparse_list_costs_no_memory(talk):
    # A list is as long as the entries sent, however large their numbers are.
    form = {"Action": "GetFederationToken", "Version": "2011-06-15", "Name": "guest"}
    form.update({"Tags.member.2000000000.Key": "a", "Tags.member.2000000000.Value": "b"})
    assert talk.form(form).status in (200, 400)


def test_many_parameters_are_refused_or_read_quickly(talk):
    body = b"Action=GetCallerIdentity&Version=2011-06-15&" + b"&".join(
        b"a%d=b" % i for i in range(100_000)
    )
    assert talk.form(body).status in (200, 400)


def test_parameters_that_nobody_knows_are_ignored(talk):
    form = {"Action": "GetCallerIdentity", "Version": "2011-06-15", "Nobody": "knows"}
    assert talk.form(form).status == 200


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/octet-stream", "", "multipart/form-data"]
)
def test_another_content_type_gets_an_answer(talk, kind):
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    response = talk.send("sts", body, {"content-type": kind})
    assert response.status in (200, 400, 404, 415), response


BAD_TEMPLATES = {
    "open map": "Resources: {",
    "open list": "Resources: [",
    "tab": "Resources:\n\tA: b",
    "bad indent": "Resources:\n  A:\n b: c",
    "duplicate key": "Resources:\n  A: {Type: 'AWS::SQS::Queue'}\n  A: {Type: 'AWS::SQS::Queue'}",
    "unknown tag": "Resources: !!python/object:os.system {}",
    "unknown alias": "Resources: *nobody",
    "two documents": "Resources: {}\n---\nResources: {}\n",
    "scalar": "hello",
    "list": "- a\n- b",
    "null": "~",
    "control": "Resources: \"\x01\"",
    "open JSON": '{"Resources": {',
    "JSON with a comma": '{"Resources": {},}',
    "deep lists": "Resources: " + "[" * 50_000,
    "deep maps": "Resources: " + "{a: " * 50_000,
    "deep JSON": '{"Resources":' * 20_000,
    "billion laughs": "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
    ),
    "endless alias": "a: &a [*a]",
}


@pytest.mark.parametrize("name", BAD_TEMPLATES)
def test_a_malformed_template_is_a_validation_error(talk, name):
    # AWS: "ValidationError: Template format error: ..." (400) for every template it cannot read.
    form = {
        "Action": "ValidateTemplate",
        "Version": "2010-05-15",
        "TemplateBody": BAD_TEMPLATES[name],
    }
    response = talk.form(form, service="cloudformation")
    assert error(response) == (400, "ValidationError"), response
