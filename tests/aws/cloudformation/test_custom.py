"""Custom resources: asked through a topic, answered with a PUT to a signed URL."""

import json
import urllib.request

import pytest


class Provider:
    """A topic with a queue behind it, whose messages a test answers by hand."""

    def __init__(self, sns, sqs):
        self.sqs = sqs
        self.token = sns.create_topic(Name="custom")["TopicArn"]
        self.queue = sqs.create_queue(QueueName="custom")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])[
            "Attributes"
        ]["QueueArn"]
        policy = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"},
                           "Action": "sqs:SendMessage", "Resource": arn}],
        }
        sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"Policy": json.dumps(policy)})
        sns.subscribe(TopicArn=self.token, Protocol="sqs", Endpoint=arn,
                      Attributes={"RawMessageDelivery": "true"})

    def request(self):
        """The next request."""
        messages = self.sqs.receive_message(QueueUrl=self.queue, WaitTimeSeconds=5)["Messages"]
        self.sqs.delete_message(
            QueueUrl=self.queue, ReceiptHandle=messages[0]["ReceiptHandle"]
        )
        return json.loads(messages[0]["Body"])

    def answer(self, request, **response):
        body = {
            "Status": "SUCCESS",
            "StackId": request["StackId"],
            "RequestId": request["RequestId"],
            "LogicalResourceId": request["LogicalResourceId"],
            "PhysicalResourceId": request.get("PhysicalResourceId", "made"),
            **response,
        }
        text = response.get("text", json.dumps(body)).encode()
        urllib.request.urlopen(
            urllib.request.Request(request["ResponseURL"], data=text, method="PUT")
        )

    def serve(self, **response):
        request = self.request()
        self.answer(request, **response)
        return request


@pytest.fixture
def provider(client):
    return Provider(client("sns"), client("sqs"))


@pytest.fixture
def thing(provider):
    def make(kind="Custom::Thing", **properties):
        return {"Type": kind, "Properties": {"ServiceToken": provider.token, **properties}}

    return make


def begin(cfn, make, resources, call="create_stack", **sections):
    getattr(cfn, call)(StackName="s", TemplateBody=make.template(resources, **sections))


OUTPUTS = {
    "Ref": {"Value": {"Ref": "T"}},
    "Att": {"Value": {"Fn::GetAtt": ["T", "Name"]}},
    "Deep": {"Value": {"Fn::GetAtt": ["T", "A.B"]}},
}
DATA = {"Name": "n", "A": {"B": "deep"}}


