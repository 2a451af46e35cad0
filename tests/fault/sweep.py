# SPDX-License-Identifier: Apache-2.0
"""sweep.py errors|kills [--step N] [--only VERB/WHO] [--name TEXT] BUNDLES

The N-th system call of a verb fails, or the process is killed there, for N = 1, 1 + step, ...; after each the kernel is asked what is left.
BUNDLES/wait holds a bundle whose program waits to be killed, BUNDLES/end one whose program ends with 7.
Runs inside build/tests/isolate: the whole process list, mount table, cgroup tree, /run and /tmp belong to this test.
"""
import argparse
import errno
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HRUN = os.environ["HRUN"]
# The plain build's, whatever build of hrun is under test.
INJECT = os.path.join(os.path.dirname(os.environ["TESTS"]), "build/tests/fault/inject")
ERRORS = (errno.EIO, errno.ENOMEM, errno.EMFILE)
FAILURE = {"run": 125, "exec": 255}
SUCCESS = {"run": 7, "run-image": 7, "run-store": 7, "run-stored": 7, "exec": 9}
UNDONE = ("create", "run", "run-image", "run-store", "run-stored", "verify")  # whose failure leaves nothing, without a delete
CASE = os.path.join(os.environ["TESTS"], "vectors/busybox-runnable-valid")
PATIENCE_SECONDS = 20  # how long we ask whether a killed process is gone; nothing here is measured
ID = "victim"
BEFORE_VERB = re.compile(r"(hrun: )?(open /dev/null|mark descriptors|look at descriptor)")  # the command line has not been read yet
NOT_REMOVED = re.compile(r"warning: container `victim` was not removed: ")
TEMPORARY_PID_FILE = ".pid.new"  # a killed create may leave it, the next one takes it over


def tree(path):
    found = []
    for where, folders, files in os.walk(path):
        found += [os.path.join(where, n) for n in folders + files]
    return sorted(found)


class Kernel:
    """What the kernel holds: compared before and after."""

    def __init__(self, bundle):
        self.bundle = bundle

    def look(self):
        mounts = [line.split(" ", 1)[1] for line in open("/proc/self/mountinfo")]
        return {
            "processes": sorted(p for p in os.listdir("/proc") if p.isdigit()),
            "mounts": mounts,
            "cgroups": [p for p in tree("/sys/fs/cgroup") if os.path.isdir(p)],
            "/run": tree("/run"),
            "bundle": tree(self.bundle),
            "descriptors": sorted(os.listdir("/proc/self/fd")),
        }


def difference(before, after):
    text = []
    for key in before:
        gone = [x for x in before[key] if x not in after[key]]
        new = [x for x in after[key] if x not in before[key]]
        if key == "processes":
            new = [f"{p} ({status_of(p)})" for p in new]
        if gone or new:
            text.append(f"{key}: {'left behind ' + ', '.join(new) if new else ''}{' lost ' + ', '.join(gone) if gone else ''}")
    return "; ".join(text)


def status_of(pid):
    try:
        fields = open(f"/proc/{pid}/stat").read()
        return f"{fields[fields.index('('):].split()[0]} {fields[fields.rindex(')') + 2]} in {os.readlink(f'/proc/{pid}/exe')}"
    except OSError:
        return "?"


