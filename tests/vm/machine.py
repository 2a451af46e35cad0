#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tests/vm/machine.py [--release bookworm|trixie] [--lsm none|apparmor|selinux] VERB ...

A Debian 12 or 13 machine under QEMU, without KVM where there is none: systemd, cgroup v2 alone with every controller, engines, security
modules.

    build               make the image (as root; kept in /var/cache/hrun-vm, made again when what it is made of changes)
    start               resume the saved machine; without one boot, and save it
    run [-u USER] COMMAND...   its streams and exit status are the command's
    put SOURCE DIRECTORY       copy a file or directory of this machine into a directory of the guest
    shell [-u USER]     log in
    stop                forget every change
    status

HRUN_VM_CACHE: another place for images.  HRUN_VM_MEMORY (MiB, 2048) and HRUN_VM_CPUS (2) are part of what is saved.
Exit status of what cannot be done here: 77, with the reason as the last line.
"""
import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
CACHE = os.environ.get("HRUN_VM_CACHE", "/var/cache/hrun-vm")
MEMORY = os.environ.get("HRUN_VM_MEMORY", "2048")
CPUS = os.environ.get("HRUN_VM_CPUS", "2")
PACKAGES = {
    "machine": "linux-image-cloud-amd64 busybox-static cpio systemd systemd-sysv dbus dbus-user-session libpam-systemd systemd-container openssh-server"
               " iproute2 procps kmod util-linux ca-certificates",
    "engines": "podman crun conmon netavark aardvark-dns passt slirp4netns uidmap fuse-overlayfs catatonit iptables containerd runc"
               " containernetworking-plugins docker.io",
    "security modules": "apparmor apparmor-utils",
    "hrun and its tests": "gcc libc6-dev libseccomp2 libyajl2 zlib1g libzstd1 libsystemd0 attr e2fsprogs openssl python3 python3-h2 strace git jq",
}
# By release, what has another name elsewhere or is not there.
RELEASES = {"bookworm": "libssl3", "trixie": "libssl3t64 docker-cli selinux-policy-default policycoreutils selinux-utils"}
LSM = {"none": "landlock,lockdown,yama,integrity,bpf", "apparmor": "landlock,lockdown,yama,integrity,apparmor,bpf",
       "selinux": "landlock,lockdown,yama,integrity,selinux,bpf"}
HOST_PROGRAMS = {"qemu-system-x86_64": "qemu-system-x86", "qemu-img": "qemu-utils", "mke2fs": "e2fsprogs", "ssh": "openssh-client",
                 "zstd": "zstd", "mmdebstrap": "mmdebstrap"}
BOOT_SECONDS = 600  # a shared machine without KVM


class Impossible(Exception):
    """This machine cannot do it: a skip."""


def say(text):
    print(f"vm: {text}", file=sys.stderr, flush=True)


def digest(*parts):
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


@contextlib.contextmanager
def only_one(path):
    with open(path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def check_host():
    missing = [package for program, package in HOST_PROGRAMS.items() if not shutil.which(program)]
    if missing:
        raise Impossible(f"the guest needs apt-get install {' '.join(missing)}")
    if os.geteuid() != 0:
        raise Impossible("the guest's image is made by root")


class Machine:
    def __init__(self, release="trixie", lsm="none"):
        self.release, self.lsm = release, lsm
        self.packages = ",".join(" ".join((*PACKAGES.values(), RELEASES[release])).split())
        with open(f"{HERE}/guest.sh") as f:
            self.image = f"{CACHE}/{release}-{digest(self.packages, f.read())}"
        self.run_dir = f"{CACHE}/run-{release}-{lsm}"
        self.saved = f"{self.image}/saved-{digest(self.version(), *self.command('DISK', 'RUN', 0))}"

    # ---- the image ----

    def build(self):
        os.makedirs(CACHE, mode=0o700, exist_ok=True)
        with only_one(f"{CACHE}/lock"):
            if not os.path.exists(f"{self.image}/disk"):
                self.make_image()

    def make_image(self):
        say(f"making the image of {self.release}")
        made = subprocess.run([f"{TESTS}/tree.sh", self.release, self.packages], stdout=subprocess.PIPE, text=True,
                              env=dict(os.environ, INITRD="No"))
        if made.returncode:
            raise Impossible(f"no root file system of {self.release}: {made.stdout.strip()[-200:]}")
        new = f"{self.image}.new"
        root = f"{new}/root"
        shutil.rmtree(new, ignore_errors=True)
        os.makedirs(root)
        subprocess.run(["tar", "-xf", made.stdout.strip().splitlines()[-1], "-C", root, "--exclude=./dev/*", "--exclude=./usr/share/doc/*",
                        "--exclude=./usr/share/man/*", "--exclude=./usr/share/locale/*", "--exclude=./var/cache/apt/*"], check=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "hrun-vm", "-f", f"{new}/key"], check=True)
        shutil.copy(f"{new}/key.pub", f"{root}/tmp/authorized_keys")
        shutil.copy(f"{HERE}/guest.sh", f"{root}/tmp/guest.sh")
        subprocess.run(["chroot", root, "sh", "/tmp/guest.sh"], check=True, stdout=sys.stderr)
        for name in ("vmlinuz", "initrd.img"):
            shutil.move(f"{root}/tmp/{name}", f"{new}/{name}")
        os.truncate(os.open(f"{new}/disk", os.O_CREAT | os.O_WRONLY, 0o600), 8 << 30)
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-O", "verity", "-E", "lazy_itable_init=0,nodiscard", "-d", root, f"{new}/disk"],
                       check=True)
        shutil.rmtree(root)
        for old in os.listdir(CACHE):  # of another list of packages
            if old.startswith(self.release + "-") and f"{CACHE}/{old}" != new:
                shutil.rmtree(f"{CACHE}/{old}", ignore_errors=True)
        os.rename(new, self.image)

    # ---- QEMU ----

    @staticmethod
    def version():
        return subprocess.run(["qemu-system-x86_64", "--version"], stdout=subprocess.PIPE, text=True).stdout

    def command(self, disk, run, port):
        """QEMU's command line; a saved machine resumes under the very one that it was saved under.

        Debian 12's QEMU loses memory writes on CMPXCHG16B with two processors, hence -cx16; newer processors than Nehalem only make emulated
        hashes slower.
        """
        return ["qemu-system-x86_64", "-M", "q35,hpet=off", "-accel", "tcg,thread=multi,tb-size=512", "-cpu", "Nehalem,-cx16,+rdrand",
                "-smp", CPUS, "-m", MEMORY, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-sandbox", "on",
                "-kernel", f"{self.image}/vmlinuz", "-initrd", f"{self.image}/initrd.img",
                "-append", "console=ttyS0 quiet loglevel=4 net.ifnames=0 mitigations=off nokaslr no_timer_check psi=1 hugepages=8"
                           f" audit_backlog_limit=4096 lsm={LSM[self.lsm]}",
                "-drive", f"file={disk},if=none,id=root,format=qcow2,cache=unsafe,discard=unmap", "-device", "virtio-blk-pci,drive=root",
                "-device", "virtio-rng-pci", "-rtc", "base=utc",
                "-netdev", f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22", "-device", "virtio-net-pci,netdev=net,romfile=",
                "-serial", f"file:{run}/console", "-qmp", f"unix:{run}/qmp,server=on,wait=off"]

    def qmp(self, *commands):
        """Each is a name or (name, arguments); the answer to the last."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(f"{self.run_dir}/qmp")
            stream = s.makefile("rw")
            stream.readline()
            answer = None
            for command in ("qmp_capabilities", *commands):
                name, arguments = (command, {}) if isinstance(command, str) else command
                stream.write(json.dumps({"execute": name, "arguments": arguments}))
                stream.flush()
                answer = json.loads(stream.readline())
                while "event" in answer:
                    answer = json.loads(stream.readline())
                if "error" in answer:
                    raise RuntimeError(f"QEMU: {name}: {answer['error']['desc']}")
            return answer["return"]

    def pid(self):
        """Of the running machine, or None."""
        with contextlib.suppress(OSError, ValueError):
            with open(f"{self.run_dir}/pid") as f:
                pid = int(f.read())
            with open(f"/proc/{pid}/cmdline") as f:
                if f"{self.run_dir}/disk" in f.read():
                    return pid
        return None

    def begin(self, backing, form, *options):
        if self.pid():
            raise RuntimeError(f"a guest is running: {self.run_dir}")
        shutil.rmtree(self.run_dir, ignore_errors=True)
        os.makedirs(self.run_dir, mode=0o700)
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", backing, "-F", form, f"{self.run_dir}/disk"], check=True)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        with open(f"{self.run_dir}/port", "w") as f:
            f.write(str(port))
        with open(f"{self.run_dir}/log", "w") as log:
            process = subprocess.Popen([*self.command(f"{self.run_dir}/disk", self.run_dir, port), *options], stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log, start_new_session=True)
        with open(f"{self.run_dir}/pid", "w") as f:
            f.write(str(process.pid))
        return process

    def wait_for_shell(self, process):
        deadline = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise Impossible(f"QEMU ended: {self.tail('log')}")
            # QEMU takes every connection: only the server's first words tell that it is there
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port()), 5) as s:
                if s.recv(4) == b"SSH-" and self.run(["true"]).returncode == 0:
                    return
            time.sleep(0.25)
        raise RuntimeError(f"the guest has no shell after {BOOT_SECONDS} s: {self.tail('console')}")

    def tail(self, name):
        with open(f"{self.run_dir}/{name}", errors="replace") as f:
            return " / ".join(f.read().splitlines()[-5:])

    def start(self, cold=False):
        """Resumes or, where nothing is saved, boots, saves, resumes."""
        self.build()
        if cold:
            self.wait_for_shell(self.begin(f"{self.image}/disk", "raw"))
            return
        with only_one(f"{CACHE}/lock"):
            if not os.path.exists(f"{self.saved}.memory"):
                self.save()
        process = self.begin(f"{self.saved}.disk", "qcow2", "-incoming", f"exec:zstd -dcq {shlex.quote(self.saved)}.memory")
        self.wait_for_shell(process)
        # Its clock stands where it was saved.
        self.run(["date", "-s", f"@{int(time.time())}"], stdout=subprocess.DEVNULL, check=True)

    def save(self):
        say("booting the guest, to save it")
        process = self.begin(f"{self.image}/disk", "raw")
        try:
            self.wait_for_shell(process)
            self.run(["sh", "-c", "systemctl is-system-running --wait >/dev/null; systemctl start user@1000.service; sync;"
                                  " echo 3 >/proc/sys/vm/drop_caches; echo 1 >/proc/sys/vm/compact_memory"])
            self.hang_up()
            new = f"{self.saved}.new"
            self.qmp(("migrate-set-parameters", {"max-bandwidth": 1 << 36}), ("migrate", {"uri": f"exec:zstd -qf -3 -o {shlex.quote(new)}"}))
            while (status := self.qmp("query-migrate")["status"]) != "completed":
                if status == "failed":
                    raise RuntimeError(f"the guest cannot be saved: {self.tail('log')}")
                time.sleep(0.25)
            self.qmp("quit")
            process.wait()
            subprocess.run(["zstd", "-tq", new], check=True)
            os.rename(f"{self.run_dir}/disk", f"{self.saved}.disk")
            os.rename(new, f"{self.saved}.memory")
        finally:
            self.stop()

    def hang_up(self):
        for user in ("root", "dev"):
            subprocess.run([*self.ssh(user), "-O", "exit"], stderr=subprocess.DEVNULL)

    def stop(self):
        self.hang_up()
        pid = self.pid()
        if pid:
            os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
        while self.pid():
            time.sleep(0.05)
        shutil.rmtree(self.run_dir, ignore_errors=True)

    # ---- in the guest ----

    def port(self):
        with open(f"{self.run_dir}/port") as f:
            return int(f.read())

    def ssh(self, user="root"):
        """One connection a user is kept open, and later commands share it."""
        port = self.port() if os.path.exists(f"{self.run_dir}/port") else 1
        return ["ssh", "-F", "none", "-p", str(port), "-i", f"{self.image}/key", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR",
                "-o", "ConnectTimeout=60", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                "-o", "GSSAPIAuthentication=no", "-o", "ControlMaster=auto", "-o", f"ControlPath={self.run_dir}/ssh-{user}",
                "-o", "ControlPersist=yes", f"{user}@127.0.0.1"]

    def run(self, command, user="root", **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run([*self.ssh(user), "--", shlex.join(command)], **options)

    def put(self, source, directory, *tar_options):
        source = os.path.abspath(source)
        with subprocess.Popen(["tar", "-C", os.path.dirname(source), "-cf", "-", *tar_options, os.path.basename(source)],
                              stdout=subprocess.PIPE) as tar:
            target = shlex.quote(directory)
            self.run(["sh", "-c", f"mkdir -p {target} && tar -C {target} -xmf - --no-same-owner"], stdin=tar.stdout, check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", choices=RELEASES, default="trixie")
    parser.add_argument("--lsm", choices=LSM, default="none")
    parser.add_argument("verb", choices=("build", "start", "run", "put", "shell", "stop", "status"))
    parser.add_argument("-u", "--user", default="root")
    parser.add_argument("words", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    words = options.words
    if options.verb in ("run", "shell") and words[:1] == ["-u"]:
        options.user, words = words[1], words[2:]
    try:
        check_host()
        machine = Machine(options.release, options.lsm)
        if options.verb in ("run", "put", "shell") and not machine.pid():
            raise Impossible(f"no guest is running: {sys.argv[0]} start")
        if options.verb == "run":
            return machine.run(words, options.user, stdin=None).returncode
        if options.verb == "shell":
            return subprocess.run([*machine.ssh(options.user), "-t"]).returncode
        if options.verb == "put":
            machine.put(*words)
        elif options.verb == "status":
            print(f"running, pid {machine.pid()}" if machine.pid() else "stopped")
        else:
            getattr(machine, options.verb)()
    except Impossible as why:
        print(why)
        return 77
    return 0


if __name__ == "__main__":
    sys.exit(main())
