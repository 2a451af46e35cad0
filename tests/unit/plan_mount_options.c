/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_mount_options.c - every word of mounts[].options: what it sets, what it takes back, who wins.
 */
#include <hrun/mount_words.h>
#include <hrun/planning.h>
#include <hrun/str.h>
#include <stdio.h>
#include <sys/mount.h>

struct row {
	const char *words; /* separated by commas */
	uint64_t set, clear, recursive_set, recursive_clear;
	const char *shown; /* as the plan prints the mount at /x */
};

#define RO MOUNT_ATTR_RDONLY
#define AT MOUNT_ATTR__ATIME

static const struct row tmpfs_rows[] = {
	{"", 0, 0, 0, 0, "/x"},
	{"ro", RO, 0, 0, 0, "/x  ro"},
	{"rw", 0, RO, 0, 0, "/x  rw"},
	{"ro,rw", 0, RO, 0, 0, "/x  rw"},
	{"rw,ro", RO, 0, 0, 0, "/x  ro"},
	{"nosuid,suid", 0, MOUNT_ATTR_NOSUID, 0, 0, "/x  suid"},
	{"dev,nodev", MOUNT_ATTR_NODEV, 0, 0, 0, "/x  nodev"},
	{"noexec", MOUNT_ATTR_NOEXEC, 0, 0, 0, "/x  noexec"},
	{"noexec,exec", 0, MOUNT_ATTR_NOEXEC, 0, 0, "/x  exec"},
	{"nodiratime", MOUNT_ATTR_NODIRATIME, 0, 0, 0, "/x  nodiratime"},
	{"nodiratime,diratime", 0, MOUNT_ATTR_NODIRATIME, 0, 0, "/x  diratime"},
	{"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0, 0, 0, "/x  nosymfollow"},
	{"nosymfollow,symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW, 0, 0, "/x  symfollow"},
	{"noatime", MOUNT_ATTR_NOATIME, AT, 0, 0, "/x  noatime"},
	{"strictatime", MOUNT_ATTR_STRICTATIME, AT, 0, 0, "/x  strictatime"},
	{"noatime,strictatime", MOUNT_ATTR_STRICTATIME, AT, 0, 0, "/x  strictatime"},
	{"strictatime,noatime", MOUNT_ATTR_NOATIME, AT, 0, 0, "/x  noatime"},
	{"noatime,relatime", 0, AT, 0, 0, "/x  relatime"},
	{"noatime,atime", 0, AT, 0, 0, "/x  relatime"},
	{"strictatime,nostrictatime", 0, AT, 0, 0, "/x  relatime"},
	{"norelatime", 0, AT, 0, 0, "/x  relatime"},
	{"defaults,remount,silent,loud,,async,nomand,nolazytime,noiversion", 0, 0, 0, 0, "/x"},
	{"sync,dirsync,mand,lazytime", 0, 0, 0, 0, "/x  sync dirsync mand lazytime"},
	{"iversion", 0, 0, 0, 0, "/x  iversion"}, /* no kernel shows it */
	{"sync,async", 0, 0, 0, 0, "/x"},
	{"dirsync,sync,size=1m,async", 0, 0, 0, 0, "/x  size=1m"},
	{"lazytime,nolazytime,mand,nomand", 0, 0, 0, 0, "/x"},
	{"async,sync", 0, 0, 0, 0, "/x  sync"},
	{"size=1m,mode=755,huge", 0, 0, 0, 0, "/x  size=1m mode=755 huge"},
	{"mpol=bind=static:0", 0, 0, 0, 0, "/x  mpol=bind=static:0"},
	{"tmpcopyup", 0, 0, 0, 0, "/x  tmpcopyup"},
	{"private", 0, 0, 0, 0, "/x  private"},
	{"rshared,rslave", 0, 0, 0, 0, "/x  rslave"},
	{"rslave,shared", 0, 0, 0, 0, "/x  shared"},
	{"unbindable", 0, 0, 0, 0, "/x  unbindable"},
	{"runbindable", 0, 0, 0, 0, "/x  runbindable"},
	{"slave,rprivate", 0, 0, 0, 0, "/x  rprivate"},
};

static const struct row bind_rows[] = {
	{"rro", 0, 0, RO, 0, "/s -> /x  rro"},
	{"rro,rrw", 0, 0, 0, RO, "/s -> /x  rrw"},
	{"ro,rrw", 0, 0, 0, RO, "/s -> /x  rrw"},
	{"rrw,ro", RO, 0, 0, RO, "/s -> /x  ro rrw"},
	{"rnosuid,rnodev,rnoexec", 0, 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, 0,
	 "/s -> /x  rnosuid rnodev rnoexec"},
	{"rsuid,rdev,rexec", 0, 0, 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
	 "/s -> /x  rsuid rdev rexec"},
	{"rnodiratime,rnosymfollow", 0, 0, MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW, 0,
	 "/s -> /x  rnodiratime rnosymfollow"},
	{"rdiratime,rsymfollow", 0, 0, 0, MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW,
	 "/s -> /x  rdiratime rsymfollow"},
	{"rnoatime", 0, 0, MOUNT_ATTR_NOATIME, AT, "/s -> /x  rnoatime"},
	{"rnoatime,rstrictatime", 0, 0, MOUNT_ATTR_STRICTATIME, AT, "/s -> /x  rstrictatime"},
	{"rnoatime,ratime", 0, 0, 0, AT, "/s -> /x  rrelatime"},
	{"rrelatime", 0, 0, 0, AT, "/s -> /x  rrelatime"},
	{"rnorelatime", 0, 0, 0, AT, "/s -> /x  rrelatime"},
	{"rnostrictatime", 0, 0, 0, AT, "/s -> /x  rrelatime"},
	{"rbind,ro", RO, 0, 0, 0, "/s -> /x  ro"},
};

static void split(struct pool *pool, const char *words, struct string_list *ret_list)
{
	for (const char *p = words; *words && p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
		*pool_array_add(pool, ret_list->item, ret_list->count) = pool_strndup(pool, p, strcspn(p, ","));
}

static int check_row(const struct row *row, enum mount_kind kind)
{
	struct pool pool = {0};
	struct config_mount mount = {.destination = "/x"};
	struct mount_step step = {.kind = kind, .destination = "/x", .source = "/s", .type = "tmpfs", .where = "m"};
	struct err e = {0};

	split(&pool, row->words, &mount.options);
	int r = plan_mount_options(&pool, &mount, &step, &e);
	const char *shown = r < 0 ? e.text : plan_describe_mount(&pool, &step);
	int failed = r < 0 || step.attr_set != row->set || step.attr_clear != row->clear ||
		     step.recursive_attr_set != row->recursive_set ||
		     step.recursive_attr_clear != row->recursive_clear || !str_equal(shown, row->shown);
	if (failed)
		printf("%s: %s, expected %s (set %lx clear %lx)\n", row->words, shown, row->shown,
		       (unsigned long)step.attr_set, (unsigned long)step.attr_clear);
	pool_free(&pool);
	return failed;
}

static int check_recursive(void)
{
	struct pool pool = {0};
	struct err e;
	int failed = 0;
	static const struct {
		const char *words;
		bool recursive;
	} rows[] = {
		{"bind", false},
		{"rbind", true},
		{"bind,rbind", true},
		{"rbind,bind", true},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct config_mount mount = {.destination = "/x"};
		struct mount_step step = {.kind = MOUNT_BIND, .where = "m"};
		split(&pool, rows[i].words, &mount.options);
		if (plan_mount_options(&pool, &mount, &step, &e) < 0 || step.recursive != rows[i].recursive)
			failed += printf("%s: recursive %d\n", rows[i].words, step.recursive) > 0;
	}
	pool_free(&pool);
	return failed;
}

/* The look-up needs a sorted table. */
static int check_words(void)
{
	static const char *const all[] = {
		"",
		"async",
		"atime",
		"bind",
		"defaults",
		"dev",
		"diratime",
		"dirsync",
		"exec",
		"idmap",
		"iversion",
		"lazytime",
		"loud",
		"mand",
		"noatime",
		"nodev",
		"nodiratime",
		"noexec",
		"noiversion",
		"nolazytime",
		"nomand",
		"norelatime",
		"nostrictatime",
		"nosuid",
		"nosymfollow",
		"private",
		"ratime",
		"rbind",
		"rdev",
		"rdiratime",
		"relatime",
		"remount",
		"rexec",
		"ridmap",
		"rnoatime",
		"rnodev",
		"rnodiratime",
		"rnoexec",
		"rnorelatime",
		"rnostrictatime",
		"rnosuid",
		"rnosymfollow",
		"ro",
		"rprivate",
		"rrelatime",
		"rro",
		"rrw",
		"rshared",
		"rslave",
		"rstrictatime",
		"rsuid",
		"rsymfollow",
		"runbindable",
		"rw",
		"shared",
		"silent",
		"slave",
		"strictatime",
		"suid",
		"symfollow",
		"sync",
		"tmpcopyup",
		"unbindable",
	};
	int failed = 0;

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		if (!mount_word_find(all[i]))
			failed += printf("%s is not known\n", all[i]) > 0;
	}
	/* readonly is a mistake that a mount must not survive, the others are crun's own. */
	static const char *const unknown[] = {"readonly", "rox", "zz", "copy-symlink", "src-nofollow", "dest-nofollow"};
	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
		if (mount_word_find(unknown[i]))
			failed += printf("%s is known\n", unknown[i]) > 0;
	}
	return failed;
}

int main(void)
{
	int failed = check_recursive() + check_words();

	for (size_t i = 0; i < sizeof tmpfs_rows / sizeof *tmpfs_rows; i++)
		failed += check_row(&tmpfs_rows[i], MOUNT_FILESYSTEM);
	for (size_t i = 0; i < sizeof bind_rows / sizeof *bind_rows; i++)
		failed += check_row(&bind_rows[i], MOUNT_BIND);
	return failed != 0;
}
