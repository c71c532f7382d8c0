"""AWS as moto serves it, and CloudWatch in the protocol Smithy rpc-v2-cbor besides, which moto does not speak.

    cbor_bridge.py http://127.0.0.1:MOTO

Listens on a free port of the loopback and writes `bridge on 127.0.0.1:PORT` when it does. A request in rpc-v2-cbor
is passed on in awsJson 1.0 and its answer translated back; everything else goes through unchanged.
The names of operations and members are the same in both protocols; only times and errors are written
differently.
https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""

import datetime
import http.client
import http.server
import json
import sys
import urllib.parse

import cbor2

SERVICE = "GraniteServiceVersion20100801"
OPERATION = f"/service/{SERVICE}/operation/"
CBOR = "application/cbor"

# The members that are times. CBOR marks them with a tag, JSON does not.
TIMES = {"Timestamp", "Timestamps"}
EPOCH_SECONDS = 1

# The members that are doubles, which JSON may write without a point.
DOUBLES = {"Values"}

# What belongs to one connection.
HOP_BY_HOP = {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"}


class NotTheProtocol(Exception):
    """The request is not what the protocol asks for."""


def to_json(path, headers, body):
    """The operation, and the same request as JSON."""
    if headers.get("Smithy-Protocol") != "rpc-v2-cbor" or headers.get("Content-Type") != CBOR:
        raise NotTheProtocol("rpc-v2-cbor wants smithy-protocol and content-type to say so")
    if headers.get("Accept") not in (None, CBOR):
        raise NotTheProtocol(f"rpc-v2-cbor is answered in {CBOR} and nothing else")
    return path.removeprefix(OPERATION), json.dumps(cbor2.loads(body), default=seconds).encode()


def seconds(value):
    """A time as awsJson writes it; cbor2 reads a tagged one as a datetime."""
    if not isinstance(value, datetime.datetime):
        raise NotTheProtocol(f"{value!r} has no place in a request")
    return value.timestamp()


def to_cbor(value, member=None):
    """A value of a JSON answer, with its times tagged, its doubles as such and without what is null."""
    if isinstance(value, dict):
        return {key: to_cbor(one, key) for key, one in value.items() if one is not None}
    if isinstance(value, list):
        return [to_cbor(one, member) for one in value]
    if member in TIMES:
        return cbor2.CBORTag(EPOCH_SECONDS, value)
    return float(value) if member in DOUBLES else value


def error(status, body):
    """The shape of an error; what moto fails at is a page of HTML."""
    try:
        said = json.loads(body)
        return {"__type": said["__type"], "message": said.get("message", "")}
    except (ValueError, KeyError):
        return {"__type": f"{SERVICE}#InternalServiceFault", "message": f"moto answered {status}"}


class Bridge(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    moto = None

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith(OPERATION):
            self.translate(body)
        else:
            status, headers, answer = self.ask(self.command, self.path, dict(self.headers), body)
            self.answer(status, headers, answer)

    do_DELETE = do_GET = do_HEAD = do_POST = do_PUT = handle_any

    def translate(self, body):
        try:
            operation, asked = to_json(self.path, self.headers, body)
        except (NotTheProtocol, cbor2.CBORDecodeError) as problem:
            status = 400
            value = {"__type": f"{SERVICE}#SerializationException", "message": str(problem)}
        else:
            headers = {
                # moto takes service and region from its scope, and does not check the signature.
                "Authorization": self.headers.get("Authorization", ""),
                "Content-Type": "application/x-amz-json-1.0",
                "X-Amz-Target": f"{SERVICE}.{operation}",
            }
            status, _, answer = self.ask("POST", "/", headers, asked)
            value = to_cbor(json.loads(answer)) if status == 200 else error(status, answer)
        headers = [("Content-Type", CBOR), ("Smithy-Protocol", "rpc-v2-cbor")]
        self.answer(status, headers, cbor2.dumps(value))

    def ask(self, method, path, headers, body):
        moto = http.client.HTTPConnection(self.moto)
        try:
            moto.request(method, path, body, headers)
            answer = moto.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            moto.close()

    def answer(self, status, headers, body):
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        """Says nothing about what went well."""


def main():
    Bridge.moto = urllib.parse.urlsplit(sys.argv[1]).netloc
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bridge)
    server.daemon_threads = True
    print(f"bridge on 127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
