"""Looks at a service every 50 ms, beside whoever deploys it."""

import http.client
import json
import threading
import time

from parts import REGION

EVERY = 0.05


class Watcher:
    """From the first look to `end`, when a new deployment was there and when it was complete."""

    def __init__(self, port, cluster, service):
        self.began = None
        self.completed = None
        self._body = json.dumps({"cluster": cluster, "services": [service]})
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        primary = self._primary()
        self._known = primary["id"] if primary else None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def end(self):
        """One look more: a tool that is quicker than this waits for nobody."""
        self._ended.set()
        self._thread.join()
        self._look()
        self._connection.close()

    def _watch(self):
        while not self._ended.wait(EVERY):
            self._look()

    def _look(self):
        primary = self._primary()
        if not primary or primary["id"] == self._known:
            return
        now = time.monotonic()
        self.began = self.began or now
        # MiniStack says so of a new service's first deployment before a task runs.
        runs = primary["runningCount"] >= primary["desiredCount"]
        if primary.get("rolloutState") == "COMPLETED" and runs:
            self.completed = self.completed or now

    def _primary(self):
        headers = {
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": "AmazonEC2ContainerServiceV20141113.DescribeServices",
            "authorization": "AWS4-HMAC-SHA256 Credential=bench/20260101/"
            f"{REGION}/ecs/aws4_request, SignedHeaders=host, Signature=0",
        }
        self._connection.request("POST", "/", self._body, headers)
        answer = json.loads(self._connection.getresponse().read() or b"{}")
        for service in answer.get("services", []):
            for deployment in service.get("deployments", []):
                if deployment["status"] == "PRIMARY":
                    return deployment
        return None
