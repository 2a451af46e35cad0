# SPDX-License-Identifier: Apache-2.0
"""contention.py BUNDLE ROUNDS: creates of one id at the same time; then every verb at one id from several processes, a bounded number of times."""
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

HRUN = os.environ["HRUN"]
CREATES, WORKERS = 4, 4
ID = "shared"
# What each verb may say beside success, while others create, start, kill and delete the same id.
GONE = r"container `shared` does not exist"
EXPECTED = {
    "create": [r"container `shared` already exists"],
    "start": [GONE, r"cannot start an already running container: `shared`", r"cannot start a container that has stopped: `shared`",
              r"container not running: .*no such process", r"killed before it could execute its program"],
    "state": [GONE],
    "kill": [GONE, r"container not running: `shared`: no such process", r"container `shared` is still being created"],
    "exec": [GONE, r"cannot exec in a stopped container", r"cannot exec in a container that is still being created",
             r"killed before it could execute its program", r"container not running: .*\(no such process\)"],
    "delete": [GONE, r"cannot delete container `shared` that is not stopped: (running|creating); use --force"],
    "delete-force": [],
    "list": [],
}
# state is asked without a lock: a create that has only just begun has no record yet
EXPECTED["state"].append(r"a create that was killed left its directory")


class Runner:
    def __init__(self, bundle):
        self.bundle = bundle
        self.folder = tempfile.mkdtemp()
        self.number = 0

    def words(self, verb):
        return {
            "create": ["create", "-b", self.bundle, ID], "start": ["start", ID], "state": ["state", ID], "kill": ["kill", ID, "KILL"],
            "exec": ["exec", ID, "/bin/true"], "delete": ["delete", ID], "delete-force": ["delete", "--force", ID], "list": ["list"],
        }[verb]

    def begin(self, verb):
        self.number += 1
        path = f"{self.folder}/{os.getpid()}-{self.number}"
        with open(path, "w") as err:  # a container's init inherits it
            return verb, path, subprocess.Popen([HRUN, *self.words(verb)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err)

    def end(self, begun):
        verb, path, process = begun
        status = process.wait()
        text = open(path).read()
        os.unlink(path)
        return verb, status, text

    def do(self, verb):
        return self.end(self.begin(verb))


def judge(verb, status, text):
    """None, or what is wrong."""
    lines = text.splitlines()
    if status == 0:
        return f"{verb} succeeded and said {text!r}" if text else None
    if status == (255 if verb == "exec" else 1) and len(lines) == 1 and any(re.search(p, lines[0]) for p in EXPECTED[verb]):
        return None
    if verb == "exec" and status == 128 + 9 and not text:
        return None  # the program was killed with its container
    return f"{verb}: exit status {status}: {text!r}"


def race_creates(runner, rounds):
    wrong = []
    for _ in range(rounds):
        ended = [runner.end(b) for b in [runner.begin("create") for _ in range(CREATES)]]
        winners = sum(status == 0 for _, status, _ in ended)
        if winners != 1:
            wrong.append(f"{winners} of {CREATES} creates won: {ended}")
        wrong += filter(None, (judge(*e) for e in ended))
        # The winner's container is whole.
        for verb in ("start", "exec", "delete-force"):
            _, status, text = runner.do(verb)
            if status != 0:
                wrong.append(f"{verb} after the race: {status} {text!r}")
    return wrong


def worker(bundle, rounds, seed):
    runner, wrong, choice = Runner(bundle), [], random.Random(seed)
    for _ in range(rounds):
        verb = choice.choice(["create", "create", "start", "state", "kill", "exec", "exec", "delete", "delete-force", "list"])
        wrong.append(judge(*runner.do(verb)))
    shutil.rmtree(runner.folder)
    for text in filter(None, wrong):
        print(f"  {text}", flush=True)
    return 1 if any(wrong) else 0


def tell(ok, name):
    print(f"{'ok' if ok else 'not ok'} - {name}", flush=True)
    return ok


def main():
    bundle, rounds = sys.argv[1], int(sys.argv[2])
    runner = Runner(bundle)
    wrong = race_creates(runner, rounds)
    for text in wrong[:5]:
        print(f"  {text}")
    ok = tell(not wrong, f"of {CREATES} creates of one id exactly one wins, {rounds} times")
    sys.stdout.flush()
    children = []
    for n in range(WORKERS):
        pid = os.fork()
        if pid == 0:
            os._exit(worker(bundle, rounds * 3, n))
        children.append(pid)
    failed = [os.waitpid(pid, 0)[1] for pid in children]
    ok &= tell(not any(failed), f"every verb at one id from {WORKERS} processes, {rounds * 3} times each: no crash, no wrong text")
    status, text = runner.do("delete-force")[1:]
    ok &= tell(status == 0, "delete --force at the end")
    shutil.rmtree(runner.folder)
    return 0 if ok else 1


sys.exit(main())
