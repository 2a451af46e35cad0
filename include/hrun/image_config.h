/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_config.h - the config of an image (OCI image specification) to a container's config.json.
 *
 * The bytes are verified, and so they are the signer's and not a friend's: every value is checked as any other input.
 */
#ifndef HRUN_IMAGE_CONFIG_H
#define HRUN_IMAGE_CONFIG_H

#include <hrun/err.h>
#include <hrun/json.h>
#include <hrun/spec.h>

enum {
	IMAGE_CONFIG_SIZE_MAX = 4 << 20,  /* bytes of the document */
	IMAGE_CONFIG_STRINGS_MAX = 1024,  /* elements of a list */
	IMAGE_CONFIG_TEXT_MAX = 1 << 17,  /* bytes of one string: the kernel takes no longer argument */
	IMAGE_CONFIG_TEXTS_MAX = 1 << 20, /* bytes of all strings of a list */
	IMAGE_CONFIG_VOLUMES_MAX = 64,
};

/* What of it concerns the process.  Absent is NULL or empty. */
struct image_config {
	const char *os, *architecture, *variant;
	const char *user, *working_dir, *stop_signal;
	struct string_list entrypoint, cmd, env;
	struct string_list volumes; /* clean, sorted, none twice */
};
int image_config_read(struct pool *pool, const char *bytes, size_t size, struct image_config *ret_config,
		      struct err *e);

/* What the caller knows. */
struct image_container {
	int rootfs;		 /* the unpacked root: names of users are looked up in it; -1: there is none */
	const char *root_path;	 /* root.path of the document */
	struct string_list args; /* of the command line: they take the place of Cmd */
	bool rootless;
};

/*
 * The document of a container that runs the image: the template of `hrun spec` with the image's process.  RET_MISSING as
 * config_template_write has it.
 */
int image_config_document(struct pool *pool, const struct image_config *config, const struct image_container *container,
			  struct json_out *out, struct string_list *ret_missing, struct err *e);

struct image_user {
	uint32_t uid, gid;
	uint32_t *groups;
	size_t group_count;
};
/*
 * USER of an image config: "name", "uid", "name:group", "uid:gid" and so on.  Names are looked up in etc/passwd and
 * etc/group of ROOTFS; a number needs no entry there.
 */
int image_user_read(struct pool *pool, int rootfs, const char *user, struct image_user *ret_user, struct err *e);

#endif
