"""Publish and PublishBatch: envelopes, signatures, raw delivery, filters, FIFO, keys."""

import hashlib
import json
import re
import uuid

import pytest
from harness import aws_error, covers

DEAD = "deadLetterTargetArn"


@covers("sns", "Publish")
def test_a_queue_gets_the_envelope_of_aws(sns, virga, new_topic, new_queue, subscribe, receive,
                                         verify):
    topic, queue = new_topic(), new_queue()
    arn = subscribe(topic, queue)
    sent = sns.publish(TopicArn=topic, Message='say "öä"\n', Subject="subject", MessageAttributes={
        "store": {"DataType": "String", "StringValue": "example"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x02\x03\x04"}})
    text = receive(queue)[0]["Body"]
    body = json.loads(text)
    assert list(body) == ["Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp",
                          "SignatureVersion", "Signature", "SigningCertURL", "UnsubscribeURL",
                          "MessageAttributes"]
    assert body["Type"] == "Notification"
    assert body["MessageId"] == sent["MessageId"]
    assert body["TopicArn"] == topic
    assert body["Message"] == 'say "öä"\n'
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["Timestamp"])
    assert re.fullmatch(re.escape(virga.endpoint) + r"/SimpleNotificationService-[0-9a-f]{32}\.pem",
                        body["SigningCertURL"])
    assert body["UnsubscribeURL"] == (
        f"{virga.endpoint}/?Action=Unsubscribe&SubscriptionArn={arn}")
    assert body["MessageAttributes"] == {
        "store": {"Type": "String", "Value": "example"},
        "bytes": {"Type": "Binary", "Value": "AgME"}}
    # The layout, as AWS writes it.
    assert text.startswith('{\n  "Type" : "Notification",\n  "MessageId" : "')
    assert text.endswith('  "MessageAttributes" : {\n    "store" : {"Type":"String","Value":"example"},'
                         '\n    "bytes" : {"Type":"Binary","Value":"AgME"}\n  }\n}')
    verify(body)


@covers("sns", "Publish")
@pytest.mark.parametrize("version", ["1", "2"])
def test_signatures_verify(sns, new_topic, new_queue, subscribe, bodies, verify, version):
    topic, queue = new_topic(SignatureVersion=version), new_queue()
    subscribe(topic, queue)
    sns.publish(TopicArn=topic, Message="m")
    sns.publish(TopicArn=topic, Message="m", Subject="s")
    for body in bodies(queue):
        assert body["SignatureVersion"] == version
        verify(body)
        with pytest.raises(Exception):
            verify({**body, "Message": "forged"})


@covers("sns", "Publish")
def test_ten_queues_get_the_same_message(sns, new_topic, new_queue, subscribe, bodies):
    topic = new_topic()
    queues = [new_queue() for _ in range(10)]
    for queue in queues:
        subscribe(topic, queue)
    sns.publish(TopicArn=topic, Message="to all")
    got = [bodies(queue) for queue in queues]
    assert all(len(found) == 1 for found in got)
    assert len({found[0]["MessageId"] for found in got}) == 1
    assert len({found[0]["Signature"] for found in got}) == 1


@covers("sns", "Publish")
def test_raw_delivery_gives_body_and_attributes(sns, new_topic, new_queue, subscribe, receive):
    topic, queue = new_topic(), new_queue()
    subscribe(topic, queue, RawMessageDelivery="true")
    sns.publish(TopicArn=topic, Message="raw", MessageAttributes={
        "n": {"DataType": "Number", "StringValue": "99.12"},
        "b": {"DataType": "Binary", "BinaryValue": b"\x02"}})
    got = receive(queue)[0]
    assert got["Body"] == "raw"
    assert got["MessageAttributes"] == {
        "n": {"DataType": "Number", "StringValue": "99.12"},
        "b": {"DataType": "Binary", "BinaryValue": b"\x02"}}


@covers("sns", "Publish")
def test_message_structure_json(sns, new_topic, new_queue, subscribe, bodies, captured):
    topic, queue = new_topic(), new_queue()
    subscribe(topic, queue)
    sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint="+15550100")
    sns.publish(TopicArn=topic, MessageStructure="json", Message=json.dumps(
        {"default": "for all", "sqs": json.dumps({"field": "value"})}))
    assert bodies(queue)[0]["Message"] == '{"field": "value"}'
    assert captured(protocol="sms")[0]["body"] == "for all"


@covers("sns", "Publish", error="InvalidParameter")
def test_messages_that_are_wrong(sns, new_topic, account):
    # OBSERVED (2023-08): texts.
    topic = new_topic()
    cases = [
        ({"Message": ""}, "Invalid parameter: Empty message"),
        ({"Message": "x", "Subject": ""}, "Invalid parameter: Subject"),
        ({"Message": "x", "Subject": "a\nb"}, "Invalid parameter: Subject"),
        ({"Message": "x" * 262145}, "Invalid parameter: Message too long"),
        ({"Message": "{}", "MessageStructure": "json"},
         "Invalid parameter: Message Structure - No default entry in JSON message body"),
        ({"Message": '{"default":{}}', "MessageStructure": "json"},
         "Invalid parameter: Message Structure - No default entry in JSON message body"),
        ({"Message": "{", "MessageStructure": "json"},
         "Invalid parameter: Message Structure - JSON message body failed to parse"),
        ({"Message": "x", "MessageDeduplicationId": "d"},
         "Invalid parameter: MessageDeduplicationId Reason: The request includes "
         "MessageDeduplicationId parameter that is not valid for this topic type"),
    ]
    for given, text in cases:
        with aws_error("InvalidParameter", http_status=400, message=text):
            sns.publish(TopicArn=topic, **given)
    with aws_error("InvalidParameter",
                   message="Invalid parameter: TopicArn or TargetArn Reason: no value for required "
                           "parameter"):
        sns.publish(Message="x")
    with aws_error("InvalidParameter", match="TargetArn Reason: No endpoint found"):
        sns.publish(Message="x", TargetArn=f"arn:aws:sns:us-east-1:{account}:endpoint/GCM/a/b")
    with aws_error("InvalidParameter",
                   message="Invalid parameter: TopicArn Reason: An ARN must have at least 6 "
                           "elements, not 2"):
        sns.publish(Message="x", TopicArn="a:b")
    with aws_error("InvalidParameter",
                   message="Invalid parameter: PhoneNumber Reason: +1a234 is not valid to publish "
                           "to"):
        sns.publish(Message="x", PhoneNumber="+1a234")


@covers("sns", "Publish", error="NotFound")
@covers("sns", "PublishBatch", error="NotFound")
def test_a_topic_that_is_not_there(sns, account):
    missing = f"arn:aws:sns:us-east-1:{account}:none"
    with aws_error("NotFound", http_status=404, message="Topic does not exist"):
        sns.publish(TopicArn=missing, Message="x")
    with aws_error("NotFound"):
        sns.publish_batch(TopicArn=missing, PublishBatchRequestEntries=[{"Id": "1", "Message": "x"}])


@covers("sns", "Publish", error="ParameterValueInvalid")
@pytest.mark.parametrize(("name", "value", "text"), [
    ("attr1", {"DataType": "String", "StringValue": ""},
     "The message attribute 'attr1' must contain non-empty message attribute value for message "
     "attribute type 'String'."),
    ("attr1", {"DataType": "Binary", "BinaryValue": b""},
     "The message attribute 'attr1' must contain non-empty message attribute value for message "
     "attribute type 'Binary'."),
    ("attr1", {"DataType": "String", "BinaryValue": b"x"},
     "The message attribute 'attr1' with type 'String' must use field 'String'."),
    ("attr1", {"DataType": "Number", "BinaryValue": b"x"},
     "The message attribute 'attr1' with type 'Number' must use field 'String'."),
    ("attr1", {"DataType": "Binary", "StringValue": "x"},
     "The message attribute 'attr1' with type 'Binary' must use field 'Binary'."),
    ("attr1", {"DataType": "InvalidType", "StringValue": "x"},
     "The message attribute 'attr1' has an invalid message attribute type, the set of supported "
     "type prefixes is Binary, Number, and String."),
    ("attr1", {"DataType": "Stringprefixed", "StringValue": "x"},
     "The message attribute 'attr1' has an invalid message attribute type, the set of supported "
     "type prefixes is Binary, Number, and String."),
    ("a" * 256, {"DataType": "String", "StringValue": "x"},
     "Length of message attribute name must be less than 256 bytes."),
    ("a^b", {"DataType": "String", "StringValue": "x"},
     "Invalid non-alphanumeric character '#x5E' was found in the message attribute name. Can only "
     "include alphanumeric characters, hyphens, underscores, or dots."),
    (".a", {"DataType": "String", "StringValue": "x"},
     "Invalid message attribute name starting with character '.' was found."),
    ("a.", {"DataType": "String", "StringValue": "x"},
     "Invalid message attribute name ending with character '.' was found."),
    ("a..b", {"DataType": "String", "StringValue": "x"},
     "Message attribute name can not have successive '.' character."),
])
def test_attributes_that_are_wrong(sns, new_topic, name, value, text):
    # OBSERVED (2024-11): codes and texts.
    topic = new_topic()
    with aws_error("ParameterValueInvalid", http_status=400, message=text):
        sns.publish(TopicArn=topic, Message="x", MessageAttributes={name: value})
    with aws_error("ParameterValueInvalid", message=text):
        sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[
            {"Id": "1", "Message": "x", "MessageAttributes": {name: value}}])


