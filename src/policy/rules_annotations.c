/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_annotations.c - keys that change what other runtimes do, or that would choose the judge.
 *
 * Whoever names a pod may write annotations.  hrun obeys none of them; a key is found all the same, because who wrote
 * it wanted something, and because hooks and engines read them too.
 */
#include <hrun/judging.h>
#include <hrun/str.h>
#include <string.h>

static const char systemd_prefix[] = "org.systemd.property.";

/* The repair: the container, its hooks and whoever asks for its state do not see the key. */
static void drop_annotation(struct pool *pool, struct config *config, const char *key)
{
	struct string_map *map = &config->annotations;
	struct string_pair *kept = pool_alloc(pool, (map->count + 1) * sizeof *kept);
	size_t count = 0;

	for (size_t i = 0; i < map->count; i++) {
		if (!str_equal(map->item[i].key, key))
			kept[count++] = map->item[i];
	}
	map->item = kept;
	map->count = count;
}

/* ---- annotation-runtime-weaken ---- */

/* "userns-mode.crio.io", "seccomp-profile.crio.io/POD" */
static bool is_crio(const char *key)
{
	static const char suffix[] = ".crio.io", older[] = "seccomp-profile.kubernetes.cri-o.io";
	size_t length = strcspn(key, "/"), tail = sizeof suffix - 1;

	return (length > tail && strncmp(key + length - tail, suffix, tail) == 0) ||
	       (length == sizeof older - 1 && strncmp(key, older, length) == 0);
}

static bool weakens(const char *key)
{
	static const char *const keys[] = {
		"run.oci.keep_original_groups",
		"run.oci.seccomp.receiver",
		"run.oci.seccomp.plugins",
		"run.oci.seccomp_bpf_data",
		"run.oci.hooks.stdout",
		"run.oci.hooks.stderr",
		"run.oci.pidfd_receiver",
		"run.oci.handler",
		"run.oci.systemd.force_cgroup_v1",
		"run.oci.delegate-cgroup",
		"run.oci.mount_context_type",
		"io.kubernetes.cri-o.cgroup2-mount-hierarchy-rw",
		"io.kubernetes.cri-o.Devices",
		"io.kubernetes.cri-o.userns-mode",
		"io.kubernetes.cri-o.umask",
		"io.containers.trace-syscall",
	};

	return IS_ONE_OF(key, keys) || str_starts(key, "io.kubernetes.cri-o.seccomp") || is_crio(key);
}

void judge_annotation_runtime_weaken(struct finder *finder)
{
	const struct string_map *annotations = &finder->judged->config->annotations;

	for (size_t i = 0; i < annotations->count; i++) {
		const char *key = annotations->item[i].key;
		if (weakens(key) && !annotation_is_listed(&finder->judged->policy->allow.annotations, key))
			find_item(finder, i, key, at_key(finder, "annotations", key),
				  "%s weakens the container in another runtime; hrun does not obey it",
				  quote(finder, key));
	}
}

void harden_annotation_runtime_weaken(struct pool *pool, struct config *config, const struct finding *finding)
{
	drop_annotation(pool, config, finding->value);
}

/* The judged document must not choose its judge. */
void judge_annotation_policy_override(struct finder *finder)
{
	const struct string_map *annotations = &finder->judged->config->annotations;

	for (size_t i = 0; i < annotations->count; i++) {
		const char *key = annotations->item[i].key;
		if (str_starts(key, "io.hrun.") || str_starts(key, "org.hrun."))
			find_value(finder, key, at_key(finder, "annotations", key), "%s would choose its own policy",
				   quote(finder, key));
	}
}

/* ---- annotation-systemd-property ---- */

/* ASCII's, and those that UTF-8 writes as C2 80 to C2 9F. */
static bool has_controls(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0))
			return true;
	}
	return false;
}

/*
 * CRI-O asks for DefaultDependencies with every container.  Either way the unit depends on nothing but whether systemd stops it
 * before the machine is.
 */
static bool is_harmless_property(const struct judged *judged, const char *property)
{
	static const char *const harmless[] = {"TimeoutStopUSec", "KillSignal", "CollectMode", "Description",
					       "After",		  "Before",	"Wants",       "DefaultDependencies"};

	return IS_ONE_OF(property, harmless) || list_has(&judged->policy->allow.systemd_properties, property);
}

void judge_annotation_systemd_property(struct finder *finder)
{
	const struct string_map *annotations = &finder->judged->config->annotations;

	for (size_t i = 0; i < annotations->count; i++) {
		const struct string_pair *pair = &annotations->item[i];
		if (!str_starts(pair->key, systemd_prefix))
			continue;
		const char *property = pair->key + sizeof systemd_prefix - 1;
		const char *where = at_key(finder, "annotations", pair->key);
		if (!is_harmless_property(finder->judged, property))
			find_item(finder, i, pair->key, where, "%s changes what the service manager guards",
				  quote(finder, property));
		else if (has_controls(pair->value))
			find_item(finder, i, pair->key, where, "the value holds control characters");
	}
}

void harden_annotation_systemd_property(struct pool *pool, struct config *config, const struct finding *finding)
{
	drop_annotation(pool, config, finding->value);
}

/* ---- annotation-invalid ---- */

static const char *complaint_about(const struct string_pair *pair)
{
	enum { KEY_MAX = 317, VALUE_MAX = 256 * 1024 };

	if (!*pair->key)
		return "has an empty key";
	if (strlen(pair->key) > KEY_MAX)
		return "has a key of more than 317 bytes";
	if (strlen(pair->value) > VALUE_MAX)
		return "has a value of more than 256 KiB";
	if (has_controls(pair->key))
		return "has control characters in its key";
	return has_controls(pair->value) ? "has control characters in its value" : NULL;
}

void judge_annotation_invalid(struct finder *finder)
{
	const struct string_map *annotations = &finder->judged->config->annotations;

	for (size_t i = 0; i < annotations->count; i++) {
		const struct string_pair *pair = &annotations->item[i];
		const char *complaint = complaint_about(pair);
		if (complaint && !annotation_is_listed(&finder->judged->policy->allow.annotations, pair->key))
			find_value(finder, pair->key, at_key(finder, "annotations", pair->key), "%s %s",
				   quote(finder, pair->key), complaint);
	}
}
