"""Cross-origin requests: preflights, and headers on the answers to actual requests."""

import pytest
from harness import covers


@pytest.fixture
def open_bucket(s3, bucket):
    s3.put_bucket_cors(
        Bucket=bucket,
        CORSConfiguration={
            "CORSRules": [
                {
                    "AllowedMethods": ["GET", "PUT"],
                    "AllowedOrigins": ["https://*.example.com"],
                    "AllowedHeaders": ["x-amz-*", "Content-Type"],
                    "ExposeHeaders": ["ETag", "x-amz-version-id"],
                    "MaxAgeSeconds": 30,
                },
                {"AllowedMethods": ["HEAD", "GET"], "AllowedOrigins": ["*"]},
            ]
        },
    )
    return bucket


@pytest.fixture
def preflight(raw, bucket):
    def ask(origin, method, headers=None, path="/a"):
        sent = {"Origin": origin, "Access-Control-Request-Method": method}
        if headers:
            sent["Access-Control-Request-Headers"] = headers
        sent = {name: value for name, value in sent.items() if value}
        return raw("OPTIONS", f"/{bucket}{path}", headers=sent, sign=False)

    return ask


@covers("s3", "PreflightObject")
@covers("s3", "PreflightBucket")
@pytest.mark.parametrize("path", ["", "/a"])
def test_a_preflight_is_answered_by_the_first_rule_that_fits(open_bucket, preflight, path):
    answer = preflight("https://www.example.com", "PUT", "X-Amz-Date, content-type", path)
    assert answer.status == 200
    headers = answer.headers
    assert headers["access-control-allow-origin"] == "https://www.example.com"
    assert headers["access-control-allow-methods"] == "GET, PUT"
    assert headers["access-control-allow-headers"] == "x-amz-date, content-type"
    assert headers["access-control-expose-headers"] == "ETag, x-amz-version-id"
    assert headers["access-control-max-age"] == "30"
    assert headers["access-control-allow-credentials"] == "true"
    assert headers["vary"] == (
        "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
    )


@covers("s3", "PreflightObject")
def test_a_rule_for_everybody_has_no_credentials(open_bucket, preflight):
    answer = preflight("https://elsewhere.test", "HEAD")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


@covers("s3", "PreflightObject", error=["AccessDenied", "BadRequest"])
@covers("s3", "PreflightBucket", error=["AccessDenied", "BadRequest"])
@pytest.mark.parametrize(
    ("origin", "method", "headers", "status", "text"),
    [
        ("https://elsewhere.test", "PUT", None, 403, "This CORS request is not allowed."),
        ("https://www.example.com", "DELETE", None, 403, "This CORS request is not allowed."),
        ("https://www.example.com", "PUT", "x-other", 403, "This CORS request is not allowed."),
        (None, "GET", None, 400, "Origin request header needed."),
        ("https://www.example.com", None, None, 400, "Invalid Access-Control-Request-Method"),
    ],
)
@pytest.mark.parametrize("path", ["", "/a"])
def test_a_preflight_is_refused(open_bucket, preflight, path, origin, method, headers, status, text):
    answer = preflight(origin, method, headers, path)
    assert answer.status == status
    assert text in answer.text
    assert "access-control-allow-origin" not in answer.headers


@covers("s3", "PreflightObject", error=["AccessDenied", "NoSuchBucket"])
@covers("s3", "PreflightBucket", error="NoSuchBucket")
def test_a_bucket_without_rules(bucket, preflight, raw):
    assert "CORS is not enabled for this bucket." in preflight("https://a.test", "GET").text
    for path in ("", "/a"):
        answer = raw("OPTIONS", f"/no-such-bucket-here{path}", sign=False)
        assert (answer.status, "NoSuchBucket" in answer.text) == (404, True)


@covers("s3", "GetObject")
def test_actual_answers_have_the_headers(open_bucket, put, raw):
    put("a")
    origin = {"Origin": "https://www.example.com"}
    answer = raw("GET", f"/{open_bucket}/a", headers=origin)
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "https://www.example.com"
    # Refusals have them, too: a browser could not read them otherwise.
    answer = raw("GET", f"/{open_bucket}/a", headers=origin, sign=False)
    assert answer.status == 403
    assert answer.headers["access-control-allow-origin"] == "https://www.example.com"
    answer = raw("DELETE", f"/{open_bucket}/a", headers=origin)
    assert "access-control-allow-origin" not in answer.headers
    assert "access-control-allow-origin" not in raw("GET", f"/{open_bucket}/a").headers
