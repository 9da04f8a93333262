"""Website endpoints: index and error documents, redirects, routing rules."""

from urllib.parse import urlsplit

import pytest
from harness import aws_error, covers


@pytest.fixture
def site(s3, bucket):
    """A bucket that anybody may read, with pages."""
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_policy(
        Bucket=bucket,
        Policy='{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", '
        f'"s3:ListBucket"], "Resource": ["arn:aws:s3:::{bucket}", "arn:aws:s3:::{bucket}/*"]}}]}}',
    )
    for key in ("index.html", "docs/index.html", "error.html", "page.html"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode(), ContentType="text/html")
    return bucket


@pytest.fixture
def host(s3, site):
    def configure(**configuration):
        s3.put_bucket_website(Bucket=site, WebsiteConfiguration=configuration)

    return configure


@pytest.fixture
def visit(virga, raw, site):
    port = urlsplit(virga.endpoint).port

    def get(path, method="GET", name=None, headers=()):
        return raw(
            method,
            path,
            sign=False,
            headers=headers,
            host=name or f"{site}.s3-website.localhost:{port}",
        )

    return get


@covers("s3", "PutBucketWebsite")
@covers("s3", "GetBucketWebsite")
@covers("s3", "DeleteBucketWebsite")
@covers("s3", "GetBucketWebsite", error="NoSuchWebsiteConfiguration")
def test_a_configuration_comes_back(s3, bucket):
    wanted = {
        "IndexDocument": {"Suffix": "index.html"},
        "ErrorDocument": {"Key": "error.html"},
        "RoutingRules": [
            {
                "Condition": {"KeyPrefixEquals": "a/", "HttpErrorCodeReturnedEquals": "404"},
                "Redirect": {"HostName": "b", "Protocol": "https", "HttpRedirectCode": "302"},
            }
        ],
    }
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=wanted)
    found = s3.get_bucket_website(Bucket=bucket)
    assert {key: found[key] for key in wanted} == wanted
    s3.delete_bucket_website(Bucket=bucket)
    with aws_error(
        "NoSuchWebsiteConfiguration",
        404,
        "The specified bucket does not have a website configuration",
    ):
        s3.get_bucket_website(Bucket=bucket)


@covers("s3", "PutBucketWebsite", error=["InvalidArgument", "InvalidRequest"])
@pytest.mark.parametrize(
    ("wanted", "code", "text"),
    [
        ({"ErrorDocument": {"Key": "a"}}, "InvalidArgument", "IndexDocument Suffix must be"),
        ({"IndexDocument": {"Suffix": "a/b"}}, "InvalidArgument", "not well formed"),
        (
            {
                "RedirectAllRequestsTo": {"HostName": "a"},
                "IndexDocument": {"Suffix": "a"},
            },
            "InvalidRequest",
            "RedirectAllRequestsTo cannot be provided",
        ),
    ],
)
def test_configurations_are_checked(s3, bucket, wanted, code, text):
    with aws_error(code, 400, match=text):
        s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=wanted)


@covers("s3", "PutBucketWebsite", error="InvalidRequest")
@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"Redirect": {"ReplaceKeyWith": "a", "ReplaceKeyPrefixWith": "b"}}, "but not both"),
        ({"Redirect": {"HttpRedirectCode": "200"}}, "not valid. Valid codes are 3XX"),
        (
            {"Redirect": {"HostName": "a"}, "Condition": {"HttpErrorCodeReturnedEquals": "200"}},
            "4XX or 5XX",
        ),
        ({"Redirect": {"HostName": "a"}, "Condition": {}}, "Condition cannot be empty"),
    ],
)
def test_routing_rules_are_checked(s3, bucket, rule, text):
    with aws_error("InvalidRequest", 400, match=text):
        s3.put_bucket_website(
            Bucket=bucket,
            WebsiteConfiguration={"IndexDocument": {"Suffix": "i"}, "RoutingRules": [rule]},
        )


