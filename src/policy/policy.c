/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.c - which policy file holds for whom.
 *
 * Only the host's root may choose a looser one.  Everybody else gets the strictest of all that are in question: what he
 * names himself, and under which name he calls hrun, can tighten and nothing else.  The environment has no say.
 */
#include <hrun/fd.h>
#include <hrun/json.h>
#include <hrun/path.h>
#include <hrun/policy.h>
#include <hrun/policy_open.h>
#include <hrun/str.h>
#include <hrun/utc.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const level_names[LEVELS] = {
	[LEVEL_PRIVILEGED] = "privileged",
	[LEVEL_BASELINE] = "baseline",
	[LEVEL_RESTRICTED] = "restricted",
};

const char *policy_level_name(enum level level)
{
	return level_names[level];
}

enum level policy_level_of(const char *word)
{
	int level = 0;

	while (level < LEVELS && !str_equal(word, level_names[level]))
		level++;
	return (enum level)level;
}

const char *policy_action_name(enum action action)
{
	static const char *const names[] = {"off", "warn", "harden", "refuse"};

	return names[action];
}

int policy_profile_rank(const char *name)
{
	if (str_equal(name, "default"))
		return 0;
	if (str_equal(name, "strict"))
		return 1;
	return str_equal(name, "compat-x86") ? -1 : -2;
}

/* Static: what a policy points to lives as long as the program. */
static const char *containers_storage[] = {"/var/lib/containers/storage", "/run/containers/storage"};
static const char *containerd[] = {"/var/lib/containerd", "/run/containerd", "/var/lib/rancher/k3s/agent/containerd",
				   "/var/lib/rancher/rke2/agent/containerd", "/var/lib/k0s/containerd"};
static const char *docker[] = {"/var/lib/docker", "/run/docker"};
static const char *kubelet[] = {"/var/lib/kubelet", "/var/lib/k0s/kubelet"};
static const char *other[] = {"/var/lib/rancher/k3s",
			      "/var/lib/rancher/rke2",
			      "/run/k3s",
			      "/var/lib/k0s",
			      "/run/k0s",
			      "/var/lib/crio",
			      "/run/crio"};
#define LIST(items) ((struct string_list){.item = (items), .count = sizeof(items) / sizeof(items)[0], .present = true})

struct policy policy_default(void)
{
	return (struct policy){
		.rule_set = POLICY_RULE_SET,
		.level = LEVEL_BASELINE,
		.warn_level = LEVELS,
		.images = {.require = IMAGES_UNSAID},
		.config_bytes = POLICY_CONFIG_BYTES,
		.engines = {.containers_storage = LIST(containers_storage),
			    .containerd = LIST(containerd),
			    .docker = LIST(docker),
			    .kubelet = LIST(kubelet),
			    .other = LIST(other)},
	};
}

/* ---- one file ---- */

int policy_load_file(struct pool *pool, const char *path, bool own_class, enum policy_owner owner, int64_t today,
		     struct policy *ret_policy, struct err *e)
{
	struct policy policy = policy_default();
	char *bytes = NULL;
	size_t size = 0;

	*ret_policy = policy;
	policy.path = policy_absolute(pool, NULL, path);
	if (policy.path[0] != '/')
		return err_set(e, EINVAL, "policy: `%s`: the working directory has no path; name the whole path",
			       policy.path);
	policy.owner = owner;
	TRY(policy_open_bytes(pool, policy.path, owner, POLICY_MAX_SIZE, &bytes, &size, e));
	TRY(policy_read(pool, bytes, size, own_class, today, &policy, e));
	*ret_policy = policy;
	return 0;
}

/* ---- the class: the name that hrun is called by ---- */

bool policy_class_valid(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	size_t length = strlen(name);

	return length >= 1 && length <= 32 && name[0] != '-' && strspn(name, letters) == length;
}

