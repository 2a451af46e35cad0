/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_paths.c - a path of the host -> the rules about sources that it breaks, by its text.
 */
#include "check.h"

#include <hrun/engine_paths.h>
#include <hrun/mount_sources.h>
#include <hrun/mountinfo.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <string.h>
#include <sys/sysmacros.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define UUID "01234567-89ab-cdef-0123-456789abcdef"
#define STORAGE "/var/lib/containers/storage/"
#define DATA STORAGE "overlay-containers/" ID "/userdata/"
#define CRI "/run/containerd/io.containerd.grpc.v1.cri/sandboxes/" ID "/"
#define POD "/var/lib/kubelet/pods/" UUID "/"

/*
 * R root, s system directory, e engine state, k engine socket, p proc, y sys, d dev; m managed by an engine, v a volume of one;
 * "" nothing.
 */
static const struct {
	const char *path, *what;
} rows[] = {
	{"/", "R"},
	{"/etc", "se"}, /* holds /etc/kubernetes */
	{"/etc/passwd", "s"},
	{"/etc/cron.d/x", "s"},
	{"/etc/kubernetes", "se"},
	{"/etc/kubernetes/admin.conf", "se"},
	{"/etcetera", ""},
	{"/etc.old", ""},
	{"/et", ""},
	{"/usr", "s"},
	{"/usr/bin/sh", "s"},
	{"/usr/local/share", "s"},
	{"/usrx", ""},
	{"/bin", "s"},
	{"/bin/sh", "s"},
	{"/sbin/init", "s"},
	{"/lib/x", "s"},
	{"/lib32", "s"},
	{"/lib64/ld-linux-x86-64.so.2", "s"},
	{"/libx32", "s"},
	{"/library", ""},
	{"/boot/grub", "s"},
	{"/efi", "s"},
	{"/bootx", ""},
	{"/root", "se"}, /* /root/.kube */
	{"/root/x", "s"},
	{"/root/.kube/config", "se"},
	{"/root/.docker/config.json", "se"},
	{"/root/.kubex", "s"},
	{"/rootfs", ""},
	{"/var", "se"},
	{"/var/log", "s"},
	{"/var/log/journal", "s"},
	{"/var/logx", ""},
	{"/var/spool", "s"},
	{"/var/spool/cron", "s"},
	{"/var/spool/cron/crontabs/root", "s"},
	{"/var/spool/mail", ""},
	{"/var/cache/app", ""},
	{"/var/tmp", ""},
	{"/var/www", ""},
	{"/var/lib", "se"},
	{"/var/lib/postgresql", ""},
	{"/run", "se"},
	{"/run/systemd", "s"},
	{"/run/systemd/private", "sk"},
	{"/run/systemd/notify", "s"},
	{"/run/udev/control", "s"},
	{"/run/lock", ""},
	{"/run/app/app.sock", ""},
	{"/run/systemd-x", ""},
	{"/opt", "s"},
	{"/opt/cni", "s"},
	{"/opt/cni/bin/bridge", "s"},
	{"/opt/app", ""},
	{"/home", "se"},
	{"/home/u", "e"},
	{"/home/u/src", ""},
	{"/home/u/.local", "e"},
	{"/home/u/.local/share", "e"},
	{"/home/u/.local/bin", ""},
	{"/home/u/.local/share/containers", "e"},
	{"/home/u/.local/share/containers/storage/overlay", "e"},
	{"/home/u/.local/share/containersx", ""},
	{"/home/u/.local/share/docker/volumes", "e"},
	{"/var/home", "se"},
	{"/var/home/u", "e"},
	{"/srv", ""},
	{"/srv/data", ""},
	{"/srv/etc", ""},
	{"/srv/proc/1", ""},
	{"/mnt/usr/bin", ""},
	{"/tmp/x", ""},
	/* ---- engines ---- */
	{"/var/lib/docker", "e"},
	{"/var/lib/docker/overlay2", "e"},
	{"/var/lib/dockerx", ""},
	{"/var/lib/docker-data/volumes/v/_data", ""},
	{"/var/lib/docker/volumes", "e"},
	{"/var/lib/docker/volumes/v", "e"},
	{"/var/lib/docker/volumes/v/_data", "v"},
	{"/var/lib/docker/volumes/v/_data/sub/dir", "v"},
	{"/var/lib/docker/volumes/" ID "/_data", "v"},
	{"/var/lib/docker/volumes/v.1-a_B/_data", "v"},
	{"/var/lib/docker/volumes/v/_datax", "e"},
	{"/var/lib/docker/volumes/v/data", "e"},
	{"/var/lib/docker/volumes/v/w/_data", "e"},
	{"/var/lib/docker/volumes/_data", "e"},
	{"/var/lib/docker/volumes/-v/_data", "e"},
	{"/var/lib/docker/volumes/.v/_data", "e"},
	{"/var/lib/docker/volumes/a b/_data", "e"},
	{"/var/lib/docker/volumes/\xc3\xa4/_data", "e"},
	{"/var/lib/docker/containers", "e"},
	{"/var/lib/docker/containers/" ID, "e"},
	{"/var/lib/docker/containers/" ID "/hosts", "m"},
	{"/var/lib/docker/containers/" ID "/hostname", "m"},
	{"/var/lib/docker/containers/" ID "/resolv.conf", "m"},
	{"/var/lib/docker/containers/" ID "/resolv.conf.hash", "e"},
	{"/var/lib/docker/containers/" ID "/mounts/shm", "m"},
	{"/var/lib/docker/containers/" ID "/mounts", "e"},
	{"/var/lib/docker/containers/" ID "/mounts/secrets/0a1b2c3d4e5f6g7h8i9j0k1l2", "m"},
	{"/var/lib/docker/containers/" ID "/mounts/secrets", "e"},
	{"/var/lib/docker/containers/" ID "/mounts/secrets/a/b", "e"},
	{"/run/containerd/io.containerd.grpc.v1.cri/image-volumes/" ID "/" ID, "m"},
	{"/run/containerd/io.containerd.grpc.v1.cri/image-volumes/" ID "/" ID "/sub/path", "m"},
	{"/run/containerd/io.containerd.grpc.v1.cri/image-volumes/" ID, "e"},
	{"/run/containerd/io.containerd.grpc.v1.cri/image-volumes/" ID "/x", "e"},
	{"/var/lib/kubelet/plugins/kubernetes.io/csi/d/" ID "/globalmount", "e"},
	{"/var/lib/docker/containers/" ID "/config.v2.json", "e"},
	{"/var/lib/docker/containers/" ID "/hosts/x", "e"},
	{"/var/lib/docker/containers/" ID "0/hosts", "e"},
	{"/var/lib/docker/containers/0123456789abcdef/hosts", "e"},
	{"/var/lib/docker/containers/0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef/hosts", "e"},
	{"/var/lib/docker/containers/g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef/hosts", "e"},
	{"/var/lib/containerd", "e"},
	{"/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/" ID "/hostname", "m"},
	{"/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/" ID "/hosts", "m"},
	{"/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/" ID "/resolv.conf", "m"},
	{"/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/" ID, "e"},
	{"/var/lib/containerd/io.containerd.grpc.v2.cri/sandboxes/" ID "/hosts", "e"},
	{"/var/lib/containerd/io.containerd.grpc.v1.cri/containers/" ID "/volumes/" ID, "v"},
	{"/var/lib/containerd/io.containerd.grpc.v1.cri/containers/" ID "/volumes/x", "e"},
	{"/var/lib/containerd/io.containerd.grpc.v1.cri/containers/" ID, "e"},
	{CRI "shm", "m"},
	{CRI "shm/x", "e"},
	{CRI "hosts", "m"},
	{CRI "config.json", "e"},
	{"/run/containerd", "e"},
	{"/run/containerd/containerd.sock", "ek"},
	{"/run/containerd/containerd.sock.ttrpc", "ek"},
	{"/run/containerdx", ""},
	{"/run/k3s/containerd/io.containerd.grpc.v1.cri/sandboxes/" ID "/shm", "m"},
	{"/run/k3s/containerd", "e"},
	{"/var/lib/rancher/k3s/server/token", "e"},
	{"/var/lib/rancher/k3s/agent/containerd/io.containerd.grpc.v1.cri/sandboxes/" ID "/hosts", "m"},
	{"/var/lib/rancher/rke2/agent/containerd/io.containerd.grpc.v1.cri/sandboxes/" ID "/hosts", "m"},
	{"/var/lib/k0s/pki", "e"},
	{"/var/lib/k0s/kubelet/pods/" UUID "/etc-hosts", "m"},
	{"/var/lib/containers", "e"},
	{"/var/lib/containers/storage", "e"},
	{STORAGE "volumes/v/_data", "v"},
	{STORAGE "volumes/v/_data/x", "v"},
	{STORAGE "volumes", "e"},
	{STORAGE "overlay/" ID "/merged", "m"},
	{STORAGE "overlay/" ID "/diff", "e"},
	{STORAGE "overlay/" ID, "e"},
	{STORAGE "overlay/l/merged", "e"},
	{STORAGE "vfs/dir/" ID, "m"},
	{STORAGE "vfs/dir", "e"},
	{STORAGE "libpod/bolt_state.db", "e"},
	{STORAGE "secrets/filedriver/secretsdata.json", "e"},
	{DATA "hostname", "m"},
	{DATA "hosts", "m"},
	{DATA "resolv.conf", "m"},
	{DATA ".containerenv", "m"},
	{DATA "passwd", "m"},
	{DATA "shm", "m"},
	{DATA "notify", "m"},
	{DATA "run/secrets", "m"},
	{DATA "run/secrets/a", "m"},
	{DATA "run", "e"},
	{DATA "secrets/a", "m"},
	{DATA "artifacts/x", "m"},
	{DATA "overlay/1/upper", "m"},
	{DATA "config.json", "e"},
	{DATA "attach", "e"},
	{DATA, "e"},
	{STORAGE "aufs-containers/" ID "/userdata/hosts", "e"},
	{"/run/containers/storage/overlay-containers/" ID "/userdata/hosts", "m"},
	{"/run/containers/storage/btrfs-containers/" ID "/userdata/shm", "m"},
	{"/run/containers/0/auth.json", "e"},
	{"/run/user/1000", "e"},
	{"/run/user", "e"},
	{"/run/user/1000/bus", ""},
	{"/run/user/1000/containers", "e"},
	{"/run/user/1000/containers/vfs-containers/" ID "/userdata/hosts", "m"},
	{"/run/user/u/containers/vfs-containers/" ID "/userdata/hosts", "e"},
	{"/run/user/1000/podman/podman.sock", "ek"},
	{"/run/user/1000/containers/auth.json", "e"},
	{"/home/u/.local/share/containers/storage/vfs-containers/" ID "/userdata/shm", "m"},
	{"/home/u/.local/share/containers/storage/volumes/v/_data", "v"},
	{"/home/u/v/.local/share/containers/storage/volumes/v/_data", ""},
	{"/srv/.local/share/containers/storage/volumes/v/_data", ""},
	{"/root/.local/share/containers/storage/volumes/v/_data", "v"},
	{"/root/.local/share/containers/storage/volumes/v", "se"},
	{"/var/lib/kubelet", "e"},
	{"/var/lib/kubelet/pki/kubelet-client-current.pem", "e"},
	{"/var/lib/kubelet/device-plugins", "e"},
	{"/var/lib/kubelet/device-plugins/kubelet.sock", "ek"},
	{"/var/lib/kubelet/pods", "e"},
	{POD, "e"},
	{POD "etc-hosts", "m"},
	{POD "volumes/kubernetes.io~secret/x", "v"},
	{POD "volume-subpaths/v/c/0", "v"},
	{POD "containers/c/0a1b2c3d", "m"},
	{POD "plugins/kubernetes.io~empty-dir", "e"},
	{POD "etc-hostsx", "e"},
	{"/var/lib/kubelet/pods/0123456789abcdef0123456789abcdef/etc-hosts", "m"},
	{"/var/lib/kubelet/pods/01234567-89AB-cdef-0123-456789abcdef/etc-hosts", "e"},
	{"/var/lib/kubelet/pods/0123456789abcdef-89ab-cdef-0123-456789abcd/etc-hosts", "e"},
	{"/var/lib/kubelet/pods/7/etc/hosts", "m"},
	{"/var/lib/kubelet/pods/7/term", "m"},
	{"/var/lib/kubelet/pods/7/volumes/x", "e"},
	{"/var/lib/kubelet/pods/x/etc/hosts", "e"},
	{"/var/lib/crio", "e"},
	{"/var/lib/cni/networks", "e"},
	{"/var/lib/etcd/member/snap", "e"},
	{"/run/crio/crio.sock", "ek"},
	{"/run/docker/x", "e"},
	{"/run/podman", "e"},
	{"/run/libpod", "e"},
	/* ---- sockets ---- */
	{"/run/docker.sock", "k"},
	{"/var/run/docker.sock", "k"},
	{"/srv/docker.sock", "k"},
	{"/srv/docker.sockx", ""},
	{"/srv/xdocker.sock", ""},
	{"/srv/podman.sock", "k"},
	{"/srv/crio.sock", "k"},
	{"/srv/cri-dockerd.sock", "k"},
	{"/srv/dockershim.sock", "k"},
	{"/srv/buildkitd.sock", "k"},
	{"/run/dbus/system_bus_socket", "k"},
	{"/run/nri/nri.sock", "k"},
	{"/run/nri", "k"},
	{"/run/dbus", "k"},
	{"/var/run/dbus", "k"},
	{"/run/dbus/x", ""},
	{"/srv/systemd/private", "k"},
	{"/srv/private", ""},
	{"/srv/xsystemd/private", ""},
	{"/srv/docker.sock/x", ""},
	/* ---- the kernel's ---- */
	{"/proc", "p"},
	{"/proc/1/root/etc", "p"},
	{"/proc/self/cwd", "p"},
	{"/procx", ""},
	{"/sys", "y"},
	{"/sys/fs/cgroup", "y"},
	{"/sysx", ""},
	{"/dev", "d"},
	{"/dev/null", "d"}, /* exempt as a device, not as a path */
	{"/dev/fd", "pd"},
	{"/dev/fd/3", "pd"},
	{"/dev/fd0", "d"},
	{"/dev/shm", "d"},
	{"/devx", ""},
	/* ---- the old name of /run ---- */
	{"/var/run", "se"},
	{"/var/run/systemd", "s"},
	{"/var/run/containerd", "e"},
	{"/var/run/containers/storage/overlay-containers/" ID "/userdata/hosts", "m"},
	{"/var/run/containers/storage/overlay-containers/" ID "/userdata/config.json", "e"},
	{"/var/runcontainers/storage/overlay-containers/" ID "/userdata/hosts", ""},
	{"/var/run/app", ""},
	{"/var/runx", ""},
	{"/var/run/user/1000", "e"},
};

