"""Subscriptions: protocols, confirmation over real HTTP, attributes, lists."""

import json
import re
import urllib.request
import uuid

import pytest
from harness import aws_error, covers, until


def attributes(sns, arn):
    return sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]


@covers("sns", "Subscribe")
@covers("sns", "GetSubscriptionAttributes")
def test_a_queue_of_the_account_is_confirmed_at_once(sns, new_topic, new_queue, subscribe, account):
    topic, queue = new_topic(), new_queue()
    arn = subscribe(topic, queue)
    assert re.fullmatch(re.escape(topic) + ":[0-9a-f-]{36}", arn)
    assert attributes(sns, arn) == {
        "ConfirmationWasAuthenticated": "true", "Endpoint": queue.arn, "Owner": account,
        "PendingConfirmation": "false", "Protocol": "sqs", "RawMessageDelivery": "false",
        "SubscriptionArn": arn, "SubscriptionPrincipal": f"arn:aws:iam::{account}:root",
        "TopicArn": topic}
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["SubscriptionsConfirmed"] == "1"


@covers("sns", "Subscribe")
@covers("sns", "Subscribe", error="InvalidParameter")
def test_subscribing_again_gives_the_same(sns, new_topic, new_queue, subscribe):
    topic, queue = new_topic(), new_queue()
    arn = subscribe(topic, queue, RawMessageDelivery="true")
    assert subscribe(topic, queue) == arn
    assert subscribe(topic, queue, RawMessageDelivery="true") == arn
    with aws_error("InvalidParameter",
                   message="Invalid parameter: Attributes Reason: Subscription already exists with "
                           "different attributes"):
        subscribe(topic, queue, RawMessageDelivery="false")


@covers("sns", "Subscribe", error="InvalidParameter")
@pytest.mark.parametrize(("protocol", "endpoint", "text"), [
    ("test-protocol", "x",
     "Invalid parameter: Amazon SNS does not support this protocol string: test-protocol"),
    ("sqs", "http://127.0.0.1/1/q", "Invalid parameter: SQS endpoint ARN"),
    ("sqs", "arn:aws:sqs:us-east-1:123456789012:q.fifo",
     "Invalid parameter: Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed "
     "to standard SNS topics"),
    ("http", "https://example.com", "Invalid parameter: Endpoint must match the specified protocol"),
    ("email", "nobody", "Invalid parameter: Email address"),
    ("sms", "NAA+15551234567", "Invalid SMS endpoint: NAA+15551234567"),
    ("lambda", "x", "Invalid parameter: Lambda endpoint ARN"),
])
def test_endpoints_that_are_wrong(sns, new_topic, protocol, endpoint, text):
    with aws_error("InvalidParameter", http_status=400, message=text):
        sns.subscribe(TopicArn=new_topic(), Protocol=protocol, Endpoint=endpoint)


@covers("sns", "Subscribe", error="NotImplemented")
def test_firehose_is_refused_by_name(sns, new_topic, account):
    with aws_error("NotImplemented", http_status=501, match="firehose"):
        sns.subscribe(TopicArn=new_topic(), Protocol="firehose",
                      Endpoint=f"arn:aws:firehose:us-east-1:{account}:deliverystream/s")
    with aws_error("NotImplemented", http_status=501, match="ReplayPolicy"):
        sns.subscribe(TopicArn=new_topic(), Protocol="sms", Endpoint="+15550100",
                      Attributes={"ReplayPolicy": "{}"})


@covers("sns", "Subscribe", error="NotFound")
def test_a_topic_that_is_not_there(sns, account):
    with aws_error("NotFound", http_status=404, message="Topic does not exist"):
        sns.subscribe(TopicArn=f"arn:aws:sns:us-east-1:{account}:none", Protocol="sms",
                      Endpoint="+15550100")


@covers("sns", "Subscribe", error="AuthorizationError")
def test_others_need_the_topics_permission(client, new_topic, account):
    theirs = client("sns", account=str(int(account) ^ 1))
    with aws_error("AuthorizationError", http_status=403, match="SNS:Subscribe on resource"):
        theirs.subscribe(TopicArn=new_topic(), Protocol="sms", Endpoint="+15550100")


@covers("sns", "SetSubscriptionAttributes")
def test_attributes_are_kept(sns, new_topic, new_queue, subscribe):
    arn = subscribe(new_topic(), new_queue())
    given = {
        "RawMessageDelivery": "true",
        "FilterPolicy": json.dumps({"a": ["b"]}),
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": new_queue().arn}),
    }
    for name, value in given.items():
        sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName=name, AttributeValue=value)
    found = attributes(sns, arn)
    assert given.items() <= found.items()
    assert found["FilterPolicyScope"] == "MessageAttributes"
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="FilterPolicy",
                                    AttributeValue="{}")
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="RedrivePolicy",
                                    AttributeValue="{}")
    found = attributes(sns, arn)
    assert "FilterPolicy" not in found and "RedrivePolicy" not in found
    assert "FilterPolicyScope" not in found


