/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_sources.c - what a source really is.
 *
 * It is opened once, as it will be mounted; the text of the config, the real path and the object itself are judged, each by
 * what it gives away, and one bad answer is enough.
 */
#include <errno.h>
#include <fcntl.h>
#include <hrun/engine_paths.h>
#include <hrun/fd.h>
#include <hrun/mount_sources.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int source_open(const struct bundle *bundle, const char *source)
{
	struct err ignored;

	return source[0] == '/' ? path_open_host(source, false, &ignored) : path_open_beneath(bundle->dir, source);
}

/* What may not be opened as a source is opened without the limits: it is judged all the same. */
static int open_anyway(const struct bundle *bundle, const char *source, int why, struct mount_look *look)
{
	if (why != -ELOOP && why != -EXDEV)
		return why;
	look->source_leaves = why == -EXDEV;
	look->source_is_magic = why == -ELOOP;
	int fd = openat(bundle->dir, source, O_PATH | O_CLOEXEC);
	if (fd < 0 && errno == ELOOP)
		look->source_is_magic = false; /* links in a circle */
	return fd < 0 ? -errno : fd;
}

static int look_at_object(int fd, struct mount_look *look)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS | STATX_MNT_ID, &st) < 0)
		return -errno;
	look->source = (struct stat){
		.st_dev = makedev(st.stx_dev_major, st.stx_dev_minor),
		.st_ino = st.stx_ino,
		.st_mode = st.stx_mode,
		.st_uid = st.stx_uid,
		.st_gid = st.stx_gid,
		.st_rdev = makedev(st.stx_rdev_major, st.stx_rdev_minor),
	};
	look->mount_id = st.stx_mnt_id;
	return 0;
}

int source_look(const struct judged *judged, const char *source, struct host_view *host, struct mount_look *look)
{
	const struct bundle *bundle = judged->bundle;
	struct pool *pool = judged->pool;

	look->source_path = source;
	look->host = host;
	look->answer = pool_alloc(pool, sizeof *look->answer);
	if (!source || !*source)
		return -ESTALE;
	if (source[0] == '/')
		look->clean_source = path_fold(pool, source);
	if (!bundle)
		return -ESTALE;
	if (source[0] != '/')
		look->clean_source = path_fold(pool, pool_printf(pool, "%s/%s", bundle->path, source));
	autofd int fd = source_open(bundle, source);
	autofd int judged_only = fd < 0 ? open_anyway(bundle, source, fd, look) : -EBADF;
	int shown = fd < 0 ? judged_only : fd;
	int r = shown < 0 ? shown : look_at_object(shown, look);
	look->real_source = r < 0 ? NULL : path_of_fd(pool, shown);
	look->has_source = look->real_source != NULL;
	/* What has no path (a namespace, a pipe) can only be reached by a magic link, and that is judged. */
	if (!look->has_source && !look->source_is_magic)
		look->source_error = r < 0 ? r : -ESTALE;
	if (fd < 0)
		return fd;
	return look->has_source ? TAKE_FD(fd) : -ESTALE;
}

/* ---- judging ---- */

struct view {
	struct alias_visit visit; /* first: the visitor gets it back */
	const struct judged *judged;
	const struct config_mount *mount;
	const struct mount_look *look;
	struct host_view *host; /* NULL: paths are text only */
	struct source_verdict *verdict;
	bool read_only, is_directory, is_pod_volume;
};

static void add(struct view *view, unsigned int bits, const char *path)
{
	for (size_t i = 0; i < BREAKS_COUNT; i++) {
		if ((bits & 1u << i) && !view->verdict->path[i])
			view->verdict->path[i] = path;
	}
	view->verdict->bits |= bits;
}

static enum managed kind_of(const struct view *view, const char *path)
{
	const struct policy *policy = view->judged->policy;

	return view->host ? host_managed_kind(view->host, policy, path) : engine_path_kind(policy, path);
}

bool path_is_engine_managed(const struct judged *judged, const char *path)
{
	struct host_view *host = judged->bundle && judged->config->mount_count ? judged->mounts[0].host : NULL;

	return (host ? host_managed_kind(host, judged->policy, path) : engine_path_kind(judged->policy, path)) !=
	       MANAGED_NOT;
}

/* The host's shared memory, where ns-ipc-host judges that it is shared, or it is that of an ordinary user. */
static bool is_shared_memory(const struct view *view, const char *path)
{
	return str_equal(path, "/dev/shm") && (!view->judged->host_root || !namespace_of(view->judged->config, "ipc"));
}

static bool path_is_exempt(const struct view *view, const char *path)
{
	return is_shared_memory(view, path) || (view->read_only && source_path_is_public(path, view->is_directory));
}

