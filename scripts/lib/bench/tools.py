"""The tools that are compared, each as the programs that it runs one after another."""

import json
import os
import pathlib
import shutil
import time
import uuid

import measure
from parts import REGION, client

OURS, OFFICIAL, ECS_DEPLOY = "ours", "official", "ecs-deploy"
ALL = (OURS, OFFICIAL, ECS_DEPLOY)
SERVICE = "hello"


class Bench:
    """Where the tools are, and a folder for what they write."""

    def __init__(self, given, folder):
        self.ours = given.binary
        self.actions = pathlib.Path(given.actions)
        self.ecs = given.ecs
        self.node = given.node
        self.folder = folder
        self._builds = folder / "builds"
        self._shim = folder / "bin"
        self._shim.mkdir()
        program = self._shim / "docker"
        program.write_text(SHIM.format(docker=shutil.which("docker"), builds=self._builds))
        program.chmod(0o755)
        self._docker_config = self.folder / "docker"
        _docker_config(self._docker_config)

    def deploy(self, tool, place, on_start=None):
        """Deploys what is in the application's folder, and says what that took."""
        self._builds.write_text("")
        run = getattr(self, "_" + tool.replace("-", "_"))(place, on_start)
        # The shim's clock counts from 1970.
        shift = time.monotonic() - time.time()
        for line in self._builds.read_text().splitlines():
            begin, end = line.split()
            run.builds.append((float(begin) + shift, float(end) + shift))
        return run

    def _run(self, command, place, on_start, **more):
        env = self.env(place, **more)
        log = place.aside / "log"
        return measure.run(command, env=env, cwd=place.folder, log=log, on_start=on_start)

    def env(self, place, **more):
        """What a tool knows: the emulator, its credentials, and Docker."""
        kept = ("HOME", "LANG", "DOCKER_HOST", "SSL_CERT_FILE")
        env = {name: os.environ[name] for name in kept if name in os.environ}
        return {
            **env,
            "PATH": f"{self._shim}:{os.environ['PATH']}",
            "DOCKER_CONFIG": str(self._docker_config),
            "AWS_ENDPOINT_URL": place.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_EC2_METADATA_DISABLED": "true",
            "ECS_PRIVATE_DEPLOY_REGISTRY": place.registry,
            **more,
        }

    def ours_on(self, place, on_start=None):
        """Ours alone, where no image is built."""
        return self._run([self.ours, "deploy"], place, on_start)

    _ours = ours_on

    def _official(self, place, on_start):
        """amazon-ecr-login, what build-push-action runs, render, deploy."""
        run = self._action("amazon-ecr-login", place, on_start, registry_type="private")
        run = run.then(self._build(place))
        rendered = self._action(
            "amazon-ecs-render-task-definition",
            place,
            on_start,
            task_definition=str(place.task_definition),
            container_name=SERVICE,
            image=place.image,
        )
        file = _outputs(place.aside)["task-definition"]
        return run.then(rendered).then(self.official_deploy(place, file, on_start))

    def official_deploy(self, place, file, on_start=None):
        """The deploy action alone, with its default polling."""
        return self._action(
            "amazon-ecs-deploy-task-definition",
            place,
            on_start,
            task_definition=file,
            service=place.service,
            cluster=place.cluster,
            wait_for_service_stability="true",
        )

    def _action(self, name, place, on_start, **inputs):
        inputs = {f"INPUT_{key.upper().replace('_', '-')}": value for key, value in inputs.items()}
        output, state = place.aside / "outputs", place.aside / "state"
        output.write_text("")
        state.write_text("")
        runner = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STATE": str(state),
            "GITHUB_WORKSPACE": str(place.folder),
            "RUNNER_TEMP": str(self.folder),
        }
        script = self.actions / name / "dist" / "index.js"
        return self._run([self.node, str(script)], place, on_start, **runner, **inputs)

    def _build(self, place):
        command = ["docker", "buildx", "build", "--push", "--provenance=false"]
        run = self._run([*command, "--tag", place.image, "."], place, None)
        # The builder's memory is counted for nobody.
        run.memory = 0
        return run

    def _ecs_deploy(self, place, on_start):
        command = [self.ecs, "deploy", place.cluster, place.service, "--timeout", "600"]
        command += ["--image", SERVICE, place.image]
        return self._build(place).then(self._run(command, place, on_start))


class Place:
    """A service in an emulator, as a tool sees it."""

    def __init__(self, folder, url, registry, name=SERVICE):
        self.folder = folder
        self.url = url
        self.registry = registry
        self.cluster = self.service = name
        self.image = None
        # What is written in the application's folder would be part of its image.
        self.aside = folder.with_name(folder.name + "-aside")
        self.aside.mkdir(exist_ok=True)
        self.task_definition = self.aside / "task-definition.json"

    def at(self, url):
        """The same at another address."""
        other = Place(self.folder, url, self.registry, self.service)
        other.image = self.image
        return other

    def new_image(self):
        """A tag of its own for the next build of the peers."""
        self.image = f"{self.registry}/{SERVICE}:{uuid.uuid4().hex}"

    def write_task_definition(self):
        """The file that the official chain starts from, as its README says to get it."""
        ecs = client("ecs", self.url)
        found = ecs.describe_services(cluster=self.cluster, services=[self.service])
        revision = found["services"][0]["taskDefinition"]
        document = ecs.describe_task_definition(taskDefinition=revision)["taskDefinition"]
        for key in _ANSWERED:
            document.pop(key, None)
        self.task_definition.write_text(json.dumps(document, default=str))


_ANSWERED = (
    "compatibilities taskDefinitionArn requiresAttributes revision status registeredAt "
    "deregisteredAt registeredBy"
).split()


def _docker_config(folder):
    """The user's plugins and context, so that no login is written to the user's own."""
    users = pathlib.Path(os.environ.get("DOCKER_CONFIG") or pathlib.Path.home() / ".docker")
    folder.mkdir()
    config = {}
    if users.is_dir():
        for entry in users.iterdir():
            if entry.name == "config.json":
                context = json.loads(entry.read_text()).get("currentContext")
                config = {"currentContext": context} if context else {}
            else:
                (folder / entry.name).symlink_to(entry)
    (folder / "config.json").write_text(json.dumps(config))


def _outputs(folder):
    """What an action wrote to GITHUB_OUTPUT: NAME<<END, lines, END."""
    lines = iter((folder / "outputs").read_text().splitlines())
    found = {}
    for line in lines:
        name, _, end = line.partition("<<")
        value = []
        for text in lines:
            if text == end:
                break
            value.append(text)
        found[name] = "\n".join(value)
    return found


# Writes down when images are built, and logs in to the emulator's registry where ECR's name is given.
SHIM = """#!/bin/bash
arguments=("$@")
case "$*" in
  *"buildx build"*)
    began=$EPOCHREALTIME
    "{docker}" "$@"
    status=$?
    echo "${{began/,/.}} ${{EPOCHREALTIME/,/.}}" >>"{builds}"
    exit $status
    ;;
  login*) arguments[-1]=$ECS_PRIVATE_DEPLOY_REGISTRY ;;
esac
exec "{docker}" "${{arguments[@]}}"
"""
