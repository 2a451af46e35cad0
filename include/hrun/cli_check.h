/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli_check.h - a config judged for people, not for a container.
 */
#ifndef HRUN_CLI_CHECK_H
#define HRUN_CLI_CHECK_H

#include <hrun/bundle.h>
#include <hrun/cli_image.h>
#include <hrun/image_root.h>
#include <hrun/json.h>
#include <hrun/policy.h>
#include <hrun/verdict.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* ---- check.c: a judged config ---- */
struct report;
struct check {
	struct policy policy;
	const char *name; /* for people: the config's path, or "-" */
	struct bundle bundle;
	bool has_bundle;
	struct image_root root;
	const char *bytes;
	size_t size;
	const struct json *tree;
	struct config *config;
	struct string_list own_paths;
	struct signed_bundle is_signed;
	struct verdict verdict;
	struct json_error error;
	void (*print)(FILE *out, const struct report *report);
};
void check_judge(struct pool *pool, struct check *check);
int check_exit_status(const struct command *command, const struct verdict *verdict);
/* ---- check_fix.c: --fix ---- */
int check_fix(struct command *command, struct check *check, struct err *e);
/* ---- check_seccomp.c: the built-in profile for PROCESS as linux.seccomp ---- */
struct json *check_seccomp(struct pool *pool, const struct config_process *process);
/* ---- check_id.c: --id ---- */
int check_container(struct command *command, struct err *e);

#endif
