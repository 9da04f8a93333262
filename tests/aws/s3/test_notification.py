"""Notifications: configurations, what is checked, the messages."""

import json
import re

import pytest
from harness import aws_error, covers


@pytest.fixture
def queue(client, bucket, unique, account):
    """A queue that the bucket may send to; queue.messages() takes what has come."""

    class Queue:
        def __init__(self, allowed=True):
            self.sqs = client("sqs")
            self.url = self.sqs.create_queue(QueueName=unique("queue"))["QueueUrl"]
            attributes = self.sqs.get_queue_attributes(
                QueueUrl=self.url, AttributeNames=["QueueArn"]
            )
            self.arn = attributes["Attributes"]["QueueArn"]
            if allowed:
                self.allow()

        def allow(self):
            statement = {
                "Effect": "Allow",
                "Principal": {"Service": "s3.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": self.arn,
                "Condition": {
                    "ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"},
                    "StringEquals": {"aws:SourceAccount": account},
                },
            }
            self.sqs.set_queue_attributes(
                QueueUrl=self.url, Attributes={"Policy": json.dumps({"Statement": [statement]})}
            )

        def messages(self):
            found = []
            while True:
                answer = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)
                if not answer.get("Messages"):
                    return found
                for message in answer["Messages"]:
                    found.append(json.loads(message["Body"]))
                    self.sqs.delete_message(
                        QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"]
                    )

        def records(self):
            return [
                record for message in self.messages() for record in message.get("Records", [])
            ]

    return Queue


@pytest.fixture
def notify(s3, bucket):
    def put(*configurations, **more):
        s3.put_bucket_notification_configuration(
            Bucket=bucket,
            NotificationConfiguration={"QueueConfigurations": list(configurations)},
            **more,
        )

    return put


def to(queue, *events, **filters):
    configuration = {"QueueArn": queue.arn, "Events": list(events or ("s3:ObjectCreated:*",))}
    if filters:
        rules = [{"Name": name, "Value": value} for name, value in filters.items()]
        configuration["Filter"] = {"Key": {"FilterRules": rules}}
    return configuration


@covers("s3", "PutBucketNotificationConfiguration")
@covers("s3", "GetBucketNotificationConfiguration")
def test_a_configuration_comes_back_and_is_tested(s3, bucket, queue, notify):
    target = queue()
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)
    notify({**to(target, prefix="a/"), "Id": "mine"})
    found = s3.get_bucket_notification_configuration(Bucket=bucket)
    # Names of filter rules may come back in either case.
    assert found["QueueConfigurations"][0]["Id"] == "mine"
    assert found["QueueConfigurations"][0]["QueueArn"] == target.arn
    # AWS: "When you configure an event notification on a bucket, Amazon S3 sends the following
    # test message".
    (test,) = target.messages()
    assert (test["Service"], test["Event"], test["Bucket"]) == (
        "Amazon S3",
        "s3:TestEvent",
        bucket,
    )
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)


@covers("s3", "PutObject")
def test_a_record_says_what_happened(s3, bucket, account, queue, notify, put):
    target = queue()
    notify({**to(target), "Id": "mine"})
    etag = put("a b/ü+&.txt", b"12345")["ETag"].strip('"')
    (record,) = target.records()
    # AWS: "Event message structure".
    assert record["eventVersion"] == "2.1"
    assert record["eventSource"] == "aws:s3"
    assert record["awsRegion"] == "us-east-1"
    assert record["eventName"] == "ObjectCreated:Put"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["eventTime"])
    assert record["userIdentity"] == {"principalId": f"AWS:{account}"}
    assert record["requestParameters"] == {"sourceIPAddress": "127.0.0.1"}
    assert set(record["responseElements"]) == {"x-amz-request-id", "x-amz-id-2"}
    assert record["s3"]["s3SchemaVersion"] == "1.0"
    assert record["s3"]["configurationId"] == "mine"
    assert record["s3"]["bucket"]["name"] == bucket
    assert record["s3"]["bucket"]["arn"] == f"arn:aws:s3:::{bucket}"
    entry = record["s3"]["object"]
    assert entry["key"] == "a+b/%C3%BC%2B%26.txt"
    assert (entry["size"], entry["eTag"]) == (5, etag)
    assert "versionId" not in entry
    assert re.fullmatch("[0-9A-F]{18}", entry["sequencer"])