@covers("sns", "Publish")
def test_filters_on_attributes(sns, new_topic, new_queue, subscribe, bodies):
    topic, queue, every = new_topic(), new_queue(), new_queue()
    subscribe(topic, every)
    subscribe(topic, queue, FilterPolicy=json.dumps({
        "store": ["a", {"prefix": "b-"}], "price": [{"numeric": [">", 0, "<=", 100]}]}))
    for store, price in [("a", "99"), ("b-1", "1"), ("c", "50"), ("a", "0"), ("a", "101")]:
        sns.publish(TopicArn=topic, Message=f"{store} {price}", MessageAttributes={
            "store": {"DataType": "String", "StringValue": store},
            "price": {"DataType": "Number", "StringValue": price}})
    sns.publish(TopicArn=topic, Message="no attributes")
    assert [body["Message"] for body in bodies(queue)] == ["a 99", "b-1 1"]
    assert len(bodies(every)) == 6


@covers("sns", "Publish")
def test_filters_on_the_body(sns, new_topic, new_queue, subscribe, receive):
    topic, queue = new_topic(), new_queue()
    subscribe(topic, queue, RawMessageDelivery="true", FilterPolicyScope="MessageBody",
              FilterPolicy=json.dumps({"object": {"key": [{"prefix": "auto-"}, "hardcoded"]},
                                       "$or": [{"a": [1]}, {"b": [{"exists": False}]}]}))
    messages = [
        {"object": {"key": "auto-1"}, "a": 1}, {"object": {"key": "hardcoded"}},
        {"object": {"key": "other"}, "a": 1}, {"object": {"key": "auto-1"}, "b": 2}]
    for message in messages:
        sns.publish(TopicArn=topic, Message=json.dumps(message))
    sns.publish(TopicArn=topic, Message="no json")
    assert [json.loads(m["Body"]) for m in receive(queue)] == messages[:2]


