# SPDX-License-Identifier: Apache-2.0
# Cases of the chapter "hooks"; run by ../make.py.
NEW = [("hook-not-allowed", "r")]  # no hook of this corpus is in a policy's list
INSIDE = NEW + [("hook-start-container", "r")]


def also(*rules):
    return NEW + [(r, "br") for r in rules]


def place(directory, change="", program="/bin/true"):
    """A program of root's at DIRECTORY/hook; whoever may write there is said by CHANGE."""
    return [f'install -d "{directory}" && install -m 755 {program} "{directory}/hook"' + (f" && {change}" if change else "")]


trio("hook-path-invalid", R, hook(path="bin/true"), hook(), hook(path="/etc/passwd"), also=NEW, miss_also=NEW)
more("directory", "hook-path-invalid", R, hook(path="/etc"), also=NEW)
more("absent", "hook-path-invalid", R, hook(path="/absent/hook"), also=NEW)
more("dotdot", "hook-path-invalid", R, hook(path="/usr/../bin/true"), also=NEW)
more("device", "hook-path-invalid", R, hook(path="/dev/null"), also=also("hook-writable"))
more("no-path", "hook-path-invalid", R, put("hooks", {"poststop": [{"timeout": 5}]}))
more("empty-path", "hook-path-invalid", R, hook(path=""))
more("timeout-zero", "hook-path-invalid", R, hook(timeout=0), also=NEW)
more("timeout-below", "hook-path-invalid", R, hook(timeout=-1), also=NEW)
more("hook-timeout", "json-number-range", R, hook(timeout=9223372036854775808))
more("in-rootfs", "hook-path-invalid", R, hooks("startContainer", path="/bin/x", timeout=5), ['touch "$B/rootfs/bin/x"'], INSIDE)
more("in-rootfs-ok", "hook-path-invalid", "---", hooks("startContainer", path="/bin/x", timeout=5),
     ['install -m 755 /dev/null "$B/rootfs/bin/x"'], INSIDE)
trio("hook-timeout", H, hooks("poststop"), hook(), hook(timeout=None), also=NEW, miss_also=NEW)
for kind in ("prestart", "createRuntime", "createContainer", "poststart"):
    more(kind, "hook-timeout", H, hooks(kind), also=NEW)

trio("hook-in-bundle", "-RR", hook(path="@B@/hook"), hook(), hook(path="@B@/rootfs/bin/hook"), also=also("hook-writable"), miss_also=NEW,
     setup=place("$B") + place("$B/rootfs/bin"))
for directory in ("/var/tmp/hrun-corpus", "/dev/shm/hrun-corpus"):
    more("in" + directory.replace("/", "-"), "hook-in-bundle", "-RR", hook(path=directory + "/hook"), place(directory), also("hook-writable"))
more("user", "hook-in-bundle", "-RR", hook(path="/run/user/hrun-corpus/hook"), place("/run/user/hrun-corpus"), NEW)
more("link-out", "hook-in-bundle", "-RR", hook(path="@B@/hook"), ['ln -s /bin/true "$B/hook"'], also("hook-writable"))
more("link-in", "hook-in-bundle", "-RR", hook(path="/run/hrun-corpus-hook"), place("$B") + ['ln -sfn "$B/hook" /run/hrun-corpus-hook'], also("hook-writable"))
more("start-container", "hook-in-bundle", "---", hooks("startContainer", path="/bin/hook", timeout=5), place("$B/rootfs/bin"), INSIDE)

# Below /run: root's, and nobody else's.
trio("hook-writable", "-RR", hook(path="/run/hrun-corpus/open/hook"), hook(path="/run/hrun-corpus/closed/hook"),
     hook(path="/run/hrun-corpus/sticky/hook"), also=NEW, miss_also=NEW, note="sticky does not save it",
     setup=place("/run/hrun-corpus/open", "chmod 0775 /run/hrun-corpus/open") + place("/run/hrun-corpus/closed")
     + place("/run/hrun-corpus/sticky", "chmod 1777 /run/hrun-corpus/sticky"))
more("file", "hook-writable", "-RR", hook(path="/run/hrun-corpus/file/hook"), place("/run/hrun-corpus/file", "chmod 0775 /run/hrun-corpus/file/hook"), NEW)
more("owner", "hook-writable", "-RR", hook(path="/run/hrun-corpus/owner/hook"), place("/run/hrun-corpus/owner", "chown 1000 /run/hrun-corpus/owner/hook"), NEW)
more("parent", "hook-writable", "-RR", hook(path="/run/hrun-corpus/parent/a/b/hook"),
     place("/run/hrun-corpus/parent/a/b", "chown 1000 /run/hrun-corpus/parent"), NEW)
