/* SPDX-License-Identifier: Apache-2.0 */
/*
 * systemd.c - which systemd makes the container's cgroup, and where it listens.
 *
 * The machine's for root, the user's own for everybody else.  Who is root in a user namespace only is either: in LXC and with
 * systemd-nspawn the namespace has a systemd of its own, a rootless engine's sees the host's, which belongs to nobody there.
 */
#include <hrun/cgroup.h>
#include <hrun/cli.h>
#include <hrun/cli_container.h>
#include <hrun/fd.h>
#include <hrun/log.h>
#include <hrun/proc.h>
#include <hrun/scope.h>
#include <hrun/str.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_socket(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* The first address of DBUS_SESSION_BUS_ADDRESS, where it is "unix:path=..." without escapes; NULL otherwise. */
static const char *session_bus(struct pool *pool)
{
	static const char prefix[] = "unix:path=/";
	const char *address = getenv("DBUS_SESSION_BUS_ADDRESS");

	if (!address || !str_starts(address, prefix))
		return NULL;
	address += sizeof prefix - 2;
	const char *path = pool_strndup(pool, address, strcspn(address, ",;"));
	return strchr(path, '%') ? NULL : path;
}

static const char *user_bus(struct pool *pool)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR"), *session = session_bus(pool);

	if (session && is_socket(session))
		return session;
	if (!runtime || runtime[0] != '/')
		return NULL;
	const char *bus = pool_printf(pool, "%s/bus", runtime);
	const char *private = pool_printf(pool, "%s/systemd/private", runtime);
	return is_socket(bus) ? bus : is_socket(private) ? private : NULL;
}

static bool is_our_roots(const char *path)
{
#ifdef HRUN_MUTANT_SYSTEMD_OWNER
	return true;
#endif
	return proc_is_own_roots(path);
}

static const char *machine_bus(void)
{
	static const char *const places[] = {"/run/systemd/private", "/run/dbus/system_bus_socket"};

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		if (is_socket(places[i]) && (proc_in_first_user_namespace() || is_our_roots(places[i])))
			return places[i];
	}
	return NULL;
}

const char *systemd_look(struct pool *pool, bool *ret_user)
{
	const char *bus = proc_euid() == 0 ? machine_bus() : NULL;

	*ret_user = !bus && (proc_euid() != 0 || !proc_in_first_user_namespace());
	return *ret_user ? user_bus(pool) : bus;
}

int systemd_find(struct command *command, bool look_only, const struct policy *policy, struct scope_options *ret,
		 struct err *e)
{
	ret->properties = policy->allow.systemd_properties;
	ret->bus = systemd_look(&command->pool, &ret->user);
	if (ret->bus || look_only)
		return 0;
	if (ret->user)
		return err_set(
			e, ENOENT,
			"--systemd-cgroup: this user's systemd listens neither at DBUS_SESSION_BUS_ADDRESS nor below "
			"XDG_RUNTIME_DIR; log in as this user, loginctl enable-linger, or use --cgroup-manager "
			"cgroupfs");
	return err_set(e, ENOENT,
		       "--systemd-cgroup: systemd does not listen at /run/systemd/private or "
		       "/run/dbus/system_bus_socket; use --cgroup-manager cgroupfs");
}

bool systemd_has_unit(const struct container_record *record)
{
	struct err ignored;

	if (!record->unit || !record->cgroup || !record->cgroup_inode)
		return false;
#ifdef HRUN_MUTANT_SCOPE_UNIT
	return true;
#endif
	autofd int cgroup = cgroup_open(record->cgroup_mountpoint, record->cgroup, record->cgroup_inode, &ignored);
	return cgroup >= 0;
}

struct scope_unit systemd_unit(const struct container_record *record)
{
	return (struct scope_unit){.name = record->unit, .bus = record->bus, .invocation = record->invocation};
}

void systemd_stop(struct pool *pool, const struct container_record *record)
{
	struct err e = {0};

	const struct scope_unit unit = systemd_unit(record);
	/* Nobody is in its cgroup any more, so systemd forgets it by itself, when it can. */
	if (scope_call(plan_scope_stop(pool, &unit), NULL, &e) < 0)
		log_warning("unit %s is not stopped: %s", record->unit, e.text);
}
