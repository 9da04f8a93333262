"""SimulateCustomPolicy, SimulatePrincipalPolicy, GetContextKeysFor..."""

import json

import pytest
from harness import aws_error, covers

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


def statement(effect, action, resource="*", **more):
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def policy(*statements):
    return json.dumps(
        {"Version": "2012-10-17", "Statement": list(statements)}, separators=(",", ":")
    )


def results(answer):
    return {one["EvalActionName"]: one for one in answer["EvaluationResults"]}


@covers("iam", "SimulateCustomPolicy")
def test_an_action_is_allowed_denied_or_neither(client):
    # Docs: SimulateCustomPolicy; a deny is "the only entry included in the result".
    document = policy(
        statement("Allow", "sqs:*"),
        statement("Allow", "sqs:SendMessage"),
        statement("Deny", "sqs:DeleteQueue"),
    )
    found = results(
        client("iam").simulate_custom_policy(
            PolicyInputList=[document],
            ActionNames=["sqs:SendMessage", "sqs:DeleteQueue", "s3:GetObject"],
        )
    )
    assert found["sqs:SendMessage"]["EvalDecision"] == "allowed"
    assert len(found["sqs:SendMessage"]["MatchedStatements"]) == 2
    assert found["sqs:SendMessage"]["EvalResourceName"] == "*"
    assert "EvalDecisionDetails" not in found["sqs:SendMessage"]
    assert found["sqs:DeleteQueue"]["EvalDecision"] == "explicitDeny"
    assert len(found["sqs:DeleteQueue"]["MatchedStatements"]) == 1
    assert found["s3:GetObject"]["EvalDecision"] == "implicitDeny"
    assert found["s3:GetObject"]["MatchedStatements"] == []


@covers("iam", "SimulateCustomPolicy")
def test_a_statement_is_told_by_its_place(client):
    # AWS: the aws CLI's examples: a lone statement starts at column 38 behind its '{' and ends
    # behind its '}', the length of the text here; in a list it starts behind the '['.
    document = (
        '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*",'
        '"Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":'
        '"2015-08-16T12:00:00Z"}}}}'
    )
    iam = client("iam")
    one = iam.simulate_custom_policy(
        PolicyInputList=[document], ActionNames=["dynamodb:CreateBackup"]
    )["EvaluationResults"][0]
    assert one["EvalDecision"] == "allowed"
    assert one["MissingContextValues"] == []
    assert one["MatchedStatements"] == [
        {
            "SourcePolicyId": "PolicyInputList.1",
            "SourcePolicyType": "IAM Policy",
            "StartPosition": {"Line": 1, "Column": 38},
            "EndPosition": {"Line": 1, "Column": 167},
        }
    ]
    spread = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [statement("Allow", "codecommit:ListRepositories", Sid="One")],
        },
        indent=4,
    )
    place = iam.simulate_custom_policy(
        PolicyInputList=[spread], ActionNames=["codecommit:ListRepositories"]
    )["EvaluationResults"][0]["MatchedStatements"][0]
    assert place["StartPosition"] == {"Line": 3, "Column": 19}
    assert place["EndPosition"] == {"Line": 9, "Column": 10}


@covers("iam", "SimulateCustomPolicy")
def test_resources_have_results_of_their_own(client):
    good, bad = "arn:aws:s3:::good/key", "arn:aws:s3:::bad/key"
    document = policy(statement("Allow", "s3:GetObject", "arn:aws:s3:::good/*"))
    iam = client("iam")
    both = iam.simulate_custom_policy(
        PolicyInputList=[document], ActionNames=["s3:GetObject"], ResourceArns=[good, bad]
    )["EvaluationResults"]
    assert len(both) == 1
    assert both[0]["EvalDecision"] == "implicitDeny"
    assert {
        one["EvalResourceName"]: one["EvalResourceDecision"]
        for one in both[0]["ResourceSpecificResults"]
    } == {good: "allowed", bad: "implicitDeny"}
    # Observed: of one resource the result repeats what its only part says, and the details are
    # present and empty.
    alone = iam.simulate_custom_policy(
        PolicyInputList=[document], ActionNames=["s3:GetObject"], ResourceArns=[good]
    )["EvaluationResults"][0]
    assert alone["EvalResourceName"] == good
    assert alone["EvalDecisionDetails"] == {}
    assert alone["MatchedStatements"] == alone["ResourceSpecificResults"][0]["MatchedStatements"]