@covers("s3", "WebsiteRoot")
@covers("s3", "WebsiteObject")
def test_folders_have_an_index(host, visit, site):
    host(IndexDocument={"Suffix": "index.html"})
    assert visit("/").text == "index.html"
    answer = visit("/docs/")
    assert (answer.status, answer.text) == (200, "docs/index.html")
    assert answer.headers["content-type"] == "text/html"
    assert visit("/page.html").text == "page.html"
    # AWS: a request for a folder without the slash is redirected to it.
    answer = visit("/docs")
    assert (answer.status, answer.headers["location"]) == (302, "/docs/")
    named = visit("/", name=f"{site}.s3-website-us-east-1.amazonaws.com")
    assert named.text == "index.html"
    etag = visit("/").headers["etag"]
    assert visit("/", headers={"If-None-Match": etag}).status == 304
    assert visit("/page.html", method="HEAD").status == 200


@covers("s3", "WebsiteObject")
def test_errors_are_pages(host, visit):
    host(IndexDocument={"Suffix": "index.html"})
    answer = visit("/missing")
    assert answer.status == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["x-amz-error-code"] == "NoSuchKey"
    assert "<li>Code: NoSuchKey</li>" in answer.text
    assert "<li>Key: missing</li>" in answer.text
    host(IndexDocument={"Suffix": "index.html"}, ErrorDocument={"Key": "error.html"})
    answer = visit("/missing")
    assert (answer.status, answer.text) == (404, "error.html")


@covers("s3", "WebsiteRoot")
def test_without_a_website(visit, bucket, virga):
    answer = visit("/")
    assert answer.status == 404
    assert "NoSuchWebsiteConfiguration" in answer.text
    port = urlsplit(virga.endpoint).port
    answer = visit("/", name=f"no-such-bucket-here.s3-website.localhost:{port}")
    assert (answer.status, "NoSuchBucket" in answer.text) == (404, True)


@covers("s3", "WebsiteObject")
def test_what_is_private_stays_so(s3, host, visit, site):
    host(IndexDocument={"Suffix": "index.html"})
    s3.delete_bucket_policy(Bucket=site)
    answer = visit("/page.html")
    assert (answer.status, "AccessDenied" in answer.text) == (403, True)


@covers("s3", "WebsiteObject")
@covers("s3", "WebsiteRoot")
def test_everything_is_redirected(host, visit):
    host(RedirectAllRequestsTo={"HostName": "example.com", "Protocol": "https"})
    answer = visit("/a%20b")
    assert (answer.status, answer.headers["location"]) == (301, "https://example.com/a%20b")
    assert visit("/").headers["location"] == "https://example.com/"


@covers("s3", "WebsiteObject")
def test_routing_rules_redirect(host, visit):
    host(
        IndexDocument={"Suffix": "index.html"},
        RoutingRules=[
            {
                "Condition": {"KeyPrefixEquals": "docs/"},
                "Redirect": {"ReplaceKeyPrefixWith": "documents/"},
            },
            {
                "Condition": {"HttpErrorCodeReturnedEquals": "404", "KeyPrefixEquals": "old/"},
                "Redirect": {
                    "HostName": "example.com",
                    "Protocol": "https",
                    "ReplaceKeyWith": "gone",
                    "HttpRedirectCode": "307",
                },
            },
        ],
    )
    answer = visit("/docs/a")
    assert answer.status == 301
    assert answer.headers["location"].endswith("/documents/a")
    answer = visit("/old/a")
    assert (answer.status, answer.headers["location"]) == (307, "https://example.com/gone")
    assert visit("/other").status == 404


@covers("s3", "WebsiteObject")
def test_an_object_may_redirect(s3, host, visit, site):
    host(IndexDocument={"Suffix": "index.html"})
    s3.put_object(Bucket=site, Key="moved", Body=b"", WebsiteRedirectLocation="/page.html")
    answer = visit("/moved")
    assert (answer.status, answer.headers["location"]) == (301, "/page.html")
