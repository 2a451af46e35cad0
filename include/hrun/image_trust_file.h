/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_trust_file.h - the two formats of `trustFrom`.  r->policy has the file's path and whose it must be.
 */
#ifndef HRUN_IMAGE_TRUST_FILE_H
#define HRUN_IMAGE_TRUST_FILE_H

#include <hrun/image_name.h>
#include <hrun/image_trust.h>
#include <hrun/policy_read.h>
#include <sys/types.h>

int image_trust_read_containers(struct policy_reader *r, const struct json *tree, const struct image_place *place,
				struct image_rules *ret_rules);
int image_trust_read_notation(struct policy_reader *r, const struct json *tree, const struct image_place *place,
			      struct image_rules *ret_rules);

/* One key of RULE: the name of a file, or its bytes in base64. */
int image_trust_read_key_file(struct policy_reader *r, const struct json *value, struct image_rule *rule);
int image_trust_read_key_text(struct policy_reader *r, const struct json *value, struct image_rule *rule);

/* Scopes of transport docker, and of oci and dir: NULL, or why TEXT is none. */
const char *image_trust_check_docker_scope(struct pool *pool, const char *scope);
const char *image_trust_check_path_scope(struct pool *pool, const char *scope);
/* 0: not in it; else the greater the closer, and all greater than `default`. */
enum { IMAGE_CLOSE_DEFAULT = 1 };
size_t image_trust_docker_closeness(struct pool *pool, const struct image_name *name, const char *scope);
size_t image_trust_oci_closeness(struct pool *pool, const struct image_place *place, const char *scope);

/* The directory of the file PATH, with its slash; NULL: the working directory. */
const char *image_trust_directory(struct pool *pool, const char *path);

#endif
