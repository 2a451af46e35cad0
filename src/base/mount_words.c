/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_words.c - the words of mounts[].options that the specification knows, and what file systems take besides.
 *
 * One table for both sides of the line: the rules ask whether a word is known, the plan what it does.
 */
#include <hrun/mount_words.h>
#include <hrun/str.h>
#include <sys/mount.h>

/* The access time setting is a number in the bits of MOUNT_ATTR__ATIME, so all of them change together. */
#define ATIME(value) (value), MOUNT_ATTR__ATIME

static const struct mount_word words[] = {
	{"", WORD_NOTHING, 0, 0},
	{"async", WORD_NOTHING, 0, 0},
	{"atime", WORD_ATTR, ATIME(MOUNT_ATTR_RELATIME)},
	{"bind", WORD_BIND, 0, 0},
	{"defaults", WORD_NOTHING, 0, 0},
	{"dev", WORD_ATTR, 0, MOUNT_ATTR_NODEV},
	{"diratime", WORD_ATTR, 0, MOUNT_ATTR_NODIRATIME},
	{"dirsync", WORD_SUPERBLOCK, 0, 0},
	{"exec", WORD_ATTR, 0, MOUNT_ATTR_NOEXEC},
	{"idmap", WORD_IDMAP, 0, 0},
	{"iversion", WORD_SUPERBLOCK, 0, 0},
	{"lazytime", WORD_SUPERBLOCK, 0, 0},
	{"loud", WORD_NOTHING, 0, 0},
	{"mand", WORD_SUPERBLOCK, 0, 0},
	{"noatime", WORD_ATTR, ATIME(MOUNT_ATTR_NOATIME)},
	{"nodev", WORD_ATTR, MOUNT_ATTR_NODEV, 0},
	{"nodiratime", WORD_ATTR, MOUNT_ATTR_NODIRATIME, 0},
	{"noexec", WORD_ATTR, MOUNT_ATTR_NOEXEC, 0},
	{"noiversion", WORD_NOTHING, 0, 0},
	{"nolazytime", WORD_NOTHING, 0, 0},
	{"nomand", WORD_NOTHING, 0, 0},
	{"norelatime", WORD_ATTR, ATIME(MOUNT_ATTR_RELATIME)},
	{"nostrictatime", WORD_ATTR, ATIME(MOUNT_ATTR_RELATIME)},
	{"nosuid", WORD_ATTR, MOUNT_ATTR_NOSUID, 0},
	{"nosymfollow", WORD_ATTR, MOUNT_ATTR_NOSYMFOLLOW, 0},
	{"private", WORD_PROPAGATION, MS_PRIVATE, 0},
	{"ratime", WORD_ATTR_RECURSIVE, ATIME(MOUNT_ATTR_RELATIME)},
	{"rbind", WORD_BIND, 1, 0},
	{"rdev", WORD_ATTR_RECURSIVE, 0, MOUNT_ATTR_NODEV},
	{"rdiratime", WORD_ATTR_RECURSIVE, 0, MOUNT_ATTR_NODIRATIME},
	{"relatime", WORD_ATTR, ATIME(MOUNT_ATTR_RELATIME)},
	{"remount", WORD_NOTHING, 0, 0},
	{"rexec", WORD_ATTR_RECURSIVE, 0, MOUNT_ATTR_NOEXEC},
	{"ridmap", WORD_IDMAP, 1, 0},
	{"rnoatime", WORD_ATTR_RECURSIVE, ATIME(MOUNT_ATTR_NOATIME)},
	{"rnodev", WORD_ATTR_RECURSIVE, MOUNT_ATTR_NODEV, 0},
	{"rnodiratime", WORD_ATTR_RECURSIVE, MOUNT_ATTR_NODIRATIME, 0},
	{"rnoexec", WORD_ATTR_RECURSIVE, MOUNT_ATTR_NOEXEC, 0},
	{"rnorelatime", WORD_ATTR_RECURSIVE, ATIME(MOUNT_ATTR_RELATIME)},
	{"rnostrictatime", WORD_ATTR_RECURSIVE, ATIME(MOUNT_ATTR_RELATIME)},
	{"rnosuid", WORD_ATTR_RECURSIVE, MOUNT_ATTR_NOSUID, 0},
	{"rnosymfollow", WORD_ATTR_RECURSIVE, MOUNT_ATTR_NOSYMFOLLOW, 0},
	{"ro", WORD_ATTR, MOUNT_ATTR_RDONLY, 0},
	{"rprivate", WORD_PROPAGATION, MS_PRIVATE, 1},
	{"rrelatime", WORD_ATTR_RECURSIVE, ATIME(MOUNT_ATTR_RELATIME)},
	{"rro", WORD_ATTR_RECURSIVE, MOUNT_ATTR_RDONLY, 0},
	{"rrw", WORD_ATTR_RECURSIVE, 0, MOUNT_ATTR_RDONLY},
	{"rshared", WORD_PROPAGATION, MS_SHARED, 1},
	{"rslave", WORD_PROPAGATION, MS_SLAVE, 1},
	{"rstrictatime", WORD_ATTR_RECURSIVE, ATIME(MOUNT_ATTR_STRICTATIME)},
	{"rsuid", WORD_ATTR_RECURSIVE, 0, MOUNT_ATTR_NOSUID},
	{"rsymfollow", WORD_ATTR_RECURSIVE, 0, MOUNT_ATTR_NOSYMFOLLOW},
	{"runbindable", WORD_PROPAGATION, MS_UNBINDABLE, 1},
	{"rw", WORD_ATTR, 0, MOUNT_ATTR_RDONLY},
	{"shared", WORD_PROPAGATION, MS_SHARED, 0},
	{"silent", WORD_NOTHING, 0, 0},
	{"slave", WORD_PROPAGATION, MS_SLAVE, 0},
	{"strictatime", WORD_ATTR, ATIME(MOUNT_ATTR_STRICTATIME)},
	{"suid", WORD_ATTR, 0, MOUNT_ATTR_NOSUID},
	{"symfollow", WORD_ATTR, 0, MOUNT_ATTR_NOSYMFOLLOW},
	{"sync", WORD_SUPERBLOCK, 0, 0},
	{"tmpcopyup", WORD_COPY_UP, 0, 0},
	{"unbindable", WORD_PROPAGATION, MS_UNBINDABLE, 0},
};