@covers("sns", "Publish")
def test_what_a_queue_refuses_goes_to_the_dead_letter_queue(sns, new_topic, new_queue, subscribe,
                                                           bodies, sqs):
    topic, gone, dead = new_topic(), new_queue(), new_queue()
    closed = new_queue(is_open=False)
    for target in (gone, closed):
        subscribe(topic, target, RedrivePolicy=json.dumps({DEAD: dead.arn}))
    sqs.delete_queue(QueueUrl=gone.url)
    sns.publish(TopicArn=topic, Message="m", MessageAttributes={
        "a": {"DataType": "Number", "StringValue": "111"}})
    found = bodies(dead)
    assert [body["Message"] for body in found] == ["m", "m"]
    assert found[0]["MessageAttributes"] == {"a": {"Type": "Number", "Value": "111"}}
    assert sqs.get_queue_attributes(
        QueueUrl=closed.url, AttributeNames=["ApproximateNumberOfMessages"]
    )["Attributes"]["ApproximateNumberOfMessages"] == "0"


@covers("sns", "Publish")
def test_a_fifo_topic(sns, new_topic, new_queue, subscribe, receive):
    topic, queue, plain = new_topic(fifo=True), new_queue(fifo=True), new_queue()
    subscribe(topic, queue)
    subscribe(topic, plain)
    sent = [sns.publish(TopicArn=topic, Message=f"m{i}", MessageGroupId="g",
                        MessageDeduplicationId=f"d{i}") for i in range(3)]
    again = sns.publish(TopicArn=topic, Message="other", MessageGroupId="g",
                        MessageDeduplicationId="d1")
    assert again["MessageId"] == sent[1]["MessageId"]
    assert again["SequenceNumber"] == sent[1]["SequenceNumber"]
    assert sorted(s["SequenceNumber"] for s in sent) == [s["SequenceNumber"] for s in sent]
    assert all(len(s["SequenceNumber"]) == 20 for s in sent)
    got = receive(queue)
    bodies = [json.loads(message["Body"]) for message in got]
    assert [body["Message"] for body in bodies] == ["m0", "m1", "m2"]
    # OBSERVED (2023-08): no signature, and the number behind the id.
    assert list(bodies[0]) == ["Type", "MessageId", "SequenceNumber", "TopicArn", "Message",
                               "Timestamp", "UnsubscribeURL"]
    assert got[0]["Attributes"]["MessageGroupId"] == "g"
    assert got[0]["Attributes"]["MessageDeduplicationId"] == "d0"
    # OBSERVED (2025-08): a standard queue gets no group.
    other = receive(plain)
    assert len(other) == 3 and "MessageGroupId" not in other[0]["Attributes"]


