/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli_image.h - signatures: of images, of bundles, and of the root that an engine has mounted.
 */
#ifndef HRUN_CLI_IMAGE_H
#define HRUN_CLI_IMAGE_H

#include <hrun/bundle.h>
#include <hrun/cli.h>
#include <hrun/container.h>
#include <hrun/image.h>
#include <hrun/image_root.h>
#include <hrun/policy.h>
#include <hrun/verdict.h>
#include <stddef.h>
#include <stdint.h>

/* ---- progress.c: how far hrun-image is, on a terminal ---- */
struct progress {
	int64_t began, last; /* CLOCK_MONOTONIC, milliseconds */
	size_t width;	     /* of the line that stands there; 0: none */
};
/* Around image_verify or image_unpack; CALL and PROGRESS must stay in between. */
void progress_begin(struct progress *progress, struct image_call *call);
void progress_end(struct progress *progress, struct image_call *call);

/* ---- verify.c ---- */
/* The VALUE (NULL: none) of --OPTION into a FIELD of the request. */
int image_word(char *field, size_t size, const char *option, const char *value, struct err *e);

/* ---- sign_key.c: what sign and keygen have in common ---- */
/* --passphrase-fd: a borrowed descriptor, or -1 where it was not given. */
int passphrase_descriptor(const struct options *options, int *ret_fd, struct err *e);
/* From now on nobody can look into this process, and it leaves no core: it will hold a key. */
int hide_process(struct err *e);

/* ---- sign_mounts.c ---- */
/* What create would make in the bundle's root for its mounts is made, and told. */
int sign_make_mount_points(struct pool *pool, const struct bundle *bundle, struct err *e);

/* ---- verify_policy.c ---- */
/*
 * Whom the policy trusts for the image, with the keys.  LAYOUT: its real path, NULL for a bundle.  1: no signature could satisfy
 * it, *e says why.
 */
int verify_policy(struct command *command, const char *layout, struct image_call *call, struct err *e);
/* No signature could satisfy the policy: the image need not be looked at. */
void verify_reject(struct image_answer *answer, const struct err *e);

/* ---- verify_bundle.c ---- */
/* The answer about the bundle in args[0], with request's name already in CALL. */
int verify_bundle(struct command *command, struct image_call *call, struct image_result *ret, struct err *e);

/* ---- signed_bundle.c ---- */
/*
 * Where the policy asks for signatures and the bundle has some: do they hold, and can nobody change what they are of?  One of
 * answer and refusal is set then.  A root that is a file is mounted where they hold (bundle->rootfs), or bundle->root_refusal says why not.
 */
struct signed_bundle {
	const struct image_answer *answer;
	const char *refusal;
	const char *denied; /* why it does not start whatever the signature says: denyDigests; or NULL */
};
int signed_bundle_look(struct command *command, const struct policy *policy, struct bundle *bundle,
		       struct signed_bundle *ret, struct err *e);

/* ---- root_image.c ---- */
/*
 * Is the bundle signed, or else its root an image that was?  A bundle with a signature has its answer, good or bad.  Both are
 * empty where the policy does not ask.  CACHE as image_root_asked has it.  -EPERM where denyDigests name it.
 */
int root_image_look(struct command *command, const struct policy *policy, struct bundle *bundle, const char *cache,
		    struct signed_bundle *ret_signature, struct image_root *ret_root, struct err *e);
/* The image that the container is: NULL where none is signed, or where the store has another one of the same layers that is not. */
const struct image_answer *root_image_answer(const struct signed_bundle *signature, const struct image_root *root);
/* What of the two the rules are to know. */
void root_image_judged(const struct signed_bundle *signature, const struct image_root *root, struct judged *judged);
/* The same of a container that is there, as create found it: a waiver for an image is one for exec and update, too. */
void root_image_recorded(const struct container_record *record, struct judged *judged);
/* What create has to say of it beside a refusal. */
void root_image_tell(const struct policy *policy, const struct image_root *root);

#endif
