"""A running stack, for checks that need one and are no Rust: k6/run, ops/checks/public.py."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What ./dev itself calls, where it is built already: tests say so.
DEV = os.environ.get("RIG", ROOT / "dev")
STACK_WITHIN_S = 300
KNOWN_WITHIN_S = 30


def dev(*words, check=True, **more):
    return subprocess.run([DEV, *words], cwd=ROOT, check=check, text=True, **more)


def tools():
    """The directory of what ops/checks/install.sh installs."""
    printed = subprocess.run([ROOT / "ops/checks/install.sh"], stdout=subprocess.PIPE, check=True)
    return Path(printed.stdout.decode().strip())


def until(within_s, what, look):
    """Looks until there is something."""
    deadline = time.monotonic() + within_s
    while not (found := look()):
        if time.monotonic() > deadline:
            sys.exit(f"{what}: not within {within_s} s")
        time.sleep(0.2)
    return found


def get(url):
    """What is there; None where nothing is."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.read()
    except urllib.error.URLError:
        return None


class Stack:
    """One of its own, which ends with the value, or one that runs."""

    def __init__(self, name, kind, limits, log):
        self.name, self.own = name or f"{kind}-{os.getpid()}", None
        if not name:
            up = [DEV, "up", "--name", self.name, "--limits", limits]
            self.own = subprocess.Popen(up, cwd=ROOT, stdout=log.open("w"), stderr=subprocess.STDOUT)
            until(STACK_WITHIN_S, "a stack", lambda: self.is_up(log))

    def is_up(self, log):
        if self.own.poll() is not None:
            sys.exit(log.read_text())
        return log.read_text().rstrip().endswith("ends it.")

    def parts(self):
        status = dev("status", "--name", self.name, "--json", stdout=subprocess.PIPE).stdout
        return {part["name"]: part for part in json.loads(status)["parts"]}

    def address(self, part):
        return self.parts()[part]["address"]

    def create(self, event, stock):
        """An event on sale, which the edges know."""
        dev("event", "--name", self.name, "create", event, "--stock", str(stock), "--open")
        url = f"http://{self.address('nginx-1')}/api/v1/coupons/status/{event}"
        until(KNOWN_WITHIN_S, "an event that the edges know", lambda: get(url))

    def end(self):
        if self.own:
            self.own.terminate()
            self.own.wait()
