"""A receiver of webhooks as their users write one, with the package `standardwebhooks`: writes one line of JSON
for where it listens, one for each secret that it is told by its standard input, and one for each request.
"""

import json
import sys
import threading
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import standardwebhooks.webhooks as package

settings = json.loads(sys.argv[1])
secrets = []
behaviour = settings["behaviour"]
telling = threading.Lock()


def tell(**what):
    with telling:
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()


class Then(datetime):
    """For tests that move the time: a request is never too old, but everything else is checked."""

    at = threading.local()

    @classmethod
    def now(cls, tz=None):
        return datetime.fromtimestamp(cls.at.seconds, tz=timezone.utc)


def why_not(body, headers):
    """Why the request is not to be trusted; nothing for one that is."""
    if not settings["is_strict"]:
        Then.at.seconds = float(headers.get("webhook-timestamp", 0))
        package.datetime = Then
    told = "no secret is known"
    for secret in list(secrets):
        try:
            package.Webhook(secret).verify(body, headers)
            return None
        except Exception as error:
            told = str(error)
    return told


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        tell(request={"path": self.path, "headers": headers, "body": body, "why_not": why_not(body, headers)})
        doing = behaviour
        if doing == "hang":
            threading.Event().wait()
        if doing == "endless":
            self.send_response(200)
            self.end_headers()
            while True:
                self.wfile.write(b"x" * 65536)
        self.send_response(doing["status"])
        for name, value in doing["headers"].items():
            self.send_header(name, value)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass


def listen_to_the_test():
    global behaviour
    for line in sys.stdin:
        told = json.loads(line)
        if "secret" in told:
            secrets.append(told["secret"])
        if "behaviour" in told:
            behaviour = told["behaviour"]
        tell(heard=True)


threading.Thread(target=listen_to_the_test, daemon=True).start()
server = Server(("127.0.0.1", settings["port"]), Receiver)
tell(listens=server.server_address[1])
server.serve_forever()
