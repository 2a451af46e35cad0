/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_statement.h - the words of the in-toto statement over a bundle: hrun-sign writes them, hrun-image reads them
 * (docs/TREE-DIGEST.md).
 */
#ifndef HRUN_IMAGE_STATEMENT_H
#define HRUN_IMAGE_STATEMENT_H

#define STATEMENT_PAYLOAD_TYPE "application/vnd.in-toto+json"
#define STATEMENT_TYPE "https://in-toto.io/Statement/v1"
/* A statement of this type signs a bundle and nothing else: one whose root is a directory, or one whose root is an EROFS file. */
#define STATEMENT_BUNDLE_PREDICATE "urn:hrun:bundle:1"
#define STATEMENT_EROFS_PREDICATE "urn:hrun:bundle:2"
/* Its two subjects, the root and config.json, each with a digest sha256. */
#define STATEMENT_TREE_NAME "rootfs.tree"
#define STATEMENT_EROFS_NAME "rootfs.erofs"
/* Of the file as well, where it is known: fs-verity's with SHA-256, blocks of 2^12 bytes and no salt, in composefs's words. */
#define STATEMENT_VERITY "fsverity-sha256-12"
#define STATEMENT_CONFIG_NAME "config.json"
#define STATEMENT_MEDIA_TYPE "application/vnd.dev.sigstore.bundle.v0.3+json"

#endif
