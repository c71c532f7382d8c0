"""Functions and their metrics in moto, made with boto3 and its stock settings.

    moto_world.py URL PLACE create FUNCTIONS
    moto_world.py URL PLACE put FUNCTIONS FIRST_MINUTE MINUTES

PLACE is a region, or a region and the ARN of a role in another account: `eu-west-1=arn:aws:iam::111111111111:role/x`. FUNCTIONS is the JSON of tests/moto.rs. A function's minutes repeat: minute m, counted since 1970, has the numbers of
entry m modulo their count. A number that is 0 is not put, as Lambda does not publish it either.
"""

import datetime
import io
import json
import sys
import zipfile

import boto3

# The most metrics of one PutMetricData.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
MOST_METRICS = 1000

TRUST = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    },
}


class Place:
    """A region, seen with credentials of its own or of a role."""

    def __init__(self, url, place):
        self.url = url
        self.region, _, role = place.partition("=")
        self.credentials = {
            "aws_access_key_id": "AKIDEXAMPLE",
            "aws_secret_access_key": "secret",
        }
        if role:
            assumed = self.client("sts").assume_role(RoleArn=role, RoleSessionName="world")
            self.credentials = {
                "aws_access_key_id": assumed["Credentials"]["AccessKeyId"],
                "aws_secret_access_key": assumed["Credentials"]["SecretAccessKey"],
                "aws_session_token": assumed["Credentials"]["SessionToken"],
            }

    def client(self, service):
        return boto3.client(
            service, endpoint_url=self.url, region_name=self.region, **self.credentials
        )


def code():
    """The smallest thing that can be uploaded."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("handler.py", "def handle(event, context):\n    return event\n")
    return archive.getvalue()


def create(place, functions):
    iam = place.client("iam")
    name = f"run-in-{place.region}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    for function in functions:
        place.client("lambda").create_function(
            FunctionName=function["name"],
            Role=role["Role"]["Arn"],
            Handler="handler.handle",
            Code={"ZipFile": code()},
            Runtime="python3.13",
            Architectures=[function["architecture"]],
            MemorySize=function["memory_mb"],
            EphemeralStorage={"Size": function["tmp_mb"]},
            Timeout=30,
            Tags=function.get("tags", {}),
        )


def metrics(function, minute):
    """What Lambda publishes of a function's minute: by its name, and by its name and its alias once more."""
    numbers = function["minutes"][minute % len(function["minutes"])]
    calls, milliseconds = numbers["invocations"], numbers["duration_ms"]
    named = [{"Name": "FunctionName", "Value": function["name"]}]
    shapes = [named, [*named, {"Name": "Resource", "Value": f"{function['name']}:live"}]]
    time = datetime.datetime.fromtimestamp(minute * 60, datetime.timezone.utc)

    def metric(name, unit, dimensions, **value):
        return {
            "MetricName": name,
            "Unit": unit,
            "Dimensions": dimensions,
            "Timestamp": time,
            **value,
        }

    for dimensions in shapes:
        if calls > 0:
            yield metric("Invocations", "Count", dimensions, Value=calls)
            mean = milliseconds / calls
            measured = {
                "SampleCount": calls,
                "Sum": milliseconds,
                "Minimum": mean / 2,
                "Maximum": mean * 2,
            }
            yield metric("Duration", "Milliseconds", dimensions, StatisticValues=measured)
        for name, value in (
            ("Errors", numbers["errors"]),
            ("Throttles", numbers["throttles"]),
            ("ConcurrentExecutions", numbers["concurrency"]),
        ):
            if value > 0:
                yield metric(name, "Count", dimensions, Value=value)


def put(place, functions, first, count):
    cloudwatch = place.client("cloudwatch")
    data = [
        metric
        for minute in range(first, first + count)
        for function in functions
        for metric in metrics(function, minute)
    ]
    for start in range(0, len(data), MOST_METRICS):
        batch = data[start : start + MOST_METRICS]
        cloudwatch.put_metric_data(Namespace="AWS/Lambda", MetricData=batch)
    print(f"{len(data)} metrics of {count} minutes put")


def main():
    _, url, place, what, functions, *minutes = sys.argv
    place, functions = Place(url, place), json.loads(functions)
    if what == "create":
        create(place, functions)
    else:
        put(place, functions, *map(int, minutes))


if __name__ == "__main__":
    main()
