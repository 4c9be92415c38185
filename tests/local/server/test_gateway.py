"""The server and its gateway: start, stop, errors, bodies, what moto lacks."""

from __future__ import annotations

import contextlib
import http.client
import io
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from local import symbols
from local.errors import LocalAwsError, MovedSymbolError, PortTakenError, StartError
from local.operations import operation
from local.server import LocalAws, environment
from local.server.gateway import Call, Gateway
from local.server.serving import listen
from local.settings import Settings, settings
from tests.local.conftest import Aws, unique

ROOT = Path(__file__).resolve().parents[3]


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local", *arguments],
        check=False,
        cwd=ROOT,
        env={**environment("http://127.0.0.1:1"), **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_help__names_the_options_and_the_environment() -> None:
    result = run("serve", "--help")
    assert result.returncode == 0
    for word in ("--port", "--no-iam", "--job-python", "--state-dir", "LOCAL_GLUE_MINUTE_SECONDS"):
        assert word in result.stdout


def test_serve__says_which_port_is_taken() -> None:
    with listen(0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"port {port} of 127.0.0.1 is not free"):
            listen(port)
        result = run("serve", "--port", str(port))
    assert result.returncode == 1
    assert f"port {port} of 127.0.0.1 is not free" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("plugin", ["json", "json:no_such", "no_such_module:function", ":x"])
def test_plugin__that_cannot_be_loaded_is_refused(plugin: str) -> None:
    result = run("serve", "--port", "0", "--plugin", plugin)
    assert result.returncode == 1
    assert f"--plugin {plugin} cannot be loaded" in result.stderr
    assert "write module:function" in result.stderr


def test_serve__refuses_bad_settings() -> None:
    result = run("serve", "--port", "0", LOCAL_GLUE_MINUTE_SECONDS="fast")
    assert result.returncode == 1
    assert "LOCAL_GLUE_MINUTE_SECONDS is 'fast'" in result.stderr
    result = run("serve", "--job-python", "/no/such/python")
    assert result.returncode == 2
    assert "/no/such/python does not exist" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve__is_ready_on_the_loopback_alone_and_stops_cleanly(
    number: signal.Signals, tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "local", "serve", "--port", "0", "--state-dir", str(tmp_path / "s")],
        cwd=ROOT,
        env={**environment("http://127.0.0.1:1"), "AWS_PROFILE": "mine"},
        stdout=subprocess.PIPE,
        text=True,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready http://127.0.0.1:")
        found = psutil.Process(process.pid).net_connections()
        listening = [c.laddr for c in found if c.status == "LISTEN"]
        assert {address.ip for address in listening} == {"127.0.0.1"}
        process.send_signal(number)
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()
        process.communicate()


def test_local_aws__tells_why_it_did_not_start(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="does not exist"):  # noqa: SIM117
        with LocalAws(job_python=tmp_path / "none"):
            pytest.fail("it started")


def test_environment__has_nothing_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://s3.example.com")
    found = environment("http://127.0.0.1:9")
    aws = {name: value for name, value in found.items() if name.startswith("AWS_")}
    assert aws == {
        "AWS_ACCESS_KEY_ID": "root",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_REGION": "us-east-1",
        "AWS_SECRET_ACCESS_KEY": "root",
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def test_settings__are_missing_outside_of_a_server() -> None:
    with pytest.raises(LocalAwsError, match="not running in this process"):
        settings()


def test_settings__know_their_endpoint(tmp_path: Path) -> None:
    assert Settings(port=8, work_dir=tmp_path).endpoint == "http://127.0.0.1:8"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("moto.s3.models:FakeBucket.no_such", "'no_such' is missing"),
        ("moto.s3.models:NoSuch.get_permission", "'NoSuch' is missing"),
        ("moto.no_such_module:x", "the module does not import"),
    ],
)
def test_symbols__name_what_has_moved(name: str, text: str) -> None:
    with pytest.raises(MovedSymbolError, match=text) as caught:
        symbols.resolve(name)
    assert name in str(caught.value)
    assert symbols.MOTO_VERSION in str(caught.value)


def test_symbols__refuse_a_function_with_other_parameters() -> None:
    def permission(self: Any, action: str) -> None:
        del self, action

    with pytest.raises(MovedSymbolError, match=r"takes \['self', 'action', 'resource'\]"):
        symbols.replace("moto.s3.models:FakeBucket.get_permission", permission)