def test_the_life_of_a_custom_resource(cfn, stacks, make, provider, thing):
    begin(cfn, make, {"T": thing(Size=5, Flag=True, List=[1, "a"])}, Outputs=OUTPUTS)
    request = provider.serve(Data=DATA)
    # AWS: "Custom resource request objects".
    assert {k: request[k] for k in request if k not in ("ResponseURL", "RequestId")} == {
        "RequestType": "Create",
        "ServiceToken": provider.token,
        "StackId": stacks.describe("s")["StackId"],
        "LogicalResourceId": "T",
        "ResourceType": "Custom::Thing",
        "ResourceProperties": {
            "ServiceToken": provider.token, "Size": "5", "Flag": "true", "List": ["1", "a"]
        },
    }
    assert stacks.settle("s")["StackStatus"] == "CREATE_COMPLETE"
    assert stacks.outputs("s") == {"Ref": "made", "Att": "n", "Deep": "deep"}
    begin(cfn, make, {"T": thing(Size=6)}, "update_stack", Outputs=OUTPUTS)
    request = provider.serve(Data={**DATA, "Name": "m"})
    assert request["RequestType"] == "Update" and request["PhysicalResourceId"] == "made"
    assert request["ResourceProperties"]["Size"] == "6"
    assert request["OldResourceProperties"]["Size"] == "5"
    assert stacks.settle("s")["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.outputs("s")["Att"] == "m"
    cfn.delete_stack(StackName="s")
    assert provider.serve()["RequestType"] == "Delete"


def test_another_physical_id_is_a_replacement(cfn, stacks, make, provider, thing):
    begin(cfn, make, {"T": thing("AWS::CloudFormation::CustomResource", Size=5)})
    assert provider.serve()["ResourceType"] == "AWS::CloudFormation::CustomResource"
    stacks.settle("s")
    begin(cfn, make, {"T": thing("AWS::CloudFormation::CustomResource", Size=6)}, "update_stack")
    provider.serve(PhysicalResourceId="other")
    request = provider.serve()
    assert (request["RequestType"], request["PhysicalResourceId"]) == ("Delete", "made")
    assert stacks.settle("s")["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.physical("s", "T") == "other"


def test_a_failed_answer_fails_the_resource(cfn, stacks, make, provider, thing):
    begin(cfn, make, {"T": thing()})
    request = provider.serve(Status="FAILED", Reason="no room", PhysicalResourceId="half")
    last = provider.serve()
    assert (last["RequestType"], last["PhysicalResourceId"]) == ("Delete", "half")
    assert stacks.settle("s")["StackStatus"] == "ROLLBACK_COMPLETE"
    # Observed wording.
    assert [e[2] for e in stacks.events("s") if e[1] == "CREATE_FAILED"] == [
        "Received response status [FAILED] from custom resource. Message returned: no room "
        f"(RequestId: {request['RequestId']})"
    ]


def test_a_failed_update_is_put_back(cfn, stacks, make, provider, thing):
    begin(cfn, make, {"T": thing(Size=1)})
    provider.serve()
    stacks.settle("s")
    bad = make.queue(depends_on=["T"], DelaySeconds=99999)
    begin(cfn, make, {"T": thing(Size=2), "Bad": bad}, "update_stack")
    provider.serve()
    request = provider.serve()
    assert request["RequestType"] == "Update"
    assert request["ResourceProperties"]["Size"] == "1"
    assert request["OldResourceProperties"]["Size"] == "2"
    assert stacks.settle("s")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"


@pytest.mark.parametrize(
    "response, reason",
    [
        ({"text": "junk"}, "Invalid response object: not a JSON object"),
        ({"PhysicalResourceId": ""}, "Invalid PhysicalResourceId"),
        ({"Data": {"x": "y" * 5000}}, "Response object is too long."),
    ],
)
def test_answers_that_are_none(cfn, stacks, make, provider, thing, response, reason):
    begin(cfn, make, {"T": thing()})
    provider.serve(**response)
    assert provider.serve()["RequestType"] == "Delete"
    stacks.settle("s")
    assert [e[2] for e in stacks.events("s") if e[1] == "CREATE_FAILED"] == [reason]


def test_no_answer_in_time(cfn, stacks, make, provider, thing, clock):
    begin(cfn, make, {"T": thing(ServiceTimeout=60)})
    request = provider.request()
    clock.advance("2m")
    provider.serve()
    assert stacks.settle("s")["StackStatus"] == "ROLLBACK_COMPLETE"
    reason = [e[2] for e in stacks.events("s") if e[1] == "CREATE_FAILED"][0]
    assert reason.startswith(
        "CloudFormation did not receive a response from your Custom Resource. Please check your "
        f"logs for requestId [{request['RequestId']}]."
    )


def test_service_tokens(cfn, stacks, make, provider, thing):
    begin(cfn, make, {"T": {"Type": "Custom::Thing", "Properties": {"ServiceToken": "nobody"}}})
    stacks.settle("s")
    assert [e[2] for e in stacks.events("s") if e[1] == "CREATE_FAILED"] == [
        "Invalid service token."
    ]
    stacks.delete("s")
    begin(cfn, make, {"T": thing()})
    provider.serve()
    stacks.settle("s")
    other = {"Type": "Custom::Thing", "Properties": {"ServiceToken": provider.token + "2"}}
    begin(cfn, make, {"T": other}, "update_stack")
    stacks.settle("s")
    assert [e[2] for e in stacks.events("s") if e[1] == "UPDATE_FAILED"] == [
        "Modifying service token is not allowed."
    ]


def test_attributes_that_the_answer_did_not_have(cfn, stacks, make, provider, thing):
    begin(cfn, make, {"T": thing()}, Outputs=OUTPUTS)
    provider.serve(Data={"Name": "n"})
    provider.serve()
    stacks.settle("s")
    reason = [e[2] for e in stacks.events("s") if e[1] == "ROLLBACK_IN_PROGRESS"][0]
    assert "CustomResource attribute error: Vendor response doesn't contain A.B attribute" in reason