static const char *what_is(const struct policy *policy, const char *path, char *text)
{
	static const char letters[] = "Rsekpyd";
	unsigned int bits = source_path_breaks(policy, path);
	char *end = text;

	for (size_t i = 0; i < BREAKS_COUNT; i++) {
		if (bits & 1u << i)
			*end++ = letters[i];
	}
	if (engine_path_kind(policy, path) != MANAGED_NOT)
		*end++ = engine_path_kind(policy, path) == MANAGED_FILE ? 'm' : 'v';
	*end = '\0';
	return text;
}

static void test_rows(struct pool *pool)
{
	char text[16];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *path = path_fold(pool, rows[i].path);
		CHECK(str_equal(what_is(NULL, path, text), rows[i].what), "%s: %s, not %s", rows[i].path, text,
		      rows[i].what);
	}
}

/* Roots of the policy file are protected as the shipped ones are, and their volumes are let through. */
static void test_roots_of_the_policy(void)
{
	static const char *docker[] = {"/srv/docker"}, *other[] = {"/data/k3s"};
	struct policy policy = policy_default();
	char text[16];

	policy.engines.docker = (struct string_list){.item = docker, .count = 1, .present = true};
	policy.engines.other = (struct string_list){.item = other, .count = 1, .present = true};
	static const char *const expected[][2] = {
		{"/srv/docker/volumes/v/_data", "v"},
		{"/srv/docker/containers", "e"},
		{"/srv", "e"},
		{"/srv/x", ""},
		{"/var/lib/docker/volumes/v/_data", "e"}, /* not a root any more, and protected all the same */
		{"/data/k3s/server", "e"},
		{"/data", "e"},
		{"/data/k3sx", ""},
		{"/var/lib/containers/storage/volumes/v/_data", "v"},
	};
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
		CHECK(str_equal(what_is(&policy, expected[i][0], text), expected[i][1]), "%s: %s", expected[i][0],
		      text);
}