/* What is in there is believed by every later command: which process is killed, which filter is loaded. */
static bool is_own_state(const struct view *view, const char *path)
{
#ifdef HRUN_MUTANT_OWN_STATE
	return false;
#endif
	const struct judged *judged = view->judged;
	struct host_view *host = view->look->host; /* of a config alone as well: these are no paths of the config */
	const struct string_list *own = host ? host_own_paths(host, judged) : &judged->own_paths;

	for (size_t i = 0; i < own->count; i++) {
		if (path_meets(path, own->item[i]) != PATHS_APART)
			return true;
	}
	return false;
}

static void judge_path(struct view *view, const char *path)
{
	const struct policy *policy = view->judged->policy;
	unsigned int bits = source_path_breaks(policy, path);

	if (view->host)
		bits |= host_linked_breaks(view->host, policy, path);
	/* Another name of a volume that the pod was given by its kubelet. */
	if (bits == BREAKS_ENGINE_STATE && view->is_pod_volume && host_path_is_staged(view->host, policy, path))
		bits = 0;
	if (is_own_state(view, path))
		bits |= BREAKS_ENGINE_STATE;
	if (is_shared_memory(view, path))
		bits &= ~(unsigned int)BREAKS_HOST_DEV;
	if (bits && view->read_only && source_path_is_public(path, view->is_directory))
		bits &= ~(unsigned int)BREAKS_SYSTEM_DIR;
	if (bits && kind_of(view, path) == MANAGED_NOT)
		add(view, bits, path);
}

/* ST tells of PATH, or is NULL. */
static void judge_store(struct view *view, const char *path, const struct stat *st)
{
	int r = path_is_in_image_store(path, st);

	if (r < 0)
		view->verdict->error = r;
	if (r > 0) {
		view->verdict->is_in_store = true;
		add(view, BREAKS_ENGINE_STATE, path);
	}
}

/* The source itself is among its names. */
static void visit_path(struct alias_visit *visit, const char *path)
{
	struct view *view = (struct view *)visit;

	judge_path(view, path);
	if (!str_equal(path, view->look->real_source))
		judge_store(view, path, NULL);
}

static void visit_type(struct alias_visit *visit, const char *type)
{
	struct view *view = (struct view *)visit;

	add(view, source_type_breaks(type), pool_printf(view->judged->pool, "a mount of type %s", type));
}

