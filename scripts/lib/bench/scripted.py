"""ECS with a rollout that takes three minutes, and answers as AWS documents them; the rest is moto."""

import json
import threading
import time

import parts
import relay
import tools

# What a load balancer's deregistration delay alone takes by default is longer still.
SECONDS = 180
_RECORDS = ("ListServiceDeployments", "DescribeServiceDeployments", "DescribeServiceRevisions")


def measured(given, bench, folder, rounds, say):
    """All runs at once, since they only wait; yields one record for each."""
    folder.mkdir()
    with parts.moto(given.moto, folder) as emulator:
        parts.network(emulator.url)
        image = parts.image(emulator.url, "slow")
        runs = []
        for number in range(1, rounds + 1):
            for tool in (tools.OURS, tools.OFFICIAL):
                name = f"{tool}-{number}"
                app = parts.plain(folder / name, name, image, "slow", "one")
                place = tools.Place(app, emulator.url, "", name)
                run = bench.ours_on(place)
                if run.code:
                    raise SystemExit(f"the first deploy failed:\n{run.output[-3000:]}")
                runs.append(_Run(bench, tool, number, place, emulator.port))
        for run in runs:
            run.start()
        for run in runs:
            run.join()
            if run.result is None or run.result.code:
                output = run.result.output[-3000:] if run.result else ""
                raise SystemExit(f"{run.tool} failed at the slow rollout:\n{output}")
            late = run.result.ended - run.through.completes
            say(f"  slow   {run.tool:10} ended {late:5.1f} s after {SECONDS} s of rollout")
            calls = run.through.calls
            began = run.through.completes - SECONDS
            yield {
                "tool": run.tool,
                "scenario": "slow",
                "round": run.number,
                "after_s": late,
                "looks": sum(call.is_read and call.began > began for call in calls),
                "looks_per_s": _busiest([call.began for call in calls if call.began > began]),
            }


def _busiest(times):
    """The most calls within one second."""
    return max((sum(0 <= other - time < 1 for other in times) for time in times), default=0)


class _Run(threading.Thread):
    def __init__(self, bench, tool, number, place, upstream):
        super().__init__(daemon=True)
        self.bench, self.tool, self.number = bench, tool, number
        self.through = Slow(upstream)
        self.place = place.at(self.through.url)
        self.result = None

    def run(self):
        folder = self.place.folder
        if self.tool == tools.OURS:
            text = (folder / "ecs-deploy.yml").read_text()
            (folder / "ecs-deploy.yml").write_text(text.replace("VERSION: one", "VERSION: two"))
            self.result = self.bench.ours_on(self.place)
            return
        self.place.write_task_definition()
        file = self.place.task_definition
        file.write_text(file.read_text().replace('"one"', '"two"'))
        self.result = self.bench.official_deploy(self.place, str(file))


class Slow(relay.Relay):
    """Between one tool and moto. From UpdateService on, the service is rolling out."""

    def __init__(self, upstream):
        super().__init__(upstream)
        self.completes = None  # time.monotonic()
        self._began = None  # seconds since 1970
        self._before = None
        self._id = "ecs-svc/1234567890123456789"

    def pass_on(self, call, request):
        if call.service != "ecs":
            return super().pass_on(call, request)
        if call.action in _RECORDS:
            return _json(self._record(call.action, json.loads(call.body)))
        answer = super().pass_on(call, request)
        if call.action not in ("UpdateService", "DescribeServices") or answer[0] != 200:
            return answer
        told = json.loads(answer[2])
        if call.action == "UpdateService" and self.completes is None:
            self.completes = time.monotonic() + SECONDS
            self._began = time.time()
        for service in told.get("services", []) or [told["service"]]:
            self._edit(service)
        return _json(told)

    @property
    def _is_complete(self):
        return self.completes is None or time.monotonic() >= self.completes

    def _edit(self, service):
        """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html"""
        (primary,) = service["deployments"]
        if self.completes is None:
            self._before = dict(primary)
            return
        desired = service["desiredCount"]
        old = {**self._before, "status": "ACTIVE", "rolloutState": "COMPLETED"}
        is_complete = self._is_complete
        word = "completed" if is_complete else "in progress"
        new = {
            **primary,
            "id": self._id,
            "status": "PRIMARY",
            "taskDefinition": service["taskDefinition"],
            "desiredCount": desired,
            "runningCount": desired if self._runs else 0,
            "pendingCount": 0 if self._runs else desired,
            "failedTasks": 0,
            "createdAt": self._began,
            "updatedAt": self._began,
            "rolloutState": "COMPLETED" if is_complete else "IN_PROGRESS",
            "rolloutStateReason": f"ECS deployment {self._id} {word}.",
        }
        service["deployments"] = [new] if is_complete else [new, old]
        service["runningCount"] = sum(found["runningCount"] for found in service["deployments"])
        service["pendingCount"] = new["pendingCount"]
        name = service["serviceName"]
        events = [(self._began, f"(service {name}) has started 2 tasks.")]
        if is_complete:
            events.insert(0, (time.time(), f"(service {name}) has reached a steady state."))
        service["events"] = [
            {"id": f"event-{len(events) - at}", "createdAt": when, "message": text}
            for at, (when, text) in enumerate(events)
        ]

    @property
    def _runs(self):
        """The new tasks run after a while; what takes the rest is that the old ones drain."""
        return time.monotonic() >= self.completes - SECONDS * 3 / 4

    def _record(self, action, asked):
        """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html"""
        if action == "DescribeServiceRevisions":
            return {"serviceRevisions": [], "failures": []}
        if self.completes is None:
            return {"serviceDeployments": []}
        where = f"{relay_arn(asked)}/1234567890123456789"
        brief = {
            "serviceDeploymentArn": where,
            "createdAt": self._began,
            "startedAt": self._began,
            "status": "SUCCESSFUL" if self._is_complete else "IN_PROGRESS",
            "targetServiceRevisionArn": where.replace(":service-deployment/", ":service-revision/"),
        }
        if self._is_complete:
            brief["finishedAt"] = self._began + SECONDS
        if action == "ListServiceDeployments":
            return {"serviceDeployments": [brief]}
        counts = {"requestedTaskCount": 2, "runningTaskCount": 2 if self._runs else 0}
        counts["pendingTaskCount"] = 2 - counts["runningTaskCount"]
        arn = brief.pop("targetServiceRevisionArn")
        full = {
            **brief,
            "updatedAt": self._began,
            "targetServiceRevision": {"arn": arn, **counts},
            "deploymentCircuitBreaker": {
                "status": "MONITORING_COMPLETE" if self._is_complete else "MONITORING",
                "failureCount": 0,
                "threshold": 3,
            },
        }
        return {"serviceDeployments": [full], "failures": []}


def relay_arn(asked):
    """The service deployments' ARN without their id, whether a service is asked for or one of them."""
    if asked.get("serviceDeploymentArns"):
        return asked["serviceDeploymentArns"][0].rpartition("/")[0]
    cluster, service = (asked.get(key, "").rsplit("/", 1)[-1] for key in ("cluster", "service"))
    return f"arn:aws:ecs:{parts.REGION}:{parts.ACCOUNT}:service-deployment/{cluster}/{service}"


def _json(told):
    headers = [("content-type", "application/x-amz-json-1.1")]
    return 200, headers, json.dumps(told).encode()
