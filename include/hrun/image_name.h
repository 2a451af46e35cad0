/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_name.h - names of images, REGISTRY/REPOSITORY[:TAG][@DIGEST], and which trust scope they are in.
 *
 * One image has one spelling: no default registry, no default tag, no capital letters in the host, digests sha256 only.
 * What another tool would complete is refused, so that a name never means two things.
 */
#ifndef HRUN_IMAGE_NAME_H
#define HRUN_IMAGE_NAME_H

#include <hrun/pool.h>
#include <stdbool.h>

struct image_name {
	const char *registry;	/* "registry.example.org:5000" */
	const char *repository; /* with the registry: "registry.example.org:5000/team/app" */
	const char *tag;	/* NULL: none */
	const char *digest;	/* "sha256:...", NULL: none */
};

/* NULL, or why TEXT is no name of an image, as the end of a sentence ("names no registry; ..."). */
const char *image_name_read(struct pool *pool, const char *text, struct image_name *ret_name);
/* The same of a repository alone, without tag and digest. */
const char *image_name_check_repository(struct pool *pool, const char *text);
/* A repository, a namespace above it, or a registry alone: what prefixes of remapIdentity are. */
const char *image_name_check_prefix(struct pool *pool, const char *text);
/* "*"; a registry or a namespace, a slash and "*"; or a repository. */
const char *image_name_check_scope(struct pool *pool, const char *text);

/*
 * Is the image REPOSITORY ("" where it has no name) in SCOPE?  0: it is not; otherwise the higher the more specific, and
 * for one repository no two different scopes have the same.
 */
size_t image_name_in_scope(const char *repository, const char *scope);

/* LAYOUT[:REF]: REF is what follows the last ':' behind the last '/'; NULL where there is none. */
void image_layout_name(struct pool *pool, const char *text, const char **ret_directory, const char **ret_ref);
/* Does the directory hold a regular file oci-layout? */
bool image_is_layout(int directory);

#endif