@covers("sns", "SetSubscriptionAttributes", error="InvalidParameter")
@pytest.mark.parametrize(("name", "value", "text"), [
    ("Nonsense", "x", "Invalid parameter: AttributeName"),
    ("RawMessageDelivery", "test-ValUe",
     "Invalid parameter: RawMessageDelivery: Invalid value [test-ValUe]. Must be true or false."),
    ("RedrivePolicy", '{"deadLetterTargetArn":"fake"}',
     "Invalid parameter: RedrivePolicy: deadLetterTargetArn is an invalid arn"),
    ("FilterPolicyScope", "RandomValue",
     "Invalid parameter: FilterPolicyScope: Invalid value [RandomValue]. Please use either "
     "MessageBody or MessageAttributes"),
    ("FilterPolicy", '{"a":{"b":["c"]}}',
     "Invalid parameter: Filter policy scope MessageAttributes does not support nested filter "
     "policy"),
    ("FilterPolicy", json.dumps({k: ["x"] for k in "abcdef"}),
     "Invalid parameter: FilterPolicy: Filter policy can not have more than 5 keys"),
    ("FilterPolicy", '{"key_a":"value_one"}',
     'Invalid parameter: FilterPolicy: "key_a" must be an object or an array\n at [Source: REDACTED '
     "(`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 11]"),
])
def test_attributes_that_are_wrong(sns, new_topic, new_queue, subscribe, name, value, text):
    # OBSERVED (2024-05, 2025-10): texts.
    arn = subscribe(new_topic(), new_queue())
    with aws_error("InvalidParameter", message=text):
        sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName=name,
                                        AttributeValue=value)


@covers("sns", "Subscribe", error="InvalidParameter")
def test_wrong_attributes_of_subscribe_have_a_prefix(new_topic, new_queue, subscribe):
    with aws_error("InvalidParameter",
                   message="Invalid parameter: Attributes Reason: FilterPolicy: Filter policy is "
                           "too complex"):
        subscribe(new_topic(), new_queue(), FilterPolicy=json.dumps({"a": list(range(151))}))
    with aws_error("InvalidParameter",
                   message="Invalid parameter: Attributes Reason: RawMessageDelivery: Invalid value "
                           "[wrongvalue]. Must be true or false."):
        subscribe(new_topic(), new_queue(), RawMessageDelivery="wrongvalue")
    fifo = new_queue(fifo=True)
    with aws_error("InvalidParameter", match="must use a FIFO queue as DLQ"):
        subscribe(new_topic(fifo=True), fifo,
                  RedrivePolicy=json.dumps({"deadLetterTargetArn": new_queue().arn}))


@covers("sns", "GetSubscriptionAttributes", error="NotFound")
@covers("sns", "GetSubscriptionAttributes", error="InvalidParameter")
@covers("sns", "SetSubscriptionAttributes", error="NotFound")
@covers("sns", "GetSubscriptionAttributes", error="AuthorizationError")
def test_subscriptions_that_are_not_there(sns, client, new_topic, new_queue, subscribe, account):
    topic = new_topic()
    missing = f"{topic}:{uuid.uuid4()}"
    with aws_error("NotFound", http_status=404, message="Subscription does not exist"):
        attributes(sns, missing)
    with aws_error("NotFound"):
        sns.set_subscription_attributes(SubscriptionArn=missing, AttributeName="FilterPolicy",
                                        AttributeValue="{}")
    with aws_error("InvalidParameter", message="Invalid parameter: SubscriptionId"):
        attributes(sns, f"{topic}:fake")
    with aws_error("InvalidParameter",
                   message="Invalid parameter: SubscriptionArn Reason: An ARN must have at least 6 "
                           "elements, not 1"):
        attributes(sns, "pending confirmation")
    with aws_error("AuthorizationError", http_status=403):
        attributes(client("sns", account=str(int(account) ^ 1)), subscribe(topic, new_queue()))


@covers("sns", "Unsubscribe")
@covers("sns", "Unsubscribe", error="InvalidParameter")
@covers("sns", "Unsubscribe", error="AuthorizationError")
def test_who_unsubscribed_gets_nothing(sns, client, new_topic, new_queue, subscribe, receive, account):
    topic, queue = new_topic(), new_queue()
    arn = subscribe(topic, queue)
    with aws_error("AuthorizationError"):
        client("sns", account=str(int(account) ^ 1)).unsubscribe(SubscriptionArn=arn)
    sns.unsubscribe(SubscriptionArn=arn)
    sns.unsubscribe(SubscriptionArn=arn)  # OBSERVED (2025-10): no error
    sns.publish(TopicArn=topic, Message="x")
    assert receive(queue) == []
    with aws_error("InvalidParameter", match="An ARN must have at least 6 elements"):
        sns.unsubscribe(SubscriptionArn="x")


