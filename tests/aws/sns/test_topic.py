"""Topics: making, attributes, permissions, tags, lists.

Expectations name their source where it is not the API reference; OBSERVED texts are AWS's as
recorded in 2023 to 2025.
"""

import json

import pytest
from harness import aws_error, covers

DEFAULT_DELIVERY = {
    "http": {
        "defaultHealthyRetryPolicy": {
            "minDelayTarget": 20, "maxDelayTarget": 20, "numRetries": 3, "numMaxDelayRetries": 0,
            "numNoDelayRetries": 0, "numMinDelayRetries": 0, "backoffFunction": "linear"},
        "disableSubscriptionOverrides": False,
        "defaultRequestPolicy": {"headerContentType": "text/plain; charset=UTF-8"},
    }
}


@covers("sns", "CreateTopic")
@covers("sns", "GetTopicAttributes")
def test_a_topic_has_the_defaults_of_aws(sns, account, unique):
    name = unique("topic")
    arn = sns.create_topic(Name=name)["TopicArn"]
    assert arn == f"arn:aws:sns:us-east-1:{account}:{name}"
    found = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    policy = json.loads(found.pop("Policy"))
    assert json.loads(found.pop("EffectiveDeliveryPolicy")) == DEFAULT_DELIVERY
    assert found == {
        "TopicArn": arn, "Owner": account, "DisplayName": "", "SubscriptionsPending": "0",
        "SubscriptionsConfirmed": "0", "SubscriptionsDeleted": "0"}
    assert policy["Id"] == "__default_policy_ID"
    statement = policy["Statement"][0]
    assert statement["Principal"] == {"AWS": "*"}
    assert statement["Condition"] == {"StringEquals": {"AWS:SourceOwner": account}}
    assert "SNS:Publish" in statement["Action"]


@covers("sns", "CreateTopic")
def test_making_a_topic_again_gives_the_same(sns, unique):
    name = unique("topic")
    arn = sns.create_topic(Name=name, Attributes={"DisplayName": "x"})["TopicArn"]
    assert sns.create_topic(Name=name)["TopicArn"] == arn
    assert sns.create_topic(Name=name, Attributes={"DisplayName": "x"})["TopicArn"] == arn
    assert sns.create_topic(Name=name, Attributes={"FifoTopic": "false"})["TopicArn"] == arn


@covers("sns", "CreateTopic", error="InvalidParameter")
def test_a_topic_is_not_made_with_what_differs(sns, unique):
    name = unique("topic")
    sns.create_topic(Name=name, Tags=[{"Key": "a", "Value": "1"}])
    with aws_error("InvalidParameter", http_status=400,
                   message="Invalid parameter: Attributes Reason: Topic already exists with "
                           "different attributes"):
        sns.create_topic(Name=name, Attributes={"DisplayName": "x"})
    with aws_error("InvalidParameter",
                   message="Invalid parameter: Tags Reason: Topic already exists with different "
                           "tags"):
        sns.create_topic(Name=name, Tags=[{"Key": "a", "Value": "2"}])
    with aws_error("InvalidParameter",
                   message="Invalid parameter: Duplicated keys are not allowed."):
        sns.create_topic(Name=unique(), Tags=[{"Key": "a", "Value": "2"}] * 2)


@covers("sns", "CreateTopic", error="InvalidParameter")
@pytest.mark.parametrize("name", ["", "a" * 257, "a:b", "a b", "a.fifo", "a@b"])
def test_names_of_topics(sns, name):
    with aws_error("InvalidParameter", message="Invalid parameter: Topic Name"):
        sns.create_topic(Name=name)
    assert sns.create_topic(Name="a" * 256)["TopicArn"].endswith("a" * 256)


