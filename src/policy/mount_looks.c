/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_looks.c - where the mounts of a config really lead.
 *
 * Links in the image are followed as the kernel will follow them in the container, with what earlier mounts put in the way:
 * a new file system is empty, a bind mount shows its source.
 */
#include <errno.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/mount_sources.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <limits.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MAX_LINKS = 40 };

/* Destinations of the mounts so far: which was the last one at a path? */
struct places {
	const struct config *config;
	struct mount_look *looks;
	size_t *slot; /* 1 + number of the mount; 0: free */
	size_t mask;
};

/* The slot of the path PATH (LENGTH bytes): taken by a mount there, or free. */
static size_t *slot_of(const struct places *places, const char *path, size_t length)
{
	for (size_t i = str_hash(0, path, length);; i++) {
		size_t *slot = &places->slot[i & places->mask];
		const char *there = *slot ? places->looks[*slot - 1].destination : NULL;
		if (!there || (strncmp(there, path, length) == 0 && !there[length]))
			return slot;
	}
}

static struct places new_places(const struct judged *judged, struct mount_look *looks)
{
	struct places places = {.config = judged->config, .looks = looks, .mask = 1};

	while (places.mask < 2 * judged->config->mount_count)
		places.mask = 2 * places.mask + 1;
	places.slot = pool_alloc(judged->pool, (places.mask + 1) * sizeof *places.slot);
	return places;
}

/* Follows one destination after the other. */
struct walk {
	const struct judged *judged;
	const struct places *places;
	size_t length;	     /* of now */
	size_t layer;	     /* 1 + number of the mount that shows what is here; 0: the image */
	size_t layer_length; /* of its destination */
	int links;
	bool climbs;
	const char *link;
	char now[PATH_MAX];  /* resolved so far, "" is the root */
	char rest[PATH_MAX]; /* what is left */
	char path[PATH_MAX]; /* the component that is looked at */
	char target[PATH_MAX], whole[PATH_MAX];
	/* The last directory of the image that no link led to: the next destinations are often in it as well. */
	char plain[PATH_MAX];
};

static void find_layer(struct walk *walk)
{
	walk->layer = 0;
	for (size_t i = 1; i <= walk->length; i++) {
		size_t mount = walk->now[i] == '/' || i == walk->length ? *slot_of(walk->places, walk->now, i) : 0;
		/* A later mount above hides an earlier one below. */
		if (mount > walk->layer) {
			walk->layer = mount;
			walk->layer_length = i;
		}
	}
}

/* The first of the directories in LIST that has something at REST: whether it is a link is what is asked. */
static ssize_t read_layers(const struct walk *walk, const char *list, bool several, const char *rest, char *target)
{
	char host[2 * PATH_MAX];
	ssize_t size = -1;

	errno = ENOENT;
	for (int i = 0; *list && errno == ENOENT && i < (several ? OVERLAY_LAYERS_MAX : 1); i++) {
		const char *directory = several ? overlay_next_directory(walk->judged->pool, &list) : list;
		if (str_format(host, sizeof host, "%s%s", directory, rest) < 0)
			return -1;
		errno = 0;
		size = readlink(host, target, PATH_MAX - 1);
	}
	return size;
}

/* An overlay shows its directories: the upper one, then the lower ones in their order. */
static ssize_t read_overlay_link(const struct walk *walk, const struct config_mount *mount, const char *rest,
				 char *target)
{
	static const char *const keys[] = {"upperdir=", "lowerdir=", "lowerdir+=", "datadir+="};
	ssize_t size = -1;

	errno = ENOENT;
	for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
		for (size_t i = 0; i < mount->options.count && errno == ENOENT; i++) {
			const char *option = mount->options.item[i];
			if (str_starts(option, keys[k]))
				size = read_layers(walk, option + strlen(keys[k]), k == 1, rest, target);
		}
	}
	return size;
}

/* The text of the link NAME (a path that begins below walk->now), or -1 where it is none. */
static ssize_t read_link(const struct walk *walk, const char *path, char *target)
{
	char host[2 * PATH_MAX];

	if (walk->layer) {
		const struct config_mount *mount = &walk->places->config->mounts[walk->layer - 1];
		const struct mount_look *look = &walk->places->looks[walk->layer - 1];
		if (mount_is_bind(mount) && !look->real_source)
			return -1;
		if (mount_is_bind(mount)) {
			if (str_format(host, sizeof host, "%s%s", look->real_source, path + walk->layer_length) < 0)
				return -1;
			return readlink(host, target, PATH_MAX - 1);
		}
		if (mount_type_is(mount, "overlay"))
			return read_overlay_link(walk, mount, path + walk->layer_length, target);
		if (!list_has(&mount->options, "tmpcopyup"))
			return -1;
	}
	return readlinkat(walk->judged->bundle->rootfs, path + 1, target, PATH_MAX - 1);
}

/* The directory of the kernel that PATH is in: 'p'roc, 's'ys, 'd'ev; 0: none. */
static char kernel_directory(const char *path)
{
	return path_is_below(path, "/proc") || path_is_below(path, "/sys") || path_is_below(path, "/dev") ? path[1] : 0;
}