@covers("sns", "Publish")
def test_deduplication_by_content_lasts_five_minutes(sns, new_topic, new_queue, subscribe, receive,
                                                    clock):
    topic, queue = new_topic(fifo=True, ContentBasedDeduplication="true"), new_queue(fifo=True)
    subscribe(topic, queue, RawMessageDelivery="true")
    for _ in range(2):
        sns.publish(TopicArn=topic, Message="Test", MessageGroupId="g")
    got = receive(queue)
    assert [m["Body"] for m in got] == ["Test"]
    assert got[0]["Attributes"]["MessageDeduplicationId"] == hashlib.sha256(b"Test").hexdigest()
    clock.advance("301s")
    sns.publish(TopicArn=topic, Message="Test", MessageGroupId="g")
    assert len(receive(queue)) == 1


@covers("sns", "Publish", error="InvalidParameter")
def test_what_fifo_topics_need(sns, new_topic):
    topic = new_topic(fifo=True)
    with aws_error("InvalidParameter",
                   message="Invalid parameter: The MessageGroupId parameter is required for FIFO "
                           "topics"):
        sns.publish(TopicArn=topic, Message="x")
    with aws_error("InvalidParameter",
                   message="Invalid parameter: The topic should either have "
                           "ContentBasedDeduplication enabled or MessageDeduplicationId provided "
                           "explicitly"):
        sns.publish(TopicArn=topic, Message="x", MessageGroupId="g")


@covers("sns", "Publish")
def test_groups_of_standard_topics_go_on(sns, new_topic, new_queue, subscribe, receive):
    topic, queue = new_topic(), new_queue()
    subscribe(topic, queue)
    sns.publish(TopicArn=topic, Message="x", MessageGroupId="my-group")
    assert receive(queue)[0]["Attributes"]["MessageGroupId"] == "my-group"


