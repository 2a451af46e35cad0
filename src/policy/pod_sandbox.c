/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pod_sandbox.c - the pause container of the kubelet.
 *
 * Its annotation is anybody's to set, so it is believed only where the policy file says so (criSandbox) and
 * the container can do nothing: the one program /pause, and nothing of the host but what the engine itself keeps.
 */
#include <hrun/action.h>
#include <hrun/judging.h>
#include <hrun/path.h>
#include <hrun/str.h>

static const char *annotation_of(const struct config *config, const char *key)
{
	for (size_t i = 0; i < config->annotations.count; i++) {
		if (str_equal(config->annotations.item[i].key, key))
			return config->annotations.item[i].value;
	}
	return NULL;
}

static bool is_below_engine(const struct policy *policy, const char *path)
{
	return path_is_covered(&policy->engines.containers_storage, path) ||
	       path_is_covered(&policy->engines.containerd, path) || path_is_covered(&policy->engines.docker, path) ||
	       path_is_covered(&policy->engines.kubelet, path) || path_is_covered(&policy->engines.other, path);
}

/* By the words of the config: where they lead is what the rules for mounts look at. */
bool mounts_are_engine_managed(const struct judged *judged)
{
	const struct config *config = judged->config;

	for (size_t i = 0; i < config->mount_count; i++) {
		const struct config_mount *mount = &config->mounts[i];
		if (!mount_is_bind(mount))
			continue;
		if (!mount->source || mount->source[0] != '/' || path_has_dotdot(mount->source) ||
		    !is_below_engine(judged->policy, path_clean(judged->pool, mount->source)))
			return false;
	}
	return true;
}

bool judged_is_pod_sandbox(const struct judged *judged)
{
	const struct config_process *process = judged->process;

	/* The cheap questions first: most policies do not ask for any of this. */
	if (!judged->policy->cri_sandbox || !process || process->args.count != 1 ||
	    !str_equal(process->args.item[0], "/pause"))
		return false;
	const char *type = annotation_of(judged->config, "io.kubernetes.cri.container-type");
	return type && str_equal(type, "sandbox") && mounts_are_engine_managed(judged);
}
