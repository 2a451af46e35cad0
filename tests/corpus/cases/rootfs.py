# SPDX-License-Identifier: Apache-2.0
# Cases of the chapter "rootfs"; run by ../make.py.
trio("root-path-escape", R, put("root.path", "../rootfs"), put("root.path", "./rootfs/"), put("root.path", "rootfs/../rootfs"))
case("link", "root-path-escape", R, config(put("root.path", "link")), ['ln -s rootfs "$B/link"'])
trio("root-path-host", "-RR", put("root.path", "/usr"), put("root.path", "@B@/rootfs"), put("root.path", "@B@/rootfs/../usr"),
     setup=['ln -s /usr "$B/usr"'], evasion_also=[("root-path-escape", "pbr")], note="a link to it, absolute")
case("hit", "bundle-permissions", "-RR", config(), ['chmod 0770 "$B"'])
case("link", "bundle-permissions", "-RR", config(), ['mv "$B/config.json" "$B/c" && ln -s c "$B/config.json"'])
case("file", "bundle-permissions", "-RR", config(), ['chmod 0664 "$B/config.json"'])
case("miss", "bundle-permissions", "---", config(), ['chmod 0755 "$B"'])
case("evasion", "bundle-permissions", "-RR", config(), ['chmod 1777 "$B"'], note="sticky does not save it")
trio("rootfs-propagation-shared", "-RR", put("linux.rootfsPropagation", "shared"), put("linux.rootfsPropagation", "rslave"),
     put("linux.rootfsPropagation", "rshared"))
trio("rootfs-propagation-unknown", R, put("linux.rootfsPropagation", "public"), put("linux.rootfsPropagation", ""),
     put("linux.rootfsPropagation", "Shared"))
more("link-on-the-way", "root-path-escape", R, put("root.path", "way/lib"), ['ln -s /usr "$B/way"'], [("root-path-host", "br")])

# The storage of an ordinary user's engine, as a link into the home of somebody that need not exist.
LAYER = "ab" * 32
trio("rootfs-writable", "--R", put("root.readonly", False), put("root.readonly", True), put("root.readonly", None))
more("absent", "rootfs-writable", "--R", put("root.readonly", DROP))
case("hit", "rootfs-permissions", "-RR", config(), ['chmod 0777 "$B/rootfs"'])
case("miss", "rootfs-permissions", "---", config(), ['chmod 1777 "$B/rootfs"'], note="sticky is enough here")
case("evasion", "rootfs-permissions", "-RR", config(), ['chown 65534 "$B/rootfs"'], note="nobody is somebody")
case("group", "rootfs-permissions", "---", config(), ['chmod 0775 "$B/rootfs"'])
case("mapped-root", "rootfs-permissions", "---", config(ids(65536)), ['chown 100000 "$B/rootfs"'])
case("mapped-other", "rootfs-permissions", "-RR", config(ids(65536)), ['chown 100001 "$B/rootfs"'])
case("file", "rootfs-permissions", "-RR", config(), ['rm -r "$B/rootfs"; touch "$B/rootfs"'])
case("null", "rootfs-permissions", "---", config(put("root", None)), also=[("required-field-missing", "pbr")])
for rule, actions in (("rootfs-setuid-files", "--H"), ("rootfs-device-nodes", "-HH")):
    case("hit", rule, actions, config())
    case("miss", rule, "---", config(put("root", None)), also=[("required-field-missing", "pbr")], note="no root, nothing to mount")
    case("evasion", rule, actions, config(put("root.readonly", False)), also=[("rootfs-writable", "r")],
         setup=['touch "$B/rootfs/bin/su"; chmod 4755 "$B/rootfs/bin/su"; mknod "$B/rootfs/dev/mem" c 1 1 || true'])
for path in ("/etc/x", "/bin/x", "/sbin/x", "/lib/x", "/lib64/x", "/boot", "/dev/shm/x", "/proc/1", "/sys", "/root/x", "/home/user/image"):
    more("of" + path.replace("/", "-"), "root-path-host", "-RR", put("root.path", path))
more("slash", "root-path-host", "-RR", put("root.path", "/"))
more("spelled", "root-path-host", "-RR", put("root.path", "//etc//./x/"))
more("neighbour", "root-path-host", "---", put("root.path", "/etcetera"))
more("podman", "root-path-host", "---", put("root.path", f"/home/user/.local/share/containers/storage/overlay/{LAYER}/merged"))
more("podman-vfs", "root-path-host", "---", put("root.path", f"/root/.local/share/containers/storage/vfs/dir/{LAYER}"))
more("docker", "root-path-host", "---", put("root.path", f"/home/user/.local/share/docker/overlay2/{LAYER}/merged"))
more("podman-short", "root-path-host", "-RR", put("root.path", "/home/user/.local/share/containers/storage/overlay/abc/merged"))
more("podman-below", "root-path-host", "-RR", put("root.path", f"/home/user/.local/share/containers/storage/vfs/dir/{LAYER}/etc"))
more("podman-diff", "root-path-host", "-RR", put("root.path", f"/home/user/.local/share/containers/storage/overlay/{LAYER}/diff"))
more("storage-of-nobody", "root-path-host", "-RR", put("root.path", f"/etc/.local/share/containers/storage/overlay/{LAYER}/merged"))

# ---- found by attacking (docs/review/baseline.md) ----
for path in ("/var", "/run", "/var/lib", "/var/log/app", "/var/spool/cron", "/run/systemd", "/var/lib/docker", "/var/lib/docker/containers/" + LAYER,
             "/var/lib/kubelet/pki", "/var/lib/containers/storage", "/var/lib/dpkg"):
    more("gives" + path.replace("/", "-").replace(LAYER, "id"), "root-path-host", "-RR", put("root.path", path))
for name, path in (("docker", f"/var/lib/docker/overlay2/{LAYER}/merged"), ("snapshotter", f"/var/lib/docker/rootfs/overlayfs/{LAYER}"),
                   ("podman", f"/var/lib/containers/storage/overlay/{LAYER}/merged"), ("vfs", f"/var/lib/containers/storage/vfs/dir/{LAYER}"),
                   ("containerd", f"/run/containerd/io.containerd.runtime.v2.task/k8s.io/{LAYER}/rootfs"), ("machines", "/var/lib/machines/x")):
    more("layer-of-" + name, "root-path-host", "---", put("root.path", path))
more("kept-image", "root-path-host", "-RR", put("root.path", "/var/lib/hrun/images/sha256-x/rootfs"))
more("the-bundle", "root-path-host", "-RR", put("root.path", "."))
more("above-the-bundle", "root-path-host", "-RR", put("root.path", "@B@/.."))