static void test_public(void)
{
	static const char *const yes[] = {"/etc/hosts",
					  "/etc/ssl/certs",
					  "/etc/ssl/certs/ca.pem",
					  "/etc/pki/x",
					  "/usr/share/zoneinfo/UTC",
					  "/lib/modules/6.1",
					  "/usr/bin/catatonit",
					  "/usr/libexec/podman/catatonit",
					  "/run/systemd/resolve/stub-resolv.conf"};
	static const char *const no[] = {"/etc/hostsx",
					 "/etc/hosts/x",
					 "/etc/ssl",
					 "/etc/ssl/private",
					 "/etc",
					 "/usr/share/zoneinfox",
					 "/lib",
					 "/usr/bin/catatonitx",
					 "/srv/catatonit",
					 "/etc/catatonit",
					 "/run/systemd/resolve"};

	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
		CHECK(source_path_is_public(yes[i], false), "%s", yes[i]);
	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
		CHECK(!source_path_is_public(no[i], false), "%s", no[i]);
	CHECK(!source_path_is_public("/etc/hosts", true));
	CHECK(source_path_is_public("/etc/ssl/certs", true));
}

static void test_fold(struct pool *pool)
{
	static const char *const expected[][2] = {
		{"/", "/"},
		{"/..", "/"},
		{"/../..", "/"},
		{"//a/./b/", "/a/b"},
		{"/a/..", "/"},
		{"/a/../b", "/b"},
		{"/a/b/../../c", "/c"},
		{"/a/b/../../../c", "/c"},
		{"/...", "/..."},
		{"/a/..b/c", "/a/..b/c"},
		{"/var/lib/docker/volumes/../containers", "/var/lib/docker/containers"},
	};

	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
		CHECK(str_equal(path_fold(pool, expected[i][0]), expected[i][1]), "%s: %s", expected[i][0],
		      path_fold(pool, expected[i][0]));
}

