"""signed — requests as boto3 makes and signs them, taken before they are sent.

A signature is good for 15 minutes, so a request that was made once can be sent many times.
"""

import boto3
from botocore.config import Config


class Failed(Exception):
    """botocore did not make a request."""


class _Taken(Exception):
    def __init__(self, request):
        super().__init__()
        self.request = request


def client(port, service, key_id, secret="any", **config):
    return boto3.client(
        service,
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}, **config),
    )


def _take(request, **_):
    raise _Taken(request)


def request(made_by, operation, **parameters):
    """The bytes that client `made_by` would send for the call."""
    made_by.meta.events.register("before-send", _take)
    try:
        getattr(made_by, operation)(**parameters)
    except _Taken as taken:
        return _raw(taken.request)
    finally:
        made_by.meta.events.unregister("before-send", _take)
    raise Failed(f"botocore sent nothing for {operation}")


def _raw(prepared):
    scheme, _, rest = prepared.url.partition("://")
    host, _, path = rest.partition("/")
    body = prepared.body or b""
    if isinstance(body, str):
        body = body.encode()
    elif hasattr(body, "read"):
        body = body.read()
    lines = [f"{prepared.method} /{path} HTTP/1.1", f"Host: {host}"]
    if "Accept-Encoding" not in prepared.headers:
        lines.append("Accept-Encoding: identity")
    for name, value in prepared.headers.items():
        if name == "Expect":  # not signed; load.c does not wait for a 100
            continue
        if isinstance(value, bytes):
            value = value.decode()
        lines.append(f"{name}: {value}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def write_requests(path, requests):
    """The file that load.c reads: each request behind a line with its length."""
    with open(path, "wb") as file:
        for raw in requests:
            file.write(b"%d\n%s" % (len(raw), raw))
