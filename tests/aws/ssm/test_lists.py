"""Hierarchies, filters and paging: GetParametersByPath, DescribeParameters."""

import pytest
from harness import aws_error, covers


@pytest.fixture
def ssm(client):
    return client("ssm")


@pytest.fixture
def tree(ssm):
    for name, kind in (("/app/a", "String"), ("/app/b/c", "SecureString"), ("/app/b/d", "String"),
                       ("/application/x", "StringList"), ("top", "String")):
        ssm.put_parameter(Name=name, Value="1,2", Type=kind,
                          Tags=[{"Key": "kind", "Value": kind}])
    return ssm


def names(answer):
    return [p["Name"] for p in answer["Parameters"]]


@covers("ssm", "GetParametersByPath")
def test_below_a_path(tree):
    assert names(tree.get_parameters_by_path(Path="/app")) == ["/app/a"]
    assert names(tree.get_parameters_by_path(Path="/app/", Recursive=True)) == [
        "/app/a", "/app/b/c", "/app/b/d"]
    assert names(tree.get_parameters_by_path(Path="/app/b")) == ["/app/b/c", "/app/b/d"]
    assert names(tree.get_parameters_by_path(Path="/")) == ["top"]
    assert len(names(tree.get_parameters_by_path(Path="/", Recursive=True))) == 5
    got = tree.get_parameters_by_path(Path="/app/b", WithDecryption=True)["Parameters"]
    assert [p["Value"] for p in got] == ["1,2", "1,2"]


def test_pages_of_a_path(ssm):
    for i in range(23):
        ssm.put_parameter(Name=f"/p/{i:02}", Value="v", Type="String")
    pages = list(ssm.get_paginator("get_parameters_by_path").paginate(Path="/p"))
    assert [len(page["Parameters"]) for page in pages] == [10, 10, 3]
    assert sum((names(page) for page in pages), []) == [f"/p/{i:02}" for i in range(23)]


def test_filters_of_a_path(tree):
    tree.label_parameter_version(Name="/app/b/d", Labels=["live"])
    tree.put_parameter(Name="/app/b/d", Value="new", Overwrite=True)

    def find(**filter):
        return names(tree.get_parameters_by_path(
            Path="/app", Recursive=True, ParameterFilters=[filter]))

    assert find(Key="Type", Values=["SecureString"]) == ["/app/b/c"]
    assert find(Key="KeyId", Values=["alias/aws/ssm"]) == ["/app/b/c"]
    assert find(Key="Label", Values=["live"]) == ["/app/b/d"]
    got = tree.get_parameters_by_path(Path="/app", Recursive=True, ParameterFilters=[
        {"Key": "Label", "Values": ["live"]}])["Parameters"][0]
    assert (got["Value"], got["Version"]) == ("1,2", 1)


@covers("ssm", "GetParametersByPath",
        error=["InvalidFilterKey", "InvalidFilterOption", "InvalidFilterValue", "InvalidNextToken",
               "ValidationException"])
def test_by_path_refuses(ssm):
    def by(**filter):
        return ssm.get_parameters_by_path(Path="/", ParameterFilters=[filter])

    with aws_error("InvalidFilterKey", 400,
                   "The following filter key is not valid: Name. Valid filter keys include: "
                   "[Type, KeyId]."):
        by(Key="Name", Values=["x"])
    with aws_error("InvalidFilterOption", 400):
        by(Key="KeyId", Option="Nearly", Values=["x"])
    with aws_error("InvalidFilterValue", 400,
                   "The following filter values are missing : null for filter key Type."):
        by(Key="Type")
    with aws_error("InvalidNextToken", 400):
        ssm.get_parameters_by_path(Path="/", NextToken="!")
    with aws_error("ValidationException", 400, match="must begin with a forward slash"):
        ssm.get_parameters_by_path(Path="app")


@covers("ssm", "DescribeParameters")
def test_descriptions(ssm, account):
    ssm.put_parameter(Name="/d", Value="v", Type="String", Description="text",
                      AllowedPattern=".*")
    got = ssm.describe_parameters()["Parameters"][0]
    assert got["Description"] == "text"
    assert got["AllowedPattern"] == ".*"
    assert got["LastModifiedUser"] == f"arn:aws:iam::{account}:root"
    assert (got["Tier"], got["Version"], got["DataType"]) == ("Standard", 1, "text")
    assert got["Policies"] == []
    assert "Value" not in got