/* The table is sorted (tests/unit/plan_mount_options.c). */
const struct mount_word *mount_word_find(const char *text)
{
	size_t low = 0, high = sizeof words / sizeof *words;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(text, words[middle].word);
		if (order == 0)
			return &words[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* What a type's own parser in the kernel takes: one list for a type, separated by blanks; "=" for those with a value. */
static const struct {
	const char *type, *keys;
} data[] = {
	{"tmpfs", "size= nr_blocks= nr_inodes= mode= uid= gid= huge= mpol= inode32 inode64 noswap casefold casefold= "
		  "strict_encoding quota usrquota grpquota usrquota_block_hardlimit= usrquota_inode_hardlimit= "
		  "grpquota_block_hardlimit= grpquota_inode_hardlimit= acl noacl notmpcopyup"},
	{"devpts", "newinstance ptmxmode= mode= uid= gid= max="},
	{"proc", "hidepid= gid= subset="},
	{"sysfs", ""},
	{"mqueue", ""},
	{"cgroup",
	 "nsdelegate memory_localevents memory_recursiveprot memory_hugetlb_accounting favordynmods pids_localevents"},
	{"cgroup2",
	 "nsdelegate memory_localevents memory_recursiveprot memory_hugetlb_accounting favordynmods pids_localevents"},
	{"overlay",
	 "lowerdir= lowerdir+= datadir+= upperdir= workdir= redirect_dir= index= nfs_export= xino= metacopy= verity= "
	 "uuid= fsync= volatile userxattr default_permissions override_creds nooverride_creds"},
};

/* Any type takes those of SELinux. */
static const char security_keys[] = "context= fscontext= defcontext= rootcontext= seclabel";

/* Is the NAME (LENGTH bytes, with the "=" where there is one) in LIST? */
static bool list_has_key(const char *list, const char *name, size_t length)
{
	while (*list) {
		size_t n = strcspn(list, " ");
		if (n == length && memcmp(list, name, n) == 0)
			return true;
		list += n + (list[n] == ' ');
	}
	return false;
}

bool mount_data_is_known(const char *type, const char *text)
{
	const char *equals = strchr(text, '=');
	size_t length = equals ? (size_t)(equals - text) + 1 : strlen(text);

	if (list_has_key(security_keys, text, length))
		return true;
	for (size_t i = 0; i < sizeof data / sizeof data[0]; i++) {
		if (str_equal(type, data[i].type))
			return list_has_key(data[i].keys, text, length);
	}
	return false;
}
