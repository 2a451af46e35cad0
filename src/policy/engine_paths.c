/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_paths.c - where container engines keep their state, and which files in there they hand to containers.
 *
 * An engine's directory holds every container's files and the engine's own credentials, so nothing of it may be
 * mounted but what the engine makes for one container.  That is told by the whole path, component by component: an
 * id is 64 lower-case hexadecimal digits, never "any name", and only a real path may be asked about.
 */
#include <ctype.h>
#include <hrun/engine_paths.h>
#include <hrun/path.h>
#include <hrun/str.h>

struct string_list engine_roots(const struct policy *policy, enum engine engine)
{
	if (!policy) {
		const struct policy shipped = policy_default();
		return engine_roots(&shipped, engine);
	}
	switch (engine) {
	case ENGINE_CONTAINERS_STORAGE:
		return policy->engines.containers_storage;
	case ENGINE_CONTAINERD:
		return policy->engines.containerd;
	case ENGINE_DOCKER:
		return policy->engines.docker;
	case ENGINE_KUBELET:
		return policy->engines.kubelet;
	default:
		return policy->engines.other;
	}
}

#define LIST(array)                                                                         \
	{                                                                                   \
		.item = (array), .count = sizeof(array) / sizeof(array)[0], .present = true \
	}

struct string_list engine_fixed_paths(void)
{
	static const char *paths[] = {
		"/var/lib/docker",
		"/var/lib/containerd",
		"/var/lib/containers",
		"/var/lib/crio",
		"/var/lib/cni",
		"/var/lib/rancher",
		"/var/lib/k0s",
		"/var/lib/kubelet",
		"/var/lib/etcd",
		"/run/containerd",
		"/run/containers",
		"/run/crio",
		"/run/docker",
		"/run/podman",
		"/run/libpod",
		"/run/k3s",
		"/run/k0s",
		"/run/crun",
		"/run/runc",
		/* hrun's own: records that say what is killed, compiled filters, layers found to be signed, images verified. */
		"/run/hrun",
		"/run/hrun-cache",
		"/run/hrun-layers",
		"/var/lib/hrun",
		"/run/user/*/hrun",
		"/run/user/*/hrun-cache",
		"/run/user/*/hrun-layers",
		"/run/user/*/crun",
		"/run/user/*/runc",
		"/run/user/*/containers",
		"/run/user/*/podman",
		"/run/user/*/libpod",
		"/run/user/*/docker",
		"/home/*/.local/share/containers",
		"/home/*/.local/share/docker",
		"/var/home/*/.local/share/containers",
		"/var/home/*/.local/share/docker",
		"/root/.local/share/containers",
		"/root/.local/share/docker",
		"/etc/kubernetes",
		"/root/.kube",
		"/root/.docker",
	};

	return (struct string_list)LIST(paths);
}

/* Each source is held against all of these paths, and differs from most in its first letters: no call for that. */

static bool is_end(char c)
{
	return c == '/' || c == '\0';
}

static const char *skip_slashes(const char *path)
{
	while (*path == '/')
		path++;
	return path;
}

static const char *skip_name(const char *path)
{
	while (!is_end(*path))
		path++;
	return path;
}

static bool is_star(const char *pattern)
{
	return pattern[0] == '*' && is_end(pattern[1]);
}

/* Do both go on with the same name?  Then they are behind it. */
static bool same_name(const char **path, const char **pattern)
{
	while (!is_end(**path) && **path == **pattern) {
		++*path;
		++*pattern;
	}
	return is_end(**path) && is_end(**pattern);
}

enum path_meets path_meets(const char *path, const char *pattern)
{
	for (;;) {
		path = skip_slashes(path);
		pattern = skip_slashes(pattern);
		if (!*pattern)
			return PATH_WITHIN;
		if (!*path)
			return PATH_ABOVE;
		if (is_star(pattern)) {
			path = skip_name(path);
			pattern++;
		} else if (!same_name(&path, &pattern)) {
			return PATHS_APART;
		}
	}
}

static bool all_of(const char *text, size_t length, const char *set)
{
	for (size_t i = 0; i < length; i++) {
		if (!strchr(set, text[i]))
			return false;
	}
	return true;
}

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static bool is_id(const char *text, size_t length)
{
	return length == 64 && all_of(text, length, DIGITS "abcdef");
}

/* A pod of the API server has an UUID; one of a file on the node 32 digits. */
static bool is_pod(const char *text, size_t length)
{
	static const char form[] = "........-....-....-....-............";

	if (length == 32)
		return all_of(text, length, DIGITS "abcdef");
	if (length != sizeof form - 1)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (form[i] == '-' ? text[i] != '-' : !strchr(DIGITS "abcdef", text[i]))
			return false;
	}
	return true;
}

/* Of docker and podman alike: [a-zA-Z0-9][a-zA-Z0-9_.-]* */
static bool is_volume_name(const char *text, size_t length)
{
	return length && isalnum((unsigned char)text[0]) && all_of(text, length, DIGITS LETTERS "_.-");
}

