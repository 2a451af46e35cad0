#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hooks of all six kinds: order, stdin, environment, working directory, timeout, and what a failure does."""
import json
import os

from hrun import Bundle, contains, created, equal, eventually, hook, main, new_id, output, read, run, started, test, write
import hrun as h

KINDS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
HOST = ("prestart", "createRuntime", "poststart", "poststop")


class Log:
    """A directory that hooks write to, bound into the container at the same path."""

    def __init__(self, bundle):
        self.path = f"{h.work}/log{next(h._numbers)}"
        os.mkdir(self.path, 0o777)
        os.chmod(self.path, 0o777)
        bundle.mount(self.path, "bind", self.path, ["bind", "rw"])

    def read(self, name):
        return read(f"{self.path}/{name}")

    def has(self, name):
        return os.path.exists(f"{self.path}/{name}")


def with_hooks(script, kinds=KINDS, **more):
    """SCRIPT may hold {log} and {kind}."""
    b = Bundle("sleep", "1000")
    log = Log(b)
    b.c["hooks"] = {kind: [hook(kind, script.format(log=log.path, kind=kind), **more)] for kind in kinds}
    return b, log


@test
def order():
    b, log = with_hooks("echo {kind} >>{log}/order; cat >/dev/null")
    write(f"{log.path}/order", "", 0o666)
    for kind in KINDS:
        b.c["hooks"][kind].append(hook(kind, f"echo {kind}-second >>{log.path}/order"))
    with created(b) as c:
        equal(log.read("order").split(), [w for k in KINDS[:3] for w in (k, f"{k}-second")])
        equal(c.start().status, 0)
        eventually(lambda: "poststart-second" in log.read("order"), "poststart")
        equal(log.read("order").split(), [w for k in KINDS[:5] for w in (k, f"{k}-second")])
    equal(log.read("order").split(), [w for k in KINDS for w in (k, f"{k}-second")])


@test
def state_on_stdin():
    b, log = with_hooks("cat >{log}/{kind}")
    b.c["annotations"] = {"a/b": "c/d \" é"}
    with created(b) as c:
        pid = c.pid
        equal(c.start().status, 0)
    status = {"prestart": "creating", "createRuntime": "creating", "createContainer": "creating", "startContainer": "created",
              "poststart": "running", "poststop": "stopped"}
    for kind in KINDS:
        text = log.read(kind)
        assert "\n" not in text.rstrip("\n") and ": " not in text and ", " not in text and "\\/" not in text, f"{kind}: not compact: {text!r}"
        state = json.loads(text)
        equal((state["id"], state["status"], state["bundle"]), (c.id, status[kind], b.path), kind)
        equal(state["annotations"], b.c["annotations"], kind)
        assert state["ociVersion"].startswith("1."), state
        if kind in ("createContainer", "startContainer"):
            equal(state["pid"], 1, kind)
        elif kind == "poststop":
            equal(state.get("pid", 0), 0, kind)
        else:
            equal(state["pid"], pid, kind)


@test
def environment_is_only_the_hooks_own():
    b, log = with_hooks("tr '\\0' '\\n' </proc/self/environ >{log}/{kind}; cat >/dev/null")
    os.environ["LEAKED"] = "from the caller"
    try:
        with started(b):
            pass
    finally:
        del os.environ["LEAKED"]
    for kind in KINDS:
        equal(log.read(kind).split("\n")[:-1], ["PATH=/bin:/usr/bin"], kind)


@test
def environment_absent_is_empty():
    b, log = with_hooks("/bin/busybox tr '\\0' '\\n' </proc/self/environ >{log}/{kind}")
    for kind in KINDS:
        del b.c["hooks"][kind][0]["env"]
    with started(b):
        pass
    for kind in KINDS:
        equal(log.read(kind), "", kind)


@test
def descriptors_are_only_three():
    b, log = with_hooks("ls /proc/self/fd | tr '\\n' ' ' >{log}/{kind}")
    pipe = os.pipe()
    with started(b, pass_fds=pipe):
        pass
    os.close(pipe[0])
    os.close(pipe[1])
    for kind in KINDS:
        equal(log.read(kind).split(), ["0", "1", "2", "3"], f"{kind} (3 is that of ls)")