/* TEXT is number NUMBER of those of up to LENGTH letters of "/ab"; false where there is none of that number. */
static bool text_of(int number, int length, char *text)
{
	static const char letters[] = "/ab";
	int n = 0;

	for (; number && n < length && number % 4; number /= 4)
		text[n++] = letters[number % 4 - 1];
	text[n] = '\0';
	return !number;
}

/* How two short paths lie to each other, as path_is_below says it of clean ones. */
static void test_meets(void)
{
	enum { LENGTH = 4, TEXTS = 1 << 2 * LENGTH };
	char path[LENGTH + 1], pattern[LENGTH + 1];

	for (int i = 0; i < TEXTS * TEXTS; i++) {
		struct pool pool = {0};
		if (text_of(i % TEXTS, LENGTH, path) && text_of(i / TEXTS, LENGTH, pattern)) {
			const char *x = path_clean(&pool, pool_printf(&pool, "/%s", path));
			const char *y = path_clean(&pool, pool_printf(&pool, "/%s", pattern));
			enum path_meets expected = path_is_below(x, y)	 ? PATH_WITHIN
						   : path_is_below(y, x) ? PATH_ABOVE
									 : PATHS_APART;
			CHECK(path_meets(path, pattern) == expected, "`%s` and `%s`", path, pattern);
		}
		pool_free(&pool);
	}
}

