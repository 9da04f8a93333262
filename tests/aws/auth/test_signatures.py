"""Signatures that are wrong in every way there is, in a query service (STS) and a JSON one (SQS).

Sources: IAM user guide, "Troubleshoot Signature Version 4 signing for AWS API requests" (the texts)
and "Common Errors" of the STS reference (query codes) and the DynamoDB reference (JSON codes).
"""

import base64
import datetime
import hashlib

import pytest
from harness import Connection, Signer, aws_error, covers, exchange


class Query:
    """GetCallerIdentity of STS: a form in, XML out."""

    service = "sts"
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}

    @staticmethod
    def unknown_operation():
        return b"Action=NoSuchOperation&Version=2011-06-15", {}


class Json:
    """ListQueues of SQS: JSON both ways."""

    service = "sqs"
    body = b"{}"
    headers = {
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": "AmazonSQS.ListQueues",
    }

    @staticmethod
    def unknown_operation():
        return b"{}", {"x-amz-target": "AmazonSQS.NoSuchOperation"}


both = pytest.mark.parametrize("form", [Query, Json], ids=["query", "json"])


@pytest.fixture
def issued(client):
    """Credentials that the server issued, so that it checks their signature."""
    return client("sts").get_session_token()["Credentials"]


def signer_of(credentials, service, **more):
    arguments = {
        "access_key": credentials["AccessKeyId"],
        "secret_key": credentials["SecretAccessKey"],
        "token": credentials["SessionToken"],
        "service": service,
        **more,
    }
    return Signer(**arguments)


def signed(server, form, signer, body=None, headers=None):
    body = form.body if body is None else body
    host = f"127.0.0.1:{server.port}"
    return signer.headers(host, body=body, headers={**form.headers, **(headers or {})})


def send(server, form, headers, body=None, target="/"):
    return exchange(server, "POST", target, headers, form.body if body is None else body)


def assert_refused(response, form, query, json):
    """`query` and `json` are (HTTP status, code)."""
    expected = query if form is Query else json
    code, message = response.error()
    assert (response.status, code) == expected, response
    assert response.header("x-amzn-requestid"), "an error carries a request id, too"
    return message


def now():
    return datetime.datetime.now(datetime.timezone.utc)


MISMATCH = {"query": (403, "SignatureDoesNotMatch"), "json": (400, "InvalidSignatureException")}
INCOMPLETE = {"query": (400, "IncompleteSignature"), "json": (400, "IncompleteSignatureException")}
INVALID_KEY = {"query": (403, "InvalidClientTokenId"), "json": (400, "UnrecognizedClientException")}
NO_TOKEN = {
    "query": (403, "MissingAuthenticationToken"),
    "json": (400, "MissingAuthenticationTokenException"),
}


@both
def test_a_good_signature_is_taken(virga, issued, form):
    assert send(virga, form, signed(virga, form, signer_of(issued, form.service))).status == 200


@both
def test_a_wrong_secret_shows_what_should_have_been_signed(virga, issued, form):
    signer = signer_of(issued, form.service, secret_key="wrong")
    message = assert_refused(send(virga, form, signed(virga, form, signer)), form, **MISMATCH)
    # AWS: the message ends with the canonical string and the string to sign.
    assert message.startswith(
        "The request signature we calculated does not match the signature you provided. Check "
        "your AWS Secret Access Key and signing method. Consult the service documentation for "
        "details."
    )
    assert "The Canonical String for this request should have been\n" in message
    assert hashlib.sha256(form.body).hexdigest() in message
    assert "The String-to-Sign should have been\n" in message


@both
def test_another_body_than_the_signed_one_is_refused(virga, issued, form):
    headers = signed(virga, form, signer_of(issued, form.service))
    other = form.body.replace(b"2011-06-15", b"2011-06-15&X=1").replace(b"{}", b"{ }")
    assert_refused(send(virga, form, headers, other), form, **MISMATCH)


@both
def test_a_changed_signed_header_is_refused(virga, issued, form):
    headers = signed(virga, form, signer_of(issued, form.service), headers={"x-amz-meta-a": "1"})
    headers["x-amz-meta-a"] = "2"
    assert_refused(send(virga, form, headers), form, **MISMATCH)