@covers("sns", "ListSubscriptions")
@covers("sns", "ListSubscriptionsByTopic")
@covers("sns", "ListSubscriptions", error="InvalidParameter")
@covers("sns", "ListSubscriptionsByTopic", error="NotFound")
def test_subscriptions_are_listed_in_pages_of_a_hundred(sns, new_topic, account):
    topic, other = new_topic(), new_topic()
    for i in range(103):
        sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint=f"+15550{i:04}")
    sns.subscribe(TopicArn=other, Protocol="email", Endpoint="a@example.com")
    for list_them, total in [(lambda **more: sns.list_subscriptions_by_topic(TopicArn=topic, **more),
                              103), (sns.list_subscriptions, 104)]:
        first = list_them()
        assert len(first["Subscriptions"]) == 100
        second = list_them(NextToken=first["NextToken"])
        assert "NextToken" not in second
        found = first["Subscriptions"] + second["Subscriptions"]
        assert len({s["Endpoint"] for s in found}) == total
    assert sns.list_subscriptions_by_topic(TopicArn=other)["Subscriptions"] == [
        {"SubscriptionArn": "PendingConfirmation", "Owner": account, "Protocol": "email",
         "Endpoint": "a@example.com", "TopicArn": other}]
    with aws_error("InvalidParameter"):
        sns.list_subscriptions(NextToken="?")
    with aws_error("NotFound"):
        sns.list_subscriptions_by_topic(TopicArn=topic + "x")


@covers("sns", "ConfirmSubscription")
def test_an_http_endpoint_confirms_and_gets_messages(sns, new_topic, endpoint, verify):
    # OBSERVED (2025-01): bodies and headers.
    topic = new_topic()
    answer = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
    assert answer["SubscriptionArn"] == "pending confirmation"
    asked = endpoint.next()
    body = json.loads(asked.body)
    assert asked.headers["x-amz-sns-message-type"] == "SubscriptionConfirmation"
    assert asked.headers["x-amz-sns-topic-arn"] == topic
    assert asked.headers["x-amz-sns-message-id"] == body["MessageId"]
    assert asked.headers["Content-Type"] == "text/plain; charset=UTF-8"
    assert asked.headers["User-Agent"] == "Amazon Simple Notification Service Agent"
    assert list(body) == ["Type", "MessageId", "Token", "TopicArn", "Message", "SubscribeURL",
                          "Timestamp", "SignatureVersion", "Signature", "SigningCertURL"]
    assert body["Message"] == (
        f"You have chosen to subscribe to the topic {topic}.\nTo confirm the subscription, visit "
        "the SubscribeURL included in this message.")
    verify(body)
    sns.publish(TopicArn=topic, Message="too early")
    arn = sns.confirm_subscription(TopicArn=topic, Token=body["Token"])["SubscriptionArn"]
    assert sns.confirm_subscription(TopicArn=topic, Token=body["Token"])["SubscriptionArn"] == arn
    assert attributes(sns, arn)["ConfirmationWasAuthenticated"] == "true"
    sns.publish(TopicArn=topic, Message="hello", Subject="s")
    got = endpoint.next()
    message = json.loads(got.body)
    assert got.headers["x-amz-sns-message-type"] == "Notification"
    assert got.headers["x-amz-sns-subscription-arn"] == arn
    assert message["Message"] == "hello"
    verify(message)
    assert endpoint.is_quiet()


@covers("sns", "ConfirmSubscription")
@covers("sns", "Unsubscribe")
def test_links_work_without_a_signature(sns, new_topic, endpoint):
    topic = new_topic()
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
    asked = json.loads(endpoint.next().body)
    with urllib.request.urlopen(asked["SubscribeURL"]) as answer:
        text = answer.read().decode()
    arn = re.search("<SubscriptionArn>(.*)</SubscriptionArn>", text).group(1)
    assert attributes(sns, arn)["ConfirmationWasAuthenticated"] == "false"
    sns.publish(TopicArn=topic, Message="x")
    link = json.loads(endpoint.next().body)["UnsubscribeURL"]
    with urllib.request.urlopen(link) as answer:
        assert answer.status == 200
    told = endpoint.next()
    body = json.loads(told.body)
    assert told.headers["x-amz-sns-message-type"] == "UnsubscribeConfirmation"
    assert body["Message"] == (
        f"You have chosen to deactivate subscription {arn}.\nTo cancel this operation and restore "
        "the subscription, visit the SubscribeURL included in this message.")
    sns.publish(TopicArn=topic, Message="nobody hears")
    # and back
    urllib.request.urlopen(body["SubscribeURL"]).close()
    sns.publish(TopicArn=topic, Message="back")
    assert json.loads(endpoint.next().body)["Message"] == "back"


