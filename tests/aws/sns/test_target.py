"""Topics as targets of other services."""

import json

from harness import covers


@covers("sns", "Publish")
def test_a_rule_publishes_to_a_topic(client, sns, new_topic, new_queue, subscribe, bodies, verify):
    events = client("events")
    topic, queue = new_topic(), new_queue()
    subscribe(topic, queue)
    rule = events.put_rule(Name="r", EventPattern=json.dumps({"source": ["shop"]}))["RuleArn"]
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": topic}])
    event = {"Source": "shop", "DetailType": "sold", "Detail": json.dumps({"item": 1})}

    # The topic's default policy lets nobody in but its account.
    events.put_events(Entries=[event])
    assert bodies(queue) == []

    policy = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish", "Resource": topic,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}}}]}
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy",
                             AttributeValue=json.dumps(policy))
    events.put_events(Entries=[event])
    (body,) = bodies(queue)
    assert json.loads(body["Message"])["detail"] == {"item": 1}
    assert body["TopicArn"] == topic
    verify(body)
