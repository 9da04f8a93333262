"""Lifecycle: rules and their checks; what the movable clock makes of objects."""

import datetime

import pytest
from harness import aws_error, covers, until


def rule(**parts):
    return {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, **parts}


@pytest.fixture
def live(s3, bucket):
    def put(*rules, **more):
        return s3.put_bucket_lifecycle_configuration(
            Bucket=bucket, LifecycleConfiguration={"Rules": list(rules)}, **more
        )

    return put


def keys(s3, bucket):
    return [item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


@covers("s3", "PutBucketLifecycleConfiguration")
@covers("s3", "GetBucketLifecycleConfiguration")
@covers("s3", "DeleteBucketLifecycle")
@covers("s3", "GetBucketLifecycleConfiguration", error="NoSuchLifecycleConfiguration")
def test_rules_come_back(s3, bucket, live):
    rules = [
        {
            "ID": "one",
            "Status": "Enabled",
            "Filter": {"And": {"Prefix": "a/", "Tags": [{"Key": "k", "Value": "v"}]}},
            "Transitions": [
                {"Days": 30, "StorageClass": "STANDARD_IA"},
                {"Days": 60, "StorageClass": "GLACIER"},
            ],
            "Expiration": {"Days": 90},
        },
        {
            "ID": "two",
            "Status": "Disabled",
            "Filter": {"ObjectSizeGreaterThan": 500},
            "NoncurrentVersionTransitions": [
                {"NoncurrentDays": 30, "StorageClass": "ONEZONE_IA"}
            ],
            "NoncurrentVersionExpiration": {"NoncurrentDays": 60, "NewerNoncurrentVersions": 3},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        },
        {
            "ID": "three",
            "Status": "Enabled",
            "Prefix": "old/",
            "Expiration": {"Date": datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc)},
        },
    ]
    with aws_error("NoSuchLifecycleConfiguration", 404):
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    answer = live(*rules)
    assert answer["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    found = s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    assert found["Rules"] == rules
    assert found["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    s3.delete_bucket_lifecycle(Bucket=bucket)
    with aws_error("NoSuchLifecycleConfiguration", 404):
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)


@covers("s3", "PutBucketLifecycleConfiguration", error=["MalformedXML", "InvalidRequest",
                                                        "InvalidArgument"])  # fmt: skip
@pytest.mark.parametrize(
    ("parts", "code", "text"),
    [
        ({}, "InvalidRequest", "At least one action"),
        ({"Expiration": {}}, "MalformedXML", ""),
        ({"Expiration": {"Days": 0}}, "InvalidArgument", "positive integer"),
        (
            {"Expiration": {"Date": datetime.datetime(2030, 1, 1, 1)}},
            "InvalidArgument",
            "midnight GMT",
        ),
        ({"Expiration": {"Days": 1}, "Status": "On"}, "MalformedXML", ""),
        ({"Expiration": {"Days": 1}, "Prefix": "a"}, "MalformedXML", ""),
        ({"Expiration": {"Days": 1}, "ID": "x" * 256}, "InvalidArgument", "255"),
        (
            {"Transitions": [{"Days": 1, "StorageClass": "STANDARD_IA"}]},
            "InvalidArgument",
            "greater than or equal to 30",
        ),
        ({"Transitions": [{"Days": 1, "StorageClass": "STANDARD"}]}, "MalformedXML", ""),
        (
            {
                "Expiration": {"Days": 5},
                "Transitions": [{"Days": 10, "StorageClass": "GLACIER"}],
            },
            "InvalidArgument",
            "must be greater than 'Days' in the Transition action",
        ),
        (
            {"NoncurrentVersionExpiration": {"NoncurrentDays": 0}},
            "InvalidArgument",
            "positive integer",
        ),
        (
            {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 0}},
            "InvalidArgument",
            "positive integer",
        ),
        (
            {
                "Filter": {"Tag": {"Key": "a", "Value": "b"}},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
            },
            "InvalidRequest",
            "cannot be specified with Tags",
        ),
        (
            {
                "Filter": {"And": {"ObjectSizeGreaterThan": 5, "ObjectSizeLessThan": 5}},
                "Expiration": {"Days": 1},
            },
            "InvalidRequest",
            "ObjectSizeLessThan",
        ),
    ],
)
def test_rules_are_checked(live, parts, code, text):
    with aws_error(code, 400, match=text):
        live(rule(**parts))


@covers("s3", "PutBucketLifecycleConfiguration", error=["InvalidArgument", "InvalidRequest"])
def test_sets_of_rules_are_checked(live):
    with aws_error("InvalidArgument", 400, match="Rule ID must be unique"):
        live(rule(Expiration={"Days": 1}), rule(Expiration={"Days": 2}))
    with aws_error("InvalidRequest", 400, match="TransitionDefaultMinimumObjectSize"):
        live(rule(Expiration={"Days": 1}), TransitionDefaultMinimumObjectSize="none")


@covers("s3", "HeadObject")
def test_objects_say_when_they_expire(s3, bucket, live, put):
    live(rule(ID="a rule", Filter={"Prefix": "tmp/"}, Expiration={"Days": 3}))
    put("tmp/a")
    put("b")
    text = s3.head_object(Bucket=bucket, Key="tmp/a")["Expiration"]
    assert text.startswith('expiry-date="')
    # AWS: rounded up to midnight UTC.
    assert '00:00:00 GMT", rule-id="a%20rule"' in text
    assert "Expiration" not in s3.head_object(Bucket=bucket, Key="b")