@covers("sns", "Unsubscribe", error="AuthorizationError")
def test_unsubscribing_may_need_a_signature(sns, new_topic, endpoint):
    topic = new_topic()
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
    token = json.loads(endpoint.next().body)["Token"]
    sns.confirm_subscription(TopicArn=topic, Token=token, AuthenticateOnUnsubscribe="true")
    sns.publish(TopicArn=topic, Message="x")
    link = json.loads(endpoint.next().body)["UnsubscribeURL"]
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(link)
    assert error.value.code == 403


@covers("sns", "ConfirmSubscription", error="InvalidParameter")
def test_tokens_that_are_wrong(sns, new_topic, account):
    # OBSERVED (2025-10): texts.
    with aws_error("InvalidParameter", message="Invalid parameter: Token"):
        sns.confirm_subscription(TopicArn=new_topic(), Token="randomtoken")
    with aws_error("InvalidParameter", message="Invalid token"):
        sns.confirm_subscription(TopicArn=new_topic(), Token="ab" * 144)
    with aws_error("InvalidParameter", message="Invalid parameter: Token"):
        sns.confirm_subscription(TopicArn=f"arn:aws:sns:us-east-1:{account}:none",
                                 Token="ab" * 144)


def test_a_queue_of_another_account_is_asked(sns, client, sqs, new_topic, account):
    topic = new_topic()
    other = str(int(account) ^ 1)
    theirs = client("sqs", account=other)
    url = theirs.create_queue(QueueName="q")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{other}:q"
    theirs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({
        "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage", "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}}}]})})
    answer = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    assert answer["SubscriptionArn"] == "pending confirmation"
    asked = json.loads(theirs.receive_message(QueueUrl=url)["Messages"][0]["Body"])
    assert asked["Type"] == "SubscriptionConfirmation"
    sns.confirm_subscription(TopicArn=topic, Token=asked["Token"])
    sns.publish(TopicArn=topic, Message="across")
    got = theirs.receive_message(QueueUrl=url)["Messages"][0]["Body"]
    assert json.loads(got)["Message"] == "across"


def test_pending_subscriptions_go_after_two_days(sns, new_topic, clock, captured):
    topic = new_topic()
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@example.com")
    clock.advance("47h")
    assert len(sns.list_subscriptions()["Subscriptions"]) == 1
    clock.advance("90m")
    until(lambda: not sns.list_subscriptions()["Subscriptions"])
    token = re.search("Token=([0-9a-f]+)", captured()[0]["body"]).group(1)
    with aws_error("InvalidParameter", message="Invalid token"):
        sns.confirm_subscription(TopicArn=topic, Token=token)


def test_http_is_tried_again_and_then_the_dead_letter_queue(sns, new_topic, new_queue, endpoint,
                                                           clock, bodies):
    topic, dead = new_topic(), new_queue()
    arn = sns.subscribe(
        TopicArn=topic, Protocol="http", Endpoint=endpoint.url, ReturnSubscriptionArn=True,
        Attributes={
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead.arn}),
            "DeliveryPolicy": json.dumps({
                "healthyRetryPolicy": {"numRetries": 2, "minDelayTarget": 30, "maxDelayTarget": 60},
                "requestPolicy": {"headerContentType": "application/json"}}),
        })["SubscriptionArn"]
    sns.confirm_subscription(TopicArn=topic, Token=json.loads(endpoint.next().body)["Token"])
    shown = json.loads(attributes(sns, arn)["EffectiveDeliveryPolicy"])
    assert shown["healthyRetryPolicy"]["numRetries"] == 2
    endpoint.statuses = [500, 500, 500]
    sns.publish(TopicArn=topic, Message="lost")
    first = endpoint.next()
    assert first.headers["Content-Type"] == "application/json"
    for _ in range(2):
        again = None
        for _ in range(50):
            clock.advance("61s")
            try:
                again = endpoint.next(timeout=0.2)
                break
            except Exception:
                continue
        assert again.body == first.body
    found = []
    until(lambda: found or found.extend(bodies(dead)) or found)
    assert [message["Message"] for message in found] == ["lost"]
    assert endpoint.is_quiet()


def test_raw_http_delivery(sns, new_topic, endpoint):
    topic = new_topic()
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url,
                  Attributes={"RawMessageDelivery": "true"})
    sns.confirm_subscription(TopicArn=topic, Token=json.loads(endpoint.next().body)["Token"])
    sns.publish(TopicArn=topic, Message="bare")
    got = endpoint.next()
    assert got.body == "bare"
    assert got.headers["x-amz-sns-rawdelivery"] == "true"
