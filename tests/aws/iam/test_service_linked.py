"""Service-linked roles."""

import pytest
from harness import aws_error, covers


@covers("iam", "CreateServiceLinkedRole")
@pytest.mark.parametrize(
    "service, name",
    [
        # Docs: the services' pages on their service-linked roles.
        ("ecs.amazonaws.com", "AWSServiceRoleForECS"),
        ("elasticloadbalancing.amazonaws.com", "AWSServiceRoleForElasticLoadBalancing"),
        ("ops.apigateway.amazonaws.com", "AWSServiceRoleForAPIGateway"),
        ("es.amazonaws.com", "AWSServiceRoleForAmazonElasticsearchService"),
    ],
)
def test_the_service_decides_name_path_and_trust(client, account, service, name):
    iam = client("iam")
    role = iam.create_service_linked_role(AWSServiceName=service)["Role"]
    assert role["RoleName"] == name
    assert role["Path"] == f"/aws-service-role/{service}/"
    assert role["Arn"] == f"arn:aws:iam::{account}:role/aws-service-role/{service}/{name}"
    trust = role["AssumeRolePolicyDocument"]["Statement"][0]
    assert trust["Principal"] == {"Service": service}
    assert iam.get_role(RoleName=name)["Role"]["RoleId"] == role["RoleId"]


@covers("iam", "CreateServiceLinkedRole")
def test_the_service_policy_is_attached(client):
    iam = client("iam")
    iam.create_service_linked_role(AWSServiceName="ops.apigateway.amazonaws.com")
    attached = iam.list_attached_role_policies(RoleName="AWSServiceRoleForAPIGateway")
    assert attached["AttachedPolicies"] == [
        {
            "PolicyName": "APIGatewayServiceRolePolicy",
            "PolicyArn": "arn:aws:iam::aws:policy/aws-service-role/APIGatewayServiceRolePolicy",
        }
    ]


@covers("iam", "CreateServiceLinkedRole")
def test_a_suffix_makes_another_role(client):
    iam = client("iam")
    role = iam.create_service_linked_role(
        AWSServiceName="autoscaling.amazonaws.com", CustomSuffix="mine", Description="Mine"
    )["Role"]
    assert role["RoleName"] == "AWSServiceRoleForAutoScaling_mine"
    assert iam.get_role(RoleName=role["RoleName"])["Role"]["Description"] == "Mine"


@covers("iam", "CreateServiceLinkedRole", "InvalidInput")
def test_a_role_is_there_once(client):
    # Observed: the text, in issue trackers of tools that create these roles.
    iam = client("iam")
    iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")
    with aws_error(
        "InvalidInput",
        http_status=400,
        match="Service role name AWSServiceRoleForECS has been taken in this account, "
        "please try a different suffix.",
    ):
        iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")
    with aws_error("InvalidInput", match="Custom suffix is not allowed for ecs.amazonaws.com"):
        iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com", CustomSuffix="x")
    with aws_error("InvalidInput", match="nothing.amazonaws.com"):
        iam.create_service_linked_role(AWSServiceName="nothing.amazonaws.com")


@covers("iam", "DeleteServiceLinkedRole")
@covers("iam", "GetServiceLinkedRoleDeletionStatus")
def test_a_deletion_is_a_task(client):
    # Docs: DeletionTaskId has the form task/aws-service-role/SERVICE/ROLE/UUID.
    iam = client("iam")
    iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")
    task = iam.delete_service_linked_role(RoleName="AWSServiceRoleForECS")["DeletionTaskId"]
    assert task.startswith("task/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS/")
    status = iam.get_service_linked_role_deletion_status(DeletionTaskId=task)
    assert status["Status"] == "SUCCEEDED"
    with aws_error("NoSuchEntity"):
        iam.get_role(RoleName="AWSServiceRoleForECS")


@covers("iam", "DeleteServiceLinkedRole", "NoSuchEntity")
@covers("iam", "GetServiceLinkedRoleDeletionStatus", "NoSuchEntity")
def test_what_is_not_there_cannot_be_deleted(client):
    iam = client("iam")
    with aws_error("NoSuchEntity", http_status=404):
        iam.delete_service_linked_role(RoleName="AWSServiceRoleForECS")
    with aws_error("NoSuchEntity", http_status=404):
        iam.get_service_linked_role_deletion_status(
            DeletionTaskId="task/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS/x"
        )


@covers("iam", "DeleteRole", "UnmodifiableEntity")
def test_only_the_service_changes_its_role(client):
    # Observed: the text.
    iam = client("iam")
    iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")
    name = "AWSServiceRoleForECS"
    text = (
        "Cannot perform the operation on the protected role 'AWSServiceRoleForECS' - this role "
        "is only modifiable by AWS"
    )
    for change in (
        lambda: iam.delete_role(RoleName=name),
        lambda: iam.attach_role_policy(
            RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
        ),
        lambda: iam.put_role_policy(
            RoleName=name,
            PolicyName="p",
            PolicyDocument='{"Version":"2012-10-17","Statement":[{"Effect":"Allow",'
            '"Action":"*","Resource":"*"}]}',
        ),
    ):
        with aws_error("UnmodifiableEntity", http_status=400, match=text):
            change()