/* "hrun-" alone, "hrun-." and "hrun-.." on the way: a NAME that somebody has put a path into. */
static bool is_broken_class(const char *component, size_t length)
{
	static const char prefix[] = "hrun-";
	size_t rest = length - (sizeof prefix - 1);

	return length >= sizeof prefix - 1 && str_starts(component, prefix) &&
	       (rest == 0 || (rest <= 2 && strspn(component + sizeof prefix - 1, ".") >= rest));
}

int policy_class_of(struct pool *pool, const char *program, const char **ret_class_name, struct err *e)
{
	const char *base = program ? program : "";

	*ret_class_name = NULL;
	for (const char *slash; (slash = strchr(base, '/')); base = slash + 1) {
		if (is_broken_class(base, (size_t)(slash - base)))
			return err_set(e, EINVAL, "policy: `%.64s` is no name of a class; call hrun as hrun-NAME",
				       program);
	}
	if (!str_starts(base, "hrun-"))
		return 0;
	const char *name = base + strlen("hrun-");
	if (!policy_class_valid(name))
		return err_set(
			e, EINVAL,
			"policy: `%.64s` is no name of a class: NAME of hrun-NAME is 1 to 32 small letters, digits "
			"and hyphens, and does not begin with a hyphen",
			base);
	*ret_class_name = pool_strdup(pool, name);
	return 0;
}

/* ---- which of them ---- */

struct policy_request policy_request_of_caller(const char *file, const char *class_name)
{
	return (struct policy_request){
		.file = file,
		.class_name = class_name,
		.is_root = policy_caller_is_root(),
		.today = utc_today(),
		.directory = POLICY_DIRECTORY,
	};
}

/* policy.json, where there is one. */
static int load_machine(struct pool *pool, const struct policy_request *request, struct policy *ret, struct err *e)
{
	const char *path = pool_printf(pool, "%s/policy.json", request->directory);
	int r = policy_load_file(pool, path, false, POLICY_OWNER_ROOT, request->today, ret, e);

	return r == -ENOENT ? 0 : r;
}

static int load_class(struct pool *pool, const struct policy_request *request, struct policy *ret, struct err *e)
{
	const char *path = pool_printf(pool, "%s/%s.json", request->directory, request->class_name);
	/* policy.json is the machine's, whatever hrun is called: no class of its own. */
	bool own = !str_equal(request->class_name, "policy");
	int r = policy_load_file(pool, path, own, POLICY_OWNER_ROOT, request->today, ret, e);

	if (r == -ENOENT)
		return err_set(e, ENOENT, "policy: hrun-%s needs `%s`, which is not there; write it or call hrun",
			       request->class_name, path);
	ret->class_name = request->class_name;
	return r;
}

/* Without --policy. */
static int load_system(struct pool *pool, const struct policy_request *request, struct policy *ret, struct err *e)
{
	struct policy of_class, machine;

	if (!request->class_name)
		return load_machine(pool, request, ret, e);
	TRY(load_class(pool, request, &of_class, e));
	*ret = of_class;
	if (request->is_root)
		return 0;
	TRY(load_machine(pool, request, &machine, e));
	*ret = policy_stricter(pool, &of_class, &machine);
	ret->engines = machine.engines;
	return 0;
}

static int load(struct pool *pool, const struct policy_request *request, struct policy *ret, struct err *e)
{
	struct policy system, own;

	if (!request->file)
		return load_system(pool, request, ret, e);
	if (request->any_readable || request->is_root)
		return policy_load_file(pool, request->file, false,
					request->any_readable ? POLICY_OWNER_ANY : POLICY_OWNER_ROOT, request->today,
					ret, e);
	TRY(load_system(pool, request, &system, e));
	TRY(policy_load_file(pool, request->file, false, POLICY_OWNER_OR_CALLER, request->today, &own, e));
	*ret = policy_stricter(pool, &system, &own);
	return 0;
}

int policy_load_for(struct pool *pool, const struct policy_request *request, struct policy *ret_policy, struct err *e)
{
	int r = load(pool, request, ret_policy, e);

	if (r < 0)
		*ret_policy = policy_default();
	return r;
}