@covers("iam", "SimulateCustomPolicy")
def test_missing_context_values_are_listed(client):
    # Docs: EvaluationResult.MissingContextValues; with resources they move to their results.
    document = policy(
        statement(
            "Allow", "s3:GetObject", Condition={"StringEquals": {"aws:PrincipalTag/team": "a"}}
        )
    )
    iam = client("iam")
    one = iam.simulate_custom_policy(PolicyInputList=[document], ActionNames=["s3:GetObject"])
    one = one["EvaluationResults"][0]
    assert one["EvalDecision"] == "implicitDeny"
    assert one["MissingContextValues"] == ["aws:PrincipalTag/team"]
    given = iam.simulate_custom_policy(
        PolicyInputList=[document],
        ActionNames=["s3:GetObject"],
        ContextEntries=[
            {
                "ContextKeyName": "aws:PrincipalTag/team",
                "ContextKeyValues": ["a"],
                "ContextKeyType": "string",
            }
        ],
    )["EvaluationResults"][0]
    assert given["EvalDecision"] == "allowed"
    with_arn = iam.simulate_custom_policy(
        PolicyInputList=[document],
        ActionNames=["s3:GetObject"],
        ResourceArns=["arn:aws:s3:::b/k"],
    )["EvaluationResults"][0]
    assert with_arn["MissingContextValues"] == []
    assert with_arn["ResourceSpecificResults"][0]["MissingContextValues"] == [
        "aws:PrincipalTag/team"
    ]


@covers("iam", "SimulateCustomPolicy")
def test_a_boundary_limits_and_says_so(client):
    # Docs: PermissionsBoundaryDecisionDetail.AllowedByPermissionsBoundary.
    found = results(
        client("iam").simulate_custom_policy(
            PolicyInputList=[policy(statement("Allow", "*"))],
            PermissionsBoundaryPolicyInputList=[policy(statement("Allow", "sqs:*"))],
            ActionNames=["sqs:SendMessage", "s3:GetObject"],
        )
    )
    assert found["sqs:SendMessage"]["EvalDecision"] == "allowed"
    detail = "PermissionsBoundaryDecisionDetail"
    assert found["sqs:SendMessage"][detail] == {"AllowedByPermissionsBoundary": True}
    assert found["s3:GetObject"]["EvalDecision"] == "implicitDeny"
    assert found["s3:GetObject"][detail] == {"AllowedByPermissionsBoundary": False}


@covers("iam", "SimulateCustomPolicy")
def test_a_resource_policy_joins_in(client, account):
    # Docs: "Cross-account policy evaluation logic": both sides must allow.
    caller = f"arn:aws:iam::{account}:user/somebody"
    bucket = "arn:aws:s3:::shared/key"
    resource_policy = policy(
        {
            "Effect": "Allow",
            "Principal": {"AWS": caller},
            "Action": "s3:GetObject",
            "Resource": bucket,
        }
    )
    iam = client("iam")

    def simulate(owner, identity):
        return iam.simulate_custom_policy(
            PolicyInputList=[policy(statement("Allow", identity))],
            ActionNames=["s3:GetObject"],
            ResourceArns=[bucket],
            ResourcePolicy=resource_policy,
            ResourceOwner=owner,
            CallerArn=caller,
        )["EvaluationResults"][0]

    own = f"arn:aws:iam::{account}:root"
    other = "arn:aws:iam::999999999999:root"
    assert simulate(own, "sqs:*")["EvalDecision"] == "allowed"
    assert simulate(other, "sqs:*")["EvalDecision"] == "implicitDeny"
    across = simulate(other, "s3:*")
    assert across["EvalDecision"] == "allowed"
    assert set(across["EvalDecisionDetails"].values()) == {"allowed"}


@covers("iam", "SimulateCustomPolicy")
def test_results_are_paged(client):
    actions = [f"sqs:Action{i}" for i in range(5)]
    pages = client("iam").get_paginator("simulate_custom_policy").paginate(
        PolicyInputList=[policy(statement("Allow", "sqs:*"))],
        ActionNames=actions,
        PaginationConfig={"PageSize": 2},
    )
    found = [one["EvalActionName"] for page in pages for one in page["EvaluationResults"]]
    assert found == actions


@covers("iam", "SimulateCustomPolicy", "InvalidInput")
@pytest.mark.parametrize(
    "request_of",
    [
        {"ActionNames": ["s3:*"]},
        {"ActionNames": ["GetObject"]},
        {"PolicyInputList": ["{"]},
        {"PermissionsBoundaryPolicyInputList": [policy(statement("Allow", "*"))] * 2},
        {"CallerArn": "arn:aws:iam::123456789012:role/no"},
        {"ResourcePolicy": policy({"Effect": "Allow", "Principal": "*", "Action": "s3:*",
                                   "Resource": "*"})},
    ],
)
def test_what_cannot_be_simulated_is_refused(client, request_of):
    # Docs: SimulateCustomPolicy: no wildcards in ActionNames; CallerArn must be a user's and is
    # required with a ResourcePolicy; one boundary.
    with aws_error("InvalidInput"):
        client("iam").simulate_custom_policy(
            **{
                "PolicyInputList": [policy(statement("Allow", "*"))],
                "ActionNames": ["s3:GetObject"],
                **request_of,
            }
        )