/* One component is behind us; false where it cannot be followed. */
static bool step_to(struct walk *walk, const char *name, size_t n)
{
	if (str_format(walk->path, sizeof walk->path, "%s/%.*s", walk->now, (int)n, name) < 0)
		return false;
	size_t mount = *slot_of(walk->places, walk->path, walk->length + n + 1);
	/* A mount that nothing hides stands on no link. */
	bool known = !walk->layer && path_is_below(walk->plain, walk->path);
	ssize_t size = known || mount > walk->layer ? -1 : read_link(walk, walk->path, walk->target);
	if (size <= 0) {
		walk->length += n + 1;
		memcpy(walk->now, walk->path, walk->length + 1);
		if (mount > walk->layer) {
			walk->layer = mount;
			walk->layer_length = walk->length;
		}
		return true;
	}
	walk->target[size] = '\0';
	if (++walk->links > MAX_LINKS ||
	    str_format(walk->whole, sizeof walk->whole, "%s/%s", walk->target, name + n) < 0)
		return false;
	if (!walk->link && kernel_directory(walk->path) != kernel_directory(walk->target))
		walk->link = pool_strdup(walk->judged->pool, walk->path);
	memcpy(walk->rest, walk->whole, strlen(walk->whole) + 1);
	if (walk->target[0] == '/') {
		walk->length = 0;
		walk->now[0] = '\0';
		find_layer(walk);
	}
	return true;
}

static void step_up(struct walk *walk)
{
	if (!walk->length)
		walk->climbs = true;
	while (walk->length && walk->now[--walk->length] != '/')
		;
	walk->now[walk->length] = '\0';
	find_layer(walk);
}

static bool follow(struct walk *walk)
{
	size_t at = 0;

	for (;;) {
		const char *name = walk->rest + at + strspn(walk->rest + at, "/");
		size_t n = strcspn(name, "/");
		int links = walk->links;
		if (!n)
			return true;
		at = (size_t)(name - walk->rest) + n;
		if (n == 1 && name[0] == '.')
			continue;
		if (n == 2 && name[0] == '.' && name[1] == '.')
			step_up(walk);
		else if (!step_to(walk, name, n))
			return false;
		if (walk->links != links)
			at = 0;
	}
}

/* From the root, along PATH. */
static bool follow_from_root(struct walk *walk, const char *path)
{
	walk->length = walk->layer = walk->layer_length = 0;
	walk->links = 0;
	walk->climbs = false;
	walk->link = NULL;
	walk->now[0] = '\0';
	return str_format(walk->rest, sizeof walk->rest, "%s", path) >= 0 && follow(walk);
}

/* Where the destination of LOOK really is. */
static void follow_destination(struct walk *walk, struct mount_look *look)
{
	const char *clean = look->destination;

#ifdef HRUN_MUTANT_DESTINATION_LINKS
	return;
#endif
	if (!follow_from_root(walk, clean))
		return;
	if (!walk->links && !walk->layer && walk->length)
		str_format(walk->plain, sizeof walk->plain, "%.*s", (int)(strrchr(walk->now, '/') - walk->now),
			   walk->now);
	if (!walk->links)
		return;
	look->destination = walk->length ? pool_strdup(walk->judged->pool, walk->now) : "/";
	look->destination_climbs = walk->climbs;
	/* From /dev/a to /dev/b is no way there. */
	if (kernel_directory(look->destination) && kernel_directory(look->destination) != kernel_directory(clean))
		look->destination_link = walk->link ? walk->link : clean;
}

/*
 * Each source needs a second descriptor for its clone.  Where there are too few the plan says so, and none is kept: who judges with the
 * last one sees less.
 */
static bool may_keep_sources(const struct judged *judged)
{
	enum { FEW = 32, OTHERS = 32 + FD_PILE_MAX };
	struct rlimit limit;
	size_t binds = 0;

	for (size_t i = 0; i < judged->config->mount_count; i++)
		binds += mount_is_bind(&judged->config->mounts[i]);
	return binds <= FEW || (getrlimit(RLIMIT_NOFILE, &limit) == 0 && 2 * binds + OTHERS <= limit.rlim_cur);
}

/* WALK NULL: there is no image to look into. */
static void look_at_mounts(const struct judged *judged, const struct places *places, struct walk *walk)
{
	const struct config *config = judged->config;
	const bool keeps = judged->keeps_sources && may_keep_sources(judged);
	struct host_view *host = config->mount_count ? host_view_new(judged->pool) : NULL;

	for (size_t i = 0; i < config->mount_count; i++) {
		const struct config_mount *mount = &config->mounts[i];
		struct mount_look *look = &places->looks[i];
		const char *path = mount->destination;
		look->is_bind = mount_is_bind(mount);
		look->attributes = mount_attributes(mount);
		autofd int source = source_look(judged, look->is_bind ? mount->source : NULL, host, look);
		look->source_fd = source < 0 ? source : keeps ? TAKE_FD(source) : -EMFILE;
		if (!path || path[0] != '/' || path_has_dotdot(path))
			continue;
		look->destination = path_clean(judged->pool, path);
		if (walk)
			follow_destination(walk, look);
		size_t *slot = slot_of(places, look->destination, strlen(look->destination));
		look->same_as = *slot;
		*slot = i + 1;
	}
}

static void look_into_image(const struct judged *judged, const struct places *places)
{
	struct walk walk = {.judged = judged, .places = places};

	look_at_mounts(judged, places, &walk);
}

struct mount_look *mount_look(const struct judged *judged)
{
	struct mount_look *looks = pool_alloc(judged->pool, judged->config->mount_count * sizeof *looks);
	const struct places places = new_places(judged, looks);

	if (judged->bundle && judged->bundle->rootfs >= 0)
		look_into_image(judged, &places);
	else
		look_at_mounts(judged, &places, NULL);
	return looks;
}