def test_server__refuses_to_start_on_a_moto_that_moved() -> None:
    code = (
        "import moto.events.models as m; del m.Rule.send_to_targets\n"
        "from local.__main__ import main; raise SystemExit(main(['serve', '--port', '0']))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        cwd=ROOT,
        env=environment("http://127.0.0.1:1"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 1
    assert "no usable moto.events.models:Rule.send_to_targets" in result.stderr
    assert "ready" not in result.stdout
    assert "Traceback" not in result.stderr


def test_registry__takes_an_operation_once() -> None:
    name = unique("Service") + ".Operation"

    @operation(name)
    def first(request: dict[str, Any]) -> dict[str, Any]:
        return request

    with pytest.raises(ValueError, match="registered twice"):
        operation(name)(first)


@pytest.mark.parametrize(
    ("service", "method", "arguments", "named"),
    [
        ("stepfunctions", "redrive_execution", {"executionArn": "a"}, "RedriveExecution"),
        (
            "glue",
            "create_blueprint",
            {"Name": "a", "BlueprintLocation": "s3://b/c"},
            "CreateBlueprint",
        ),
        ("iam", "generate_service_last_accessed_details", {"Arn": "a" * 20}, "GenerateService"),
    ],
)
def test_operation_that_moto_lacks__is_refused_at_once(
    aws: Aws, service: str, method: str, arguments: dict[str, Any], named: str
) -> None:
    client = aws.client(service)
    with pytest.raises(ClientError) as caught:
        getattr(client, method)(**arguments)
    answer = caught.value.response
    assert answer["ResponseMetadata"]["RetryAttempts"] == 0
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert answer["Error"]["Code"] == "UnknownOperationException"
    assert named in answer["Error"]["Message"]


def test_body_that_is_no_json__is_refused(aws: Aws) -> None:
    credential = "AWS4-HMAC-SHA256 Credential=root/20260101/us-east-1/glue/aws4_request, x"
    headers = {"X-Amz-Target": "AWSGlue.GetJob", "Authorization": credential}
    request = urllib.request.Request(aws.endpoint, data=b"{", headers=headers)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    with caught.value as answer:
        assert (answer.code, b"SerializationException" in answer.read()) == (400, True)


def test_local_endpoint__that_does_not_exist_lists_those_that_do(aws: Aws) -> None:
    status, answer = aws.get("/_local/nothing")
    assert status == 404
    assert "GET /_local/calls" in answer["error"]
    assert "POST /_local/events/fire" in answer["error"]


def test_unsigned_request__is_refused(aws: Aws) -> None:
    bucket = aws.bucket()
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{aws.endpoint}/{bucket}/key")
    with caught.value as answer:
        assert answer.code == 403


def test_presigned_url__is_authorised_as_its_signer(aws: Aws) -> None:
    bucket, s3 = aws.bucket(), aws.client("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"v")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"v"


def test_keys__with_odd_characters_survive(aws: Aws) -> None:
    bucket, s3 = aws.bucket(), aws.client("s3")
    for key in ("a b", "ä/ö", "q?x=1&y", "plus+and%25", "k=v/'x'", "trailing/", "#hash"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
        s3.copy_object(Bucket=bucket, Key=f"copy/{key}", CopySource={"Bucket": bucket, "Key": key})
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="copy/")
    assert listed["KeyCount"] == 7


def test_large_body__does_not_stay_in_memory(aws: Aws) -> None:
    bucket, s3 = aws.bucket(), aws.client("s3")
    process = psutil.Process(aws.server.pid)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 30_000_000)
    before = process.memory_info().rss
    for _ in range(4):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 30_000_000)
    assert process.memory_info().rss - before < 70_000_000


def test_connection__is_kept_whatever_was_sent_on_it(aws: Aws) -> None:
    bucket, s3 = aws.bucket(), aws.client("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"value")
    address = aws.endpoint.removeprefix("http://")
    signed = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "new"})
    good, sent = signed.removeprefix(aws.endpoint), put.removeprefix(aws.endpoint)
    connection = http.client.HTTPConnection(address, timeout=30)
    with contextlib.closing(connection):

        def ask(method: str, path: str, **more: Any) -> tuple[int, bytes]:
            connection.request(method, path, **more)
            with connection.getresponse() as answer:
                return answer.status, answer.read()

        assert ask("GET", good) == (200, b"value")
        port = connection.sock.getsockname()
        # Refused before anybody has read its body; with no length; and one that asks before.
        assert ask("PUT", f"/{bucket}/refused", body=b"x" * 100_000)[0] == 403
        assert ask("PUT", sent, body=iter([b"in ", b"chunks"]), encode_chunked=True)[0] == 200
        assert s3.get_object(Bucket=bucket, Key="new")["Body"].read() == b"in chunks"
        asks_first = {"Content-Length": "6", "Expect": "100-continue"}
        connection.putrequest("PUT", sent)
        for name, value in asks_first.items():
            connection.putheader(name, value)
        connection.endheaders()
        assert connection.sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.send(b"waited")
        with connection.getresponse() as answer:
            assert answer.status == 200
            answer.read()
        assert ask("HEAD", good)[1] == b""
        assert ask("GET", sent.partition("?")[0])[0] == 403
        assert s3.get_object(Bucket=bucket, Key="new")["Body"].read() == b"waited"
        assert ask("GET", good) == (200, b"value")
        assert connection.sock.getsockname() == port


