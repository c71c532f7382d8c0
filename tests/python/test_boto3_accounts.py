"""boto3 with stock settings against a simulated cloud of several accounts and regions.

The world is that of tests/simulated_accounts.rs.
"""

import os
import time

import boto3
import botocore
from botocore.exceptions import ClientError

OWN, LINKED, STRANGER = "123456789012", "111111111111", "222222222222"


def refused(call):
    """The error of a call that must fail."""
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    raise AssertionError("the call should have been refused")


def assume(account, role, **more):
    arn = f"arn:aws:iam::{account}:role/{role}"
    return boto3.client("sts").assume_role(RoleArn=arn, RoleSessionName="boto3", **more)


def session(account, role, **more):
    credentials = assume(account, role, **more)["Credentials"]
    return boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


def names(session, region):
    pages = session.client("lambda", region_name=region).get_paginator("list_functions").paginate()
    return [function["FunctionArn"] for page in pages for function in page["Functions"]]


def arn(account, region, name):
    return f"arn:aws:lambda:{region}:{account}:function:{name}"


def each_account_and_region_has_its_own_functions():
    linked = session(LINKED, "breakeven", ExternalId="x-1")
    assert names(boto3, "us-east-1") == [arn(OWN, "us-east-1", "api"), arn(OWN, "us-east-1", "quiet")]
    assert names(boto3, "eu-west-1") == [arn(OWN, "eu-west-1", "api")]
    assert names(linked, "us-east-1") == [arn(LINKED, "us-east-1", "api")]
    assert names(linked, "eu-west-1") == []
    identity = linked.client("sts").get_caller_identity()
    assert identity["Account"] == LINKED, identity
    assert identity["Arn"] == f"arn:aws:sts::{LINKED}:assumed-role/breakeven/boto3", identity
    assert refused(lambda: linked.client("lambda").get_function(FunctionName="quiet")) == (
        "ResourceNotFoundException",
        404,
    )


def only_the_right_role_and_external_id_open_an_account():
    for account, role, more in (
        (LINKED, "breakeven", {}),
        (LINKED, "breakeven", {"ExternalId": "x-2"}),
        (LINKED, "admin", {"ExternalId": "x-1"}),
        ("999999999999", "breakeven", {}),
    ):
        assert refused(lambda: assume(account, role, **more)) == ("AccessDenied", 403), (account, more)


def a_session_ends():
    short = session(STRANGER, "reader")
    assert names(short, "us-east-1") == [arn(STRANGER, "us-east-1", "api")]
    deadline = time.monotonic() + 20
    while True:
        try:
            names(short, "us-east-1")
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ExpiredTokenException", error
            break
        assert time.monotonic() < deadline, "the session never ended"
    for service, call in (
        ("cloudwatch", lambda client: client.list_metrics()),
        ("sts", lambda client: client.get_caller_identity()),
    ):
        code, _ = refused(lambda: call(short.client(service)))
        assert code in ("ExpiredTokenException", "ExpiredToken"), (service, code)


def invocations(session, account=None, region="us-east-1"):
    """The status and the sum of the last hour's invocations of `api`."""
    now = int(time.time()) // 60 * 60
    query = {
        "Id": "a",
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/Lambda",
                "MetricName": "Invocations",
                "Dimensions": [{"Name": "FunctionName", "Value": "api"}],
            },
            "Period": 60,
            "Stat": "Sum",
        },
    }
    if account:
        query["AccountId"] = account
    client = session.client("cloudwatch", region_name=region)
    answer = client.get_metric_data(MetricDataQueries=[query], StartTime=now - 7200, EndTime=now - 3600)
    (result,) = answer["MetricDataResults"]
    return result["StatusCode"], sum(result["Values"])


def the_monitoring_account_reads_what_is_linked_to_it():
    linked = session(LINKED, "breakeven", ExternalId="x-1")
    assert invocations(boto3) == ("Complete", 60 * 60)
    assert invocations(boto3, region="eu-west-1") == ("Complete", 2 * 60 * 60)
    assert invocations(linked) == ("Complete", 3 * 60 * 60)
    assert invocations(boto3, LINKED) == ("Complete", 3 * 60 * 60)
    assert invocations(boto3, STRANGER) == ("Forbidden", 0)
    assert invocations(linked, OWN) == ("Forbidden", 0)
    client = boto3.client("cloudwatch")
    whose = [{"Name": "FunctionName", "Value": "api"}]
    listed = client.list_metrics(MetricName="Errors", Dimensions=whose, IncludeLinkedAccounts=True)
    assert listed["OwningAccounts"] == [OWN, OWN, LINKED, LINKED], listed
    listed = client.list_metrics(
        MetricName="Errors", Dimensions=whose, IncludeLinkedAccounts=True, OwningAccount=LINKED
    )
    assert listed["OwningAccounts"] == [LINKED, LINKED], listed


def main():
    each_account_and_region_has_its_own_functions()
    only_the_right_role_and_external_id_open_an_account()
    a_session_ends()
    the_monitoring_account_reads_what_is_linked_to_it()
    print(f"boto3 {boto3.__version__} (botocore {botocore.__version__}) sees each account and region")


if __name__ == "__main__":
    assert os.environ["AWS_ENDPOINT_URL"]
    main()
