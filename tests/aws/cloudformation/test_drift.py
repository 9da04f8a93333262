"""Drift detection."""

import json

import pytest

from harness import aws_error, covers

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole",
         "Principal": {"Service": "ec2.amazonaws.com"}}
    ],
}
DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}],
}
OTHER = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}],
}
IAM = {"Capabilities": ["CAPABILITY_NAMED_IAM"]}


@pytest.fixture
def drifts(cfn):
    """Detects; gives the stack's status and {logical id: drift}."""

    def detect(name, **more):
        made = cfn.detect_stack_drift(StackName=name, **more)["StackDriftDetectionId"]
        status = cfn.describe_stack_drift_detection_status(StackDriftDetectionId=made)
        assert status["DetectionStatus"] == "DETECTION_COMPLETE"
        found = cfn.describe_stack_resource_drifts(StackName=name)["StackResourceDrifts"]
        by_id = {d["LogicalResourceId"]: d for d in found}
        drifted = [
            d for d in found if d["StackResourceDriftStatus"] in ("MODIFIED", "DELETED")
        ]
        assert status["DriftedStackResourceCount"] == len(drifted)
        return status["StackDriftStatus"], by_id

    return detect


def differences(drift):
    return [
        (d["PropertyPath"], d["ExpectedValue"], d["ActualValue"], d["DifferenceType"])
        for d in drift["PropertyDifferences"]
    ]


@covers("cloudformation", "DetectStackDrift")
@covers("cloudformation", "DescribeStackDriftDetectionStatus")
@covers("cloudformation", "DescribeStackResourceDrifts")
def test_a_queue_that_was_changed(cfn, stacks, make, client, drifts):
    stacks.create(
        "s",
        {
            "Q": make.queue(VisibilityTimeout=10, Tags=[{"Key": "a", "Value": "1"}]),
            "R": make.queue(),
            "Gone": make.queue(),
            "H": make.handle,
        },
        request={"Tags": [{"Key": "stack", "Value": "1"}]},
    )
    assert stacks.describe("s")["DriftInformation"]["StackDriftStatus"] == "NOT_CHECKED"
    assert drifts("s")[0] == "IN_SYNC"
    sqs = client("sqs")
    url = stacks.physical("s", "Q")
    sqs.set_queue_attributes(
        QueueUrl=url, Attributes={"VisibilityTimeout": "99", "DelaySeconds": "5"}
    )
    sqs.tag_queue(QueueUrl=url, Tags={"a": "2", "b": "3"})
    sqs.delete_queue(QueueUrl=stacks.physical("s", "Gone"))
    status, found = drifts("s")
    assert status == "DRIFTED"
    assert set(found) == {"Q", "R", "Gone"}  # the handle cannot be checked
    assert found["R"]["StackResourceDriftStatus"] == "IN_SYNC"
    assert found["Gone"]["StackResourceDriftStatus"] == "DELETED"
    assert "ActualProperties" not in found["Gone"]
    assert found["Q"]["StackResourceDriftStatus"] == "MODIFIED"
    # AWS: only what the template sets is compared: DelaySeconds is not.
    assert sorted(differences(found["Q"])) == [
        ("/Tags/0/Value", "1", "2", "NOT_EQUAL"),
        ("/Tags/1", "", '{"Key":"b","Value":"3"}', "ADD"),
        ("/VisibilityTimeout", "10", "99", "NOT_EQUAL"),
    ]
    assert json.loads(found["Q"]["ExpectedProperties"])["VisibilityTimeout"] == 10
    assert stacks.describe("s")["DriftInformation"]["StackDriftStatus"] == "DRIFTED"
    detail = cfn.describe_stack_resource(StackName="s", LogicalResourceId="Q")
    information = detail["StackResourceDetail"]["DriftInformation"]
    assert information["StackResourceDriftStatus"] == "MODIFIED"
    filtered = cfn.describe_stack_resource_drifts(
        StackName="s", StackResourceDriftStatusFilters=["DELETED"]
    )["StackResourceDrifts"]
    assert [d["LogicalResourceId"] for d in filtered] == ["Gone"]
    page = cfn.describe_stack_resource_drifts(StackName="s", MaxResults=2)
    rest = cfn.describe_stack_resource_drifts(
        StackName="s", MaxResults=2, NextToken=page["NextToken"]
    )
    assert len(page["StackResourceDrifts"]) == 2 and len(rest["StackResourceDrifts"]) == 1