@both
def test_an_old_request_says_how_old_it_may_be(virga, issued, form):
    signed_at = now() - datetime.timedelta(minutes=16)
    signer = signer_of(issued, form.service, now=signed_at)
    message = assert_refused(send(virga, form, signed(virga, form, signer)), form, **MISMATCH)
    # AWS: "Signature expired: 20120306T074514Z is now earlier than 20120306T074556Z
    # (20120306T080056Z - 15 min.)"
    assert message.startswith(
        f"Signature expired: {signed_at:%Y%m%dT%H%M%SZ} is now earlier than "
    )
    assert message.endswith(" - 15 min.)")


@both
def test_a_request_of_the_future_is_refused(virga, issued, form):
    signed_at = now() + datetime.timedelta(minutes=16)
    signer = signer_of(issued, form.service, now=signed_at)
    message = assert_refused(send(virga, form, signed(virga, form, signer)), form, **MISMATCH)
    assert message.startswith(
        f"Signature not yet current: {signed_at:%Y%m%dT%H%M%SZ} is still later than "
    )
    assert message.endswith(" + 15 min.)")


@both
@pytest.mark.parametrize("minutes", [-14, 14])
def test_a_clock_that_is_off_a_little_is_no_matter(virga, issued, form, minutes):
    signer = signer_of(issued, form.service, now=now() + datetime.timedelta(minutes=minutes))
    assert send(virga, form, signed(virga, form, signer)).status == 200


@both
@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("Credential", "Authorization header requires 'Credential' parameter. "),
        ("SignedHeaders", "Authorization header requires 'SignedHeaders' parameter. "),
        ("Signature", "Authorization header requires 'Signature' parameter. "),
    ],
)
def test_each_missing_part_of_the_header_is_named(virga, account, form, part, text):
    headers = signed(virga, form, Signer(account, service=form.service))
    scheme, rest = headers["authorization"].split(" ", 1)
    parts = [piece for piece in rest.split(", ") if not piece.startswith(part + "=")]
    headers["authorization"] = f"{scheme} {', '.join(parts)}"
    message = assert_refused(send(virga, form, headers), form, **INCOMPLETE)
    digest = base64.b64encode(hashlib.sha256(headers["authorization"].encode()).digest()).decode()
    # AWS: "... (Hashed with SHA-256 and encoded with Base64) Authorization=..."
    assert message == (
        f"{text}(Hashed with SHA-256 and encoded with Base64) Authorization={digest}"
    )


@both
def test_a_missing_date_is_named(virga, account, form):
    headers = signed(virga, form, Signer(account, service=form.service))
    del headers["x-amz-date"]
    message = assert_refused(send(virga, form, headers), form, **INCOMPLETE)
    assert message.startswith(
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
    )


@both
@pytest.mark.parametrize(
    "value",
    ["AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential", "AWS4-HMAC-SHA512 Credential=a", "nonsense",
     "AWS4-HMAC-SHA256 ,,,,", "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0"],
)
def test_a_malformed_header_is_an_incomplete_signature(virga, account, form, value):
    headers = signed(virga, form, Signer(account, service=form.service))
    headers["authorization"] = value
    assert assert_refused(send(virga, form, headers), form, **INCOMPLETE)


@both
def test_a_bad_date_is_an_incomplete_signature(virga, account, form):
    headers = signed(virga, form, Signer(account, service=form.service))
    headers["x-amz-date"] = "yesterday"
    assert "yesterday" in assert_refused(send(virga, form, headers), form, **INCOMPLETE)


@both
def test_a_scope_of_another_day_is_refused(virga, issued, form):
    headers = signed(virga, form, signer_of(issued, form.service))
    today = headers["x-amz-date"][:8]
    headers["authorization"] = headers["authorization"].replace(f"/{today}/", "/20150830/", 1)
    message = assert_refused(send(virga, form, headers), form, **MISMATCH)
    assert message == (
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
        f"HTTP: '20150830' != '{today}', from '{headers['x-amz-date']}'."
    )


@both
def test_a_scope_must_end_in_aws4_request(virga, issued, form):
    headers = signed(virga, form, signer_of(issued, form.service))
    headers["authorization"] = headers["authorization"].replace("/aws4_request", "/aws5_request")
    message = assert_refused(send(virga, form, headers), form, **MISMATCH)
    assert message == (
        "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'."
    )


