"""CloudWatch metrics over the wire: what is put, what is refused, and what comes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.local.conftest import Aws, allow, unique
from tests.local.lake import Lake

WHOLE = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=30)
MINUTE = timedelta(minutes=1)
STATISTICS = ["Sum", "SampleCount", "Minimum", "Maximum", "Average"]


@pytest.fixture
def namespace() -> str:
    return unique("Test")


@pytest.fixture
def cloudwatch(aws: Aws) -> Any:
    """A client that leaves it to the service to refuse a request."""
    make: Any = boto3.client
    return make(
        "cloudwatch",
        region_name="us-east-1",
        endpoint_url=aws.endpoint,
        aws_access_key_id="root",
        aws_secret_access_key="root",
        config=Config(parameter_validation=False),
    )


def datum(value: float | None = 1.0, minutes: float = 0, **more: Any) -> dict[str, Any]:
    given = {} if value is None else {"Value": value}
    return {"MetricName": "Rows", "Timestamp": WHOLE + minutes * MINUTE, **given, **more}


def put(cloudwatch: Any, namespace: str, *metric_data: dict[str, Any]) -> None:
    cloudwatch.put_metric_data(Namespace=namespace, MetricData=list(metric_data))


def statistics(cloudwatch: Any, namespace: str, **more: Any) -> list[dict[str, Any]]:
    asked: dict[str, Any] = {
        "Namespace": namespace,
        "MetricName": "Rows",
        "StartTime": WHOLE,
        "EndTime": WHOLE + 10 * MINUTE,
        "Period": 300,
        "Statistics": STATISTICS,
        **more,
    }
    found = cloudwatch.get_metric_statistics(**asked)["Datapoints"]
    return sorted(found, key=lambda point: (point["Timestamp"], point["Unit"]))


def sums(cloudwatch: Any, namespace: str, **more: Any) -> list[float]:
    found = statistics(cloudwatch, namespace, Statistics=["Sum"], **more)
    return [point["Sum"] for point in found]


def query(namespace: str, name: str, query_id: str, period: int = 300) -> dict[str, Any]:
    metric = {"Namespace": namespace, "MetricName": name}
    return {"Id": query_id, "MetricStat": {"Metric": metric, "Period": period, "Stat": "Sum"}}


def results(cloudwatch: Any, *queries: dict[str, Any], **more: Any) -> dict[str, dict[str, Any]]:
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=list(queries), StartTime=WHOLE, EndTime=WHOLE + 10 * MINUTE, **more
    )
    return {result["Id"]: result for result in answer["MetricDataResults"]}


def refused(cloudwatch: Any, namespace: str, *metric_data: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        put(cloudwatch, namespace, *metric_data)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


# ------------------------------------------------------------------------------------- put, get


def test_values_counts_and_statistic_sets_are_summed_up(cloudwatch: Any, namespace: str) -> None:
    known = {"SampleCount": 4.0, "Sum": 40.0, "Minimum": 0.0, "Maximum": 30.0}
    put(
        cloudwatch,
        namespace,
        datum(5.0),
        datum(None, 4.9, Values=[1.0, 2.0], Counts=[3.0, 1.0]),
        datum(None, 5, StatisticValues=known),
    )
    first, second = statistics(cloudwatch, namespace)
    assert first == {
        "Timestamp": WHOLE,
        "Unit": "None",
        "Sum": 10.0,
        "SampleCount": 5.0,
        "Minimum": 1.0,
        "Maximum": 5.0,
        "Average": 2.0,
    }
    assert second == {
        "Timestamp": WHOLE + 5 * MINUTE,
        "Unit": "None",
        "Average": 10.0,
        **known,
    }


def test_dimensions_are_exact(cloudwatch: Any, namespace: str) -> None:
    orders = [{"Name": "Pipeline", "Value": "p"}, {"Name": "Dataset", "Value": "orders"}]
    put(cloudwatch, namespace, datum(1.0), datum(2.0, Dimensions=orders))
    assert sums(cloudwatch, namespace) == [1.0]
    assert sums(cloudwatch, namespace, Dimensions=orders[::-1]) == [2.0]
    assert sums(cloudwatch, namespace, Dimensions=orders[:1]) == []


def test_units_stay_apart(cloudwatch: Any, namespace: str) -> None:
    put(cloudwatch, namespace, datum(1.0, Unit="Count"), datum(2.0, Unit="Bytes"))
    assert sums(cloudwatch, namespace) == [2.0, 1.0]
    assert sums(cloudwatch, namespace, Unit="Count") == [1.0]


@pytest.mark.parametrize(("resolution", "expected"), [(1, [1.0, 2.0]), (60, [3.0])])
def test_storage_resolution__one_keeps_seconds_apart(
    cloudwatch: Any, namespace: str, resolution: int, expected: list[float]
) -> None:
    more = {"StorageResolution": resolution}
    put(cloudwatch, namespace, datum(1.0, 0.1, **more), datum(2.0, 0.7, **more))
    assert sums(cloudwatch, namespace, Period=10, EndTime=WHOLE + MINUTE) == expected


def test_list_metrics__names_each_once(cloudwatch: Any, namespace: str) -> None:
    orders, returns = ([{"Name": "Dataset", "Value": one}] for one in ("orders", "returns"))
    put(
        cloudwatch, namespace, datum(Dimensions=orders), datum(Dimensions=returns), datum(), datum()
    )
    found = cloudwatch.list_metrics(Namespace=namespace)["Metrics"]
    assert [one["Dimensions"] for one in found] == [orders, returns, []]
    assert {(one["Namespace"], one["MetricName"]) for one in found} == {(namespace, "Rows")}
    for asked in ({"Name": "Dataset", "Value": "orders"}, {"Name": "Dataset"}, {"Name": "x"}):
        named = cloudwatch.list_metrics(Namespace=namespace, Dimensions=[asked])["Metrics"]
        assert [one["Dimensions"] for one in named] == {
            "orders": [orders],
            None: [orders, returns] if asked["Name"] == "Dataset" else [],
        }[asked.get("Value")]


def test_get_metric_data__sums_expressions(cloudwatch: Any, namespace: str) -> None:
    put(cloudwatch, namespace, datum(1.0), datum(2.0, 6), datum(4.0, 6, MetricName="Other"))
    asked = (
        {**query(namespace, "Rows", "a"), "ReturnData": False},
        query(namespace, "Other", "b"),
        {"Id": "e", "Expression": "a + b + 10", "Label": "all"},
    )
    found = results(cloudwatch, *asked)
    assert set(found) == {"b", "e"}
    assert (found["e"]["Label"], found["e"]["Values"]) == ("all", [16.0, 11.0])
    assert found["e"]["Timestamps"] == [WHOLE + 5 * MINUTE, WHOLE]
    assert (found["b"]["Label"], found["b"]["Values"]) == ("Other", [4.0])
    ascending = results(cloudwatch, *asked, ScanBy="TimestampAscending")
    assert ascending["e"]["Values"] == [11.0, 16.0]


@pytest.mark.parametrize(
    ("second", "text"),
    [
        ({"Expression": "MAX(a)"}, "'MAX(a)' of the expression"),
        ({"Expression": "SEARCH('{x}', 'Sum', 60)"}, "does no other metric math than sums"),
    ],
)
def test_get_metric_data__other_math_is_refused(
    cloudwatch: Any, namespace: str, second: dict[str, Any], text: str
) -> None:
    with pytest.raises(ClientError, match="ValidationError") as caught:
        results(cloudwatch, query(namespace, "Rows", "a"), {"Id": "e", **second})
    assert text in caught.value.response["Error"]["Message"]


def test_get_metric_data__metrics_of_two_periods_are_not_added(
    cloudwatch: Any, namespace: str
) -> None:
    asked = (query(namespace, "Rows", "a"), query(namespace, "Rows", "b", 60))
    with pytest.raises(ClientError, match="adds metrics of one period only"):
        results(cloudwatch, *asked, {"Id": "e", "Expression": "a + b"})


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"Period": 90}, "The parameter Period must be"),
        ({"StartTime": WHOLE + 10 * MINUTE}, "StartTime must be less than"),
        ({"Period": 1, "EndTime": WHOLE + 25 * MINUTE}, "up to 1,500 datapoints, which exceeds"),
    ],
)
def test_get_metric_statistics__what_aws_refuses(
    cloudwatch: Any, namespace: str, more: dict[str, Any], text: str
) -> None:
    with pytest.raises(ClientError) as caught:
        statistics(cloudwatch, namespace, **more)
    assert text in caught.value.response["Error"]["Message"]


def test_percentiles_are_refused_by_name(cloudwatch: Any, namespace: str) -> None:
    asked = query(namespace, "Rows", "a")
    asked["MetricStat"]["Stat"] = "p99"
    with pytest.raises(ClientError, match="no percentiles or other extended ones: p99"):
        results(cloudwatch, asked)


# --------------------------------------------------------------------------------------- limits


def test_put__a_thousand_metrics_and_no_more(cloudwatch: Any, namespace: str) -> None:
    put(cloudwatch, namespace, *[datum(1.0)] * 1000)
    assert sums(cloudwatch, namespace) == [1000.0]
    assert refused(cloudwatch, namespace, *[datum(1.0)] * 1001) == (
        "InvalidParameterValue",
        "The collection MetricData must not have a size greater than 1000.",
    )


def dimensions(count: int) -> list[dict[str, str]]:
    return [{"Name": f"d{n}", "Value": "v"} for n in range(count)]


AT_THE_LIMIT = [
    datum(MetricName="x" * 255),
    datum(Dimensions=dimensions(30)),
    datum(Dimensions=[{"Name": "n" * 255, "Value": "v" * 1024}]),
    datum(None, Values=[float(n) for n in range(150)]),
    datum(2.0**360),
    # An hour within, and an hour beyond: that much may pass until the test's turn comes.
    datum(minutes=30 - 14 * 24 * 60 + 60),
    datum(minutes=30 + 119),
]
OVER_IT = [
    (datum(MetricName="x" * 256), "MetricName must be shorter than 256 characters"),
    (datum(MetricName=""), "MetricName must not be empty"),
    (datum(Dimensions=dimensions(31)), "Dimensions must not have a size greater than 30"),
    (
        datum(Dimensions=[{"Name": "n" * 256, "Value": "v"}]),
        "Dimensions.member.1.Name must be shorter than 256",
    ),
    (
        datum(Dimensions=[*dimensions(1), {"Name": "n", "Value": "v" * 1025}]),
        "Dimensions.member.2.Value must be shorter than 1025",
    ),
    (datum(None, Values=[1.0] * 151), "Values must not have a size greater than 150"),
    (datum(None, Values=[1.0], Counts=[1.0, 2.0]), "must be of the same size"),
    (datum(1.0, Values=[1.0]), "are mutually exclusive"),
    (datum(None), "MetricData.member.1.Value is required"),
    (datum(None, StatisticValues={"Sum": 1.0}), "StatisticValues.SampleCount is required"),
    (datum(float("nan")), "The value nan for parameter MetricData.member.1.Value is invalid"),
    (datum(float("inf")), "The value inf for parameter MetricData.member.1.Value is invalid"),
    (datum(2.0**361), "for parameter MetricData.member.1.Value is invalid"),
    (datum(Unit="Rows"), "Unit must be a value in the set [ Seconds,"),
    (datum(StorageResolution=10), "StorageResolution must be a value in the set [ 1, 60 ]"),
    (datum(minutes=30 - 14 * 24 * 60 - 2), "within the past two weeks"),
    (datum(minutes=30 + 180), "no more than two hours in the future"),
]


@pytest.mark.parametrize("given", AT_THE_LIMIT)
def test_put__up_to_the_limit(cloudwatch: Any, namespace: str, given: dict[str, Any]) -> None:
    put(cloudwatch, namespace, given)
    assert len(cloudwatch.list_metrics(Namespace=namespace)["Metrics"]) == 1


@pytest.mark.parametrize(("given", "text"), OVER_IT)
def test_put__over_the_limit_nothing_is_taken(
    cloudwatch: Any, namespace: str, given: dict[str, Any], text: str
) -> None:
    code, message = refused(cloudwatch, namespace, given, datum(MetricName="Good"))
    assert code in ("InvalidParameterValue", "MissingParameter", "InvalidParameterCombination")
    assert text in message
    assert cloudwatch.list_metrics(Namespace=namespace)["Metrics"] == []


@pytest.mark.parametrize("name", ["AWS/States", "x" * 256, ":x"])
def test_put__namespaces_that_are_not_the_callers(cloudwatch: Any, name: str) -> None:
    code, message = refused(cloudwatch, name, datum())
    assert (code, "Namespace" in message) == ("InvalidParameterValue", True)


# ----------------------------------------------------------------------------------- AWS/Athena


def _athena(cloudwatch: Any, group: str, name: str, **more: str) -> list[float]:
    now = datetime.now(UTC)
    found = cloudwatch.get_metric_statistics(
        Namespace="AWS/Athena",
        MetricName=name,
        Dimensions=[{"Name": k, "Value": v} for k, v in {"WorkGroup": group, **more}.items()],
        StartTime=now - 5 * MINUTE,
        EndTime=now + MINUTE,
        Period=3600,
        Statistics=["Sum", "SampleCount"],
    )["Datapoints"]
    return [value for point in found for value in (point["Sum"], point["SampleCount"])]


def test_athena__measures_queries_of_workgroups_that_publish(aws: Aws, cloudwatch: Any) -> None:
    lake = Lake(aws)
    lake.put("raw/t/a.parquet", {"n": list(range(1000))})
    lake.crawl(lake.crawler("raw/t/"))

    def run() -> int:
        execution = lake.finish(lake.start("SELECT sum(n) FROM t"))
        assert execution["Status"]["State"] == "SUCCEEDED"
        scanned: int = execution["Statistics"]["DataScannedInBytes"]
        return scanned

    run()
    assert _athena(cloudwatch, lake.workgroup, "ProcessedBytes") == []
    lake.athena.update_work_group(
        WorkGroup=lake.workgroup, ConfigurationUpdates={"PublishCloudWatchMetricsEnabled": True}
    )
    scanned = run()
    lake.fails("SELECT nothing FROM t")
    assert scanned > 0
    assert _athena(cloudwatch, lake.workgroup, "ProcessedBytes") == [float(scanned), 2.0]
    alike = {"QueryState": "SUCCEEDED", "QueryType": "DML"}
    assert _athena(cloudwatch, lake.workgroup, "ProcessedBytes", **alike) == [float(scanned), 1.0]
    total, count = _athena(cloudwatch, lake.workgroup, "TotalExecutionTime", **alike)
    assert (total > 0, count) == (True, 1.0)
    failed = _athena(
        cloudwatch, lake.workgroup, "TotalExecutionTime", QueryState="FAILED", QueryType="DML"
    )
    assert failed[1] == 1.0


# ------------------------------------------------------------------------------- Step Functions


def test_state_machine__puts_metrics_in_the_namespace_that_it_may(
    aws: Aws, cloudwatch: Any, namespace: str
) -> None:
    condition = {"StringEquals": {"cloudwatch:namespace": namespace}}
    role = aws.role(allow("cloudwatch:PutMetricData", "*", Condition=condition))

    def run(where: str, count: int = 1) -> dict[str, Any]:
        named = {"MetricName": "Rows", "Value": 7, "Unit": "Count"}
        data = [
            {**named, "Dimensions": [{"Name": "Dataset", "Value": f"d{n}"}]} for n in range(count)
        ]
        task = {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:cloudwatch:putMetricData",
            "Arguments": {"Namespace": where, "MetricData": data},
            "End": True,
        }
        return aws.run({"StartAt": "Put", "States": {"Put": task}}, role_arn=role)

    # So many of them are sent compressed.
    assert run(namespace, 200)["status"] == "SUCCEEDED"
    found = cloudwatch.list_metrics(Namespace=namespace)["Metrics"]
    assert len(found) == 200
    refusal = run(f"{namespace}-other")
    assert refusal["status"] == "FAILED"
    assert "is not authorized to perform: cloudwatch:PutMetricData" in refusal["cause"]