@test
def namespaces():
    """prestart, createRuntime, poststart, poststop: the runtime's; createContainer, startContainer: the container's."""
    b, log = with_hooks("readlink /proc/self/ns/mnt /proc/self/ns/net >{log}/{kind} || "
                        "for n in mnt net; do readlink /proc/self/ns/$n; done >{log}/{kind}")
    with started(b) as c:
        inside = f"{h.namespace_of(c.pid, 'mnt')}\n{h.namespace_of(c.pid, 'net')}\n"
    outside = f"{h.namespace_of('self', 'mnt')}\n{h.namespace_of('self', 'net')}\n"
    for kind in KINDS:
        equal(log.read(kind), outside if kind in HOST else inside, kind)


@test
def working_directory():
    b, log = with_hooks("pwd -P >{log}/{kind}")
    with started(b):
        pass
    for kind in HOST:
        equal(log.read(kind), f"{b.path}\n", kind)
    equal(log.read("createContainer"), f"{b.root}\n")
    equal(log.read("startContainer"), "/\n")


@test
def create_container_sees_the_root_before_it_is_closed():
    b, log = with_hooks("touch made-by-{kind} && echo written >{log}/{kind}", kinds=("createContainer",))
    with created(b):
        equal(log.read("createContainer"), "written\n")
    assert os.path.exists(f"{b.root}/made-by-createContainer")


@test
def start_container_runs_behind_the_walls():
    b, log = with_hooks("grep -E 'Cap(Eff|Prm|Bnd)|NoNewPrivs|Seccomp:|Uid' /proc/self/status >{log}/{kind}; touch /x 2>>{log}/{kind}; :",
                        kinds=("startContainer",))
    with started(b):
        pass
    got = dict(line.split(":", 1) for line in log.read("startContainer").splitlines())
    equal([got[k].strip() for k in ("CapEff", "CapPrm", "CapBnd", "NoNewPrivs", "Seccomp")], ["0" * 16] * 3 + ["1", "2"])
    equal(got["Uid"].split(), ["1000"] * 4)
    contains(log.read("startContainer"), "Read-only file system")


@test
def output_of_a_hook_stays_out_of_the_containers():
    b, log = with_hooks("echo to stdout; echo to stderr >&2")
    with started(b) as c:
        pass
    equal((read(c.out), read(c.err)), ("", ""))


def fails(kind, verb, script="exit 3", **more):
    """(result, log) of the verb in which a hook of that kind fails; nothing may be left of a container."""
    b, log = with_hooks("echo it said >&2; " + script, kinds=(kind,), **more)
    b.c["hooks"].setdefault("poststop", [hook("poststop", f"touch {log.path}/poststop")])
    b.save()
    name = new_id()
    with h.unchanged():
        r = h.hrun("create", "-b", b.path, name)
        if verb == "start":
            equal((r.status, r.err), (0, ""), "create")
            r = h.hrun("start", name)
        assert r.status == 1 and r.out == "" and r.err.count("\n") == 1, f"{kind}: {r}"
        contains(r.err, f"{kind} hook #0")
        unknown = h.hrun("state", name)
        assert unknown.status == 1 and "does not exist" in unknown.err, f"{kind}: {unknown}"
    return r, log


@test
def a_failing_hook_of_create_undoes_create():
    for kind in ("prestart", "createRuntime", "createContainer"):
        r, log = fails(kind, "create")
        assert log.has("poststop"), f"no poststop hook after {kind}"
        contains(r.err, "exit status 3")
        contains(r.err, "it said")


