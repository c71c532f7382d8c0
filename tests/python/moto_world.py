"""Functions and their metrics in moto, made with boto3 and its stock settings.

    moto_world.py URL create FUNCTIONS
    moto_world.py URL put FUNCTIONS FIRST_MINUTE MINUTES

FUNCTIONS is the JSON of tests/moto.rs. A function's minutes repeat: minute m, counted since 1970, has the numbers of
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


def client(service, url):
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",
    )


def code():
    """The smallest thing that can be uploaded."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("handler.py", "def handle(event, context):\n    return event\n")
    return archive.getvalue()


def create(url, functions):
    role = client("iam", url).create_role(RoleName="run", AssumeRolePolicyDocument=json.dumps(TRUST))
    for function in functions:
        client("lambda", url).create_function(
            FunctionName=function["name"],
            Role=role["Role"]["Arn"],
            Handler="handler.handle",
            Code={"ZipFile": code()},
            Runtime="python3.13",
            Architectures=[function["architecture"]],
            MemorySize=function["memory_mb"],
            EphemeralStorage={"Size": function["tmp_mb"]},
            Timeout=30,
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


def put(url, functions, first, count):
    cloudwatch = client("cloudwatch", url)
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
    _, url, what, functions, *minutes = sys.argv
    functions = json.loads(functions)
    if what == "create":
        create(url, functions)
    else:
        put(url, functions, *map(int, minutes))


if __name__ == "__main__":
    main()
