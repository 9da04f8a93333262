"""The query protocol, as SDKs spoke it until 2023 and as the documentation's examples do."""

import hashlib

from harness import covers

NAMESPACE = "{http://queue.amazonaws.com/doc/2012-11-05/}"


def test_a_message_goes_through(query, unique):
    made = query("CreateQueue", QueueName=unique(), **{
        "Attribute.1.Name": "DelaySeconds",
        "Attribute.1.Value": "0",
        "Tag.1.Key": "team",
        "Tag.1.Value": "blue",
    })
    assert made.status == 200
    assert made.root.tag == NAMESPACE + "CreateQueueResponse"
    assert [child.tag for child in made.root] == [
        NAMESPACE + "CreateQueueResult",
        NAMESPACE + "ResponseMetadata",
    ]
    assert made.text("RequestId")
    url = made.text("QueueUrl")
    assert query("ListQueueTags", QueueUrl=url).text("Value") == "blue"

    sent = query("SendMessage", QueueUrl=url, MessageBody="<a&b>", **{
        "MessageAttribute.1.Name": "n",
        "MessageAttribute.1.Value.DataType": "Number",
        "MessageAttribute.1.Value.StringValue": "1",
        "MessageAttribute.2.Name": "b",
        "MessageAttribute.2.Value.DataType": "Binary",
        "MessageAttribute.2.Value.BinaryValue": "AP8=",
    })
    assert sent.text("MD5OfMessageBody") == hashlib.md5(b"<a&b>").hexdigest()

    got = query("ReceiveMessage", QueueUrl=url, **{
        "AttributeName.1": "All",
        "MessageAttributeName.1": "All",
    })
    assert got.text("Body") == "<a&b>"
    assert got.text("MD5OfMessageAttributes") == sent.text("MD5OfMessageAttributes")
    (message,) = got.root.iter(NAMESPACE + "Message")
    attributes = {
        element.find(NAMESPACE + "Name").text: element.find(NAMESPACE + "Value").text
        for element in message.findall(NAMESPACE + "Attribute")
    }
    assert attributes["ApproximateReceiveCount"] == "1"
    data_type = f"{NAMESPACE}Value/{NAMESPACE}DataType"
    kinds = {
        element.find(NAMESPACE + "Name").text: element.find(data_type).text
        for element in message.findall(NAMESPACE + "MessageAttribute")
    }
    assert kinds == {"n": "Number", "b": "Binary"}

    deleted = query("DeleteMessage", QueueUrl=url, ReceiptHandle=got.text("ReceiptHandle"))
    assert deleted.status == 200
    assert [child.tag for child in deleted.root] == [NAMESPACE + "ResponseMetadata"]


def test_lists_are_flat(query, unique):
    names = [unique("flat") for _ in range(3)]
    urls = {query("CreateQueue", QueueName=name).text("QueueUrl") for name in names}
    listed = query("ListQueues", QueueNamePrefix="flat")
    (result,) = [child for child in listed.root if child.tag.endswith("Result")]
    assert {child.text for child in result} == urls
    assert {child.tag for child in result} == {NAMESPACE + "QueueUrl"}


def test_a_batch(query, unique):
    url = query("CreateQueue", QueueName=unique()).text("QueueUrl")
    entry = "SendMessageBatchRequestEntry"
    answer = query("SendMessageBatch", QueueUrl=url, **{
        f"{entry}.1.Id": "a",
        f"{entry}.1.MessageBody": "x",
        f"{entry}.2.Id": "b",
        f"{entry}.2.MessageBody": "y",
        f"{entry}.2.DelaySeconds": "901",
    })
    (good,) = answer.root.iter(NAMESPACE + "SendMessageBatchResultEntry")
    (bad,) = answer.root.iter(NAMESPACE + "BatchResultErrorEntry")
    assert good.find(NAMESPACE + "Id").text == "a"
    assert bad.find(NAMESPACE + "Id").text == "b"
    assert bad.find(NAMESPACE + "Code").text == "InvalidParameterValue"
    assert bad.find(NAMESPACE + "SenderFault").text == "true"


@covers("sqs", "GetQueueUrl", error="QueueDoesNotExist")
def test_an_error_has_the_old_code_and_text(query):
    # Recorded 2023-11-14.
    answer = query("GetQueueUrl", QueueName="nowhere")
    assert answer.status == 400
    assert answer.root.tag == NAMESPACE + "ErrorResponse"
    assert answer.text("Type") == "Sender"
    assert answer.text("Code") == "AWS.SimpleQueueService.NonExistentQueue"
    assert answer.text("Message") == "The specified queue does not exist for this wsdl version."


def test_errors_of_no_model(query, unique):
    # Recorded 2023-11-14.
    url = query("CreateQueue", QueueName=unique() + ".fifo", **{
        "Attribute.1.Name": "FifoQueue",
        "Attribute.1.Value": "true",
    }).text("QueueUrl")
    missing = query("SendMessage", QueueUrl=url, MessageBody="x", MessageDeduplicationId="d")
    assert (missing.status, missing.text("Code")) == (400, "MissingParameter")
    assert missing.text("Message") == "The request must contain the parameter MessageGroupId."
    invalid = query("SendMessage", QueueUrl=url, MessageBody="x", MessageGroupId="g")
    assert (invalid.status, invalid.text("Code")) == (400, "InvalidParameterValue")


def test_the_path_may_be_that_of_the_queue(query, account, unique):
    # AWS: "Making Query API requests": POST to the queue's own URL.
    name = unique()
    url = query("CreateQueue", QueueName=name).text("QueueUrl")
    sent = query("SendMessage", path=f"/{account}/{name}", QueueUrl=url, MessageBody="x")
    assert sent.status == 200
