/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template.h - a config.json that passes the strictest level, around a process.
 */
#ifndef HRUN_TEMPLATE_H
#define HRUN_TEMPLATE_H

#include <hrun/json.h>
#include <hrun/spec.h>

enum { CONFIG_TEMPLATE_ID = 1000 }; /* an ordinary user, where nobody says another */
#define CONFIG_TEMPLATE_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* What differs from one to the other; every text is written as JSON, whatever it holds. */
struct config_template {
	bool rootless; /* an ordinary user has one id to give: it is root in there, and nobody special outside */
	const char *root_path, *cwd;
	struct string_list args, env;
	uint32_t uid, gid;
	const uint32_t *additional_gids;
	size_t additional_gid_count;
	struct string_list volumes; /* a tmpfs each, behind the other mounts */
	struct string_map annotations;
};

struct config_template config_template_default(struct pool *pool, bool rootless);

/* RET_MISSING: the controllers that this machine does not have, and whose limits are left out. */
void config_template_write(const struct config_template *template, struct json_out *out,
			   struct string_list *ret_missing);

#endif
