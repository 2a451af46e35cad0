/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_idmap.c - whose ids a bind mount shows (config.md#mounts, mount_setattr(2) MOUNT_ATTR_IDMAP).
 *
 * containerID is the id on the disk, hostID the one that the runtime's namespace sees in its place.  Without a map of its own a
 * mount takes that of the container's user namespace: what belongs to root on the disk belongs to root inside.
 */
#include <errno.h>
#include <fcntl.h>
#include <hrun/planning.h>
#include <hrun/str.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define autofile __attribute__((cleanup(close_file)))

static void close_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

/* The type in a line of mountinfo: the word behind " - "; NULL where the line is not about mount ID. */
static const char *type_of_line(struct pool *pool, const char *line, uint64_t id)
{
	char digits[24];
	uint64_t number;
	size_t length = strcspn(line, " ");
	const char *rest = strstr(line, " - ");

	if (!rest || str_format(digits, sizeof digits, "%.*s", (int)length, line) < 0 ||
	    str_to_u64(digits, UINT64_MAX, &number) < 0 || number != id)
		return NULL;
	rest += strlen(" - ");
	return pool_strndup(pool, rest, strcspn(rest, " \n"));
}

const char *plan_filesystem_of(struct pool *pool, int fd)
{
	const char *type = NULL;
	char line[4096];
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) < 0 || !(stx.stx_mask & STATX_MNT_ID))
		return "this file system";
	autofile FILE *file = fopen("/proc/self/mountinfo", "re");
	while (file && !type && fgets(line, sizeof line, file))
		type = type_of_line(pool, line, stx.stx_mnt_id);
	return type ? type : "this file system";
}

static int own_map(struct pool *pool, const struct config_mount *mount, struct mount_step *step, struct err *e)
{
	TRY(plan_check_map(&mount->uid_mappings, pool_printf(pool, "%s.uidMappings", step->where), e));
	TRY(plan_check_map(&mount->gid_mappings, pool_printf(pool, "%s.gidMappings", step->where), e));
	step->idmapped = true;
	step->idmap = (struct ids_plan){
		.new_namespace = true,
		.uid = mount->uid_mappings.item,
		.uid_count = mount->uid_mappings.count,
		.gid = mount->gid_mappings.item,
		.gid_count = mount->gid_mappings.count,
	};
	return 0;
}

static int container_map(const struct plan *plan, struct mount_step *step, struct err *e)
{
	if (plan->ids.new_namespace) {
		step->idmap = plan->ids;
		return 0;
	}
	for (size_t i = 0; i < plan->namespaces.join_count; i++) {
		if (plan->namespaces.joins[i].type != NS_USER)
			continue;
		step->idmap_namespace = plan->namespaces.joins[i].fd;
		return 0;
	}
	return err_set(e, EINVAL,
		       "%s.options: idmap without a user namespace and without mappings; add uidMappings and "
		       "gidMappings to the mount",
		       step->where);
}

int plan_mount_idmap(struct pool *pool, const struct config_mount *mount, const struct plan *plan,
		     struct mount_step *step, struct err *e)
{
	bool mapped = mount->uid_mappings.count || mount->gid_mappings.count;

	if (!mapped && !step->idmapped)
		return 0;
	if (step->kind != MOUNT_BIND)
		return err_set(e, EINVAL, "%s: ids of bind mounts only can be mapped; remove uidMappings and idmap",
			       step->where);
	return mapped ? own_map(pool, mount, step, e) : container_map(plan, step, e);
}
