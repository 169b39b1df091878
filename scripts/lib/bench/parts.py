"""The emulators, and what stands in them before anything is measured."""

import json
import os
import pathlib
import socket
import subprocess
import time
import urllib.request

import boto3

import demo

REGION = "eu-central-1"
ACCOUNT = "123456789012"  # moto's
TASKS = 2


class Server:
    """A program that listens on a port of its own until the `with` ends."""

    def __init__(self, command, log, env, port):
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._log = log
        with open(log, "ab") as file:
            self._process = subprocess.Popen(
                command, env=env, stdin=subprocess.DEVNULL, stdout=file, stderr=file
            )
        deadline = time.monotonic() + 60
        while not _answers(port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{command[0]} does not answer: see {log}")
            time.sleep(0.05)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def moto(program, folder):
    """AWS's control plane, in which a service's tasks run as soon as it is told of them."""
    port = free_port()
    env = dict(
        os.environ,
        MOTO_ECS_SERVICE_RUNNING=str(TASKS),
        MOTO_IAM_LOAD_MANAGED_POLICIES="true",
    )
    return Server([program, "-H", "127.0.0.1", "-p", str(port)], folder / "moto.log", env, port)


class Ministack(Server):
    """AWS with tasks that are containers."""

    def __init__(self, program, folder):
        self._name = f"ecs-private-deploy-bench-{os.getpid()}"
        port = free_port()
        temporary = folder / "ministack"
        temporary.mkdir(exist_ok=True)
        env = dict(
            os.environ,
            GATEWAY_PORT=str(port),
            BIND_HOST="127.0.0.1",
            MINISTACK_HOSTNAME=self._name,
            MINISTACK_REGION=REGION,
            TMPDIR=str(temporary),
        )
        super().__init__([program], folder / "ministack.log", env, port)

    def __exit__(self, *rest):
        super().__exit__(*rest)
        docker_remove("container", f"label=ministack.instance={self._name}:{self.port}")
        docker_remove("image", f"reference=*:{self.port}/*")


def docker_remove(kind, which):
    found = subprocess.run(
        ["docker", kind, "ls", "--all", "--quiet", "--filter", which],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    if found:
        command = ["docker", kind, "rm", "--force", *sorted(set(found))]
        subprocess.run(command, check=False, capture_output=True)


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def _answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def client(service, url):
    return boto3.client(service, endpoint_url=url, region_name=REGION)


def network(url):
    """The only VPC, with two public and two private subnets and no NAT."""
    demo.network(client("ec2", url))


def application(folder, more=""):
    """The service of examples/hello, whose page says which version it is."""
    folder.mkdir()
    (folder / "www").mkdir()
    example = pathlib.Path(__file__).resolve().parents[3] / "examples" / "hello"
    for name in ("Dockerfile", "ecs-deploy.yml"):
        (folder / name).write_text((example / name).read_text() + (more if "yml" in name else ""))
    version(folder, "nothing yet")
    return folder


def plain(folder, name, image_uri, load_balancer, text):
    """A service of an image that is there, for moto."""
    folder.mkdir(exist_ok=True)
    (folder / "ecs-deploy.yml").write_text(
        f"service: {name}\nimage: {image_uri}\n"
        f"task: {{ port: 8080, environment: {{ VERSION: {text} }} }}\n"
        f"load-balancer: {{ name: {load_balancer}, host: {name}.example.com }}\n"
        f"rollout: {{ desired-count: {TASKS} }}\n"
    )
    return folder


def version(folder, text):
    (folder / "www" / "index.html").write_text(f"Hello, {text}\n")


def serves(url, text):
    """Waits until the load balancer gives the page with this text, and nothing else any more."""
    balancer = client("elbv2", url).describe_load_balancers()["LoadBalancers"][0]["DNSName"]
    deadline, seen = time.monotonic() + 60, 0
    while seen < 5:
        request = urllib.request.Request(url, headers={"Host": balancer})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                body = answer.read().decode(errors="replace")
        except OSError as error:
            body = repr(error)
        seen = seen + 1 if text in body else 0
        if time.monotonic() > deadline:
            raise SystemExit(f"the page does not say {text!r}: {body}")
        time.sleep(0.02)


def image(url, name):
    """What a push to ECR leaves, for moto has no registry; yields the image's URI."""
    ecr = client("ecr", url)
    ecr.create_repository(repositoryName=name)
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "size": 2,
            "digest": "sha256:" + "1" * 64,
        },
        "layers": [],
    }
    ecr.put_image(repositoryName=name, imageTag="v1", imageManifest=json.dumps(manifest))
    return f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{name}:v1"
