# SPDX-License-Identifier: Apache-2.0
# Cases of the chapter "hooks"; run by ../make.py.
trio("hook-path-invalid", R, hook(path="sh"), hook(), hook(path="/etc/passwd"))
trio("hook-timeout", H, put("hooks", {"poststop": [{"path": "/bin/sh"}]}), hook(), put("hooks", {"poststop": [{"path": "/bin/sh", "timeout": None}]}))
more("directory", "hook-path-invalid", R, hook(path="/etc"))
more("absent", "hook-path-invalid", R, hook(path="/absent/hook"))
more("hook-timeout", "json-number-range", R, hook(timeout=0))
more("in-rootfs", "hook-path-invalid", R, put("hooks", {"startContainer": [{"path": "/bin/x", "timeout": 5}]}), ['touch "$B/rootfs/bin/x"'])
more("in-rootfs-ok", "hook-path-invalid", "---", put("hooks", {"startContainer": [{"path": "/bin/x", "timeout": 5}]}),
     ['install -m 755 /dev/null "$B/rootfs/bin/x"'])