def test_many_clients__are_served_at_once(aws: Aws) -> None:
    bucket = aws.bucket()
    s3 = aws.client("s3")

    def put(number: int) -> int:
        answer = s3.put_object(Bucket=bucket, Key=f"k{number}", Body=b"v")
        status: int = answer["ResponseMetadata"]["HTTPStatusCode"]
        return status

    with ThreadPoolExecutor(32) as pool:
        assert set(pool.map(put, range(300))) == {200}


def test_connections__wait_in_a_long_queue(aws: Aws) -> None:
    host, port = aws.endpoint.removeprefix("http://").split(":")
    server = psutil.Process(aws.server.pid)
    server.suspend()  # so that nothing takes them out of the queue
    open_: list[socket.socket] = []
    try:
        for _ in range(300):
            open_.append(socket.create_connection((host, int(port)), timeout=1))  # noqa: PERF401
    finally:
        server.resume()
        for one in open_:
            one.close()
    assert aws.client("sts").get_caller_identity()["Account"]


def test_no_iam__records_the_denial_but_serves() -> None:
    with LocalAws(iam=False) as server:
        aws = Aws(server.endpoint, server)
        bucket = aws.bucket()
        role = aws.role()
        aws.as_role("s3", role).put_object(Bucket=bucket, Key="k", Body=b"v")
        _, calls = aws.get(f"/_local/calls?role={role.rsplit('/', 1)[-1]}")
        assert [(c["action"], c["decision"]) for c in calls] == [("s3:PutObject", "DENY")]
        assert aws.get("/_local/calls", "DELETE")[0] == 200
        assert aws.get("/_local/calls") == (200, [])
        process = psutil.Process(server.pid)
        assert process.is_running()
    assert not process.is_running()


# Reads beside changes


@pytest.mark.parametrize(("times", "answered"), [(3, True), (1000, False)])
def test_read__that_a_change_upsets_is_asked_again(times: int, answered: bool) -> None:
    """What moto goes through, another request may have made longer."""
    groups, bodies = dict.fromkeys(range(9)), []

    def moto(environ: Any, _: Any) -> list[bytes]:
        bodies.append(environ["wsgi.input"].read())
        if len(bodies) <= times:
            for name in groups:
                groups[name + 100 * len(bodies)] = None
        return [b"answer"]

    call = Call({"wsgi.input": io.BytesIO(b"{}")}, operation="DescribeLogGroups")
    expected = contextlib.nullcontext() if answered else pytest.raises(RuntimeError)
    with expected:
        assert Gateway(moto)._answer(call, lambda *_: None) == [b"answer"]
        assert bodies == [b"{}"] * (times + 1)


@pytest.mark.parametrize(
    ("service", "together"), [("iam", 1), ("glue", 1), ("s3", 4), ("monitoring", 4)]
)
def test_changes__are_made_one_at_a_time(service: str, together: int) -> None:
    """Before it adds a role, moto goes through all of them; an alarm waits for its topic."""
    inside = 0
    most = threading.Barrier(together)

    def moto(environ: Any, _: Any) -> list[bytes]:
        nonlocal inside
        inside += 1
        most.wait(60)
        found = inside
        time.sleep(0.01)
        inside -= 1
        return [str(found).encode()]

    gateway = Gateway(moto)

    def change(_: int) -> list[bytes]:
        call = Call({"wsgi.input": io.BytesIO()}, service=service, operation="CreateThing")
        return list(gateway._answer(call, lambda *_: None))

    with ThreadPoolExecutor(4) as pool:
        answers = [int(part) for parts in pool.map(change, range(4)) for part in parts]
    assert max(answers) == together