@covers("sns", "CreateTopic")
def test_a_fifo_topic_shows_what_it_is(sns, new_topic):
    arn = new_topic(fifo=True, DisplayName="d", SignatureVersion="2")
    found = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert found["FifoTopic"] == "true"
    assert found["ContentBasedDeduplication"] == "false"
    assert found["SignatureVersion"] == "2"
    with aws_error("InvalidParameter", message="Invalid parameter: Topic Name"):
        sns.create_topic(Name="plain", Attributes={"FifoTopic": "true"})


@covers("sns", "GetTopicAttributes", error="NotFound")
@covers("sns", "GetTopicAttributes", error="InvalidParameter")
def test_topics_that_are_not_there(sns, account):
    with aws_error("NotFound", http_status=404, message="Topic does not exist"):
        sns.get_topic_attributes(TopicArn=f"arn:aws:sns:us-east-1:{account}:none")
    with aws_error("InvalidParameter",
                   message="Invalid parameter: TopicArn Reason: An ARN must have at least 6 "
                           "elements, not 1"):
        sns.get_topic_attributes(TopicArn="none")
    with aws_error("InvalidParameter", message="Invalid parameter: TopicArn"):
        sns.get_topic_attributes(TopicArn=f"arn:aws:sns:eu-west-1:{account}:none")


@covers("sns", "SetTopicAttributes")
def test_attributes_are_kept(sns, new_topic):
    arn = new_topic()
    given = {"DisplayName": "shown", "TracingConfig": "Active", "SignatureVersion": "2",
             "SQSSuccessFeedbackSampleRate": "10", "KmsMasterKeyId": "alias/aws/sns"}
    for name, value in given.items():
        sns.set_topic_attributes(TopicArn=arn, AttributeName=name, AttributeValue=value)
    found = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert given.items() <= found.items()
    sns.set_topic_attributes(TopicArn=arn, AttributeName="KmsMasterKeyId", AttributeValue="")
    assert "KmsMasterKeyId" not in sns.get_topic_attributes(TopicArn=arn)["Attributes"]


@covers("sns", "SetTopicAttributes", error="InvalidParameter")
def test_attributes_that_are_wrong(sns, new_topic):
    arn = new_topic()
    for name, value in [("FifoTopic", "false"), ("Nonsense", "x"),
                        ("ContentBasedDeduplication", "true")]:
        with aws_error("InvalidParameter", message="Invalid parameter: AttributeName"):
            sns.set_topic_attributes(TopicArn=arn, AttributeName=name, AttributeValue=value)
    with aws_error("InvalidParameter", match="Invalid parameter: SignatureVersion"):
        sns.set_topic_attributes(TopicArn=arn, AttributeName="SignatureVersion", AttributeValue="3")
    with aws_error("InvalidParameter", match="Invalid parameter: Policy"):
        sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue="{}x")
    with aws_error("InvalidParameter", match="DeliveryPolicy: .*numRetries"):
        sns.set_topic_attributes(
            TopicArn=arn, AttributeName="DeliveryPolicy",
            AttributeValue='{"http":{"defaultHealthyRetryPolicy":{"numRetries":101}}}')
    with aws_error("NotImplemented", http_status=501, match="ArchivePolicy"):
        sns.set_topic_attributes(TopicArn=arn, AttributeName="ArchivePolicy", AttributeValue="{}")


@covers("sns", "SetTopicAttributes")
def test_delivery_policies_are_shown_as_they_apply(sns, new_topic):
    # OBSERVED (2024-10): test of the same steps against AWS.
    policy = {"http": {"defaultHealthyRetryPolicy": {
        "minDelayTarget": 5, "maxDelayTarget": 6, "numRetries": 1}}}
    arn = new_topic()
    sns.set_topic_attributes(TopicArn=arn, AttributeName="DeliveryPolicy",
                             AttributeValue=json.dumps(policy))
    found = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    shown = json.loads(found["DeliveryPolicy"])
    assert shown["http"]["disableSubscriptionOverrides"] is False
    effective = json.loads(found["EffectiveDeliveryPolicy"])["http"]
    assert effective["defaultHealthyRetryPolicy"] == {
        "minDelayTarget": 5, "maxDelayTarget": 6, "numRetries": 1, "numMaxDelayRetries": 0,
        "numNoDelayRetries": 0, "numMinDelayRetries": 0, "backoffFunction": "linear"}
    sns.set_topic_attributes(TopicArn=arn, AttributeName="DeliveryPolicy", AttributeValue="")
    found = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert json.loads(found["DeliveryPolicy"]) == {"http": {"disableSubscriptionOverrides": False}}
    assert json.loads(found["EffectiveDeliveryPolicy"]) == DEFAULT_DELIVERY