static bool is_driver_containers(const char *text, size_t length)
{
	static const char *const names[] = {"overlay-containers", "vfs-containers", "btrfs-containers",
					    "zfs-containers"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strlen(names[i]) == length && memcmp(text, names[i], length) == 0)
			return true;
	}
	return false;
}

/* Words of a pattern that stand for a kind of name; the others for themselves. */
static bool word_matches(const char **path, const char **pattern)
{
	if (**pattern != '{')
		return same_name(path, pattern);
	const char *text = *path, *word = *pattern;
	*path = skip_name(text);
	*pattern = skip_name(word);
	size_t n = (size_t)(*path - text), m = (size_t)(*pattern - word);
	if (m == 4 && memcmp(word, "{id}", 4) == 0)
		return is_id(text, n);
	if (m == 5 && memcmp(word, "{pod}", 5) == 0)
		return is_pod(text, n);
	if (m == 8 && memcmp(word, "{number}", 8) == 0)
		return n <= 9 && all_of(text, n, DIGITS);
	if (m == 6 && memcmp(word, "{name}", 6) == 0)
		return is_volume_name(text, n);
	if (m == 8 && memcmp(word, "{driver}", 8) == 0)
		return is_driver_containers(text, n);
	return n == m && memcmp(text, word, n) == 0;
}

/* Is REST (below a root) what PATTERN says, or, where that ends in a star, below it? */
static bool matches(const char *rest, const char *pattern)
{
	for (;;) {
		rest = skip_slashes(rest);
		pattern = skip_slashes(pattern);
		if (str_equal(pattern, "*"))
			return true;
		if (!*pattern || !*rest)
			return !*pattern && !*rest;
		if (!word_matches(&rest, &pattern))
			return false;
	}
}

struct managed_path {
	enum engine engine;
	enum managed kind;
	const char *pattern;
};

#define USERDATA "{driver}/{id}/userdata/"
#define CRI "io.containerd.grpc.v1.cri/"

static const struct managed_path managed_paths[] = {
	{ENGINE_CONTAINERS_STORAGE, MANAGED_FILE, USERDATA "hostname"},
	{ENGINE_CONTAINERS_STORAGE, MANAGED_FILE, USERDATA "hosts"},
	{ENGINE_CONTAINERS_STORAGE, MANAGED_FILE, USERDATA "resolv.conf"},
	{ENGINE_CONTAINERS_STORAGE, MANAGED_FILE, USERDATA ".containerenv"},
	{ENGINE_CONTAINERS_STORAGE, MANAGED_FILE, USERDATA "passwd"},
	{ENGINE_CONTAINERS_STORAGE, MANAGED_FILE, USERDATA "group"},
	{ENGINE_CONTAINERS_STORAGE, MANAGED_FILE, USERDATA "localtime"},
	{ENGINE_CONTAINERS_STORAGE, MANAGED_FILE, USERDATA "shm"},
	{ENGINE_CONTAINERS_STORAGE, MANAGED_FILE, USERDATA "notify"},
	{ENGINE_CONTAINERS_STORAGE, MANAGED_FILE, USERDATA "secrets/*"},
	{ENGINE_CONTAINERS_STORAGE, MANAGED_FILE, USERDATA "run/secrets/*"},
	{ENGINE_CONTAINERS_STORAGE, MANAGED_FILE, USERDATA "artifacts/*"},
	{ENGINE_CONTAINERS_STORAGE, MANAGED_FILE, USERDATA "overlay/*"},
	{ENGINE_CONTAINERS_STORAGE, MANAGED_VOLUME, "volumes/{name}/_data/*"},
	{ENGINE_CONTAINERS_STORAGE, MANAGED_FILE, "overlay/{id}/merged/*"},
	{ENGINE_CONTAINERS_STORAGE, MANAGED_FILE, "vfs/dir/{id}/*"},
	{ENGINE_CONTAINERD, MANAGED_FILE, CRI "sandboxes/{id}/shm"},
	{ENGINE_CONTAINERD, MANAGED_FILE, CRI "sandboxes/{id}/hostname"},
	{ENGINE_CONTAINERD, MANAGED_FILE, CRI "sandboxes/{id}/hosts"},
	{ENGINE_CONTAINERD, MANAGED_FILE, CRI "sandboxes/{id}/resolv.conf"},
	{ENGINE_CONTAINERD, MANAGED_FILE, CRI "image-volumes/{id}/{id}/*"},
	{ENGINE_CONTAINERD, MANAGED_VOLUME, CRI "containers/{id}/volumes/{id}/*"}, /* VOLUME of an image */
	{ENGINE_DOCKER, MANAGED_FILE, "containers/{id}/hostname"},
	{ENGINE_DOCKER, MANAGED_FILE, "containers/{id}/hosts"},
	{ENGINE_DOCKER, MANAGED_FILE, "containers/{id}/resolv.conf"},
	{ENGINE_DOCKER, MANAGED_FILE, "containers/{id}/mounts/shm"},
	{ENGINE_DOCKER, MANAGED_FILE, "containers/{id}/mounts/secrets/{name}"},
	{ENGINE_DOCKER, MANAGED_VOLUME, "volumes/{name}/_data/*"},
	{ENGINE_KUBELET, MANAGED_FILE, "pods/{pod}/etc-hosts"},
	{ENGINE_KUBELET, MANAGED_FILE, "pods/{pod}/containers/*"},
	{ENGINE_KUBELET, MANAGED_POD, "pods/{pod}/volumes/*"},
	{ENGINE_KUBELET, MANAGED_POD, "pods/{pod}/volume-subpaths/*"},
	/* Other clients of the container runtime interface number their pods. */
	{ENGINE_KUBELET, MANAGED_FILE, "pods/{number}/etc/hosts"},
	{ENGINE_KUBELET, MANAGED_FILE, "pods/{number}/term"},
	{ENGINE_KUBELET, MANAGED_VOLUME, "pods/{number}/sa"},
};

