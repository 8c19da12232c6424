"""What strangers may send to the public API, and what must come of it, on a stack of its own.

    python ops/checks/public.py [STACK]      # ./dev test ends with it

Hostile requests (rig/corpus/requests.txt), to an edge directly and through NGINX: prints the table of
what was expected and got, and demands that every answer is the one that the table says, that no
process ended and nothing panicked, and that nobody has a coupon who should not. Then schemathesis,
which makes requests up of edge/openapi.json: nothing undocumented, no 5xx, nothing ill-formed taken.
"""

import json
import re
import socket
import subprocess
import sys
import tempfile
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stack import KNOWN_WITHIN_S, ROOT, Stack, dev, get, tools, until

CORPUS = ROOT / "rig/corpus/requests.txt"
STOCK = 1000
AT_ONCE = 16
# The slowest is told after 5 s that its body did not come.
ENDS_WITHIN_S = 30
# Requests that schemathesis makes up for each operation, beside examples and limits.
EXAMPLES = "40"
LETTERS = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}
CLAIM = (
    "POST /api/v1/coupons/issue HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n"
    "Content-Type: application/json\\r\\nContent-Length: \\{LENGTH}\\r\\n%s\\r\\n%s"
)
GET = "GET %s HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n"


def decode(text, event, user):
    """Text with the escapes that the corpus describes, as bytes."""
    done, rest = b"", text
    while rest:
        plain, found, rest = rest.partition("\\")
        done += plain.encode()
        if not found:
            break
        letter, rest = rest[0], rest[1:]
        if letter == "x":
            done, rest = done + bytes.fromhex(rest[:2]), rest[2:]
        elif letter == "{":
            word, _, rest = rest.partition("}")
            done += expand(word, rest, event, user)
        else:
            done += LETTERS[letter]
    return done


def expand(word, rest, event, user):
    if word == "LENGTH":
        return str(len(decode(rest, event, user).split(b"\r\n\r\n", 1)[1])).encode()
    if "*" in word:
        times, what = word.split("*", 1)
        return decode(what, event, user) * int(times)
    return {"EVENT": event, "USER": user}[word].encode()


def read_corpus():
    """Each case: its name, what is expected of either way, its request as text."""
    blocks = re.split(r"^case ", CORPUS.read_text(), flags=re.MULTILINE)[1:]
    for block in blocks:
        lines = [line for line in block.split("\n") if line and not line.startswith("#")]
        name, edge, nginx, *request = lines
        expected = {"edge": edge.removeprefix("edge "), "nginx": nginx.removeprefix("nginx ")}
        yield name, expected, template(request)


def template(lines):
    first = lines[0]
    if first.startswith("claim "):
        headers = "".join(line.removeprefix("with ") + "\\r\\n" for line in lines[1:])
        return CLAIM % (headers, first.removeprefix("claim "))
    if first.startswith("get "):
        return GET % first.removeprefix("get ")
    return "".join(line.removeprefix("| ") for line in lines)


def exchange(address, request):
    """The statuses of all answers until the connection ends; close: there is none."""
    host, port = address.rsplit(":", 1)
    answer = b""
    with socket.create_connection((host, int(port)), timeout=ENDS_WITHIN_S) as connection:
        threading.Thread(target=send, args=(connection, request), daemon=True).start()
        try:
            while piece := connection.recv(65536):
                answer += piece
        except TimeoutError:
            return "hangs"
        except OSError:
            # A server that has answered may reset what is still on its way.
            pass
    return b" ".join(re.findall(rb"HTTP/1\.\d (\d{3})", answer)).decode() or "close"


def send(connection, request):
    try:
        connection.sendall(request)
    except OSError:
        pass


def hostile(stack):
    """What is wrong, after the table."""
    event = f"hostile-{uuid.uuid4().hex}"
    stack.create(event, STOCK)
    parts = stack.parts()
    addresses = {"edge": parts["edge-1"]["address"], "nginx": parts["nginx-1"]["address"]}
    sent = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for number, (name, expected, text) in enumerate(read_corpus()):
            for way, address in addresses.items():
                user = f"{way:x<6}{number:018}"
                request = decode(text, event, user)
                got = pool.submit(exchange, address, request)
                sent.append((name, way, expected[way], got, user if user.encode() in request else ""))
    wrong, due = [], set()
    print(f"{'case':58} {'way':6} {'expected':>12} {'got':>12}")
    for name, way, expected, got, user in sent:
        good = got.result() in expected.split("|")
        print(f"{name:58} {way:6} {expected:>12} {got.result():>12}{'' if good else '  WRONG'}")
        # 501: what NGINX says of a transfer coding that it does not have.
        failed = any(status[0] == "5" and status != "501" for status in got.result().split())
        wrong += [] if good and not failed else [f"{name}, {way}: {got.result()}"]
        due |= {user} if user and "200" in expected else set()
    print(f"{len(sent)} requests")
    return wrong + changed(stack, parts, event, due)


def changed(stack, before, event, due):
    """What the requests did that they must not."""
    wrong = []
    for name, part in stack.parts().items():
        if name.startswith(("edge", "nginx")) and part["pid"] != before[name]["pid"]:
            wrong.append(f"{name} was started again")
        if name.startswith("edge") and "panicked" in Path(part["log"]).read_text(errors="replace"):
            wrong.append(f"{name} panicked: {part['log']}")
    rows = until(KNOWN_WITHIN_S, "rows of all winners", lambda: winners(stack, event, len(due)))
    # A case may write more behind its user.
    strangers = [row for row in rows if not any(row.startswith(user) for user in due)]
    if strangers or len(rows) != len(due):
        wrong.append(f"{len(rows)} winners instead of {len(due)}; strangers: {strangers}")
    status = json.loads(get(f"http://{before['edge-1']['address']}/api/v1/coupons/status/{event}"))
    if status["left"] != STOCK - len(due):
        wrong.append(f"Redis has {status['left']} units left, {STOCK - len(due)} were due")
    return wrong


def winners(stack, event, least):
    words = ["event", "--name", stack.name, "winners", event, "--format", "csv"]
    rows = dev(*words, stdout=subprocess.PIPE).stdout.splitlines()[1:]
    return [row.split(",")[1] for row in rows] if len(rows) >= least else None


def schemathesis(stack):
    """Its own words where it found something."""
    event = f"contract-{uuid.uuid4().hex}"
    stack.create(event, 3)
    with tempfile.TemporaryDirectory() as folder:
        # Its examples are about an event that there is: wins and losses are seen too.
        document = (ROOT / "edge/openapi.json").read_text().replace('"spring"', f'"{event}"')
        path = Path(folder) / "openapi.json"
        path.write_text(document)
        words = ["--config-file", ROOT / "ops/checks/schemathesis.toml", "run", path]
        words += ["--url", f"http://{stack.address('edge-1')}", "--max-examples", EXAMPLES]
        ended = subprocess.run(
            [tools() / "schemathesis", *words],
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    print(ended.stdout)
    return [] if ended.returncode == 0 else ["schemathesis found something"]


def main():
    with tempfile.TemporaryDirectory() as folder:
        name = sys.argv[1] if len(sys.argv) > 1 else None
        stack = Stack(name, "public", "demo", Path(folder) / "log")
        try:
            wrong = hostile(stack) + schemathesis(stack)
        finally:
            stack.end()
    print(*wrong, f"public API: {'FAIL' if wrong else 'PASS'}", sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