@covers("s3", "CopyObject")
@covers("s3", "CompleteMultipartUpload")
@covers("s3", "DeleteObject")
@covers("s3", "DeleteObjects")
@covers("s3", "PutObjectTagging")
def test_each_change_has_its_event(s3, versioned, queue, notify, put):
    target = queue()
    notify(to(target, "s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*"))
    version = put("a")["VersionId"]
    s3.copy_object(Bucket=versioned, Key="b", CopySource=f"{versioned}/a")
    upload = s3.create_multipart_upload(Bucket=versioned, Key="c")["UploadId"]
    part = s3.upload_part(Bucket=versioned, Key="c", UploadId=upload, PartNumber=1, Body=b"1")
    s3.complete_multipart_upload(
        Bucket=versioned,
        Key="c",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    s3.put_object_tagging(
        Bucket=versioned, Key="a", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]}
    )
    s3.delete_object_tagging(Bucket=versioned, Key="a")
    s3.delete_object(Bucket=versioned, Key="a")
    s3.delete_object(Bucket=versioned, Key="a", VersionId=version)
    s3.delete_objects(Bucket=versioned, Delete={"Objects": [{"Key": "b"}]})
    assert [record["eventName"] for record in target.records()] == [
        "ObjectCreated:Put",
        "ObjectCreated:Copy",
        "ObjectCreated:CompleteMultipartUpload",
        "ObjectTagging:Put",
        "ObjectTagging:Delete",
        "ObjectRemoved:DeleteMarkerCreated",
        "ObjectRemoved:Delete",
        "ObjectRemoved:DeleteMarkerCreated",
    ]


@covers("s3", "PutBucketNotificationConfiguration")
def test_filters_and_kinds_decide(queue, notify, put, s3, bucket):
    pictures = queue()
    removals = queue()
    notify(
        to(pictures, "s3:ObjectCreated:Put", prefix="in/", suffix=".jpg"),
        to(removals, "s3:ObjectRemoved:Delete"),
    )
    for key in ("in/a.jpg", "in/a.png", "out/a.jpg"):
        put(key)
    s3.delete_object(Bucket=bucket, Key="out/a.jpg")
    assert [r["s3"]["object"]["key"] for r in pictures.records()] == ["in/a.jpg"]
    assert [r["s3"]["object"]["key"] for r in removals.records()] == ["out/a.jpg"]


@covers("s3", "PutBucketNotificationConfiguration", error="InvalidArgument")
def test_targets_are_validated(queue, notify, bucket, account):
    text = "Unable to validate the following destination configurations"
    closed = queue(allowed=False)
    with aws_error("InvalidArgument", 400, text) as error:
        notify(to(closed))
    assert error.response["Error"]["ArgumentName"] == closed.arn
    notify(to(closed), SkipDestinationValidation=True)
    gone = queue()
    gone.arn += "x"
    with aws_error("InvalidArgument", 400, text):
        notify(to(gone))
    fifo = queue()
    fifo.arn += ".fifo"
    with aws_error("InvalidArgument", 400, text):
        notify(to(fifo))
    elsewhere = queue()
    elsewhere.arn = elsewhere.arn.replace("us-east-1", "eu-west-1")
    with aws_error("InvalidArgument", 400, match="region is not valid"):
        notify(to(elsewhere))
    broken = queue()
    broken.arn = "queue"
    with aws_error("InvalidArgument", 400, "The ARN could not be parsed"):
        notify(to(broken))


@covers("s3", "PutBucketNotificationConfiguration", error=["InvalidArgument", "MalformedXML"])
def test_configurations_are_checked(queue, notify):
    target = queue()
    with aws_error("InvalidArgument", 400, match="either prefix or suffix"):
        notify(to(target, infix="a"))
    with aws_error("MalformedXML", 400):
        notify(to(target, "s3:Whatever"))
    with aws_error("InvalidArgument", 400, match="Configurations overlap"):
        notify(to(target), to(target, "s3:ObjectCreated:Put"))
    with aws_error("InvalidArgument", 400, match="ambiguously defined"):
        notify(to(target, prefix="a"), to(target, prefix="ab"))
    notify(to(target, prefix="a"), to(target, prefix="b"))
    double = to(target, prefix="a")
    double["Filter"]["Key"]["FilterRules"] *= 2
    with aws_error("InvalidArgument", 400, match="more than one prefix rule"):
        notify(double)