@both
def test_host_must_be_signed(virga, issued, form):
    headers = signed(virga, form, signer_of(issued, form.service))
    headers["authorization"] = headers["authorization"].replace(";host;", ";").replace("host;", "")
    message = assert_refused(send(virga, form, headers), form, **MISMATCH)
    assert message == "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."


@both
def test_an_unsigned_request_is_refused(virga, form):
    headers = {"host": f"127.0.0.1:{virga.port}", **form.headers}
    message = assert_refused(send(virga, form, headers), form, **NO_TOKEN)
    assert message == "Request is missing Authentication Token"


@both
def test_an_unknown_service_is_not_implemented(virga, account, form):
    # DEVIATION of ours, on purpose: AWS has no door that all services share.
    signer = Signer(account, service="nosuchservice")
    response = send(virga, form, signed(virga, form, signer))
    code, message = response.error()
    assert (response.status, code) == (501, "NotImplemented")
    assert message == "Service 'nosuchservice' is not implemented."


@both
def test_an_unknown_operation_is_named(virga, account, form):
    body, headers = form.unknown_operation()
    signer = Signer(account, service=form.service)
    response = send(virga, form, signed(virga, form, signer, body, headers), body)
    message = assert_refused(
        response,
        form,
        query=(400, "InvalidAction"),
        json=(400, "UnknownOperationException"),
    )
    assert "NoSuchOperation" in message
    if form is Query:
        # OBSERVED in AWS's answers of query services.
        assert message == "Could not find operation NoSuchOperation for version 2011-06-15"


@both
def test_a_key_that_nobody_issued_is_the_default_root(virga, form):
    # DEVIATION of ours: any key works until --strict-auth is given.
    headers = signed(virga, form, Signer("AKIDEXAMPLE", service=form.service))
    response = send(virga, form, headers)
    assert response.status == 200
    if form is Query:
        assert b"<Account>000000000000</Account>" in response.body


@both
def test_a_key_of_our_form_that_is_not_ours_is_refused(virga, issued, form, new_server):
    # The key id is one that a store issued; another store has never seen it.
    other = new_server()
    headers = signed(other, form, signer_of(issued, form.service))
    message = assert_refused(send(other, form, headers), form, **INVALID_KEY)
    assert message == "The security token included in the request is invalid."


@both
def test_a_session_needs_its_token(virga, issued, form):
    signer = signer_of(issued, form.service, token=None)
    message = assert_refused(send(virga, form, signed(virga, form, signer)), form, **INVALID_KEY)
    assert message == "The security token included in the request is invalid."


@both
def test_a_token_that_was_tampered_with_is_refused(virga, issued, form):
    token = issued["SessionToken"]
    at = len(token) // 2
    tampered = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
    signer = signer_of(issued, form.service, token=tampered)
    assert_refused(send(virga, form, signed(virga, form, signer)), form, **INVALID_KEY)


@both
def test_a_token_of_another_key_is_refused(virga, client, issued, form):
    other = client("sts").get_session_token()["Credentials"]
    signer = signer_of(issued, form.service, token=other["SessionToken"])
    assert_refused(send(virga, form, signed(virga, form, signer)), form, **INVALID_KEY)


@both
def test_strict_auth_refuses_keys_that_nobody_issued(new_server, form):
    server = new_server(strict_auth=True)
    headers = signed(server, form, Signer("AKIDEXAMPLE", service=form.service))
    message = assert_refused(send(server, form, headers), form, **INVALID_KEY)
    assert message == "The security token included in the request is invalid."


@both
def test_strict_auth_takes_accounts_and_issued_keys(new_server, client, account, form):
    server = new_server(strict_auth=True)
    root = send(server, form, signed(server, form, Signer(account, service=form.service)))
    assert root.status == 200
    issued = client("sts", server=server).get_session_token()["Credentials"]
    headers = signed(server, form, signer_of(issued, form.service))
    assert send(server, form, headers).status == 200


def presigned(server, signer, query, **more):
    host = f"127.0.0.1:{server.port}"
    return host, "/?" + signer.presigned_query(host, query=query, **more)