@covers("s3", "PutBucketLifecycleConfiguration")
def test_objects_expire(clock, s3, bucket, live, put):
    live(rule(Filter={"Prefix": "tmp/"}, Expiration={"Days": 2}))
    put("tmp/a")
    put("kept")
    clock.advance("24h")
    put("tmp/b")
    clock.advance("48h")
    until(lambda: keys(s3, bucket) == ["kept", "tmp/b"])
    clock.advance("24h")
    until(lambda: keys(s3, bucket) == ["kept"])


@covers("s3", "PutBucketLifecycleConfiguration")
def test_tags_and_sizes_choose(clock, s3, bucket, live, put):
    live(
        rule(Filter={"Tag": {"Key": "k", "Value": "v"}}, Expiration={"Days": 1}),
        rule(ID="s", Filter={"ObjectSizeGreaterThan": 4}, Expiration={"Days": 1}),
        rule(ID="off", Status="Disabled", Expiration={"Days": 1}),
    )
    put("tagged", Tagging="k=v")
    put("other", Tagging="k=w")
    put("large", b"12345")
    clock.advance("49h")
    until(lambda: keys(s3, bucket) == ["other"])


@covers("s3", "PutBucketLifecycleConfiguration")
def test_versions_age(clock, s3, versioned, live, put):
    for text in (b"1", b"2", b"3"):
        put("a", text)
    put("b")
    s3.delete_object(Bucket=versioned, Key="b")
    live(
        rule(NoncurrentVersionExpiration={"NoncurrentDays": 1, "NewerNoncurrentVersions": 1}),
        rule(ID="markers", Expiration={"ExpiredObjectDeleteMarker": True}),
    )

    def versions():
        found = s3.list_object_versions(Bucket=versioned)
        return (
            [v["Key"] for v in found.get("Versions", [])],
            [m["Key"] for m in found.get("DeleteMarkers", [])],
        )

    clock.advance("49h")
    # One version that is not current stays of each key: newer ones are kept.
    until(lambda: versions() == (["a", "a", "b"], ["b"]))
    live(
        rule(NoncurrentVersionExpiration={"NoncurrentDays": 1}),
        rule(ID="markers", Expiration={"ExpiredObjectDeleteMarker": True}),
    )
    clock.advance("24h")
    until(lambda: versions()[0] == ["a"])
    # A marker with nothing behind it any more is found by the next day's walk.
    clock.advance("24h")
    until(lambda: versions() == (["a"], []))


@covers("s3", "PutBucketLifecycleConfiguration")
def test_the_current_version_gets_a_delete_marker(clock, s3, versioned, live, put):
    live(rule(Expiration={"Days": 1}))
    put("a")
    clock.advance("49h")
    until(lambda: keys(s3, versioned) == [])
    found = s3.list_object_versions(Bucket=versioned)
    assert [v["IsLatest"] for v in found["Versions"]] == [False]
    assert [m["IsLatest"] for m in found["DeleteMarkers"]] == [True]


@covers("s3", "PutBucketLifecycleConfiguration")
def test_objects_move_to_other_classes(clock, s3, bucket, live, put):
    live(
        rule(
            Filter={"ObjectSizeGreaterThan": 0},
            Transitions=[
                {"Days": 1, "StorageClass": "GLACIER_IR"},
                {"Days": 40, "StorageClass": "DEEP_ARCHIVE"},
            ],
        ),
    )
    put("a")

    def storage_class():
        return s3.list_objects_v2(Bucket=bucket)["Contents"][0]["StorageClass"]

    clock.advance("49h")
    until(lambda: storage_class() == "GLACIER_IR")
    clock.advance("960h")
    until(lambda: storage_class() == "DEEP_ARCHIVE")


@covers("s3", "PutBucketLifecycleConfiguration")
def test_uploads_are_given_up(clock, s3, bucket, live):
    s3.create_multipart_upload(Bucket=bucket, Key="tmp/a")
    s3.create_multipart_upload(Bucket=bucket, Key="b")
    live(
        rule(
            Filter={"Prefix": "tmp/"},
            AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1},
        )
    )
    clock.advance("49h")
    until(
        lambda: [u["Key"] for u in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == ["b"]
    )


@covers("s3", "PutBucketLifecycleConfiguration")
def test_expiry_is_told(clock, s3, client, bucket, live, put, unique, account):
    sqs = client("sqs")
    url = sqs.create_queue(QueueName=unique("queue"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    sqs.set_queue_attributes(
        QueueUrl=url,
        Attributes={
            "Policy": '{"Statement": [{"Effect": "Allow", "Principal": {"Service": '
            '"s3.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}]}'
        },
    )
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:LifecycleExpiration:*"]}]
        },
    )
    sqs.purge_queue(QueueUrl=url)
    live(rule(Expiration={"Days": 1}))
    put("a")
    clock.advance("49h")
    until(lambda: keys(s3, bucket) == [])
    body = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"][0]["Body"]
    assert '"eventName":"LifecycleExpiration:Delete"' in body
    assert '"eventVersion":"2.3"' in body
    assert '"principalId":"s3.amazonaws.com"' in body