more("link", "hook-writable", "-RR", hook(path="/run/hrun-corpus/link/hook"),
     ["install -d /run/hrun-corpus/link && chmod 1777 /run/hrun-corpus/link && ln -sfn /bin/true /run/hrun-corpus/link/hook"], NEW)

trio("hook-shell", "-RR", hook(path="/bin/sh"), hook(), hook(path="/run/hrun-corpus/shell/helper"), also=NEW, miss_also=NEW,
     setup=["install -d /run/hrun-corpus/shell && ln -sfn /bin/sh /run/hrun-corpus/shell/helper"])
more("env", "hook-shell", "-RR", hook(path="/usr/bin/env"), also=NEW)
more("interpreter", "hook-shell", "-RR", hook(path="/usr/bin/python3"), also=NEW)
more("version", "hook-shell", "-RR", hook(path="/run/hrun-corpus/version/perl5.36.0"),
     ["install -D -m 755 /bin/true /run/hrun-corpus/version/perl5.36.0"], NEW)
more("longer-version", "hook-shell", "-RR", hook(path="/run/hrun-corpus/version/perl5.36-x86_64-linux-gnu"),
     ["install -D -m 755 /bin/true /run/hrun-corpus/version/perl5.36-x86_64-linux-gnu"], NEW)
more("launcher", "hook-shell", "-RR", hook(path="/usr/bin/timeout"), also=NEW)
more("agent", "hook-shell", "---", hook(path="/run/hrun-corpus/only/node-agent"), ["install -D -m 755 /bin/true /run/hrun-corpus/only/node-agent"], NEW)
more("name-only", "hook-shell", "---", hook(path="/run/hrun-corpus/only/shutdown"), ["install -D -m 755 /bin/true /run/hrun-corpus/only/shutdown"], NEW)
more("inside", "hook-shell", "-RR", hooks("startContainer", path="/bin/hook", timeout=5), ['touch "$B/rootfs/bin/busybox"; chmod 755 "$B/rootfs/bin/busybox"; '
     'ln -s busybox "$B/rootfs/bin/hook"'], INSIDE)
more("nsenter", "hook-shell", "-RR", hook(path="/usr/bin/nsenter"), also=NEW)

trio("hook-env-loader", "-RR", hook(env=["LD_PRELOAD=/x.so"]), hook(env=["PATH=/bin", "LD=1", "ENVIRONMENT=x"]), hook(env=["A=b", "LD_SOMETHING_NEW=x"]),
     also=NEW, miss_also=NEW)
for name in ("GCONV_PATH", "GLIBC_TUNABLES", "BASH_ENV", "ENV", "PYTHONPATH", "PERL5LIB", "NODE_OPTIONS", "GIO_MODULE_DIR", "LOCPATH"):
    more(name.lower().replace("_", "-"), "hook-env-loader", "-RR", hook(env=[name + "=x"]), also=NEW)
more("null", "hook-env-loader", "---", hook(env=None), also=NEW)

trio("hook-not-allowed", "-WR", hook(), put("hooks", {"poststop": []}), hooks("createContainer", timeout=5))
more("null", "hook-not-allowed", "---", put("hooks", None))
trio("hook-start-container", "-WR", hooks("startContainer", path="/bin/hook", timeout=5), hooks("createContainer", timeout=5),
     put("hooks", {"startContainer": [{"path": "/bin/absent", "timeout": 1}]}), also=NEW, miss_also=NEW, setup=place("$B/rootfs/bin"))
more("null", "hook-start-container", "---", put("hooks", {"startContainer": None}))

# ---- found by attacking (docs/review/baseline.md) ----
more("function", "hook-env-loader", "-RR", hook(env=["BASH_FUNC_cat%%=() { id; }"]), also=NEW)
for i, path in enumerate(("/tmp", "/bin:/var/tmp/x", "", "bin", "/bin:", ":/bin", "/usr/../tmp", "@B@", "/home/u/bin", "/var/lib/docker/volumes/v/_data")):
    more(f"path-{i}", "hook-env-loader", "-RR", hook(env=["A=b", "PATH=" + path]), also=NEW)
more("path-usual", "hook-env-loader", "---", hook(env=["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/cni/bin"]), also=NEW)
for i, path in enumerate(("/var/lib/docker/volumes/v/_data/hook", "/var/lib/containers/storage/volumes/v/_data/hook", "/var/lib/kubelet/pods/x/volumes/y/hook")):
    more(f"volume-{i}", "hook-in-bundle", "-RR", hook(path=path), also=NEW + [("hook-path-invalid", "pbr")])
for program in ("tar", "cp", "sed", "sort", "touch"):
    more(program, "hook-shell", "-RR", hook(path="/bin/" + program), also=NEW)
more("itself", "hook-shell", "-RR", hook(path="/run/hrun-corpus/itself/hrun"), ["install -D -m 755 /bin/true /run/hrun-corpus/itself/hrun"], NEW)