IDENTITY = [("Action", "GetCallerIdentity"), ("Version", "2011-06-15")]


def test_a_presigned_query_is_taken(virga, issued, account):
    host, target = presigned(virga, signer_of(issued, "sts"), IDENTITY)
    response = exchange(virga, "GET", target, {"host": host})
    assert response.status == 200
    assert f"<Account>{account}</Account>".encode() in response.body


def test_boto3_presigns_what_we_take(virga, client, issued):
    sts = client("sts", credentials=issued)
    url = sts.generate_presigned_url("get_caller_identity", HttpMethod="GET")
    target = url[len(virga.endpoint) :]
    response = exchange(virga, "GET", target, {"host": f"127.0.0.1:{virga.port}"})
    assert response.status == 200, response


def test_a_presigned_query_expires(virga, issued):
    signer = signer_of(issued, "sts", now=now() - datetime.timedelta(seconds=90))
    host, target = presigned(virga, signer, IDENTITY, expires=60)
    response = exchange(virga, "GET", target, {"host": host})
    message = assert_refused(response, Query, **MISMATCH)
    assert message.startswith("Signature expired: ")
    # AWS words the time allowed like the 15 minutes of a header.
    assert message.endswith(" - 1 min.)")


def test_a_presigned_query_with_a_wrong_signature(virga, issued):
    signer = signer_of(issued, "sts", secret_key="wrong")
    host, target = presigned(virga, signer, IDENTITY)
    assert_refused(exchange(virga, "GET", target, {"host": host}), Query, **MISMATCH)


def test_a_presigned_query_that_was_changed(virga, issued):
    host, target = presigned(virga, signer_of(issued, "sts"), IDENTITY)
    changed = target.replace("GetCallerIdentity", "GetSessionToken")
    assert_refused(exchange(virga, "GET", changed, {"host": host}), Query, **MISMATCH)


@pytest.mark.parametrize(
    "name",
    ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Signature"],
)
def test_each_missing_query_parameter_is_named(virga, account, name):
    host, target = presigned(virga, Signer(account), IDENTITY)
    path, query = target.split("?")
    left = [piece for piece in query.split("&") if not piece.startswith(name + "=")]
    response = exchange(virga, "GET", f"{path}?{'&'.join(left)}", {"host": host})
    message = assert_refused(response, Query, **INCOMPLETE)
    assert message == (
        f"AWS query-string parameters must include '{name}'. "
        "Re-examine the query-string parameters."
    )


@covers("iam", "DeleteAccessKey")
def test_a_deleted_key_is_refused_from_then_on(client):
    iam = client("iam")
    iam.create_user(UserName="robot")
    key = iam.create_access_key(UserName="robot")["AccessKey"]
    as_robot = client("sts", credentials=key)
    assert as_robot.get_caller_identity()["Arn"].endswith(":user/robot")
    iam.delete_access_key(UserName="robot", AccessKeyId=key["AccessKeyId"])
    with aws_error("InvalidClientTokenId", http_status=403):
        as_robot.get_caller_identity()


@covers("iam", "UpdateAccessKey")
def test_an_inactive_key_is_refused_until_it_is_active_again(client):
    iam = client("iam")
    iam.create_user(UserName="robot")
    key = iam.create_access_key(UserName="robot")["AccessKey"]
    as_robot = client("sts", credentials=key)
    iam.update_access_key(UserName="robot", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    with aws_error("InvalidClientTokenId", http_status=403):
        as_robot.get_caller_identity()
    iam.update_access_key(UserName="robot", AccessKeyId=key["AccessKeyId"], Status="Active")
    assert as_robot.get_caller_identity()["Arn"].endswith(":user/robot")


@both
def test_a_refused_request_leaves_the_connection_usable(virga, issued, form):
    bad = signed(virga, form, signer_of(issued, form.service, secret_key="wrong"))
    good = signed(virga, form, signer_of(issued, form.service))
    with Connection(virga) as connection:
        for headers, status in [(bad, None), (good, 200), (bad, None), (good, 200)]:
            connection.send_request("POST", "/", headers, form.body)
            response = connection.read_response()
            assert response.status == status or (status is None and response.status >= 400)