@test
def a_create_that_fails_after_its_hooks_runs_the_poststop_hooks():
    for args, ran in ((["/no/such/program"], True), (["sleep", "1"], False)):
        b, log = with_hooks("touch {log}/{kind}", kinds=("createRuntime", "poststop"))
        b.process["args"] = args
        if not ran:
            b.mount("/etc/passwd/below", "tmpfs", "tmpfs")  # before any hook
        b.save()
        with h.unchanged():
            assert h.hrun("create", "-b", b.path, new_id()).status != 0
        equal((log.has("createRuntime"), log.has("poststop")), (ran, ran), args)


@test
def a_failing_hook_of_start_destroys_the_container():
    for kind in ("startContainer", "poststart"):
        r, log = fails(kind, "start")
        assert log.has("poststop"), f"no poststop hook after {kind}"
        contains(r.err, "exit status 3")


@test
def a_failing_poststop_hook_is_only_a_warning():
    b, log = with_hooks("touch {log}/{kind}; exit 3", kinds=("poststop",))
    b.c["hooks"]["poststop"].append(hook("poststop", f"touch {log.path}/second"))
    b.save()
    name = new_id()
    with h.unchanged():
        equal(h.hrun("create", "-b", b.path, name).status, 0)
        r = h.hrun("--log", f"{h.work}/poststop.log", "delete", "--force", name)
        equal((r.status, r.out), (0, ""), repr(r))
        contains(r.err, "warning: ")
        equal(h.read(f"{h.work}/poststop.log"), "", "the log, which engines read for a failure's one line")
        assert log.has("poststop"), "it did not run"
        assert log.has("second"), "the next one did not run"


@test
def poststop_after_a_create_that_was_killed():
    """What its hooks made is cleaned up by who deletes the rest; where no hook ran, poststop has nothing to do."""
    for kind, runs in (("createRuntime", True), (None, False)):
        b = Bundle("sleep", "1000")
        log = Log(b)
        b.c["hooks"] = {"poststop": [hook("poststop", f"echo poststop >>{log.path}/poststop")]}
        if kind:
            b.c["hooks"][kind] = [hook(kind, "kill -9 $PPID")]
        else:
            b.mount("/nosuch-source", "bind", "/x", ["bind"])
        b.save()
        name = new_id()
        assert h.hrun("create", "-b", b.path, name).status != 0
        equal(h.hrun("delete", "--force", name).status, 0)
        equal(log.has("poststop"), runs, kind)


@test
def a_hook_that_is_killed():
    r, _ = fails("createRuntime", "create", script="kill -9 $$")
    contains(r.err, "signal 9")


@test
def a_hook_that_is_missing_or_may_not_be_run():
    for path in ("/no/such/hook", "/etc/passwd"):
        b = Bundle("true")
        b.c["hooks"] = {"createRuntime": [{"path": path}]}
        with h.unchanged():
            r = run(b)
            assert r.status != 0 and r.err.count("\n") == 1, r
            contains(r.err, path)


@test
def a_timeout_ends_the_whole_hook():
    """Its children die too, also those in the background that hold its output."""
    for kind in ("createRuntime", "createContainer"):
        r, _ = fails(kind, "create", script="sleep 1000 & sleep 1000; :", timeout=1)
        contains(r.err, "timeout")
    r, _ = fails("startContainer", "start", script="sleep 1000 & sleep 1000; :", timeout=1)
    contains(r.err, "timeout")


@test
def a_hook_that_does_not_read_or_closes_its_output():
    b, log = with_hooks("exec <&- >&- 2>&-; exit 0")
    with started(b):
        pass


@test
def a_hook_with_a_lot_of_output():
    b, log = with_hooks("seq 100000; echo done >{log}/{kind}", kinds=("createRuntime", "startContainer"))
    with started(b):
        pass
    equal(log.read("createRuntime"), "done\n")


@test
def arguments_are_the_hooks():
    b = Bundle("sleep", "1000")
    log = Log(b)
    b.c["hooks"] = {"createRuntime": [{"path": f"{h.work}/hook", "args": ["a-name", "-c", f'echo "$0|$1|$2" >{log.path}/out', "zero", "", "a b"],
                                       "env": ["PATH=/bin"]}]}
    with created(b):
        equal(log.read("out"), "zero||a b\n")


main()