@covers("sns", "DeleteTopic")
@covers("sns", "DeleteTopic", error="InvalidParameter")
def test_a_deleted_topic_is_gone_with_its_subscriptions(sns, new_topic, new_queue, subscribe):
    arn = new_topic()
    subscribe(arn, new_queue())
    sns.delete_topic(TopicArn=arn)
    sns.delete_topic(TopicArn=arn)  # OBSERVED (2025-09): no error
    assert sns.list_subscriptions()["Subscriptions"] == []
    with aws_error("NotFound"):
        sns.get_topic_attributes(TopicArn=arn)
    with aws_error("InvalidParameter"):
        sns.delete_topic(TopicArn="x")


@covers("sns", "ListTopics")
@covers("sns", "ListTopics", error="InvalidParameter")
def test_topics_are_listed_in_pages_of_a_hundred(sns, client):
    made = {sns.create_topic(Name=f"t{i:03}")["TopicArn"] for i in range(105)}
    first = sns.list_topics()
    assert len(first["Topics"]) == 100
    second = sns.list_topics(NextToken=first["NextToken"])
    assert "NextToken" not in second
    assert {t["TopicArn"] for t in first["Topics"] + second["Topics"]} == made
    assert client("sns", region="eu-west-1").list_topics()["Topics"] == []
    with aws_error("InvalidParameter", match="NextToken"):
        sns.list_topics(NextToken="!")


@covers("sns", "AddPermission")
@covers("sns", "RemovePermission")
def test_permissions_are_statements(sns, client, new_topic, account):
    arn = new_topic()
    other = str(int(account) ^ 1)
    theirs = client("sns", account=other)
    with aws_error("AuthorizationError", http_status=403, match="not authorized to perform: SNS:Publish"):
        theirs.publish(TopicArn=arn, Message="x")
    sns.add_permission(TopicArn=arn, Label="them", AWSAccountId=[other], ActionName=["Publish"])
    policy = json.loads(sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"])
    assert policy["Statement"][1] == {
        "Sid": "them", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{other}:root"},
        "Action": "SNS:Publish", "Resource": arn}
    theirs.publish(TopicArn=arn, Message="x")
    sns.remove_permission(TopicArn=arn, Label="them")
    sns.remove_permission(TopicArn=arn, Label="them")
    with aws_error("AuthorizationError"):
        theirs.publish(TopicArn=arn, Message="x")


@covers("sns", "AddPermission", error="InvalidParameter")
@covers("sns", "AddPermission", error="NotFound")
@covers("sns", "RemovePermission", error="NotFound")
def test_permissions_that_cannot_be_given(sns, new_topic, account):
    arn = new_topic()
    given = {"TopicArn": arn, "Label": "l", "AWSAccountId": [account], "ActionName": ["Publish"]}
    sns.add_permission(**given)
    with aws_error("InvalidParameter", message="Invalid parameter: Statement already exists"):
        sns.add_permission(**given)
    with aws_error("InvalidParameter",
                   message="Invalid parameter: Policy statement action out of service scope!"):
        sns.add_permission(**{**given, "Label": "m", "ActionName": ["Nonsense"]})
    missing = f"arn:aws:sns:us-east-1:{account}:none"
    with aws_error("NotFound"):
        sns.add_permission(**{**given, "TopicArn": missing})
    with aws_error("NotFound"):
        sns.remove_permission(TopicArn=missing, Label="l")


@covers("sns", "TagResource")
@covers("sns", "UntagResource")
@covers("sns", "ListTagsForResource")
def test_tags(sns, new_topic):
    arn = new_topic(tags=[{"Key": "k1", "Value": "v1"}])
    sns.tag_resource(ResourceArn=arn, Tags=[{"Key": "k2", "Value": "v2"}, {"Key": "k1", "Value": "w"}])
    assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == [
        {"Key": "k1", "Value": "w"}, {"Key": "k2", "Value": "v2"}]
    sns.untag_resource(ResourceArn=arn, TagKeys=["k1", "none"])
    assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "k2", "Value": "v2"}]


