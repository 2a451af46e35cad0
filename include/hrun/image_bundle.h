/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_bundle.h - signed bundles: what stands beside the root, who signed it, and is the root still that?  docs/TREE-DIGEST.md.
 */
#ifndef HRUN_IMAGE_BUNDLE_H
#define HRUN_IMAGE_BUNDLE_H

#include <hrun/bundle.h>
#include <hrun/err.h>
#include <hrun/image.h>
#include <hrun/image_statement.h>
#include <hrun/policy.h>
#include <hrun/pool.h>
#include <hrun/sha256.h>
#include <hrun/sign_wire.h>
#include <stdbool.h>

/* ---- bundle_files.c: rootfs.tree and rootfs.KEY.sigstore.json in the bundle's directory ---- */
/* The first 16 digits of the key's id are in the name, so that each signer has a file. */
enum { BUNDLE_SIGNATURE_NAME_SIZE = 64 };
void bundle_signature_name(const char *key_id, char name[BUNDLE_SIGNATURE_NAME_SIZE]);
/* Is there a file of such a name?  Says nothing about what it is worth. */
bool bundle_has_signature(int dir);
/*
 * Owned descriptors of the files with signatures, by the order of their names, at most IMAGE_SIGNATURES_MAX (more is
 * -E2BIG); regular files, reached through no link.  Their number, or negative errno.
 */
int bundle_open_signatures(struct pool *pool, int dir, int ret_fds[IMAGE_SIGNATURES_MAX], struct err *e);
/* An owned descriptor of the list; -ENOENT where there is none. */
int bundle_open_list(int dir, struct err *e);
/* The root, a directory or a file, is below the bundle's directory and reached through no link: only then is it the bundle's. */
int bundle_check_root(const struct bundle *bundle, struct err *e);

/* ---- bundle_erofs.c: a root that is a file (bundle->root_is_file) ---- */
/* Is it on a file system of a local disk, which gives the same bytes each time?  0, or negative errno; -EMEDIUMTYPE where it is not. */
int bundle_erofs_check_disk(const struct bundle *bundle, struct err *e);
/* An owned descriptor of it for reading.  -EINVAL where it is no EROFS image, or not all of one. */
int bundle_erofs_open(const struct bundle *bundle, struct err *e);
/* Its fs-verity digest, where it has fs-verity with SHA-256, blocks of 4,096 bytes and no salt. */
bool bundle_erofs_measure(int fd, char hex[2 * SHA256_SIZE + 1]);
/* Its SHA-256: all of it is read. */
int bundle_erofs_hash(struct pool *pool, int fd, char hex[2 * SHA256_SIZE + 1], struct err *e);
/*
 * An owned, detached mount of it, read-only and nodev, with the LABEL of SELinux (NULL: as the file says).  The kernel then parses the
 * file: not before a signature was verified.
 */
int bundle_erofs_mount(const struct bundle *bundle, const char *label, struct err *e);

/* ---- bundle_verify.c ---- */
/* With BUNDLE_PROTECTED a root that is a file must be on a local disk as well. */
enum bundle_guard {
	BUNDLE_ANYWHERE,  /* who could change the tree is not asked */
	BUNDLE_PROTECTED, /* nobody but root (an ordinary user: and he himself) can change the tree or exchange it */
};
/*
 * Is BUNDLE what the keys of CALL signed?  CALL holds a request with its trusts and descriptors of their keys, in order, and
 * nothing else.  0 with the answer in *ret, whose verdict may be reject; its digests are those of the list, or of
 * the root's file, and config.json.  CALL's request says afterwards how the file was known: by verity_digest, or by its SHA-256.
 * Negative errno where it cannot be found out at all.
 */
int bundle_verify(struct pool *pool, struct image_call *call, const struct bundle *bundle, enum bundle_guard guard,
		  struct image_result *ret, struct err *e);

/* The digest of the list, which is then at its beginning again. */
int bundle_hash_list(struct pool *pool, int list, char hex[2 * SHA256_SIZE + 1], struct err *e);

/* ---- bundle_denied.c ---- */
/*
 * Of a bundle with a list or a signature that does not hold: why its tree is denied, by the digest of the list or of what is there; or
 * NULL.  What cannot be told is a reason as well; a bundle with neither is not looked at.
 */
const char *bundle_denied(struct pool *pool, const struct policy_images *images, const struct bundle *bundle);

/* ---- bundle_guard.c ---- */
/*
 * Every directory above the root and the root itself: root's, and nobody else may write there.  *ret_closed: one of them
 * lets nobody else pass.  For an ordinary user he himself is as good as root.  0, or negative errno with *e.
 */
int bundle_check_parents(struct pool *pool, const struct bundle *bundle, bool *ret_closed, struct err *e);

/* ---- sign.c ---- */
/* Ask hrun-sign.  FDS as sign_wire.h says.  0 with an answer that is sound, or negative errno. */
int bundle_sign(const struct sign_request *request, const int *fds, size_t fd_count, struct sign_answer *ret,
		struct err *e);

#endif