@pytest.mark.parametrize("filters, expected", [
    ([{"Key": "Name", "Values": ["/app/a"]}], ["/app/a"]),
    ([{"Key": "Name", "Values": ["/top"]}], ["top"]),
    ([{"Key": "Name", "Option": "BeginsWith", "Values": ["/app/b"]}], ["/app/b/c", "/app/b/d"]),
    ([{"Key": "Name", "Option": "Contains", "Values": ["lication"]}], ["/application/x"]),
    ([{"Key": "Type", "Values": ["StringList", "SecureString"]}], ["/app/b/c", "/application/x"]),
    ([{"Key": "KeyId", "Values": ["alias/aws/ssm"]}], ["/app/b/c"]),
    ([{"Key": "Tier", "Values": ["Advanced"]}], []),
    ([{"Key": "DataType", "Values": ["text"]}, {"Key": "Name", "Values": ["top"]}], ["top"]),
    ([{"Key": "Path", "Values": ["/app"]}], ["/app/a"]),
    ([{"Key": "Path", "Option": "Recursive", "Values": ["/app"]}],
     ["/app/a", "/app/b/c", "/app/b/d"]),
    ([{"Key": "Path", "Option": "OneLevel", "Values": ["/app/b", "/application"]}],
     ["/app/b/c", "/app/b/d", "/application/x"]),
    ([{"Key": "tag:kind", "Values": ["StringList"]}], ["/application/x"]),
    ([{"Key": "tag:none"}], []),
])
def test_filters(tree, filters, expected):
    assert names(tree.describe_parameters(ParameterFilters=filters)) == expected


def test_old_filters(tree):
    got = tree.describe_parameters(Filters=[{"Key": "Name", "Values": ["/app/"]}])
    assert names(got) == ["/app/a", "/app/b/c", "/app/b/d"]


def test_pages(tree):
    got = tree.describe_parameters(MaxResults=2)
    found = names(got)
    while "NextToken" in got:
        got = tree.describe_parameters(MaxResults=2, NextToken=got["NextToken"])
        found += names(got)
    assert found == ["/app/a", "/app/b/c", "/app/b/d", "/application/x", "top"]


@covers("ssm", "DescribeParameters",
        error=["InvalidFilterKey", "InvalidFilterOption", "InvalidFilterValue", "InvalidNextToken",
               "ValidationException"])
@pytest.mark.parametrize("filters, code, text", [
    ([{"Key": "Label", "Values": ["x"]}], "InvalidFilterKey",
     "The following filter key is not valid: Label. Valid filter keys include: [Path, Name, Type, "
     "KeyId, Tier]."),
    ([{"Key": "Name", "Values": ["x"]}, {"Key": "Name", "Values": ["y"]}], "InvalidFilterKey",
     "The following filter is duplicated in the request: Name. A request can contain only one "
     "occurrence of a specific filter."),
    ([{"Key": "Name"}], "InvalidFilterValue",
     "The following filter values are missing : null for filter key Name."),
    ([{"Key": "Tier", "Values": ["Best"]}], "InvalidFilterOption",
     "The following filter value is not valid: Best. Valid values include: [Standard, Advanced, "
     "Intelligent-Tiering]."),
    ([{"Key": "Type", "Values": ["Text"]}], "InvalidFilterOption",
     "The following filter value is not valid: Text. Valid values include: [String, StringList, "
     "SecureString]."),
    ([{"Key": "Name", "Option": "Like", "Values": ["x"]}], "InvalidFilterOption",
     "The following filter option is not valid: Like. Valid options include: [BeginsWith, "
     "Equals]."),
    ([{"Key": "Path", "Option": "Equals", "Values": ["/x"]}], "InvalidFilterOption",
     "The following filter option is not valid: Equals. Valid options include: [Recursive, "
     "OneLevel]."),
    ([{"Key": "Path", "Values": ["/aws/x"]}], "ValidationException",
     'Filters for common parameters can\'t be prefixed with "aws" or "ssm" (case-insensitive). '
     "When using global parameters, please specify within a global namespace."),
])
def test_describe_refuses(ssm, filters, code, text):
    with aws_error(code, 400, text):
        ssm.describe_parameters(ParameterFilters=filters)


def test_describe_refuses_both_kinds_of_filters(ssm):
    with aws_error("ValidationException", 400,
                   "You can use either Filters or ParameterFilters in a single request."):
        ssm.describe_parameters(Filters=[{"Key": "Name", "Values": ["x"]}],
                                ParameterFilters=[{"Key": "Name", "Values": ["x"]}])
    with aws_error("InvalidNextToken", 400):
        ssm.describe_parameters(NextToken="!")
