#!/usr/bin/env python3
"""A poor line, on purpose: an HTTP/1.1 proxy that delays, slows, cuts, repeats and loses.

usage: proxy.py --to HOST:PORT [--listen HOST:PORT] [--rules TEXT] [--seed N]

Prints `ready http://HOST:PORT`; on SIGTERM or SIGINT what passed, as one JSON document. In a test:
`FaultProxy(lambda: ("127.0.0.1", port), rules)`. The rules are explained in README.md beside it.
"""
import argparse
import contextlib
import json
import random
import re
import signal
import socket
import struct
import sys
import threading
import time

HEAD_BYTES_MAX = 64 * 1024
PIECE_BYTES = 16 * 1024
SWAP_WAIT_S = 20
RECEIVE_BYTES = 32 * 1024  # what lies here has not passed the line
REASONS = {429: "Too Many Requests", 502: "Bad Gateway", 503: "Service Unavailable",
           504: "Gateway Timeout"}
ACTIONS = {"delay": float, "rate": int, "rate-up": int, "rate-down": int, "cut-up": int,
           "cut-down": int, "half-close": int, "status": int, "retry-after": int, "body": str,
           "duplicate": None, "repeat": None, "lose": None, "swap": None, "reset": None,
           "hang": None}
WHEN = re.compile(r"(all|every (\d+)|chance ([\d.]+)|[\d,-]+)(?: (GET|PUT|POST))?(?: (/\S*))?$")


class Cut(Exception):
    """This connection ends here; with `hard` by a reset, else as if it had been closed."""

    def __init__(self, hard=True):
        super().__init__()
        self.hard = hard


class Rule:
    """One line of the rules: which requests it is for, and what happens to them."""

    def __init__(self, line):
        when, _, what = line.partition(":")
        found = WHEN.match(when.strip())
        if not found or not what.strip():
            raise ValueError(f"not a rule: {line!r}")
        self.every, self.chance = int(found[2] or 0), float(found[3] or 0)
        self.method, self.path = found[4], found[5]
        self.spans = [] if self.every or self.chance or found[1] == "all" else \
            [self.span(word) for word in found[1].split(",")]
        self.all, self.seen = found[1] == "all", 0
        self.actions = dict(self.action(word) for word in what.split(","))

    @staticmethod
    def span(word):
        first, dash, last = word.partition("-")
        return int(first), int(last) if last else float("inf") if dash else int(first)

    @staticmethod
    def action(word):
        name, _, value = word.strip().partition(" ")
        if name not in ACTIONS or (ACTIONS[name] is None) != (value == ""):
            raise ValueError(f"not an action: {word!r}")
        return name, True if ACTIONS[name] is None else ACTIONS[name](value)

    def fits(self, method, path, dice):
        """Is it for this request? Counts those of its method and path."""
        if (self.method and method != self.method) or not path.startswith(self.path or ""):
            return False
        self.seen += 1
        if self.every:
            return self.seen % self.every == 0
        if self.chance:
            return dice.random() < self.chance
        return self.all or any(a <= self.seen <= b for a, b in self.spans)