/* A star is one component, and only where it stands alone. */
static void test_meets_star(void)
{
	static const struct {
		const char *path, *pattern;
		enum path_meets meets;
	} stars[] = {
		{"/a/b/c", "/a/*/c", PATH_WITHIN},   {"/a/b/c/d", "/a/*/c", PATH_WITHIN},
		{"/a/b", "/a/*/c", PATH_ABOVE},	     {"/a", "/a/*/c", PATH_ABOVE},
		{"/a/b/d", "/a/*/c", PATHS_APART},   {"/a/b/cd", "/a/*/c", PATHS_APART},
		{"/a//b//c", "/a/*/c", PATH_WITHIN}, {"/a/b/b/c", "/a/*/c", PATHS_APART},
		{"/a/bc", "/a/*c", PATHS_APART},     {"/a/*c", "/a/*c", PATH_WITHIN},
		{"/a/b", "/*/*", PATH_WITHIN},	     {"/b/*", "/a/*", PATHS_APART},
		{"/a/{id}", "/a/{id}", PATH_WITHIN},
	};

	for (size_t i = 0; i < sizeof stars / sizeof stars[0]; i++)
		CHECK(path_meets(stars[i].path, stars[i].pattern) == stars[i].meets, "%s and %s", stars[i].path,
		      stars[i].pattern);
}

