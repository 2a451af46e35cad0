/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unsupported.c - what config.json can say and this version cannot do.
 *
 * Nothing that was asked for is ever left out in silence: a wall that the config
 * names and that is not built would be a hole that nobody sees.  Fields of other
 * platforms (process.commandLine, user.username) are the specification's exception.
 */
#include <hrun/planning.h>
#include <hrun/str.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>

static int refuse(struct err *e, const char *field)
{
	return err_set(e, EOPNOTSUPP, "%s: not supported by this version of hrun; remove it", field);
}

/* Names a directory of resctrl and lines of its files: what would lead elsewhere is wrong on every machine. */
static int check_intel_rdt(const struct config_intel_rdt *rdt, struct err *e)
{
	const char *id = rdt->clos_id;
	const struct string_list *schemata = &rdt->schemata;

	if (id && (!*id || str_equal(id, ".") || str_equal(id, "..") || strpbrk(id, "/\n")))
		return err_set(e, EINVAL, "linux.intelRdt.closID: not the name of a directory; choose another");
	for (size_t i = 0; i < schemata->count; i++) {
		if (strchr(schemata->item[i], '\n'))
			return err_set(e, EINVAL, "linux.intelRdt.schemata[%zu]: more than one line; write one each",
				       i);
	}
	return 0;
}

/* The specification asks for an error where resctrl is not mounted; where it is, it is not built. */
static int refuse_intel_rdt(const struct config_intel_rdt *rdt, struct err *e)
{
	struct statfs fs;

	TRY(check_intel_rdt(rdt, e));
	if (statfs("/sys/fs/resctrl", &fs) < 0 || fs.f_type != RDTGROUP_SUPER_MAGIC)
		return err_set(e, ENODEV, "linux.intelRdt: no resctrl file system is mounted on /sys/fs/resctrl");
	return refuse(e, "linux.intelRdt");
}

static int refuse_linux(const struct config_linux *linux_, struct err *e)
{
	if (linux_->intel_rdt)
		return refuse_intel_rdt(linux_->intel_rdt, e);
	return 0;
}

int plan_refuse_unsupported(const struct config *config, struct err *e)
{
	return config->linux_ ? refuse_linux(config->linux_, e) : 0;
}