class Pace:
    """So many bytes a second, over all connections that share it."""

    def __init__(self, rate):
        self.rate, self.lock, self.free_at = rate, threading.Lock(), 0.0

    def piece(self):
        return max(1, min(PIECE_BYTES, self.rate // 8))

    def take(self, count):
        with self.lock:
            now = time.monotonic()
            self.free_at = max(self.free_at, now) + count / self.rate
            wait = self.free_at - now
        time.sleep(wait)


class Stream:
    """A socket that is read to a mark or a count."""

    def __init__(self, sock):
        self.sock, self.kept = sock, b""

    def some(self, most):
        if not self.kept:
            self.kept = self.sock.recv(PIECE_BYTES)
        data, self.kept = self.kept[:most], self.kept[most:]
        return data

    def until(self, mark):
        """Everything up to and with the mark; b"" at the end of the stream."""
        while mark not in self.kept:
            more = self.sock.recv(PIECE_BYTES)
            if not more or len(self.kept) > HEAD_BYTES_MAX:
                return b""
            self.kept += more
        at = self.kept.index(mark) + len(mark)
        data, self.kept = self.kept[:at], self.kept[at:]
        return data

    def close(self, hard=False):
        with contextlib.suppress(OSError):
            if hard:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                     struct.pack("ii", 1, 0))
            self.sock.close()


def header(head, name):
    found = re.search(rb"\r\n" + name + rb":[ \t]*([^\r\n]*)", head, re.IGNORECASE)
    return found[1].strip().decode("latin-1") if found else None


def body_of(stream, head, is_answer):
    """The pieces of the body behind this head, as they come."""
    length = header(head, b"content-length")
    if (header(head, b"transfer-encoding") or "").lower() == "chunked":
        size = None
        while size != 0:
            line = stream.until(b"\r\n")
            if not line:
                raise Cut(hard=False)
            yield line
            size = int(line.split(b";")[0], 16)
            yield from counted(stream, size + 2)
    elif length is not None or not is_answer:
        yield from counted(stream, int(length or 0))
    else:
        while data := stream.some(PIECE_BYTES):
            yield data


def counted(stream, left):
    while left > 0:
        data = stream.some(min(left, PIECE_BYTES))
        if not data:
            raise Cut(hard=False)
        left -= len(data)
        yield data


class Ends:
    """The two ends of a connection, and how many bytes it lives for: None, as long as it likes."""

    def __init__(self, client, limits):
        self.client, self.server, self.is_broken = client, None, False
        self.left = dict(zip(("up", "down"), limits or (None, None)))

    def allowed(self, name, piece):
        if self.left[name] is not None:
            piece = piece[:self.left[name]]
            self.left[name] -= len(piece)
        return piece


class Way:
    """One direction of one request: counts, slows, and cuts at a byte."""

    def __init__(self, proxy, name, ends, actions):
        self.proxy, self.name, self.ends = proxy, name, ends
        self.target = (ends.client if name == "down" else ends.server).sock
        rate = actions.get("rate-" + name, actions.get("rate"))
        self.pace = proxy.pace(name, rate) if rate else None
        self.hard = f"cut-{name}" in actions
        closes = actions.get("half-close") if name == "down" else None
        self.left = actions.get(f"cut-{name}", closes)

    def send(self, data):
        while data:
            piece = data[:self.pace.piece()] if self.pace else data
            if self.left is not None:
                piece = piece[:self.left]
                self.left -= len(piece)
            piece = self.ends.allowed(self.name, piece)
            if self.pace:
                self.pace.take(len(piece))
            if self.ends.is_broken:  # what lay here has not passed the line
                raise Cut()
            if piece:  # counted first: who has it may ask at once
                self.proxy.count(self.name, len(piece))
                self.target.sendall(piece)
            if self.left == 0:
                raise Cut(self.hard)
            if self.ends.left[self.name] == 0:
                raise Cut(self.proxy.resets)
            data = data[len(piece):]


class FaultProxy:
    """Listens at .url; .requests, .connections, .up, .down (bytes) and .log tell what passed."""

    def __init__(self, target, rules="", seed=1, listen=("127.0.0.1", 0), cut=None):
        """cut(n) gives the bytes up and down after which the n-th connection is reset; with
        .resets False it is closed: what came before is read by who it was sent to."""
        self.target, self.cut, self.resets = target, cut, True
        self.rules = [Rule(line) for line in rules.splitlines()
                      if line.strip() and not line.startswith("#")]
        self.dice, self.lock = random.Random(seed), threading.Lock()
        self.answered = threading.Condition()
        self.requests = self.connections = self.up = self.down = self.answers = 0
        self.log, self.paces, self.open = [], {}, set()
        self.socket = socket.create_server(listen, backlog=1024)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        self.url = "http://{}:{}".format(*self.socket.getsockname()[:2])
        threading.Thread(target=self.accept, daemon=True).start()

    def pace(self, name, rate):
        with self.lock:
            return self.paces.setdefault((name, rate), Pace(rate))

    def count(self, name, count):
        with self.lock:
            setattr(self, name, getattr(self, name) + count)

    def accept(self):
        while True:
            try:
                client = self.socket.accept()[0]
            except OSError:
                return
            self.connections += 1
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ends = Ends(Stream(client), self.cut(self.connections) if self.cut else None)
            threading.Thread(target=self.serve, args=(ends,), daemon=True).start()

    def serve(self, ends):
        with self.lock:
            self.open.add(ends)
        hard = False
        try:
            while self.one_request(ends):
                pass
        except Cut as cut:
            hard = cut.hard
        except (OSError, ValueError):
            hard = True
        with self.lock:
            self.open.discard(ends)
        for end in filter(None, (ends.client, ends.server)):
            end.close(hard)

    def choose(self, head):
        """What happens to the request with this head: the actions of all rules that fit."""
        method, path = head.split(b" ", 2)[:2]
        method, path = method.decode("latin-1"), path.decode("latin-1")
        with self.lock:
            self.requests += 1
            actions = {}
            for rule in self.rules:
                if rule.fits(method, path, self.dice):
                    actions.update(rule.actions)
            self.log.append((self.requests, method, path, sorted(actions)))
        return actions

    def connect(self):
        server = Stream(socket.create_connection(self.target(), timeout=120))
        server.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return server

    def one_request(self, ends):
        """Passes one request and its answer on. False: the client has ended."""
        head = ends.client.until(b"\r\n\r\n")
        if not head:
            return False
        actions = self.choose(head)
        body = body_of(ends.client, head, False)
        if "delay" in actions:
            time.sleep(actions["delay"])
        if "reset" in actions:
            raise Cut()
        if "status" in actions or "hang" in actions:
            self.count("up", len(head) + sum(map(len, body)))
            return self.instead(ends, actions)
        if actions.keys() & {"duplicate", "repeat", "swap"}:
            body = [b"".join(body)]
        if "repeat" in actions:
            self.send_copy(head, body)
        if "swap" in actions:
            self.wait_for_another()
        if ends.server is None:
            ends.server = self.connect()
        way = Way(self, "up", ends, actions)
        way.send(head)
        for piece in body:
            way.send(piece)
        goes_on = self.answer(ends, actions)
        if "duplicate" in actions:
            self.send_copy(head, body)
        return goes_on

    def send_copy(self, head, body):
        """Sends the request by itself and takes the answer, which nobody gets."""
        copy = self.connect()
        copy.sock.sendall(head + body[0])
        answer = copy.until(b"\r\n\r\n")
        for _ in body_of(copy, answer, True):
            pass
        copy.close()

    def wait_for_another(self):
        """Until another request was answered, so that this one comes after it."""
        with self.answered:
            before = self.answers
            self.answered.wait_for(lambda: self.answers > before, SWAP_WAIT_S)

    def answer(self, ends, actions):
        head = ends.server.until(b"\r\n\r\n")
        if not head:
            raise Cut()
        pieces = body_of(ends.server, head, True)
        if "lose" in actions:
            for _ in pieces:
                pass
            raise Cut()
        way = Way(self, "down", ends, actions)
        way.send(head)
        for piece in pieces:
            way.send(piece)
        with self.answered:
            self.answers += 1
            self.answered.notify_all()
        return (header(head, b"connection") or "").lower() != "close"

    def instead(self, ends, actions):
        """An answer that is not the server's, or none."""
        if "hang" in actions:
            ends.client.sock.recv(1)  # until the client has had enough
            raise Cut()
        status, body = actions["status"], actions.get("body", "").encode()
        later = f"Retry-After: {actions['retry-after']}\r\n" if "retry-after" in actions else ""
        text = (f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}\r\n{later}"
                f"Content-Length: {len(body)}\r\n\r\n").encode() + body
        Way(self, "down", ends, {}).send(text)
        return True

    def cut_all(self):
        """The line breaks now, for everybody."""
        with self.lock:
            connections = list(self.open)
        for ends in connections:
            ends.is_broken = True
            with contextlib.suppress(OSError):
                ends.client.sock.shutdown(socket.SHUT_RDWR)

    def counts(self):
        with self.lock:
            return {"requests": self.requests, "connections": self.connections, "up": self.up,
                    "down": self.down}

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.close()
        self.cut_all()


def address(text):
    host, _, port = text.rpartition(":")
    return host or "127.0.0.1", int(port)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=address, required=True)
    parser.add_argument("--listen", type=address, default=("127.0.0.1", 0))
    parser.add_argument("--rules", default="")
    parser.add_argument("--seed", type=int, default=1)
    how = parser.parse_args()
    try:
        proxy = FaultProxy(lambda: how.to, how.rules.replace(";", "\n"), how.seed, how.listen)
    except (ValueError, OSError) as bad:
        sys.exit(f"proxy: {bad}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print("ready", proxy.url, flush=True)
    try:
        while True:
            signal.pause()
    except (KeyboardInterrupt, SystemExit):
        print(json.dumps(proxy.counts()), flush=True)


if __name__ == "__main__":
    main()