class Sweep:
    def __init__(self, options):
        self.options = options
        self.killing = options.what == "kills"
        self.kernel = Kernel(options.directory)
        self.bundle = f"{options.directory}/wait"
        self.scratch = tempfile.mkdtemp()
        self.findings = self.total = 0
        self.policy, self.store = "/run/fault-policy.json", "/var/fault-store"  # where only root writes
        trust = {"scope": "*", "scheme": "cosign-key", "keys": [f"{CASE}/k1.pub"], "threshold": 1, "tlog": "ignore"}
        with open(self.policy, "w") as f:
            json.dump({"format": 1, "images": {"require": "signed", "trust": [trust]}}, f)

    # ---- hrun ----

    def hrun(self, *words, prefix=()):
        with open(f"{self.scratch}/out", "wb") as out, open(f"{self.scratch}/err", "wb") as err:
            try:
                status = subprocess.run([*prefix, HRUN, *words], stdin=subprocess.DEVNULL, stdout=out, stderr=err, timeout=25).returncode
            except subprocess.TimeoutExpired:
                status = "no end"
        read = lambda name: open(f"{self.scratch}/{name}", errors="replace").read()
        return status, read("out"), read("err")

    def state(self):
        status, out, _ = self.hrun("state", ID)
        return json.loads(out) if status == 0 else {"status": "none", "pid": 0}

    def words(self, verb):
        image = (f"{CASE}/layout:box", ID, "--", "/bin/sh", "-c", "exit 7")
        return {
            "create": ("create", "-b", self.bundle, "--pid-file", f"{self.scratch}/pid", ID),
            "run": ("run", "-b", f"{self.options.directory}/end", ID),
            "run-image": ("--policy", self.policy, "run", *image),
            "run-store": ("--policy", self.policy, "run", "--store", self.store, *image),
            "run-stored": ("--policy", self.policy, "run", "--store", self.store, *image),
            "verify": ("verify", "--policy", self.policy, "--ref", "box", f"{CASE}/layout"),
            "start": ("start", ID),
            "exec": ("exec", ID, "/bin/sh", "-c", "exit 9"),
            "exec-detached": ("exec", "-d", "--pid-file", f"{self.scratch}/pid", ID, "/bin/sleep", "1000"),
            "kill": ("kill", ID, "USR1"),
            "delete": ("delete", ID),
            "delete-force": ("delete", "--force", ID),
        }[verb]

    def set_up(self, verb):
        """What the verb needs: nothing, a created, a running or a stopped container; an empty store or a full one."""
        if verb == "run-store":
            shutil.rmtree(self.store, ignore_errors=True)
        if verb == "run-stored" and not os.path.exists(self.store):
            self.hrun(*self.words(verb))
        if verb in UNDONE:
            return
        self.must("create", "-b", self.bundle, ID)
        if verb == "start":
            return
        self.must("start", ID)
        if verb == "delete":
            self.must("kill", ID, "KILL")
            self.wait_for(lambda: self.state()["status"] == "stopped")

    def must(self, *words):
        status, out, err = self.hrun(*words)
        if status != 0:
            raise AssertionError(f"hrun {' '.join(words)}: {status} {out}{err}")

    @staticmethod
    def wait_for(condition):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if condition():
                return True
            time.sleep(0.01)
        return False

    # ---- one trial ----

    def inject(self, verb, who, at, error):
        """Run the verb with a fault; (status, stdout, stderr, calls, the call that was hit or None)."""
        report = f"{self.scratch}/report"
        prefix = [INJECT, "--who", who, "--report", report]
        if at:
            prefix += ["--at", str(at)] + (["--kill"] if self.killing else ["--errno", str(error)])
        if who == "init" and verb == "start":
            prefix += ["--init", str(self.state()["pid"])]
        status, out, err = self.hrun(*self.words(verb), prefix=[*prefix, "--"])
        if status == "no end":  # inject was killed, and what it follows with it
            return status, out, err, at, at
        words = open(report).read().split() if os.path.exists(report) else []
        if os.path.exists(report):
            os.unlink(report)
        if not words:
            raise AssertionError(f"inject failed: {status} {err}")
        return status, out, err, int(words[1]), int(words[3]) if len(words) > 2 else None

    def complaint(self, verb, who, status, out, err):
        """What is wrong with how the verb ended; None where nothing is."""
        name = verb.split("-")[0]
        success = SUCCESS.get(verb, 0)
        if self.killing and who == "runtime":
            # A body that is borrowed to join namespaces is a process of its own: hrun survives it.
            if status == 128 + 9 or (status == FAILURE.get(name, 1) and len(err.splitlines()) == 1):
                return None
            return f"exit status {status}, expected to be killed"
        if verb == "verify":
            return self.no_verdict(status, out, err)
        if status == success:
            return self.effect_missing(verb, err, who)
        if status == "no end":
            return "it does not end"
        allowed = {FAILURE.get(name, 1)}
        if self.killing and verb.startswith(("run", "exec")) and verb != "exec-detached" and not err:
            allowed = {128 + 9}  # the program had been executed, or was about to be, when it was killed
        if BEFORE_VERB.match(err):
            allowed.add(1)
        if status not in allowed:
            return f"exit status {status}, expected {allowed} or {success}"
        lines = err.splitlines()
        if status != 137 and (len(lines) != 1 or len(lines[0]) < 15):
            return f"{len(lines)} error lines"
        return "it printed on stdout" if out else None

    @staticmethod
    def no_verdict(status, out, err):
        """One that accepts has seen everything; any other says why, on one of the two."""
        if status == 0:
            return None if out.startswith("accept ") and not err else "exit status 0 without a verdict"
        if status not in (1, 2, 3) or out.startswith("accept "):
            return f"exit status {status}"
        return None if bool(out) != (len(err.splitlines()) == 1) else "neither a verdict nor one error line"

    def effect_missing(self, verb, err, who="runtime"):
        status = self.state()["status"]
        if verb == "create" and who == "init" and status == "stopped":
            return None  # it was READY, waiting for start: create had done its work
        if verb.startswith("run") and status == "stopped" and NOT_REMOVED.search(err):
            return None  # the program's own exit code is worth more than ours
        expected = {"create": ("created",), "start": ("running", "stopped"), "run": ("none",), "run-image": ("none",), "run-store": ("none",), "run-stored": ("none",), "delete": ("none",), "delete-force": ("none",)}
        if verb in expected and status not in expected[verb]:
            return f"it succeeded, but the container is {status}"
        return None

    def leftovers(self, before, after_delete):
        """After a failure nothing may be left; what a process that dies still holds is waited for."""
        last = {}

        def same():
            last.update(self.kernel.look())
            return last == before

        if self.wait_for(same):
            return None
        return f"{'after delete --force' if after_delete else 'at once'}: {difference(before, last)}"

    def store_works(self):
        """Whatever has happened, the next run works, and has removed what is no entry."""
        status, _, err = self.hrun(*self.words("run-stored"))
        if status != 7:
            return f"from the store afterwards: {status} {err}"
        names = os.listdir(self.store)
        return None if len(names) == 2 and not os.listdir(f"{self.store}/new") else f"left in the store: {names} {os.listdir(self.store + '/new')}"

    def left_in_container(self):
        """A failed exec leaves no process: init is alone in the cgroup."""
        def alone():
            return len(open(f"/sys/fs/cgroup/hrun/{ID}/cgroup.procs").read().split()) == 1
        return None if self.wait_for(alone) else "a process of the failed exec is left in the container"

    def still_works(self):
        """After a SIGKILL: state and list answer at once, delete --force succeeds."""
        status, _, err = self.hrun("list")
        if status != 0:
            return f"hrun list: {status} {err}"
        status, _, err = self.hrun("state", ID)
        if status not in (0, 1) or (status == 1 and len(err.splitlines()) != 1):
            return f"hrun state: {status} {err}"
        return None

    def trial(self, verb, who, at, error):
        before = self.kernel.look()
        self.set_up(verb)
        status, out, err, calls, hit = self.inject(verb, who, at, error)
        if at and hit is None:
            self.hrun("delete", "--force", ID)
            self.clean_scratch()
            self.leftovers(before, True)
            return calls, True
        wrong = [self.complaint(verb, who, status, out, err)] if at else [None if status in (0, 7, 9) else f"without a fault: {status} {err}"]
        killed_runtime = self.killing and who == "runtime"
        failed = status not in (0, 7, 9) and not killed_runtime
        killed_runtime &= at > 0
        if killed_runtime:
            wrong.append(self.still_works())
        if at and failed and verb in UNDONE:
            wrong.append(self.leftovers(before, False))
        if at and failed and verb.startswith("exec"):
            wrong.append(self.left_in_container())
        delete_status, _, delete_err = self.hrun("delete", "--force", ID)
        if delete_status != 0:
            wrong.append(f"delete --force: {delete_status} {delete_err}")
        if verb.startswith("run-store"):
            wrong.append(self.store_works())
        wrong.append(self.clean_scratch(failed))
        wrong.append(self.leftovers(before, True))
        if killed_runtime:
            wrong.append(self.again(before))
        for text in filter(None, wrong):
            self.findings += 1
            what = "killed at" if self.killing else f"{errno.errorcode.get(error, 'nothing')} in"
            print(f"  {self.options.name}: {verb}: {who} {what} call {at} (number {hit}): {text}; it said: {err.strip()!r}", flush=True)
        return calls, False

    def clean_scratch(self, failed=False):
        """A pid file of a create that failed names nobody: it must not be there, nor a temporary one."""
        names = set(os.listdir(self.scratch)) - {"out", "err", "report"}
        for name in names:
            os.unlink(f"{self.scratch}/{name}")
        allowed = {"pid", TEMPORARY_PID_FILE} if self.killing else {"pid"} if not failed else set()
        return f"left for the pid file: {names - allowed}" if names - allowed else None

    def again(self, before):
        """The id is free."""
        status, out, err = self.hrun("create", "-b", self.bundle, ID)
        if status != 0:
            return f"create again: {status} {out}{err}"
        self.must("delete", "--force", ID)
        return self.leftovers(before, True)

    # ---- all of them ----

    def sweep(self, verb, who):
        self.findings = 0
        calls, _ = self.trial(verb, who, 0, 0)
        if calls == 0 or self.findings:
            self.total += 1
            print(f"not ok - {self.options.what}, {self.options.name}: {verb}: without a fault, {calls} calls of {who} counted")
            return
        # The first one differs from verb to verb, so that a sample does not see the same calls of all.
        self.findings, done, at = 0, 0, 1 + sum(f"{verb}/{who}".encode()) % self.options.step
        while self.findings < 12:
            error = ERRORS[at % len(ERRORS)]
            _, beyond = self.trial(verb, who, at, error)
            if beyond:
                break
            done += 1
            at += self.options.step
        self.total += self.findings
        kind = "not ok" if self.findings else "ok"
        print(f"{kind} - {self.options.what}, {self.options.name}: {verb}: {done} of {calls} calls of {who}"
              f"{f': {self.findings} findings' if self.findings else ''}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("errors", "kills"))
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--name", default="plain")
    parser.add_argument("--only", default="")
    parser.add_argument("directory")
    options = parser.parse_args()
    sweep = Sweep(options)
    verbs = {
        "create": ("runtime", "init"), "start": ("runtime", "init"), "exec": ("runtime", "init"), "exec-detached": ("runtime", "init"),
        "run": ("runtime", "init"), "run-image": ("runtime", "init", "image", "tree"), "run-store": ("runtime", "tree"), "run-stored": ("runtime",), "verify": ("runtime", "image"), "kill": ("runtime",), "delete": ("runtime",), "delete-force": ("runtime",),
    }
    if options.name == "rich":  # an image is what it is
        del verbs["run-image"], verbs["run-store"], verbs["run-stored"], verbs["verify"]
    for verb, roles in verbs.items():
        for who in roles + (("hook",) if options.name == "rich" and verb in ("create", "start", "delete") else ()):
            if re.fullmatch(options.only or ".*", f"{verb}/{who}"):
                sweep.sweep(verb, who)
    return 1 if sweep.total else 0


sys.exit(main())