@covers("cloudformation", "DetectStackResourceDrift")
@covers("cloudformation", "DetectStackResourceDrift", error="ValidationError")
@covers("cloudformation", "DetectStackDrift", error="ValidationError")
@covers("cloudformation", "DescribeStackResourceDrifts", error="ValidationError")
@covers("cloudformation", "DescribeStackDriftDetectionStatus", error="ValidationError")
def test_single_resources_and_errors(cfn, stacks, make, drifts):
    stacks.create("s", {"Q": make.queue(DelaySeconds=1), "H": make.handle})
    drift = cfn.detect_stack_resource_drift(StackName="s", LogicalResourceId="Q")
    assert drift["StackResourceDrift"]["StackResourceDriftStatus"] == "IN_SYNC"
    with aws_error("ValidationError", match="does not support drift detection"):
        cfn.detect_stack_resource_drift(StackName="s", LogicalResourceId="H")
    with aws_error("ValidationError", message="Resource X does not exist for stack s"):
        cfn.detect_stack_resource_drift(StackName="s", LogicalResourceId="X")
    for call in (cfn.detect_stack_drift, cfn.describe_stack_resource_drifts):
        with aws_error("ValidationError", message="Stack [none] does not exist"):
            call(StackName="none")
    with aws_error("ValidationError"):
        cfn.describe_stack_drift_detection_status(StackDriftDetectionId="0" * 36)
    stacks.create("bad", {"Q": make.queue(DelaySeconds=99999)}, status="ROLLBACK_COMPLETE")
    with aws_error("ValidationError", match="ROLLBACK_COMPLETE"):
        cfn.detect_stack_drift(StackName="bad")


def iam_resources():
    holders = {"Roles": [{"Ref": "Role"}], "Users": [{"Ref": "User"}], "Groups": [{"Ref": "Group"}]}
    inline = [{"PolicyName": "inline", "PolicyDocument": DOCUMENT}]
    return {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {
            "AssumeRolePolicyDocument": TRUST, "Description": "d", "MaxSessionDuration": 7200,
            "Path": "/x/", "Policies": inline, "Tags": [{"Key": "a", "Value": "1"}]}},
        "User": {"Type": "AWS::IAM::User", "Properties": {
            "Path": "/x/", "Policies": inline, "Groups": [{"Ref": "Group"}]}},
        "Group": {"Type": "AWS::IAM::Group", "Properties": {"Path": "/x/", "Policies": inline}},
        "Managed": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {
            "Description": "d", "PolicyDocument": DOCUMENT, **holders}},
        "Policy": {"Type": "AWS::IAM::Policy", "Properties": {
            "PolicyName": "many", "PolicyDocument": DOCUMENT, "Groups": [{"Ref": "Other"}]}},
        "Other": {"Type": "AWS::IAM::Group"},
        "Single": {"Type": "AWS::IAM::GroupPolicy", "Properties": {
            "GroupName": {"Ref": "Other"}, "PolicyName": "single", "PolicyDocument": DOCUMENT}},
        "Profile": {"Type": "AWS::IAM::InstanceProfile", "Properties": {
            "Path": "/x/", "Roles": [{"Ref": "Role"}]}},
        "Key": {"Type": "AWS::IAM::AccessKey", "Properties": {
            "UserName": {"Ref": "User"}, "Status": "Active"}},
        "Friend": {"Type": "AWS::IAM::User"},
        "Member": {"Type": "AWS::IAM::UserToGroupAddition", "Properties": {
            "GroupName": {"Ref": "Other"}, "Users": [{"Ref": "Friend"}]}},
        "Oidc": {"Type": "AWS::IAM::OIDCProvider", "Properties": {
            "Url": "https://id.example.com", "ClientIdList": ["one"],
            "ThumbprintList": ["a" * 40]}},
        "Linked": {"Type": "AWS::IAM::ServiceLinkedRole", "Properties": {
            "AWSServiceName": "ecs.amazonaws.com", "Description": "d"}},
        "Mfa": {"Type": "AWS::IAM::VirtualMFADevice", "Properties": {
            "Path": "/x/", "Users": [{"Ref": "Friend"}]}},
        "KmsKey": {"Type": "AWS::KMS::Key", "Properties": {
            "Description": "d", "EnableKeyRotation": True}},
        "Alias": {"Type": "AWS::KMS::Alias", "Properties": {
            "AliasName": "alias/mine", "TargetKeyId": {"Ref": "KmsKey"}}},
        "Q": {"Type": "AWS::SQS::Queue"},
        "QueuePolicy": {"Type": "AWS::SQS::QueuePolicy", "Properties": {
            "Queues": [{"Ref": "Q"}],
            "PolicyDocument": {"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*",
                 "Principal": "*"}]}}},
    }