@covers("sns", "PublishBatch")
def test_a_batch(sns, new_topic, new_queue, subscribe, bodies):
    topic, queue = new_topic(), new_queue()
    subscribe(topic, queue)
    answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[
        {"Id": "1", "Message": "one", "Subject": "s"}, {"Id": "2", "Message": ""},
        {"Id": "3", "Message": "three"}])
    assert [entry["Id"] for entry in answer["Successful"]] == ["1", "3"]
    assert answer["Failed"] == [{"Id": "2", "Code": "InvalidParameter", "SenderFault": True,
                                 "Message": "Invalid parameter: Empty message"}]
    found = bodies(queue)
    assert sorted(body["Message"] for body in found) == ["one", "three"]
    assert {b["MessageId"] for b in found} == {e["MessageId"] for e in answer["Successful"]}


@covers("sns", "PublishBatch", error="EmptyBatchRequest")
@covers("sns", "PublishBatch", error="TooManyEntriesInBatchRequest")
@covers("sns", "PublishBatch", error="BatchEntryIdsNotDistinct")
@covers("sns", "PublishBatch", error="BatchRequestTooLong")
@covers("sns", "PublishBatch", error="InvalidBatchEntryId")
@covers("sns", "PublishBatch", error="InvalidParameter")
def test_batches_that_are_wrong(sns, new_topic):
    topic = new_topic()

    def send(*entries, to=topic):
        sns.publish_batch(TopicArn=to, PublishBatchRequestEntries=list(entries))

    with aws_error("EmptyBatchRequest"):
        send()
    with aws_error("TooManyEntriesInBatchRequest",
                   message="The batch request contains more entries than permissible."):
        send(*({"Id": str(i), "Message": "x"} for i in range(11)))
    with aws_error("BatchEntryIdsNotDistinct",
                   message="Two or more batch entries in the request have the same Id."):
        send({"Id": "1", "Message": "x"}, {"Id": "1", "Message": "y"})
    with aws_error("InvalidBatchEntryId"):
        send({"Id": "a b", "Message": "x"})
    with aws_error("BatchRequestTooLong",
                   message="The length of all the messages put together is more than the limit."):
        send(*({"Id": str(i), "Message": "x" * 140000} for i in range(2)))
    with aws_error("InvalidParameter", match="MessageGroupId parameter is required"):
        send({"Id": "1", "Message": "x"}, to=new_topic(fifo=True))


@covers("sns", "Publish", error="KMSNotFound")
@covers("sns", "Publish", error="KMSDisabled")
@covers("sns", "Publish", error="KMSInvalidState")
@covers("sns", "Publish", error="KMSAccessDenied")
def test_an_encrypted_topic_needs_its_key(sns, client, new_topic):
    kms = client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    topic = new_topic(KmsMasterKeyId=key)
    sns.publish(TopicArn=topic, Message="x")
    sns.publish(TopicArn=new_topic(KmsMasterKeyId="alias/aws/sns"), Message="x")
    iam = client("iam")
    iam.create_user(UserName="u")
    keys = iam.create_access_key(UserName="u")["AccessKey"]
    user = client("sns", credentials={"AccessKeyId": keys["AccessKeyId"],
                                      "SecretAccessKey": keys["SecretAccessKey"]})
    with aws_error("KMSAccessDenied", http_status=400):
        user.publish(TopicArn=topic, Message="x")
    kms.disable_key(KeyId=key)
    with aws_error("KMSDisabled", http_status=400):
        sns.publish(TopicArn=topic, Message="x")
    kms.schedule_key_deletion(KeyId=key)
    with aws_error("KMSInvalidState", http_status=400):
        sns.publish(TopicArn=topic, Message="x")
    with aws_error("KMSNotFound", http_status=400):
        sns.publish(TopicArn=new_topic(KmsMasterKeyId=str(uuid.uuid4())), Message="x")


def test_the_cli_speaks_it(aws, new_topic, new_queue, subscribe, bodies):
    topic, queue = new_topic(), new_queue()
    subscribe(topic, queue)
    answer = aws("sns", "publish", "--topic-arn", topic, "--message", "from the cli",
                 "--message-attributes", '{"a":{"DataType":"String","StringValue":"b"}}').json
    body = bodies(queue)[0]
    assert body["MessageId"] == answer["MessageId"]
    assert body["MessageAttributes"] == {"a": {"Type": "String", "Value": "b"}}