static const struct engine_root fixed_roots[] = {
	{ENGINE_CONTAINERS_STORAGE, "/run/containers/storage"},
	{ENGINE_CONTAINERS_STORAGE, "/run/user/{number}/containers"},
	{ENGINE_CONTAINERS_STORAGE, "/home/*/.local/share/containers/storage"},
	{ENGINE_CONTAINERS_STORAGE, "/var/home/*/.local/share/containers/storage"},
	{ENGINE_CONTAINERS_STORAGE, "/root/.local/share/containers/storage"},
	{ENGINE_CONTAINERD, "/run/containerd"},
	{ENGINE_CONTAINERD, "/run/k3s/containerd"},
	{ENGINE_CONTAINERD, "/run/k0s/containerd"},
	{ENGINE_DOCKER, "/home/*/.local/share/docker"},
};

const struct engine_root *engine_fixed_roots(size_t *ret_count)
{
	*ret_count = sizeof fixed_roots / sizeof fixed_roots[0];
	return fixed_roots;
}

/* What of PATH stands below ROOT, whose "*" is any one component; NULL where it is not below it. */
static const char *rest_below(const char *path, const char *root)
{
	for (;;) {
		path = skip_slashes(path);
		root = skip_slashes(root);
		if (!*root || !*path)
			return *root ? NULL : path;
		if (is_star(root)) {
			path = skip_name(path);
			root++;
		} else if (!word_matches(&path, &root)) {
			return NULL;
		}
	}
}

enum managed engine_path_kind_below(enum engine engine, const char *root, const char *path)
{
	const char *rest = rest_below(path, root);

#ifdef HRUN_MUTANT_ENGINE_PATHS
	return rest ? MANAGED_FILE : MANAGED_NOT;
#endif
	for (size_t i = 0; rest && i < sizeof managed_paths / sizeof managed_paths[0]; i++) {
		if (managed_paths[i].engine == engine && matches(rest, managed_paths[i].pattern))
			return managed_paths[i].kind;
	}
	return MANAGED_NOT;
}

/* CSI drivers' volumes, and those that the kubelet mounts itself. */
bool engine_path_is_staged_below(enum engine engine, const char *root, const char *path)
{
	const char *rest = engine == ENGINE_KUBELET ? rest_below(path, root) : NULL;

	return rest && (matches(rest, "plugins/kubernetes.io/csi/{name}/{name}/globalmount/*") ||
			matches(rest, "plugins/kubernetes.io/{name}/mounts/{name}/*"));
}

bool engine_path_is_staged(const struct policy *policy, const char *path)
{
	struct string_list roots = engine_roots(policy, ENGINE_KUBELET);

	for (size_t i = 0; i < roots.count; i++) {
		if (engine_path_is_staged_below(ENGINE_KUBELET, roots.item[i], path))
			return true;
	}
	return false;
}

enum managed engine_path_kind(const struct policy *policy, const char *path)
{
	enum managed kind = MANAGED_NOT;

	if (path_has_dotdot(path))
		return MANAGED_NOT;
	if (path_is_below(path, "/var/run"))
		path += sizeof "/var" - 1; /* its old name */
	for (enum engine engine = 0; engine < ENGINE_OTHER; engine++) {
		struct string_list roots = engine_roots(policy, engine);
		for (size_t i = 0; i < roots.count && kind == MANAGED_NOT; i++)
			kind = engine_path_kind_below(engine, roots.item[i], path);
	}
	for (size_t i = 0; i < sizeof fixed_roots / sizeof fixed_roots[0] && kind == MANAGED_NOT; i++)
		kind = engine_path_kind_below(fixed_roots[i].engine, fixed_roots[i].root, path);
	return kind;
}
