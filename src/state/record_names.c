/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_names.c - names in a record by which later verbs kill and remove.
 */
#include <hrun/scope_wire.h>
#include <hrun/state.h>
#include <hrun/str.h>

/* A cgroup that is the root, or that climbs, would let delete kill the machine. */
bool record_is_cgroup(const char *path)
{
	if (path[0] != '/' || !path[1])
		return false;
	for (const char *p = path; p; p = strchr(p + 1, '/')) {
		if (!p[1] || p[1] == '/' || (p[1] == '.' && (!p[2] || p[2] == '/')) ||
		    (p[1] == '.' && p[2] == '.' && (!p[3] || p[3] == '/')))
			return false;
	}
	return true;
}

/* Only scopes: who stops another unit stops a service of the machine. */
bool record_is_unit(const char *name)
{
	static const char suffix[] = ".scope";

	return str_ends(name, suffix) && strlen(name) > sizeof suffix - 1 && strlen(name) < SCOPE_UNIT_SIZE &&
	       !strchr(name, '/') && !str_has_control(name);
}

/* The id 0 is none: whoever asks systemd for that unit gets his own. */
bool record_is_invocation(const char *text)
{
	return str_is_hex(text, SCOPE_INVOCATION_SIZE - 1) && text[strspn(text, "0")];
}

bool record_unit_has_cgroup(const char *unit, const char *cgroup)
{
	const size_t length = strlen(unit);

	for (const char *p = strchr(cgroup, '/'); p; p = strchr(p + 1, '/')) {
		if (strncmp(p + 1, unit, length) == 0 && (p[1 + length] == '/' || !p[1 + length]))
			return true;
	}
	return false;
}