@covers("cloudformation", "DetectStackDrift")
def test_every_type_is_in_sync_and_tells_what_was_changed(stacks, client, drifts):
    stacks.create("s", iam_resources(), request=IAM)
    status, found = drifts("s")
    unequal = {k: differences(d) for k, d in found.items() if d["PropertyDifferences"]}
    assert unequal == {}
    assert status == "IN_SYNC"
    assert set(found) == set(iam_resources())
    names = {logical: stacks.physical("s", logical) for logical in found}
    iam, kms, sqs = client("iam"), client("kms"), client("sqs")
    iam.update_role(RoleName=names["Role"], Description="other", MaxSessionDuration=3600)
    iam.put_role_policy(RoleName=names["Role"], PolicyName="inline",
                        PolicyDocument=json.dumps(OTHER))
    iam.update_assume_role_policy(
        RoleName=names["Role"], PolicyDocument=json.dumps(TRUST).replace("ec2", "ecs")
    )
    iam.remove_user_from_group(UserName=names["User"], GroupName=names["Group"])
    iam.delete_group_policy(GroupName=names["Group"], PolicyName="inline")
    iam.create_policy_version(PolicyArn=names["Managed"], PolicyDocument=json.dumps(OTHER),
                              SetAsDefault=True)
    iam.detach_user_policy(UserName=names["User"], PolicyArn=names["Managed"])
    iam.delete_group_policy(GroupName=names["Other"], PolicyName="many")
    iam.put_group_policy(GroupName=names["Other"], PolicyName="single",
                         PolicyDocument=json.dumps(OTHER))
    iam.remove_role_from_instance_profile(InstanceProfileName=names["Profile"],
                                          RoleName=names["Role"])
    iam.update_access_key(UserName=names["User"], AccessKeyId=names["Key"], Status="Inactive")
    iam.remove_user_from_group(UserName=names["Friend"], GroupName=names["Other"])
    iam.add_client_id_to_open_id_connect_provider(
        OpenIDConnectProviderArn=names["Oidc"], ClientID="two"
    )
    iam.update_role(RoleName=names["Linked"], Description="other")
    kms.update_key_description(KeyId=names["KmsKey"], Description="other")
    kms.disable_key_rotation(KeyId=names["KmsKey"])
    kms.delete_alias(AliasName="alias/mine")
    sqs.set_queue_attributes(QueueUrl=names["Q"], Attributes={"Policy": ""})
    status, found = drifts("s")
    assert status == "DRIFTED"
    paths = {
        logical: [(d[0], d[3]) for d in differences(drift)]
        if drift["StackResourceDriftStatus"] == "MODIFIED"
        else drift["StackResourceDriftStatus"]
        for logical, drift in found.items()
        if drift["StackResourceDriftStatus"] != "IN_SYNC"
    }
    statement = "/Policies/0/PolicyDocument/Statement/0"
    assert {k: sorted(v) if isinstance(v, list) else v for k, v in paths.items()} == {
        "Role": sorted([
            ("/AssumeRolePolicyDocument/Statement/0", "REMOVE"),
            ("/AssumeRolePolicyDocument/Statement/0", "ADD"),
            ("/Description", "NOT_EQUAL"),
            ("/MaxSessionDuration", "NOT_EQUAL"),
            (statement, "REMOVE"),
            (statement, "ADD"),
        ]),
        "User": [("/Groups/0", "REMOVE")],
        "Group": [("/Policies/0", "REMOVE")],
        "Managed": [
            ("/PolicyDocument/Statement/0", "ADD"),
            ("/PolicyDocument/Statement/0", "REMOVE"),
            ("/Users/0", "REMOVE"),
        ],
        "Policy": "DELETED",
        "Single": [
            ("/PolicyDocument/Statement/0", "ADD"),
            ("/PolicyDocument/Statement/0", "REMOVE"),
        ],
        "Profile": [("/Roles/0", "REMOVE")],
        "Key": [("/Status", "NOT_EQUAL")],
        "Member": [("/Users/0", "REMOVE")],
        "Oidc": [("/ClientIdList/1", "ADD")],
        "Linked": [("/Description", "NOT_EQUAL")],
        "KmsKey": [("/Description", "NOT_EQUAL"), ("/EnableKeyRotation", "NOT_EQUAL")],
        "Alias": "DELETED",
        "QueuePolicy": "DELETED",
    }