/* Who gets a directory gets the socket in it, and the next one that is made there. */
static void look_for_sockets(struct view *view)
{
	const char *real = view->look->real_source;
	struct stat st;

	autofd int dir = open(real, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	for (size_t i = 0; dir >= 0 && engine_sockets[i]; i++) {
		if (fstatat(dir, engine_sockets[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			add(view, BREAKS_ENGINE_SOCKET,
			    pool_printf(view->judged->pool, "%s/%s", real, engine_sockets[i]));
	}
	if (dir >= 0 && str_ends(real, "/systemd") && fstatat(dir, "private", &st, AT_SYMLINK_NOFOLLOW) == 0)
		add(view, BREAKS_ENGINE_SOCKET, pool_printf(view->judged->pool, "%s/private", real));
}

static bool same_object(const struct stat *a, const char *path)
{
	struct stat b;

	return stat(path, &b) == 0 && fd_is_same_stat(a, &b);
}

/* What is there, and where else it can be seen. */
static void judge_object(struct view *view, enum managed kind)
{
	const struct mount_look *look = view->look;
	bool recursive = list_has(&view->mount->options, "rbind");
	int r = 0;

	if (kind == MANAGED_FILE)
		return;
	if (kind == MANAGED_NOT && !str_equal(look->real_source, look->clean_source))
		judge_path(view, look->real_source);
	r = host_visit_aliases(view->host, look, recursive && view->is_directory, &view->visit);
	if (r < 0)
		view->verdict->error = r;
	if (kind == MANAGED_NOT && view->is_directory && !(view->verdict->bits & BREAKS_ENGINE_SOCKET))
		look_for_sockets(view);
	if (kind == MANAGED_NOT)
		judge_store(view, look->real_source, &look->source);
}

/* null, zero, full, random, urandom, tty, console, pts: what every container gets anyway. */
static bool number_is_harmless(unsigned int major_number, unsigned int minor_number)
{
	if (major_number == 1)
		return minor_number == 3 || minor_number == 5 || minor_number == 7 || minor_number == 8 ||
		       minor_number == 9;
	return (major_number == 5 && minor_number <= 1) || (major_number >= 136 && major_number <= 143);
}

static bool device_is_allowed(const struct view *view, const struct stat *st)
{
	const struct policy *policy = view->judged->policy;
	char type = S_ISBLK(st->st_mode) ? 'b' : 'c';

	if (type == 'c' && number_is_harmless(major(st->st_rdev), minor(st->st_rdev)))
		return true;
	for (size_t i = 0; policy && i < policy->allow.device_count; i++) {
		const struct policy_device *device = &policy->allow.devices[i];
		if (device->type == type && device->major == major(st->st_rdev) && device->minor == minor(st->st_rdev))
			return true;
	}
	return false;
}

static bool name_is_harmless(const char *path)
{
	static const char *const names[] = {"/dev/null",    "/dev/zero", "/dev/full",	"/dev/random",
					    "/dev/urandom", "/dev/tty",	 "/dev/console"};

	return IS_ONE_OF(path, names) || (str_starts(path, "/dev/pts/") && path[9] >= '0' && path[9] <= '9' &&
					  strspn(path + 9, "0123456789") == strlen(path + 9));
}

static void judge_device(struct view *view)
{
	const struct mount_look *look = view->look;
	bool is_device = look->has_source && (S_ISCHR(look->source.st_mode) || S_ISBLK(look->source.st_mode));
	bool harmless = is_device	   ? device_is_allowed(view, &look->source)
			: look->has_source ? false
					   : look->clean_source && name_is_harmless(look->clean_source);

	if (harmless) {
		view->verdict->bits &= ~(unsigned int)BREAKS_HOST_DEV;
		view->verdict->is_exempt = true;
	} else if (is_device) {
		add(view, BREAKS_HOST_DEV, look->real_source);
	}
}

/*
 * runc spec --rootless: without a network namespace of its own the kernel makes no new sysfs for it.  What is mounted below /sys
 * stays writable (ro is about the top), so only for who is not the host's root: cgroups and uevent_helper are root's.
 */
static bool is_rootless_sys(const struct view *view)
{
	const struct config_namespace *net = namespace_of(view->judged->config, "network");
	const struct mount_look *look = view->look;

	return str_equal(look->clean_source, "/sys") && (!look->real_source || str_equal(look->real_source, "/sys")) &&
	       look->destination && str_equal(look->destination, "/sys") && mount_is_read_only(view->mount) &&
	       list_has(&view->mount->options, "rbind") && (!net || (net->path && *net->path)) &&
	       (!view->judged->host_root || namespace_of(view->judged->config, "user"));
}

static void judge_source(struct view *view)
{
	const struct mount_look *look = view->look;
	const char *deciding = look->real_source ? look->real_source : look->clean_source;

	if (!look->clean_source)
		return;
	if (is_rootless_sys(view)) {
		view->verdict->is_exempt = true;
		return;
	}
	enum managed kind = kind_of(view, deciding);
	view->verdict->is_managed = kind != MANAGED_NOT;
	view->verdict->is_exempt = path_is_exempt(view, deciding);
	view->is_pod_volume = kind == MANAGED_POD && view->host;
	if (kind == MANAGED_NOT || !str_equal(look->clean_source, deciding))
		judge_path(view, look->clean_source);
	if (look->source_is_magic)
		add(view, BREAKS_HOST_PROC, look->clean_source);
	if (look->has_source && S_ISDIR(look->source.st_mode) && same_object(&look->source, "/"))
		add(view, BREAKS_HOST_ROOT, "/");
	/* Who gets everything gets all the rest. */
	if (view->verdict->bits & BREAKS_HOST_ROOT)
		return;
	if (look->has_source)
		judge_object(view, kind);
	judge_device(view);
	if (look->source_error && look->source_error != -ENOENT && look->source_error != -ENOTDIR)
		view->verdict->error = look->source_error;
}

bool source_is_read_only(const struct config_mount *mount, const struct mount_look *look)
{
	if (!mount_is_read_only(mount))
		return false;
#ifdef HRUN_MUTANT_PREFIX_SUBMOUNTS
	return true;
#endif
	return !list_has(&mount->options, "rbind") || mount_is_read_only_below(mount) || !look->real_source ||
	       !look->host || !host_has_mounts_below(look->host, look->real_source);
}

const struct source_verdict *source_judge(const struct judged *judged, const struct config_mount *mount,
					  const struct mount_look *look)
{
	if (look->answer->is_judged)
		return look->answer;
	struct view view = {
		.visit = {.path = visit_path, .type = visit_type},
		.judged = judged,
		.mount = mount,
		.look = look,
		.host = judged->bundle ? look->host : NULL,
		.verdict = look->answer,
		.read_only = source_is_read_only(mount, look),
		.is_directory = look->has_source && S_ISDIR(look->source.st_mode),
	};

	judge_source(&view);
	look->answer->is_judged = true;
	return look->answer;
}
