/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_paths.h - where container engines keep their state, and which files in there they hand to containers.
 */
#ifndef HRUN_ENGINE_PATHS_H
#define HRUN_ENGINE_PATHS_H

#include <hrun/policy.h>

/* The lists of `engines` in the policy file, in the order of struct policy. */
enum engine { ENGINE_CONTAINERS_STORAGE, ENGINE_CONTAINERD, ENGINE_DOCKER, ENGINE_KUBELET, ENGINE_OTHER, ENGINES };

/* The roots of ENGINE that the policy names, else the shipped ones.  POLICY NULL: the shipped ones. */
struct string_list engine_roots(const struct policy *policy, enum engine engine);

/* Directories of engines that the policy file cannot take out: sockets, credentials, state below /run. */
struct string_list engine_fixed_paths(void);

/* The roots that belong to an engine whatever the policy file says: below /run, and those of ordinary users ("*" and "{number}"). */
struct engine_root {
	enum engine engine;
	const char *root;
};
const struct engine_root *engine_fixed_roots(size_t *ret_count);

enum managed {
	MANAGED_NOT,
	MANAGED_FILE,	/* made by the engine for one container: its /etc/hosts, its /dev/shm */
	MANAGED_VOLUME, /* a volume: what is mounted there was somebody's choice */
	MANAGED_POD,	/* the same of the kubelet, which may have another name where it is staged */
};
/* What the real path PATH (clean) is to the engines with these roots, by its text only. */
enum managed engine_path_kind(const struct policy *policy, const char *path);
/* Is PATH where the kubelet stages a volume before it binds it into pods?  Not to be mounted itself. */
bool engine_path_is_staged(const struct policy *policy, const char *path);
bool engine_path_is_staged_below(enum engine engine, const char *root, const char *path);
/* The same as engine_path_kind below one ROOT, which may be another spelling of one of ENGINE's. */
enum managed engine_path_kind_below(enum engine engine, const char *root, const char *path);

/*
 * How PATH lies to PATTERN, component by component; "*" in a pattern is any one component.
 */
enum path_meets { PATHS_APART, PATH_ABOVE, PATH_WITHIN };
enum path_meets path_meets(const char *path, const char *pattern);

#endif