@covers("s3", "PutObject")
def test_a_target_that_went_does_not_stop_the_upload(s3, bucket, queue, notify, put, get):
    target = queue()
    notify(to(target))
    target.sqs.delete_queue(QueueUrl=target.url)
    put("a", b"1")
    assert get("a") == b"1"


@covers("s3", "PutObject", error="PreconditionFailed")
def test_what_did_not_happen_is_not_told(s3, bucket, queue, notify, put):
    target = queue()
    put("a")
    notify(to(target))
    target.messages()
    with aws_error("PreconditionFailed", 412):
        put("a", IfNoneMatch="*")
    assert target.messages() == []


@covers("s3", "PostObject")
def test_form_uploads_have_their_event(s3, bucket, queue, notify, raw):
    target = queue()
    notify(to(target, "s3:ObjectCreated:Post"))
    fields = s3.generate_presigned_post(bucket, "k")["fields"]
    body = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    body += '--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n123\r\n--b--\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    assert raw("POST", f"/{bucket}", body.encode(), headers=kind, sign=False).status == 204
    (record,) = target.records()
    assert record["eventName"] == "ObjectCreated:Post"
    assert record["s3"]["object"]["size"] == 3


@covers("s3", "PutBucketNotificationConfiguration")
def test_topics_are_told(s3, client, bucket, queue, unique, put):
    target = queue()
    target.sqs.set_queue_attributes(
        QueueUrl=target.url,
        Attributes={
            "Policy": '{"Statement": [{"Effect": "Allow", "Principal": {"Service": '
            '"sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}]}'
        },
    )
    sns = client("sns")
    topic = sns.create_topic(Name=unique("topic"))["TopicArn"]
    configuration = {"TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]}

    def notify():
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration=configuration
        )

    sns.set_topic_attributes(
        TopicArn=topic,
        AttributeName="Policy",
        AttributeValue='{"Statement": [{"Effect": "Allow", "Principal": {"Service": '
        '"s3.amazonaws.com"}, "Action": "sns:Publish", "Resource": "%s"}]}' % topic,
    )
    notify()
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=target.arn)
    put("a")
    message = target.messages()[-1]
    assert message["TopicArn"] == topic
    assert message["Subject"] == "Amazon S3 Notification"
    record = json.loads(message["Message"])["Records"][0]
    assert record["s3"]["object"]["key"] == "a"


@covers("s3", "PutBucketNotificationConfiguration")
def test_event_bridge_is_told_everything(s3, client, bucket, queue, unique, put, account):
    target = queue()
    target.sqs.set_queue_attributes(
        QueueUrl=target.url,
        Attributes={
            "Policy": '{"Statement": [{"Effect": "Allow", "Principal": {"Service": '
            '"events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}]}'
        },
    )
    events = client("events")
    name = unique("rule")
    events.put_rule(Name=name, EventPattern=json.dumps({"source": ["aws.s3"]}))
    events.put_targets(Rule=name, Targets=[{"Id": "q", "Arn": target.arn}])
    put("before")
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    put("a b", b"123")
    s3.delete_object(Bucket=bucket, Key="a b")
    made, deleted = target.messages()
    assert made["detail-type"] == "Object Created"
    assert made["resources"] == [f"arn:aws:s3:::{bucket}"]
    detail = made["detail"]
    assert (detail["version"], detail["bucket"]) == ("0", {"name": bucket})
    assert (detail["object"]["key"], detail["object"]["size"]) == ("a b", 3)
    assert (detail["reason"], detail["requester"]) == ("PutObject", account)
    assert detail["source-ip-address"] == "127.0.0.1"
    assert deleted["detail-type"] == "Object Deleted"
    assert deleted["detail"]["deletion-type"] == "Permanently Deleted"