@covers("iam", "SimulatePrincipalPolicy")
def test_a_user_is_simulated_with_its_groups(client):
    iam = client("iam")
    arn = iam.create_user(UserName="ann")["User"]["Arn"]
    iam.create_group(GroupName="readers")
    iam.add_user_to_group(GroupName="readers", UserName="ann")
    iam.put_user_policy(
        UserName="ann", PolicyName="own", PolicyDocument=policy(statement("Allow", "sqs:*"))
    )
    iam.put_group_policy(
        GroupName="readers", PolicyName="read", PolicyDocument=policy(statement("Allow", "s3:*"))
    )
    iam.attach_user_policy(
        UserName="ann", PolicyArn="arn:aws:iam::aws:policy/AWSCloudFormationFullAccess"
    )
    found = results(
        iam.simulate_principal_policy(
            PolicySourceArn=arn,
            ActionNames=["sqs:SendMessage", "s3:GetObject", "cloudformation:CreateStack"],
        )
    )
    # Observed: "user_USER_POLICY"; a managed policy is named by its name.
    assert {
        name: one["MatchedStatements"][0]["SourcePolicyId"] for name, one in found.items()
    } == {
        "sqs:SendMessage": "user_ann_own",
        "s3:GetObject": "group_readers_read",
        "cloudformation:CreateStack": "AWSCloudFormationFullAccess",
    }


@covers("iam", "SimulatePrincipalPolicy")
def test_a_role_is_simulated_within_its_boundary(client):
    iam = client("iam")
    boundary = iam.create_policy(
        PolicyName="limit", PolicyDocument=policy(statement("Allow", "sqs:*"))
    )["Policy"]["Arn"]
    arn = iam.create_role(
        RoleName="worker",
        Path="/team/",
        AssumeRolePolicyDocument=TRUST,
        PermissionsBoundary=boundary,
    )["Role"]["Arn"]
    iam.put_role_policy(
        RoleName="worker", PolicyName="all", PolicyDocument=policy(statement("Allow", "*"))
    )
    found = results(
        iam.simulate_principal_policy(
            PolicySourceArn=arn, ActionNames=["sqs:SendMessage", "s3:GetObject"]
        )
    )
    assert found["sqs:SendMessage"]["EvalDecision"] == "allowed"
    assert (
        found["sqs:SendMessage"]["MatchedStatements"][0]["SourcePolicyId"] == "role_worker_all"
    )
    assert found["s3:GetObject"]["EvalDecision"] == "implicitDeny"
    extra = iam.simulate_principal_policy(
        PolicySourceArn=arn,
        ActionNames=["sqs:SendMessage"],
        PolicyInputList=[policy(statement("Deny", "sqs:SendMessage"))],
    )["EvaluationResults"][0]
    assert extra["EvalDecision"] == "explicitDeny"


@covers("iam", "SimulatePrincipalPolicy", "NoSuchEntity")
def test_a_principal_that_is_not_there_cannot_be_simulated(client, account):
    with aws_error("NoSuchEntity", http_status=404):
        client("iam").simulate_principal_policy(
            PolicySourceArn=f"arn:aws:iam::{account}:user/nobody", ActionNames=["s3:GetObject"]
        )


@covers("iam", "SimulatePrincipalPolicy", "InvalidInput")
def test_a_role_session_cannot_be_simulated(client, account):
    # Observed: the text, as users of the simulator quote it.
    with aws_error("InvalidInput", match="does not clearly define entity type and name"):
        client("iam").simulate_principal_policy(
            PolicySourceArn=f"arn:aws:sts::{account}:assumed-role/role/session",
            ActionNames=["s3:GetObject"],
        )


@covers("iam", "GetContextKeysForCustomPolicy")
def test_context_keys_of_documents(client):
    document = policy(
        statement(
            "Allow",
            "s3:*",
            "arn:aws:s3:::home/${aws:username}/*",
            Condition={"StringEquals": {"aws:PrincipalTag/team": "a"}},
        )
    )
    keys = client("iam").get_context_keys_for_custom_policy(PolicyInputList=[document, document])
    assert sorted(keys["ContextKeyNames"]) == ["aws:PrincipalTag/team", "aws:username"]


@covers("iam", "GetContextKeysForCustomPolicy", "InvalidInput")
def test_context_keys_of_no_policy(client):
    with aws_error("InvalidInput"):
        client("iam").get_context_keys_for_custom_policy(PolicyInputList=["nonsense"])


@covers("iam", "GetContextKeysForPrincipalPolicy")
def test_context_keys_of_a_principal(client):
    iam = client("iam")
    arn = iam.create_user(UserName="ann")["User"]["Arn"]
    iam.put_user_policy(
        UserName="ann",
        PolicyName="own",
        PolicyDocument=policy(
            statement("Allow", "s3:*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})
        ),
    )
    keys = iam.get_context_keys_for_principal_policy(
        PolicySourceArn=arn,
        PolicyInputList=[
            policy(statement("Allow", "*", Condition={"Bool": {"aws:SecureTransport": "true"}}))
        ],
    )["ContextKeyNames"]
    assert sorted(keys) == ["aws:SecureTransport", "aws:SourceIp"]


@covers("iam", "GetContextKeysForPrincipalPolicy", "NoSuchEntity")
def test_context_keys_of_nobody(client, account):
    with aws_error("NoSuchEntity", http_status=404):
        client("iam").get_context_keys_for_principal_policy(
            PolicySourceArn=f"arn:aws:iam::{account}:role/nobody"
        )
