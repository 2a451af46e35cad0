/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_paths.c - what a path of the host is, by its text.
 *
 * A directory gives away all that lies below it, so whoever is above something protected is as bad as what is in it.
 */
#include <hrun/engine_paths.h>
#include <hrun/mount_sources.h>
#include <hrun/path.h>
#include <hrun/str.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const char *const system_directories[] = {
	"/etc",	 "/usr", "/bin",     "/sbin",		"/lib",		"/lib32",    "/lib64",	 "/libx32", "/boot",
	"/root", "/efi", "/var/log", "/var/spool/cron", "/run/systemd", "/run/udev", "/opt/cni",
};
/* Themselves only: what lies in them is judged on its own. */
static const char *const whole_directories[] = {"/home", "/var", "/var/lib", "/run", "/var/home"};

static bool is_system_directory(const char *path)
{
	for (size_t i = 0; i < COUNT(system_directories); i++) {
		if (path_meets(path, system_directories[i]) != PATHS_APART)
			return true;
	}
	return IS_ONE_OF(path, whole_directories);
}

static bool meets_one_of(const char *path, struct string_list patterns)
{
	for (size_t i = 0; i < patterns.count; i++) {
		if (path_meets(path, patterns.item[i]) != PATHS_APART)
			return true;
	}
	return false;
}

static bool is_engine_state(const struct policy *policy, const char *path)
{
	for (enum engine engine = 0; engine < ENGINES; engine++) {
		if (meets_one_of(path, engine_roots(policy, engine)))
			return true;
	}
	return meets_one_of(path, engine_fixed_paths());
}

const char *const engine_sockets[] = {
	"docker.sock",	     "containerd.sock",	 "containerd.sock.ttrpc", "podman.sock",
	"crio.sock",	     "cri-dockerd.sock", "dockershim.sock",	  "buildkitd.sock",
	"system_bus_socket", "nri.sock",	 "kubelet.sock",	  NULL,
};

/* What stands in one of these is one of them; elsewhere the directory is looked into. */
static bool is_engine_socket(const char *path)
{
	static const char *const directories[] = {"/run/dbus", "/run/nri", "/run/buildkit"};
	const char *name = strrchr(path, '/') + 1;

	for (size_t i = 0; engine_sockets[i]; i++) {
		if (str_equal(name, engine_sockets[i]))
			return true;
	}
	return str_ends(path, "/systemd/private") || IS_ONE_OF(path, directories);
}

static unsigned int own_breaks(const struct policy *policy, const char *path)
{
	unsigned int bits = 0;

	if (engine_path_kind(policy, path) != MANAGED_NOT)
		return 0;
	if (is_system_directory(path))
		bits |= BREAKS_SYSTEM_DIR;
	if (is_engine_state(policy, path))
		bits |= BREAKS_ENGINE_STATE;
	if (is_engine_socket(path))
		bits |= BREAKS_ENGINE_SOCKET;
	if (path_is_below(path, "/proc") || path_is_below(path, "/dev/fd"))
		bits |= BREAKS_HOST_PROC;
	if (path_is_below(path, "/sys"))
		bits |= BREAKS_HOST_SYS;
	if (path_is_below(path, "/dev"))
		bits |= BREAKS_HOST_DEV;
	return bits;
}

unsigned int source_path_breaks(const struct policy *policy, const char *path)
{
	unsigned int bits;

#ifdef HRUN_MUTANT_SOURCE_PATHS
	return 0;
#endif
	if (str_equal(path, "/"))
		return BREAKS_HOST_ROOT;
	bits = own_breaks(policy, path);
	/* The old name of /run, a link almost everywhere. */
	if (path_is_below(path, "/var/run") && path[sizeof "/var/run" - 1])
		bits |= own_breaks(policy, path + sizeof "/var" - 1);
	else if (str_equal(path, "/var/run"))
		bits |= BREAKS_SYSTEM_DIR | BREAKS_ENGINE_STATE;
	return bits;
}

unsigned int source_type_breaks(const char *type)
{
	static const char *const processes[] = {"proc", "nsfs", "binfmt_misc"};
	static const char *const kernel[] = {"sysfs",	"cgroup",    "cgroup2",	 "securityfs", "debugfs",
					     "tracefs", "bpf",	     "configfs", "efivarfs",   "pstore",
					     "fusectl", "selinuxfs", "smackfs",	 "resctrl"};
	static const char *const devices[] = {"devtmpfs", "devpts"};

	return (IS_ONE_OF(type, processes) ? BREAKS_HOST_PROC : 0u) | (IS_ONE_OF(type, kernel) ? BREAKS_HOST_SYS : 0u) |
	       (IS_ONE_OF(type, devices) ? BREAKS_HOST_DEV : 0u);
}

/* catatonit and the like, wherever the distribution keeps programs. */
static bool is_init_binary(const char *path)
{
	static const char *const names[] = {"catatonit", "docker-init", "podman-init"};
	static const char *const places[] = {"/usr/bin",       "/usr/sbin",	     "/usr/libexec", "/usr/lib",
					     "/usr/local/bin", "/usr/local/libexec", "/bin",	     "/sbin"};
	const char *name = strrchr(path, '/') + 1;

	for (size_t i = 0; i < COUNT(places); i++) {
		if (path_is_below(path, places[i]))
			return IS_ONE_OF(name, names);
	}
	return false;
}

bool source_path_is_public(const char *path, bool is_directory)
{
	static const char *const files[] = {
		"/etc/localtime",
		"/etc/timezone",
		"/etc/resolv.conf",
		"/etc/hosts",
		"/etc/machine-id",
		/* what /etc/resolv.conf is a link to */
		"/run/systemd/resolve/stub-resolv.conf",
		"/run/systemd/resolve/resolv.conf",
		"/run/NetworkManager/resolv.conf",
		"/run/resolvconf/resolv.conf",
	};
	static const char *const directories[] = {
		"/etc/ssl/certs",
		"/etc/pki",
		"/etc/ca-certificates/extracted",
		"/usr/share/ca-certificates",
		"/usr/share/zoneinfo",
		"/lib/modules",
		"/usr/lib/modules",
	};

	if (!is_directory && (IS_ONE_OF(path, files) || is_init_binary(path)))
		return true;
	for (size_t i = 0; i < COUNT(directories); i++) {
		if (path_is_below(path, directories[i]))
			return true;
	}
	return false;
}

bool mount_is_read_only(const struct config_mount *mount)
{
	static const char *const ro[] = {"ro", "rro"}, *const rw[] = {"rw", "rrw"};
	bool read_only = false;

	for (size_t i = 0; i < mount->options.count; i++) {
		if (IS_ONE_OF(mount->options.item[i], ro))
			read_only = true;
		else if (IS_ONE_OF(mount->options.item[i], rw))
			read_only = false;
	}
	return read_only;
}