static void test_mountinfo(void)
{
	char line[] = "36 35 8:1 /a\\040b /mnt\\134x rw,noatime master:1 shared:2 - ext4 /dev/sda1 rw,nsdelegate";
	char namespace[] = "40 35 0:4 net:[4026531840] /run/netns/x rw shared:2 - nsfs nsfs rw";
	static const char *const bad[] = {"",
					  " - ",
					  "36 35 8:1 / /mnt rw",
					  "x 35 8:1 / /mnt rw - ext4 /dev/sda1 rw",
					  "36 35 8 / /mnt rw - ext4 /dev/sda1 rw",
					  "36 35 8:1 / /mnt rw - ext4"};
	struct mountinfo mount;

	CHECK(mountinfo_parse(line, &mount));
	CHECK(mount.id == 36 && mount.device == makedev(8, 1));
	CHECK(str_equal(mount.root, "/a b") && str_equal(mount.point, "/mnt\\x"), "%s %s", mount.root, mount.point);
	CHECK(str_equal(mount.type, "ext4") && str_equal(mount.options, "rw,nsdelegate"));
	CHECK(mountinfo_parse(namespace, &mount) && str_equal(mount.root, "net:[4026531840]"));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char copy[128];
		strcpy(copy, bad[i]);
		CHECK(!mountinfo_parse(copy, &mount), "%s", bad[i]);
	}
}

int main(void)
{
	struct pool pool = {0};

	test_rows(&pool);
	test_roots_of_the_policy();
	test_public();
	test_fold(&pool);
	test_meets();
	test_meets_star();
	test_mountinfo();
	pool_free(&pool);
	return failures != 0;
}
