"""Between a client and the emulator: passes every call on, and writes down what was called and when."""

import http.client
import http.server
import os
import socketserver
import threading
import time
from dataclasses import dataclass


@dataclass
class Call:
    """From when a request was read to when its answer was written."""

    service: str
    action: str
    body: bytes
    began: float
    ended: float = 0.0
    status: int = 0

    @property
    def is_read(self):
        return self.action.startswith(("Describe", "Get", "List", "Batch"))


class Relay:
    """Listens on a free port of 127.0.0.1.

    With a delay, answers are held until nothing more was asked for that long: what a client asks at once
    is answered at once, however unevenly the emulator works. A client that asks for things one after
    another then has one answer a delay, and the calls one after another can be counted.
    """

    def __init__(self, upstream, delay=0.0):
        self.upstream = upstream
        self.delay = delay
        self.calls = []
        self.client = None  # the process whose calls they are
        self._lock = threading.Condition()
        self._asked = 0.0
        self._working = 0  # requests that the emulator has not answered
        self._held = []
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        if delay:
            threading.Thread(target=self._release, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def answer(self, call, request):
        """The emulator's status, headers and body."""
        with self._lock:
            self.calls.append(call)
            self._asked = time.monotonic()
            self._working += 1
        try:
            answer = self.pass_on(call, request)
        finally:
            with self._lock:
                self._working -= 1
                if self.delay:
                    gate = threading.Event()
                    self._held.append((call, gate))
        if self.delay:
            gate.wait()
        else:
            call.ended = time.monotonic()
        call.status = answer[0]
        return answer

    def pass_on(self, _call, request):
        method, path, headers, body = request
        connection = http.client.HTTPConnection("127.0.0.1", self.upstream, timeout=600)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _release(self):
        while True:
            time.sleep(0.005)
            with self._lock:
                quiet = time.monotonic() - self._asked >= self.delay
                if self._held and not self._working and quiet and not is_busy(self.client):
                    now = time.monotonic()
                    for call, gate in self._held:
                        call.ended = now
                        gate.set()
                    self._held.clear()


def is_busy(process):
    """Whether some thread of the process runs or waits for a processor."""
    if process is None:
        return False
    try:
        return any(state == "R" for state in _states(process))
    except OSError:
        return False


def _states(process):
    folder = f"/proc/{process}/task"
    for thread in os.listdir(folder):
        with open(f"{folder}/{thread}/stat", encoding="utf-8", errors="replace") as file:
            # The name before it may have blanks and brackets.
            yield file.read().rpartition(")")[2].split()[0]


def chain(calls):
    """The longest run of calls of which each began after the one before had ended."""
    lengths = []  # of the longest run that ends with a call, by the call's end
    for call in sorted(calls, key=lambda call: call.ended):
        before = max((length for end, length in lengths if end <= call.began), default=0)
        lengths.append((call.ended, before + 1))
    return max((length for _, length in lengths), default=0)


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        """A client that hangs up is no error."""


# What stands for one connection only.
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect"}


def _handler(relay):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            call = _call(self.headers, body)
            headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP}
            status, answered, text = relay.answer(call, (self.command, self.path, headers, body))
            self.send_response_only(status)
            for name, value in answered:
                if name.lower() not in _HOP:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_PUT = do_DELETE = do_HEAD = do_POST

        def log_message(self, *_):
            """What is called is in the list of calls."""

    return Handler


def _call(headers, body):
    # AWS4-HMAC-SHA256 Credential=AKIA…/20261123/eu-central-1/ec2/aws4_request, …
    scope = (headers.get("authorization") or "").split("/")
    service = scope[3] if len(scope) > 3 else ""
    target = headers.get("x-amz-target")
    if target:
        action = target.rpartition(".")[2]
    else:
        pairs = dict(pair.partition(b"=")[::2] for pair in body.split(b"&"))
        action = pairs.get(b"Action", b"").decode(errors="replace")
    return Call(service, action, body, time.monotonic())
