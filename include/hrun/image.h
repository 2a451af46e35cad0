/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image.h - is this image layout what a trusted key signed?  Asked of hrun-image, which is not trusted with anything else.
 */
#ifndef HRUN_IMAGE_H
#define HRUN_IMAGE_H

#include <hrun/err.h>
#include <hrun/image_wire.h>
#include <hrun/json.h>
#include <hrun/policy_images.h>
#include <hrun/pool.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* One verification.  Descriptors are borrowed. */
struct image_call {
	struct image_request request; /* large: not for the stack */
	int fds[IMAGE_FDS_MAX];	      /* in the order of image_wire.h: [0] is the layout's directory */
	size_t fd_count;
	unsigned int seconds;	 /* until hrun-image is killed; 0: IMAGE_SECONDS */
	const char *program_dir; /* of libexec programs, for tests; NULL: where this hrun's are */
	/* Answers a question of hrun-image on SOCKET (image_give for layouts); NULL: image_give with fds[0].  Negative: no more. */
	int (*give)(void *context, int socket, const struct image_ask *ask);
	/* Each time hrun-image tells how far it is; may be NULL. */
	void (*progress)(void *context, const struct image_answer *answer);
	void *context;
	/* Whose allowDigests, denyDigests and notBefore hold (image_request_of says it); NULL: nobody's.  Borrowed. */
	const struct policy_images *admitted_by;
	bool denied_only; /* of these denyDigests alone: images.require is warn, and there has been a warning */
};
enum { IMAGE_SECONDS = 1800 };

struct image_result {
	struct image_answer answer; /* verdict, stage, reason, digests, signatures */
	const char *config; /* the verified config of an accepted image (or IMAGE_LAYERS_UNREAD); NULL otherwise */
	size_t config_size;
	uint64_t entries, bytes; /* of image_unpack: what was written; bytes are those of files */
	bool target_full;	 /* image_unpack: rejected because there was no room */
	bool denied;		 /* rejected by denyDigests, which hold where images.require is warn as well */
};

/* The layout's directory as a descriptor for a call: O_PATH, a directory, owned. */
int image_open_layout(const char *path, struct err *e);

/* This machine's platform, or TEXT as OS/ARCH or OS/ARCH/VARIANT. */
int image_platform(struct image_request *request, const char *text, struct err *e);
/* A request that requires signatures and trusts nobody yet, with these limits. */
void image_request_default(struct image_request *request);
/* The limits that every call has. */
void image_request_limit(struct image_request *request);

/*
 * Run hrun-image.  0 and an answer, also where the program crashed, ended early, said nonsense or took too long: that is
 * the verdict IMAGE_REJECT.  Negative errno where it cannot be started at all.
 */
int image_verify(struct pool *pool, const struct image_call *call, struct image_result *ret, struct err *e);

/*
 * The same while the files of the layers are written into the directory TARGET (empty; borrowed, not O_PATH) by hrun-tree, as
 * they come out of the stream that is hashed.  FLAGS are TREE_DEVICES, TREE_SQUASH and TREE_SHARED of tree_wire.h.  IMAGE_ACCEPT only where
 * both programs ended well: then TARGET holds the whole image.  After anything else it holds some of something that was
 * not verified, and nobody may use it.
 */
int image_unpack(struct pool *pool, const struct image_call *call, int target, uint32_t flags, struct image_result *ret,
		 struct err *e);

/* An answer becomes IMAGE_REJECT, at STAGE and for this reason; what it says of digests and signatures stays, the config goes. */
void image_reject(struct image_result *result, enum image_stage stage, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
const char *image_verdict_name(uint32_t verdict);
/* "" for none. */
const char *image_stage_name(uint32_t stage);
/* The answer as `hrun verify --format json` prints it, without a newline. */
void image_answer_write(struct json_out *out, const struct image_answer *answer);

/* ---- root.c ---- */
/*
 * A detached, empty tmpfs without devices, at most SIZE large ("512m", "50%" of the memory; NULL: IMAGE_ROOT_SIZE).  Both are owned:
 * *ret_mount is the mount, *ret_directory its directory for image_unpack.  An ordinary user's belongs to a user namespace of
 * its own, which maps the user alone: unpacked with TREE_SQUASH.  LABEL of SELinux is that of all that will be in it (NULL: as the
 * policy has it).
 */
#define IMAGE_ROOT_SIZE "50%"
int image_root_make(const char *size, const char *label, int *ret_mount, int *ret_directory, struct err *e);

/* ---- admit.c ---- */
/*
 * Of an answer that accepts: may this image start by call->admitted_by?  Where not it becomes IMAGE_REJECT at the stage policy.
 * image_verify asks it of every answer.
 */
void image_admit(struct pool *pool, const struct image_call *call, struct image_result *result);
/* The policy file whose denyDigests name DIGEST, or NULL. */
const char *image_denied_by(const struct policy_images *images, const char *digest);

/* ---- give.c ---- */
/* Answer one question of hrun-image about the layout. */
int image_give(int socket, int layout, const struct image_ask *ask);
/* Answer one with FD (borrowed), or the negative errno that it is. */
int image_give_fd(int socket, int fd);
/*
 * An owned descriptor for reading of PATH below DIR, a regular file (or a directory), reached through no link; or negative
 * errno.
 */
int image_open_file(int dir, const char *path, bool directory);

#endif