@covers("sns", "TagResource", error="ResourceNotFound")
@covers("sns", "TagResource", error="InvalidParameter")
@covers("sns", "TagResource", error="TagLimitExceeded")
@covers("sns", "UntagResource", error="ResourceNotFound")
@covers("sns", "ListTagsForResource", error="ResourceNotFound")
def test_tags_that_cannot_be(sns, new_topic, account):
    arn = new_topic()
    missing = f"arn:aws:sns:us-east-1:{account}:none"
    with aws_error("InvalidParameter",
                   message="Invalid parameter: Duplicated keys are not allowed."):
        sns.tag_resource(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}] * 2)
    with aws_error("TagLimitExceeded"):
        sns.tag_resource(ResourceArn=arn, Tags=[{"Key": f"k{i}", "Value": ""} for i in range(51)])
    with aws_error("ResourceNotFound", http_status=404, message="Resource does not exist"):
        sns.tag_resource(ResourceArn=missing, Tags=[{"Key": "a", "Value": "1"}])
    with aws_error("ResourceNotFound"):
        sns.untag_resource(ResourceArn=missing, TagKeys=["a"])
    with aws_error("ResourceNotFound"):
        sns.list_tags_for_resource(ResourceArn=missing)


@covers("sns", "PutDataProtectionPolicy", error="NotImplemented", is_all=True)
@covers("sns", "GetDataProtectionPolicy", error="NotImplemented", is_all=True)
def test_data_protection_policies_are_refused_by_name(sns, new_topic, unique):
    arn = new_topic()
    with aws_error("NotImplemented", http_status=501, match="PutDataProtectionPolicy"):
        sns.put_data_protection_policy(ResourceArn=arn, DataProtectionPolicy="{}")
    with aws_error("NotImplemented", http_status=501, match="GetDataProtectionPolicy"):
        sns.get_data_protection_policy(ResourceArn=arn)
    with aws_error("NotImplemented", http_status=501, match="DataProtectionPolicy"):
        sns.create_topic(Name=unique(), DataProtectionPolicy='{"Name":"x"}')


def test_the_default_policy_lets_the_account_in_and_identities_as_they_may(client, sns, new_topic):
    arn = new_topic()
    iam = client("iam")
    iam.create_user(UserName="u")
    keys = iam.create_access_key(UserName="u")["AccessKey"]
    user = client("sns", credentials={"AccessKeyId": keys["AccessKeyId"],
                                      "SecretAccessKey": keys["SecretAccessKey"]})
    # The topic's own policy names everybody of the account.
    user.publish(TopicArn=arn, Message="x")
    with aws_error("AuthorizationError",
                   match="User: arn:aws:iam::.*user/u is not authorized to perform: SNS:ListTopics "
                         "because no identity-based policy allows the SNS:ListTopics action"):
        user.list_topics()
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sns:ListTopics", "Resource": "*"},
                      {"Effect": "Deny", "Action": "sns:Publish", "Resource": "*"}]}))
    assert user.list_topics()["Topics"] == [{"TopicArn": arn}]
    with aws_error("AuthorizationError", match="explicit deny"):
        user.publish(TopicArn=arn, Message="x")
